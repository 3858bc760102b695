# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What comes out of the machine's port 0xe9: script output, framed with one escape byte.

DLE S: the script starts          DLE E <decimal> LF: the script ended with this status
DLE R: the machine was reset      DLE P: the boot ROM found its memory touched too much
DLE DLE: one DLE byte of output   Bytes before DLE S are the emulator's own and are dropped.
"""

DLE = 0x10
TROUBLE = {ord("R"): "the machine was reset (panic or triple fault)",
           ord("P"): "the firmware touched more memory than lab/machine/bochs.py allows for"}


class Channel:
    """Feed it the emulator's output; it calls output(bytes) and sets .started, .status,
    .trouble."""

    def __init__(self, output):
        self.output = output
        self.started = False
        self.status = None
        self.trouble = None
        self._escape = False
        self._number = None

    def feed(self, data):
        start = 0
        for i, b in enumerate(data):
            if self._number is not None:
                if b == 0x0a:
                    self.status = int(self._number or "125")
                    return
                self._number += chr(b) if 0x30 <= b <= 0x39 else ""
                continue
            if not self._escape and b != DLE:
                continue
            if not self._escape:
                self._emit(data[start:i])
                self._escape = True
                continue
            self._escape = False
            start = i + 1
            if b == DLE:
                self._emit(b"\x10")
            elif b == ord("S"):
                self.started = True
            elif b == ord("E") and self.started:
                self._number = ""
            elif b in TROUBLE:
                self.trouble = TROUBLE[b]
        if not self._escape and self._number is None:
            self._emit(data[start:])

    def _emit(self, data):
        if data and self.started:
            self.output(data)
