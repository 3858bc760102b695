# SPDX-License-Identifier: MIT OR GPL-2.0-only
# libswivl, in C and C++, over KVM's device.
# module: kvm-intel kvm-amd
# programs: hold_vm
# tests: opening memory dirty-log kicks state interrupts counters entry-failure
. ./swivl.inc
modprobe $kvm
kvm_keeps_a_vm
SWIVL_DEVICE=/dev/kvm library
end_kept_vm
