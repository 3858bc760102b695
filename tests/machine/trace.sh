# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Records of all exits: tests/machine/guest_trace.c.
. ./swivl.inc
load
guest_trace /dev/swivl
unload $?
