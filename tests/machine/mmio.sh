# SPDX-License-Identifier: MIT OR GPL-2.0-only
# MMIO exits and the decoder.
. ./swivl.inc
load
guest_mmio /dev/swivl
unload $?
