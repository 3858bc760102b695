# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Debian's cloud kernel: fetched as a package, unpacked, never installed."""

import glob
import os
import re
import struct
import subprocess
import sys

from . import cache
from .cache import LabError

META_HEADERS = "linux-headers-cloud-amd64"
KERNEL_BASE = 0x1000000     # where the uncompressed kernel is linked to run, physical


def headers_release():
    """The release whose headers are installed, the newest where there are several."""
    found = glob.glob("/usr/src/linux-headers-*-cloud-amd64")
    releases = [os.path.basename(p)[len("linux-headers-"):] for p in found]
    releases = [r for r in releases if os.path.isdir(f"/lib/modules/{r}/build/")]
    return max(releases, key=lambda r: [int(n) for n in re.findall(r"\d+", r)], default=None)


def _package():
    """(package, version, release) of the image that fits the installed headers: modules are built against
    these, so they decide, not the newest image that the archive has."""
    release = headers_release()
    if release is None:
        raise LabError(f"{META_HEADERS} is not installed: run lab/install")
    r = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", f"linux-headers-{release}"],
                       capture_output=True, text=True)
    if r.returncode:
        raise LabError(f"linux-headers-{release} is not an installed package: run lab/install")
    return f"linux-image-{release}", r.stdout.strip(), release


class Kernel:
    """Paths of one unpacked kernel: .vmlinuz, .vmlinux (ELF), .flat (to be put at KERNEL_BASE),
    .modules (the tree of .ko files), .release."""

    def __init__(self, path, release):
        self.path, self.release = path, release
        self.vmlinuz = os.path.join(path, f"boot/vmlinuz-{release}")
        self.vmlinux = os.path.join(path, "vmlinux")
        self.flat = os.path.join(path, "vmlinux.flat")
        self.modules = os.path.join(path, "lib/modules", release)


def _vmlinux_of(bzimage, out):
    """Linux boot protocol 2.08: payload_offset and payload_length say where the compressed ELF is;
    its last four bytes are the unpacked size."""
    with open(bzimage, "rb") as f:
        image = f.read()
    if image[0x202:0x206] != b"HdrS":
        raise LabError(f"{bzimage} is not a Linux kernel")
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[(image[0x1f1] + 1) * 512 + offset:][:length]
    tools = {b"\x02\x21\x4c\x18": (["lz4", "-dc"], 4), b"\xfd7zX": (["xz", "-dc"], 4),
             b"\x1f\x8b\x08": (["gzip", "-dc"], 0), b"\x28\xb5\x2f\xfd": (["zstd", "-dc"], 4)}
    for magic, (tool, tail) in tools.items():
        if payload.startswith(magic):
            payload = payload[:len(payload) - tail] if tail else payload
            with open(out, "wb") as f:
                subprocess.run(tool, input=payload, stdout=f, check=True)
            return
    raise LabError(f"{bzimage}: unknown compression")


def _flatten(elf, out):
    with open(elf, "rb") as f:
        image = f.read()
    phoff, = struct.unpack_from("<Q", image, 32)
    phentsize, phnum = struct.unpack_from("<HH", image, 54)
    flat = bytearray()
    for i in range(phnum):
        kind, _, offset, _, paddr, filesz, memsz, _ = struct.unpack_from(
            "<IIQQQQQQ", image, phoff + i * phentsize)
        if kind != 1:
            continue
        at = paddr - KERNEL_BASE
        if at < 0 or at + memsz > 256 << 20:
            raise LabError(f"{elf}: a segment at {paddr:#x} is out of the expected range")
        flat.extend(bytes(max(0, at + filesz - len(flat))))
        flat[at:at + filesz] = image[offset:offset + filesz]
    with open(out, "wb") as f:
        f.write(flat)


def _cache_name(release, version):
    return f"kernel/{release}_{version.replace(':', '_')}"


def available():
    """Is the kernel that fits the headers here, or can it be fetched?"""
    package, version, release = _package()
    if os.path.exists(os.path.join(cache.CACHE, _cache_name(release, version))):
        return True
    r = subprocess.run(["apt-cache", "show", f"{package}={version}"], capture_output=True)
    return r.returncode == 0


def get():
    """The kernel, fetched and unpacked where that was not done before."""
    package, version, release = _package()

    def unpack(tmp):
        print(f"Fetching Debian's kernel, {package} {version}", file=sys.stderr, flush=True)
        os.makedirs(tmp)
        cache.run(["apt-get", "download", f"{package}={version}"], cwd=tmp)
        debs = glob.glob(os.path.join(tmp, "*.deb"))
        if not debs:
            raise LabError(f"apt-get download {package}={version} brought no package")
        cache.run(["dpkg-deb", "-x", debs[0], tmp])
        os.unlink(debs[0])
        kernel = Kernel(tmp, release)
        _vmlinux_of(kernel.vmlinuz, kernel.vmlinux)
        _flatten(kernel.vmlinux, kernel.flat)

    return Kernel(cache.made(_cache_name(release, version), unpack), release)


def module_files(kernel, names):
    """The .ko files of modules by name, each after what it depends on."""
    index = {}
    for folder, _, files in os.walk(kernel.modules):
        for f in files:
            if f.endswith(".ko"):
                index[f[:-3].replace("-", "_")] = os.path.join(folder, f)
    order = []

    def add(name):
        name = name.replace("-", "_")
        if name not in index:
            raise LabError(f"Debian's kernel {kernel.release} has no module {name}")
        path = index[name]
        if path in order:
            return
        with open(path, "rb") as f:
            found = re.search(rb"\0depends=([^\0]*)\0", f.read())
        for d in (found.group(1).decode().split(",") if found else []):
            if d:
                add(d)
        order.append(path)

    for n in names:
        add(n)
    return order
