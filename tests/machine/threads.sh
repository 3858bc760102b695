# SPDX-License-Identifier: MIT OR GPL-2.0-only
# vCPUs in threads, signals, the ends of processes.
. ./swivl.inc
load
guest_threads /dev/swivl
unload $?
