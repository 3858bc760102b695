/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The guest's page tables, read from outside, to show code and to say what a crash was about.
 * Permissions do not matter here. SDM vol. 3, 4.3 - 4.5.
 */
#include <string.h>

#include "machine.h"

#define CR0_PE 1u
#define CR0_PG (1u << 31)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_LA57 (1u << 12)
#define EFER_LMA (1u << 10)
#define PRESENT 1u
#define LARGE 0x80u
#define ADDRESS 0x000ffffffffff000ull

static bool walk32(const struct machine *m, const struct kvm_sregs *s, uint32_t linear,
		   uint64_t *gpa)
{
	const uint32_t *table = machine_ram(m, s->cr3 & ~0xfffull, 4096);
	uint32_t e;

	if (!table || !((e = table[linear >> 22]) & PRESENT))
		return false;
	if (e & LARGE && s->cr4 & CR4_PSE) {
		/* bits 13 - 20 are address bits 32 - 39 (PSE-36) */
		*gpa = (e & 0xffc00000u) | (uint64_t)(e >> 13 & 0xff) << 32 | (linear & 0x3fffff);
		return true;
	}
	table = machine_ram(m, e & ~0xfffu, 4096);
	if (!table || !((e = table[linear >> 12 & 0x3ff]) & PRESENT))
		return false;
	*gpa = (e & ~0xfffu) | (linear & 0xfff);
	return true;
}

/* PAE, four and five levels differ in where they begin. */
static bool walk64(const struct machine *m, uint64_t root, unsigned int levels, bool pae,
		   uint64_t linear, uint64_t *gpa)
{
	uint64_t at = root & ADDRESS;

	if (pae)
		at = root & 0xffffffe0u;
	for (unsigned int level = levels; level; level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		unsigned int index = linear >> shift & 511;
		const uint64_t *e = machine_ram(m, at + index * 8, 8);

		if (!e || !(*e & PRESENT))
			return false;
		if (level == 1 || ((level == 2 || (level == 3 && !pae)) && *e & LARGE)) {
			uint64_t mask = (1ull << shift) - 1;

			*gpa = (*e & ADDRESS & ~mask) | (linear & mask);
			return true;
		}
		at = *e & ADDRESS;
	}
	return false;
}

bool guest_translate(const struct machine *m, const struct kvm_sregs *s, uint64_t linear,
		     uint64_t *gpa)
{
	if (!(s->cr0 & CR0_PG)) {
		*gpa = linear & 0xffffffffu;
		return true;
	}
	if (s->efer & EFER_LMA)
		return walk64(m, s->cr3, s->cr4 & CR4_LA57 ? 5 : 4, false, linear, gpa);
	if (s->cr4 & CR4_PAE)
		return walk64(m, s->cr3, 3, true, linear & 0xffffffffu, gpa);
	return walk32(m, s, linear, gpa);
}

unsigned int code_bits(const struct kvm_sregs *s)
{
	if (s->efer & EFER_LMA && s->cs.l)
		return 64;
	return s->cs.db ? 32 : 16;
}

unsigned int guest_code(const struct machine *m, const struct kvm_sregs *s,
			const struct kvm_regs *regs, uint8_t *to, unsigned int size)
{
	uint64_t linear = regs->rip + (code_bits(s) == 64 ? 0 : s->cs.base), gpa;
	unsigned int n = 0;

	for (; n < size; n++) {
		const uint8_t *p;

		if (!guest_translate(m, s, linear + n, &gpa))
			break;
		p = machine_ram(m, gpa, 1);
		if (!p)
			break;
		to[n] = *p;
	}
	return n;
}
