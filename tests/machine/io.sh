# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Port I/O exits.
. ./swivl.inc
load
guest_io /dev/swivl
unload $?
