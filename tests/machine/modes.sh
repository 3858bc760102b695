# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Every processor mode.
. ./swivl.inc
load
guest_modes /dev/swivl
unload $?
