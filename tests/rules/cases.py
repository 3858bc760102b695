#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""swivl explain: failures that people reported, and input that is none or broken."""

import glob
import json
import os
import re
import subprocess
import sys

# Also as build/unit/test_rules_cases.
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND = os.environ.get("SWIVL", os.path.join(TOP, "build/cli/swivl"))
CASES = sorted(glob.glob(os.path.join(TOP, "tests/rules/cases/*.txt")))
OK, USAGE, CANNOT, BROKEN = 0, 2, 4, 6
failed = False


def explain(*arguments, stdin=None, status=None, json_too=True):
    """What it says, as JSON; its exit status has to be @status."""
    command = [COMMAND, "explain", *(["--json"] if json_too else []), *arguments]
    run = subprocess.run(command, input=stdin, capture_output=True, timeout=60)
    if status is not None and run.returncode != status:
        raise AssertionError(f"{' '.join(command[1:])}: status {run.returncode}, not {status}: {run.stderr}")
    if not json_too:
        return run.stdout.decode()
    return json.loads(run.stdout) if run.stdout else run.stderr.decode()


def same(got, want):
    if got != want:
        raise AssertionError(f"got {got}, not {want}")


def case(path):
    text = open(path, encoding="utf-8").read()
    note = {key: value.strip() for key, value in re.findall(r"(?m)^# (rules|answer|caps|where): (.*)", text)}
    caps = ["--caps", os.path.join(os.path.dirname(path), note["caps"])] if "caps" in note else []
    assert note.get("where") and re.search(r"(?m)^# what: ", text), "it does not say where it is from"
    rules = [] if note["rules"] == "none" else note["rules"].split()
    # One that breaks no rule is here because the processor refused it.
    dumps = explain("--fields", "--unjudged", *caps, path, status=BROKEN)
    same(len(dumps), 1)
    broken = [r for r in dumps[0]["rules"] if r["broken"]]
    same([r["id"] for r in broken], rules)
    same(dumps[0]["expected"] or "none", note["answer"])
    same(dumps[0]["broken"], len(rules))
    same(dumps[0]["unjudged"], len(dumps[0]["rules"]) - len(rules))
    for r in dumps[0]["rules"]:
        assert r["section"] and r["text"] and (r["broken"] or r["missing"])
    for r in broken:
        assert r["fields"], f"{r['id']} names no field"
        assert r["remedies"], f"nothing would satisfy {r['id']}"
        assert min(f["still_broken"] for f in r["remedies"]) < len(broken)
    words = explain("--fields", *caps, path, status=BROKEN, json_too=False)
    for r in broken:
        assert r["text"] in words and r["section"] in words


def remedies_work():
    """A dump with what is said to be enough breaks no rule."""
    path = [c for c in CASES if c.endswith("haxm-tr-not-busy.txt")][0]
    remedy = explain(path)[0]["rules"][0]["remedies"][0]
    text = re.sub(r"vmcs 4822 = \w+", f"vmcs 4822 = {remedy['value']}", open(path, encoding="utf-8").read())
    text = text.replace("0x80000021", "0x0")
    same(explain("-", stdin=text.encode(), status=OK)[0]["broken"], 0)


def another_processor():
    """--caps: the same state, other allowed bits."""
    path = [c for c in CASES if c.endswith("bareflank-cr0-ne.txt")][0]
    caps = "/dev/fd/0"
    run = explain("--caps", caps, path, stdin=b"msr 486 = 80000001\n", status=BROKEN)
    same(run[0]["broken"], 0)
    for wrong in (b"msr 123 = 1\n", b"nothing\n", b"", b"msr 486 = 1\ncpuid 1 = 2\n", b"fact no such = 1\n"):
        explain("--caps", caps, path, stdin=wrong, status=CANNOT)


def all_in_one():
    """A log with all of them, noise between."""
    noise = bytes((i * 7919 >> 3) % 256 for i in range(1 << 20))
    dumps = explain("-", stdin=noise.join(open(c, "rb").read() for c in CASES), status=BROKEN)
    same(len(dumps), len(CASES))
    for path, dump in zip(CASES, dumps):
        want = re.search(r"(?m)^# rules: (.*)", open(path, encoding="utf-8").read()).group(1)
        if "# caps" not in open(path, encoding="utf-8").read():
            same(" ".join(r["id"] for r in dump["rules"]) or "none", want)


def no_dumps():
    noise = bytes((i * 7919 >> 3) % 256 for i in range(1 << 20))
    for text in (b"", b"\n", b"no dump\n", noise, b"\0" * 1000, b"*** Host State ***\nCR0=1\n"):
        assert "no VMCS or VMCB" in explain("-", stdin=text, status=CANNOT)
    assert "no value" in explain("-", stdin=b"*** Guest State ***\nrubbish\n", status=CANNOT)
    explain("/nonexistent", status=CANNOT)
    explain("/", status=CANNOT)


def broken_dumps():
    whole = open([c for c in CASES if c.endswith("kvm-sti-if-clear.txt")][0], "rb").read()
    cut = explain("-", stdin=whole[:whole.index(b"*** Host")], status=BROKEN)[0]
    assert "cut off" in cut["problem"]
    same(cut["broken"], 1)
    # What the rule needs is not there: it is named.
    less = explain("--unjudged", "-", stdin=whole.replace(b"RFLAGS=0x00000002", b""), status=BROKEN)[0]
    missing = {r["id"]: r["missing"] for r in less["rules"]}
    same(missing["guest.blocking-sti-if"], "guest RFLAGS")
    # Numbers that cannot be.
    big = explain("-", stdin=whole.replace(b"sel=0x0040", b"sel=0x10040"))[0]
    same(big["bad_values"], 1)
    big = explain("-", stdin=whole.replace(b"CR3 = 0x000000013cbf4002", b"CR3 = 0x10000000000000000"))[0]
    same(big["bad_values"], 1)
    for size in range(0, len(whole), 97):
        run = subprocess.run([COMMAND, "explain", "-"], input=whole[:size], capture_output=True, timeout=60)
        assert run.returncode in (OK, CANNOT, BROKEN), f"cut off at {size}: {run.returncode}"


def numbers():
    for n in list(range(0, 14)) + list(range(15, 21)) + list(range(22, 27)) + [28]:
        assert explain("--error", str(n), status=OK)["meaning"]
    for n in ("14", "21", "27", "29", "-1", "x", "", "99999999999999999999"):
        explain("--error", n, status=USAGE)
    assert "CF" in explain("--error", "VMfailInvalid", status=OK)["meaning"]
    same(explain("--error", "7")["rules"] > 50, True)
    same(explain("--exit", "0x80000021", status=OK)[0]["entry_failed"], True)
    same([n["name"] for n in explain("--exit", "0x7b", status=OK)], ["VMEXIT_IOIO"])
    same([n["name"] for n in explain("--exit", "-1", status=OK)], ["VMEXIT_INVALID"])
    same(len(explain("--exit", "0x40", status=OK)), 2)
    same(len(explain("--exit", "0x40", "--amd", status=OK)), 1)
    same(len(explain("--exit", "0x40", "--intel", status=OK)), 1)
    for n in ("35", "38", "42", "71"):
        explain("--exit", n, "--intel", status=USAGE)
    for n in ("0x500", "-3", "y", "0x100000000"):
        explain("--exit", n, status=USAGE)
    for n in range(0, 82):
        explain("--exit", str(n), status=OK)
    same(len(explain("--rules", status=OK)) > 200, True)


def main():
    global failed
    tests = [(os.path.basename(c)[:-4], lambda c=c: case(c)) for c in CASES]
    tests += [(f.__name__, f) for f in (remedies_work, another_processor, all_in_one, no_dumps,
                                        broken_dumps, numbers)]
    assert len(CASES) >= 10
    for name, test in tests:
        try:
            test()
            print(f"ok {name}")
        except Exception as e:  # pylint: disable=broad-except
            print(f"# {type(e).__name__}: {e}\nnot ok {name}")
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
