# SPDX-License-Identifier: MIT OR GPL-2.0-only
# x87, SSE and AVX state of host and guests.
. ./swivl.inc
load
guest_fpu /dev/swivl
unload $?
