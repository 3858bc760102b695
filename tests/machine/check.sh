# SPDX-License-Identifier: MIT OR GPL-2.0-only
# swivl check where swivl can run: what is still to do, and the exit status.
# module: msr kvm-intel kvm-amd
# tests: before before-json with-msrs loaded permission kvm kvm-holds kvm-goes
. ./check.inc

checks before 1 '^module-not-loaded: '
checks before-json 1 '"verdict": "able"' --json
modprobe msr
checks with-msrs 1 '^module-not-loaded: '
grep -q -E 'no-|Not everything' /tmp/out && echo "not ok with-msrs - $(cat /tmp/out)"
insmod /lab/swivl.ko
checks loaded 0 'swivl run uses /dev/swivl'
chmod 0660 /dev/swivl
printf 'root:x:0:0::/:/bin/sh\nsomebody:x:1000:1000::/:/bin/sh\n' >/etc/passwd
printf 'root:x:0:\nkvm:x:103:\n' >/etc/group
chown 0:103 /dev/swivl
su somebody -c 'swivl check' >/tmp/out 2>&1
[ $? -eq 1 ] && grep -q 'You may not open /dev/swivl; it belongs to the group kvm' /tmp/out
verdict permission $? "$(cat /tmp/out)"
rmmod swivl
modprobe $kvm
checks kvm 0 'on /dev/kvm'
! grep -q -e -held: /tmp/out || echo "not ok kvm - nothing is held without a VM: $(cat /tmp/out)"
hold_vm /dev/kvm >/dev/null &
sleep 1
checks kvm-holds 0 '^(vmx|svm)-held: '
kill %1
wait %1
rmmod $kvm && rmmod kvm
verdict kvm-goes $? "other tests want /dev/kvm for themselves"
