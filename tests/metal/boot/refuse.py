#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Machines beneath whose system the hypervisor cannot be: it says why, on the serial port and on the
screen, and the disk's own boot record finds what it finds without. `refuse.py NAME...`: only these."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "tests/metal/boot")

import boot  # noqa: E402
import machines  # noqa: E402
from boot import handover, machine, main, refused, same_handover, test  # noqa: E402

machines.SWIVL = os.path.join(machines.BUILD, "cli/swivl")     # the hypervisor itself
boot.TESTS.clear()

BOOT = os.path.join(machines.BUILD, "tests/metal/boot")
SEABIOS = "/usr/share/seabios/bios-256k.bin"


def bochs(work, cpu):
    return machine(work, emulator="bochs", cpu=cpu)


@test(short=True)
def AMD_without_SVM(work):
    text = same_handover(machine(work, cpu="EPYC-v1,-svm"), work,
                         "CPUID announces no SVM (svm-cpuid, CPU 0")
    # To its end.
    assert "nested virtualization [APM vol. 2, 15." in text, text
    assert "swivl: swivl:" not in text, text


@test()
def AMD_without_nested_paging(work):
    same_handover(machine(work, cpu="EPYC-v1,-npt"), work,
                  "The processor has no nested paging (no-nested-paging, CPU 0")


@test()
def Intel_without_VT_x(work):
    same_handover(machine(work, cpu="Haswell-noTSX"), work, "CPUID announces no VMX (vmx-cpuid, CPU 0")


class FirmwareOff(machines.Machine):
    """Bochs' own BIOS locks VT-x on. SeaBIOS does not, and starts a floppy that locks it off."""

    def _bochs(self, disks, serial):
        command = super()._bochs(disks, serial)
        floppy = f"{self.work}/floppy"
        with open(f"{BOOT}/locked_off.bin", "rb") as f, open(floppy, "wb") as to:
            to.write(f.read())
            to.truncate(1440 << 10)
        with open(command[command.index("-f") + 1], "r+") as f:
            text = f.read().replace("/usr/share/bochs/BIOS-bochs-latest", SEABIOS)
            text = text.replace("boot: disk", f'boot: floppy\nfloppya: 1_44="{floppy}", status=inserted')
            f.seek(0)
            f.truncate()
            f.write(text)
        return command


@test(short=True)
def Intel_with_VT_x_locked_off(work):
    boot.need("bochs", "bochs-bin")
    boot.need("seabios", SEABIOS)
    same_handover(FirmwareOff(work, emulator="bochs", cpu="corei7_haswell_4770"), work,
                  "The firmware has switched VMX off and locked that (vmx-locked-off, CPU 0")


@test()
def AMD_with_SVM_locked_off(work):
    raise boot.Skip("neither emulator has a VM_CR that holds what is written; only swivl check is tested")


@test()
def Intel_without_EPT(work):
    same_handover(bochs(work, "core2_penryn_t9600"), work,
                  "The processor has no extended page tables (EPT) (no-ept, CPU 0")


@test()
def Intel_without_unrestricted_guest(work):
    same_handover(bochs(work, "corei5_lynnfield_750"), work,
                  "The processor has no unrestricted guests: none in real mode, none without paging "
                  "(no-unrestricted-guest, CPU 0")


@test()
def two_processors_without_SVM(work):
    """The second one waits for SIPI again: the boot record runs alone."""
    m = machine(work, cpu="EPYC-v1,-svm")
    image = machines.handover_disk(f"{work}/disk")
    plain = m.run(image, more=["-smp", "2"])
    machines.install(image)
    text = m.run(image, more=["-smp", "2"])
    refused(text, "CPUID announces no SVM (svm-cpuid, CPU")
    assert handover(text) == handover(plain), f"{plain}\n--- with swivl:\n{text}"


@test()
def too_little_memory(work):
    same_handover(machine(work, mem=6), work, "too little memory: 4104 KiB in one piece are not free")


if __name__ == "__main__":
    sys.exit(main())
