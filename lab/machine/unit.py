# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Unit test programs: each prints TAP, as cmocka does with CMOCKA_MESSAGE_OUTPUT=TAP."""

import os
import re
import subprocess
import threading
import time

from . import verdict

TIMEOUT = 300                           # s; a program that is a script may have "# timeout: N"
# A test of a machine, which has its cell in the table: NAME on CPU:COUNT or CPU/BOARD:COUNT.
PLACED = re.compile(r"(\S+) on ([a-z]\w+(?:/\w+)?):(\d+)$")


def name_of(program):
    return os.path.basename(program).removeprefix("test_")


def timeout_of(program):
    with open(program, "rb") as f:
        found = re.search(rb"(?m)^# timeout: (\d+)$", f.read(1000))
    return int(found.group(1)) if found else TIMEOUT


def add(report, word, name, test, why, detail, seconds):
    placed = PLACED.match(test)
    if not placed:
        report.add(word, f"unit/{name}/{test}", why, detail)
        return
    test, cpu, cpus = placed.group(1), placed.group(2), int(placed.group(3))
    report.add(word, f"{test} [{cpu}, {cpus} CPU{'s' * (cpus > 1)}]", why, detail,
               place=verdict.Place(test, cpu, cpus))
    report.took(cpu, cpus, seconds)


def run(program, report):
    """Did all pass? Verdicts are reported as they come."""
    name = name_of(program)
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    planned = seen = failures = status = 0
    why, notes, begun = "", [], time.monotonic()
    try:
        timeout = timeout_of(program)
        p = subprocess.Popen([program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    except OSError as e:
        report.add("not ok", f"unit/{name}", f"{program}: {e.strerror}")
        return False
    over = threading.Event()
    end = threading.Timer(timeout, lambda: (over.set(), p.kill()))
    end.start()
    for line in p.stdout:
        line = line.decode(errors="replace").rstrip("\n")
        plan = re.match(r"1\.\.(\d+)$", line)
        found = None if line.startswith("#") else verdict.parse(line)
        if plan:
            planned += int(plan.group(1))
        elif found:
            seen += 1
            word, test, reason = found
            failures += word == "not ok"
            now = time.monotonic()
            add(report, word, name, test, reason, "\n".join(notes[-60:]) if word == "not ok" else "",
                now - begun)
            notes, begun = [], now
        elif not re.match(r"# (ok|not ok) -|TAP version", line):
            notes.append(line)
    status = p.wait()
    end.cancel()
    if over.is_set():
        why = f"no end after {timeout} s"
    elif status:
        why = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
    # A program that died or stopped early fails every test that it had announced.
    for i in range(seen, planned):
        report.add("not ok", f"unit/{name}/{i + 1} of {planned}", why or "gave no verdict",
                   "\n".join(notes[-60:]) if i == seen else "")
        failures += 1
    if (status and not failures) or not (planned or seen):
        report.add("not ok", f"unit/{name}", why or "gave no verdict", "\n".join(notes[-60:]))
        failures += 1
    return not failures
