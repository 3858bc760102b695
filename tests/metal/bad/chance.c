// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Bytes of chance: values for registers, programs at CPL 3, and what exits at CPL 0. */
#include "tests/metal/bad/bad.h"

#define CODE_AT VECTORS_AT /* of the programs; behind it their data and stack */
#define DATA_AT (CODE_AT + 0x1000)
#define USER_CODE (USER_ALIAS + 0x200000)
#define USER_DATA (USER_CODE + 0x1000)
#define STEPS 200

static u64 state;

u64 chance(void)
{
	if (!state)
		state = seed * 0x9e3779b97f4a7c15ull | 1;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* ---- programs at CPL 3 --------------------------------------------------------------------------------- */

/* Two pages and nothing else are theirs. */
static void map_user(bool on)
{
	u64 *directory = (u64 *)(TABLES_AT + 0x7000), *table = (u64 *)(TABLES_AT + 0x8000);

	table[0] = CODE_AT | 7;
	table[1] = DATA_AT | 7;
	directory[0] = on ? 0 : 0x87;
	directory[1] = on ? (u64)table | 7 : 0;
	asm volatile("mov %%cr3, %%rax\n mov %%rax, %%cr3" : : : "rax", "memory");
}

/*
 * What is not the same twice, or on purpose not the same beneath: time, random numbers, CPUID; on AMD,
 * whose emulator finds the wrong one of two exceptions, SVM's instructions.
 */
static bool repeats(const u8 *b)
{
	for (u32 i = 0; i < 31; i++)
		if (b[i] == 0x0f && (b[i + 1] == 0x31 || b[i + 1] == 0xa2 || b[i + 1] == 0xc7 ||
				     b[i + 1] == 0x01 || b[i + 1] == 0x33))
			return false;
	return true;
}

static void make_program(u8 *code)
{
	static const u8 good[] = { 0x0f, 0x66, 0xf0, 0xf2, 0xf3, 0x48, 0x4c, 0x64, 0x8b, 0x89, 0x8e, 0xff,
				   0xcf, 0x9d, 0xcd, 0xc8, 0xa4, 0xe8, 0xd9, 0xdd };

	memset(code, 0x90, 4096);
	do {
		for (u32 i = 0; i < 32; i++) {
			u64 n = chance();

			code[i] = n & 0x700 ? (u8)n : good[(n >> 16) % ARRAY_SIZE(good)];
		}
	} while (!repeats(code));
	code[32] = 0xcd;
	code[33] = 0x80;
	/* Whoever jumps far ends there, too. */
	for (u32 i = 64; i < 4094; i += 64)
		memcpy(code + i, "\xcd\x80", 2);
}

static u64 mix(u64 sum, u64 v)
{
	return (sum ^ v) * 0x100000001b3ull;
}

static void run_program(u32 i)
{
	struct regs r;
	u64 *words = (u64 *)&r, sum = 0, vector;

	make_program((u8 *)CODE_AT);
	/* With the trap flag in it, should it be taken for flags. */
	memset((void *)DATA_AT, 0x17, 4096);
	for (u32 n = 0; n < 6; n++) {
		u64 v = chance();

		words[n] = v & 1 ? USER_DATA + (v >> 8 & 0xfff) : v & 2 ? v >> 56 : v;
	}
	steps_left = STEPS;
	/* The trap flag: each instruction tells, so that the end does not depend on time. */
	vector = enter_user(&r, USER_CODE, USER_DATA + 0x800, 0x102);
	steps_left = 0;
	for (u32 n = 0; n < 6; n++)
		sum = mix(sum, words[n]);
	for (u32 n = 0; n < 512; n++)
		sum = mix(sum, ((u64 *)DATA_AT)[n]);
	begin("program");
	value(i);
	value(vector);
	value(fault.error);
	value(fault.rip);
	value(vector == 14 ? fault.cr2 : 0);
	value(sum);
	end();
}

/* ---- what exits, at CPL 0 -------------------------------------------------------------------------------- */

/* What jumps, halts, or changes tables, control registers and flags for good, is not asked here. */
static bool harmless(const u8 *b)
{
	static const u8 second[] = { 0x00, 0x01, 0x05, 0x07, 0x22, 0x23, 0x30, 0x34, 0x35 };
	static const u8 first[] = { 0x6c, 0x6d, 0x6e, 0x6f, 0x8e, 0x9d, 0xc2, 0xc3, 0xca, 0xcb,
				    0xcc, 0xcd, 0xcf, 0xf1, 0xf4, 0xfa, 0xfb, 0xff };
	u32 i = 0;

	while (b[i] == 0x66 || b[i] == 0x48)
		i++;
	if (b[i] == 0x0f) {
		for (u32 n = 0; n < ARRAY_SIZE(second); n++)
			if (b[i + 1] == second[n])
				return false;
		return (b[i + 1] & 0xf0) != 0x80;
	}
	for (u32 n = 0; n < ARRAY_SIZE(first); n++)
		if (b[i] == first[n])
			return false;
	return (b[i] & 0xf0) != 0x70 && (b[i] & 0xf0) != 0xe0;
}

/* With registers of chance: CPUID, MSRs' reads, calls, XSETBV. */
static void place_exit(u8 *at, struct regs *r, u64 n)
{
	static const u8 codes[][3] = { { 0x0f, 0xa2, 0x90 }, { 0x0f, 0x32, 0x90 }, { 0x0f, 0x01, 0xc1 },
				       { 0x0f, 0x01, 0xd9 }, { 0x0f, 0x01, 0xd1 } };
	static const u32 msrs[] = { 0, 0xc0000080, 0x277, 0x1b, 0x3a, 0x480, 0xc0010114, 0xc0010117 };

	memcpy(at, codes[n % ARRAY_SIZE(codes)], 3);
	if (n & 1u << 20)
		r->rcx = msrs[n >> 24 & 7];
	if (n & 1u << 21)
		r->rax = 0x6c76697773;
	/* The log is not written to memory of chance; XCR0 stays. */
	if ((u32)r->rcx == 2 || (at[1] == 1 && at[2] == 0xd1 && !(u32)r->rcx))
		r->rcx = 3;
}

/* An opcode of chance whose operand, by (%rax), (%rbx), strings, is in hidden memory. */
static void place_access(u8 *at, struct regs *r, u64 hidden, u64 n)
{
	u32 i;

	r->rax = r->rbx = r->rdi = r->rsi = hidden + (n >> 8 & 0x1fffff);
	r->rcx &= 15;
	do {
		n = chance();
		i = 0;
		if (n & 1u << 30)
			at[i++] = 0x66;
		if (n & 1u << 31)
			at[i++] = 0x48;
		if (n & 1ull << 32)
			at[i++] = 0x0f;
		at[i++] = (u8)(n >> 40);
		at[i++] = (u8)(n >> 48 & 0x38) | (n >> 56 & 1 ? 3 : 0);
	} while (!harmless(at));
}

static void exits(u32 count, u64 hidden)
{
	static u8 code[32];

	exceptions_have_stack(true); /* for stack pointers of chance */
	for (u32 i = 0; i < count; i++) {
		struct regs r = { chance(), chance(), chance(), chance(), chance(), chance() };
		u64 n = chance();

		memset(code, 0x90, sizeof(code));
		if (n & 3)
			place_access(code, &r, hidden, n >> 2);
		else
			place_exit(code, &r, n >> 2);
		memcpy(code + 16, "\xcd\x80", 2);
		try_regs(&r, code);
	}
	exceptions_have_stack(false);
}

void probe_chance(void)
{
	u32 count = rounds ? rounds * 2 : 5000;
	u64 size = 0, hidden = find_hidden(&size), cr0;

	/* Errors of the FPU as exceptions, which VMX insists on (SDM vol. 3, A.7). */
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	asm volatile("mov %0, %%cr0\n fninit" : : "r"((cr0 & ~0xcull) | 0x20));
	/* No local descriptors: after a reset LDTR is 64 KiB from 0 on. */
	asm volatile("lldt %w0" : : "r"(0));
	map_user(true);
	for (u32 i = 0; i < count; i++)
		run_program(i);
	map_user(false);
	asm volatile("fninit\n mov %0, %%cr0" : : "r"(cr0));
	if (!beneath || !hidden)
		return;
	exits(count, hidden);
	put("exits by chance: ");
	put_hex(count);
	put("\r\n");
}
