#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What swivl beneath Debian's kernel costs: instructions from switching the machine on to the login,
with and without it, exits by reason, one CPUID, memory. One processor. The time that the system itself
waits for its disk is in the count, and in QEMU it depends on the computer's own: there the least of
three starts counts.

usage: speed.py [CPU...]     amd (QEMU with -icount), or Bochs' name of an Intel processor"""

import re
import sys
import tempfile

from systems import HERE, Machine, check, image_of


def ticks(cpu, beneath):
    m = Machine(cpu)
    counted = "tsc_early_khz=1000000" if cpu == "amd" else "tsc_early_khz=50000"
    with tempfile.TemporaryDirectory(dir=HERE) as work:
        image = image_of(work, "linux", f"quiet {counted} tsc=reliable lpj=4000000 "
                         "lab.do=ticks,exits,off", beneath)
        with m.start(work, image, icount=cpu == "amd") as pc:
            pc.wait("^lab: off", m.timeout)
            pc.ends(60)
            text = pc.serial()
    found = re.search(r"lab: ticks: (\d+)", text)
    check(found, "no login", text)
    return int(found.group(1)), text


def main():
    for cpu in sys.argv[1:] or ["amd", "corei7_haswell_4770"]:
        runs = 3 if cpu == "amd" else 1
        plain, _ = min(ticks(cpu, False) for _ in range(runs))
        beneath, text = min(ticks(cpu, True) for _ in range(runs))
        print(f"{cpu}: {plain} instructions to the login, {beneath} with swivl: "
              f"{100 * (beneath - plain) / plain:+.2f}%")
        for ln in re.findall(r"^swivl: hypervisor at.*|^.*page tables, image.*|^ +\d+  .*", text, re.M):
            print("   ", ln, flush=True)


if __name__ == "__main__":
    main()
