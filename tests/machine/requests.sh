# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Requests that are wrong, and the lives of descriptors.
# module: brd
. ./swivl.inc

insmod /lab/swivl.ko
bad_input /dev/swivl
compat /dev/swivl
modprobe brd
lifetime /dev/swivl /dev/ram0
[ "$(users)" = 0 ]
verdict nothing-is-left $? "$(users) users"
rmmod swivl
