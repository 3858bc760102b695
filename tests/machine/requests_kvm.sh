# SPDX-License-Identifier: MIT OR GPL-2.0-only
# What requests.sh expects is what KVM answers.
# module: kvm-intel kvm-amd
# programs: hold_vm
. ./swivl.inc

modprobe $kvm || exit 1
kvm_keeps_a_vm
bad_input /dev/kvm
compat /dev/kvm
lifetime /dev/kvm
end_kept_vm
