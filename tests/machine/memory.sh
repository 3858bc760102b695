# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Memory slots: dirty logs, read-only memory, changes under a running guest.
. ./swivl.inc
load
guest_memory /dev/swivl
unload $?
