# SPDX-License-Identifier: MIT OR GPL-2.0-only
# What requests.sh expects is what KVM answers.
# module: kvm-intel kvm-amd
. ./swivl.inc

modprobe $kvm || exit 1
# KVM changes the scheduler's code when the first VM comes and when the last one goes. On several
# processors QEMU 7.2 may go on with what it translated in between: with an INT3 in __schedule()
# that memory no longer has. One processor takes it for ever, the other waits for the run queue. So
# one VM stays, and does nothing.
hold_vm /dev/kvm >/dev/null &
held=$!
sleep 1
kill -STOP $held
bad_input /dev/kvm
compat /dev/kvm
lifetime /dev/kvm
kill -KILL $held
wait $held || :
