/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The instruction decoder: the length of any instruction, and where its memory operand is.
 *
 * A pure function on bytes. It knows encodings, not meanings: it finds prefixes, opcode, ModRM,
 * SIB, displacement and immediate of every instruction of SDM vol. 2 appendix A (the legacy maps,
 * VEX, EVEX) and of AMD's 3DNow! and XOP, so the length is right for all of them. It says
 * DECODE_INVALID for opcodes that no processor defines; a defined opcode whose combination of
 * prefixes, ModRM.reg or CPU features is undefined is given the length that its map implies.
 */
#ifndef SWIVL_EMULATE_DECODE_H
#define SWIVL_EMULATE_DECODE_H

#include "core/types.h"

/* The code segment: CS.L makes 64, else CS.D chooses. Real and virtual-8086 mode are 16. */
enum decode_mode { DECODE_16, DECODE_32, DECODE_64 };

enum decode_result {
	DECODE_OK,
	DECODE_TRUNCATED, /* the instruction goes on after the bytes that were given */
	DECODE_INVALID, /* #UD */
	DECODE_TOO_LONG, /* more than 15 bytes: #GP(0), SDM vol. 3 6.15 */
};

#define INSN_MAX_LENGTH 15

enum insn_encoding { INSN_LEGACY, INSN_VEX, INSN_EVEX, INSN_XOP };

/* Prefixes that were present. Of F2 and F3 the last one counts, and only that is noted. */
#define INSN_OPSIZE 0x01
#define INSN_ADSIZE 0x02
#define INSN_LOCK 0x04
#define INSN_REPNE 0x08
#define INSN_REP 0x10

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

/* Registers as the hardware numbers them; R8 to R15 are 8 to 15. */
enum { INSN_RAX, INSN_RCX, INSN_RDX, INSN_RBX, INSN_RSP, INSN_RBP, INSN_RSI, INSN_RDI };
enum { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS, INSN_SEGS };

#define INSN_NO_REG 0xff /* no base, no index */
#define INSN_BASE_RIP 0x10 /* base is the address of the next instruction */

struct insn {
	u8 length; /* bytes, 1..15 */
	u8 mode; /* enum decode_mode */
	u8 encoding; /* enum insn_encoding */
	u8 map; /* 0 one byte, 1 0F, 2 0F38, 3 0F3A; VEX, EVEX and XOP: the number encoded */
	u8 opcode;
	u8 prefixes; /* INSN_* */
	u8 rex; /* the whole byte, 0 when there is none; VEX and its kind: its W R X B bits */
	u8 operand_size; /* bytes: 2, 4, 8; the byte forms of an opcode are not told apart here */
	u8 address_size; /* bytes: 2, 4, 8 */
	u8 modrm; /* as it stands; 0 when there is none */
	u8 reg; /* ModRM.reg with REX.R: 0..15 */
	u8 rm; /* ModRM.rm with REX.B, when it names a register */
	u8 has_modrm;
	u8 memory; /* there is a memory operand described by ModRM or by an absolute offset */
	u8 segment; /* INSN_ES..INSN_GS of that operand: the override or the default */
	u8 base; /* register number, INSN_BASE_RIP or INSN_NO_REG */
	u8 index; /* register number or INSN_NO_REG */
	u8 scale; /* 0..3: index is shifted left by it */
	u8 disp_size; /* bytes: 0, 1, 2, 4, 8 (8: absolute offset, opcodes A0..A3) */
	u8 imm_size; /* bytes, all immediates together: 0..8 */
	s64 disp; /* sign-extended; an absolute offset zero-extended. EVEX: not yet scaled */
	u64 imm; /* little endian, sign-extended from imm_size bytes */
	u8 kind, form, size; /* for whoever carries it out, to note what it is; 0 */
};

/*
 * Decodes the instruction that starts at bytes[0]; reads no byte at or after bytes[len]. On
 * anything but DECODE_OK *out is only good for looking at. In 64-bit mode near branches take
 * Intel's 32-bit displacement even after a 66 prefix; AMD's processors take 16 bits there.
 */
enum decode_result decode(struct insn *out, const u8 *bytes, size_t len, enum decode_mode mode);

static inline u64 sign_extend(u64 value, unsigned int bytes)
{
	unsigned int shift = 64 - 8 * bytes;

	return (s64)(value << shift) >> shift;
}

/* The digit that selects within an opcode group: ModRM.reg without REX.R. */
static inline u8 insn_group(const struct insn *insn)
{
	return insn->modrm >> 3 & 7;
}

/* A call to the hypervisor: Intel's VMCALL and AMD's VMMCALL, each undefined for the other. */
static inline bool insn_is_hypercall(const struct insn *insn)
{
	return insn->encoding == INSN_LEGACY && insn->map == 1 && insn->opcode == 0x01 &&
	       (insn->modrm == 0xc1 || insn->modrm == 0xd9) && !(insn->prefixes & INSN_LOCK);
}

#endif
