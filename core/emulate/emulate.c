// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The executor for MMIO instructions: what kernels and compilers do to device memory, SDM vol. 2
 * for what each of them does. x87, MMX, SSE and whatever branches through memory is not here.
 */
#include "core/emulate/emulate.h"
#include "core/x86/regs.h"
#include "core/x86/walk.h"

/* From ADD and from BT on they are numbered as their opcodes and group digits are. */
enum kind {
	UNKNOWN,
	ADD,
	OR,
	ADC,
	SBB,
	AND,
	SUB,
	XOR,
	CMP,
	BT,
	BTS,
	BTR,
	BTC,
	TEST,
	MOV,
	MOVZX,
	MOVSX,
	MOVBE,
	XCHG,
	XADD,
	CMPXCHG,
	INC,
	DEC,
	NOT,
	NEG,
	STRINGS,
	MOVS = STRINGS,
	STOS,
	LODS,
	SCAS,
};

#define ARITHMETIC_FLAGS \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

#define READ EMU_READ
#define WRITE EMU_WRITE
#define TO_REG EMU_TO_REG
#define IMM EMU_IMM

static u64 mask(unsigned int bytes)
{
	return bytes >= 8 ? ~0ull : (1ull << (8 * bytes)) - 1;
}

static bool is(struct emu_op *op, enum kind kind, u8 form, u8 size)
{
	op->insn.kind = kind;
	op->insn.form = form;
	op->insn.size = size;
	return true;
}

static bool classify_group3(struct emu_op *op, u8 size)
{
	static const u8 kinds[] = { TEST, TEST, NOT, NEG };
	u8 digit = insn_group(&op->insn);

	return digit < 4 && is(op, kinds[digit], digit < 2 ? READ | IMM : READ | WRITE, size);
}

/* The one-byte map. */
static bool classify0(struct emu_op *op)
{
	const struct insn *in = &op->insn;
	u8 code = in->opcode, digit = insn_group(in);
	u8 size = code & 1 ? in->operand_size : 1;

	switch (code) {
	case 0x00 ... 0x3f:
		return (code & 7) < 4 &&
		       is(op, ADD + (code >> 3), code & 2 ? READ | TO_REG : READ | WRITE, size);
	case 0x63: /* ARPL outside 64-bit mode */
		return in->mode == DECODE_64 &&
		       is(op, MOVSX, READ | TO_REG, in->operand_size == 2 ? 2 : 4);
	case 0x80 ... 0x83:
		return is(op, ADD + digit, READ | WRITE | IMM, size);
	case 0x84 ... 0x85:
		return is(op, TEST, READ, size);
	case 0x86 ... 0x87:
		return is(op, XCHG, READ | WRITE | TO_REG, size);
	case 0x88 ... 0x89:
	case 0xa2 ... 0xa3:
		return is(op, MOV, WRITE, size);
	case 0x8a ... 0x8b:
	case 0xa0 ... 0xa1:
		return is(op, MOV, READ | TO_REG, size);
	case 0xa4 ... 0xa5:
		return is(op, MOVS, READ | WRITE, size);
	case 0xaa ... 0xab:
		return is(op, STOS, WRITE, size);
	case 0xac ... 0xad:
		return is(op, LODS, READ | TO_REG, size);
	case 0xae ... 0xaf:
		return is(op, SCAS, READ, size);
	case 0xc6 ... 0xc7:
		return digit == 0 && is(op, MOV, WRITE | IMM, size);
	case 0xf6 ... 0xf7:
		return classify_group3(op, size);
	case 0xfe ... 0xff:
		return digit < 2 && is(op, digit ? DEC : INC, READ | WRITE, size);
	}
	return false;
}

/* 0F and 0F38. */
static bool classify1(struct emu_op *op)
{
	const struct insn *in = &op->insn;
	u8 code = in->opcode, digit = insn_group(in);
	u8 size = code & 1 ? in->operand_size : 1;

	switch (code) {
	case 0xa3:
	case 0xab:
	case 0xb3:
	case 0xbb:
		return is(op, BT + (code >> 3 & 3), READ | WRITE, size);
	case 0xb0 ... 0xb1:
		return is(op, CMPXCHG, READ | WRITE, size);
	case 0xb6 ... 0xb7:
		return is(op, MOVZX, READ | TO_REG, code & 1 ? 2 : 1);
	case 0xba:
		return digit >= 4 && is(op, BT + digit - 4, READ | WRITE | IMM, in->operand_size);
	case 0xbe ... 0xbf:
		return is(op, MOVSX, READ | TO_REG, code & 1 ? 2 : 1);
	case 0xc0 ... 0xc1:
		return is(op, XADD, READ | WRITE | TO_REG, size);
	case 0xc3: /* MOVNTI */
		return in->operand_size != 2 && is(op, MOV, WRITE, in->operand_size);
	}
	return false;
}

static bool classify2(struct emu_op *op)
{
	const struct insn *in = &op->insn;

	/* With F2 these are CRC32. */
	if ((in->opcode & 0xfe) != 0xf0 || in->prefixes & INSN_REPNE)
		return false;
	return is(op, MOVBE, in->opcode & 1 ? WRITE : READ | TO_REG, in->operand_size);
}

static bool is_plain(const struct insn *in)
{
	return in->kind == MOV && in->size == 4 && in->mode == DECODE_64 && in->address_size == 8 &&
	       in->segment != INSN_FS && in->segment != INSN_GS && in->index == INSN_NO_REG &&
	       in->base != INSN_BASE_RIP && in->base != INSN_RSP && in->reg != INSN_RSP;
}

static bool classify(struct emu_op *op)
{
	bool known = false;

	if (op->insn.encoding != INSN_LEGACY)
		return false;
	if (op->insn.map == 0)
		known = classify0(op);
	else if (op->insn.map == 1)
		known = classify1(op);
	else if (op->insn.map == 2)
		known = classify2(op);
	if (op->insn.kind == CMP || op->insn.kind == BT)
		op->insn.form &= ~WRITE;
	if (!known || !(op->insn.memory || op->insn.kind >= STRINGS))
		op->insn.kind = UNKNOWN;
	if (is_plain(&op->insn))
		op->insn.form |= EMU_PLAIN;
	return op->insn.kind != UNKNOWN;
}

/* AH, CH, DH, BH are registers 4 to 7 of byte instructions without any REX prefix. */
static bool high_byte(const struct emu_op *op, u8 reg, u8 size)
{
	return size == 1 && !op->insn.rex && (reg & 0xfc) == 4;
}

static u64 get_reg(const struct emu_op *op, const struct emu_regs *regs, u8 reg, u8 size)
{
	if (high_byte(op, reg, size))
		return regs->gpr[reg & 3] >> 8 & 0xff;
	return regs->gpr[reg & 15] & mask(size);
}

/* Results of 4 bytes clear the upper half, those of 1 and 2 leave the rest alone. */
static void set_reg(struct emu_op *op, const struct emu_regs *regs, u8 reg, u8 size, u64 value)
{
	u64 keep = size >= 4 ? 0 : ~mask(size);
	unsigned int shift = 0;

	value &= mask(size);
	if (high_byte(op, reg, size)) {
		keep = ~0xff00ull;
		shift = 8;
		reg &= 3;
	}
	op->set[op->nset].reg = reg & 15;
	op->set[op->nset++].value = (regs->gpr[reg & 15] & keep) | value << shift;
}

u64 emulate_linear(const struct emu_regs *regs, enum decode_mode mode, u8 segment, u64 offset,
		   u8 address_size)
{
	offset &= mask(address_size);
	if (mode != DECODE_64)
		return (offset + regs->seg_base[segment]) & 0xffffffff;
	return segment == INSN_FS || segment == INSN_GS ? offset + regs->seg_base[segment] : offset;
}

static u64 effective_address(const struct emu_op *op, const struct emu_regs *regs)
{
	const struct insn *in = &op->insn;
	u64 address = in->disp;

	if (in->base == INSN_BASE_RIP)
		address += regs->rip + in->length;
	else if (in->base != INSN_NO_REG)
		address += regs->gpr[in->base & 15];
	if (in->index != INSN_NO_REG)
		address += regs->gpr[in->index & 15] << in->scale;
	/* A bit number in a register is signed and reaches beyond the operand. */
	if (in->kind >= BT && in->kind <= BTC && !(in->form & IMM)) {
		s64 bit = sign_extend(regs->gpr[in->reg & 15], in->size);

		address += (u64)(bit >> (in->size == 2 ? 4 : in->size == 4 ? 5 : 6)) * in->size;
	}
	return address;
}

static int set_access(struct emu_access *access, const struct emu_op *op,
		      const struct emu_regs *regs, u8 segment, u64 offset)
{
	const struct insn *in = &op->insn;

	access->linear = emulate_linear(regs, in->mode, segment, offset, in->address_size);
	access->size = in->size;
	if (in->mode == DECODE_64 && (!is_canonical(access->linear) ||
				      !is_canonical(access->linear + in->size - 1)))
		return -SWIVL_EFAULT;
	return 0;
}

static bool repeats(const struct insn *in)
{
	return in->prefixes & (INSN_REP | INSN_REPNE);
}

static int prepare_string(struct emu_op *op, const struct emu_regs *regs)
{
	const struct insn *in = &op->insn;
	int rc = 0;

	if (repeats(in) && !(regs->gpr[INSN_RCX] & mask(in->address_size))) {
		op->idle = true;
		return 0;
	}
	if (op->insn.kind == SCAS)
		return set_access(&op->read, op, regs, INSN_ES, regs->gpr[INSN_RDI]);
	if (op->insn.form & READ)
		rc = set_access(&op->read, op, regs, in->segment, regs->gpr[INSN_RSI]);
	if (!rc && op->insn.form & WRITE)
		rc = set_access(&op->write, op, regs, INSN_ES, regs->gpr[INSN_RDI]);
	return rc;
}

int emulate_prepare(struct emu_op *op, const struct emu_regs *regs)
{
	const struct insn *in = &op->insn;
	u64 address;
	int rc = 0;

	op->idle = false;
	op->read.size = op->write.size = 0;
	/* An instruction that was carried out before is known. */
	if (!in->kind && !classify(op))
		return -SWIVL_EOPNOTSUPP;
	if (in->kind >= STRINGS)
		return prepare_string(op, regs);
	address = effective_address(op, regs);
	if (in->form & READ)
		rc = set_access(&op->read, op, regs, in->segment, address);
	if (!rc && in->form & WRITE)
		rc = set_access(&op->write, op, regs, in->segment, address);
	return rc;
}

static u64 alu(enum kind kind, u64 a, u64 b, u8 size, u64 *flags)
{
	u64 sign = 1ull << (8 * size - 1), carry = 0, overflow = 0, f = 0, r;
	u64 c = kind == ADC || kind == SBB ? *flags & RFLAGS_CF : 0;

	switch (kind) {
	case ADD:
	case ADC:
		r = a + b + c;
		carry = (a & b) | ((a | b) & ~r);
		overflow = (a ^ r) & (b ^ r);
		f |= (a ^ b ^ r) & RFLAGS_AF;
		break;
	case OR:
		r = a | b;
		break;
	case AND:
		r = a & b;
		break;
	case XOR:
		r = a ^ b;
		break;
	default:
		r = a - b - c;
		carry = (~a & b) | ((~a | b) & r);
		overflow = (a ^ b) & (a ^ r);
		f |= (a ^ b ^ r) & RFLAGS_AF;
	}
	r &= mask(size);
	f |= (carry & sign ? RFLAGS_CF : 0) | (overflow & sign ? RFLAGS_OF : 0);
	f |= (r & sign ? RFLAGS_SF : 0) | (r ? 0 : RFLAGS_ZF);
	/* 0x6996 is the table of the parities of four bits. */
	f |= 0x6996 >> ((r ^ r >> 4) & 15) & 1 ? 0 : RFLAGS_PF;
	*flags = (*flags & ~ARITHMETIC_FLAGS) | f;
	return r;
}

static u64 bit_op(const struct emu_op *op, u64 m, u64 bit, u64 *flags)
{
	u64 one = 1ull << (bit & (8 * op->insn.size - 1));

	*flags = (*flags & ~RFLAGS_CF) | (m & one ? RFLAGS_CF : 0);
	switch (op->insn.kind) {
	case BTS:
		return m | one;
	case BTR:
		return m & ~one;
	case BTC:
		return m ^ one;
	}
	return m;
}

static u64 swap_bytes(u64 value, u8 size)
{
	u64 r = 0;

	while (size--) {
		r = r << 8 | (value & 0xff);
		value >>= 8;
	}
	return r;
}

/*
 * m: what memory holds, v: the other operand. Returns what goes to memory, or to the register
 * where only that is a destination.
 */
COLD u64 compute(struct emu_op *op, const struct emu_regs *regs, u64 m, u64 v)
{
	u64 *flags = &op->rflags, kept = op->rflags & RFLAGS_CF, acc, r;
	u8 kind = op->insn.kind, form = op->insn.form, size = op->insn.size;

	switch (kind) {
	case ADD ... CMP:
		return form & TO_REG ? alu(kind, v, m, size, flags) : alu(kind, m, v, size, flags);
	case BT ... BTC:
		return bit_op(op, m, v, flags);
	case TEST:
		return alu(AND, m, v, size, flags);
	case MOVSX:
		return sign_extend(m, size);
	case MOVBE:
		return swap_bytes(form & READ ? m : v, size);
	case XADD:
		return alu(ADD, m, v, size, flags);
	case CMPXCHG:
		acc = get_reg(op, regs, INSN_RAX, size);
		alu(CMP, acc, m, size, flags);
		if (acc == m)
			return v;
		set_reg(op, regs, INSN_RAX, size, m);
		return m;
	case INC:
	case DEC:
		r = alu(kind == INC ? ADD : SUB, m, 1, size, flags);
		*flags = (*flags & ~RFLAGS_CF) | kept;
		return r;
	case NOT:
		return ~m;
	case NEG:
		return alu(SUB, 0, m, size, flags);
	case XCHG:
	case STOS:
		return v;
	case SCAS:
		return alu(CMP, v, m, size, flags);
	}
	return form & READ ? m : v; /* MOVZX, MOVS, LODS */
}

/* Pointers and count after one iteration; true when the instruction is through. */
static bool string_step(struct emu_op *op, const struct emu_regs *regs)
{
	const struct insn *in = &op->insn;
	u64 step = regs->rflags & RFLAGS_DF ? -(u64)op->insn.size : op->insn.size, count;

	if (op->insn.kind == MOVS || op->insn.kind == LODS)
		set_reg(op, regs, INSN_RSI, in->address_size, regs->gpr[INSN_RSI] + step);
	if (op->insn.kind != LODS)
		set_reg(op, regs, INSN_RDI, in->address_size, regs->gpr[INSN_RDI] + step);
	if (!repeats(in))
		return true;
	count = regs->gpr[INSN_RCX] - 1;
	set_reg(op, regs, INSN_RCX, in->address_size, count);
	if (op->insn.kind == SCAS && !(op->rflags & RFLAGS_ZF) == !!(in->prefixes & INSN_REP))
		return true;
	return !(count & mask(in->address_size));
}

static u64 next_rip(u64 rip, unsigned int length, enum decode_mode mode)
{
	rip += length;
	return mode == DECODE_64 ? rip : rip & 0xffffffff;
}

void emulate_execute(struct emu_op *op, const struct emu_regs *regs)
{
	const struct insn *in = &op->insn;
	u64 m = op->read.data & mask(in->size), r = 0, v;
	bool done = true;

	op->nset = 0;
	op->rip = regs->rip;
	op->rflags = regs->rflags;
	if (!op->idle) {
		v = in->form & IMM ? in->imm & mask(in->size)
				   : get_reg(op, regs, in->reg, in->size);
		if (in->kind == MOV) /* nearly all that there is */
			r = in->form & READ ? m : v;
		else
			r = compute(op, regs, m, v);
		op->write.data = r & mask(in->size);
		if (in->kind == MOVZX || in->kind == MOVSX)
			set_reg(op, regs, in->reg, in->operand_size, r);
		else if (in->form & TO_REG && in->kind != CMP)
			set_reg(op, regs, in->reg, in->size, in->form & WRITE ? m : r);
		if (in->kind >= STRINGS)
			done = string_step(op, regs);
	}
	if (done) {
		op->rip = next_rip(regs->rip, in->length, in->mode);
		op->rflags &= ~RFLAGS_RF;
	}
}

void emulate_commit(const struct emu_op *op, struct emu_regs *regs)
{
	unsigned int i;

	for (i = 0; i < op->nset; i++)
		regs->gpr[op->set[i].reg] = op->set[i].value;
	regs->rip = op->rip;
	regs->rflags = op->rflags;
}

int emulate_io_string(struct emu_io_string *io, const struct emu_regs *regs)
{
	u64 all = mask(io->address_size);
	u64 offset = regs->gpr[io->in ? INSN_RDI : INSN_RSI] & all, in_page, room;

	io->count = io->rep ? regs->gpr[INSN_RCX] & all : 1;
	io->linear = emulate_linear(regs, io->mode, io->in ? INSN_ES : io->segment, offset,
				    io->address_size);
	io->step = regs->rflags & RFLAGS_DF ? -(s64)io->size : io->size;
	if (!io->count)
		return 0;
	if (io->mode == DECODE_64 &&
	    (!is_canonical(io->linear) || !is_canonical(io->linear + io->size - 1)))
		return -SWIVL_EFAULT;
	/* More than the first only where neither the page nor the offset's width ends before. */
	in_page = io->linear & (SWIVL_PAGE_SIZE - 1);
	if (in_page + io->size > SWIVL_PAGE_SIZE)
		room = 0;
	else if (io->step < 0)
		room = (in_page < offset ? in_page : offset) / io->size;
	else if (all - offset < SWIVL_PAGE_SIZE)
		room = 0;
	else
		room = (SWIVL_PAGE_SIZE - in_page) / io->size - 1;
	if (io->count > room + 1)
		io->count = room + 1;
	return 0;
}

void emulate_io_string_done(const struct emu_io_string *io, struct emu_regs *regs, u64 n,
			    unsigned int length)
{
	u64 keep = io->address_size == 2 ? ~0xffffull : 0, all = mask(io->address_size);
	u64 *pointer = &regs->gpr[io->in ? INSN_RDI : INSN_RSI], *count = &regs->gpr[INSN_RCX];

	if (n) {
		*pointer = (*pointer & keep) | ((*pointer + n * (u64)io->step) & all);
		if (io->rep)
			*count = (*count & keep) | ((*count - n) & all);
	}
	if (io->rep && *count & all)
		return;
	regs->rip = next_rip(regs->rip, length, io->mode);
	regs->rflags &= ~RFLAGS_RF;
}
