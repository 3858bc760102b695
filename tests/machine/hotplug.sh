# SPDX-License-Identifier: MIT OR GPL-2.0-only
# CPUs go offline and come back, idle and with guests on them.
# tests: idle busy after
. ./swivl.inc

cpu=/sys/devices/system/cpu/cpu1
if [ ! -e $cpu/online ]; then
	for t in idle busy after; do
		echo "skip $t: one CPU"
	done
	exit 0
fi

insmod /lab/swivl.ko
n=0
while [ $n -lt 3 ] && echo 0 >$cpu/online && echo 1 >$cpu/online; do
	n=$((n + 1))
done
[ $n = 3 ]
verdict idle $?

# One guest was on the CPU that goes, the other may be anywhere.
hold_vm /dev/swivl 1 >>/tmp/held &
hold_vm /dev/swivl >>/tmp/held &
sleep 1
n=0
while [ $n -lt 5 ] && echo 0 >$cpu/online && sleep 0.1 && echo 1 >$cpu/online && sleep 0.1; do
	n=$((n + 1))
done
[ $n = 5 ] && guests_run
verdict busy $? "$n rounds; $(cat /tmp/held)"
kill %1 %2
wait

lifetime /dev/swivl && [ "$(users)" = 0 ] && rmmod swivl
verdict after $?
