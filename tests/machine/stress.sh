# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Guests with several processors and all that can disturb them; with two processors in the machine
# one of them goes and comes back meanwhile. One that counts instructions takes seven times as long.
# real-time: yes
# timeout: 400
. ./swivl.inc
load
cpu=/sys/devices/system/cpu/cpu1/online
[ -e $cpu ] && while sleep 0.3 && [ ! -e /tmp/enough ]; do
	echo 0 >$cpu
	sleep 0.2
	echo 1 >$cpu
done &
guest_stress /dev/swivl
status=$?
touch /tmp/enough
wait
unload $status
