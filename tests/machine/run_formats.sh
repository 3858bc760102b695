# SPDX-License-Identifier: MIT OR GPL-2.0-only
# swivl run: each format that needs no kernel, each way to end, bad input. On AMD's processors with
# KVM's device, which takes the same road but for the module. (With one processor there: KVM patches
# its code for a VM without interrupt chips, and two processors of QEMU 7.2 can hang over that.)
# module: kvm-amd
# add: build/guests/flat_hello build/guests/flat_halt build/guests/flat_triple build/guests/flat_spin
# add: build/guests/flat_echo build/guests/flat_status build/guests/mb_hello build/guests/elf_hello
# add: build/guests/elf_badmmio build/guests/flat_spam
# tests: flat multiboot elf halt halt-without-chips triple-fault unknown-mmio
# tests: status-0 status-65 status-255 two-processors
# tests: trace trace-each trace-json trace-no-file stats interrupts-and-input hang-up terminate
# tests: no-such-file no-kernel fifo too-large no-device wrong-usage wrong-option help
# tests: unread-output full-output terminal c-example c++-example
# timeout: 200
. ./swivl.inc
cd /lab
if grep -q -w svm /proc/cpuinfo; then
	modprobe kvm-amd
	export SWIVL_DEVICE=/dev/kvm
else
	insmod /lab/swivl.ko
	export SWIVL_DEVICE=/dev/swivl
fi

# runs NAME STATUS PATTERN ARGUMENT...: does swivl run end so, and print that? - is no pattern
runs() {
	name=$1
	status=$2
	pattern=$3
	shift 3
	timeout -s KILL 40 swivl run "$@" </dev/null >/tmp/out 2>&1
	got=$?
	if [ $got -ne $status ]; then
		echo "not ok $name - status $got, not $status: $(head -n 20 /tmp/out)"
	elif [ "$pattern" != - ] && ! grep -q -E -- "$pattern" /tmp/out; then
		echo "not ok $name - no \"$pattern\" in: $(head -n 20 /tmp/out)"
	else
		echo "ok $name"
	fi
}

runs flat 85 '^Hello from real mode' --flat flat_hello
runs multiboot 1 '^Hello from protected mode: one two' mb_hello --cmdline 'one two'
runs elf 1 '^Hello from long mode: three' --kernel elf_hello -a three --mem 5000
runs halt 0 - --flat flat_halt
runs halt-without-chips 0 - --flat --no-irqchip flat_halt
runs triple-fault 6 'triple fault' --flat flat_triple
runs unknown-mmio 6 'code at rip: df 20' elf_badmmio
runs two-processors 85 'Hello' --cpus 2 --flat flat_hello
runs trace 85 "out 1 byte port 0x3f8 \(serial port\) = 0x48 'H'" --trace --flat flat_hello
runs trace-no-file 4 '/none/file: No such file' --trace=/none/file --flat flat_hello
swivl run --trace=/tmp/trace --stats --kernel elf_hello </dev/null >/tmp/out 2>&1
if [ $SWIVL_DEVICE = /dev/swivl ]; then
	[ "$(wc -l </tmp/trace)" = "$(sed -n 's/^ *\([0-9]*\)  exits$/\1/p' /tmp/out)" ] &&
		grep -q '^\[cpu0 .*\] EPT violation: execute at 0x200000' /tmp/trace &&
		grep -q 'I/O instruction: out 1 byte .* -> KVM_EXIT_IO  | ee$' /tmp/trace
else
	[ "$(grep -c 'only of exits to user space' /tmp/out)" = 1 ] &&
		[ "$(grep -c '] KVM_EXIT_IO: out 1 byte' /tmp/trace)" = "$(wc -l </tmp/trace)" ]
fi
verdict trace-each $? "$(cat /tmp/trace /tmp/out)"
swivl run --trace=/tmp/trace --json --kernel elf_hello </dev/null >/tmp/out 2>&1
[ -s /tmp/trace ] && ! grep -v '^{"cpu":0,"time":[0-9.]*,"rip":"0x[0-9a-f]*","name":".*"}$' /tmp/trace
verdict trace-json $?
runs stats 85 '21  out 0x3f8  serial port' --stats --flat flat_hello

# ends NAME STATUS INPUT ARGUMENT...: the same, with input typed at once
ends() {
	name=$1
	status=$2
	input=$3
	shift 3
	printf "$input" | timeout -s KILL 40 swivl run "$@" >/tmp/out 2>&1
	got=$?
	[ $got -eq $status ]
	verdict "$name" $? "status $got, not $status: $(head -n 20 /tmp/out)"
}
ends status-0 1 '\000' --flat flat_status
ends status-65 131 'A' --flat flat_status
ends status-255 255 '\377' --flat flat_status

# Waits for the guest's word, as a person does: what comes before the port is set up is lost.
saw() {
	i=0
	until grep -q -- "$1" /tmp/out || [ $i -gt 200 ]; do
		sleep 0.1
		i=$((i + 1))
	done
}
line='a line that is longer than a FIFO holds; and then one more'
: >/tmp/out
{
	saw '>'
	printf %sq "$line"
} | timeout -s KILL 40 swivl run --flat flat_echo >/tmp/out 2>&1
[ $? -eq 15 ] && grep -q ">$line" /tmp/out
verdict interrupts-and-input $? "$(cat /tmp/out)"

# stopped NAME SIGNAL STATUS
stopped() {
	: >/tmp/out
	timeout -s KILL 40 swivl run --flat flat_spin </dev/null >/tmp/out 2>&1 &
	saw s
	kill -$2 $(pidof swivl)
	wait $!
	got=$?
	[ $got -eq $3 ]
	verdict "$1" $? "status $got, not $3: $(cat /tmp/out)"
}
stopped hang-up HUP 129
stopped terminate TERM 143

echo 'not a kernel' >/tmp/text
runs no-such-file 4 '/tmp/nothing: No such file' /tmp/nothing
runs no-kernel 4 '/tmp/text: no kernel that swivl knows' /tmp/text
mkfifo /tmp/fifo
runs fifo 4 '/tmp/fifo: not a regular file' /tmp/fifo
head -c 1048576 /dev/zero >/tmp/large
runs too-large 4 '/tmp/large: 1048576 bytes at 0x10000 do not fit' --flat /tmp/large
runs no-device 4 'no hypervisor here: /dev/none' --device /dev/none --flat flat_hello
runs wrong-usage 2 'expected a size' --mem lots mb_hello
runs wrong-option 2 '^swivl run: ' --nothing mb_hello
swivl help selftest | grep -q '^usage: swivl selftest'
verdict help $?

# Nobody reads what the guest says: a signal ends it all the same.
mkfifo /tmp/unread
sleep 60 </tmp/unread &
timeout -s KILL 40 swivl run --flat flat_spam </dev/null >/tmp/unread 2>/tmp/out &
sleep 2
kill -INT $(pidof swivl)
wait $!
got=$?
kill %1
[ $got -eq 130 ]
verdict unread-output $? "status $got, not 130: $(cat /tmp/out)"
swivl run --flat flat_hello </dev/null >/dev/full 2>/tmp/out
[ $? -eq 4 ] && grep -q 'No space left' /tmp/out
verdict full-output $? "$(cat /tmp/out)"

terminal /lab/flat_spin
[ "$(example_c)" = 5 ]
verdict c-example $?
[ "$(example_cpp)" = 5 ]
verdict c++-example $?
[ $SWIVL_DEVICE = /dev/kvm ] || rmmod swivl
