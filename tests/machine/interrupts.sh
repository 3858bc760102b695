# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Interrupts and NMIs given by the caller.
. ./swivl.inc
load
guest_interrupts /dev/swivl
unload $?
