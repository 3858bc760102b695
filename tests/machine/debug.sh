# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Debug registers, breakpoints, single steps.
. ./swivl.inc
load
guest_debug /dev/swivl
unload $?
