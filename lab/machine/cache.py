# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Files made once and found again by what they were made from."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAB = os.path.join(ROOT, "lab")
CACHE = os.path.join(ROOT, os.environ.get("BUILD", "build"), "lab")


class LabError(Exception):
    """Something that a person can act on; shown without a traceback."""


def digest(*parts):
    """The hash of byte strings, strings and (as path:NAME) the content of files."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, str) and part.startswith("path:"):
            with open(part[5:], "rb") as f:
                part = hashlib.file_digest(f, "sha256").digest()
        elif isinstance(part, str):
            part = part.encode()
        h.update(len(part).to_bytes(8, "little"))
        h.update(part)
    return h.hexdigest()[:20]


@contextlib.contextmanager
def lock(name):
    """Only one process at a time makes the same thing."""
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, f".{name}.lock"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def made(name, make):
    """The path of CACHE/name; make(path) fills a temporary path that is moved there whole."""
    path = os.path.join(CACHE, name)
    if os.path.exists(path):
        os.utime(path)
        return path
    with lock("make"):
        if os.path.exists(path):
            return path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        tmp = tempfile.mktemp(dir=os.path.dirname(path), prefix=".new.")
        try:
            make(tmp)
            os.rename(tmp, path)
        finally:
            if os.path.isdir(tmp):
                shutil.rmtree(tmp)
            elif os.path.exists(tmp):
                os.unlink(tmp)
    return path


def prune(folder, keep):
    """Drops the files of CACHE/folder that were not used for the longest time, but the last few."""
    path = os.path.join(CACHE, folder)
    if not os.path.isdir(path):
        return
    files = sorted((os.path.join(path, n) for n in os.listdir(path)), key=os.path.getmtime)
    for old in files[:-keep]:
        with contextlib.suppress(OSError):
            os.unlink(old)


def run(command, **kw):
    """Runs a program that must succeed; its output is shown only where it failed."""
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    if r.returncode:
        raise LabError(f"{' '.join(command)} failed:\n{r.stdout.decode(errors='replace')}")
    return r.stdout
