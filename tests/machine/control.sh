# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Control registers and what they forbid.
. ./swivl.inc
load
guest_control /dev/swivl
unload $?
