#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Starts disks with and without swivl's boot record, a stub in the hypervisor's place, and compares
what the disk's own boot record, or Debian's GRUB, finds. `boot.py --short`: the most telling ones.
`boot.py NAME...`: only these."""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, "tests/metal/boot")

from machines import (HERE, PARTITION, SECTOR, Machine, disk, grub_disk, handover_disk, install,  # noqa: E402
                      kernel_disk, read, swivl, write)

TESTS = []
WITHOUT = "swivl: the disk's own boot record runs without it"
NOTHING = "swivl: there is no boot record to start"


def test(short=False):
    def add(f):
        TESTS.append((f.__name__.replace("_", " "), f, short))
        return f
    return add


class Skip(Exception):
    pass


def need(what, where):
    if not (shutil.which(where) or os.path.exists(where)):
        raise Skip(f"{what} is not installed")


def machine(work, **more):
    m = Machine(work, **more)
    need(m.emulator, "qemu-system-x86_64" if m.emulator == "qemu" else "bochs-bin")
    return m


def handover(text):
    """What the boot record found, without the screen and the BIOS' data, where the cursor is."""
    start = text.find("state: ")
    assert start >= 0 and text.rstrip().endswith("end"), "the boot record did not run:\n" + text
    lines = text[start:].splitlines()
    return [re.sub(" bios data: [^ ]*", "", ln) for ln in lines if not ln.startswith("screen:")]


def screen(text):
    return [ln[8:].strip() for ln in text.splitlines() if ln.startswith("screen: ")]


def refused(text, why):
    """It says why, on both, and then the boot record runs."""
    assert f"swivl: {why}" in text, f"no \"{why}\" on the serial port:\n{text}"
    # There it may be longer than a line.
    assert f"swivl:{why}".replace(" ", "") in "".join(screen(text)).replace(" ", ""), \
        f"no \"{why}\" on the screen:\n{text}"


def same_handover(m, work, why="the stub refuses", change=None, options=(), **more):
    """The state with swivl, which refuses, is that without."""
    image = handover_disk(f"{work}/disk", **more)
    plain = m.run(image)
    install(image, *options)
    if change:
        change(image)
    text = m.run(image)
    refused(text, why)
    assert handover(text) == handover(plain), f"{plain}\n--- with swivl:\n{text}"
    return text


def stub(text):
    found = re.search("stub: (.*)", text)
    assert found, "the stub did not run:\n" + text
    return found.group(1)


def entries(text, size):
    """The E820 map as the boot record sees it with buffers of that size."""
    part = text.split(f"map: {size:04X}\n")[1].split("map: ")[0]
    found = []
    for base0, base1, size0, size1, kind in re.findall(
            r"^entry: \w+ (\w+) (\w+) (\w+) (\w+) (\w+)", part, re.M):
        found.append((int(base1 + base0, 16), int(size1 + size0, 16), int(kind, 16)))
    return found


def top(text):
    """Where usable memory ends."""
    return max(e[0] + e[1] for e in entries(text, 24) if e[2] == 1)


def hidden(m, work, above_4g):
    """The stub goes on as the guest: its BIOS does not show the range."""
    image = handover_disk(f"{work}/disk")
    plain = m.run(image)
    install(image, "--brand", "pass", "--log-level", "2")
    text = m.run(image)
    base, size = (int(n, 16) for n in re.search(r"range (\w+) \+ (\w+)", stub(text)).groups())
    assert (base >= 1 << 32) == above_4g, hex(base)
    # 4 MiB, and a page for each begun GiB: what is wished, not a byte more.
    assert base % (2 << 20) == 0 and size == (4 << 20) + 4096 * -(-top(plain) // (1 << 30))
    for n in 20, 24:
        usable = [e for e in entries(text, n) if e[2] == 1]
        assert not [e for e in usable if e[0] < base + size and base < e[0] + e[1]], text
        assert (base, size, 2) in entries(text, n), text
        # All else is as usable as before: but the range and one page.
        before = sum(e[1] for e in entries(plain, n) if e[2] == 1)
        assert before - sum(e[1] for e in usable) - size in (1024, 4096), text
        assert all(e in entries(text, n) for e in entries(plain, n) if e[2] != 1)
        ranges = sorted(entries(text, n))
        assert all(a[0] + a[1] <= b[0] for a, b in zip(ranges, ranges[1:])), f"overlap: {text}"
    was, now = (int(re.search(r" 12: (\w+)", t).group(1), 16) for t in (plain, text))
    assert now == was - 4
    # Sizes end where the range begins, where that is below 4 GiB.
    e801 = re.search(r"e801: (\w{4})(\w\w)(\w{4})(\w{4})(\w{4})", text).groups()
    before = re.search(r"e801: (\w{4})(\w\w)(\w{4})(\w{4})(\w{4})", plain).groups()
    if above_4g:
        assert e801 == before
    else:
        assert int(e801[2], 16) == (base >> 16) - 256, text
        assert (e801[0], e801[1], e801[3]) == ("3C00", "00", "3C00") and e801[4] == e801[2]
    kib = [int(re.search(r" 88: (\w{4})00", t).group(1), 16) for t in (plain, text)]
    assert kib[1] == min(kib[0], (base >> 10) - 1024), text
    errors = [re.search(r"errors: \w+", t).group() for t in (plain, text)]
    # (Bochs' BIOS takes any size for a buffer.)
    assert errors[0] == errors[1] or m.emulator == "bochs", errors
    # Registers, segments, flags, control register: as without.
    assert handover(text)[0] == handover(plain)[0], text
    assert "swivl" not in " ".join(screen(text)), "nothing for the person to read where all is well"


@test(short=True)
def handover_is_the_same_on_IDE(work):
    text = same_handover(machine(work), work)
    info = stub(text)
    for part in ("magic 1", "version 1", "way 0", "drive 80", "whole 1", "level 1"):
        assert part in info, info


@test()
def handover_is_the_same_on_AHCI(work):
    same_handover(machine(work, board="q35"), work)


@test()
def handover_is_the_same_in_Bochs(work):
    same_handover(machine(work, emulator="bochs", cpu="corei7_haswell_4770"), work)


@test(short=True)
def memory_below_4_GiB_is_hidden(work):
    # So little that 88h, which ends below 64 MiB, would show it, too.
    hidden(machine(work, mem=48), work, False)


@test()
def memory_above_4_GiB_is_hidden(work):
    hidden(machine(work, mem=5000), work, True)


@test()
def memory_is_hidden_on_AHCI(work):
    hidden(machine(work, board="q35"), work, False)


@test()
def memory_is_hidden_in_Bochs(work):
    hidden(machine(work, emulator="bochs", cpu="corei7_haswell_4770"), work, False)


def corrupt(kind, at=100):
    """Changes one byte of an element."""
    def change(image):
        record = read(image, 0)
        table_lba = struct.unpack_from("<I", record, 440 - 24 + 4)[0]
        lba = table_lba if kind is None else struct.unpack_from(
            "<I", read(image, table_lba), 56 + kind * 24 + 4)[0]
        byte = read(image, lba, 1 + at // SECTOR)[at] ^ 0x40
        write(image, lba * SECTOR + at, bytes([byte]))
    return change


@test(short=True)
def damaged_hypervisor(work):
    same_handover(machine(work), work, "the hypervisor is damaged: wrong checksum", corrupt(3, 300))


@test()
def damaged_hypervisor_header(work):
    same_handover(machine(work), work, "the hypervisor's image is not one, or of another version",
                  corrupt(3, 8))


@test()
def damaged_configuration(work):
    same_handover(machine(work), work, "the configuration block is damaged: wrong checksum",
                  corrupt(0, 30))


@test()
def damaged_old_boot_record(work):
    # A byte of the text "Shutdown" and what is behind it, which the boot record needs last.
    m = machine(work)
    image = install(handover_disk(f"{work}/disk"))
    at = read(image, 0)
    table_lba = struct.unpack_from("<I", at, 440 - 24 + 4)[0]
    old = struct.unpack_from("<I", read(image, table_lba), 56 + 24 + 4)[0]
    write(image, old * SECTOR + 430, b"\1")
    refused(m.run(image), "the old boot record is damaged: wrong checksum")


@test()
def damaged_load_table(work):
    same_handover(machine(work), work, "the load table is damaged: wrong checksum", corrupt(None, 60))


@test()
def damaged_loader(work):
    same_handover(machine(work), work, "the loader is damaged", corrupt(2, 2000))


@test()
def old_boot_record_without_signature(work):
    m = machine(work)
    image = install(handover_disk(f"{work}/disk"))
    table_lba = struct.unpack_from("<I", read(image, 0), 440 - 24 + 4)[0]
    table = bytearray(read(image, table_lba))
    lba = struct.unpack_from("<I", table, 56 + 24 + 4)[0]
    write(image, lba * SECTOR + 510, b"\0\0")
    # With its checksum right, too.
    old = read(image, lba)
    import zlib
    struct.pack_into("<I", table, 56 + 24 + 16, zlib.crc32(old))
    struct.pack_into("<I", table, 12, 0)
    struct.pack_into("<I", table, 12, zlib.crc32(bytes(table)))
    write(image, table_lba * SECTOR, bytes(table))
    text = m.run(image, until=NOTHING)
    assert "swivl: the old boot record does not end with 55AA" in text, text
    assert NOTHING in text, text
    assert "state:" not in text


def read_error(m, work, kind, until=None):
    """A sector of that element cannot be read."""
    image = handover_disk(f"{work}/disk")
    plain = m.run(image)
    install(image)
    table_lba = struct.unpack_from("<I", read(image, 0), 440 - 24 + 4)[0]
    lba = table_lba if kind is None else struct.unpack_from(
        "<I", read(image, table_lba), 56 + kind * 24 + 4)[0]
    config = f"{work}/errors"
    with open(config, "w") as f:
        f.write(f'[inject-error]\nevent = "none"\niotype = "read"\nsector = "{lba}"\n'
                'once = "off"\nerrno = "5"\n')
    text = m.run(f"driver=raw,file.driver=blkdebug,file.config={config},file.image.filename={image},"
                 "rerror=report", until=until)
    return plain, text


@test()
def read_error_in_hypervisor(work):
    plain, text = read_error(machine(work), work, 3)
    assert re.search(r"swivl: disk 0x80: cannot read the hypervisor at sector \d+", text), text
    assert handover(text) == handover(plain), text


@test()
def read_error_in_load_table(work):
    plain, text = read_error(machine(work), work, None)
    assert re.search(r"swivl: disk 0x80: cannot read the load table at sector \d+", text), text
    assert handover(text) == handover(plain), text


@test()
def read_error_in_loader(work):
    plain, text = read_error(machine(work), work, 2)
    assert "swivl: cannot read the loader" in text, text
    assert handover(text) == handover(plain), text


@test()
def read_error_in_old_boot_record(work):
    _, text = read_error(machine(work), work, 1, NOTHING)
    assert re.search(r"swivl: disk 0x80: cannot read the old boot record at sector \d+", text), text
    assert NOTHING in text, text


@test()
def too_little_memory(work):
    m = machine(work, mem=6)
    same_handover(m, work, "too little memory: 4100 KiB in one piece are not free")


@test()
def no_long_mode(work):
    same_handover(machine(work, cpu="qemu32"), work, "the processor has no long mode")


@test()
def no_cpuid(work):
    same_handover(machine(work, cpu="486"), work,
                  "the processor has no long mode")


def a20(text):
    return re.search(r"a20: (\w+)", text).group(1)


@test()
def address_line_20(work):
    """Handed over switched off: on for the hypervisor, off again where that refuses. The second disk,
    too."""
    m = machine(work, cpu="EPYC-v1")
    with open(f"{HERE}/a20_off.bin", "rb") as f:
        first = disk(f"{work}/first", f.read())
    image = handover_disk(f"{work}/disk")
    plain = m.run(first, image)
    assert a20(plain) == "00", plain
    install(image)
    text = m.run(first, image)
    assert "drive 81" in stub(text) and "whole 1" in stub(text), text
    refused(text, "the stub refuses")
    assert handover(text) == handover(plain), f"{plain}\n--- with swivl:\n{text}"
    swivl("remove", image)
    install(image, "--brand", "pass")
    assert a20(m.run(first, image)) == "01"


@test()
def serial_port_is_configured(work):
    m = machine(work)
    image = handover_disk(f"{work}/disk")
    install(image, "--log-port", "0")
    text = m.run(image)
    assert "stub" not in text.split("screen:")[0] and "swivl" not in text.split("screen:")[0], text
    assert "swivl: the stub refuses" in screen(text), text
    handover(text)


@test()
def brand_and_level_arrive(work):
    m = machine(work)
    image = install(handover_disk(f"{work}/disk"), "--brand", "A brand of 47 characters", "--log-level", "0")
    text = m.run(image)
    assert "brand A brand of 47 characters" in stub(text) and "level 0" in stub(text), text
    assert "loader" not in text.split("stub:")[0], text


@test()
def repartitioned_since(work):
    """The partition table is the one that the disk has now, here and for the boot record."""
    m = machine(work)
    image = install(handover_disk(f"{work}/disk"))
    # The test's boot record adds up its own sector.
    before = re.search(r" sector: (\w+)", m.run(image)).group(1)
    entry = struct.pack("<B3xB3xII", 0, 0x82, 9000, 100)
    write(image, 462, entry)
    after = re.search(r" sector: (\w+)", m.run(image)).group(1)
    swivl("remove", image)
    assert read(image, 0)[462:478] == entry
    plain = re.search(r" sector: (\w+)", m.run(image)).group(1)
    assert after == plain != before, (before, after, plain)


# ---- GRUB ----------------------------------------------------------------------------------

GRUB_CONFIG = """
serial --unit=0 --speed=115200
terminal_output serial
lsmmap
echo "disk: $root $prefix"
hexdump -s 0 -n 64 (hd0)0+1
echo the end
halt
"""


def grub_needed():
    need("grub-pc-bin", "/usr/lib/grub/i386-pc/boot.img")
    need("grub-common", "grub-mkimage")


def grub_same(m, work):
    grub_needed()
    image = grub_disk(f"{work}/disk", work, GRUB_CONFIG)
    before = read(image, 0, PARTITION)
    plain = m.run(image)
    assert "the end" in plain, plain
    install(image)
    text = m.run(image)
    assert "swivl: the stub refuses" in text, text
    start = text.index(WITHOUT) + len(WITHOUT)
    tail = [ln for ln in text[start:].strip().splitlines() if not ln.startswith("0000")]
    assert tail == [ln for ln in plain.strip().splitlines() if not ln.startswith("0000")], \
        f"{plain}\n--- with swivl:\n{text}"
    swivl("remove", image)
    assert read(image, 0, PARTITION) == before


@test(short=True)
def GRUB_starts_as_without(work):
    grub_same(machine(work), work)


@test()
def GRUB_starts_as_without_on_AHCI(work):
    grub_same(machine(work, board="q35"), work)


@test()
def GRUB_starts_as_without_in_Bochs(work):
    grub_same(machine(work, emulator="bochs", cpu="corei7_haswell_4770"), work)


@test()
def GRUB_sees_no_hidden_memory(work):
    grub_needed()
    m = machine(work)
    image = install(grub_disk(f"{work}/disk", work, GRUB_CONFIG), "--brand", "pass")
    text = m.run(image)
    base, size = (int(n, 16) for n in re.search(r"range (\w+) \+ (\w+)", stub(text)).groups())
    assert f"base_addr = 0x{base:x}, length = 0x{size:x}, reserved" in text.replace(
        "  ", " ") or re.search(f"0x{base:x}.*0x{size:x}.*reserved", text), text


def kernel_messages(text):
    return re.findall(r"BIOS-e820: \[mem 0x(\w+)-0x(\w+)\] (.*)", text), \
        int(re.search(r"Memory: \d+K/(\d+)K", text).group(1))


@test()
def Debians_kernel_starts(work):
    """By GRUB, without swivl, with one that refuses, and in less memory."""
    grub_needed()
    need("mtools", "mformat")
    m = machine(work)
    kernel = subprocess.run(["lab/kernel", "vmlinuz"], check=True, capture_output=True, text=True).stdout
    image = kernel_disk(f"{work}/disk", work, kernel.strip(), "console=ttyS0 panic=-1")
    before = read(image, 0, PARTITION)
    plain = m.run(image)
    assert "Unable to mount root fs" in plain, plain
    install(image)
    text = m.run(image)
    assert "swivl: the stub refuses" in text and "Unable to mount root fs" in text, text
    assert kernel_messages(text) == kernel_messages(plain), text
    swivl("remove", image)
    assert read(image, 0, PARTITION) == before
    install(image, "--brand", "pass")
    text = m.run(image)
    assert "Unable to mount root fs" in text, text
    base, size = (int(n, 16) for n in re.search(r"range (\w+) \+ (\w+)", stub(text)).groups())
    ranges, total = kernel_messages(text)
    assert (f"{base:016x}", f"{base + size - 1:016x}", "reserved") in ranges, ranges
    # One page less of conventional memory, which the kernel rounds.
    lost = kernel_messages(plain)[1] - total - size // 1024
    assert 0 <= lost <= 8, lost


# ---- multiboot -----------------------------------------------------------------------------

@test(short=True)
def multiboot_1(work):
    m = machine(work)
    image = handover_disk(f"{work}/disk")
    text = m.run(image, more=["-kernel", f"{HERE}/stub-multiboot", "-append",
                              "log-level=2 brand=by multiboot"])
    info = stub(text)
    assert "way 1" in info and "drive 80" in info and "whole 1" in info, text
    assert "brand by multiboot" in info and "level 2" in info, text
    refused(text, "the stub refuses")
    state = handover(text)[0]
    assert "edx=00000080" in state and "cs=0000" in state and "ss=0000 sp=7C00" in state, state


@test()
def multiboot_of_the_second_disk(work):
    m = machine(work)
    other = disk(f"{work}/other", b"\xeb\xfe")
    image = handover_disk(f"{work}/disk")
    text = m.run(other, image, more=["-kernel", f"{HERE}/stub-multiboot", "-append", "disk=0x81"])
    assert "drive 81" in stub(text), text
    assert "edx=00000081" in handover(text)[0], text


@test()
def multiboot_of_no_disk(work):
    m = machine(work)
    image = handover_disk(f"{work}/disk")
    text = m.run(image, more=["-kernel", f"{HERE}/stub-multiboot", "-append", "disk=0x85"], until=NOTHING)
    assert "swivl: disk 0x85: cannot read its boot record" in text, text
    assert NOTHING in text, text


def multiboot_by_grub(work, command, way, **more):
    grub_needed()
    m = machine(work, **more)
    image = grub_disk(f"{work}/disk", work, f"""
serial --unit=0 --speed=115200
terminal_output serial
{command} (memdisk)/stub-multiboot disk=0x81 brand=pass
boot
""", [f"{HERE}/stub-multiboot"])
    other = handover_disk(f"{work}/other")
    text = m.run(image, other)
    assert f"way {way}" in stub(text) and "drive 81" in stub(text), text
    base, size = (int(n, 16) for n in re.search(r"range (\w+) \+ (\w+)", stub(text)).groups())
    assert (base, size, 2) in entries(text, 20), text
    assert "edx=00000081" in handover(text)[0], text


@test()
def multiboot_1_by_GRUB(work):
    multiboot_by_grub(work, "multiboot", 1)


@test()
def multiboot_2_by_GRUB(work):
    multiboot_by_grub(work, "multiboot2", 2)


@test()
def multiboot_2_by_GRUB_in_Bochs(work):
    multiboot_by_grub(work, "multiboot2", 2, emulator="bochs", cpu="corei7_haswell_4770")


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    short = "--short" in sys.argv
    failed = 0
    chosen = [t for t in TESTS if (not short or t[2]) and (not names or any(n in t[0] for n in names))]
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, run, _) in enumerate(chosen, 1):
        with tempfile.TemporaryDirectory(prefix="swivl-boot-") as work:
            try:
                run(work)
                print(f"ok {number} - {name}", flush=True)
            except Skip as e:
                print(f"ok {number} - {name} # skip {e}", flush=True)
            except Exception:   # a test of ours that broke has failed, too
                failed += 1
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
                print(f"not ok {number} - {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
