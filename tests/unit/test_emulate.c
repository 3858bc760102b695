// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The MMIO executor against this computer's own processor: an instruction with a memory operand
 * runs in a small stub with chosen registers, and in the executor with the same ones; registers,
 * flags and memory must come out the same. What a 64-bit process cannot do (16-bit and 32-bit
 * code, addresses that are not canonical) has its cases by hand.
 */
// uses: core/emulate/decode.c core/emulate/emulate.c
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <unistd.h>
#include <cmocka.h>
#define SWIVL_HAVE_TYPES
#include "core/emulate/emulate.h"

#define DATA_SIZE 8192
#define STATUS_FLAGS 0x8d5ull
#define GS_BASE 0x123456ull

/* What the stub and the test share, within reach of 32-bit displacements. */
struct arena {
	u8 code[4096];
	struct {
		u64 in[16], out[16], in_flags, out_flags, host_rsp;
	} state;
	u8 pad[4096 - 35 * 8];
	u8 data[DATA_SIZE];
};

static struct arena *arena;
static size_t slot; /* offset of the instruction in code */
static u64 fs_base;
static u64 rng_state = 0x2545f4914f6cdd1dull;

static u64 rnd(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state * 0x9e3779b97f4a7c15ull;
}

/* Numbers at the edges come more often than chance would have them. */
static u64 interesting(void)
{
	static const u64 edges[] = { 0,          1,          0x7f,       0x80,       0xff,
				     0x7fff,     0x8000,     0xffff,     0x7fffffff, 0x80000000,
				     0xffffffff, ~0ull >> 1, 1ull << 63, ~0ull };

	return rnd() & 1 ? rnd() : edges[rnd() % ARRAY_SIZE(edges)];
}

/* ---- the stub ------------------------------------------------------------------------------ */

static size_t emit(size_t at, const void *bytes, size_t n)
{
	memcpy(arena->code + at, bytes, n);
	return at + n;
}

/* An instruction whose last four bytes are a RIP-relative displacement to target. */
static size_t emit_rip(size_t at, const u8 *head, size_t n, const void *target)
{
	s32 disp = (const u8 *)target - (arena->code + at + n + 4);

	return emit(emit(at, head, n), &disp, 4);
}

static size_t emit_move(size_t at, int reg, bool load, const void *target)
{
	u8 head[3] = { reg & 8 ? 0x4c : 0x48, load ? 0x8b : 0x89, 5 | (reg & 7) << 3 };

	return emit_rip(at, head, 3, target);
}

static void build_stub(void)
{
	static const u8 save[] = { 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57 };
	static const u8 restore[] = { 0xfc, 0x41, 0x5f, 0x41, 0x5e, 0x41,
				      0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3 };
	static const u8 push[] = { 0xff, 0x35 }, pop[] = { 0x8f, 0x05 };
	size_t at = emit(0, save, sizeof(save));
	int r;

	at = emit_move(at, 4, false, &arena->state.host_rsp);
	at = emit_rip(at, push, 2, &arena->state.in_flags);
	at = emit(at, "\x9d", 1);
	for (r = 0; r < 16; r++)
		at = emit_move(at, r, true, &arena->state.in[r]);
	slot = at;
	at += INSN_MAX_LENGTH;
	for (r = 0; r < 16; r++)
		at = emit_move(at, r, false, &arena->state.out[r]);
	at = emit_move(at, 4, true, &arena->state.host_rsp);
	at = emit(at, "\x9c", 1);
	at = emit_rip(at, pop, 2, &arena->state.out_flags);
	emit(at, restore, sizeof(restore));
}

/* Runs the instruction at the slot on the processor. */
static void run_native(const u8 *bytes, size_t n, const u64 *gpr, u64 flags)
{
	memset(arena->code + slot, 0x90, INSN_MAX_LENGTH);
	memcpy(arena->code + slot, bytes, n);
	memcpy(arena->state.in, gpr, sizeof(arena->state.in));
	arena->state.in_flags = flags;
	((void (*)(void))(void *)arena->code)();
}

/* ---- the executor as its callers use it ------------------------------------------------------ */

static u8 shadow[DATA_SIZE]; /* the executor's copy of arena->data */

static void serve(struct emu_access *access, bool write)
{
	u64 at = access->linear - (u64)arena->data;

	assert_true(at < DATA_SIZE && at + access->size <= DATA_SIZE);
	if (write)
		memcpy(shadow + at, &access->data, access->size);
	else
		memcpy(&access->data, shadow + at, access->size);
}

static void run_emulated(struct emu_op *op, struct emu_regs *regs)
{
	u64 start = regs->rip;
	int rounds = 0;

	do {
		assert_int_equal(emulate_prepare(op, regs), 0);
		op->read.data = rnd(); /* what is above the size must not matter */
		if (op->read.size)
			serve(&op->read, false);
		emulate_execute(op, regs);
		if (op->write.size)
			serve(&op->write, true);
		emulate_commit(op, regs);
	} while (regs->rip == start && rounds++ < 100);
}

/* ---- instructions ----------------------------------------------------------------------------- */

struct form {
	u8 map, opcode;
	s8 digit; /* ModRM.reg of a group, -1: a register */
	u8 imm; /* bytes; 4: by operand size */
	u64 undefined; /* flags that the manual leaves undefined */
};

#define AF_ 0x10ull
#define NOT_CF_ZF 0x894ull

static const struct form forms[] = {
	{ 0, 0x00, -1 },
	{ 0, 0x01, -1 },
	{ 0, 0x02, -1 },
	{ 0, 0x03, -1 },
	{ 0, 0x08, -1, 0, AF_ },
	{ 0, 0x09, -1, 0, AF_ },
	{ 0, 0x0a, -1, 0, AF_ },
	{ 0, 0x0b, -1, 0, AF_ },
	{ 0, 0x10, -1 },
	{ 0, 0x11, -1 },
	{ 0, 0x12, -1 },
	{ 0, 0x13, -1 },
	{ 0, 0x18, -1 },
	{ 0, 0x19, -1 },
	{ 0, 0x1a, -1 },
	{ 0, 0x1b, -1 },
	{ 0, 0x20, -1, 0, AF_ },
	{ 0, 0x21, -1, 0, AF_ },
	{ 0, 0x22, -1, 0, AF_ },
	{ 0, 0x23, -1, 0, AF_ },
	{ 0, 0x28, -1 },
	{ 0, 0x29, -1 },
	{ 0, 0x2a, -1 },
	{ 0, 0x2b, -1 },
	{ 0, 0x30, -1, 0, AF_ },
	{ 0, 0x31, -1, 0, AF_ },
	{ 0, 0x32, -1, 0, AF_ },
	{ 0, 0x33, -1, 0, AF_ },
	{ 0, 0x38, -1 },
	{ 0, 0x39, -1 },
	{ 0, 0x3a, -1 },
	{ 0, 0x3b, -1 },
	{ 0, 0x63, -1 },
	{ 0, 0x80, 0, 1 },
	{ 0, 0x80, 1, 1, AF_ },
	{ 0, 0x80, 2, 1 },
	{ 0, 0x80, 3, 1 },
	{ 0, 0x80, 4, 1, AF_ },
	{ 0, 0x80, 5, 1 },
	{ 0, 0x80, 6, 1, AF_ },
	{ 0, 0x80, 7, 1 },
	{ 0, 0x81, 0, 4 },
	{ 0, 0x81, 1, 4, AF_ },
	{ 0, 0x81, 2, 4 },
	{ 0, 0x81, 3, 4 },
	{ 0, 0x81, 4, 4, AF_ },
	{ 0, 0x81, 5, 4 },
	{ 0, 0x81, 6, 4, AF_ },
	{ 0, 0x81, 7, 4 },
	{ 0, 0x83, 0, 1 },
	{ 0, 0x83, 1, 1, AF_ },
	{ 0, 0x83, 2, 1 },
	{ 0, 0x83, 3, 1 },
	{ 0, 0x83, 4, 1, AF_ },
	{ 0, 0x83, 5, 1 },
	{ 0, 0x83, 6, 1, AF_ },
	{ 0, 0x83, 7, 1 },
	{ 0, 0x84, -1, 0, AF_ },
	{ 0, 0x85, -1, 0, AF_ },
	{ 0, 0x86, -1 },
	{ 0, 0x87, -1 },
	{ 0, 0x88, -1 },
	{ 0, 0x89, -1 },
	{ 0, 0x8a, -1 },
	{ 0, 0x8b, -1 },
	{ 0, 0xc6, 0, 1 },
	{ 0, 0xc7, 0, 4 },
	{ 0, 0xf6, 0, 1, AF_ },
	{ 0, 0xf6, 1, 1, AF_ },
	{ 0, 0xf6, 2 },
	{ 0, 0xf6, 3 },
	{ 0, 0xf7, 0, 4, AF_ },
	{ 0, 0xf7, 2 },
	{ 0, 0xf7, 3 },
	{ 0, 0xfe, 0 },
	{ 0, 0xfe, 1 },
	{ 0, 0xff, 0 },
	{ 0, 0xff, 1 },
	{ 1, 0xa3, -1, 0, NOT_CF_ZF },
	{ 1, 0xab, -1, 0, NOT_CF_ZF },
	{ 1, 0xb3, -1, 0, NOT_CF_ZF },
	{ 1, 0xbb, -1, 0, NOT_CF_ZF },
	{ 1, 0xba, 4, 1, NOT_CF_ZF },
	{ 1, 0xba, 5, 1, NOT_CF_ZF },
	{ 1, 0xba, 6, 1, NOT_CF_ZF },
	{ 1, 0xba, 7, 1, NOT_CF_ZF },
	{ 1, 0xb0, -1 },
	{ 1, 0xb1, -1 },
	{ 1, 0xb6, -1 },
	{ 1, 0xb7, -1 },
	{ 1, 0xbe, -1 },
	{ 1, 0xbf, -1 },
	{ 1, 0xc0, -1 },
	{ 1, 0xc1, -1 },
	{ 1, 0xc3, -1 },
	{ 2, 0xf0, -1 },
	{ 2, 0xf1, -1 },
};

struct built {
	u8 bytes[INSN_MAX_LENGTH + 1];
	size_t n;
	u64 gpr[16];
};

static void put(struct built *b, u8 byte)
{
	b->bytes[b->n++] = byte;
}

static bool bit_string(const struct form *f)
{
	return f->map == 1 && f->digit < 0 && (f->opcode & 0xe7) == 0xa3;
}

/*
 * ModRM, SIB and displacement of a memory operand, with the registers set so that it lies at
 * target. Returns false for a combination that cannot be steered there.
 */
static bool put_memory(struct built *b, u8 reg, u8 rex, bool ad32, u64 target, size_t imm)
{
	u8 mod = rnd() % 3, rm = rnd() & 7, sib = rnd(), base = rm | (rex & 1 ? 8 : 0);
	u8 index = (sib >> 3 & 7) | (rex & 2 ? 8 : 0), scale = sib >> 6;
	bool has_sib = rm == 4, has_index = has_sib && index != 4, has_base = true;
	s64 disp = mod == 1 ? (s8)rnd() : mod == 2 ? (s32)rnd() : 0;
	size_t size = mod == 1 ? 1 : mod == 2 ? 4 : 0, i;
	u64 high = ad32 ? interesting() << 32 : 0;

	if (ad32 && target >> 32)
		return false;

	if (has_sib)
		base = (sib & 7) | (rex & 1 ? 8 : 0);
	put(b, mod << 6 | reg << 3 | rm);
	if (has_sib)
		put(b, sib);
	if (mod == 0 && (has_sib ? sib & 7 : rm) == 5) {
		has_base = false;
		size = 4;
	}
	if (has_index && has_base && index == base)
		return false;
	if (has_index) {
		b->gpr[index] = rnd() % 64;
		target -= b->gpr[index] << scale;
		b->gpr[index] |= high;
	}
	if (has_base)
		b->gpr[base] = ad32 ? ((target - disp) & 0xffffffff) | high : target - disp;
	else if (has_sib)
		disp = target;
	else
		disp = target - ((u64)arena->code + slot + b->n + 4 + imm);
	if (disp != (s32)disp)
		return false;
	for (i = 0; i < size; i++)
		put(b, disp >> (8 * i));
	return true;
}

static u8 put_prefixes(struct built *b, const struct form *f, u64 *target, bool *ad32, bool *op16)
{
	u64 r = rnd();
	u8 rex = r & 1 ? 0x40 | (r >> 8 & 15) : 0;
	u64 base = 0;

	*ad32 = (r >> 16 & 7) == 0;
	*op16 = (r >> 19 & 3) == 0 && !(f->map == 1 && f->opcode == 0xc3);
	switch (r >> 24 & 15) {
	case 0:
		put(b, 0x65);
		base = GS_BASE;
		break;
	case 1:
		put(b, 0x64);
		base = fs_base;
		break;
	case 2: /* ignored in 64-bit mode, the FS or GS before it is not */
		put(b, 0x65);
		put(b, 0x2e);
		base = GS_BASE;
		break;
	case 3:
		put(b, 0x36);
		break;
	case 4:
		put(b, 0x64);
		put(b, 0x65);
		base = GS_BASE;
		break;
	}
	if (*op16)
		put(b, 0x66);
	if (*ad32)
		put(b, 0x67);
	if (rex)
		put(b, rex);
	*target -= base;
	return rex;
}

/* One random instruction of a form; false: throw again. */
static bool build(struct built *b, const struct form *f)
{
	u64 target = (u64)arena->data + DATA_SIZE / 2 + rnd() % 64;
	u8 reg = f->digit >= 0 ? (u8)f->digit : rnd() & 7, rex, imm, whole, bits;
	u64 number = 0;
	bool ad32, op16;
	size_t i;

	b->n = 0;
	for (i = 0; i < 16; i++)
		b->gpr[i] = interesting();
	whole = reg;
	rex = put_prefixes(b, f, &target, &ad32, &op16);
	whole |= rex & 4 ? 8 : 0;
	if (bit_string(f)) { /* at most 1 KiB either way, with garbage above the operand */
		bits = rex & 8 ? 64 : op16 ? 16 : 32;
		number = (s16)rnd() >> 2;
		b->gpr[whole] = bits == 64 ? number
					   : rnd() << bits | (number & ((1ull << bits) - 1));
		number = b->gpr[whole];
	}
	if (f->map)
		put(b, 0x0f);
	if (f->map == 2)
		put(b, 0x38);
	put(b, f->opcode);
	imm = f->imm == 4 && op16 && !(rex & 8) ? 2 : f->imm;
	if (!put_memory(b, reg, rex, ad32, target, imm))
		return false;
	if (bit_string(f) && b->gpr[whole] != number)
		return false; /* the register is also part of the address */
	for (i = 0; i < imm; i++)
		put(b, rnd());
	return b->n <= INSN_MAX_LENGTH;
}

/* ---- the comparison ---------------------------------------------------------------------------- */

static void complain(const struct built *b, const char *what, u64 ours, u64 native)
{
	char hex[3 * INSN_MAX_LENGTH + 1];
	size_t i;

	for (i = 0; i < b->n; i++)
		sprintf(hex + 3 * i, "%02x ", b->bytes[i]);
	fail_msg("%s: executor %llx, processor %llx: %s", what, ours, native, hex);
}

static void compare(const struct built *b, u64 undefined, u64 flags)
{
	u64 gpr[16];
	struct emu_regs regs = { .gpr = gpr, .rip = (u64)arena->code + slot, .rflags = flags };
	struct emu_op op;
	size_t i;

	memcpy(gpr, b->gpr, sizeof(gpr));
	memcpy(shadow, arena->data, DATA_SIZE);
	regs.seg_base[INSN_FS] = fs_base;
	regs.seg_base[INSN_GS] = GS_BASE;
	for (i = 0; i < INSN_FS; i++)
		regs.seg_base[i] = 0xbad0000; /* must be ignored */
	if (decode(&op.insn, b->bytes, b->n, DECODE_64) != DECODE_OK || op.insn.length != b->n)
		complain(b, "length", op.insn.length, b->n);
	run_native(b->bytes, b->n, b->gpr, flags);
	run_emulated(&op, &regs);
	for (i = 0; i < 16; i++)
		if (gpr[i] != arena->state.out[i])
			complain(b, "register", gpr[i], arena->state.out[i]);
	undefined = STATUS_FLAGS & ~undefined;
	if ((regs.rflags ^ arena->state.out_flags) & undefined)
		complain(b, "flags", regs.rflags & undefined, arena->state.out_flags & undefined);
	for (i = 0; memcmp(shadow, arena->data, DATA_SIZE); i++)
		if (shadow[i] != arena->data[i])
			complain(b, "memory", shadow[i], arena->data[i]);
	if (regs.rip != (u64)arena->code + slot + b->n)
		complain(b, "rip", regs.rip, (u64)arena->code + slot + b->n);
}

static u64 random_flags(void)
{
	return (rnd() & STATUS_FLAGS) | 0x202;
}

static void fill_data(void)
{
	size_t i;

	for (i = 0; i < DATA_SIZE; i += 8)
		*(u64 *)(arena->data + i) = interesting();
}

static void test_native(void **state)
{
	unsigned int eax, ebx, ecx, edx, i, done = 0;
	struct built b;
	size_t f;

	if (!arena)
		skip();
	__cpuid(1, eax, ebx, ecx, edx);
	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		if (forms[f].map == 2 && !(ecx & bit_MOVBE)) {
			print_message("# SKIPPED: this processor has no MOVBE\n");
			continue;
		}
		for (i = 0; i < 3000;) {
			if (!build(&b, &forms[f]))
				continue;
			if (i++ % 64 == 0)
				fill_data();
			if (forms[f].map == 1 && (forms[f].opcode & 0xfe) == 0xb0 && i & 1)
				memset(arena->data + DATA_SIZE / 2, b.gpr[0], 128);
			compare(&b, forms[f].undefined, random_flags());
			done++;
		}
	}
	print_message("# %u instructions on both\n", done);
}

/* MOVS, STOS, LODS, SCAS with every prefix, both directions, counts from 0. */
static void test_native_strings(void **state)
{
	static const u8 opcodes[] = { 0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf };
	u64 base, high, r;
	struct built b;
	int i, j;

	if (!arena)
		skip();
	base = (u64)arena->data + DATA_SIZE / 2;
	for (i = 0; i < 100000; i++) {
		r = rnd();
		b.n = 0;
		for (j = 0; j < 16; j++)
			b.gpr[j] = interesting();
		high = r & 1 ? interesting() << 32 : 0;
		if (r & 1)
			put(&b, 0x67);
		if (r & 6)
			put(&b, (r & 6) == 2 ? 0xf2 : 0xf3);
		if ((r & 0x18) == 8)
			put(&b, 0x66);
		if ((r & 0x60) == 0x20)
			put(&b, 0x65);
		if ((r & 0x300) == 0x100)
			put(&b, 0x40 | (r >> 10 & 15));
		put(&b, opcodes[r >> 16 & 7]);
		b.gpr[INSN_RSI] = (base + (r >> 24 & 63) - ((r & 0x60) == 0x20 ? GS_BASE : 0)) |
				  high;
		b.gpr[INSN_RDI] = (base + (r >> 32 & 63)) | high;
		/*
		 * Intel's processors clear the upper halves of registers when a count in ECX is 0;
		 * the manuals do not say so and AMD's do not do it. Nothing is accessed either way.
		 */
		b.gpr[INSN_RCX] = (r & 1 ? 1 + (r >> 40) % 5 : (r >> 40) % 6) | high;
		if (i % 64 == 0)
			fill_data();
		if (i % 2) /* something for SCAS to find or to pass */
			memset(arena->data + DATA_SIZE / 2 - 64, b.gpr[0], 192);
		compare(&b, 0, random_flags() | (r >> 50 & 1) << 10);
	}
}

/* ---- by hand -------------------------------------------------------------------------------------- */

static u64 hand_gpr[16];

static struct emu_regs hand_regs(void)
{
	struct emu_regs regs = { .gpr = hand_gpr, .rip = 0x1000, .rflags = 2 };
	int i;

	for (i = 0; i < INSN_SEGS; i++)
		regs.seg_base[i] = 0x10000 * (i + 1);
	for (i = 0; i < 16; i++)
		hand_gpr[i] = 0x1111111111111111ull * i;
	return regs;
}

static int prepare(struct emu_op *op, struct emu_regs *regs, enum decode_mode mode, size_t n,
		   const void *bytes)
{
	assert_int_equal(decode(&op->insn, bytes, n, mode), DECODE_OK);
	assert_int_equal(op->insn.length, n);
	return emulate_prepare(op, regs);
}

static void test_16(void **state)
{
	struct emu_regs regs = hand_regs();
	struct emu_op op;

	hand_gpr[INSN_RBX] = 0xffff8000;
	hand_gpr[INSN_RSI] = 0x9000;
	assert_int_equal(prepare(&op, &regs, DECODE_16, 3, "\x8a\x40\x10"),
			 0); /* mov al,[bx+si+16] */
	assert_int_equal(op.read.linear, 0x40000 + 0x1010); /* wraps at 64 KiB */
	assert_int_equal(op.read.size, 1);
	assert_int_equal(op.write.size, 0);
	hand_gpr[INSN_RBP] = 0x10;
	assert_int_equal(prepare(&op, &regs, DECODE_16, 3, "\x89\x46\xf0"), 0); /* mov [bp-16],ax */
	assert_int_equal(op.write.linear, 0x30000);
	assert_int_equal(prepare(&op, &regs, DECODE_16, 4, "\x26\x89\x46\xf0"), 0); /* es: */
	assert_int_equal(op.write.linear, 0x10000);
	/* mov [bp+0], eax and the same with 32-bit addresses */
	assert_int_equal(prepare(&op, &regs, DECODE_16, 4, "\x66\x89\x46\x00"), 0);
	assert_int_equal(op.write.size, 4);
	hand_gpr[INSN_RBX] = 0x12345678;
	assert_int_equal(prepare(&op, &regs, DECODE_16, 3, "\x67\x88\x03"), 0); /* mov [ebx],al */
	assert_int_equal(op.write.linear, 0x12345678 + 0x40000);
	/* rep movsw: ds:si to es:di, 16-bit registers, the rest of them kept */
	hand_gpr[INSN_RSI] = 0xabcdffff;
	hand_gpr[INSN_RDI] = 0xabcdfffe;
	hand_gpr[INSN_RCX] = 0xabcd0002;
	assert_int_equal(prepare(&op, &regs, DECODE_16, 2, "\xf3\xa5"), 0);
	assert_int_equal(op.read.linear, 0x4ffff);
	assert_int_equal(op.write.linear, 0x1fffe);
	op.read.data = 0x1234;
	emulate_execute(&op, &regs);
	assert_int_equal(op.write.data, 0x1234);
	emulate_commit(&op, &regs);
	assert_int_equal(hand_gpr[INSN_RSI], 0xabcd0001);
	assert_int_equal(hand_gpr[INSN_RDI], 0xabcd0000);
	assert_int_equal(hand_gpr[INSN_RCX], 0xabcd0001);
	assert_int_equal(regs.rip, 0x1000);
	assert_int_equal(emulate_prepare(&op, &regs), 0);
	emulate_execute(&op, &regs);
	emulate_commit(&op, &regs);
	assert_int_equal(regs.rip, 0x1002);
}

static void test_32(void **state)
{
	struct emu_regs regs = hand_regs();
	struct emu_op op;

	hand_gpr[INSN_RAX] = 0xffffffff;
	regs.rip = 0xfffffffe;
	regs.rflags |= 0x10000; /* RF lasts for one instruction */
	assert_int_equal(prepare(&op, &regs, DECODE_32, 2, "\x8b\x08"), 0); /* mov ecx,[eax] */
	assert_int_equal(op.read.linear, 0x3ffff); /* base + offset wraps at 4 GiB */
	op.read.data = 0x89abcdef;
	emulate_execute(&op, &regs);
	assert_int_equal(hand_gpr[INSN_RCX], 0x1111111111111111ull); /* not before the commit */
	emulate_commit(&op, &regs);
	assert_int_equal(hand_gpr[INSN_RCX], 0x89abcdef);
	assert_int_equal(regs.rip, 0);
	assert_int_equal(regs.rflags, 2);
	/* mov eax, gs:[0x1234] as an absolute offset; 40 to 4f are INC and DEC here */
	assert_int_equal(prepare(&op, &regs, DECODE_32, 6, "\x65\xa1\x34\x12\x00\x00"), 0);
	assert_int_equal(op.read.linear, 0x60000 + 0x1234);
	assert_int_equal(prepare(&op, &regs, DECODE_32, 1, "\x40"), -SWIVL_EOPNOTSUPP);
	assert_int_equal(prepare(&op, &regs, DECODE_32, 2, "\x63\x00"), -SWIVL_EOPNOTSUPP);
}

static void test_canonical(void **state)
{
	struct emu_regs regs = hand_regs();
	struct emu_op op;

	hand_gpr[INSN_RAX] = 0x7ffffffffffcull;
	assert_int_equal(prepare(&op, &regs, DECODE_64, 2, "\x8b\x08"), 0);
	assert_int_equal(prepare(&op, &regs, DECODE_64, 3, "\x48\x8b\x08"), -SWIVL_EFAULT);
	hand_gpr[INSN_RAX] = 0x800000000000ull;
	assert_int_equal(prepare(&op, &regs, DECODE_64, 2, "\x8b\x08"), -SWIVL_EFAULT);
	hand_gpr[INSN_RAX] = 0xffff800000000000ull;
	assert_int_equal(prepare(&op, &regs, DECODE_64, 2, "\x8b\x08"), 0);
	/* the offset is truncated before the base is added, and nothing after it */
	regs.seg_base[INSN_GS] = 0xffff888000000000ull;
	assert_int_equal(prepare(&op, &regs, DECODE_64, 4, "\x65\x67\x8b\x08"), 0);
	assert_int_equal(op.read.linear, 0xffff888000000000ull);
}

static void test_unsupported(void **state)
{
	struct emu_regs regs = hand_regs();
	struct emu_op op;

	assert_int_equal(prepare(&op, &regs, DECODE_64, 3, "\x0f\x11\x00"),
			 -SWIVL_EOPNOTSUPP); /* movups */
	assert_int_equal(prepare(&op, &regs, DECODE_64, 4, "\xc5\xf8\x11\x00"), -SWIVL_EOPNOTSUPP);
	assert_int_equal(prepare(&op, &regs, DECODE_64, 2, "\x8b\xc8"),
			 -SWIVL_EOPNOTSUPP); /* no memory */
	assert_int_equal(prepare(&op, &regs, DECODE_64, 2, "\xff\x10"),
			 -SWIVL_EOPNOTSUPP); /* call */
	assert_int_equal(prepare(&op, &regs, DECODE_64, 2, "\xdd\x00"),
			 -SWIVL_EOPNOTSUPP); /* fld */
	assert_int_equal(prepare(&op, &regs, DECODE_64, 4, "\x0f\xba\x08\x00"), -SWIVL_EOPNOTSUPP);
	assert_int_equal(prepare(&op, &regs, DECODE_64, 2, "\x0f\xa2"),
			 -SWIVL_EOPNOTSUPP); /* cpuid */
	assert_int_equal(prepare(&op, &regs, DECODE_64, 5, "\xf2\x0f\x38\xf1\x00"),
			 -SWIVL_EOPNOTSUPP);
}

static void test_io_string(void **state)
{
	struct emu_regs regs = hand_regs();
	struct emu_io_string io = {
		.mode = DECODE_32, .size = 2, .address_size = 4, .segment = INSN_CS, .rep = true
	};

	hand_gpr[INSN_RSI] = 0xff8;
	hand_gpr[INSN_RCX] = 100;
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.linear, 0x20ff8);
	assert_int_equal(io.count, 4);
	assert_int_equal(io.step, 2);
	emulate_io_string_done(&io, &regs, 4, 3);
	assert_int_equal(hand_gpr[INSN_RSI], 0x1000);
	assert_int_equal(hand_gpr[INSN_RCX], 96);
	assert_int_equal(regs.rip, 0x1000);
	hand_gpr[INSN_RSI] = 0xfff; /* the element crosses: alone */
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.count, 1);
	regs.rflags |= 0x400;
	hand_gpr[INSN_RSI] = 0x1004;
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.count, 3);
	assert_int_equal(io.step, -2);
	hand_gpr[INSN_RCX] = 2;
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.count, 2);
	emulate_io_string_done(&io, &regs, 2, 3);
	assert_int_equal(hand_gpr[INSN_RSI], 0x1000);
	assert_int_equal(regs.rip, 0x1003);
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.count, 0);
	/* INS through ES whatever the segment; 16-bit DI wraps, the upper bits stay */
	io = (struct emu_io_string){ .mode = DECODE_16,
				     .size = 4,
				     .address_size = 2,
				     .in = true,
				     .segment = INSN_FS,
				     .rep = true };
	regs.rflags = 2;
	hand_gpr[INSN_RDI] = 0x7fffc;
	hand_gpr[INSN_RCX] = 0x50003;
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.linear, 0x1fffc);
	assert_int_equal(io.count, 1);
	emulate_io_string_done(&io, &regs, 1, 2);
	assert_int_equal(hand_gpr[INSN_RDI], 0x70000);
	assert_int_equal(hand_gpr[INSN_RCX], 0x50002);
	/* segments that do not start with a page: the offset ends before the page does */
	io.address_size = 2;
	regs.seg_base[INSN_ES] = 0x10100;
	hand_gpr[INSN_RDI] = 0xfff0;
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.linear, 0x200f0);
	assert_int_equal(io.count, 1);
	regs.rflags |= 0x400;
	hand_gpr[INSN_RDI] = 4;
	hand_gpr[INSN_RCX] = 100;
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.linear, 0x10104);
	assert_int_equal(io.count, 2);
	regs.rflags = 2;
	/* without REP the count register is nobody's business */
	io.rep = false;
	assert_int_equal(emulate_io_string(&io, &regs), 0);
	assert_int_equal(io.count, 1);
	emulate_io_string_done(&io, &regs, 1, 1);
	assert_int_equal(hand_gpr[INSN_RCX], 100);
	assert_int_equal(regs.rip, 0x1004);
	io.mode = DECODE_64;
	io.address_size = 8;
	hand_gpr[INSN_RDI] = 1ull << 63;
	assert_int_equal(emulate_io_string(&io, &regs), -SWIVL_EFAULT);
}

static int setup(void **state)
{
	void *p = mmap(NULL, sizeof(struct arena), PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (p == MAP_FAILED || syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_base) ||
	    syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE)) {
		print_message(
			"# SKIPPED on the processor: no executable memory or no GS base here\n");
		return 0;
	}
	arena = p;
	build_stub();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),    cmocka_unit_test(test_native_strings),
		cmocka_unit_test(test_16),        cmocka_unit_test(test_32),
		cmocka_unit_test(test_canonical), cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_io_string),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
