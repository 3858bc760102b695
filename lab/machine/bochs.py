# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Bochs: the Intel machines, and AMD's as a second opinion. Kernel, initramfs and parameters are put straight into memory; an
option ROM (lab/boot/boot.S) jumps into the kernel."""

import os
import struct

from . import cache, cmdline, kernel as kernels
from .cache import LabError

PARAMS = 0xf00000           # the block that boot.S describes
CMDLINE_OFFSET = 0x1000
PAGE_TABLES_OFFSET = 0x2000
GDT_OFFSET = 0x8000
START_OFFSET = 0x8100
CMDLINE_SIZE = 0x1000
BLOCK = 0x20000             # the unit in which Bochs gives memory to the machine
PADDING = 24                # blocks; more than the firmware touches before the boot ROM runs
PADDING_MARK = b"BPAD"
PADDING_LAST = b"LAST"

# Instructions that count as a second for timers: about what the emulator executes in one.
IPS = 50_000_000


# With XSAVES these announce a compact area of another size than the sum of its parts, and Linux
# then does without XSAVE altogether.
COMPACT_XSAVE_WRONG = ("corei7_skylake_x", "corei3_cnl", "corei7_icelake_u", "tigerlake")

# A guest's triple fault is a panic with SVM, before it becomes the exit that it should be; and
# a guest that faults without end fills the disk with what Bochs says of each fault.
AMD = ("zambezi", "trinity_apu", "turion64_tyler")


def boot_rom():
    source = os.path.join(cache.LAB, "boot/boot.S")

    def make(tmp):
        obj = tmp + ".o"
        cache.run(["gcc", "-c", "-o", obj, source])
        cache.run(["ld", "-m", "elf_x86_64", "-Ttext", "0", "-e", "0", "--oformat", "binary",
                   "-o", tmp, obj])
        os.unlink(obj)
        with open(tmp, "rb") as f:
            rom = f.read()
        if len(rom) > 511:
            raise LabError("the boot ROM has outgrown its block")
        rom = rom.ljust(511, b"\0")
        with open(tmp, "wb") as f:
            f.write(rom + bytes([-sum(rom) & 0xff]))    # the firmware checks the sum

    return cache.made(f"boot/{cache.digest('path:' + source)}.rom", make)


def firmware(spec):
    """Bochs' own, or a copy that sets IA32_FEATURE_CONTROL to "locked" alone, on every processor."""
    source = "/usr/share/bochs/BIOS-bochs-latest"
    if not spec.vmx_off:
        return source

    def make(tmp):
        with open(source, "rb") as f:
            image = f.read()
        # mov $0x3a, %ecx; rdmsr; or $5, %eax, in 32-bit code and in the others' 16-bit code
        for code in (bytes.fromhex("b93a0000000f3283c805"), bytes.fromhex("66b93a0000000f326683c805")):
            if image.count(code) != 1:
                raise LabError(f"{source} has no known place where VMX is switched on")
            image = image.replace(code, code[:-1] + b"\x01")
        with open(tmp, "wb") as f:
            f.write(image)

    return cache.made(f"boot/{cache.digest('vmx off', 'path:' + source)}.bios", make)


def parameters(kernel, line, initrd_at, initrd_size, end):
    """The block of parameters: the zero page (Linux x86 boot protocol), page tables, GDT."""
    raw = line.encode()
    if len(raw) >= CMDLINE_SIZE:
        raise LabError("the kernel command line is too long")
    block = bytearray(BLOCK)
    with open(kernel.vmlinuz, "rb") as f:
        header = f.read(0x400)
    # The setup header goes over as it is: from 0x1f1 up to the length that its jump tells.
    header_end = 0x202 + header[0x201]
    block[0x1f1:header_end] = header[0x1f1:header_end]
    block[0x210] = 0xff                                     # type_of_loader: none registered
    block[0x211] |= 1                                       # loadflags: LOADED_HIGH
    struct.pack_into("<II", block, 0x218, initrd_at, initrd_size)
    struct.pack_into("<I", block, 0x228, PARAMS + CMDLINE_OFFSET)
    block[CMDLINE_OFFSET:CMDLINE_OFFSET + len(raw)] = raw

    tables = PARAMS + PAGE_TABLES_OFFSET
    struct.pack_into("<Q", block, PAGE_TABLES_OFFSET, (tables + 0x1000) | 3)
    for i in range(4):
        at = PAGE_TABLES_OFFSET + 0x1000 + i * 8
        struct.pack_into("<Q", block, at, (tables + 0x2000 + i * 0x1000) | 3)
    for i in range(4 * 512):                                # 2 MiB pages, one to one
        at = PAGE_TABLES_OFFSET + 0x2000 + i * 8
        struct.pack_into("<Q", block, at, (i << 21) | 0x83)
    struct.pack_into("<QQQQ", block, GDT_OFFSET, 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff)
    blocks = (end - kernels.KERNEL_BASE) // BLOCK
    struct.pack_into("<III", block, START_OFFSET, end, blocks, 0)
    return bytes(block)


def _round_up(n):
    return -(-n // BLOCK) * BLOCK


def memory_image(path, kernel, initrd, line, mem):
    """What the machine finds in memory when it starts, in the order that boot.S explains."""
    with open(kernel.flat, "rb") as f:
        flat = f.read()
    with open(initrd, "rb") as f:
        archive = f.read()
    initrd_at = kernels.KERNEL_BASE + _round_up(len(flat))
    end = initrd_at + _round_up(len(archive))
    if end + (64 << 20) > mem:
        raise LabError(f"{mem >> 20} MiB of memory are too few for these files")
    with open(path, "wb") as f:
        f.write(parameters(kernel, line, initrd_at, len(archive), end))
        for i in range(PADDING):
            mark = PADDING_MARK if i < PADDING - 1 else PADDING_LAST
            f.write(mark.ljust(BLOCK, b"\0"))
        f.write(flat.ljust(_round_up(len(flat)), b"\0"))
        f.write(archive.ljust(_round_up(len(archive)), b"\0"))


def of_the_cpus(spec, action):
    """What is done about messages of the processors themselves."""
    return "".join(f", cpu{n}={action}" for n in range(spec.cpus)) if spec.cpu in AMD else ""


def command(spec, kernel, initrd, work):
    """Writes the configuration into the folder work; returns the command."""
    image = os.path.join(work, "memory")
    ips = spec.ips or IPS
    # Processors that sleep in MWAIT wake late or never in Bochs: seconds pass with four of them.
    # Newer models tell a frequency of their own in CPUID, by which every short delay takes 70 times
    # the instructions: in truth the time stamp counter counts one per instruction.
    more = ["idle=halt", f"tsc_early_khz={ips // 1000}"]
    if spec.cpu in COMPACT_XSAVE_WRONG:
        more.append("clearcpuid=xsaves,xsavec")
    line = cmdline.build(spec, *more)
    memory_image(image, kernel, initrd, line, spec.mem << 20)
    if spec.interactive:
        com1 = f"mode=term, dev={spec.tty}"
    else:
        com1 = f"mode=file, dev={work}/console"
    config = f"""
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, parallel=0, serial=1, e1000=0, gameport=0
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest={spec.mem}, host={spec.mem}
romimage: file={firmware(spec)}, options=fastboot
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
optromimage1: file={boot_rom()}, address=0xd0000
optramimage1: file={image}, address={PARAMS:#x}
cpu: model={spec.cpu}, count={spec.cpus}, ips={ips}, quantum=32, reset_on_triple_fault=0, ignore_bad_msrs=1
clock: sync=none, time0=1577836800, rtc_sync=0
ata0: enabled=0
ata1: enabled=0
boot: disk
pci: enabled=1, chipset=i440fx
vga: update_freq=1
com1: enabled=1, {com1}
log: {work}/bochs.log
panic: action=fatal{of_the_cpus(spec, "report")}
error: action=report{of_the_cpus(spec, "ignore")}
info: action=report
debug: action=ignore
port_e9_hack: enabled=1
"""
    rc = os.path.join(work, "bochsrc")
    with open(rc, "w") as f:
        f.write(config)
    with open(os.path.join(work, "debugger"), "w") as f:
        # Debian's build stops in its debugger at the first instruction, and at each such panic.
        f.write("c\n" * (10000 if spec.cpu in AMD else 1))
    return ["/usr/bin/bochs-bin", "-q", "-f", rc, "-rc",
            os.path.join(work, "debugger")]
