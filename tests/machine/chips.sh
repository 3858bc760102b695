# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The interrupt chips in the kernel.
. ./swivl.inc
load
guest_chips /dev/swivl
unload $?
