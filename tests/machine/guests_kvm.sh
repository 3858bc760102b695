# SPDX-License-Identifier: MIT OR GPL-2.0-only
# What the guest tests expect is what KVM does.
# module: kvm-intel kvm-amd
# timeout: 500
. ./swivl.inc
modprobe $kvm || exit 1
# Names in full: only programs that a script names are in the machine.
guest_modes /dev/kvm
guest_io /dev/kvm
guest_mmio /dev/kvm
guest_system /dev/kvm
guest_control /dev/kvm
guest_exceptions /dev/kvm
guest_debug /dev/kvm
guest_fpu /dev/kvm
guest_interrupts /dev/kvm
guest_memory /dev/kvm
guest_threads /dev/kvm
guest_chips /dev/kvm
guest_time /dev/kvm
