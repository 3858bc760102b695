# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Disks that start, and the emulators that start them: QEMU (TCG) and Bochs, both without a window."""

import os
import struct
import subprocess
import time

BUILD = os.environ.get("BUILD", "build")
HERE = os.path.join(BUILD, "tests/metal/boot")
SWIVL = os.path.join(HERE, "swivl")
GRUB = "/usr/lib/grub/i386-pc"
SECTOR = 512
PARTITION = 2048                        # where the first one begins


def disk(path, code=b"", gap=b"", size=8 << 20, first=PARTITION):
    """An image with the boot record's code, what is in the gap behind it, and one partition that
    holds no zeros, so that a write there is seen."""
    image = bytearray(size)
    image[:len(code)] = code
    image[440:446] = b"SIGN\0\0"
    image[446:462] = struct.pack("<B3xB3xII", 0x80, 0x83, first, size // SECTOR - first)
    image[510:512] = b"\x55\xaa"
    image[SECTOR:SECTOR + len(gap)] = gap
    image[first * SECTOR:] = b"\xa5" * (size - first * SECTOR)
    with open(path, "wb") as f:
        f.write(image)
    return path


def handover_disk(path, **more):
    with open(os.path.join(HERE, "handover.bin"), "rb") as f:
        code = f.read()
    return disk(path, code[:440], code[SECTOR:], **more)


def grub_disk(path, work, config, files=(), modules=(), **more):
    """Debian's GRUB in boot record and gap; configuration and files are in its core image."""
    root = os.path.join(work, "memdisk")
    os.makedirs(os.path.join(root, "boot/grub"), exist_ok=True)
    with open(os.path.join(root, "boot/grub/grub.cfg"), "w") as f:
        f.write(config)
    for f in files:
        subprocess.run(["cp", f, root], check=True)
    subprocess.run(["tar", "-C", root, "-cf", root + ".tar", "."], check=True)
    subprocess.run(["grub-mkimage", "-O", "i386-pc", "-p", "(memdisk)/boot/grub", "-m", root + ".tar",
                    "-o", root + ".img", "biosdisk", "memdisk", "tar", "normal", "serial", "terminfo",
                    "lsmmap", "echo", "halt", "multiboot", "multiboot2", "test", "chain", "hexdump", *modules],
                   check=True, stderr=subprocess.PIPE)
    with open(os.path.join(GRUB, "boot.img"), "rb") as f:
        code = f.read(440)
    with open(root + ".img", "rb") as f:
        return disk(path, code, f.read(), **more)


def kernel_disk(path, work, kernel, command_line):
    """GRUB as above, and a kernel in a FAT partition."""
    config = f"""
serial --unit=0 --speed=115200
terminal_output serial
set root=(hd0,msdos1)
linux /vmlinuz {command_line}
boot
"""
    grub_disk(path, work, config, modules=("fat", "part_msdos", "linux"), size=40 << 20)
    fat = f"{path}@@{PARTITION * SECTOR}"
    subprocess.run(["mformat", "-i", fat, "-T", str((40 << 20) // SECTOR - PARTITION), "-h", "64", "-s", "32",
                    "::"], check=True)
    subprocess.run(["mcopy", "-i", fat, kernel, "::vmlinuz"], check=True)
    return path


def swivl(*args, check=True):
    r = subprocess.run([SWIVL, "disk", *args], capture_output=True, text=True)
    if check and r.returncode:
        raise AssertionError(f"swivl disk {' '.join(args)}: {r.stdout}{r.stderr}")
    return r


def install(path, *options):
    swivl("install", *options, path)
    return path


def read(path, lba, count=1):
    with open(path, "rb") as f:
        f.seek(lba * SECTOR)
        return f.read(count * SECTOR)


def write(path, offset, data):
    with open(path, "r+b") as f:
        f.seek(offset)
        f.write(data)


class Machine:
    """Runs until the guest ends it, or that text is there; the serial port's text is what comes out."""

    def __init__(self, work, emulator="qemu", board="pc", cpu="EPYC-v1", mem=256, timeout=300,
                 cpus=1):
        self.work, self.emulator, self.board = work, emulator, board
        self.cpu, self.mem, self.timeout, self.cpus = cpu, mem, timeout, cpus

    def run(self, *disks, more=(), until=None):
        serial = os.path.join(self.work, "serial")
        if os.path.exists(serial):
            os.unlink(serial)
        command = self._qemu(disks, more, serial) if self.emulator == "qemu" else \
            self._bochs(disks, serial)
        with open(os.path.join(self.work, "out"), "w+b") as out:
            p = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "nice", "-n", "5", *command],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
            ended = self._wait(p, serial, until)
            p.kill()
            p.wait()
            out.seek(0)
            self.out = out.read().decode(errors="replace") + "\n(no end)" * (not ended)
        if not os.path.exists(serial):
            raise AssertionError("the emulator did not start: " + self.out)
        return self._text(serial)

    @staticmethod
    def _text(serial):
        with open(serial, "rb") as f:
            return f.read().decode(errors="replace").replace("\r", "")

    def _wait(self, p, serial, until):
        """False: neither came."""
        end = time.monotonic() + self.timeout
        while time.monotonic() < end:
            try:
                p.wait(0.2 if until else self.timeout)
                return True
            except subprocess.TimeoutExpired:
                if until and os.path.exists(serial) and until in self._text(serial):
                    return True
        return False

    def _qemu(self, disks, more, serial):
        drives = []
        for i, d in enumerate(disks):
            spec = d if "=" in d else f"file={d},format=raw"
            drives += ["-drive", f"{spec},if=ide,index={i},snapshot=on"]
        return ["qemu-system-x86_64", "-M", self.board, "-accel", "tcg", "-cpu", self.cpu,
                "-m", str(self.mem), "-smp", str(self.cpus), "-display", "none", "-nodefaults", "-nic", "none", "-vga", "std",
                "-no-user-config", "-no-reboot", "-serial", f"file:{serial}",
                "-device", "isa-debug-exit,iobase=0xf4", *drives, *more]

    def _bochs(self, disks, serial):
        rc = os.path.join(self.work, "bochsrc")
        drives = "\n".join(f'ata0-{"slave" if i else "master"}: type=disk, path="{d}", mode=volatile'
                           for i, d in enumerate(disks))
        with open(rc, "w") as f:
            f.write(f"""
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, parallel=0, serial=1, e1000=0, gameport=0
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest={self.mem}, host={self.mem}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model={self.cpu}, count={self.cpus}, quantum=32, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=0
clock: sync=none, time0=1577836800, rtc_sync=0
{drives}
boot: disk
pci: enabled=1, chipset=i440fx
com1: enabled=1, mode=file, dev={serial}
log: {self.work}/bochs.log
panic: action=fatal
port_e9_hack: enabled=1
""")
        with open(os.path.join(self.work, "debugger"), "w") as f:
            f.write("c\n")
        return ["bochs-bin", "-q", "-f", rc, "-rc", os.path.join(self.work, "debugger")]
