# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Initramfs archives (cpio "newc"), uncompressed: unpacking would cost the emulated processor more
than it saves."""

import os
import stat

from . import cache
from .cache import LabError

BUSYBOX = "/bin/busybox"


class Archive:
    """Collects files by their path in the machine. Owner is root, times are zero, so that the
    same content gives the same bytes."""

    def __init__(self):
        self.entries = {}

    def _parents(self, path):
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self._parents(parent)
            self.entries[parent] = (stat.S_IFDIR | 0o755, b"")

    def data(self, path, content, mode=0o644):
        path = os.path.normpath(path).lstrip("/")
        self._parents(path)
        self.entries[path] = (stat.S_IFREG | mode, content)

    def link(self, path, target):
        path = os.path.normpath(path).lstrip("/")
        self._parents(path)
        self.entries[path] = (stat.S_IFLNK | 0o777, target.encode())

    def directory(self, path):
        path = os.path.normpath(path).lstrip("/")
        self._parents(path)
        self.entries[path] = (stat.S_IFDIR | 0o755, b"")

    def node(self, path, major, minor):
        path = os.path.normpath(path).lstrip("/")
        self._parents(path)
        self.entries[path] = (stat.S_IFCHR | 0o600, (major, minor))

    def add(self, source, path):
        """A file or a whole directory of the host."""
        if os.path.isdir(source):
            self.directory(path)
            for name in sorted(os.listdir(source)):
                self.add(os.path.join(source, name), os.path.join(path, name))
        elif os.path.islink(source) and not os.path.exists(source):
            self.link(path, os.readlink(source))
        elif os.path.isfile(source):
            with open(source, "rb") as f:
                self.data(path, f.read(), 0o755 if os.access(source, os.X_OK) else 0o644)
        else:
            raise LabError(f"no such file: {source}")

    def pack(self):
        out = bytearray()

        def entry(name, ino, mode, body, rdev=(0, 0)):
            raw = name.encode() + b"\0"
            head = [ino, mode, 0, 0, 1, 0, len(body), 0, 0, rdev[0], rdev[1], len(raw), 0]
            out.extend(b"070701" + b"".join(b"%08X" % n for n in head) + raw)
            out.extend(bytes(-len(out) % 4))
            out.extend(body)
            out.extend(bytes(-len(out) % 4))

        for i, (name, (mode, body)) in enumerate(sorted(self.entries.items())):
            if stat.S_ISCHR(mode):
                entry(name, i + 1, mode, b"", body)
            else:
                entry(name, i + 1, mode, body)
        entry("TRAILER!!!", 0, 0, b"")
        out.extend(bytes(-len(out) % 512))
        return bytes(out)


def busybox_applets():
    if not os.path.exists(BUSYBOX):
        raise LabError(f"{BUSYBOX} is missing: run lab/install")
    return cache.run([BUSYBOX, "--list"]).decode().split()


def add_busybox(archive):
    archive.add(BUSYBOX, "bin/busybox")
    for applet in busybox_applets():
        if applet != "busybox":
            archive.link(f"bin/{applet}", "busybox")


def init_program():
    source = os.path.join(cache.LAB, "init/init.c")
    name = f"init/{cache.digest('path:' + source)}"
    return cache.made(name, lambda tmp: cache.run(
        ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-static", "-s", "-o", tmp, source]))


def base():
    """The part that every machine start shares: busybox and the first process."""
    init = init_program()
    key = cache.digest("base 3", "path:" + init, "path:" + BUSYBOX)

    def make(tmp):
        a = Archive()
        add_busybox(a)
        a.add(init, "init")
        a.node("dev/console", 5, 1)
        a.directory("root")
        a.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        a.data("etc/group", b"root:x:0:\nkvm:x:104:\n")
        a.data("etc/profile", b"PS1='swivl lab # '\n[ ! -e /lab/profile ] || . /lab/profile\n"
               b"[ ! -e /etc/motd ] || cat /etc/motd\n")
        with open(tmp, "wb") as f:
            f.write(a.pack())

    return cache.made(f"initramfs/{key}.base", make)


def guest():
    """The initramfs of the guest that `make run` boots: busybox and lab/guest-init.sh."""
    source = os.path.join(cache.LAB, "guest-init.sh")

    def make(tmp):
        a = Archive()
        add_busybox(a)
        a.add(source, "init")
        a.node("dev/console", 5, 1)
        a.directory("proc")
        with open(tmp, "wb") as f:
            f.write(a.pack())

    key = cache.digest("guest 1", "path:" + source, "path:" + BUSYBOX)
    return cache.made(f"initramfs/{key}.guest", make)


def whole(archive):
    """The path of an initramfs: the shared part and, behind it, what the archive holds."""
    first = base()
    extra = archive.pack()
    key = cache.digest("path:" + first, extra)

    def make(tmp):
        with open(tmp, "wb") as out, open(first, "rb") as f:
            out.write(f.read())
            out.write(extra)

    path = cache.made(f"initramfs/{key}.cpio", make)
    cache.prune("initramfs", 24)
    return path
