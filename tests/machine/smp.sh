# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Debian's kernel on several virtual processors, more of them than there are real ones. A clock that
# counts instructions goes slowly when they wait for each other.
# real-time: yes
# add: tests/machine/smp-init:/tmp/smp/smp-init
# mem: 768
# timeout: 600
# guest: vmlinuz
. ./swivl.inc
load
cp /boot/initrd /tmp/initrd
(cd /tmp/smp && echo smp-init | cpio -o -H newc) >>/tmp/initrd

# guest NAME CPUS END
guest() {
	swivl run --stats --cpus $2 --mem 256 --kernel /boot/vmlinuz --initrd /tmp/initrd \
		--cmdline "quiet $(guest_cmdline) rdinit=/smp-init smp=$2 end=$3" \
		</dev/null >/tmp/out 2>&1
	status=$?
	cat /tmp/out
	expect=$(printf '%s\n' "count $2" "clock tsc" "backwards 0" "piped 3000 " "moved 20" \
		"replugged 2" "stacks $2" "trouble 0" "swivl: the guest $4")
	[ $status = 0 ] && echo "$expect" | while read -r line; do
		grep -q "^$line" /tmp/out || { echo "missing: $line"; exit 1; }
	done
	verdict "$1" $? "exit status $status"
}

# One of them ends by a reset, and with four there are always more than real ones.
echo "plan two four"
if [ "$(nproc)" = 1 ]; then
	guest two 2 reboot 'reset the machine'
	guest four 4 poweroff 'powered off'
else
	guest two 2 poweroff 'powered off'
	guest four 4 reboot 'reset the machine'
fi
unload 0
