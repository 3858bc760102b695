# SPDX-License-Identifier: MIT OR GPL-2.0-only
# States that no processor can be in, set by the caller. A guest that raises one exception after the
# other and ends no instruction stops a clock that counts them, and with it what would interrupt it.
# real-time: yes
. ./swivl.inc
load
guest_nonsense /dev/swivl
unload $?
