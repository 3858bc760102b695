# SPDX-License-Identifier: MIT OR GPL-2.0-only
# What requests.sh expects is what KVM answers.
# module: kvm-amd

modprobe kvm-amd
bad_input /dev/kvm
compat /dev/kvm
lifetime /dev/kvm
