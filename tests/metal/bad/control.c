// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* MSRs and control registers: each value that there is, and those that there are not. */
#include "tests/metal/bad/bad.h"

#define APIC_BASE 0x1b
#define PAT 0x277
#define EFER 0xc0000080

/* Counts of time and events: they differ from one reading to the next. */
static bool is_volatile(u32 msr)
{
	return msr == 0x10 || msr == 0xe7 || msr == 0xe8 || (msr >= 0xc1 && msr < 0xc9) ||
	       (msr >= 0x309 && msr <= 0x30b) || (msr >= 0x680 && msr < 0x6e1) || msr == 0x3b ||
	       msr == 0x40000020 || (msr >= 0xc0010004 && msr <= 0xc0010007) ||
	       (msr >= 0x1c9 && msr <= 0x1de) || (msr >= 0x830 && msr <= 0x83f) ||
	       (msr >= 0xc0010200 && msr <= 0xc001020b);
}

static const u32 ranges[][2] = {
	{ 0, 0x1fff },
	{ 0x2000, 0x2010 },
	{ 0x40000000, 0x40000110 },
	{ 0x4b564d00, 0x4b564d08 },
	{ 0xbfffff00, 0xbfffffff },
	{ 0xc0000000, 0xc0001fff },
	{ 0xc0002000, 0xc0002010 },
	{ 0xc0010000, 0xc0011fff },
	{ 0xc0012000, 0xc0012010 },
	{ 0xffffff00, 0xffffffff },
};

void probe_msrs(void)
{
	u32 faults = 0;

	for (u32 i = 0; i < ARRAY_SIZE(ranges); i++)
		for (u32 msr = ranges[i][0];; msr++) {
			u64 v, vector = try_rdmsr(msr, &v);

			/* Where all can be read nothing is there. */
			if (vector != NONE)
				faults++;
			else if (v || msr < 0x1000 || msr - 0xc0000000 < 0x200)
				line2("rdmsr", msr, is_volatile(msr) ? 0 : v);
			if (msr == ranges[i][1])
				break;
		}
	line("rdmsr faults", faults);
}

/* What is written back is what is there: harmless, but for these. */
static bool written_back(u32 msr)
{
	return !is_volatile(msr) && msr != 0x79 && msr != 0x8b && msr != 0x17 && msr != 0x49 &&
	       !(msr >= 0x800 && msr <= 0xbff) && msr != 0x1a0 &&
	       !(msr >= 0x400 && msr < 0x480) && msr != 0xc0010114 && msr != 0xc0010117;
}

static void write_back(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(ranges); i++)
		for (u32 msr = ranges[i][0];; msr++) {
			u64 v;

			if (written_back(msr) && try_rdmsr(msr, &v) == NONE &&
			    (v || msr < 0x1000 || msr - 0xc0000000 < 0x200))
				line3("wrmsr same", msr, try_wrmsr(msr, v), fault.error);
			if (msr == ranges[i][1])
				break;
		}
}

/* Bad and odd values, what comes of them, and the old value again. */
static void write_value(u32 msr, u64 v)
{
	u64 old, now = 0, vector;

	if (try_rdmsr(msr, &old) != NONE)
		old = 0;
	vector = try_wrmsr(msr, v);
	if (try_rdmsr(msr, &now) != NONE)
		now = 0xbad;
	begin("wrmsr");
	value(msr);
	value(v);
	value(vector);
	value(now);
	value(try_wrmsr(msr, old));
	end();
}

static void mtrr_writes(void)
{
	static const u32 fixed[] = { 0x250, 0x258, 0x259, 0x268, 0x26f };
	static const u64 types[] = { 0x0606060606060606, 0x0606060606060605, 0x0206060606060606,
				     0x0003000000000000, 0x0707070707070707, 0x1818181818181818,
				     0x0101010101010101, 0x0505050505050504, ~0ull };
	static const u64 deftypes[] = { 0, 6, 0x806, 0xc06, 0x802, 0x807, 0x1c06, 0xd06, 0xc00, ~0ull };
	u64 cap;

	if (try_rdmsr(0xfe, &cap) != NONE)
		return;
	for (u32 i = 0; i < ARRAY_SIZE(fixed); i++)
		for (u32 j = 0; j < ARRAY_SIZE(types); j++)
			write_value(fixed[i], types[j]);
	for (u32 i = 0; i < ARRAY_SIZE(deftypes); i++)
		write_value(0x2ff, deftypes[i]);
	for (u32 i = 0; i <= (cap & 0xff) && i < 16; i++) {
		write_value(0x200 + 2 * i, 0xe0000001);
		write_value(0x200 + 2 * i, 0xe0000002);
		write_value(0x200 + 2 * i, 0xe0000106);
		write_value(0x200 + 2 * i, 0x8000000000000006);
		write_value(0x201 + 2 * i, 0xff0000800);
		write_value(0x201 + 2 * i, 0xff0000801);
		write_value(0x201 + 2 * i, 0xff0000400);
		write_value(0x201 + 2 * i, ~0ull);
	}
}

void probe_msr_writes(void)
{
	static const u32 addresses[] = { 0x175, 0x176, 0xc0000082, 0xc0000083, 0xc0000100,
					 0xc0000101, 0xc0000102 };
	static const u64 values[] = { 0, 0xffff800000000000, 0x7fffffffffff, 0x800000000000,
				      0x8000000000000000, ~0ull };
	static const struct {
		u32 msr;
		u64 value;
	} odd[] = {
		{ PAT, 0 }, { PAT, 0x0706050400010406 }, { PAT, 0x0206050400010406 },
		{ PAT, 0x0306050400010406 }, { PAT, 0x0806050400010406 }, { PAT, ~0ull },
		{ PAT, 0x0101010101010101 }, { 0x174, 0x1ffffffff }, { 0x174, 0xffff },
		{ 0xc0000081, ~0ull }, { 0xc0000084, ~0ull }, { 0xc0000103, ~0ull },
		{ 0xc0000103, 0xffffffff }, { 0x3a, 0 }, { 0x3a, 5 }, { 0x3a, ~0ull },
		{ 0x48, ~0ull }, { 0x48, 1 }, { 0x49, ~0ull }, { 0x1d9, ~0ull }, { 0x1d9, 3 },
		{ 0xda0, ~0ull }, { 0xda0, 0 }, { 0x480, 0 }, { 0x482, ~0ull }, { 0x491, 0 },
		{ 0xfe, 0 }, { 0x8b, 0 }, { 0xc0010114, 0 }, { 0xc0010114, ~0ull },
		{ 0xc0010117, 0x1000 }, { 0xc0010117, 0x1001 }, { 0xc0010117, ~0ull },
		{ 0xc0010118, 0 }, { 0x1fff, 0 }, { 0x2000, 0 }, { 0x40000000, 1 },
		{ 0xbfffffff, 0 }, { 0xc0002000, 0 }, { 0xc0012000, 0 }, { 0xffffffff, 0 },
		{ 0x9b, 1 }, { 0x9e, 1 }, { APIC_BASE, 0xfee00901 }, { APIC_BASE, 0x80000000fee00900 },
		{ 0x83f, 0x30 }, { 0x830, 0xc4500 }, { 0x808, 0 }, { 0x1a0, ~0ull },
	};

	write_back();
	for (u32 i = 0; i < ARRAY_SIZE(addresses); i++)
		for (u32 j = 0; j < ARRAY_SIZE(values); j++)
			write_value(addresses[i], values[j]);
	for (u32 i = 0; i < ARRAY_SIZE(odd); i++)
		write_value(odd[i].msr, odd[i].value);
	for (u32 i = 0; i < 64; i++) {
		u64 efer;

		try_rdmsr(EFER, &efer);
		write_value(EFER, efer ^ 1ull << i);
	}
	mtrr_writes();
}

/* ---- control registers ---------------------------------------------------------------------------- */

SNIPPET(read_cr0, "mov %cr0, %rax");
SNIPPET(read_cr4, "mov %cr4, %rax");
SNIPPET(read_cr3, "mov %cr3, %rax");
SNIPPET(read_cr8, "mov %cr8, %rax");
SNIPPET(write_cr0, "mov %rax, %cr0");
SNIPPET(write_cr4, "mov %rax, %cr4");
SNIPPET(write_cr3, "mov %rax, %cr3");
SNIPPET(write_cr8, "mov %rax, %cr8");
SNIPPET(no_cr, ".byte 0x0f, 0x20, 0xc8"); /* CR1 */
SNIPPET(lmsw, "lmsw %ax");
SNIPPET(smsw, "smsw %rax");
SNIPPET(clts, "clts");
SNIPPET(xsetbv, "xsetbv");
SNIPPET(xgetbv, "xgetbv");

static u64 get(const char *read)
{
	struct regs r = { 0 };

	return try_regs(&r, read) == NONE ? r.rax : 0xbadull << 48;
}

static void set(const char *name, const char *read, const char *write, u64 v)
{
	u64 old = get(read), vector, now, follows;
	struct regs r = { .rax = v };

	vector = try_regs(&r, write);
	now = get(read);
	follows = cpuid_reg(1, 2) >> 27 & 1;
	r = (struct regs){ .rax = old };
	try_regs(&r, write);
	begin(name);
	value(v);
	value(vector);
	value(now);
	value(follows);
	value(get(read));
	end();
}

static void extended(u32 index, u64 v)
{
	struct regs r = { .rax = (u32)v, .rdx = v >> 32, .rcx = index };
	u64 vector = try_regs(&r, xsetbv);
	struct regs now = { 0 };

	try_regs(&now, xgetbv);
	begin("xcr");
	value(index);
	value(v);
	value(vector);
	value((u32)now.rax | now.rdx << 32);
	value(cpuid_reg(13, 1));
	end();
}

/* Many bits or few, by turns. */
static u64 noise(u32 i)
{
	u64 n = chance();

	return i & 1 ? n : n & chance() & chance() & chance();
}

static void probe_xcr0(void)
{
	struct regs r = { .rax = get(read_cr4) | 1 << 18 };
	u64 old = get(read_cr4);

	extended(0, 1);
	if (try_regs(&r, write_cr4) != NONE)
		return;
	for (u32 i = 0; i < 16; i++)
		extended(0, i);
	for (u32 i = 0; i < 64; i++)
		extended(0, 3 | 1ull << i);
	for (u32 i = 0; i < (rounds ? 20 : 200); i++)
		extended(0, 1 | (i & 2 ? noise(i) & 0xff : noise(i)));
	extended(0, 0xe7);
	extended(0, 0x1f);
	extended(1, 3);
	extended(0xffffffff, 3);
	extended(0, 1);
	r = (struct regs){ .rax = old };
	try_regs(&r, write_cr4);
}

static void garbage(u64 cr0, u64 cr3, u64 cr4)
{
	/* An address in CR3 had better be one of tables. */
	const u64 no_address = 0xff8 | ~0ull << (cpuid_reg(0x80000008, 0) & 0xff);
	u64 efer, cap;

	try_rdmsr(EFER, &efer);
	try_rdmsr(0xfe, &cap);
	for (u32 i = 0; i < (rounds ? 20 : 200); i++) {
		set("cr8 garbage", read_cr8, write_cr8, noise(i) & 0x1f);
		write_value(PAT, i & 1 ? chance() & 0x0707070707070707 : chance());
		/* Here the processor takes what would be its end. */
		if (lenient)
			continue;
		set("cr0 garbage", read_cr0, write_cr0, cr0 ^ (i & 2 ? (u32)noise(i) : noise(i)));
		set("cr4 garbage", read_cr4, write_cr4, cr4 ^ (i & 2 ? noise(i) & 0x7fffff : noise(i)));
		set("cr3 garbage", read_cr3, write_cr3, cr3 ^ (noise(i) & no_address));
		write_value(EFER, efer ^ noise(i));
		write_value(0x2ff, noise(i) & (i & 2 ? 0xcff : ~0ull));
		write_value(0x200 + (u32)(chance() % (2 * (cap & 0xff))), noise(i) & (i & 2 ? 0xffffff807 : ~0ull));
		write_value(0x268 + (i & 7), chance() & 0x0707070707070707);
		/* Its modes and its address are looked at elsewhere, and not moved. */
		write_value(APIC_BASE, 0xfee00900 ^ (noise(i) & (no_address & ~0xc00ull)));
	}
}

void probe_control(void)
{
	u64 cr0 = get(read_cr0), cr3 = get(read_cr3), cr4 = get(read_cr4);
	struct regs r;

	line3("cr0, cr3, cr4", cr0, cr3, cr4);
	for (u32 i = 0; i < 64; i++)
		if (!lenient || (i && i != 31 && i != 29))
			set("cr0", read_cr0, write_cr0, cr0 ^ 1ull << i);
	set("cr0", read_cr0, write_cr0, cr0 | 3u << 29);
	set("cr0", read_cr0, write_cr0, (cr0 & ~(1ull << 5)) | 3u << 29);
	set("cr0", read_cr0, write_cr0, ~0ull);
	set("cr0", read_cr0, write_cr0, 0xffffffff);
	if (!lenient) {
		set("cr0", read_cr0, write_cr0, cr0 | 1u << 29);
		set("cr0", read_cr0, write_cr0, 0);
	}
	for (u32 i = 0; i < 64; i++)
		if (!lenient || (i < 11 && i != 5) || i == 18 || i == 20 || i == 21)
			set("cr4", read_cr4, write_cr4, cr4 ^ 1ull << i);
	if (!lenient)
		set("cr4", read_cr4, write_cr4, ~0ull);
	if (!lenient)
		set("cr4", read_cr4, write_cr4, 0);
	for (u32 i = 0; i < 64; i++)
		if (i == 5 || i == 11 || (!lenient && i >= (cpuid_reg(0x80000008, 0) & 0xff)))
			set("cr3", read_cr3, write_cr3, cr3 ^ 1ull << i);
	for (u32 i = 0; i < 20; i++)
		set("cr8", read_cr8, write_cr8, i);
	set("cr8", read_cr8, write_cr8, 1ull << 32);
	/* OSXSAVE in CPUID, and XGETBV, follow CR4. */
	r = (struct regs){ .rax = cr4 & ~(1ull << 18) };
	try_regs(&r, write_cr4);
	r = (struct regs){ 0 };
	line2("xgetbv without OSXSAVE", try_regs(&r, xgetbv), cpuid_reg(1, 2) >> 27 & 1);
	r = (struct regs){ 0 };
	line("xsetbv without OSXSAVE", try_regs(&r, xsetbv));
	probe_xcr0();
	line("cr1", try_regs(&r, no_cr));
	for (u32 i = 0; i < 16; i++) {
		r = (struct regs){ .rax = i };
		line3("lmsw", i, try_regs(&r, lmsw), get(smsw));
	}
	r = (struct regs){ 0 };
	try_regs(&r, clts);
	line2("clts", get(read_cr0), get(smsw));
	r = (struct regs){ .rax = cr0 };
	try_regs(&r, write_cr0);
	garbage(cr0, cr3, cr4);
	line("cr0 at last", get(read_cr0));
}
