# SPDX-License-Identifier: MIT OR GPL-2.0-only
# What `make run` does inside the emulated machine. $DEVICE: kvm for Linux' own hypervisor.
say() {
	printf '# %s\n' "$*"
	"$@"
}
if grep -q -w svm /proc/cpuinfo; then
	kvm=kvm-amd
	emulator="QEMU, no accelerator"
else
	kvm=kvm-intel
	emulator=Bochs
fi
printf '# emulated by %s: %s, %s processor(s)\n' "$emulator" \
	"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" $(nproc)
device=$(cat /lab/device)
if [ "$device" = /dev/kvm ]; then
	say modprobe $kvm || exit 1
else
	# It says why not in the kernel's log.
	say insmod /lab/swivl.ko || {
		dmesg | sed -n 's/^.*\] \(swivl: .*\)/\1/p' | tail -n 1
		exit 1
	}
fi
run="swivl run --device $device --cpus $(cat /lab/guest-cpus) --mem 256 --stats \
--kernel /boot/vmlinuz --initrd /boot/initrd"
# The command line is long: it holds what makes the machine itself start soon.
printf '# %s --cmdline "$(cat /lab/guest-cmdline)"\n' "$run"
$run --cmdline "$(cat /lab/guest-cmdline)"
