#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The processor judges the rules: runs build/tests/rules/svm.bin in QEMU's machines with AMD-V and in
Bochs' and prints TAP. A disagreement is printed with its seed and number; `--from NUMBER --states 1` puts that
one state to the machine again."""

import argparse
import os
import re
import subprocess
import sys
import tempfile

IMAGE = os.path.join("build", "tests", "rules", "svm.bin")
# Width of physical addresses and features differ.
MACHINES = ["EPYC-v1,+svm,+npt", "EPYC-v1,+svm,+npt,phys-bits=48,host-phys-bits=off",
            "phenom,+svm,+npt", "max"]
# In Bochs, which is 30 times slower and another opinion: what is wrong in one is right in the other.
BOCHS = ["zambezi"]
BOCHS_STATES = 6000         # Bochs 2.7 itself dies (SIGSEGV) of some 30,000 in one run
# Rules that neither can show to be so: what they need is not there (long mode missing, a host
# without paging, CET, AVIC, virtual NMIs, SEV), or they do not know them (tests/rules/svm_known.c).
NOT_SHOWN = {711, 720, 722, 723, 724, 725, 728, 729, 730, 731, 732}


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


def rom(words):
    """The program behind the option ROM that starts it, with the command line in it."""
    with open(os.path.join("build", "tests", "rules", "rom.bin"), "rb") as f:
        head = bytearray(f.read())
    with open(IMAGE, "rb") as f:
        program = f.read()
    head[256:256 + len(words)] = words.encode()
    image = head + program
    image = image.ljust((len(image) // 512 + 1) * 512, b"\0")
    image[2] = len(image) // 512
    image[-1] = -sum(image) & 0xff      # the firmware checks the sum
    return image


def bochs(cpu, words, timeout):
    with tempfile.TemporaryDirectory() as work:
        with open(f"{work}/rom", "wb") as f:
            f.write(rom(words + " bochs"))
        with open(f"{work}/bochsrc", "w") as f:
            f.write(f"""
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, parallel=0, serial=0, e1000=0, gameport=0
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest=64, host=64
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
optromimage1: file={work}/rom, address=0xd0000
cpu: model={cpu}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
clock: sync=none, time0=1577836800, rtc_sync=0
ata0: enabled=0
ata1: enabled=0
boot: disk
log: /dev/null
panic: action=fatal, cpu0=report
error: action=ignore
info: action=ignore
debug: action=ignore
port_e9_hack: enabled=1
""")
        with open(f"{work}/debugger", "w") as f:
            f.write("c\n" * 100000)     # each such panic stops in the debugger
        command = ["bochs-bin", "-q", "-f", f"{work}/bochsrc", "-rc", f"{work}/debugger"]
        try:
            r = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=timeout)
            out, why = r.stdout, ""
        except subprocess.TimeoutExpired as e:
            out, why = e.stdout or b"", f"no end after {timeout} s"
    lines = out.decode(errors="replace").splitlines()
    return "\n".join(x for x in lines if x.startswith(("# ", "judged "))), why


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
        in_bochs = cpu in BOCHS
        states = min(args.states, args.bochs_states) if in_bochs else args.states
        words = f"seed={args.seed} states={states} from={getattr(args, 'from')}"
        words += f" forget={args.forget}" if args.forget else ""
        out, errors = (bochs if in_bochs else qemu)(cpu, words + (" verbose" if args.verbose else ""), args.timeout)
        end = re.search(r"^judged (\d+) states: .* (\d+) unexplained$", out, re.M)
        for number, shown in re.findall(r"^# rule (\d+) .* of which refused (\d+)$", out, re.M):
            self.shown[int(number)] = self.shown.get(int(number), 0) + int(shown)
        name = f"{cpu}, {states} states of seed {args.seed}"
        good = bool(end) and int(end[1]) == states and end[2] == "0"
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
    p.add_argument("--bochs-states", type=int, default=BOCHS_STATES,
                   help="at most, in Bochs; %(default)s")
    p.add_argument("--from", type=int, default=0, help="the first of them")
    p.add_argument("--cpu", action="append", help="only this machine: QEMU's -cpu, or zambezi")
    p.add_argument("--forget", type=int, help="as if there was no such rule: must fail")
    p.add_argument("--timeout", type=int, default=250, help="seconds for each machine")
    p.add_argument("--verbose", "-v", action="store_true")
    args = p.parse_args()
    machines = args.cpu or MACHINES + BOCHS
    judge = Judge()
    all_rules = args.states >= 10000 and not args.cpu
    print(f"1..{len(machines) + 1 + all_rules}")
    for cpu in machines:
        judge.machine(cpu, args)
    judge.speed(args)
    if all_rules:
        judge.each_rule()
    print(f"# {judge.states} states")
    return judge.failed


if __name__ == "__main__":
    sys.exit(main())
