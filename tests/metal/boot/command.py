#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""swivl disk as a person and a program use it: words, statuses, JSON; and on real block devices,
where this computer lets one make loop devices."""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, "tests/metal/boot")
os.environ["PATH"] += ":/usr/sbin:/sbin"                # not in an ordinary user's

from machines import disk, read, swivl  # noqa: E402


def run(*args, status=0, says=""):
    r = swivl(*args, check=False)
    assert r.returncode == status, f"{args}: status {r.returncode}\n{r.stdout}{r.stderr}"
    assert says in r.stdout + r.stderr, f"{args}: no \"{says}\":\n{r.stdout}{r.stderr}"
    return r


def words_and_statuses(work):
    image = disk(f"{work}/disk")
    before = read(image, 0, 16384)
    run("status", image, status=1, says="not installed")
    run("remove", image, status=4, says="not installed there")
    run("install", image, says="swivl is installed")
    run("install", image, status=4, says="installed already")
    run("status", image, says="checksum right")
    with open(image, "r+b") as f:
        f.seek(2047 * 512)
        f.write(b"\x99")
    run("status", image, status=4, says="hypervisor: wrong checksum")
    run("remove", image, status=4, says="--force")
    run("remove", "--force", image, says="not installed")
    assert read(image, 0, 16384) == before


def wrong_usage(work):
    image = disk(f"{work}/disk")
    for args in ([], ["status"], ["eat", image], ["status", image, image], ["install", "--what", image],
                 ["install", "--log-port", "x", image], ["install", "--log-port", "0xfff9", image],
                 ["install", "--log-port", "-1", image], ["install", "--log-level", "3", image],
                 ["install", "--brand", "x" * 48, image], ["install", "--brand", "\x1b[31m", image]):
        run(*args, status=2)
    run("status", image, status=1)
    run("--help", says="usage: swivl disk install")


def json_for_programs(work):
    image = disk(f"{work}/disk")
    assert json.loads(run("status", "--json", image, status=1).stdout)["state"] == "not installed"
    got = json.loads(run("install", "--json", "--brand", 'a "b" \\', "--log-level", "2", "--log-port",
                         "760", image).stdout)
    assert got["state"] == "installed" and got["brand"] == 'a "b" \\' and got["log_port"] == 760
    assert [e["name"] for e in got["elements"]] == ["configuration", "old boot record", "loader",
                                                    "hypervisor"]
    assert all(e["ok"] for e in got["elements"]) and got["same_version"] and got["log_level"] == 2
    refused = json.loads(run("install", "--json", image, status=4).stdout)
    assert refused["state"] == "refused" and "installed already" in refused["reason"]
    json.loads(run("remove", "--json", image).stdout)


def hostile_texts_are_harmless(work):
    """What the disk says of itself reaches terminal and JSON as ASCII."""
    import struct
    import zlib
    image = disk(f"{work}/disk")
    first = json.loads(run("install", "--json", image).stdout)["first_sector"]
    table = bytearray(read(image, first))
    table[24:48] = b"\x1b]0;x\x07\xff\"\n" + b"A" * 15
    table[12:16] = bytes(4)
    struct.pack_into("<I", table, 12, zlib.crc32(bytes(table)))
    with open(image, "r+b") as f:
        f.seek(first * 512)
        f.write(table)
    got = run("status", image)
    assert got.stdout.isascii() and "\x1b" not in got.stdout and "\x07" not in got.stdout
    json.loads(run("status", "--json", image).stdout)


def loop(image, *options):
    r = subprocess.run(["losetup", "-f", "--show", *options, image], capture_output=True, text=True)
    return r.stdout.strip() if r.returncode == 0 else None


def partition(work):
    image = disk(f"{work}/disk")
    before = read(image, 0, 16384)
    device = loop(image)
    if not device:
        return "loop devices cannot be made here"
    try:
        if subprocess.run(["addpart", device, "1", "2048", "1000"], capture_output=True).returncode:
            return "partitions of loop devices cannot be made here"
        for command in ["status"], ["install"], ["install", "--force"], ["remove", "--force"]:
            run(*command, device + "p1", status=4, says="a partition, not a disk")
        os.sync()
        assert read(image, 0, 16384) == before
    finally:
        subprocess.run(["delpart", device, "1"], capture_output=True)      # outlives the device
        subprocess.run(["losetup", "-d", device])
    return None


def block_devices(work):
    image = disk(f"{work}/disk")
    before = read(image, 0, 16384)
    device = loop(image)
    if not device:
        return "loop devices cannot be made here"
    try:
        run("status", device, status=1)
        run("install", image, status=4, says=f"in use as {device}")
        held = os.open(device, os.O_RDONLY | os.O_EXCL)     # as a mounted file system holds it
        run("install", device, status=4, says="mounted, or in use")
        assert read(image, 0, 16384) == before
        run("status", device, status=1)
        run("install", "--force", device)
        os.close(held)
        run("remove", device)
        os.sync()
        assert read(image, 0, 16384) == before
    finally:
        subprocess.run(["losetup", "-d", device])
    device = loop(image, "-r")
    try:
        run("install", device, status=4, says="read-only")
    finally:
        subprocess.run(["losetup", "-d", device])
    device = loop(image, "-b", "4096")
    if device:
        try:
            run("install", device, status=4, says="sectors of 4096 bytes")
        finally:
            subprocess.run(["losetup", "-d", device])
    return None


def main():
    tests = [words_and_statuses, wrong_usage, json_for_programs, hostile_texts_are_harmless, block_devices,
             partition]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory(prefix="swivl-disk-") as work:
            try:
                skip = test(work)
                print(f"ok {number} - {name}" + (f" # skip {skip}" if skip else ""), flush=True)
            except Exception as e:
                failed += 1
                print("\n".join(f"# {line}" for line in str(e).splitlines() or [repr(e)]))
                print(f"not ok {number} - {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
