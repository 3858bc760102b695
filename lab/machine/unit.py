# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Unit test programs: each prints TAP, as cmocka does with CMOCKA_MESSAGE_OUTPUT=TAP."""

import os
import re
import subprocess

from . import verdict

TIMEOUT = 300


def run(program, report, timeout=TIMEOUT):
    name = os.path.basename(program)
    name = name[5:] if name.startswith("test_") else name
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    why = ""
    try:
        r = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=timeout)
        text, status = r.stdout, r.returncode
        if status < 0:
            why = f"ended by signal {-status}"
        elif status:
            why = f"exit status {status}"
    except subprocess.TimeoutExpired as e:
        text, status, why = e.stdout or b"", 1, f"no end after {timeout:.0f} s"
    except OSError as e:
        text, status, why = b"", 1, f"{program}: {e.strerror}"
    planned = seen = failures = 0
    notes = []
    for line in text.decode(errors="replace").splitlines():
        plan = re.match(r"1\.\.(\d+)$", line)
        found = None if line.startswith("#") else verdict.parse(line)
        if plan:
            planned += int(plan.group(1))
        elif found:
            seen += 1
            word, test, reason = found
            failures += word == "not ok"
            report.add(word, f"unit/{name}/{test}", reason,
                       "\n".join(notes[-60:]) if word == "not ok" else "")
            notes = []
        elif not re.match(r"# (ok|not ok) -|TAP version", line):
            notes.append(line)
    # A program that died or stopped early fails every test that it had announced.
    for i in range(seen, planned):
        report.add("not ok", f"unit/{name}/{i + 1} of {planned}", why or "gave no verdict",
                   "\n".join(notes[-60:]) if i == seen else "")
        failures += 1
    if (status and not failures) or not (planned or seen):
        report.add("not ok", f"unit/{name}", why or "gave no verdict", "\n".join(notes[-60:]))
