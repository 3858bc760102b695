# SPDX-License-Identifier: MIT OR GPL-2.0-only
# States that no processor can be in, set by the caller.
. ./swivl.inc
load
guest_nonsense /dev/swivl
unload $?
