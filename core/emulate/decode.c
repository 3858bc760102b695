// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The instruction decoder. SDM vol. 2 chapter 2 (formats) and appendix A (opcode maps); for XOP
 * and 3DNow! APM vol. 3 chapter 1 and appendix A.
 */
#include "core/emulate/decode.h"

/* What follows an opcode, and how it takes the operand size. */
#define MR 0x01 /* ModRM */
#define IB 0x02 /* immediate of 1 byte */
#define IW 0x04 /* immediate of 2 bytes; with IB: ENTER's two */
#define IZ 0x08 /* immediate of 2 or 4 bytes, by operand size */
#define D6 0x10 /* 64-bit mode: operand size is 64 unless 66 makes it 16 */
#define F6 0x20 /* 64-bit mode: operand size is always 64 */
#define X6 0x40 /* undefined in 64-bit mode */
#define UD 0x80 /* undefined */

/* Rows as in the manual's maps. Prefixes and escapes are 0 here: they never reach the table. */
/* clang-format off */
static const u8 one_byte[256] = {
	/* 00 */ MR, MR, MR, MR, IB, IZ, X6, X6, MR, MR, MR, MR, IB, IZ, X6, 0,
	/* 10 */ MR, MR, MR, MR, IB, IZ, X6, X6, MR, MR, MR, MR, IB, IZ, X6, X6,
	/* 20 */ MR, MR, MR, MR, IB, IZ, 0, X6, MR, MR, MR, MR, IB, IZ, 0, X6,
	/* 30 */ MR, MR, MR, MR, IB, IZ, 0, X6, MR, MR, MR, MR, IB, IZ, 0, X6,
	/* 40 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 50 */ D6, D6, D6, D6, D6, D6, D6, D6, D6, D6, D6, D6, D6, D6, D6, D6,
	/* 60 */ X6, X6, MR | X6, MR, 0, 0, 0, 0, IZ | D6, MR | IZ, IB | D6, MR | IB, 0, 0, 0, 0,
	/* 70 */ IB | F6, IB | F6, IB | F6, IB | F6, IB | F6, IB | F6, IB | F6, IB | F6,
	/* 78 */ IB | F6, IB | F6, IB | F6, IB | F6, IB | F6, IB | F6, IB | F6, IB | F6,
	/* 80 */ MR | IB, MR | IZ, MR | IB | X6, MR | IB, MR, MR, MR, MR,
	/* 88 */ MR, MR, MR, MR, MR, MR, MR, MR | D6,
	/* 90 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, X6, 0, D6, D6, 0, 0,
	/* a0 */ 0, 0, 0, 0, 0, 0, 0, 0, IB, IZ, 0, 0, 0, 0, 0, 0,
	/* b0 */ IB, IB, IB, IB, IB, IB, IB, IB, IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ,
	/* c0 */ MR | IB, MR | IB, IW | F6, F6, MR | X6, MR | X6, MR | IB, MR | IZ,
	/* c8 */ IW | IB | D6, D6, IW, 0, 0, IB, X6, 0,
	/* d0 */ MR, MR, MR, MR, IB | X6, IB | X6, X6, 0, MR, MR, MR, MR, MR, MR, MR, MR,
	/* e0 */ IB | F6, IB | F6, IB | F6, IB | F6, IB, IB, IB, IB,
	/* e8 */ IZ | F6, IZ | F6, X6, IB | F6, 0, 0, 0, 0,
	/* f0 */ 0, 0, 0, 0, 0, 0, MR, MR, 0, 0, 0, 0, 0, 0, MR, MR,
};

static const u8 two_byte[256] = {
	/* 00 */ MR, MR, MR, MR, UD, 0, 0, 0, 0, 0, UD, 0, UD, MR, 0, MR | IB,
	/* 10 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR,
	/* 20 */ MR, MR, MR, MR, UD, UD, UD, UD, MR, MR, MR, MR, MR, MR, MR, MR,
	/* 30 */ 0, 0, 0, 0, 0, 0, UD, 0, 0, UD, 0, UD, UD, UD, UD, UD,
	/* 40 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR,
	/* 50 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR,
	/* 60 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR,
	/* 70 */ MR | IB, MR | IB, MR | IB, MR | IB, MR, MR, MR, 0, MR, MR, UD, UD, MR, MR, MR, MR,
	/* 80 */ IZ | F6, IZ | F6, IZ | F6, IZ | F6, IZ | F6, IZ | F6, IZ | F6, IZ | F6,
	/* 88 */ IZ | F6, IZ | F6, IZ | F6, IZ | F6, IZ | F6, IZ | F6, IZ | F6, IZ | F6,
	/* 90 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR,
	/* a0 */ D6, D6, 0, MR, MR | IB, MR, MR, MR, D6, D6, 0, MR, MR | IB, MR, MR, MR,
	/* b0 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR | IB, MR, MR, MR, MR, MR,
	/* c0 */ MR, MR, MR | IB, MR, MR | IB, MR | IB, MR | IB, MR, 0, 0, 0, 0, 0, 0, 0, 0,
	/* d0 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR,
	/* e0 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR,
	/* f0 */ MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR, MR,
};
/* clang-format on */

struct cursor {
	const u8 *bytes;
	size_t len; /* never more than INSN_MAX_LENGTH */
	size_t pos;
};

/*
 * Takes n <= 8 bytes as a little-endian number. Running out of a full window of 15 bytes is the
 * length fault; running out of a shorter one comes first on the processor as well, as the page
 * fault on the missing byte.
 */
static enum decode_result take(struct cursor *c, unsigned int n, u64 *value)
{
	const u8 *p = c->bytes + c->pos;
	u64 v = 0;

	if (n > c->len - c->pos)
		return c->len < INSN_MAX_LENGTH ? DECODE_TRUNCATED : DECODE_TOO_LONG;
	c->pos += n;
	while (n--)
		v = v << 8 | p[n];
	*value = v;
	return DECODE_OK;
}

/* The same for one byte, which is what most of it is. */
static inline enum decode_result take_byte(struct cursor *c, u64 *value)
{
	if (c->pos == c->len)
		return take(c, 1, value);
	*value = c->bytes[c->pos++];
	return DECODE_OK;
}

/* One legacy prefix; false when b is not one. */
static bool prefix(struct insn *insn, u8 b)
{
	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		/* 64-bit mode ignores these four, so an FS or GS override before stands. */
		if (insn->mode != DECODE_64)
			insn->segment = b >> 3 & 3;
		return true;
	case 0x64:
	case 0x65:
		insn->segment = b & 7;
		return true;
	case 0x66:
		insn->prefixes |= INSN_OPSIZE;
		return true;
	case 0x67:
		insn->prefixes |= INSN_ADSIZE;
		return true;
	case 0xf0:
		insn->prefixes |= INSN_LOCK;
		return true;
	case 0xf2:
	case 0xf3:
		insn->prefixes &= ~(INSN_REP | INSN_REPNE);
		insn->prefixes |= b == 0xf3 ? INSN_REP : INSN_REPNE;
		return true;
	}
	return false;
}

/* Prefixes and the first byte that is none. A REX that another prefix follows is ignored. */
static enum decode_result take_prefixes(struct insn *insn, struct cursor *c, u64 *b)
{
	enum decode_result rc;

	for (;;) {
		rc = take_byte(c, b);
		if (rc)
			return rc;
		if (insn->mode == DECODE_64 && (*b & 0xf0) == 0x40)
			insn->rex = *b;
		else if (prefix(insn, *b))
			insn->rex = 0;
		else
			return DECODE_OK;
	}
}

/*
 * Do the bytes after C4, C5, 62 and 8F make it a VEX, EVEX or XOP prefix? Outside 64-bit mode the
 * old instructions of these opcodes are told by ModRM.mod, which is not 3 for them.
 */
static enum decode_result vector_prefix(struct insn *insn, struct cursor *c, u8 b)
{
	u8 next;

	if (b != 0xc4 && b != 0xc5 && b != 0x62 && b != 0x8f)
		return DECODE_OK;
	if (c->pos == c->len)
		return c->len < INSN_MAX_LENGTH ? DECODE_TRUNCATED : DECODE_TOO_LONG;
	next = c->bytes[c->pos];
	if (b == 0x8f)
		insn->encoding = (next & 0x1f) >= 8 ? INSN_XOP : INSN_LEGACY;
	else if (insn->mode == DECODE_64 || next >= 0xc0)
		insn->encoding = b == 0x62 ? INSN_EVEX : INSN_VEX;
	return DECODE_OK;
}

/* The payload of a VEX, EVEX or XOP prefix and the opcode after it. */
static enum decode_result take_vector(struct insn *insn, struct cursor *c, u8 b, u8 *flags)
{
	unsigned int n = b == 0xc5 ? 1 : insn->encoding == INSN_EVEX ? 3 : 2;
	enum decode_result rc;
	u64 v, opcode;

	if (insn->rex || insn->prefixes & ~INSN_ADSIZE)
		return DECODE_INVALID;
	rc = take(c, n, &v);
	if (rc)
		return rc;
	insn->map = 1;
	insn->rex = ~v >> 5 & REX_R;
	if (b != 0xc5) {
		insn->map = v & (insn->encoding == INSN_EVEX ? 0x0f : 0x1f);
		insn->rex = (~v >> 5 & 7) | (v >> 12 & REX_W);
	}
	if (insn->mode != DECODE_64)
		insn->rex = 0;
	rc = take_byte(c, &opcode);
	if (rc)
		return rc;
	insn->opcode = opcode;
	*flags = MR;
	if (insn->encoding == INSN_XOP) {
		*flags |= insn->map == 8 ? IB : insn->map == 10 ? IZ : 0;
		return insn->map <= 10 ? DECODE_OK : DECODE_INVALID;
	}
	if (insn->encoding == INSN_EVEX && !(v >> 10 & 1))
		return DECODE_INVALID;
	switch (insn->map) {
	case 1:
		/* Immediates stand where the legacy map has them; VZEROUPPER has no ModRM. */
		*flags = opcode == 0x77 ? 0 : MR | (two_byte[opcode] & IB);
		return DECODE_OK;
	case 2:
		return DECODE_OK;
	case 3:
		*flags = MR | IB;
		return DECODE_OK;
	case 5:
	case 6:
		return insn->encoding == INSN_EVEX ? DECODE_OK : DECODE_INVALID;
	}
	return DECODE_INVALID;
}

static enum decode_result take_opcode(struct insn *insn, struct cursor *c, u64 b, u8 *flags)
{
	enum decode_result rc = DECODE_OK;

	*flags = one_byte[b];
	if (b == 0x0f) {
		insn->map = 1;
		rc = take_byte(c, &b);
		*flags = two_byte[b & 0xff];
		if (!rc && (b == 0x38 || b == 0x3a)) {
			insn->map = b == 0x38 ? 2 : 3;
			*flags = b == 0x38 ? MR : MR | IB;
			rc = take_byte(c, &b);
		}
	}
	if (rc)
		return rc;
	insn->opcode = b;
	if (*flags & UD || (*flags & X6 && insn->mode == DECODE_64))
		return DECODE_INVALID;
	return DECODE_OK;
}

static void set_sizes(struct insn *insn, u8 flags)
{
	bool opsize = insn->prefixes & INSN_OPSIZE;
	bool adsize = insn->prefixes & INSN_ADSIZE;

	if (insn->mode != DECODE_64) {
		insn->operand_size = opsize == (insn->mode == DECODE_16) ? 4 : 2;
		insn->address_size = adsize == (insn->mode == DECODE_16) ? 4 : 2;
		return;
	}
	insn->address_size = adsize ? 4 : 8;
	if (flags & F6 || insn->rex & REX_W || (flags & D6 && !opsize))
		insn->operand_size = 8;
	else
		insn->operand_size = opsize ? 2 : 4;
}

/* The eight forms of 16-bit addressing, SDM vol. 2 table 2-1. */
static void address16(struct insn *insn, u8 mod, u8 rm)
{
	static const u8 base[8] = { INSN_RBX, INSN_RBX, INSN_RBP, INSN_RBP,
				    INSN_RSI, INSN_RDI, INSN_RBP, INSN_RBX };

	insn->disp_size = mod == 1 ? 1 : mod == 2 ? 2 : 0;
	if (mod == 0 && rm == 6) {
		insn->disp_size = 2;
		return;
	}
	insn->base = base[rm];
	if (rm < 4)
		insn->index = rm & 1 ? INSN_RDI : INSN_RSI;
}

/* 32-bit and 64-bit addressing, SDM vol. 2 tables 2-2 and 2-3. */
static enum decode_result address32(struct insn *insn, struct cursor *c, u8 mod, u8 rm)
{
	enum decode_result rc;
	u64 sib;

	insn->disp_size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	insn->base = rm;
	if (rm == 4) {
		rc = take_byte(c, &sib);
		if (rc)
			return rc;
		insn->scale = sib >> 6;
		insn->index = (sib >> 3 & 7) | (insn->rex & REX_X ? 8 : 0);
		if (insn->index == INSN_RSP)
			insn->index = INSN_NO_REG;
		insn->base = sib & 7;
	}
	if (mod == 0 && insn->base == 5) {
		insn->disp_size = 4;
		insn->base = INSN_NO_REG;
		if (rm == 5 && insn->mode == DECODE_64)
			insn->base = INSN_BASE_RIP;
	} else if (insn->rex & REX_B) {
		insn->base |= 8;
	}
	return DECODE_OK;
}

static enum decode_result take_modrm(struct insn *insn, struct cursor *c)
{
	enum decode_result rc;
	u8 mod, rm;
	u64 v;

	rc = take_byte(c, &v);
	if (rc)
		return rc;
	mod = v >> 6;
	rm = v & 7;
	insn->has_modrm = 1;
	insn->modrm = v;
	insn->reg = (v >> 3 & 7) | (insn->rex & REX_R ? 8 : 0);
	insn->rm = rm | (insn->rex & REX_B ? 8 : 0);
	/* MOV to and from control and debug registers has no memory form: mod is ignored. */
	if (mod == 3 ||
	    (insn->encoding == INSN_LEGACY && insn->map == 1 && (insn->opcode & 0xfc) == 0x20))
		return DECODE_OK;
	insn->memory = 1;
	if (insn->address_size == 2)
		address16(insn, mod, rm);
	else
		rc = address32(insn, c, mod, rm);
	if (rc || !insn->disp_size)
		return rc;
	rc = take(c, insn->disp_size, &v);
	insn->disp = sign_extend(v, insn->disp_size);
	return rc;
}

/* Immediates and absolute offsets that the flags do not tell. */
static u8 imm_size(const struct insn *insn, u8 flags)
{
	u8 z = insn->operand_size == 2 ? 2 : 4;
	u8 size = (flags & IB ? 1 : 0) + (flags & IW ? 2 : 0) + (flags & IZ ? z : 0);

	if (insn->encoding == INSN_XOP)
		return flags & IZ ? 4 : size;
	if (insn->encoding != INSN_LEGACY || insn->map > 1)
		return size;
	if (insn->map == 1) {
		/* EXTRQ and INSERTQ have two; without their prefixes it is VMREAD. */
		if (insn->opcode == 0x78 && insn->prefixes & (INSN_OPSIZE | INSN_REPNE))
			return 2;
		return size;
	}
	switch (insn->opcode) {
	case 0x9a:
	case 0xea:
		return z + 2;
	case 0xb8 ... 0xbf:
		return insn->operand_size;
	case 0xf6:
		return insn_group(insn) < 2 ? 1 : 0;
	case 0xf7:
		return insn_group(insn) < 2 ? z : 0;
	}
	return size;
}

static enum decode_result take_rest(struct insn *insn, struct cursor *c, u8 flags)
{
	enum decode_result rc = DECODE_OK;
	u64 v;

	if (flags & MR)
		rc = take_modrm(insn, c);
	if (rc)
		return rc;
	if (insn->encoding == INSN_LEGACY && insn->map == 0 && (insn->opcode & 0xfc) == 0xa0) {
		insn->memory = 1;
		insn->disp_size = insn->address_size;
		rc = take(c, insn->disp_size, &v);
		if (rc)
			return rc;
		insn->disp = v;
	}
	insn->imm_size = imm_size(insn, flags);
	if (!insn->imm_size)
		return DECODE_OK;
	rc = take(c, insn->imm_size, &v);
	if (rc)
		return rc;
	insn->imm = sign_extend(v, insn->imm_size);
	return DECODE_OK;
}

enum decode_result decode(struct insn *out, const u8 *bytes, size_t len, enum decode_mode mode)
{
	struct cursor c = { bytes, len < INSN_MAX_LENGTH ? len : INSN_MAX_LENGTH, 0 };
	enum decode_result rc;
	u8 flags;
	u64 b;

	memset(out, 0, sizeof(*out));
	out->mode = mode;
	out->segment = INSN_SEGS;
	out->base = INSN_NO_REG;
	out->index = INSN_NO_REG;
	rc = take_prefixes(out, &c, &b);
	if (!rc)
		rc = vector_prefix(out, &c, b);
	if (rc)
		return rc;
	if (out->encoding == INSN_LEGACY)
		rc = take_opcode(out, &c, b, &flags);
	else
		rc = take_vector(out, &c, b, &flags);
	if (rc)
		return rc;
	set_sizes(out, flags);
	rc = take_rest(out, &c, flags);
	if (out->segment == INSN_SEGS)
		out->segment = out->base == INSN_RSP || out->base == INSN_RBP ? INSN_SS : INSN_DS;
	out->length = c.pos;
	return rc;
}
