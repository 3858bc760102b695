# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Disk images that a PC's BIOS starts: GRUB in boot record and gap, what it boots in a FAT
partition, and a second partition of zeros for the system to write. No loop device, no root."""

import os
import re
import subprocess

from . import cache, initramfs, kernel, packages
from .cache import LabError

GRUB = "/usr/lib/grub/i386-pc"
SECTOR = 512
FIRST = 2048                            # sectors; GRUB's core and swivl are in the gap before it
SCRATCH = 16 << 20
MODULES = ("biosdisk part_msdos fat normal serial terminfo linux linux16 multiboot multiboot2 echo "
           "test reboot halt").split()

SYSTEMS = ("linux", "linux-686", "linux-686-pae", "memtest86+", "ipxe")

# What makes the start shorter and nothing that a hypervisor meets; quiet is left to the caller. Whether
# the PIT ticks the kernel asks by the TSC, and that goes on while a busy computer has QEMU stand still.
KERNEL_OPTIONS = "console=ttyS0 panic=-1 nokaslr cryptomgr.notests 8250.nr_uarts=1 no_timer_check"


def _files_of(package, pattern):
    root = packages.get(package)
    folder, name = os.path.split(pattern)
    for entry in sorted(os.listdir(os.path.join(root, folder))):
        if entry.startswith(name):
            return os.path.join(root, folder, entry)
    raise LabError(f"Debian's {package} has no {pattern}")


class System:
    """One of the operating systems: what GRUB's configuration says for it, and the files."""

    def __init__(self, name):
        self.name, self.files, self.has_serial = name, {}, True
        self.release = ""
        if name == "linux":
            k = kernel.get()
            self._linux(k.vmlinuz, k, ["ata_piix", "ata_generic", "sd_mod"], initramfs.BUSYBOX,
                        {**_commands(), **_compiler()})
        elif name in ("linux-686", "linux-686-pae"):
            package = name.replace("linux", "linux-image") + ":i386"
            image = _files_of(package, "boot/vmlinuz-")
            release = os.path.basename(image)[len("vmlinuz-"):]
            k = kernel.Kernel(packages.get(package), release)
            self._linux(image, k, ["ata_piix", "ata_generic", "ahci", "sd_mod"],
                        os.path.join(packages.get("busybox-static:i386"), "bin/busybox"),
                        _compiler("i386") if name == "linux-686-pae" else {})
        elif name == "memtest86+":
            self._screen("linux", _files_of("memtest86+", "boot/memtest86+x64.bin"))
        elif name == "ipxe":
            self._screen("linux16", _files_of("ipxe", "boot/ipxe.lkrn"), "shell")
        else:
            raise LabError(f"no such system: {name}; there are {', '.join(SYSTEMS)}")

    def _screen(self, command, image, arguments=""):
        self.has_serial = False
        self.files = {os.path.basename(image).replace("+", "-"): image}
        self.commands = f"{command} /{next(iter(self.files))} {arguments}\n"

    def _linux(self, image, k, modules, busybox, programs):
        self.release = k.release
        self.files = {"vmlinuz": image, "initrd": _initrd(k, modules, busybox, programs)}
        self.commands = f"linux /vmlinuz {KERNEL_OPTIONS} OPTIONS\ninitrd /initrd\n"


def _initrd(k, modules, busybox, programs):
    """Busybox, the modules for the disk, lab/metal-init.sh, and programs {where: from}; the same for
    every start."""
    init = os.path.join(cache.LAB, "metal-init.sh")
    parts = ["metal 3", "path:" + init, "path:" + busybox, k.release]
    parts += [p if p.startswith("path:") else "path:" + p for p in programs.values()] + list(programs)

    def make(tmp):
        a = initramfs.Archive()
        a.add(busybox, "bin/busybox")
        for applet in initramfs.busybox_applets():
            if applet != "busybox":
                a.link(f"bin/{applet}", "busybox")
        a.add(init, "init")
        for folder in ("proc", "sys", "dev", "tmp", "b"):
            a.directory(folder)
        a.node("dev/console", 5, 1)
        order = kernel.module_files(k, modules)
        for path in order:
            a.add(path, "modules/" + os.path.basename(path))
        a.data("modules/order", "".join(os.path.basename(p) + "\n" for p in order).encode())
        for path, source in programs.items():
            a.add(source, path)
        for path in programs:
            if path.endswith("/libc.so.6"):
                a.link(f"usr/{path[:-2]}", "/" + path)      # tcc looks for it so
        with open(tmp, "wb") as f:
            f.write(a.pack())

    path = cache.made(f"metal/{cache.digest(*parts)}.initrd", make)
    return path


def _commands():
    found = {"bin/swivl": os.path.join(cache.ROOT, os.environ.get("BUILD", "build"), "cli/swivl")}
    source = os.path.join(cache.LAB, "init/ticks.c")
    found["bin/ticks"] = cache.made(f"init/{cache.digest('path:' + source)}", lambda tmp: cache.run(
        ["gcc", "-O2", "-Wall", "-Wextra", "-static", "-nostdlib", "-s", "-o", tmp, source]))
    return found


def _compiler(arch=""):
    """Debian's tcc with what it needs, to build with."""
    root, found = packages.get("tcc" + (arch and ":" + arch)), {}
    for folder, _, files in os.walk(os.path.join(root, "usr/lib")):
        for name in files:
            source = os.path.join(folder, name)
            found[os.path.relpath(source, root)] = source
    names = [os.path.join(root, "usr/bin", n) for n in ("x86_64-linux-gnu-tcc", "tcc")]
    found["bin/tcc"] = next(n for n in names if os.path.exists(n))
    if arch:
        libc, where = packages.get("libc6:" + arch), f"lib/{arch}-linux-gnu"
        found["lib/ld-linux.so.2"] = f"{libc}/{where}/ld-linux.so.2"
        for name in "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0":
            found[f"{where}/{name}"] = f"{libc}/{where}/{name}"
    else:
        for path in re.findall(r"(/\S+) \(0x", cache.run(["ldd", found["bin/tcc"]]).decode()):
            found[path.lstrip("/")] = os.path.realpath(path)
    return found


def grub_image(tmp, prefix):
    """GRUB's core image, as it is in the sectors from 1 on."""
    cache.run(["grub-mkimage", "-O", "i386-pc", "-p", prefix, "-o", tmp + ".core", *MODULES])
    with open(tmp + ".core", "rb") as f:
        core = f.read()
    os.unlink(tmp + ".core")
    if len(core) > (FIRST - 1) * SECTOR // 2:
        raise LabError("GRUB's core image leaves too little of the gap")
    return core


def make(path, config, files):
    """The image: partition 1, FAT, has files by name; grub.cfg is config."""
    for tool, package in (("mformat", "mtools"), ("grub-mkimage", "grub-common"), ("sfdisk", "fdisk")):
        if not any(os.access(os.path.join(p, tool), os.X_OK)
                   for p in os.environ["PATH"].split(":") + ["/sbin", "/usr/sbin"]):
            raise LabError(f"{tool} is missing: run lab/install metal ({package})")
    data = sum(os.path.getsize(f) for f in files.values())
    fat = max(24 << 20, (data * 5 // 4 + (1 << 20)) >> 20 << 20)
    total = FIRST * SECTOR + fat + SCRATCH
    core = grub_image(path, "(,msdos1)/grub")      # of the disk that it is started from
    with open(path, "wb") as f:
        f.truncate(total)
    layout = (f"label: dos\nlabel-id: 0x7377766c\nstart={FIRST}, size={fat // SECTOR}, type=e, bootable\n"
              f"start={FIRST + fat // SECTOR}, size={SCRATCH // SECTOR}, type=83\n")
    env = dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin")
    cache.run(["sfdisk", "-q", path], input=layout.encode(), env=env)
    with open(os.path.join(GRUB, "boot.img"), "rb") as f:
        code = f.read(440)
    with open(path, "r+b") as f:
        f.write(code)
        f.seek(SECTOR)
        f.write(core)
    image = f"{path}@@{FIRST * SECTOR}"
    env["MTOOLS_SKIP_CHECK"] = "1"
    cache.run(["mformat", "-i", image, "-T", str(fat // SECTOR), "-h", "64", "-s", "32", "::"], env=env)
    cache.run(["mmd", "-i", image, "::grub"], env=env)
    cache.run(["mcopy", "-i", image, "-", "::grub/grub.cfg"], env=env, input=config.encode())
    for name, source in files.items():
        cache.run(["mcopy", "-i", image, source, f"::{name}"], env=env)


def for_system(path, system, options="quiet"):
    config = ("serial --unit=0 --speed=115200\nterminal_output serial\n" if system.has_serial else "")
    config += "echo GRUB starts " + system.name + "\n"
    config += system.commands.replace("OPTIONS", options) + "boot\n"
    make(path, config, system.files)
    return path


def for_multiboot(path, command, arguments):
    """GRUB starts swivl, by its command multiboot or multiboot2."""
    image = os.path.join(cache.ROOT, os.environ.get("BUILD", "build"), "host/metal/swivl-multiboot")
    make(path, f"{command} /swivl {arguments}\nboot\n", {"swivl": image})
    return path


def swivl(*arguments):
    """swivl disk ARGUMENTS; its output."""
    program = os.path.join(cache.ROOT, os.environ.get("BUILD", "build"), "cli/swivl")
    r = subprocess.run([program, "disk", *arguments], capture_output=True, text=True)
    if r.returncode:
        raise LabError(f"swivl disk {' '.join(arguments)}: {r.stdout}{r.stderr}")
    return r.stdout
