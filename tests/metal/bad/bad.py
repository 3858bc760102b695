#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Runs bad.bin as a disk's boot record, on the bare machine and beneath swivl, and compares what it
tells: every line that begins with "P " has to be the one that expected.py makes of the bare machine's.

bad.py [--short] [--keep DIRECTORY] [--cpu MODEL] [--cpus N] [--probes MASK] [--rounds N] [--seed N]"""

import argparse
import difflib
import os
import shutil
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path[:0] = ["tests/metal/boot", "tests/metal/bad"]

import expected  # noqa: E402
import machines  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
PARTS = ["handover", "cpuid", "msrs", "msr writes", "control registers", "segments", "instructions",
         "protected mode", "real mode", "modes", "debug", "hidden memory", "chance", "local APIC",
         "processors", "ports", "INIT", "x2APIC", "resets"]
ALL = (1 << len(PARTS)) - 1


def without(*names):
    return ALL & ~sum(1 << PARTS.index(n) for n in names)


# Bochs keeps an INIT pending that has made an exit (SDM vol. 3, 26.2: it is the exit), so its guest
# never goes on where the processor's own exit tells of INIT: with a single processor.
BOCHS_1 = without("INIT")
REASONS = {BOCHS_1: ("INIT", "Bochs keeps it pending after its exit")}
SHORT_BOCHS = without("resets")         # half of all the time

# What the log has to have of the machine's end, as often: the triple faults, and what is no memory.
ENDS = {"triple fault (": 2, "what delivers an event is in hidden memory (": 4}


class Machine(machines.Machine):
    """A machine that resets where a triple fault does it."""

    def _qemu(self, disks, more, serial):
        command = super()._qemu(disks, more, serial)
        command.remove("-no-reboot")
        return command

    def _bochs(self, disks, serial):
        command = super()._bochs(disks, serial)
        rc = command[command.index("-f") + 1]
        with open(rc) as f:
            text = f.read()
        with open(rc, "w") as f:
            f.write(text.replace("reset_on_triple_fault=0", "reset_on_triple_fault=1"))
        # But its debugger asks first. Where processors begin it has to stop them, or the clock stands
        # still after a reset with several of them.
        with open(command[command.index("-rc") + 1], "w") as f:
            f.write("pb 0xfffffff0\n" + "c\n" * 50)
        return command


def image(path, probes, seed, rounds, lenient, cpus):
    with open(os.path.join(BUILD, "tests/metal/bad/bad.bin"), "rb") as f:
        code = bytearray(f.read())
    at = code.index(b"PROBES:\0") + 8
    code[at:at + 20] = struct.pack("<IIIII", probes, seed, rounds, lenient, cpus)
    return machines.disk(path, bytes(code[:440]), bytes(code[machines.SECTOR:]))


def told(text):
    return [ln.rstrip() for ln in text.splitlines() if ln.startswith("P ")]


def reset_reports(text, ends):
    """Each end of the machine is in the log with the guest's state."""
    bad = [f"{text.count(what)} times in the log: {what}" for what, n in ends.items()
           if text.count(what) != n]
    for part in text.split("swivl: error: guest CPU ")[1:]:
        for what in "  cs ", "  cr0 ", "  gdt ":
            if f"swivl: error: {what}" not in part[:1000]:
                bad.append("a report without" + what)
    return bad


def compare(cpu, bare, beneath, probes, rounds):
    """What is not as it has to be, and how many lines are others on purpose."""
    want, changed = expected.beneath(cpu, told(bare))
    bad = [ln for ln in difflib.unified_diff(want, told(beneath), "bare", "beneath", n=0, lineterm="")
           if not ln.startswith("@@")]
    bad += [ln for ln in beneath.splitlines() if ln.endswith("BAD") or "unexpected" in ln]
    if not bare.rstrip().endswith("end"):
        bad.append("the bare run did not end:\n" + bare[-1500:])
    if "\nbare\n" not in bare or "\nbeneath\n" not in beneath:
        bad.append("swivl was not where it should be")
    if not beneath.rstrip().endswith("swivl is there\nend"):
        bad.append("swivl did not live to the end:\n" + beneath[-1500:])
    if probes & 1 << PARTS.index("resets"):
        bad += reset_reports(beneath, {"triple fault (": 2} if rounds else ENDS)
    return bad, changed


def run_both(options, work, cpu, cpus, probes, seed, rounds):
    emulator = "qemu" if cpu.startswith("EPYC") else "bochs"
    machines.SWIVL = os.path.join(BUILD, "cli/swivl")
    texts = []
    for name in "bare", "beneath":
        here = os.path.join(work, name)
        os.makedirs(here, exist_ok=True)
        disk = image(os.path.join(here, "disk"), probes, seed, rounds, emulator == "qemu", cpus)
        if name == "beneath":
            machines.swivl("install", disk)
        m = Machine(here, cpus=cpus, emulator=emulator, cpu=cpu, mem=64, timeout=options.timeout)
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


def chosen(options):
    """Processor, count of them, parts, seed, rounds (0: many)."""
    if options.cpu:
        return [(options.cpu, options.cpus, options.probes, options.seed, options.rounds)]
    if options.short:
        return [("EPYC-v1", 2, ALL, 1, 100), ("corei7_haswell_4770", 2, SHORT_BOCHS, 1, 100)]
    return [("EPYC-v1", 1, ALL, 1, 0), ("EPYC-v1", 2, ALL, 2, 0),
            ("corei7_haswell_4770", 1, BOCHS_1, 3, 0), ("corei7_haswell_4770", 2, ALL, 4, 0),
            ("corei5_arrandale_m520", 2, ALL, 5, 0), ("corei7_skylake_x", 1, BOCHS_1, 6, 0)]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--short", action="store_true")
    p.add_argument("--keep")
    p.add_argument("--cpu")
    p.add_argument("--cpus", type=int, default=1)
    p.add_argument("--probes", type=lambda x: int(x, 0), default=ALL)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--rounds", type=int, default=0)
    p.add_argument("--timeout", type=int, default=600)
    options = p.parse_args()
    runs = chosen(options)
    failed = False
    print(f"1..{len(runs) + sum(r[2] in REASONS for r in runs)}", flush=True)
    number = 0
    for cpu, cpus, probes, seed, rounds in runs:
        number += 1
        place = f"on {'amd' if cpu.startswith('EPYC') else cpu}:{cpus}"
        if not shutil.which("qemu-system-x86_64" if cpu.startswith("EPYC") else "bochs-bin"):
            print(f"ok {number} - metal/bad {place} # SKIP the emulator is not installed", flush=True)
        else:
            with tempfile.TemporaryDirectory() as work:
                bare, beneath = run_both(options, work, cpu, cpus, probes, seed, rounds)
            bad, changed = compare(cpu, bare, beneath, probes, rounds)
            print(f"# seed {seed}: {len(told(bare))} lines, {changed} of them others on purpose")
            for ln in bad[:60 if not options.keep else None]:
                print("# " + ln)
            print(f"{'not ok' if bad else 'ok'} {number} - metal/bad {place}", flush=True)
            failed |= bool(bad)
        if probes in REASONS:
            number += 1
            part, why = REASONS[probes]
            print(f"ok {number} - metal/bad-{part} {place} # SKIP {why}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
