# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Guests while the host's interrupts and NMIs come without end: all are taken by the host, each once.
# add: build/lab/storm/storm.ko
# timeout: 400
. ./swivl.inc
load
insmod /lab/storm.ko || exit 1
guest_storm /dev/swivl
status=$?
# The others' tests of everything that enters, leaves and is delivered, on the processor that is struck;
# where there is another one to strike it while it is in the guest.
if [ "$(cat /lab/cpus)" != 1 ]; then
	taskset 1 guest_interrupts /dev/swivl || status=1
	taskset 1 guest_exceptions /dev/swivl || status=1
fi
rmmod storm
dmesg | grep 'storm: '
# QEMU 7.2 changes what is pending for a processor without a lock at its VM exits, so that what another
# one sends just then is lost, once in many thousands. Bochs has one thread.
lost=0
[ $kvm = kvm_intel ] || [ "$(cat /lab/cpus)" = 1 ] || lost='[0-3]'
dmesg | grep -q "storm: .* $lost lost, 0 on another CPU"
verdict the-host-got-them-all $? "$(dmesg | grep 'storm: ')"
dmesg | grep -q -E 'Uhhuh|Dazed'
[ $? -eq 1 ]
verdict none-was-of-unknown-origin $?
unload $status
