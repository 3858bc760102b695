# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Another system takes over with guests running. It ends this machine.
# tests: reached off others
# alone: yes

insmod /lab/swivl.ko
hold_vm /dev/swivl &
hold_vm /dev/swivl &
sleep 1
restart now
