# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What bad.bin has to tell beneath swivl, from what it told on the bare machine: the same, but for what
stands here, each with its reason. AMD is QEMU's EPYC, Intel is Bochs."""

import re

with open("VERSION") as f:
    BRAND = f"swivl {f.read().strip()}".encode().ljust(48, b"\0")
LEAF = b"\0\0\0\x40" b"swivlmachine"
MTRR_TYPES = {0, 1, 4, 5, 6}


def words(b):
    return " ".join(f"{int.from_bytes(b[i:i + 4], 'little'):x}" for i in range(0, 16, 4))


def clear(m, **bits):
    """CPUID without some bits: eax ebx ecx edx."""
    regs = [int(x, 16) for x in m.group(2).split()]
    for reg, mask in bits.items():
        regs["abcd".index(reg)] &= ~mask
    return f"{m.group(1)} " + " ".join(f"{r:x}" for r in regs)


def wrmsr(line, now=None, back="ff"):
    """A write that is #GP: the value stays."""
    msr, value = line.split()[2:4]
    return f"P wrmsr {msr} {value} d {now} {back}"


def efer(m):
    v = int(m.group(1), 16)
    return wrmsr(m.group(0), "500") if v & ~0xd01 or not v & 0x100 else m.group(0)


def deftype(m):
    v = int(m.group(1), 16)
    return m.group(0) if not v & ~0xcff and v & 0xff in MTRR_TYPES else wrmsr(m.group(0), "c06")


def cr4(m):
    """Not taken: the old value stays."""
    return f"P {m.group(1)} {m.group(2)} d 20 0 20" if int(m.group(2), 16) & 0x6000 else m.group(0)


def x2apic_bit(m):
    """SDM vol. 3, figure 11-28: there is no delivery status, and these are reserved."""
    return m.group(1) + (" d" if 0xfff33000 >> int(m.group(2), 16) & 1 else " ff")


# Which processor, a whole line of the bare machine, what becomes of it (None: it is not told), why.
CHANGES = [
    ("", r"P cpuid 40000000 (.) .*", lambda m: f"P cpuid 40000000 {m.group(1)} {words(LEAF)}",
     "the hypervisor's leaf"),
    ("", r"P cpuid 8000000([234]) (.) .*", lambda m: f"P cpuid 8000000{m.group(1)} {m.group(2)} " +
     words(BRAND[(int(m.group(1)) - 2) * 16:][:16]), "the brand"),
    ("core", r"(P cpuid 1 .) (.*)", lambda m: clear(m, c=0x64, d=1 << 21),
     "no VMX, no SMX, no PEBS (SDM vol. 2, CPUID)"),
    ("core", r"(P cpuid 7 0) (.*)", lambda m: clear(m, b=1 << 25), "no processor trace"),
    ("EPYC", r"(P cpuid 80000001 .) (.*)", lambda m: clear(m, c=4), "no SVM (APM vol. 3, E.4.2)"),
    ("EPYC", r"(P cpuid 8000000a .) .*", r"\1 0 0 0 0", "no SVM"),
    ("core", r"P rdmsr 3a .*", "P rdmsr 3a 1", "no VMX: locked off (SDM vol. 3, A)"),
    ("core", r"P (rdmsr|wrmsr same) 4[89]\w .*", None, "no VMX"),
    ("core", r"(P wrmsr 3a \w+) .*", r"\1 d 1 d", "no VMX"),
    ("core", r"(P wrmsr 4[89]\w \w+) .*", r"\1 d bad d", "no VMX"),
    ("core", r"P (cr4|cr4 garbage) (\w+) ff .*", cr4, "CR4.VMXE, SMXE: no VMX, no SMX"),
    ("core", r"(P it began with .* dr7) 0 (.*)", r"\1 @SIGNATURE \2",
     "Bochs' INIT leaves EDX 0 (SDM vol. 3, table 10-1)"),
    ("core", r"(P x2APIC: command with bit (\w+)) .*", x2apic_bit, "Bochs takes reserved bits"),
    ("core", r"P x2APIC: command 14020 .*", "P x2APIC: command 14020 d", "the same"),
    ("core", r"P x2APIC: on, from off ff (\w+)", r"P x2APIC: on, from off d \1",
     "Bochs takes it and does nothing (SDM vol. 3, 11.12.5)"),
    ("EPYC", r"P wrmsr c0010114 .*", lambda m: wrmsr(m.group(0), "18", "d"),
     "no SVM: locked off (APM vol. 2, 15.30.1)"),
    ("EPYC", r"P wrmsr c001011[78] .*", lambda m: wrmsr(m.group(0), "bad", "d"), "no SVM"),
    ("EPYC", r"P wrmsr (2000|40000000|bfffffff|c0002000|c0012000|ffffffff) .*",
     lambda m: wrmsr(m.group(0), "bad", "d"),
     "MSRs that there are not, beyond the map of permissions, which QEMU takes"),
    ("EPYC", r"P wrmsr 1b (fee00901|80000000fee00900) .*", lambda m: wrmsr(m.group(0), "fee00900"),
     "reserved bits: QEMU takes all (APM vol. 2, 16.3.1)"),
    ("EPYC", r"P wrmsr 830 .*", lambda m: wrmsr(m.group(0), "0", "d"),
     "no x2APIC: QEMU takes all (APM vol. 2, 16.9)"),
    ("EPYC", r"P wrmsr c0000080 (\w+) .*", efer, "reserved bits, LME with paging on: QEMU takes all "
     "(APM vol. 2, 3.1.7, 14.6.1)"),
    ("EPYC", r"P wrmsr 2ff (\w+) .*", deftype, "values that no MTRR takes: QEMU does (APM vol. 2, 7.7.2)"),
    ("EPYC", r"P (vmrun|vmload|vmsave|stgi|clgi|invlpga) 6 0 6 0", r"P \1 6 0 d 0",
     "EFER.SVME is set, so that CPL 3 is found before the intercept (APM vol. 2, 15.5.1)"),
    ("EPYC", r"P 32-bit virtual-8086 1 6 0", r"P 32-bit virtual-8086 1 d 0", "the same: VMRUN"),
    ("EPYC", r"P rdmsr faults (\w+)", lambda m: f"P rdmsr faults {int(m.group(1), 16) + 847:x}",
     "what is beyond the map of permissions, and SVM's: QEMU reads 0"),
]


def beneath(cpu, bare):
    """The lines of the bare machine as they have to be beneath, and how many of them differ."""
    changes = [(re.compile(what), to) for who, what, to, _ in CHANGES if cpu.startswith(who)]
    signature, calls, gone, lines, changed = "", 0, 0, [], 0
    for line in bare:
        new = line
        if line.startswith("P cpuid 1 0 "):
            signature = line.split()[4]
        for what, to in changes:
            m = what.fullmatch(line)
            if m:
                new = to(m) if callable(to) else to and m.expand(to)
                break
        if line.startswith("P call 6c76697773 "):
            calls += 1          # version and counts are told at every CPL, the rest is none's
            new = "P call 6c76697773 0 80" if calls < 3 else line
        if new is None:
            gone += line.startswith("P rdmsr")
        elif line.startswith("P rdmsr faults "):
            if cpu.startswith("EPYC"):
                lines.append("P rdmsr c0010114 18")     # read as 0 it was not told
            else:
                new = f"P rdmsr faults {int(line.split()[3], 16) + gone:x}"
        changed += new != line
        if new is not None:
            lines.append(new.replace("@SIGNATURE", signature))
    return lines, changed
