# SPDX-License-Identifier: MIT OR GPL-2.0-only
# KVM beside swivl: whoever came first has the processor, the other is told so.
# module: kvm-intel kvm-amd
# tests: idle-kvm kvm-refused kvm-after held after kvm-comes-and-goes name-taken
. ./swivl.inc

modprobe $kvm

# KVM without a VM does not hold the processor's extension.
insmod /lab/swivl.ko && lifetime /dev/swivl >/tmp/out
verdict idle-kvm $? "$(cat /tmp/out)"
vm_churn /dev/kvm 1 | grep -q 'KVM_CREATE_VM: Device or resource busy'
verdict kvm-refused $?
rmmod swivl
hold_vm /dev/kvm &
sleep 1
kill -0 %1
verdict kvm-after $?

refused held '\((vmx|svm)-held'
kill %1
wait %1
insmod /lab/swivl.ko
verdict after $?
rmmod $kvm && modprobe $kvm && rmmod $kvm && rmmod swivl && modprobe $kvm
verdict kvm-comes-and-goes $?

! insmod /lab/swivl.ko device=kvm && says "/dev/kvm is KVM's" true && ! loaded
verdict name-taken $?
