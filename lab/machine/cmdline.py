# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The kernel's command line, with what makes an emulated start shorter. Nothing here changes what a
hypervisor meets: processor, memory management, interrupts, mitigations are as Debian has them."""

BASE = """console=ttyS0 quiet nokaslr panic=-1 tsc=reliable no_timer_check 8250.nr_uarts=1
 cryptomgr.notests init_on_alloc=0 rdinit=/init"""

# Initial calls that cost much and that nobody misses here, by what they are for. lab/run --full
# starts with them.
LEFT_OUT = (
    # Tracing files: the function records' check, event files, the names of enumerations.
    "ftrace_check_for_weak_functions", "ftrace_check_sync", "tracer_init_tracefs",
    "trace_eval_init", "trace_eval_sync", "event_trace_init", "init_kprobe_trace",
    "init_kprobe_trace_early",
    # The first of these parses the kernel's 4 MiB of BPF type information; modules bring their own.
    "btf_module_init", "bpf_rstat_kfunc_init", "bpf_key_sig_kfuncs_init", "kfunc_init",
    "bpf_tcp_ca_kfunc_init", "bpf_prog_test_run_init", "cubictcp_register",
    # Certificates for module signatures: modules load unsigned, as one's own always do.
    "load_system_certificate_list",
    # /sys/kernel/slab; /proc/slabinfo stays.
    "slab_sysfs_init",
)


def guest(cpu=""):
    """For a guest inside a machine with that processor: its messages are the show, so not quiet. In
    Bochs it is told the machine's frequency, which it is too slow to measure."""
    base = BASE.replace(" rdinit=/init", "").replace(" quiet", "")
    if not cpu.startswith("amd"):
        base += " tsc_early_khz=50000"
    return " ".join(f"{base} initcall_blacklist={','.join(LEFT_OUT)}".split())


def build(spec, *more):
    parts = [BASE, *more]
    if not spec.full:
        parts.append("initcall_blacklist=" + ",".join(LEFT_OUT))
    parts.append(spec.append)
    return " ".join(" ".join(parts).split())
