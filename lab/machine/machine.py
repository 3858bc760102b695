# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Starts a machine, runs a script in it, and makes sure that it ends."""

import contextlib
import dataclasses
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import tty

from . import bochs, cache, initramfs, kernel as kernels, qemu
from .cache import LabError
from .channel import Channel

DEFAULT_CPU = "corei7_haswell_4770"
STATUS_TIMEOUT = 124
STATUS_DIED = 125
STATUS_LAB = 126
INTERRUPTED = 130
TAIL_LINES = 60
LEAVE = b"\x01"             # Ctrl-A, then x, leaves the interactive machine


@dataclasses.dataclass
class Spec:
    cpu: str = DEFAULT_CPU
    cpus: int = 1
    mem: int = 512              # MiB
    append: str = ""
    script: bytes = b""
    add: list = dataclasses.field(default_factory=list)         # (host path, path inside)
    data: dict = dataclasses.field(default_factory=dict)        # path inside: (bytes, mode)
    modules: list = dataclasses.field(default_factory=list)     # Debian's, loaded before the script
    carry: list = dataclasses.field(default_factory=list)       # Debian's, for modprobe inside
    interactive: bool = False
    icount: bool = False        # QEMU: the clock counts instructions; one CPU does so anyway,
    real_time: bool = False     # unless this is set
    timeout: float = 300
    ips: int = 0
    vmx_off: bool = False       # Bochs: the firmware locks VMX off
    full: bool = False          # the kernel starts with all of its initial calls
    tty: str = ""
    keep: str = ""              # a folder for console and emulator log

    @property
    def emulator(self):
        return qemu if self.cpu in qemu.CPUS or self.cpu.startswith("qemu") else bochs


def vendor(cpu):
    cpu = cpu.partition("/")[0]         # without the board
    return "AMD" if Spec(cpu=cpu).emulator is qemu or cpu in bochs.AMD else "Intel"


def counts(cpu):
    """Whether the clock of a machine with one such CPU counts instructions, if nothing else is
    asked for, and stands still where none ends."""
    return Spec(cpu=cpu).emulator is qemu


def stripped(module, how):
    """A kernel module without what only a debugger reads. Loading Debian's kvm.ko as it is takes
    480 million instructions, so 8 s: hashing for the signature, searching the symbols."""
    name = f"modules/{cache.digest(how, 'path:' + module)}.ko"
    cache.prune("modules", 64)
    return cache.made(name, lambda tmp: cache.run(
        ["strip", how, "-R", ".BTF", "-R", ".BTF_ids", "-o", tmp, module]))


def add_modules(archive, kernel, spec):
    """Debian's modules where modprobe finds them, and the list of those to load at the start."""
    folder = f"lib/modules/{kernel.release}"
    # Modules under test are found by their name, too, wherever they are.
    depends = [f"/{inside}:\n" for _, inside in spec.add if inside.endswith(".ko")]
    for names, load in ((spec.modules, True), (spec.carry, False)):
        files = kernels.module_files(kernel, names)
        inside = [os.path.join(folder, os.path.basename(f)) for f in files]
        for source, path in zip(files, inside):
            archive.add(stripped(source, "--strip-unneeded"), path)
            needs = kernels.module_files(kernel, [os.path.basename(source)[:-3]])[-2::-1]
            depends.append(f"{os.path.basename(source)}: "
                           f"{' '.join(os.path.basename(n) for n in needs)}\n")
        if load and files:
            archive.data("lab/modules", "".join(f"/{p}\n" for p in inside).encode())
    if depends:
        archive.data(f"{folder}/modules.dep", "".join(sorted(set(depends))).encode())


def build_initramfs(spec, kernel):
    a = initramfs.Archive()
    a.data("lab/script", spec.script, 0o755)
    a.data("lab/cpu", f"{spec.cpu}\n".encode())
    a.data("lab/cpus", f"{spec.cpus}\n".encode())
    add_modules(a, kernel, spec)
    if spec.interactive:
        a.data("lab/interactive", b"")
    for source, inside in spec.add:
        a.add(stripped(source, "--strip-debug") if source.endswith(".ko") else source, inside)
    for inside, (content, mode) in spec.data.items():
        a.data(inside, content, mode)
    return initramfs.whole(a)


class Progress:
    """One line on a terminal, rewritten while the machine starts; nothing elsewhere. The measure is
    the emulator's processor time, which is the same for each start of a configuration, however
    busy the computer is."""

    def __init__(self, spec):
        self.key = f"{spec.cpu} {spec.cpus}"
        self.path = os.path.join(cache.CACHE, "start-times.json")
        self.live = sys.stderr.isatty()
        self.begin = time.monotonic()
        self.last = 0.0
        self.shown = False
        try:
            with open(self.path) as f:
                self.times = json.load(f)
        except (OSError, ValueError):
            self.times = {}
        self.expected = self.times.get(self.key, 5.0)
        self.pid = 0
        self.name = f"{spec.cpu}, {spec.cpus} CPU{'s' if spec.cpus > 1 else ''}"

    def spent(self):
        try:
            with open(f"/proc/{self.pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError, ValueError):
            return 0.0

    def show(self):
        now = time.monotonic()
        if not self.live or now - self.last < 0.2:
            return
        self.last, self.shown = now, True
        passed = now - self.begin
        percent = min(99, int(100 * self.spent() / self.expected))
        bar = "#" * (percent // 5)
        sys.stderr.write(f"\r\x1b[Kstarting the emulated machine ({self.name}) "
                         f"[{bar:<20}] {percent:2}% {passed:.0f} s")
        sys.stderr.flush()

    def clear(self):
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self.shown = False

    def started(self):
        self.clear()
        self.times[self.key] = round(max(self.spent(), 0.1), 1)
        with contextlib.suppress(OSError):
            tmp = f"{self.path}.{os.getpid()}"
            with open(tmp, "w") as f:
                json.dump(self.times, f)
            os.rename(tmp, self.path)


def console_tail(work, lines=TAIL_LINES):
    try:
        with open(os.path.join(work, "console"), "rb") as f:
            text = f.read()[-16384:].decode(errors="replace")
    except OSError:
        text = ""
    tail = [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
    if not tail:
        return "(the console is empty)"
    return "\n".join(tail)


def emulator_tail(work):
    """What Bochs said last that is not a register dump."""
    try:
        with open(os.path.join(work, "bochs.log"), errors="replace") as f:
            lines = f.read().splitlines()
    except OSError:
        return ""
    wanted = [ln for ln in lines if (ln[11:12] in ("p", "e") or "VMFAIL" in ln or "VMENTER" in ln)
              and "Unknown register" not in ln and "VMEXIT: EPT violation" not in ln]
    return "\n".join(wanted[-8:])


@dataclasses.dataclass
class Result:
    status: int
    reason: str                 # empty where the script itself ended
    console: str
    emulator: str
    start_seconds: float
    seconds: float


def run(spec, output, progress=True, overdue=None):
    """Runs spec.script in the machine; output(bytes) gets what it prints, as it comes.
    overdue() may end it early by returning a reason."""
    kernel = kernels.get()
    initrd = build_initramfs(spec, kernel)
    work = spec.keep or tempfile.mkdtemp(prefix="swivl-lab-")
    os.makedirs(work, exist_ok=True)
    try:
        return _run_in(spec, kernel, initrd, work, output, progress, overdue)
    finally:
        if not spec.keep:
            shutil.rmtree(work, ignore_errors=True)


def _run_in(spec, kernel, initrd, work, output, progress, overdue):
    bar = Progress(spec)
    channel = Channel(output)
    begin = time.monotonic()
    started_at = 0.0
    reason = ""
    p = launch(spec, kernel, initrd, work)
    bar.pid = p.pid
    early = b""
    try:
        while channel.status is None:
            if progress and not channel.started:
                bar.show()
            ready, _, _ = select.select([p.stdout], [], [], 0.1)
            if ready:
                data = os.read(p.stdout.fileno(), 65536)
                if not data:
                    break
                if not channel.started:
                    early = (early + data)[-4000:]
                channel.feed(data)
                if channel.started and not started_at:
                    started_at = time.monotonic() - begin
                    bar.started()
            if time.monotonic() - begin > spec.timeout:
                reason = f"no end after {spec.timeout:g} s: stopped"
                break
            reason = overdue and overdue() or ""
            if reason:
                break
    finally:
        bar.clear()
        stop(p)
    status = channel.status
    if status is None and b"parameter 'model'" in early:
        raise LabError(f"no processor {spec.cpu}: bochs-bin --help cpu lists Bochs' names")
    if status is None:
        status = STATUS_TIMEOUT if reason else STATUS_DIED
        reason = reason or channel.trouble or "the machine ended before the script did"
        panic = [ln for ln in console_tail(work, 400).splitlines() if "Kernel panic" in ln]
        if panic:
            reason += ": " + panic[0].partition("] ")[2]
        if not channel.started:
            reason += " (the script had not started)"
    if status == STATUS_DIED and not channel.started and spec.emulator is qemu:
        reason += "\n" + early.decode(errors="replace").strip()
    return Result(status, reason, console_tail(work), emulator_tail(work), started_at,
                  time.monotonic() - begin)


def launch(spec, kernel, initrd, work):
    """Starts the emulator; it ends with this process, however that ends."""
    command = spec.emulator.command(spec, kernel, initrd, work)
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], cwd=work,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, start_new_session=True)


def stop(p):
    """Ends an emulator and everything it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(p.pid, signal.SIGKILL)
    p.wait()
    p.stdout.close()


def interactive(spec):
    """The machine's serial port on this terminal."""
    spec.interactive = True
    with contextlib.suppress(OSError):      # its shell cannot ask for the size of this terminal
        size = os.get_terminal_size(0)
        spec.data["lab/profile"] = (f"stty rows {size.lines} cols {size.columns}\n".encode(), 0o644)
    master, slave = pty.openpty()
    tty.setraw(slave)
    spec.tty = os.ttyname(slave)
    kernel = kernels.get()
    initrd = build_initramfs(spec, kernel)
    work = spec.keep or tempfile.mkdtemp(prefix="swivl-lab-")
    os.makedirs(work, exist_ok=True)
    saved = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        return _interact(spec, kernel, initrd, work, master)
    finally:
        with contextlib.suppress(termios.error):    # the terminal may be gone
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
        if not spec.keep:
            shutil.rmtree(work, ignore_errors=True)


def _interact(spec, kernel, initrd, work, master):
    bar = Progress(spec)
    channel = Channel(lambda data: None)    # all that one sees comes from the serial port
    early = b""                             # of that, what is shown only if it does not start
    p = launch(spec, kernel, initrd, work)
    bar.pid = p.pid
    sources = [p.stdout, master]
    escape = False
    end_again = float("inf")
    try:
        while channel.status is None:
            if not channel.started:
                bar.show()
            ready, _, _ = select.select(sources, [], [], 0.1)
            if p.stdout in ready:
                data = os.read(p.stdout.fileno(), 65536)
                if not data:
                    break
                before = channel.started
                channel.feed(data)
                if channel.started and not before:
                    bar.started()
                    sources.append(0)
                    print("Ctrl-A x leaves the machine, exit ends it; Ctrl-A Ctrl-A sends a Ctrl-A.",
                          flush=True)
                    if os.isatty(0):
                        tty.setraw(0)
            if master in ready and channel.started:
                os.write(1, os.read(master, 65536))
            elif master in ready:
                early = (early + os.read(master, 65536))[-4000:]
            if 0 in ready:
                data = os.read(0, 4096)
                if not data:
                    sources.remove(0)
                    end_again = 0
                for b in data:
                    key = bytes([b])
                    if escape and key in b"xX":
                        return 0
                    if key == LEAVE and not escape:
                        escape = True
                        continue
                    escape = False
                    os.write(master, key)
            if time.monotonic() > end_again:    # one that comes before a prompt may be lost
                os.write(master, b"\r\x04")
                end_again = time.monotonic() + 1
    finally:
        bar.clear()
        stop(p)
    if channel.status is None:
        os.write(1, b"" if channel.started else early)
        print(f"\r\nlab: {channel.trouble or 'the machine ended'}\r", file=sys.stderr)
        print(emulator_tail(work).replace("\n", "\r\n"), file=sys.stderr)
        return STATUS_DIED
    return channel.status
