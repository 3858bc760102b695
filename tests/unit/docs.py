#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The pages against the code: what they name exists, and docs/abi.md says what is served."""

import glob
import os
import re
import subprocess
import sys
import tempfile

CC = os.environ.get("CC", "cc")
# Also as build/unit/test_docs.
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = sorted(glob.glob("docs/*.md", root_dir=TOP)) + ["README.md", "lab/README.md"]
FOLDERS = ("core", "host", "lib", "include", "cli", "lab", "tests", "bench", "docs", "LICENSES")
SOURCES = (".c", ".h", ".hpp", ".S", ".py", ".mk", ".sh", ".inc")
failed = False


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def sources():
    """All that identifiers of a page may come from, as one text."""
    texts = []
    for folder in FOLDERS:
        for path, _, files in os.walk(os.path.join(TOP, folder)):
            texts += [read(os.path.join(path, f)) for f in files
                      if f.endswith(SOURCES) or os.access(os.path.join(path, f), os.X_OK)]
    return "\n".join(texts + [read("Makefile"), read("host/linux/Kbuild")])


def verdict(name, problems):
    global failed
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {name}")
    failed = failed or bool(problems)


def quoted(text):
    """What stands in backquotes, blocks of output left out."""
    text = re.sub(r"(?m)^(    .*|```[\s\S]*?^```)$", "", text)
    return re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", text)


def links(page, text):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not os.path.exists(os.path.join(TOP, os.path.dirname(page), target)):
            yield f"{page}: the link {target} leads nowhere"


def paths(page, text):
    for word in quoted(text):
        if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./-]*", word) and \
                not os.path.exists(os.path.join(TOP, word)):
            yield f"{page}: there is no {word}"


def names(page, text, words):
    """Functions, `f()`, and whatever is written like an identifier of this code."""
    for word in quoted(text):
        for name in re.findall(r"^([a-z_]\w*)\(\)$|^(-?[A-Z]\w*_\w+)$|^([a-z]\w*_\w+)$", word):
            name = "".join(name).lstrip("-")
            if name not in words:
                yield f"{page}: nothing is called {name}"


# ---- docs/abi.md ------------------------------------------------------------------------------


def preprocessed():
    """The table of requests with its macros expanded, so that a new macro needs nothing here."""
    command = [CC, "-E", "-P", "-I.", "-Iinclude", "core/vm/request.c"]
    return subprocess.run(command, cwd=TOP, check=True, capture_output=True, text=True).stdout


def evaluate(expressions):
    """Their values, in the same order, by the compiler."""
    program = '#define SWIVL_HAVE_TYPES\n#include <stdbool.h>\n#include <stddef.h>\n' + \
        '#include <stdio.h>\n#include <string.h>\n#include "core/vm/request.h"\n' + \
        '#include "core/irq/irqchip.h"\nint main(void) {\n' + \
        "".join(f'printf("%llu\\n", (unsigned long long)({e}));\n' for e in expressions) + \
        "return 0; }\n"
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "values")
        subprocess.run([CC, "-I.", "-Iinclude", "-x", "c", "-o", binary, "-"], cwd=TOP,
                       input=program, text=True, check=True)
        return subprocess.run([binary], capture_output=True, text=True,
                              check=True).stdout.split()


def served_requests():
    """{name: letters of the objects} as core/vm/request.c has it."""
    table = re.search(r"request_desc table\[\] = \{([\s\S]*?)\n\};", read("core/vm/request.c"))
    served = {"KVM_RUN": "VCPU"}    # stands apart, in swivl_request()
    for name, kinds in re.findall(r"[({] ?((?:KVM|SWIVL)_\w+), ((?:SYS|VM|VCPU)(?:_LOCKED)?(?: \| \w+)?)",
                                  table.group(1)):
        served[name] = kinds.replace("_LOCKED", "")
    for name in re.findall(r"INDEX_LIST\((\w+),", table.group(1)):
        served[name] = "SYS"
    # Nothing that another way of writing would hide: as many entries as the compiler sees.
    expanded = re.search(r"request_desc table\[\] = \{([\s\S]*?)\n? *\};", preprocessed()).group(1)
    handlers = len(re.findall(r"\brq_\w+|\(void \*\)0", expanded)) + 1
    return served, handlers


WORDS = {"SYS": "device", "VM": "VM", "VCPU": "vCPU"}


def rows(text, heading):
    """{first cell: the other cells} of the tables below a heading."""
    part = re.search(rf"(?m)^#+ {heading}\n([\s\S]*?)(?=^#+ |\Z)", text)
    found = {}
    for line in part.group(1).splitlines() if part else ():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("| `"):
            found[cells[0].strip("`")] = cells[1:]
    return found


def requests_differ(text):
    served, handlers = served_requests()
    listed = rows(text, "Requests")
    listed.update(rows(text, "swivl's own requests"))
    if handlers != len(served):
        yield f"{handlers} requests in the table of core/vm/request.c, {len(served)} understood here"
    for name in sorted(served.keys() | listed.keys()):
        if name not in listed:
            yield f"{name} is served, but not in docs/abi.md"
        elif name not in served:
            yield f"{name} is in docs/abi.md, but not served"
        else:
            want = ", ".join(WORDS[k] for k in served[name].split(" | "))
            if listed[name][0] != want:
                yield f"{name} goes to {want}, docs/abi.md says {listed[name][0]}"


def layouts_differ(text):
    """Our own requests' numbers and sizes."""
    facts = [(name, re.search(r"0x\w+", cells[1]).group(0))
             for name, cells in rows(text, "swivl's own requests").items() if "SWIVL_" in name]
    facts += [(f"sizeof({name})", size) for name, size in
              re.findall(r"(?m)^`(struct swivl_\w+)`, (\d+) bytes", text)]
    for (what, said), value in zip(facts, evaluate([what for what, _ in facts])):
        if int(said, 0) != int(value):
            yield f"{what} is {int(value):#x}, docs/abi.md says {said}"


def served_capabilities():
    """{name: value as the source writes it, None where a function decides}"""
    source = read("core/vm/requests_system.c")
    table = re.search(r"capabilities\[\] = \{([\s\S]*?)\n\};", source).group(1)
    served = {name: " ".join(value.split()) for name, value in
              re.findall(r"\{ (KVM_CAP_\w+),\s*([^}]+?) \}", table)}
    switch = re.search(r"rq_check_extension[\s\S]*?switch \(rq->arg\) \{([\s\S]*?)\n\t\}",
                       source).group(1)
    served.update(dict.fromkeys(re.findall(r"case (KVM_CAP_\w+):", switch)))
    return served


def capabilities_differ(text):
    served, listed = served_capabilities(), rows(text, "Capabilities")
    for name in sorted(served.keys() ^ listed.keys()):
        yield f"{name} is " + ("offered, but not in docs/abi.md" if name in served else
                               "in docs/abi.md, but not offered")
    both = sorted(served.keys() & listed.keys())
    values = evaluate(both + [served[n] or "0" for n in both])
    for name, number, value in zip(both, values, values[len(both):]):
        if listed[name][0] != number:
            yield f"{name} is number {number}, docs/abi.md says {listed[name][0]}"
        if served[name] and listed[name][1] != value:
            yield f"{name} is {value}, docs/abi.md says {listed[name][1]}"


def home_differs(text):
    """Every function of core/host.h has its place in docs/porting.md."""
    for name in re.findall(r"(?m)^\w[\w *]*\b(host_\w+)\(", read("core/host.h")):
        family = re.match(r"host_[a-z]+_", name)
        if f"`{name}()`" not in text and f"`{family and family.group(0)}*()`" not in text:
            yield f"{name}() of core/host.h is not in docs/porting.md"


def rules_differ(text):
    """docs/rules.md has what the command prints; COMMAND --rules >>docs/rules.md makes it."""
    command = os.path.join(TOP, "build/cli/swivl")
    rules = subprocess.run([command, "explain", "--rules"], check=True, capture_output=True, text=True)
    for line in sorted(set(rules.stdout.splitlines()) ^ set(re.findall(r"(?m)^\|.*", text))):
        yield f"docs/rules.md or the code does not have: {line}"


RULES_EXAMPLE = """
#include "core/rules/rules.h"
int vmread(unsigned int encoding, unsigned long long *value);
unsigned long long rdmsr(unsigned int msr);
unsigned int cpuid_eax(unsigned int leaf);
void log(const char *format, ...);
void failed_entry(void);
void failed_entry(void)
{
	unsigned int i, n, msr, encoding;
	unsigned long long value;
%s
}
int vmread(unsigned int encoding, unsigned long long *value) { *value = 0; return encoding == 0; }
unsigned long long rdmsr(unsigned int msr) { return msr; }
unsigned int cpuid_eax(unsigned int leaf) { return leaf; }
void log(const char *format, ...) { (void)format; }
"""


def rules_example(text):
    """The lines for another hypervisor compile, and link with the library and nothing else."""
    part = re.search(r"## In another hypervisor([\s\S]*?)(?=\n## )", text).group(1)
    lines = "\n".join(line for line in part.splitlines() if line.startswith("    "))
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "example.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(RULES_EXAMPLE % lines)
        run = subprocess.run([CC, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-builtin-declaration-mismatch",
                              "-ffreestanding", "-fno-stack-protector", "-nostdlib", "-static",
                              "-Wl,-e,failed_entry", "-I.", "-o", os.path.join(folder, "example"),
                              source, "build/lib/libswivlrules.a"], cwd=TOP, capture_output=True, text=True,
                             check=False)
        if run.returncode:
            yield f"the lines of docs/rules.md: {run.stderr}"


def main():
    words = set(re.findall(r"\w+", sources()))
    for page in PAGES:
        text = read(page)
        problems = list(links(page, text)) + list(paths(page, text))
        verdict(page, problems + list(names(page, text, words)))
    abi = read("docs/abi.md")
    verdict("abi-requests", list(requests_differ(abi)))
    verdict("abi-layouts", list(layouts_differ(abi)))
    verdict("abi-capabilities", list(capabilities_differ(abi)))
    verdict("rules", list(rules_differ(read("docs/rules.md"))))
    verdict("rules-example", list(rules_example(read("docs/rules.md"))))
    verdict("host-functions", list(home_differs(read("docs/porting.md"))))
    return failed


if __name__ == "__main__":
    sys.exit(main())
