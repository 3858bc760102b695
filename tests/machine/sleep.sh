# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The machine goes to sleep with guests running. Hibernation without a place to write to takes
# every step up to the finished image, and comes back.
# tests: sleep guests-go-on after
. ./swivl.inc

insmod /lab/swivl.ko
hold_vm /dev/swivl >>/tmp/held &
hold_vm /dev/swivl >>/tmp/held &
sleep 1
echo shutdown >/sys/power/disk
echo disk >/sys/power/state
says 'hibernation: Image created' true && says 'hibernation exit' true
verdict sleep $?
guests_run
verdict guests-go-on $? "$(cat /tmp/held)"
kill %1 %2
wait
lifetime /dev/swivl && [ "$(users)" = 0 ] && rmmod swivl
verdict after $?
