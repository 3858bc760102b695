# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The guest's time stamp counter.
. ./swivl.inc
load
guest_time /dev/swivl
unload $?
