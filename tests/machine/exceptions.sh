# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Exceptions, their error codes, and triple faults.
. ./swivl.inc
load
guest_exceptions /dev/swivl
unload $?
