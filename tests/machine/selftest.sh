# SPDX-License-Identifier: MIT OR GPL-2.0-only
# swivl selftest: the road to the first exit on every CPU, and when it cannot be walked.
# tests: road every_cpu wrong_roads json busy still_runs
. ./swivl.inc
load
swivl selftest >/tmp/out 2>&1
verdict road $? "$(grep WRONG /tmp/out | head -n 3; tail -n 1 /tmp/out)"
exits=2
[ $kvm = kvm_intel ] && exits=3
[ "$(grep -c -E '^  ok .*exit (reason 18: VMCALL|code 0x81: VMMCALL)' /tmp/out)" = $((exits * $(nproc))) ]
verdict every_cpu $? "$(grep -c VMCALL /tmp/out) exits by VMCALL on $(nproc) CPUs"
if grep -q -w svm /proc/cpuinfo; then
	for step in CPUID.80000001h:ECX.SVM CPUID.8000000Ah:EDX.NP 'CPUID.8000000Ah:EBX' VM_CR.SVMDIS \
		'EFER.SVME set' 'VM_HSAVE_PA reads back' 'CLGI, then STGI' 'EFER is as it was'; do
		grep -q "^  ok .*$step" /tmp/out || echo "not ok road - no step $step"
	done
	grep -q "must fail: CLGI with EFER.SVME clear: #UD" /tmp/out &&
		grep -q "must fail: VMRUN with EFER.SVME clear: #UD" /tmp/out &&
		grep -q "must fail: VMRUN of a VMCB that is not page-aligned: #GP" /tmp/out &&
		grep -q "must fail: VMRUN with ASID 0.*: invalid guest state; rule 721, svm.asid" /tmp/out &&
		grep -q "must fail: VMRUN without the intercept of VMRUN: .*; rule 715, svm.intercept" /tmp/out &&
		grep -q "must fail: VMRUN with EFER.SVME of .*; rule 701, svm.efer.svme" /tmp/out
else
	grep -q 'must fail: VMXON twice: VMfailValid, error 15: VMXON executed in VMX root' /tmp/out &&
		grep -q 'must fail: VMLAUNCH of a VMCS that is not clear: VMfailValid, error 4' /tmp/out &&
		grep -q 'must fail: VMRESUME of a VMCS that was not launched: VMfailValid, error 5' /tmp/out &&
		grep -q 'must fail: VMPTRLD of the VMXON region: VMfailValid, error 10' /tmp/out &&
		grep -q 'must fail: VMXON with a wrong revision: VMfailInvalid' /tmp/out &&
		grep -q 'must fail: .*: VMfailValid, error 7; rule 205, control.cr3-targets' /tmp/out &&
		grep -q 'must fail: .*: VMfailValid, error 8; rule 321, host.selector' /tmp/out &&
		grep -q 'must fail: .*: exit reason 0x80000021; rule 513, guest.rflags-reserved' /tmp/out
fi
verdict wrong_roads $?

swivl selftest --json >/tmp/out
[ $? = 0 ] && [ "$(grep -c '"cpu": ' /tmp/out)" = $(nproc) ] && grep -q '"wrong": 0' /tmp/out &&
	grep -q '{ "ok": true, "must_fail": true, "name": "[^"]*", "answer": "[^"]*", "error": [04] }' /tmp/out
verdict json $?

hold_vm /dev/swivl >/tmp/held &
sleep 1
swivl selftest >/tmp/out 2>&1
[ $? = 4 ] && grep -q 'virtual machines exist' /tmp/out
verdict busy $? "$(tail -n 1 /tmp/out)"
kill %1
wait

lifetime /dev/swivl >/dev/null
verdict still_runs $?
unload 0
