/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counters and names. swivl's counters come in one structure. KVM describes its own itself
 * (KVM_GET_STATS_FD): a header, then one descriptor and name each, then the values.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define MAX_STATS 512
#define MAX_NAME 256

static int read_at(int fd, void *to, size_t size, uint64_t offset)
{
	ssize_t got = pread(fd, to, size, offset);

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EPROTO;
}

static int kvm_counters(int fd, struct swivl_counter *counters, unsigned int max)
{
	struct kvm_stats_header header;
	size_t desc_size;
	unsigned int n = 0;
	int ret = read_at(fd, &header, sizeof(header), 0);

	if (ret)
		return ret;
	if (header.name_size > MAX_NAME || !header.name_size || header.num_desc > MAX_STATS)
		return -EPROTO;
	desc_size = sizeof(struct kvm_stats_desc) + header.name_size;
	for (unsigned int i = 0; i < header.num_desc; i++) {
		union {
			struct kvm_stats_desc desc;
			char bytes[sizeof(struct kvm_stats_desc) + MAX_NAME + 1];
		} d = { .bytes = { 0 } };
		uint64_t value = 0;

		ret = read_at(fd, &d, desc_size, header.desc_offset + i * desc_size);
		if (!ret && d.desc.size == 1)
			ret = read_at(fd, &value, sizeof(value), header.data_offset + d.desc.offset);
		if (ret)
			return ret;
		if (d.desc.size != 1) /* histograms */
			continue;
		if (n < max) {
			snprintf(counters[n].name, sizeof(counters[n].name), "%.47s",
				 d.bytes + sizeof(d.desc));
			counters[n].value = value;
		}
		n++;
	}
	return n;
}

static const char *const kinds[SWIVL_EXIT_KINDS] = {
	[SWIVL_EXIT_NONE] = "settled at once",
	[SWIVL_EXIT_INTERRUPT] = "interrupt of the host",
	[SWIVL_EXIT_NMI] = "NMI of the host",
	[SWIVL_EXIT_EXCEPTION] = "exception",
	[SWIVL_EXIT_TRIPLE_FAULT] = "triple fault",
	[SWIVL_EXIT_INIT] = "INIT",
	[SWIVL_EXIT_CPUID] = "CPUID",
	[SWIVL_EXIT_HLT] = "HLT",
	[SWIVL_EXIT_IO] = "I/O port",
	[SWIVL_EXIT_MSR_READ] = "RDMSR",
	[SWIVL_EXIT_MSR_WRITE] = "WRMSR",
	[SWIVL_EXIT_CR] = "control register",
	[SWIVL_EXIT_DR] = "debug register",
	[SWIVL_EXIT_NESTED_FAULT] = "guest memory fault",
	[SWIVL_EXIT_NESTED_MISCONFIG] = "guest memory misconfiguration",
	[SWIVL_EXIT_HYPERCALL] = "hypercall",
	[SWIVL_EXIT_XSETBV] = "XSETBV",
	[SWIVL_EXIT_WBINVD] = "WBINVD",
	[SWIVL_EXIT_INVD] = "INVD",
	[SWIVL_EXIT_INVLPG] = "INVLPG",
	[SWIVL_EXIT_PAUSE] = "PAUSE",
	[SWIVL_EXIT_MONITOR] = "MONITOR",
	[SWIVL_EXIT_MWAIT] = "MWAIT",
	[SWIVL_EXIT_RDTSC] = "RDTSC",
	[SWIVL_EXIT_RDPMC] = "RDPMC",
	[SWIVL_EXIT_TASK_SWITCH] = "task switch",
	[SWIVL_EXIT_DESCRIPTOR] = "descriptor table",
	[SWIVL_EXIT_VIRTUALIZATION] = "VMX or SVM instruction",
	[SWIVL_EXIT_IRQ_WINDOW] = "interrupt window",
	[SWIVL_EXIT_NMI_WINDOW] = "NMI window",
	[SWIVL_EXIT_TPR] = "task priority",
	[SWIVL_EXIT_FAIL_ENTRY] = "failed entry",
	[SWIVL_EXIT_UNKNOWN] = "unknown",
};

const char *swivl_kind_name(unsigned int kind)
{
	return kind < SWIVL_EXIT_KINDS ? kinds[kind] : "unknown";
}

static unsigned int put(struct swivl_counter *counters, unsigned int max, unsigned int n,
			const char *prefix, const char *name, uint64_t value)
{
	if (n < max) {
		snprintf(counters[n].name, sizeof(counters[n].name), "%s%s", prefix, name);
		counters[n].value = value;
	}
	return n + 1;
}

static int own_counters(const struct swivl_stats *s, struct swivl_counter *counters,
			unsigned int max)
{
	unsigned int n = 0;

	n = put(counters, max, n, "exits", "", s->total_exits);
	for (unsigned int i = 0; i < SWIVL_EXIT_KINDS; i++)
		n = put(counters, max, n, "exit: ", kinds[i], s->exits[i]);
	n = put(counters, max, n, "returns to user space", "", s->user_exits);
	n = put(counters, max, n, "control structure reads", "", s->hardware_reads);
	n = put(counters, max, n, "control structure writes", "", s->hardware_writes);
	return put(counters, max, n, "kernel memory now, bytes", "", s->memory);
}

int swivl_vcpu_counters(struct swivl_vcpu *vcpu, struct swivl_counter *counters, unsigned int max)
{
	struct swivl_stats stats;
	int ret = swivl_vcpu_request(vcpu, SWIVL_GET_STATS, &stats), fd;

	if (!ret)
		return own_counters(&stats, counters, max);
	fd = swivl_vcpu_request(vcpu, KVM_GET_STATS_FD, NULL);
	if (fd < 0)
		return fd;
	ret = kvm_counters(fd, counters, max);
	close(fd);
	return ret;
}

const char *swivl_exit_name(unsigned int exit_reason)
{
#define NAME(x) [KVM_EXIT_##x] = "KVM_EXIT_" #x
	static const char *const names[] = {
		NAME(UNKNOWN), NAME(EXCEPTION), NAME(IO), NAME(HYPERCALL), NAME(DEBUG), NAME(HLT),
		NAME(MMIO), NAME(IRQ_WINDOW_OPEN), NAME(SHUTDOWN), NAME(FAIL_ENTRY), NAME(INTR),
		NAME(SET_TPR), NAME(TPR_ACCESS), NAME(NMI), NAME(INTERNAL_ERROR),
		NAME(SYSTEM_EVENT), NAME(IOAPIC_EOI), NAME(HYPERV), NAME(X86_RDMSR),
		NAME(X86_WRMSR), NAME(DIRTY_RING_FULL), NAME(X86_BUS_LOCK),
	};
#undef NAME

	if (exit_reason < sizeof(names) / sizeof(names[0]) && names[exit_reason])
		return names[exit_reason];
	return "unknown exit";
}
