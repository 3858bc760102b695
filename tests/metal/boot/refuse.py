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


@test()
def Intel_with_VT_x_locked_off(work):
    raise boot.Skip("Bochs' processors come with VT-x locked on; no test has it but of swivl check")


@test()
def AMD_with_SVM_locked_off(work):
    raise boot.Skip("QEMU's processors have no VM_CR that holds what is written; only swivl check is tested")


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
