/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The executor for instructions that touch memory which is not there: MMIO.
 *
 * One instruction makes at most one read and then one write. The executor names them by linear
 * address and leaves them to its caller, who finds out what is RAM and what is MMIO, and who may
 * go to user space and come back in between:
 *
 *	decode(&op.insn, bytes, n, mode)
 *	emulate_prepare(&op, &regs)      what does it access?
 *	if (op.read.size)                serve it, low bytes of op.read.data
 *	emulate_execute(&op, &regs)      what is written, what do the registers become?
 *	if (op.write.size)               serve it, low bytes of op.write.data
 *	emulate_commit(&op, &regs)       registers change, all at once
 *
 * Until the commit nothing has changed, so a page fault on either access is simply raised. A
 * string instruction does one iteration each time and leaves RIP in place until the last, as an
 * interrupt would find it: run the guest again or go round again, the result is the same.
 *
 * Nothing here is atomic: a LOCK prefix is honoured by the caller being alone, or not at all.
 */
#ifndef SWIVL_EMULATE_EMULATE_H
#define SWIVL_EMULATE_EMULATE_H

#include "core/emulate/decode.h"

/* The registers that an instruction can see here. */
struct emu_regs {
	u64 *gpr; /* 16 of them as the hardware numbers them */
	u64 rip; /* of this instruction */
	u64 rflags;
	u64 seg_base[INSN_SEGS]; /* INSN_ES..; in 64-bit mode only FS and GS are looked at */
};

struct emu_access {
	u64 linear; /* outside 64-bit mode below 4 GiB; may run over the end of a page */
	u64 data; /* little endian in the low bytes; on a read the rest is ignored */
	u8 size; /* bytes: 1, 2, 4, 8; 0: no access */
};

struct emu_op {
	struct insn insn; /* decoded by the caller */
	bool idle; /* REP with a count of zero */
	u8 nset;
	struct {
		u8 reg;
		u64 value;
	} set[3];
	u64 rip, rflags; /* after the instruction */
	struct emu_access read, write;
};

/*
 * insn.form, from the first emulate_prepare() on. PLAIN is a MOV of 32 bits in 64-bit mode between
 * memory, addressed by a constant or a register and a constant, and a register or an immediate.
 * Neither register is RSP, and no segment has a base.
 */
#define EMU_READ 1 /* memory is read */
#define EMU_WRITE 2 /* memory is written */
#define EMU_TO_REG 4 /* the register operand is the destination, or one of two */
#define EMU_IMM 8 /* the other operand is the immediate, not a register */
#define EMU_PLAIN 16

static inline u64 emulate_plain_address(const struct insn *insn, const u64 *gpr)
{
	return insn->disp + (insn->base == INSN_NO_REG ? 0 : gpr[insn->base & 15]);
}

/*
 * 0, -SWIVL_EOPNOTSUPP for an instruction that is not known here, -SWIVL_EFAULT when an address
 * is not canonical: #GP(0), or #SS(0) where op->insn.segment is INSN_SS.
 */
int emulate_prepare(struct emu_op *op, const struct emu_regs *regs);
void emulate_execute(struct emu_op *op, const struct emu_regs *regs);
void emulate_commit(const struct emu_op *op, struct emu_regs *regs);

/*
 * INS and OUTS, which need no decoding: exits for I/O instructions tell what they are. The count
 * is how many iterations stay in the page of the first one (at least 1), so that one translation
 * serves them all; 0 when REP finds a count of zero. An element may cross a page only where the
 * count is 1.
 */
struct emu_io_string {
	/* the question */
	u8 mode; /* enum decode_mode */
	u8 size; /* of an element in bytes: 1, 2, 4 */
	u8 address_size; /* bytes: 2, 4, 8 */
	u8 segment; /* of OUTS: INSN_ES.. */
	bool in, rep;
	/* the answer */
	u64 linear; /* of the first element; the others follow at step */
	u64 count;
	s64 step; /* size, or -size with RFLAGS.DF */
};

/* 0, or -SWIVL_EFAULT for an address that is not canonical. */
int emulate_io_string(struct emu_io_string *io, const struct emu_regs *regs);
/* n <= count iterations are done; length: of the instruction in bytes. */
void emulate_io_string_done(const struct emu_io_string *io, struct emu_regs *regs, u64 n,
			    unsigned int length);

/* Segment base + offset, the offset truncated to the address size (bytes). */
u64 emulate_linear(const struct emu_regs *regs, enum decode_mode mode, u8 segment, u64 offset,
		   u8 address_size);

#endif
