# SPDX-License-Identifier: MIT OR GPL-2.0-only
# libswivl, in C and C++; on AMD's processors over KVM's device.
# module: kvm-amd
# tests: opening memory dirty-log kicks state interrupts counters
. ./swivl.inc
if grep -q -w svm /proc/cpuinfo; then
	modprobe kvm-amd
	SWIVL_DEVICE=/dev/kvm library
else
	insmod /lab/swivl.ko
	SWIVL_DEVICE=/dev/swivl library
	rmmod swivl || echo "not ok memory - the module is still in use: $(users)"
fi
