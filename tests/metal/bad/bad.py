# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Runs bad.bin as a disk's boot record, on the bare machine and beneath swivl, and compares what it
tells: every line that begins with "P " has to be the same, but for those of DIFFERENT.

bad.py [--short] [--keep DIRECTORY] [--cpu MODEL] [--cpus N] [--probes MASK] [--rounds N] [--seed N]"""

import argparse
import collections
import difflib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, "tests/metal/boot")

import machines  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
PARTS = ["handover", "cpuid", "msrs", "msr writes", "control registers", "segments", "instructions",
         "protected mode", "real mode", "modes", "debug", "hidden memory", "local APIC", "processors",
         "ports", "INIT", "nonsense", "triple fault"]

# Not yet: chance; in Bochs INIT to oneself and triple faults; on one of Bochs' processors no interrupt commands.
SAFE = 0x7fff

# What swivl changes, on purpose or because it cannot do better, and what an emulator does
# differently for a guest: who, line, why.
DIFFERENT = [
    ("", "cpuid 4000000.", "the hypervisor's leaf; without one, the last basic leaf or none"),
    ("", "cpuid 8000000[234]", "the brand"),
    ("EPYC", "cpuid (80000001|8000000a)", "no SVM (APM vol. 3, E.4)"),
    ("core", "cpuid 1 . ", "no VMX, no SMX (SDM vol. 2, CPUID)"),
    ("core", "cpuid 8000000a", "the last basic leaf, which no longer follows"),
    ("", "rdmsr faults", "the next ones"),
    ("core", r"(rdmsr|wrmsr( same)?) (3a|4[89].)\b", "no VMX: locked off (SDM vol. 3, A)"),
    ("EPYC", r"(rdmsr|wrmsr( same)?) c001011[478]\b", "no SVM: locked off (APM vol. 2, 15.30)"),
    ("", r"wrmsr( same)? 2[0-6].\b.* (d|0|ff) (0|d|ff)$", "MTRRs that are not there: the emulator takes all"),
    ("core", r"wrmsr c001011[478]\b", "AMD's; unknown MSRs: Bochs takes all (ignore_bad_msrs)"),
    ("", r"wrmsr (2000|40000000|bfffffff|c0002000|c0012000|ffffffff) ", "the same"),
    ("EPYC", "wrmsr (1b|c0000080) ", "reserved bits: QEMU takes all (APM vol. 2, 3.1.7, 16.3.1)"),
    ("EPYC", r"cr0 ", "CR0.NW without CD, and the upper half: QEMU takes all (APM vol. 2, 3.1.1)"),
    ("core", "cr4 2020 ", "CR4.VMXE: no VMX"),
    ("EPYC", "^P (vmrun|vmload|vmsave|stgi|clgi|invlpga) ", "EFER.SVME is set, so that CPL 3 is "
     "found before the intercept: #GP, not #UD (APM vol. 2, 15.5.1)"),
    ("EPYC", "wrmsr (2ff|830) ", "values that no MTRR takes, x2APIC where there is none: QEMU takes all "
     "(APM vol. 2, 7.7.2, 16.9)"),
    ("", "call 6c76697773 ", "version and counts are told at every CPL"),
    ("EPYC", "32-bit virtual-8086 1 ", "the same"),
    ("EPYC", "32-bit call 0 ", "runs into bytes that are VMRUN: the same"),
]


class Machine(machines.Machine):
    """A machine that resets where a triple fault does it."""

    def __init__(self, work, cpus, **more):
        super().__init__(work, **more)
        self.cpus = cpus

    def _qemu(self, disks, more, serial):
        command = super()._qemu(disks, more, serial)
        command.remove("-no-reboot")
        return command + ["-smp", str(self.cpus)]

    def _bochs(self, disks, serial):
        command = super()._bochs(disks, serial)
        rc = command[command.index("-f") + 1]
        with open(rc) as f:
            text = f.read()
        text = text.replace("count=1", f"count={self.cpus}")
        text = text.replace("reset_on_triple_fault=0", "reset_on_triple_fault=1")
        with open(rc, "w") as f:
            f.write(text)
        return command


def image(path, probes, seed, rounds, lenient):
    with open(os.path.join(BUILD, "tests/metal/bad/bad.bin"), "rb") as f:
        code = bytearray(f.read())
    at = code.index(b"PROBES:\0") + 8
    code[at:at + 16] = struct.pack("<IIII", probes, seed, rounds, lenient)
    return machines.disk(path, bytes(code[:440]), bytes(code[machines.SECTOR:]))


def told(text):
    """The program's lines, without the line's end."""
    return [ln.rstrip() for ln in text.splitlines() if ln.startswith("P ")]


def expected(cpu, line):
    return any(re.search(who, cpu) and re.search(what, line) for who, what, _ in DIFFERENT)


def compare(cpu, bare, beneath):
    """The lines that are not the same, or that say so themselves."""
    bad = []
    for ln in difflib.unified_diff([ln for ln in told(bare) if not expected(cpu, ln)],
                                   [ln for ln in told(beneath) if not expected(cpu, ln)],
                                   "bare", "beneath", n=0, lineterm=""):
        if not ln.startswith("@@"):
            bad.append(ln)
    bad += [ln for ln in beneath.splitlines() if ln.endswith("BAD") or "unexpected" in ln]
    if not bare.rstrip().endswith("end"):
        bad.append("the bare run did not end")
    if "\nbare\n" not in bare or "\nbeneath\n" not in beneath:
        bad.append("swivl was not where it should be")
    if not beneath.rstrip().endswith("swivl is there\nend"):
        bad.append("swivl did not live to the end:\n" + beneath[-1500:])
    return bad


def run_both(options, work, cpu, cpus, probes, seed, rounds):
    emulator = "qemu" if cpu.startswith("EPYC") else "bochs"
    machines.SWIVL = os.path.join(BUILD, "cli/swivl")
    texts = []
    for name in "bare", "beneath":
        here = os.path.join(work, name)
        os.makedirs(here, exist_ok=True)
        disk = image(os.path.join(here, "disk"), probes, seed, rounds,
                     emulator == "qemu")
        if name == "beneath":
            machines.swivl("install", disk)
        m = Machine(here, cpus, emulator=emulator, cpu=cpu, mem=64, timeout=options.timeout)
        text = m.run(disk)
        if emulator == "bochs":
            out, found, rest = m.out.replace("\r", "").rpartition("\nend\n")
            text += out + "\nend" if found else rest
        elif "(no end)" in m.out:
            text += "\n(no end)"
        texts.append(text)
        if options.keep:
            with open(os.path.join(options.keep, f"{cpu}-{cpus}-{name}.log"), "w") as f:
                f.write(text)
    return texts


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--short", action="store_true")
    p.add_argument("--keep")
    p.add_argument("--cpu")
    p.add_argument("--cpus", type=int, default=1)
    p.add_argument("--probes", type=lambda x: int(x, 0), default=0xffffffff)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--rounds", type=int, default=0)
    p.add_argument("--timeout", type=int, default=300)
    options = p.parse_args()
    if options.cpu:
        runs = [(options.cpu, options.cpus, options.probes, options.seed, options.rounds)]
    elif options.short:
        runs = [("EPYC-v1", 2, SAFE | 0x28000, 1, 100), ("corei7_haswell_4770", 1, SAFE & ~0x3000, 1, 100)]
    else:
        runs = [("EPYC-v1", 1, SAFE | 0x28000, 1, 0),
                ("EPYC-v1", 2, SAFE | 0x28000, 2, 0),
                ("corei7_haswell_4770", 1, SAFE & ~0x3000, 3, 0),
                ("corei5_arrandale_m520", 1, SAFE & ~0x3000, 5, 0),
                ("corei7_skylake_x", 1, SAFE & ~0x3000, 6, 0)]
    failed = 0
    for cpu, cpus, probes, seed, rounds in runs:
        name = f"{cpu}, {cpus} processors, seed {seed}"
        if not shutil.which("qemu-system-x86_64" if cpu.startswith("EPYC") else "bochs-bin"):
            print(f"SKIP {name}: the emulator is not installed")
            continue
        with tempfile.TemporaryDirectory() as work:
            bare, beneath = run_both(options, work, cpu, cpus, probes, seed, rounds)
        bad = compare(cpu, bare, beneath)
        print(f"{'FAIL' if bad else 'ok'}   {name}: {len(told(bare))} lines, "
              f"{sum(expected(cpu, ln) for ln in told(bare))} of them not compared")
        for ln in bad[:60 if not options.keep else None]:
            print("     " + ln)
        failed += bool(bad)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
