// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "core/x86/mtrr.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"

#define CAP_COUNT(cap) ((unsigned int)(cap) & 0xff)
#define CAP_FIXED (1ull << 8)
#define DEF_TYPE(def) ((unsigned int)(def) & 0xff)
#define DEF_FIXED (1ull << 10)
#define DEF_ENABLED (1ull << 11)
#define BASE_TYPE(base) ((unsigned int)(base) & 0xff)
#define MASK_VALID (1ull << 11)
#define PAGE_BITS (~(SWIVL_PAGE_SIZE - 1))
#define FIXED_END 0x100000ull

void mtrr_read(struct mtrrs *m)
{
	static const u32 fixed[MTRR_FIXED] = {
		IA32_MTRR_FIX64K,	   IA32_MTRR_FIX16K_80000,    IA32_MTRR_FIX16K_80000 + 1,
		IA32_MTRR_FIX4K_C0000,	   IA32_MTRR_FIX4K_C0000 + 1, IA32_MTRR_FIX4K_C0000 + 2,
		IA32_MTRR_FIX4K_C0000 + 3, IA32_MTRR_FIX4K_C0000 + 4, IA32_MTRR_FIX4K_C0000 + 5,
		IA32_MTRR_FIX4K_C0000 + 6, IA32_MTRR_FIX4K_C0000 + 7,
	};
	unsigned int bits = 36;

	memset(m, 0, sizeof(*m));
	if (x86_cpuid(0x80000000, 0).eax >= 0x80000008)
		bits = x86_cpuid(0x80000008, 0).eax & 0xff;
	m->address = (1ull << (bits < 52 ? bits : 52)) - 1;
	if (!(x86_cpuid(1, 0).edx & CPUID_1_EDX_MTRR)) {
		m->def = DEF_ENABLED | MEMORY_WB;
		return;
	}
	m->cap = x86_rdmsr(IA32_MTRRCAP);
	m->def = x86_rdmsr(IA32_MTRR_DEF_TYPE);
	for (unsigned int i = 0; i < CAP_COUNT(m->cap) && i < MTRR_MAX_VARIABLE; i++) {
		m->variable[i][0] = x86_rdmsr(IA32_MTRR_PHYSBASE0 + 2 * i);
		m->variable[i][1] = x86_rdmsr(IA32_MTRR_PHYSBASE0 + 2 * i + 1);
	}
	if (m->cap & CAP_FIXED)
		for (unsigned int i = 0; i < MTRR_FIXED; i++)
			m->fixed[i] = x86_rdmsr(fixed[i]);
}

static bool has_fixed(const struct mtrrs *m)
{
	return (m->cap & CAP_FIXED) && (m->def & DEF_FIXED);
}

bool mtrr_enabled(const struct mtrrs *m)
{
	return m->def & DEF_ENABLED;
}

/* 12.11.2.2: each register has eight ranges, of 64, 16 or 4 KiB. */
static enum memory_type fixed_type(const struct mtrrs *m, u64 pa)
{
	unsigned int n, part;

	if (pa < 0x80000) {
		n = 0;
		part = pa >> 16;
	} else if (pa < 0xc0000) {
		n = 1 + ((pa - 0x80000) >> 17);
		part = pa >> 14 & 7;
	} else {
		n = 3 + ((pa - 0xc0000) >> 15);
		part = pa >> 12 & 7;
	}
	return m->fixed[n] >> part * 8 & 0xff;
}

/* 12.11.4.1. Overlaps that the manual leaves undefined become UC. */
static enum memory_type combine(enum memory_type a, enum memory_type b)
{
	if (a == b)
		return a;
	if ((a == MEMORY_WT && b == MEMORY_WB) || (a == MEMORY_WB && b == MEMORY_WT))
		return MEMORY_WT;
	return MEMORY_UC;
}

static enum memory_type page_type(const struct mtrrs *m, u64 pa)
{
	enum memory_type type = MEMORY_UC;
	bool any = false;

	if (!mtrr_enabled(m))
		return MEMORY_UC;
	if (pa < FIXED_END && has_fixed(m))
		return fixed_type(m, pa);
	for (unsigned int i = 0; i < CAP_COUNT(m->cap) && i < MTRR_MAX_VARIABLE; i++) {
		u64 mask = m->variable[i][1] & m->address & PAGE_BITS;

		if (!(m->variable[i][1] & MASK_VALID) || ((pa ^ m->variable[i][0]) & mask))
			continue;
		type = any ? combine(type, BASE_TYPE(m->variable[i][0])) :
			     (enum memory_type)BASE_TYPE(m->variable[i][0]);
		any = true;
	}
	return any ? type : (enum memory_type)DEF_TYPE(m->def);
}

/* Does the register's answer differ between addresses of the range? */
static bool splits(const struct mtrrs *m, unsigned int i, u64 pa, u64 size)
{
	u64 mask = m->variable[i][1] & m->address & PAGE_BITS;

	if (!(m->variable[i][1] & MASK_VALID) || !(mask & (size - 1)))
		return false;
	/* Its bits above the range's size have to be right for some of it to match. */
	return !((pa ^ m->variable[i][0]) & mask & ~(size - 1));
}

bool mtrr_uniform(const struct mtrrs *m, u64 pa, u64 size)
{
	if (!mtrr_enabled(m) || size <= SWIVL_PAGE_SIZE)
		return true;
	if (pa < FIXED_END && has_fixed(m)) {
		if (size > FIXED_END)
			return false; /* its end has none of them; true only by chance */
		for (u64 at = pa; at < pa + size; at += SWIVL_PAGE_SIZE)
			if (fixed_type(m, at) != fixed_type(m, pa))
				return false;
		return true;
	}
	for (unsigned int i = 0; i < CAP_COUNT(m->cap) && i < MTRR_MAX_VARIABLE; i++)
		if (splits(m, i, pa, size))
			return false;
	return true;
}

enum memory_type mtrr_type(const struct mtrrs *m, u64 pa, u64 size)
{
	enum memory_type type = mtrr_uniform(m, pa, size) ? page_type(m, pa) : MEMORY_UC;
	const u32 valid = 1u << MEMORY_UC | 1u << MEMORY_WC | 1u << MEMORY_WT | 1u << MEMORY_WP |
			  1u << MEMORY_WB;

	return type < 8 && (valid >> type & 1) ? type : MEMORY_UC;
}

static bool same_variable(const struct mtrrs *a, const struct mtrrs *b, unsigned int i)
{
	const u64 *x = a->variable[i], *y = b->variable[i];

	if (!((x[1] | y[1]) & MASK_VALID))
		return true;
	return x[0] == y[0] && x[1] == y[1];
}

bool mtrr_same(const struct mtrrs *a, const struct mtrrs *b)
{
	if (a->cap != b->cap || a->def != b->def)
		return !mtrr_enabled(a) && !mtrr_enabled(b);
	if (!mtrr_enabled(a))
		return true;
	for (unsigned int i = 0; i < CAP_COUNT(a->cap) && i < MTRR_MAX_VARIABLE; i++)
		if (!same_variable(a, b, i))
			return false;
	return !has_fixed(a) || !memcmp(a->fixed, b->fixed, sizeof(a->fixed));
}
