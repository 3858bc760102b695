# SPDX-License-Identifier: MIT OR GPL-2.0-only
# What requests.sh expects is what KVM answers.
# module: kvm-intel kvm-amd
. ./swivl.inc

modprobe $kvm || exit 1
bad_input /dev/kvm
compat /dev/kvm
lifetime /dev/kvm
