# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Machine tests: the scripts tests/machine/*.sh, many of them in one start of a machine."""

import fnmatch
import glob
import os
import re
import time

from . import cache, cmdline, initramfs, kernel, machine, verdict
from .cache import LabError

TESTS = os.path.join(cache.ROOT, "tests/machine")
MATRIX = os.path.join(cache.LAB, "matrix")
BUILD = os.path.dirname(cache.CACHE)
TIMEOUT = 180               # s of a script, if it does not say otherwise
START_TIMEOUT = 240         # s until the first script begins
MARK = "\036"               # a line that begins with it is the runner's own

# What the kernel's log must not gain while a test runs.
TROUBLE = ("BUG:|WARNING:|Oops|general protection|unable to handle|Call Trace|unchecked MSR|"
           "refcount_t|detected stall|scheduling while atomic|blocked for more|soft lockup|bad page")

# Runs inside. A script's own directory is the current one, files it brings are in /lab.
DRIVER = f"""
trouble() {{
	dmesg -c >/tmp/.log
	grep -n -E '{TROUBLE}' /tmp/.log >/tmp/.found || return 0
	first=$(head -n 1 /tmp/.found | cut -d : -f 1)
	tail -n +$first /tmp/.log | head -n 60 | sed "s/^/{MARK}log /"
}}
cd /lab/tests
dmesg -c >/tmp/started
for t in %s; do
	echo "{MARK}begin $t"
	sh ./$t.sh
	s=$?
	# KVM is in the way of who wants its device or the processor.
	for m in kvm_intel kvm_amd kvm; do rmmod $m 2>/dev/null; done
	trouble
	echo "{MARK}end $t $s"
done
"""


class Script:
    """A machine test and what its "# word: values" lines ask for:
    tests: names it will give a verdict on; add: FILE[:PATH]...; module: Debian's modules, to be
    had by modprobe; timeout: seconds; mem: MiB of the machine; guest: vmlinuz, vmlinux for Debian's
    kernel, packed or not, an initramfs and a command line for it, /boot/vmlinuz, /boot/vmlinux,
    /boot/initrd, /lab/guest-cmdline; append: to the machine's own command line; vmx-off: yes for a
    firmware that locks VMX off; alone: yes for a start of its own; real-time: yes for a machine
    whose clock does not count instructions."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[:-3]
        with open(path) as f:
            self.text = f.read()

        def words(key):
            found = re.findall(rf"^# {key}:(.*)$", self.text, re.M)
            return " ".join(found).split()

        self.tests = words("tests")
        self.add = words("add")
        self.modules = words("module")
        self.guest = words("guest")
        self.timeout = float((words("timeout") or [TIMEOUT])[0])
        self.mem = int((words("mem") or [512])[0])
        self.append = words("append")
        self.vmx_off = bool(words("vmx-off"))
        self.alone = bool(words("alone"))
        self.real_time = bool(words("real-time"))

    def files(self):
        """(path here, path inside) of what the script needs."""
        pairs = [(self.path, f"lab/tests/{self.name}.sh")]
        for a in self.add:
            source, _, inside = a.partition(":")
            pairs.append((os.path.join(cache.ROOT, source),
                          inside or f"lab/{os.path.basename(source)}"))
        # Guest programs and modules that the script names come by themselves.
        for built in glob.glob(os.path.join(BUILD, "machine/*")):
            name = os.path.basename(built)
            if os.access(built, os.X_OK) and re.search(rf"\b{re.escape(name)}\b", self.text):
                pairs.append((built, f"lab/bin/{name}"))
        for built, inside in (("lab/hello/hello.ko", "lab/hello.ko"),
                              ("host/linux/swivl.ko", "lab/swivl.ko"),
                              ("cli/swivl", "lab/bin/swivl")):
            built = os.path.join(BUILD, built)
            if os.path.exists(built):
                pairs.append((built, inside))
        for helper in glob.glob(os.path.join(TESTS, "*.inc")):
            pairs.append((helper, f"lab/tests/{os.path.basename(helper)}"))
        return pairs


def read_matrix():
    """[(pattern of script names, [(cpu, cpus, why not, or "")...])...], first match wins; and what "also"
    lines add: {script name: [(cpu, cpus, "")...]}."""
    rows, more = [], {}
    with open(MATRIX) as f:
        for number, line in enumerate(f, 1):
            fields, _, reason = line.partition("#")
            fields = fields.split()
            if not fields:
                continue
            also = fields[0] == "also"
            machines = []
            for m in fields[1:2] if also else fields[1:]:
                cpu, x, cpus = m.removeprefix("!").rpartition(":")
                if not x or not cpus.isdigit():
                    raise LabError(f"{MATRIX}:{number}: '{m}' is not PROCESSOR:COUNT")
                if m[0] == "!" and not reason.strip():
                    raise LabError(f"{MATRIX}:{number}: '{m}' without a reason behind a #")
                machines.append((cpu, int(cpus), reason.strip() if m[0] == "!" else ""))
            if not also:
                rows.append((fields[0], machines))
            for name in fields[2:] if also else ():
                if not os.path.exists(os.path.join(TESTS, f"{name}.sh")):
                    raise LabError(f"{MATRIX}:{number}: no machine test is named {name}")
                more.setdefault(name, []).extend(machines)
    return rows, more


def own_start(script, cpu, cpus):
    """What keeps a script from running in one start with the others; "" for nothing."""
    if script.alone:
        return script.name
    return "real time" if script.real_time and cpus == 1 and machine.counts(cpu) else ""


def plan(test_globs, machine_globs):
    """What the matrix asks for and the globs allow:
    {(cpu, cpus, own_start()): [Script...]}, [(Script, cpu, cpus, why it cannot run there)...]."""
    rows, more = read_matrix()
    batches, left_out = {}, []
    for g in test_globs:
        if not glob.glob(os.path.join(TESTS, f"{g}.sh")):
            raise LabError(f"no machine test is named {g}: lab/test --list names them")
    for path in sorted(glob.glob(os.path.join(TESTS, "*.sh"))):
        script = Script(path)
        if test_globs and not any(fnmatch.fnmatch(script.name, g) for g in test_globs):
            continue
        for pattern, machines in rows:
            if fnmatch.fnmatch(script.name, pattern):
                break
        else:
            raise LabError(f"{MATRIX} has no line for {script.name}")
        for cpu, cpus, why_not in machines + more.get(script.name, []):
            if machine_globs and not any(fnmatch.fnmatch(f"{cpu}:{cpus}", g)
                                         for g in machine_globs):
                continue
            if why_not:
                left_out.append((script, cpu, cpus, why_not))
                continue
            batches.setdefault((cpu, cpus, own_start(script, cpu, cpus)), []).append(script)
    return batches, left_out


def where(cpu, cpus):
    return f"{cpu}, {cpus} CPU{'s' if cpus > 1 else ''}"


class Run:
    """The scripts of one machine configuration. Where a machine dies or hangs, the tests of the
    script that ran and that had no verdict yet have failed; the scripts behind it get a new start.
    """

    def __init__(self, key, scripts, report, stopped, verbose=False):
        self.cpu, self.cpus, _ = key
        self.scripts = scripts
        self.report = report
        self.stopped = stopped          # a threading.Event
        self.verbose = verbose
        self.where = f"[{where(self.cpu, self.cpus)}]"

    def spec(self, scripts):
        add, carry, data, append = {}, [], {}, []
        for s in scripts:
            add.update((inside, source) for source, inside in s.files())
            carry += [m for m in s.modules if m not in carry]
            append += [a for a in s.append if a not in append]
            for image in s.guest:
                add[f"boot/{image}"] = getattr(kernel.get(), image)
                add["boot/initrd"] = initramfs.guest()
                data["lab/guest-cmdline"] = (cmdline.guest(self.cpu).encode() + b"\n", 0o644)
        driver = DRIVER % " ".join(s.name for s in scripts)
        return machine.Spec(cpu=self.cpu, cpus=self.cpus, mem=max(s.mem for s in scripts),
                            script=driver.encode(),
                            add=[(source, inside) for inside, source in add.items()],
                            carry=carry, data=data, append=" ".join(append),
                            vmx_off=any(s.vmx_off for s in scripts),
                            real_time=any(s.real_time for s in scripts),
                            timeout=float("inf"))

    def run(self):
        begin = time.monotonic()
        left = list(self.scripts)
        while left and not self.stopped.is_set():
            left = self._start(left)
        for s in left:
            self._fail_rest(s, set(), "interrupted", "")
        self.report.took(self.cpu, self.cpus, time.monotonic() - begin)

    def _start(self, scripts):
        """One machine start; returns the scripts that still have to run."""
        self.current = None
        self.done = 0
        self.buffer = b""
        self.limit = time.monotonic() + START_TIMEOUT
        self.pending = scripts
        try:
            result = machine.run(self.spec(scripts), self._output, progress=False,
                                 overdue=self._overdue)
        except (LabError, OSError) as e:
            for s in scripts:
                self._fail_rest(s, set(), f"the machine could not be started: {e}", "")
            return []
        self._output(b"\n" if self.buffer else b"")
        if not result.reason:
            return []
        detail = f"console:\n{result.console}"
        if result.emulator:
            detail += f"\nemulator:\n{result.emulator}"
        if self.current is None:            # the machine died between two scripts, or at its start
            if self.done == len(scripts):
                return []
            script, seen = scripts[self.done], set()
        else:
            script, seen = self.current, self.seen
        self._fail_rest(script, seen, result.reason, detail)
        return scripts[self.done + 1:]

    def _overdue(self):
        if self.stopped.is_set():
            return "interrupted"
        if time.monotonic() > self.limit:
            if self.current:
                return f"no end after {self.current.timeout:g} s"
            return "the machine did not start"
        return None

    def _add(self, word, script, test, why, detail):
        name = f"{script.name}/{test}" if test else script.name
        self.report.add(word, f"{name} {self.where}", why, detail,
                        verdict.Place(script.name, self.cpu, self.cpus))

    def _fail_rest(self, script, seen, why, detail):
        missing = [t for t in script.tests if t not in seen] or [""]
        for i, test in enumerate(missing):
            self._add("not ok", script, test, why, detail if i == 0 else "")

    def _output(self, data):
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace").rstrip("\r"))

    def _line(self, line):
        if line.startswith(MARK):
            word, _, rest = line[1:].partition(" ")
            if word == "begin":
                self._begin()
            elif word == "log":
                self.log.append(rest)
            elif word == "end":
                self._end(int(rest.rpartition(" ")[2]))
            return
        if self.current is None:
            return
        if self.verbose:
            self.report.say(f"  {self.where} {line}")
        found = verdict.parse(line)
        if found:
            word, test, why = found
            self.seen.add(test)
            self.failures += word == "not ok"
            self._add(word, self.current, test, why,
                      "\n".join(self.notes[-60:]) if word == "not ok" else "")
            self.notes = []
        elif re.match(r"(begin|end) \S+ \d+$", line):
            word, _, program = line.partition(" ")
            if word == "begin":
                self.alive.append(program)
            elif program in self.alive:
                self.alive.remove(program)
        else:
            self.notes.append(line)

    def _begin(self):
        self.current = self.pending[self.done]
        self.limit = time.monotonic() + self.current.timeout
        self.seen, self.notes, self.log, self.failures = set(), [], [], 0
        self.alive = []                 # programs (tests/machine/ends.h) that began and did not end

    def _end(self, status):
        script = self.current
        notes = "\n".join(self.notes[-60:])
        missing = [t for t in script.tests if t not in self.seen]
        for test in missing:
            self._add("not ok", script, test,
                      f"no verdict (the script's exit status was {status})", notes)
        if not self.seen and not missing:
            self._add("not ok", script, "",
                      f"no verdict (the script's exit status was {status})", notes)
        for program in self.alive:
            self._add("not ok", script, program.split()[0],
                      "the program died before its end", notes)
        if status and self.seen and not self.failures and not missing and not self.alive:
            self._add("not ok", script, "", f"exit status {status}", notes)
        if self.log:
            self._add("not ok", script, "kernel log", "the kernel complained", "\n".join(self.log))
        self.current = None
        self.done += 1
        self.limit = time.monotonic() + START_TIMEOUT
