/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counters and names. KVM describes its counters itself (KVM_GET_STATS_FD): a header, then one
 * descriptor and name each, then the values; only their names are known here.
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

static int read_stats(int fd, struct swivl_stat *stats, unsigned int max)
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
			snprintf(stats[n].name, sizeof(stats[n].name), "%.47s",
				 d.bytes + sizeof(d.desc));
			stats[n].value = value;
		}
		n++;
	}
	return n;
}

int swivl_vcpu_stats(struct swivl_vcpu *vcpu, struct swivl_stat *stats, unsigned int max)
{
	int fd = swivl_vcpu_request(vcpu, KVM_GET_STATS_FD, NULL), ret;

	if (fd < 0)
		return fd;
	ret = read_stats(fd, stats, max);
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
