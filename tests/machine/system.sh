# SPDX-License-Identifier: MIT OR GPL-2.0-only
# CPUID, MSRs and other system matters.
. ./swivl.inc
load
guest_system /dev/swivl
unload $?
