# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Entries that the processor really refuses: swivl run, the kernel log and swivl explain name the rule.
# add: build/guests/elf_hello
# tests: names-the-rule names-several log-names-the-rule explain explain-as-expected no-secrets log-limit json
# tests: wrong-register cannot-save goes-on
. ./swivl.inc
load
cd /tmp || exit

# refused FILE ARGUMENT...: swivl run with them; what it says is in /tmp/FILE.
refused() {
	file=$1
	shift
	swivl run "$@" /lab/elf_hello </dev/null >/tmp/$file 2>&1
}

# A local descriptor table of a type that is none (SDM vol. 3, 27.3.1.2); code that is 64-bit and 32-bit
# at once (APM vol. 2, 15.5.1).
if [ $kvm = kvm_intel ]; then
	one='--set ldt.unusable=0 --set ldt.present=1 --set ldt.type=3 --set ldt.limit=15'
	two="$one --set fs.base=0x800000000000"
	answer='exit reason 0x80000021'
	rule='rule 463, guest.ldtr-type'
	value='guest LDTR access rights = 0x83 \(.*type 3.*\)'
	remedy='guest LDTR access rights = 0x82 \(.*type 2.*\)'
	dump=VMCS
	secrets='^vmcs (6c02|6c0[6-9a-e]|6c1[0-6]|200[0-9a-e]|201[2-6a]) '
else
	one='--set cs.db=1'
	two="$one --set rax=0"
	answer=VMEXIT_INVALID
	rule='rule 714, svm.long.cs'
	value='CS attributes = 0xe9b \(.*L, D/B.*\)'
	remedy='CS attributes = 0x(a|c)9b \(.*\)'
	dump=VMCB
	secrets='^vmcb (40|48|b0|e0|f0|f8|108) '
fi

refused said $one --dump-failure /tmp/state
status=$?
[ $status = 6 ] && grep -q "^  the processor refused to enter: $answer; 1 rule of the manual is broken" said &&
	grep -q -E "^  has to be so: .* \((SDM vol. 3, 27.3.1.2|APM vol. 2, 15.5.1); $rule\)\$" said &&
	grep -q -E "^    $value\$" said && grep -q -E "(would satisfy it|or): $remedy\$" said
verdict names-the-rule $? "$status: $(tr "\n" " " <said)"
dmesg >log
grep -q "swivl: entry failed: .*: $answer; 1 rule" log && grep -q "swivl:   has to be so: .* $rule)" log &&
	grep -q -E "swivl:     $value\$" log && grep -q -E "swivl:     (would satisfy it|or): $remedy\$" log
verdict log-names-the-rule $? "$(grep swivl log | tr "\n" " ")"

swivl explain state >explained
status=$?
[ $status = 6 ] && grep -q "^$dump written by swivl.* breaks 1 rule" explained && grep -q "$rule;" explained
verdict explain $? "$status: $(cat explained state | tr "\n" " ")"
! grep -q -E 'beware|not what these rules give' explained
verdict explain-as-expected $? "$(tr "\n" " " <explained)"
# Where the host's memory is: addresses of its own, and such as the kernel has.
[ "$(grep -c "^$(echo $dump | tr A-Z a-z) " state)" -gt 90 ] && ! grep -E "$secrets" state &&
	! grep -v TSC state | grep -E '= 0xffff([89a-e]|f[0-9a-e]|ff[0-9a-e]|fff[0-9a-e]|ffff[0-9a-c])'
verdict no-secrets $? "$(tr "\n" " " <state)"

refused said $two
grep -q "$rule" said && { [ $kvm = kvm_amd ] || grep -q '; 2 rules of the manual are broken' said; }
verdict names-several $? "$(tr "\n" " " <said)"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	refused said $one
done
[ "$(dmesg | grep -c 'swivl: entry failed')" -le 4 ]
verdict log-limit $? "$(dmesg | grep swivl | tr "\n" " ")"

refused said $one --json --trace=/tmp/trace
tail -n 1 trace | grep -q -E "^\{\"cpu\":0,\"entry_failed\":\[\"the processor refused to enter: $answer; .*\"\]\}\$"
verdict json $? "$(tr "\n" " " <trace)"
swivl run --set cs.colour=1 /lab/elf_hello 2>said
[ $? = 2 ] && swivl run --set rax=x /lab/elf_hello 2>>said
[ $? = 2 ] && grep -q 'cs.colour=1' said && grep -q 'rax=x' said
verdict wrong-register $? "$(tr "\n" " " <said)"
refused said $one --dump-failure /none/state
grep -q '/none/state: No such file' said
verdict cannot-save $? "$(tr "\n" " " <said)"
swivl run --set rax=1 /lab/elf_hello </dev/null >said 2>&1
[ $? = 1 ] && grep -q 'Hello from long mode' said
verdict goes-on $? "$(tr "\n" " " <said)"
unload 0
