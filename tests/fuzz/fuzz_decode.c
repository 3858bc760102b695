// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The instruction decoder and the MMIO executor on hostile bytes: they stay inside what they were
 * given, and lengths and accesses make sense.
 */
// uses: core/emulate/decode.c core/emulate/emulate.c
#include "core/emulate/emulate.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static bool plausible(const struct emu_access *a)
{
	return !a->size || a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8;
}

static void execute(const struct insn *insn, u64 seed)
{
	u64 gpr[16];
	struct emu_regs regs = { .gpr = gpr, .rip = seed, .rflags = seed >> 7 };
	struct emu_op op = { .insn = *insn };
	int i;

	for (i = 0; i < 16; i++)
		gpr[i] = seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	for (i = 0; i < INSN_SEGS; i++)
		regs.seg_base[i] = seed >> i;
	if (emulate_prepare(&op, &regs))
		return;
	must(plausible(&op.read) && plausible(&op.write));
	op.read.data = seed;
	emulate_execute(&op, &regs);
	must(op.nset <= ARRAY_SIZE(op.set));
	emulate_commit(&op, &regs);
	must(insn->mode == DECODE_64 || regs.rip >> 32 == 0 || op.rip == regs.rip);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	enum decode_mode mode;
	enum decode_result rc;
	struct insn a, b;

	if (!size)
		return 0;
	mode = data[0] % 3;
	rc = decode(&a, data + 1, size - 1, mode);
	must(rc != DECODE_TRUNCATED || size - 1 < INSN_MAX_LENGTH);
	if (rc != DECODE_OK)
		return 0;
	must(a.length && a.length <= size - 1 && a.length <= INSN_MAX_LENGTH);
	must(decode(&b, data + 1, a.length, mode) == DECODE_OK && !memcmp(&a, &b, sizeof(a)));
	must(decode(&b, data + 1, a.length - 1, mode) == DECODE_TRUNCATED);
	must(a.segment < INSN_SEGS && a.scale < 4);
	must(a.base <= INSN_BASE_RIP || a.base == INSN_NO_REG);
	must(a.index < 16 || a.index == INSN_NO_REG);
	execute(&a, data[size - 1] * 0x0101010101010101ull ^ data[0] << 16);
	return 0;
}
