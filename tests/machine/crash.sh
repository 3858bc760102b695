# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The kernel crashes with guests running, and the system kept for that takes over. It ends this
# machine.
# tests: reached off
# append: crashkernel=64M
# alone: yes

insmod /lab/swivl.ko
hold_vm /dev/swivl &
hold_vm /dev/swivl &
sleep 1
restart crash
