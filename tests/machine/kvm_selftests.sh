# SPDX-License-Identifier: MIT OR GPL-2.0-only
# KVM's own tests of Debian's linux-source-6.1 on /dev/swivl: tests/kvm-selftests/applicable.txt
# says which, and with which arguments.
# real-time: yes
# add: build/kvm-selftests/bin:/lab/kvm-selftests
# mem: 1024
# timeout: 600
. ./swivl.inc

# Why a failure, in /tmp/out, is the emulated AMD processor's; nothing if it is not.
emulators() {
	grep -q -w svm /proc/cpuinfo || return
	while read -r test word why; do
		[ "$test" = "$1" ] && grep -q -F "$word" /tmp/out && echo "$why"
	done </lab/kvm-selftests/emulator.list
}

# They map far more memory than they touch.
echo 1 >/proc/sys/vm/overcommit_memory
load
while read -r test args; do
	name=${test##*/}
	timeout -s KILL 1800 /lab/kvm-selftests/$name $args </dev/null >/tmp/out 2>&1
	status=$?
	case $status in
	0) echo "ok $name" ;;
	4) echo "skip $name - $(tail -n 1 /tmp/out | sed 's/.*SKIP.[[:space:]]*//')" ;;
	*)
		why=$(emulators "$test")
		if [ -n "$why" ]; then
			echo "skip $name - $why"
		else
			echo "not ok $name - status $status: $(grep -v '^ *[0-9]' /tmp/out | tail -n 2 | tr '\n' ' ')"
		fi
		;;
	esac
done </lab/kvm-selftests/${LIST:-run}.list
unload 0
