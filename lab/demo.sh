# SPDX-License-Identifier: MIT OR GPL-2.0-only
# What `make run` does inside the emulated machine. $DEVICE: kvm for Linux' own hypervisor.
say() {
	printf '# %s\n' "$*"
	"$@"
}
device=$(cat /lab/device)
if [ "$device" = /dev/kvm ]; then
	say modprobe $(grep -q -w vmx /proc/cpuinfo && echo kvm-intel || echo kvm-amd) || exit 1
else
	say insmod /lab/swivl.ko || exit 1
fi
# The same parameters that make the machine itself start soon.
say swivl run --device "$device" --cpus "$(cat /lab/guest-cpus)" --mem 256 --stats \
	--kernel /boot/vmlinuz --initrd /boot/initrd --cmdline "$(cat /lab/guest-cmdline)"
