# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Hardware task switches of guests.
. ./swivl.inc
load
guest_tasks /dev/swivl
unload $?
