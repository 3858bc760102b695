#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The processor judges the rules: runs build/tests/rules/svm.bin in QEMU's machines with AMD-V and
prints TAP. A disagreement is printed with its seed and number; `--from NUMBER --states 1` puts that
one state to the machine again."""

import argparse
import os
import re
import subprocess
import sys

IMAGE = os.path.join("build", "tests", "rules", "svm.bin")
# Width of physical addresses and features differ.
MACHINES = ["EPYC-v1,+svm,+npt", "EPYC-v1,+svm,+npt,phys-bits=48,host-phys-bits=off",
            "phenom,+svm,+npt", "max"]
# Rules that QEMU 7.2 cannot show to be so: what they need is not there (long mode missing, a host
# without paging, CET, AVIC, virtual NMIs, SEV), or it does not know them (tests/rules/svm_known.c).
NOT_SHOWN = {511, 520, 522, 523, 524, 525, 526, 527, 528, 529, 530, 531}


# Of all rules on one state, the reading of the VMCB included.
MOST_INSTRUCTIONS = 20000


def qemu(cpu, words, timeout, *more):
    command = ["qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-cpu", cpu, "-m", "64",
               "-display", "none", "-nic", "none", "-no-reboot", "-serial", "none",
               "-monitor", "none", "-kernel", IMAGE, "-append", words,
               "-chardev", "stdio,id=c", "-device", "isa-debugcon,iobase=0xe9,chardev=c",
               "-device", "isa-debug-exit,iobase=0xf4", *more]
    try:
        r = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=timeout)
        errors = [line for line in r.stderr.decode(errors="replace").splitlines()
                  if "TCG doesn't support" not in line]
        return r.stdout.decode(errors="replace"), "\n".join(errors)
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace"), f"no end after {timeout} s"


class Judge:
    def __init__(self):
        self.tests = 0
        self.failed = False
        self.states = 0
        self.shown = {}  # rule: how often it alone was broken, and the processor refused

    def verdict(self, good, name, why=""):
        self.tests += 1
        self.failed |= not good
        print(f"{'ok' if good else 'not ok'} {self.tests} - {name}" +
              (f" - {why}" if why and not good else ""), flush=True)

    def machine(self, cpu, args):
        words = f"seed={args.seed} states={args.states} from={getattr(args, 'from')}"
        words += f" forget={args.forget}" if args.forget else ""
        out, errors = qemu(cpu, words + (" verbose" if args.verbose else ""), args.timeout)
        end = re.search(r"^judged (\d+) states: .* (\d+) unexplained$", out, re.M)
        for number, shown in re.findall(r"^# rule (\d+) .* of which refused (\d+)$", out, re.M):
            self.shown[int(number)] = self.shown.get(int(number), 0) + int(shown)
        name = f"{cpu}, {args.states} states of seed {args.seed}"
        good = bool(end) and int(end[1]) == args.states and end[2] == "0"
        if not good or args.verbose:
            for line in out.splitlines() + errors.splitlines():
                print("#", line.removeprefix("# "))
        elif end:
            print("#", end[0])
        self.states += int(end[1]) if end else 0
        self.verdict(good, name, f"{end[2]} disagree" if end else "the machine died")

    def speed(self, args):
        # There the time stamp counter counts instructions.
        out, _ = qemu(MACHINES[0], "states=6000", args.timeout, "-icount", "shift=0,sleep=off")
        most = re.search(r"^# the rules took at most (\d+) cycles for one state$", out, re.M)
        if most:
            print("#", most[1], "instructions")
        self.verdict(most and int(most[1]) < MOST_INSTRUCTIONS,
                     f"all rules on one state take less than {MOST_INSTRUCTIONS} instructions")

    def each_rule(self):
        never = {n for n, shown in self.shown.items() if not shown} - NOT_SHOWN
        self.verdict(self.shown and not never, "each rule that the machine has was seen to be so",
                     f"not {', '.join(map(str, sorted(never)))}")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--states", type=int, default=10000, help="on each machine; %(default)s")
    p.add_argument("--from", type=int, default=0, help="the first of them")
    p.add_argument("--cpu", action="append", help="only this machine, as QEMU's -cpu")
    p.add_argument("--forget", type=int, help="as if there was no such rule: must fail")
    p.add_argument("--timeout", type=int, default=250, help="seconds for each machine")
    p.add_argument("--verbose", "-v", action="store_true")
    args = p.parse_args()
    machines = args.cpu or MACHINES
    judge = Judge()
    print(f"1..{len(machines) + 1 + (args.states >= 10000)}")
    for cpu in machines:
        judge.machine(cpu, args)
    judge.speed(args)
    if args.states >= 10000:
        judge.each_rule()
    print(f"# {judge.states} states")
    return judge.failed


if __name__ == "__main__":
    sys.exit(main())
