// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The instruction decoder against Zydis, an independent decoder: lengths, immediates and memory
 * operands of enumerated and of random byte strings in the three modes.
 */
// uses: core/emulate/decode.c
// libs: -lZydis
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include <Zydis/Zydis.h>
#define SWIVL_HAVE_TYPES
#include "core/emulate/decode.h"

#define WINDOW 16

static ZydisDecoder zydis[3];
static const char *const mode_names[] = { "16", "32", "64" };
static u64 rng_state = 0x9e3779b97f4a7c15ull;
static struct {
	u64 tried, agreed, undefined;
} count;

static u64 rnd(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state * 0x2545f4914f6cdd1dull;
}

static void report(const char *what, const u8 *b, int mode, s64 ours, s64 theirs)
{
	char hex[3 * WINDOW + 1];
	int i;

	for (i = 0; i < WINDOW; i++)
		sprintf(hex + 3 * i, "%02x ", b[i]);
	fail_msg("mode %s, %s: decode %lld, Zydis %lld: %s", mode_names[mode], what, ours, theirs,
		 hex);
}

static void expect(const char *what, const u8 *b, int mode, s64 ours, s64 theirs)
{
	if (ours != theirs)
		report(what, b, mode, ours, theirs);
}

static s64 sext(u64 v, unsigned int bits)
{
	return bits ? (s64)(v << (64 - bits)) >> (64 - bits) : 0;
}

/* Displacement and immediates as they stand in the bytes. */
static void check_raw(const struct insn *in, const ZydisDecodedInstruction *z, const u8 *b,
		      int mode)
{
	unsigned int bits = z->raw.imm[0].size + z->raw.imm[1].size;
	u64 imm = z->raw.imm[0].value.u;

	expect("displacement size", b, mode, in->disp_size * 8, z->raw.disp.size);
	if (in->disp_size && !in->has_modrm)
		expect("absolute offset", b, mode, sext(in->disp, z->raw.disp.size),
		       sext(z->raw.disp.value, z->raw.disp.size));
	if (in->disp_size && in->disp_size < 8 && in->has_modrm)
		expect("displacement", b, mode, in->disp, z->raw.disp.value);
	/* Zydis counts the last byte of a 3DNow! instruction as its opcode. */
	if (z->encoding == ZYDIS_INSTRUCTION_ENCODING_3DNOW)
		return;
	expect("immediate size", b, mode, in->imm_size * 8, bits);
	if (z->raw.imm[1].size)
		imm = (imm & ((1ull << z->raw.imm[0].size) - 1)) | z->raw.imm[1].value.u
									   << z->raw.imm[0].size;
	expect("immediate", b, mode, in->imm, sext(imm, bits));
	if (z->attributes & ZYDIS_ATTRIB_HAS_MODRM)
		expect("ModRM", b, mode, in->has_modrm ? in->modrm : -1,
		       z->raw.modrm.mod << 6 | z->raw.modrm.reg << 3 | z->raw.modrm.rm);
	/*
	 * Zydis knows the address size by instruction, also where no memory is addressed. MPX
	 * ignores 67 in 64-bit mode; decode does not know it apart from the hint NOPs it took.
	 */
	if (in->memory && z->meta.isa_ext != ZYDIS_ISA_EXT_MPX)
		expect("address size", b, mode, in->address_size * 8, z->address_width);
}

static int gpr_number(ZydisRegister r)
{
	if (r == ZYDIS_REGISTER_NONE)
		return INSN_NO_REG;
	if (r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP)
		return INSN_BASE_RIP;
	return ZydisRegisterGetId(r);
}

static int segment_number(ZydisRegister r)
{
	static const ZydisRegister order[] = { ZYDIS_REGISTER_ES, ZYDIS_REGISTER_CS,
					       ZYDIS_REGISTER_SS, ZYDIS_REGISTER_DS,
					       ZYDIS_REGISTER_FS, ZYDIS_REGISTER_GS };
	int i;

	for (i = 0; i < 6; i++)
		if (order[i] == r)
			return i;
	return -1;
}

/* The memory operand that ModRM describes. */
static void check_memory(const struct insn *in, const ZydisDecodedOperand *op, const u8 *b,
			 int mode)
{
	expect("memory", b, mode, in->memory, 1);
	/* Zydis scales EVEX displacements and prints absolute ones without a segment choice. */
	if (!in->has_modrm || op->encoding != ZYDIS_OPERAND_ENCODING_MODRM_RM ||
	    in->encoding != INSN_LEGACY || op->mem.type == ZYDIS_MEMOP_TYPE_VSIB)
		return;
	/*
	 * Base 101 with mod 0 is no base, whatever REX.B (SDM vol. 2 table 2-5). Zydis 4.0 says
	 * R13D where a 67 prefix is there too; the length of the displacement it has right.
	 */
	if (op->mem.base != ZYDIS_REGISTER_R13D || in->base != INSN_NO_REG)
		expect("base", b, mode, in->base, gpr_number(op->mem.base));
	expect("index", b, mode, in->index, gpr_number(op->mem.index));
	if (in->index != INSN_NO_REG)
		expect("scale", b, mode, 1 << in->scale, op->mem.scale);
	if (op->mem.disp.has_displacement)
		expect("operand displacement", b, mode, in->disp, op->mem.disp.value);
	/* LEA, NOP and their like have no segment; MPX and MIB forms are special to Zydis. */
	if (op->mem.type == ZYDIS_MEMOP_TYPE_MEM)
		expect("segment", b, mode, in->segment, segment_number(op->mem.segment));
}

static void check_operands(const struct insn *in, const ZydisDecodedInstruction *z,
			   const ZydisDecodedOperand *ops, const u8 *b, int mode)
{
	int i;

	for (i = 0; i < z->operand_count_visible; i++)
		if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (ops[i].encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM ||
		     ops[i].encoding == ZYDIS_OPERAND_ENCODING_DISP16_32_64))
			check_memory(in, &ops[i], b, mode);
}

/* Instructions of a coprocessor of 2012 that has no VT-x; everywhere else they are undefined. */
static bool knights_corner(const ZydisDecodedInstruction *z)
{
	return z->meta.isa_ext == ZYDIS_ISA_EXT_KNC || z->meta.isa_ext == ZYDIS_ISA_EXT_KNCE ||
	       z->meta.isa_ext == ZYDIS_ISA_EXT_KNCV;
}

/*
 * Where Zydis finds an instruction, decode must find the same one. Where decode says invalid or
 * too long, Zydis must find none. Where only Zydis refuses, it knows that an opcode is undefined
 * with these prefixes, this ModRM or this VEX field; decode promises no more than the length that
 * the map gives, so there is nothing to compare.
 */
static void check(const u8 *b, int mode)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	struct insn in;
	enum decode_result rc = decode(&in, b, WINDOW, mode);
	ZyanStatus zs = ZydisDecoderDecodeFull(&zydis[mode], b, WINDOW, &z, ops);

	count.tried++;
	if (zs == ZYDIS_STATUS_INSTRUCTION_TOO_LONG)
		expect("too long", b, mode, rc, DECODE_TOO_LONG);
	if (!ZYAN_SUCCESS(zs) || knights_corner(&z)) {
		count.undefined++;
		return;
	}
	count.agreed++;
	expect("result", b, mode, rc, DECODE_OK);
	expect("length", b, mode, in.length, z.length);
	check_raw(&in, &z, b, mode);
	check_operands(&in, &z, ops, b, mode);
}

/* Every opcode of every map with every ModRM, under each set of prefixes that matters. */
static void enumerate_opcode(const u8 *head, size_t n, int mode)
{
	u8 b[WINDOW];
	int modrm, i;

	memcpy(b, head, n);
	for (modrm = 0; modrm < 256; modrm++) {
		b[n] = modrm;
		for (i = n + 1; i < WINDOW; i++)
			b[i] = rnd();
		check(b, mode);
	}
}

static void enumerate(int mode)
{
	static const struct {
		u8 n, b[3];
	} prefixes[] = { { 0 },           { 1, { 0x66 } },       { 1, { 0x67 } },
			 { 1, { 0xf2 } }, { 1, { 0xf3 } },       { 2, { 0x66, 0x67 } },
			 { 1, { 0x48 } }, { 2, { 0x66, 0x4f } }, { 2, { 0x67, 0x43 } },
			 { 1, { 0x65 } }, { 2, { 0x66, 0xf2 } }, { 2, { 0xf3, 0x48 } },
			 { 1, { 0xf0 } }, { 2, { 0x36, 0x66 } }, { 3, { 0x67, 0x66, 0x4c } } };
	static const struct {
		u8 n, b[2];
	} maps[] = { { 0 }, { 1, { 0x0f } }, { 2, { 0x0f, 0x38 } }, { 2, { 0x0f, 0x3a } } };
	size_t p, m;
	u8 head[8];
	int op;

	for (p = 0; p < ARRAY_SIZE(prefixes); p++)
		for (m = 0; m < ARRAY_SIZE(maps); m++)
			for (op = 0; op < 256; op++) {
				memcpy(head, prefixes[p].b, prefixes[p].n);
				memcpy(head + prefixes[p].n, maps[m].b, maps[m].n);
				head[prefixes[p].n + maps[m].n] = op;
				enumerate_opcode(head, prefixes[p].n + maps[m].n + 1, mode);
			}
}

static void test_enumerated(void **state)
{
	int mode;

	for (mode = 0; mode < 3; mode++)
		enumerate(mode);
	print_message("# %llu byte strings, %llu of them instructions\n", count.tried,
		      count.agreed);
	assert_true(count.agreed > 1000000);
}

/* Random bytes, weighted so that prefixes, escapes and vector prefixes come often. */
static void random_bytes(u8 *b)
{
	static const u8 common[] = { 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64,
				     0x65, 0xf0, 0x48, 0x4c, 0x41, 0x47, 0x0f, 0x0f, 0x0f,
				     0x38, 0x3a, 0xc4, 0xc5, 0x62, 0x8f, 0x0f };
	int n = rnd() % 8, i;

	if (rnd() % 64 == 0)
		n = 12 + rnd() % 4; /* near the limit */
	for (i = 0; i < WINDOW; i++)
		b[i] = i < n ? common[rnd() % ARRAY_SIZE(common)] : rnd() >> 32;
}

static void test_random(void **state)
{
	u8 b[WINDOW];
	int i;

	for (i = 0; i < 4000000; i++) {
		random_bytes(b);
		check(b, i % 3);
	}
}

/* VEX, EVEX and XOP: the fields that random bytes seldom make valid are put right. */
static void test_vector(void **state)
{
	static const u8 lead[] = { 0xc4, 0xc5, 0x62, 0x8f };
	u64 before = count.agreed;
	u8 b[WINDOW];
	int i, j;

	for (i = 0; i < 3000000; i++) {
		for (j = 0; j < WINDOW; j++)
			b[j] = rnd() >> 32;
		b[0] = lead[i & 3];
		if (b[0] == 0xc4)
			b[1] = (b[1] & 0xe0) | (1 + rnd() % 3);
		else if (b[0] == 0x62)
			b[1] = (b[1] & 0xf0) | (1 + rnd() % 6), b[2] |= 4, b[3] &= 0x9f;
		else if (b[0] == 0x8f)
			b[1] = (b[1] & 0xe0) | (8 + rnd() % 3);
		if (rnd() & 1) {
			b[1] |= 0xc0;
			b[2] |= 0x78;
		}
		check(b, i / 4 % 3);
	}
	print_message("# %llu vector instructions\n", count.agreed - before);
	assert_true(count.agreed - before > 100000);
}

/*
 * Bytes of an exact size on the heap, where the sanitizer sees a read too far: a prefix of an
 * instruction is truncated, the whole of it is enough.
 */
static void test_truncated(void **state)
{
	struct insn whole, part;
	u8 b[WINDOW], *exact;
	int i, mode;
	size_t n;

	for (i = 0; i < 200000; i++) {
		random_bytes(b);
		mode = i % 3;
		if (decode(&whole, b, WINDOW, mode) != DECODE_OK)
			continue;
		assert_in_range(whole.length, 1, INSN_MAX_LENGTH);
		for (n = 0; n <= whole.length; n++) {
			exact = malloc(n ? n : 1);
			memcpy(exact, b, n);
			assert_int_equal(decode(&part, exact, n, mode),
					 n < whole.length ? DECODE_TRUNCATED : DECODE_OK);
			free(exact);
		}
		assert_memory_equal(&whole, &part, sizeof(whole));
	}
}

static void test_limits(void **state)
{
	u8 b[20];
	struct insn in;

	memset(b, 0x66, sizeof(b));
	assert_int_equal(decode(&in, b, 0, DECODE_64), DECODE_TRUNCATED);
	assert_int_equal(decode(&in, b, 14, DECODE_64), DECODE_TRUNCATED);
	assert_int_equal(decode(&in, b, 15, DECODE_64), DECODE_TOO_LONG);
	assert_int_equal(decode(&in, b, 20, DECODE_64), DECODE_TOO_LONG);
	b[14] = 0x90;
	assert_int_equal(decode(&in, b, 15, DECODE_64), DECODE_OK);
	assert_int_equal(in.length, 15);
	b[13] = 0xb8; /* mov ax, imm16: sixteen bytes in all */
	assert_int_equal(decode(&in, b, 14, DECODE_64), DECODE_TRUNCATED);
	assert_int_equal(decode(&in, b, 20, DECODE_64), DECODE_TOO_LONG);
}

static void test_undefined(void **state)
{
	static const struct {
		u8 b[4], mode;
	} cases[] = {
		{ { 0x06 }, DECODE_64 },
		{ { 0x37 }, DECODE_64 },
		{ { 0x60 }, DECODE_64 },
		{ { 0x82, 0xc0, 0 }, DECODE_64 },
		{ { 0x9a }, DECODE_64 },
		{ { 0xea }, DECODE_64 },
		{ { 0xd4, 0x0a }, DECODE_64 },
		{ { 0xd6 }, DECODE_64 },
		{ { 0x0f, 0x04 }, DECODE_32 },
		{ { 0x0f, 0x24, 0xc0 }, DECODE_32 },
		{ { 0x0f, 0x3f }, DECODE_16 },
		{ { 0x66, 0xc5, 0xf8, 0x77 }, DECODE_64 },
		{ { 0x48, 0xc5, 0xf8, 0x77 }, DECODE_64 },
		{ { 0xc4, 0xe4, 0x78, 0x10 }, DECODE_64 },
	};
	struct insn in;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(decode(&in, cases[i].b, 4, cases[i].mode), DECODE_INVALID);
}

static int setup(void **state)
{
	int mode;

	ZydisDecoderInit(&zydis[DECODE_16], ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
	ZydisDecoderInit(&zydis[DECODE_32], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	ZydisDecoderInit(&zydis[DECODE_64], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	/* With CET a 3E prefix before an indirect branch means NOTRACK instead of DS to Zydis. */
	for (mode = 0; mode < 3; mode++)
		ZydisDecoderEnableMode(&zydis[mode], ZYDIS_DECODER_MODE_CET, ZYAN_FALSE);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enumerated), cmocka_unit_test(test_random),
		cmocka_unit_test(test_vector),     cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_limits),     cmocka_unit_test(test_undefined),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
