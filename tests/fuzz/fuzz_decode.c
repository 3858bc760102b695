// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The instruction decoder on hostile bytes: it stays inside them, and lengths make sense. */
// uses: core/emulate/decode.c
#include "core/emulate/decode.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
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
	return 0;
}
