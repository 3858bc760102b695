/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The first processor's registers, and what CPUID says on each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

/* SDM vol. 3, 3.4.5.1: types of code and data segments, 7.2.2: of a TSS. */
#define TYPE_CODE 11
#define TYPE_DATA 3
#define TYPE_BUSY_TSS 11

#define CR0_PE (1ull << 0)
#define CR0_ET (1ull << 4)
#define CR0_NE (1ull << 5)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define RFLAGS_FIXED 2

static struct kvm_segment real_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.base = (uint64_t)selector << 4,
		.limit = 0xffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
	};
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool long_mode)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.l = long_mode,
		.db = !long_mode,
	};
}

static void set_segments(struct kvm_sregs *s, struct kvm_segment code, struct kvm_segment data)
{
	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	/* 26.3.1.2: a processor enters a guest only with a usable, busy TSS in TR. */
	s->tr = (struct kvm_segment){ .limit = 0x67, .type = TYPE_BUSY_TSS, .present = 1 };
	s->ldt = (struct kvm_segment){ .unusable = 1 };
}

static void set_mode(struct kvm_sregs *s, const struct boot *boot)
{
	bool long_mode = boot->mode == BOOT_LONG;

	if (boot->mode == BOOT_REAL) {
		set_segments(s, real_segment(boot->cs, TYPE_CODE), real_segment(boot->cs, TYPE_DATA));
		return;
	}
	set_segments(s, flat_segment(GDT_CODE, TYPE_CODE, long_mode),
		     flat_segment(GDT_DATA, TYPE_DATA, false));
	s->gdt.base = boot->gdt;
	s->gdt.limit = GDT_SIZE - 1;
	s->idt.base = s->idt.limit = 0;
	s->cr0 = CR0_PE | CR0_ET | CR0_NE;
	if (long_mode) {
		s->cr0 |= CR0_PG;
		s->cr3 = boot->cr3;
		s->cr4 = CR4_PAE;
		s->efer = EFER_LME | EFER_LMA;
	}
}

int cpu_set_boot_state(struct cpu *cpu, const struct boot *boot)
{
	struct kvm_regs regs = {
		.rip = boot->rip,
		.rsp = boot->rsp,
		.rax = boot->rax,
		.rbx = boot->rbx,
		.rsi = boot->rsi,
		.rdi = boot->rdi,
		.rflags = RFLAGS_FIXED,
	};
	struct kvm_sregs sregs;
	int ret = swivl_vcpu_get_sregs(cpu->vcpu, &sregs);

	if (ret)
		return ret;
	set_mode(&sregs, boot);
	ret = swivl_vcpu_set_sregs(cpu->vcpu, &sregs);
	return ret ? ret : swivl_vcpu_set_regs(cpu->vcpu, &regs);
}

/* Leaves that name the processor they run on, or its neighbours: one package, no threads. */
static void set_topology(struct kvm_cpuid_entry2 *e, unsigned int id, unsigned int cpus)
{
	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0x0000ffff) | cpus << 16 | id << 24;
		e->edx = cpus > 1 ? e->edx | 1u << 28 : e->edx & ~(1u << 28); /* HTT */
		e->ecx |= 1u << 31; /* a hypervisor is here */
		break;
	case 4: /* cache parameters: cores in the package, threads sharing */
		if (e->eax & 31)
			e->eax = (e->eax & 0x3fff) | (cpus - 1) << 26;
		break;
	case 0xb:
	case 0x1f: /* level 0 a thread, level 1 all of them */
		e->edx = id;
		e->eax = e->ebx = 0;
		e->ecx = e->index & 0xff;
		if (e->index < 2) {
			for (unsigned int n = e->index ? cpus - 1 : 0; n; n >>= 1)
				e->eax++;
			e->ebx = e->index ? cpus : 1;
			e->ecx |= (e->index + 1) << 8;
		}
		break;
	case 0x80000008: /* AMD: cores in the package */
		e->ecx = (e->ecx & ~0xf0ffu) | (cpus - 1);
		break;
	case 0x8000001e: /* AMD: extended APIC id, unit and node */
		e->eax = id;
		e->ebx = id;
		e->ecx = 0;
		break;
	}
}

/*
 * Leaf 15h says how fast the time-stamp counter runs (TSC = ECX * EBX / EAX), and with it the local
 * APIC's timer, whose clock is ECX: 1 GHz in KVM's interface. A kernel that knows need not measure,
 * which takes seconds where the processor is emulated.
 */
static int add_frequency(struct cpu *cpu, struct kvm_cpuid2 **list)
{
	enum { LEAF = 0x15, TIMER_HZ = 1000000000 };
	int khz = swivl_vcpu_request(cpu->vcpu, KVM_GET_TSC_KHZ, NULL);
	struct kvm_cpuid2 *cpuid = *list;
	struct kvm_cpuid_entry2 *e;

	if (khz <= 0 || !cpu->m->irqchip)
		return 0;
	cpuid = realloc(cpuid, sizeof(*cpuid) + (cpuid->nent + 1) * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return -ENOMEM;
	*list = cpuid;
	for (e = cpuid->entries; e < &cpuid->entries[cpuid->nent]; e++) {
		if (e->function == 0 && e->eax < LEAF)
			e->eax = LEAF;
		if (e->function == LEAF)
			break;
	}
	if (e == &cpuid->entries[cpuid->nent])
		cpuid->nent++;
	*e = (struct kvm_cpuid_entry2){
		.function = LEAF, .eax = TIMER_HZ / 1000, .ebx = khz, .ecx = TIMER_HZ };
	return 0;
}

int cpu_set_cpuid(struct cpu *cpu)
{
	struct kvm_cpuid2 *cpuid;
	int ret = swivl_supported_cpuid(cpu->m->host, &cpuid);
	bool deadline = cpu->m->irqchip &&
			swivl_extension(cpu->m->host, KVM_CAP_TSC_DEADLINE_TIMER) > 0;

	if (ret)
		return ret;
	for (unsigned int i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		set_topology(e, cpu->id, cpu->m->ncpus);
		/* KVM leaves this bit to the one who creates the local APICs. */
		if (e->function == 1 && deadline)
			e->ecx |= 1u << 24;
	}
	ret = add_frequency(cpu, &cpuid);
	if (!ret)
		ret = swivl_vcpu_set_cpuid(cpu->vcpu, cpuid);
	free(cpuid);
	return ret;
}
