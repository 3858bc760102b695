#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Operating systems from a disk, with and without swivl beneath them, on one machine.

usage: systems.py CPU[/BOARD]:CPUS SYSTEM...     TAP on stdout

CPU is amd (QEMU) or Bochs' name of an Intel processor, BOARD pc (IDE), q35 (AHCI) or usb. A SYSTEM is
one of lab/machine/disk.py's; or multiboot or multiboot2: GRUB, on another disk, starts swivl by that
command, and that the 64-bit kernel's disk; or work: a kernel builds on all processors, writes and reads
its disk, starts again (on QEMU) and reads it once more, and powers off. Screens are kept in
build/tests/metal/screens."""

import difflib
import os
import re
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, "lab")

from machine import bochs, cmdline, disk, pc  # noqa: E402
from machine.cache import LabError  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
HERE = os.path.join(BUILD, "tests/metal")
SCREENS = os.path.join(HERE, "screens")
BRAND = "swivl is beneath"
MULTIBOOT = ("multiboot", "multiboot2")

# What is on the screen when the system is there, and the lines in which nothing changes with time,
# speed or what the processor is called.
FIRST_SCREEN = {
    "memtest86+": (r"Status: Testing", r"Memtest86\+ v\S+|^L\d Cache: +\d+\w+|CPU: .*SMP: \S+|Errors: 0"),
    "ipxe": (r"^iPXE>", r"^iPXE 1.*|^Features:.*|^iPXE>"),
}


class Machine:
    def __init__(self, text):
        place, _, cpus = text.partition(":")
        self.cpu, _, board = place.partition("/")
        self.board, self.cpus = board or "pc", int(cpus or 1)
        self.text = text
        # In Bochs a hundred times slower, and all its processors take turns.
        self.timeout = 120 * max(1, self.cpus // 2) if self.cpu.startswith("amd") else \
            200 + 200 * self.cpus
        self.mem = 256

    def options(self):
        """Of the kernel, with swivl and without. What they spare in Bochs: half a minute of initial calls
        that meet nothing of the machine; and minutes of MWAIT, out of which the first of several
        processors wakes the others late there (SDM vol. 2: MWAIT ends with the store that is awaited)."""
        if self.cpu.startswith("amd"):
            return "quiet"
        several = f" idle=halt tsc_early_khz={bochs.IPS // 1000}" if self.cpus > 1 else ""
        return f"quiet initcall_blacklist={','.join(cmdline.LEFT_OUT)}{several}"

    def start(self, work, *images, **more):
        return pc.PC(work, images, self.cpu, self.cpus, self.board, self.mem, **more)


class Difference(Exception):
    pass


def check(ok, why, text=""):
    if not ok:
        raise Difference(f"{why}\n{text}")


def same(plain, beneath, what):
    if plain != beneath:
        raise Difference(f"{what}: different beneath swivl\n" + "\n".join(
            difflib.unified_diff(plain, beneath, "without", "beneath swivl", lineterm="", n=1)))


def image_of(work, system, options, beneath):
    image = disk.for_system(f"{work}/disk", disk.System(system), options)
    if beneath:
        disk.swivl("install", "--brand", BRAND, image)
    return image


def started_beneath(text, machine, drive=0x80):
    """What the log has to say first."""
    for line in [r"swivl: loader", r"swivl: hypervisor at 0x"] + \
            [rf"swivl: CPU {i}, local APIC {i}: .* is on" for i in range(machine.cpus)] + \
            [rf"swivl: the guest starts at 0:7c00, drive {drive:x}"]:
        check(re.search(line, text), f"no \"{line}\" in the log", text)


# ---- Linux -----------------------------------------------------------------------------------

def linux_run(work, machine, system, beneath, multiboot=""):
    # The 686 kernels have drivers for both disks.
    todo = "report,off" if system == "linux" else "report,disk,off"
    images = [image_of(work, system, f"{machine.options()} lab.do={todo}", beneath and not multiboot)]
    if multiboot:
        images.insert(0, disk.for_multiboot(f"{work}/grub", multiboot, f"disk=0x81 brand={BRAND}"))
    with machine.start(work, *images) as m:
        there = m.wait("^lab: off", machine.timeout)
        ended = m.ends(60)
        text = m.serial()
    check(there and ended, "no report, or no power-off" + " beneath swivl" * beneath, text)
    return text


def report(text):
    """What the lab's init said, and what the kernel warns of; without times."""
    lines = [re.sub(r"^\[ *[0-9.]+\] ", "kernel: ", ln) for ln in text.splitlines()]
    lines = [ln for ln in lines if re.match("lab: |kernel: ", ln) and not re.match(
        r"kernel: (swivl: |reboot: )|lab: processor: ", ln)]
    memory = [int(re.search(r"(\d+) kB", ln).group(1)) for ln in lines if ln.startswith("lab: memory")]
    return [ln for ln in lines if not ln.startswith("lab: memory")], memory


def linux(machine, name):
    multiboot, system = (name, "linux") if name in MULTIBOOT else ("", name)
    with tempfile.TemporaryDirectory(dir=HERE) as work:
        plain = linux_run(work, machine, system, False)
        text = linux_run(work, machine, system, True, multiboot)
    started_beneath(text, machine, 0x81 if multiboot else 0x80)
    (before, memory), (now, less) = report(plain), report(text)
    same(before, now, "report and warnings")
    check(system == "linux" or "lab: disk: written and read" in now, "the disk", text)
    check(f"Linux {disk.System(system).release} on {machine.cpus} proc" in now[0] or
          any(f"on {machine.cpus} processors" in ln for ln in now), "the count of processors", text)
    check(text.count(f"lab: processor: {BRAND}") == machine.cpus, "the brand string", text)
    base, last = (int(n, 16) for n in re.search(r"hypervisor at 0x(\w+) to 0x(\w+)", text).groups())
    lost = memory[0] - less[0] - (last + 1 - base) // 1024
    check(-256 <= lost <= 256, f"{lost} KiB of memory were lost", text)
    if system == "linux":
        check("swivl is beneath this system, interface version 1" in text, "swivl metal", text)
        for ln in re.findall(r"^ +\d+  .*", text, re.M):
            print("#", ln)


# ---- what has only a screen --------------------------------------------------------------------

def screen_run(work, machine, system, beneath):
    pattern, constant = FIRST_SCREEN[system]
    image = image_of(work, system, "", beneath)
    name = re.sub(r"\W+", "-", f"{system} {machine.text}") + ("-swivl" if beneath else "-plain")
    with machine.start(work, image) as m:
        lines = m.wait_screen(pattern, machine.timeout)
        kept = m.screenshot(os.path.join(SCREENS, name))
        text = m.serial()
    check(lines, f"no first screen{' beneath swivl' * beneath}", "\n".join(kept or []) + "\n" + text)
    if beneath:
        started_beneath(text, machine)
    return [found for ln in lines for found in re.findall(constant, ln)]


def screen(machine, system):
    with tempfile.TemporaryDirectory(dir=HERE) as work:
        plain = screen_run(work, machine, system, False)
        check(len(plain) >= 3, "too little on the screen to compare", "\n".join(plain))
        same(plain, screen_run(work, machine, system, True), "the screen")


# ---- work --------------------------------------------------------------------------------------

def built(functions):
    """What lab/metal-init.sh's program prints."""
    x, mask = 1, (1 << 32) - 1
    for _ in range(200):
        for n in range(functions):
            y = x
            for i in range(9):
                y = (y * (2 * n + 3) + (y >> n % 13 + 1) + i) & mask
            x ^= y
    return x


def work(machine, _):
    system = "linux-686-pae" if machine.board == "q35" else "linux"       # the other has no driver for AHCI
    # Linux tries the keyboard controller first, which in Bochs leaves too much as it was: lab/README.md.
    functions, way = (1500, "") if machine.cpu.startswith("amd") else (500, " reboot=pci")
    todo = "report,build,disk,exits,again,report,disk,off"
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        image = image_of(folder, system, f"{machine.options()} lab.functions={functions} lab.do={todo}{way}", True)
        with machine.start(folder, image, reboot=True) as m:
            worked = m.wait("^lab: reboots", machine.timeout * 2)
            off = m.wait("^lab: off", machine.timeout)
            ended = m.ends(60)
            text = m.serial()
    check(worked, "it did not work to the end", text)
    check(off and ended, "no second start, or no power-off", text)
    first, _, second = text.partition("lab: reboots")
    for start in (first, second):
        started_beneath(start, machine)
        check(start.count("lab: disk: written and read") == 1, "the disk", text)
    sums = re.findall(r"lab: build: 8 programs, sum (\d+)", text)
    check(sums == [str(built(functions))], "what was built", text)
    busy = [int(n) for n in re.findall(r"lab: build: cpu\d+ busy (\d+)", first)]
    print("# ticks that the processors were busy:", *busy)
    check(len(busy) == machine.cpus and min(busy) * 3 > max(busy), "not all processors worked", text)


def main():
    machine, names = Machine(sys.argv[1]), sys.argv[2:]
    os.makedirs(SCREENS, exist_ok=True)
    print(f"1..{len(names)}", flush=True)
    failed = 0
    for i, name in enumerate(names, 1):
        title = f"metal/{name} on {machine.text}"
        try:
            test = work if name == "work" else screen if name in FIRST_SCREEN else linux
            test(machine, name)
            print(f"ok {i} - {title}", flush=True)
        except LabError as e:
            print(f"ok {i} - {title} # SKIP {str(e).splitlines()[0]}", flush=True)
        except Exception as e:  # a verdict for each
            failed += 1
            text = str(e) if isinstance(e, Difference) else traceback.format_exc()
            print("".join(f"# {ln}\n" for ln in text.splitlines()[-150:]), end="")
            print(f"not ok {i} - {title}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
