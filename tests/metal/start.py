# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""
The hypervisor started without a disk, and beneath it a guest that starts its processors: guest.c.
And one that the processor refuses to enter, of which swivl explain has to say what the log said:
refused.c.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "boot"))
import machines  # noqa: E402

IMAGES = os.path.join(machines.BUILD, "tests/metal")
COMMAND = os.path.join(machines.BUILD, "cli/swivl")
RUNS = [("start", cpu, n) for cpu in ("amd", "corei7_haswell_4770") for n in (1, 2, 4)] + \
    [("start", "corei5_arrandale_m520", 2), ("start", "corei7_skylake_x", 2),
     ("refused", "amd", 2), ("refused", "corei7_haswell_4770", 1)]
SHORT = [("start", "amd", 2), ("refused", "amd", 1), ("refused", "corei7_haswell_4770", 1)]
RULES = {"amd": "svm.dr7.upper", "corei7_haswell_4770": "guest.dr7"}


def run(work, what, cpu, n):
    emulator = "qemu" if cpu == "amd" else "bochs"
    m = machines.Machine(work, emulator, cpu="EPYC-v1,+svm,+npt" if cpu == "amd" else cpu,
                         timeout=300, cpus=n)
    # after which it starts again
    until = "the processor refused to enter (exit" if what == "refused" else None
    start = f"{IMAGES}/{what}.bin"
    if emulator == "qemu":
        return m.run(more=("-kernel", start), until=until)
    config = f"multiboot (memdisk)/{what}.bin\nboot\n"
    image = machines.grub_disk(f"{work}/disk", work, config, [start])
    return m.run(image, until=until)


def fault(text, what, cpu, n):
    """What is wrong; None: nothing."""
    if what == "refused":
        return refusal_fault(text, RULES[cpu])
    if "guest: end, failures: 0\n" not in text:
        return "the guest did not come to its end without a failure"
    if f"guest: processors: {n}\n" not in text:
        return f"not {n} processors"
    return None


def refusal_fault(text, rule):
    if "1 rule of the manual is broken" not in text or f", {rule})" not in text:
        return f"the log does not name {rule}, and it alone"
    said = subprocess.run([COMMAND, "explain", "-"], input=text, text=True,
                          capture_output=True, check=False)
    if rule not in said.stdout or "breaks 1 rule" not in said.stdout:
        return f"swivl explain does not say so of the dump\n{said.stdout}{said.stderr}"
    return None


def main():
    runs = SHORT if "--short" in sys.argv else RUNS
    print(f"1..{len(runs)}")
    failed = False
    for i, (what, cpu, n) in enumerate(runs, 1):
        name = f"{i} - metal/{what} on {cpu}:{n}"
        needed = ["qemu-system-x86_64"] if cpu == "amd" else ["bochs-bin", "grub-mkimage"]
        missing = [p for p in needed if not shutil.which(p)]
        if missing:
            print(f"ok {name} # SKIP no {missing[0]}", flush=True)
            continue
        with tempfile.TemporaryDirectory() as work:
            text = run(work, what, cpu, n)
        why = fault(text, what, cpu, n)
        failed |= bool(why)
        if why:
            print(re.sub("^", "# ", f"{why}\n{text}", flags=re.M))
        print(f"{'not ok' if why else 'ok'} {name}")
        for line in re.findall("guest: ticks.*", text) if cpu != "amd" and not why else ():
            print("# " + line)
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main())
