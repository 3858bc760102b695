# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A PC that starts from a disk by its BIOS: QEMU (TCG, AMD) or Bochs (Intel). The serial port's text
and the screen are what comes out."""

import json
import os
import re
import signal
import socket
import subprocess
import time

from . import bochs, qemu

TEXT = 0xb8000                          # the screen in text mode: 80 by 25 characters and colours
TEXT_SIZE = 80 * 25 * 2


def screen_lines(raw):
    """The characters; those that are none in ASCII as dots."""
    chars = "".join(chr(c) if 32 <= c < 127 else " " if c in (0, 255) else "." for c in raw[::2])
    return [chars[i:i + 80].rstrip() for i in range(0, len(chars), 80)]


class PC:
    """with PC(...) as pc: pc.wait("login:"). What happened to it is in pc.ended and pc.serial()."""

    def __init__(self, work, disks, cpu="amd", cpus=1, board="pc", mem=512, icount=False,
                 reboot=False, terminal="", more=()):
        self.work, self.disks, self.cpu, self.cpus = work, disks, cpu, cpus
        self.board, self.mem, self.icount, self.reboot = board, mem, icount, reboot
        self.terminal, self.more = terminal, list(more)
        self.is_qemu = cpu.startswith("amd")
        self.process = self.monitor = None
        self.ips = bochs.IPS
        self.text = os.path.join(work, "serial")

    def __enter__(self):
        command = self._qemu() if self.is_qemu else self._bochs()
        if os.path.exists(self.text):
            os.unlink(self.text)
        self.log = open(os.path.join(self.work, "emulator"), "wb")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.PIPE,
            stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.monitor:
            self.monitor.close()
        self.log.close()

    # ---- the emulators ----------------------------------------------------------------------

    def _qemu(self):
        drives = ["-device", "qemu-xhci"] if self.board == "usb" else []
        for i, d in enumerate(self.disks):
            spec = f"file={d},format=raw,snapshot=on"
            if self.board == "usb":
                drives += ["-drive", f"{spec},if=none,id=d{i}", "-device",
                           f"usb-storage,drive=d{i},bootindex={i + 1}"]
            else:
                drives += ["-drive", f"{spec},if=ide,index={i}"]
        count = []
        if self.icount:
            count = ["-icount", "shift=0,sleep=off", "-rtc", "base=2020-01-01,clock=vm", "-seed", "1"]
        self.socket = os.path.join(self.work, "qmp")
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        return ["qemu-system-x86_64", "-M", "q35" if self.board == "q35" else "pc,usb=off",
                "-accel", "tcg", "-cpu", qemu.CPUS.get(self.cpu) or self.cpu[4:],
                "-smp", str(self.cpus), "-m", str(self.mem), "-display", "none", "-nodefaults",
                "-nic", "none", "-vga", "std", "-no-user-config", *["-no-reboot"] * (not self.reboot),
                "-serial", self.terminal or f"file:{self.text}",
                "-qmp", f"unix:{self.socket},server,nowait", *count, *drives, *self.more]

    def _bochs(self):
        rc = os.path.join(self.work, "bochsrc")
        drives = "\n".join(f'ata0-{"slave" if i else "master"}: type=disk, path="{d}", mode=volatile'
                           for i, d in enumerate(self.disks))
        com1 = f"mode=term, dev={self.terminal}" if self.terminal else f"mode=file, dev={self.text}"
        with open(rc, "w") as f:
            f.write(f"""
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, parallel=0, serial=1, e1000=0, gameport=0
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest={self.mem}, host={self.mem}
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model={self.cpu}, count={self.cpus}, ips={self.ips}, quantum=32, reset_on_triple_fault={int(self.reboot)}, ignore_bad_msrs=1
clock: sync=none, time0=1577836800, rtc_sync=0
{drives}
boot: disk
pci: enabled=1, chipset=i440fx
vga: update_freq=1
com1: enabled=1, {com1}
log: {self.work}/bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
port_e9_hack: enabled=1
""")
        # With several processors the clock stands still after a reset, until the debugger has stopped
        # the machine: it does so where processors begin.
        with open(os.path.join(self.work, "debugger"), "w") as f:
            f.write("pb 0xfffffff0\n" + "c\n" * 20 if self.reboot else "c\n")
        return ["bochs-bin", "-q", "-f", rc, "-rc", os.path.join(self.work, "debugger")]

    # ---- what it does -------------------------------------------------------------------------

    def serial(self):
        if not os.path.exists(self.text):
            return ""
        with open(self.text, "rb") as f:
            return f.read().decode(errors="replace").replace("\r", "")

    def wait(self, pattern, timeout):
        """Until the serial port's text has the pattern, or the machine has ended, or time is over:
        did it come?"""
        end = time.monotonic() + timeout
        while True:
            over = self.process.poll() is not None or time.monotonic() > end
            if re.search(pattern, self.serial(), re.M):
                return True
            if over:
                return False
            time.sleep(0.2)

    def ends(self, timeout):
        try:
            self.process.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            return False

    def wait_screen(self, pattern, timeout):
        """The same for what is on the screen. The lines of the screen, or None."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            lines = self.screen()
            if lines and re.search(pattern, "\n".join(lines), re.M):
                return lines
            if time.monotonic() > end:
                break
            time.sleep(1 if self.is_qemu else 5)
        return None

    def qmp(self, command, **arguments):
        """Asks QEMU."""
        if not self.monitor:
            self.monitor = socket.socket(socket.AF_UNIX)
            self.monitor.settimeout(30)
            for _ in range(100):
                try:
                    self.monitor.connect(self.socket)
                    break
                except OSError:
                    time.sleep(0.1)
            self.answers = self.monitor.makefile("r")
            self.answers.readline()
            self.qmp("qmp_capabilities")
        self.monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while True:
            line = self.answers.readline()
            if not line:
                raise EOFError("QEMU has ended")
            answer = json.loads(line)
            if "return" in answer or "error" in answer:
                return answer.get("return")

    def debug(self, *commands):
        """Commands for Bochs' debugger, which stops the machine for them."""
        # Before its first prompt the signal would be its end.
        for _ in range(100):
            with open(os.path.join(self.work, "emulator"), "rb") as f:
                if b"Next at t=" in f.read():
                    break
            time.sleep(0.1)
        os.kill(self.process.pid, signal.SIGINT)
        self.process.stdin.write("".join(c + "\n" for c in commands).encode() + b"c\n")
        self.process.stdin.flush()

    def screen(self):
        """The lines of the screen as text; None where it cannot be had."""
        out = os.path.join(self.work, "text")
        if os.path.exists(out):
            os.unlink(out)
        try:
            if self.is_qemu:
                self.qmp("pmemsave", val=TEXT, size=TEXT_SIZE, filename=out)
            else:
                self.debug(f'writemem "{out}" {TEXT:#x} {TEXT_SIZE}')
                for _ in range(100):
                    if os.path.exists(out) and os.path.getsize(out) == TEXT_SIZE:
                        break
                    time.sleep(0.1)
            with open(out, "rb") as f:
                return screen_lines(f.read())
        except (OSError, EOFError):
            return None

    def screenshot(self, path):
        """A picture (QEMU) and the text of it are kept: PATH.png, PATH.txt."""
        lines = self.screen()
        with open(path + ".txt", "w") as f:
            f.write("".join(ln + "\n" for ln in lines or []))
        if self.is_qemu:
            self.qmp("screendump", filename=os.path.abspath(path + ".png"), format="png")
        return lines
