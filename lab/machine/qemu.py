# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""QEMU, always TCG: the AMD machine. Another accelerator would make results depend on the host."""

from . import cmdline

# The names that lab/matrix has for them.
CPUS = {
    "amd": "EPYC-v1,+svm,+npt",
    "amd_la57": "EPYC-v1,+svm,+npt,+la57",
    "amd_no_npt": "EPYC-v1,+svm,-npt",
    "amd_no_svm": "EPYC-v1,-svm",
}


def command(spec, kernel, initrd, work):
    line = ["reboot=t lpj=4000000"]
    console = f"file:{work}/console"
    if spec.interactive:
        console = spec.tty
    # Only what unpacks the kernel switches the fifth level of page tables on.
    image = kernel.vmlinuz if spec.cpu == "amd_la57" else kernel.vmlinux
    machine = ["-M", "microvm,acpi=off,pit=on,pic=on,rtc=on,isa-serial=on"]
    # Counted instructions are time as well. On a busy host Debian's kernel cannot calibrate the TSC
    # against microvm's PIT otherwise, and KVM then never enters a guest. With several CPUs counting
    # hangs; machine pc has the HPET to calibrate by.
    counted = spec.icount or spec.cpus == 1 and not spec.real_time
    if spec.cpus > 1 or not counted:
        machine = ["-M", "pc,usb=off", "-smp", str(spec.cpus)]     # microvm without ACPI has one CPU
    if counted:
        line.append("tsc_early_khz=1000000")
        machine += ["-icount", "shift=0,sleep=off", "-rtc", "base=2020-01-01,clock=vm",
                    "-seed", "1"]
    return ["/usr/bin/qemu-system-x86_64", *machine, "-accel", "tcg",
            "-cpu", CPUS.get(spec.cpu) or spec.cpu[4:],
            "-m", str(spec.mem), "-display", "none", "-monitor", "none", "-no-reboot", "-nodefaults",
            "-nic", "none", "-no-user-config", "-serial", console,
            "-chardev", "stdio,id=out,signal=off", "-device", "isa-debugcon,iobase=0xe9,chardev=out",
            "-kernel", image, "-initrd", initrd,
            "-append", cmdline.build(spec, *line)]
