#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What all rules on one state cost in instructions: runs build/tests/rules/speed.bin in QEMU, where
the time stamp counter counts them, and prints TAP."""

import os
import re
import subprocess
import sys

IMAGE = os.path.join("build", "tests", "rules", "speed.bin")
MOST = 20000    # so that a failure path and a fuzzer can both afford it


def main():
    command = ["qemu-system-x86_64", "-accel", "tcg", "-icount", "shift=0,sleep=off", "-m", "64",
               "-display", "none", "-nic", "none", "-no-reboot", "-serial", "none",
               "-monitor", "none", "-kernel", IMAGE,
               "-chardev", "stdio,id=c", "-device", "isa-debugcon,iobase=0xe9,chardev=c",
               "-device", "isa-debug-exit,iobase=0xf4"]
    try:
        out = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, timeout=250).stdout
    except subprocess.TimeoutExpired as e:
        out = e.stdout or b""
    out = out.decode(errors="replace")
    print("1..2")
    print("".join(line + "\n" for line in out.splitlines() if line.startswith(("#", "no "))), end="")
    failed = "no valid" in out
    for n, vendor in enumerate(("Intel", "AMD"), 1):
        took = re.search(rf"^{vendor} (\d+)$", out, re.M)
        good = took and 1000 < int(took[1]) < MOST
        failed |= not good
        print(f"{'ok' if good else 'not ok'} {n} - all of {vendor}'s rules on one state take less than "
              f"{MOST} instructions")
        print(f"# {vendor}: at most {took[1] if took else '?'}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
