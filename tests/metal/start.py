# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The hypervisor started without a disk, and beneath it a guest that starts its processors: guest.c."""

import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "boot"))
import machines  # noqa: E402

START = os.path.join(machines.BUILD, "tests/metal/start.bin")
RUNS = [("amd", n) for n in (1, 2, 4)] + [("corei7_haswell_4770", n) for n in (1, 2, 4)] + \
    [("corei5_arrandale_m520", 2), ("corei7_skylake_x", 2)]
SHORT = [("amd", 2)]


def run(work, cpu, n):
    emulator = "qemu" if cpu == "amd" else "bochs"
    m = machines.Machine(work, emulator, cpu="EPYC-v1,+svm,+npt" if cpu == "amd" else cpu, timeout=300, cpus=n)
    if emulator == "qemu":
        return m.run(more=("-kernel", START))
    image = machines.grub_disk(f"{work}/disk", work, "multiboot (memdisk)/start.bin\nboot\n", [START])
    return m.run(image)


def fault(text, n):
    """What is wrong; None: nothing."""
    if "guest: end, failures: 0\n" not in text:
        return "the guest did not come to its end without a failure"
    if f"guest: processors: {n}\n" not in text:
        return f"not {n} processors"
    return None


def main():
    runs = SHORT if "--short" in sys.argv else RUNS
    print(f"1..{len(runs)}")
    failed = False
    for i, (cpu, n) in enumerate(runs, 1):
        name = f"{i} - metal/start on {cpu}:{n}"
        needed = ["qemu-system-x86_64"] if cpu == "amd" else ["bochs-bin", "grub-mkimage"]
        missing = [p for p in needed if not shutil.which(p)]
        if missing:
            print(f"ok {name} # SKIP no {missing[0]}", flush=True)
            continue
        with tempfile.TemporaryDirectory() as work:
            text = run(work, cpu, n)
        why = fault(text, n)
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
