# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Which machine test ran where: a table of tests by vendor and number of CPUs, and one of the
machines."""

from . import machine


def cell(counts):
    """Passed, and what else there was."""
    if not counts:
        return "-"
    words = [str(counts["ok"])] if counts["ok"] else []
    if counts["not ok"]:
        words.append(f"{counts['not ok']} FAILED")
    if counts["skip"]:
        words.append(f"{counts['skip']} skip")
    return ", ".join(words)


def column(place):
    """Intel first, and few CPUs before many."""
    return machine.vendor(place.cpu) == "AMD", place.cpus


def added(places, key):
    """{key(place): counts}, where several places have the same key their sum."""
    sums = {}
    for place, counts in places.items():
        into = sums.setdefault(key(place), dict.fromkeys(counts, 0))
        for word, n in counts.items():
            into[word] += n
    return sums


def aligned(rows):
    """The first column to the left, the others to the right."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for r in rows:
        yield "  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                        for i, (c, w) in enumerate(zip(r, widths))).rstrip()


def lines(places, seconds):
    """places: {verdict.Place: counts}; seconds: {(cpu, cpus): s}."""
    if not places:
        return
    columns = sorted({column(p) for p in places})
    sums = added(places, lambda p: (p.script, column(p)))
    rows = [["passed", *(f"{'AMD' if amd else 'Intel'} x {n}" for amd, n in columns)]]
    for script in sorted({p.script for p in places}):
        rows.append([script, *(cell(sums.get((script, c))) for c in columns)])
    yield ""
    yield from aligned(rows)

    rows = [["machine", "CPUs", "tests", "passed", "failed", "skipped", "seconds"]]
    sums = added(places, lambda p: (*column(p), p.cpu))
    for (amd, cpus, cpu), counts in sorted(sums.items()):
        tests = sum(1 for p in places if (p.cpu, p.cpus) == (cpu, cpus))
        rows.append([f"{'AMD' if amd else 'Intel'} {cpu}", str(cpus), str(tests),
                     str(counts["ok"]), str(counts["not ok"]), str(counts["skip"]),
                     f"{seconds.get((cpu, cpus), 0):.0f}"])
    yield ""
    yield from aligned(rows)
    yield ""
