# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Many threads at one VM.
# tests: many-threads kicked-out after
. ./swivl.inc

insmod /lab/swivl.ko
race /dev/swivl 3
[ "$(users)" = 0 ] && rmmod swivl
verdict after $?
