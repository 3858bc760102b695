# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Debian's kernel as the guest, to its first process and off again; with as many processors as the
# machine has.
# tests: start processors hidden power_off
# mem: 768
# timeout: 600
# guest: yes
. ./swivl.inc
load
cpus=$(nproc)
[ "$cpus" -gt 2 ] && cpus=2
swivl run --cpus "$cpus" --mem 256 --stats --kernel /boot/vmlinuz --initrd /boot/initrd \
	--cmdline "quiet $(cat /lab/guest-cmdline)" </dev/null >/tmp/out 2>&1
status=$?
cat /tmp/out
check() {
	name=$1
	why=$2
	shift 2
	"$@" && echo "ok $name" || echo "not ok $name - $why"
}
check start "its first process said nothing" grep -q 'guest of a hypervisor: yes' /tmp/out
check processors "it does not count $cpus" grep -q "^count: *$cpus" /tmp/out
check hidden "it sees VT-x or AMD-V" grep -q 'no VT-x, no AMD-V' /tmp/out
check power_off "the exit status is $status" [ "$status" = 0 ]
unload 0
