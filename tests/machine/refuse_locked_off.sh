# SPDX-License-Identifier: MIT OR GPL-2.0-only
# A firmware that has switched VMX off and locked that: the module, and swivl check with and without
# the MSRs.
# vmx-off: yes
# alone: yes
# module: msr
# tests: refused plain json with-msrs
. ./check.inc

refused refused '\(vmx-locked-off, CPU [01], IA32_FEATURE_CONTROL: wanted 0x5, found 0x1\)'
checks plain 4 '^vmx-locked-off: '
checks json 4 '"name": "vmx-locked-off"' --json
modprobe msr
checks with-msrs 4 'IA32_FEATURE_CONTROL is 0x1, wanted 0x5'
