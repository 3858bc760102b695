# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Verdicts of tests: one line each, counted at the end."""

import dataclasses
import re
import sys
import threading

from . import table

# Our own form, "ok NAME", "not ok NAME - why", "skip NAME: why"; and TAP with numbers.
LINE = re.compile(r"(ok|not ok|skip) +([^\s:#]+(?:[^:#]*?[^\s:#])??)(?:(?: +- +|: +)(.*))?$")
TAP = re.compile(r"(ok|not ok) +\d+(?: +-)? +(.*?)(?: +# *(skip|todo)\b *:?(.*))?$", re.I)


def parse(line):
    """(verdict, name, why) of a line that is a verdict, None otherwise."""
    m = TAP.match(line.rstrip())
    if m:
        verdict = "skip" if m.group(3) else m.group(1)
        return verdict, m.group(2), (m.group(4) or "").strip()
    m = LINE.match(line.rstrip())
    return (m.group(1), m.group(2), m.group(3) or "") if m else None


@dataclasses.dataclass(frozen=True)
class Place:
    """What ran where."""
    script: str
    cpu: str
    cpus: int


class Report:
    """Prints verdicts as they come, from several threads."""

    WORD = {"ok": "ok    ", "not ok": "FAILED", "skip": "skip  "}

    def __init__(self):
        self.counts = {"ok": 0, "not ok": 0, "skip": 0}
        self.failed = []
        self.places = {}                # Place: its counts
        self.seconds = {}               # (cpu, cpus): how long it took
        self._lock = threading.Lock()

    def add(self, verdict, name, why="", detail="", place=None):
        with self._lock:
            self.counts[verdict] += 1
            if place:
                self.places.setdefault(place, {"ok": 0, "not ok": 0, "skip": 0})[verdict] += 1
            line = f"{self.WORD[verdict]} {name}" + (f" - {why}" if why else "")
            if verdict == "not ok":
                self.failed.append(line)
            print(line)
            for text in detail.rstrip().splitlines():
                print(f"         {text}")
            sys.stdout.flush()

    def took(self, cpu, cpus, seconds):
        """A machine; the starts of one configuration are added up."""
        with self._lock:
            self.seconds[cpu, cpus] = self.seconds.get((cpu, cpus), 0) + seconds

    def say(self, text):
        with self._lock:
            print(text, flush=True)

    def close(self):
        """What ran where, and the closing line; returns the exit status."""
        for line in table.lines(self.places, self.seconds):
            print(line)
        if len(self.failed) and sum(self.counts.values()) > 30:
            print("\nThe failed ones again:")
            for line in self.failed:
                print(line)
        if not sum(self.counts.values()):
            print("no test ran")
        print(f"{self.counts['ok']} passed, {self.counts['not ok']} failed, "
              f"{self.counts['skip']} skipped", flush=True)
        return 1 if self.counts["not ok"] or not self.counts["ok"] else 0
