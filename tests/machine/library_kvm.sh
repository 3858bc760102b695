# SPDX-License-Identifier: MIT OR GPL-2.0-only
# libswivl, in C and C++, over KVM's device.
# module: kvm-intel kvm-amd
# tests: opening memory dirty-log kicks state interrupts counters entry-failure
. ./swivl.inc
modprobe $kvm
SWIVL_DEVICE=/dev/kvm library
