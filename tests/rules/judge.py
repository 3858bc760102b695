#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The processor judges the rules: runs build/tests/rules/svm.bin and vmx.bin in QEMU's machines with AMD-V
and in Bochs' with AMD-V and VT-x, and prints TAP. A disagreement is printed with its seed and number;
`--from NUMBER --states 1` puts that one state to the machine again."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(__file__))
from bochs_reasons import fits

# Width of physical addresses and features differ.
QEMU = ["EPYC-v1,+svm,+npt", "EPYC-v1,+svm,+npt,phys-bits=48,host-phys-bits=off",
        "phenom,+svm,+npt", "max"]
# In Bochs, which is 30 times slower and another opinion: what is wrong in one is right in the other.
BOCHS_AMD = ["zambezi"]
# Of 2010, 2013, 2017, 2019 and 2020.
INTEL = ["corei5_arrandale_m520", "corei7_haswell_4770", "corei7_skylake_x", "corei7_icelake_u",
         "tigerlake"]
GROUPS = {"amd": QEMU + BOCHS_AMD, "intel": INTEL}
SHORT = {cpu: 10000 for cpu in QEMU} | {cpu: 6000 for cpu in BOCHS_AMD} | {cpu: 4400 for cpu in INTEL}
# Bochs 2.7 itself dies (SIGSEGV) of some 30,000 with AMD-V in one run.
CHUNK = {cpu: 6000 for cpu in BOCHS_AMD} | {cpu: 10000 for cpu in INTEL}
# Rules that none can show to be so, alone. AMD: what they need is not there (long mode missing, a host
# without paging, CET, AVIC, virtual NMIs, SEV), or they do not know them (tests/rules/svm_known.c).
NOT_SHOWN_AMD = {711, 720, 722, 723, 724, 725, 728, 729, 730, 731, 732, 741, 742, 743, 744}
NOT_SHOWN_INTEL = {
    # What they need is not there: tertiary controls, posted interrupts, mode-based execute control,
    # Intel PT, PASIDs, secondary exit controls, PKRS, MPX, LBR control, user interrupts;
    204, 218, 219, 220, 221, 231, 240, 241, 242, 243, 244, 245, 246, 262, 315, 420, 421, 422, 423,
    # another is broken with each of these: the host is in IA-32e mode, and nothing is in SMM;
    280, 324, 331, 333, 334, 335, 525, 537,
    # Bochs does not know them (tests/rules/vmx_known.c).
    105, 307, 405, 406, 415, 512, 538, 542}


def image(cpu):
    return os.path.join("build", "tests", "rules", "vmx.bin" if cpu in INTEL else "svm.bin")


def qemu(cpu, words):
    return ["qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-cpu", cpu, "-m", "64",
            "-display", "none", "-nic", "none", "-no-reboot", "-serial", "none",
            "-monitor", "none", "-kernel", image(cpu), "-append", words,
            "-chardev", "stdio,id=c", "-device", "isa-debugcon,iobase=0xe9,chardev=c",
            "-device", "isa-debug-exit,iobase=0xf4"]


def bochs(cpu, words, work):
    with open(os.path.join("build", "tests", "rules", "rom.bin"), "rb") as f:
        rom = bytearray(f.read())
    words += " bochs"
    rom[256:256 + len(words)] = words.encode()
    rom[-1] = -sum(rom) & 0xff      # the firmware checks the sum
    with open(f"{work}/rom", "wb") as f:
        f.write(rom)
    with open(image(cpu), "rb") as f:
        program = f.read()
    pieces = ""     # its memory comes in blocks of 128 KiB, and it fills one only
    for n, at in enumerate(range(0, len(program), 0x20000), 1):
        with open(f"{work}/{n}", "wb") as f:
            f.write(program[at:at + 0x20000])
        pieces += f"optramimage{n}: file={work}/{n}, address={0x100000 + at:#x}\n"
    with open(f"{work}/bochsrc", "w") as f:
        f.write(f"""
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, parallel=0, serial=0, e1000=0, gameport=0
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest=64, host=64
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
optromimage1: file={work}/rom, address=0xd0000
{pieces}cpu: model={cpu}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
clock: sync=none, time0=1577836800, rtc_sync=0
ata0: enabled=0
ata1: enabled=0
boot: disk
log: /dev/stdout
logprefix: %e
panic: action=fatal, cpu0=report
error: action=ignore, cpu0={"report" if cpu in INTEL else "ignore"}
info: action=ignore
debug: action=ignore
port_e9_hack: enabled=1
""")
    with open(f"{work}/debugger", "w") as f:
        f.write("c\n" * 100000)     # each such panic stops in the debugger
    return ["bochs-bin", "-q", "-f", f"{work}/bochsrc", "-rc", f"{work}/debugger"]


class Run:
    """One machine from its start to its end, line by line."""

    def __init__(self, command, timeout):
        self.why = ""
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, errors="replace")
        self.timer = threading.Timer(timeout, self.too_long, [timeout])
        self.timer.start()

    def too_long(self, timeout):
        self.why = f"no end after {timeout} s"
        self.process.kill()

    def lines(self):
        with self.process:
            for line in self.process.stdout:
                yield line.rstrip("\n")
        self.timer.cancel()


class Judge:
    def __init__(self, args):
        self.args = args
        self.tests = 0
        self.failed = False
        self.states = 0
        self.shown = {}     # vendor's rule: how often it alone was broken, and the processor refused
        self.counts = []    # of one machine: what "judged" says

    def verdict(self, good, name, why=""):
        self.tests += 1
        self.failed |= not good
        print(f"{'ok' if good else 'not ok'} {self.tests} - {name}" +
              (f" - {why}" if why and not good else ""), flush=True)

    def run(self, cpu, start, states, which=None):
        """The lines that the program printed; what Bochs' log names otherwise comes to self.others."""
        words = f"seed={self.args.seed} states={states} from={start}"
        words += "" if which is None else f" which={which}"
        words += f" forget={self.args.forget}" if self.args.forget else ""
        words += " verbose" if self.args.verbose else ""
        with tempfile.TemporaryDirectory() as work:
            command = qemu(cpu, words) if cpu in QEMU else bochs(cpu, words, work)
            run = Run(command, self.args.timeout)
            reason = ""
            for line in run.lines():
                if "VMFAIL" in line or "VMENTER" in line or "VMX Load" in line or "host CR4.CET" in line:
                    reason = line if "Injecting" not in line else reason
                if line.startswith("@"):
                    self.reason(cpu, line, reason)
                    reason = ""
                    at = int(line[1:].split()[0])
                    if self.args.progress and at // 1000 != self.at:
                        self.at = at // 1000
                        print(f"\r{cpu}: state {at:,} ", end="", file=sys.stderr, flush=True)
                elif line.startswith(("# ", "judged ")):
                    yield line
                elif self.args.verbose:
                    yield "# " + line
            if run.why:
                yield "# " + run.why

    def reason(self, cpu, line, reason):
        """Bochs' log says why it refused; one of the broken rules has to say the same."""
        number, *rules = line[1:].split()
        if not reason or "k" in rules or fits(reason, set(map(int, rules))):
            return
        self.others.append((int(number), f"Bochs says \"{reason.strip()}\", broken is "
                            f"{' '.join(rules) or 'nothing'}"))

    def reduce(self, cpu, number):
        """The fewest changes of which Bochs says what the rules do not, as a number of bits."""
        which, again = 15, True
        while again:
            again = False
            for bit in (1, 2, 4, 8):
                self.others = []
                if which & bit:
                    list(self.run(cpu, number, 1, which & ~bit))
                if self.others:
                    which, again = which & ~bit, True
        return which

    def tell_others(self, cpu):
        others = self.others
        for number, what in others[:20]:
            print(f"# state {number}: {what}")
        for number, _ in others[:3]:
            which = self.reduce(cpu, number)
            print(f"# state {number}: the changes {which:#b} are enough: --from {number} --states 1 "
                  f"--which {which} --verbose")
        return len(others)

    def machine(self, cpu):
        args, self.at, self.others = self.args, 0, []
        states = args.states or SHORT.get(cpu, 10000)
        chunk, left, start = CHUNK.get(cpu, states), states, getattr(args, "from")
        if not args.states and cpu in INTEL:    # each has other bits in its turn
            start = INTEL.index(cpu) * states
        totals, told, dead = {}, [], False
        while left and not dead:
            n = min(chunk, left)
            out = list(self.run(cpu, start, n, args.which))
            end = re.search(r"^judged (\d+) states: (\d+) entered, (\d+) refused, "
                            r"(\d+) explained, (\d+) unexplained$", "\n".join(out), re.M)
            dead = not end or int(end[1]) != n
            if dead or end[5] != "0" or args.verbose:
                told += out
            for i, what in enumerate(("states", "entered", "refused", "explained", "unexplained")):
                totals[what] = totals.get(what, 0) + (int(end[i + 1]) if end else 0)
            for line in out:
                if m := re.search(r"^# rule (\d+) .* of which refused (\d+)$", line):
                    key = cpu in INTEL, int(m[1])
                    self.shown[key] = self.shown.get(key, 0) + int(m[2])
            left, start = left - n, start + n
        self.end(cpu, states, totals, told, dead)

    def end(self, cpu, states, totals, told, dead):
        if self.args.progress:
            print("\r\033[K", end="", file=sys.stderr)
        for line in told:
            if self.args.verbose or not line.startswith(("# rule ", "# known ", "judged ")):
                print("#", line.removeprefix("# "))
        print(f"# judged {totals['states']} states:", ", ".join(
            f"{n} {what}" for what, n in totals.items() if what != "states"))
        self.states += totals["states"]
        bad = totals["unexplained"] + self.tell_others(cpu)
        self.verdict(not dead and not bad, f"{cpu}, {states} states of seed {self.args.seed}",
                     "the machine died" if dead else f"{bad} disagree")

    def each_rule(self, intel):
        mine = {n: shown for (i, n), shown in self.shown.items() if i == intel}
        never = {n for n, shown in mine.items() if not shown} - \
            (NOT_SHOWN_INTEL if intel else NOT_SHOWN_AMD)
        self.verdict(mine and not never, "each rule that the machine has was seen to be so",
                     f"not {', '.join(map(str, sorted(never)))}")


def machines(names):
    """What --cpu stands for: a group, one of ours by a part of its name, or QEMU's -cpu as it is."""
    for name in names:
        ours = [cpu for cpu in INTEL + BOCHS_AMD if name in cpu]
        yield from GROUPS.get(name) or ours or [name]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--states", type=int, help="on each machine; else as many as a short run has")
    p.add_argument("--from", type=int, default=0, help="the first of them")
    p.add_argument("--which", type=int, help="of each state's changes only these, as a number of bits")
    p.add_argument("--cpu", action="append",
                   help="amd, intel, or a machine: haswell, zambezi, ..., or QEMU's -cpu")
    p.add_argument("--forget", type=int, help="as if there was no such rule: must fail")
    p.add_argument("--timeout", type=int, default=250, help="seconds for each machine")
    p.add_argument("--progress", action="store_true", help="a line of how far it is")
    p.add_argument("--verbose", "-v", action="store_true")
    args = p.parse_args()
    which = list(dict.fromkeys(machines(args.cpu or list(GROUPS))))
    judge = Judge(args)
    groups = [g for g in GROUPS if set(GROUPS[g]) <= set(which)]
    all_rules = [] if args.states and args.states < 5000 else groups
    print(f"1..{len(which) + len(all_rules)}")
    for cpu in which:
        judge.machine(cpu)
    for group in all_rules:
        judge.each_rule(group == "intel")
    print(f"# {judge.states} states")
    return judge.failed


if __name__ == "__main__":
    sys.exit(main())
