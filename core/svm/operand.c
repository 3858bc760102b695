// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Lengths and operands of instructions that exited, where the processor does not tell them (no
 * next-RIP save, no decode assists): from the instruction itself.
 */
#include "core/emulate/emulate.h"
#include "core/svm/svm.h"
#include "core/vm/events.h"

/* Whoever changes code or tables under a running guest finds it executed once more. */
static bool again(struct vcpu *vcpu)
{
	vcpu->exit.kind = EXIT_NONE;
	return false;
}

/* Where it stands; what a look at the code needs of the state is there then. */
static inline u64 linear_rip(struct vcpu *vcpu, enum decode_mode *mode)
{
	svm_fetch_mode(vcpu);
	return vcpu_linear_rip(vcpu, mode);
}

/* The instruction at RIP to v->insn. */
static bool fetch_instruction(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);
	struct page_fault fault;
	enum decode_mode mode;
	u64 linear = linear_rip(vcpu, &mode);

	if (vcpu_peek(vcpu, &v->fetch, &v->insn, mode, linear, &fault) == SERVED)
		return true;
	return again(vcpu);
}

static bool is_as_expected(const struct insn *insn, const struct svm_exit_rule *rule)
{
	if (insn->encoding != INSN_LEGACY || insn->opcode != rule->opcode ||
	    insn->map != !(rule->flags & SVM_EXIT_SHORT))
		return false;
	return !rule->modrm || insn->modrm == rule->modrm;
}

/* Length of the instruction as everybody writes it, without a prefix; 0 if it is not that. */
static inline u8 plain_length(const u8 *code, const struct svm_exit_rule *rule)
{
	if (rule->flags & SVM_EXIT_SHORT)
		return code[0] == rule->opcode;
	if (code[0] != 0x0f || code[1] != rule->opcode)
		return 0;
	return !rule->modrm ? 2 : code[2] == rule->modrm ? 3 : 0;
}

bool svm_instruction(struct vcpu *vcpu, const struct svm_exit_rule *rule)
{
	struct svm_vcpu *v = to_svm(vcpu);
	u64 linear = svm_linear_rip(&v->vmcb->save), offset = linear & (SWIVL_PAGE_SIZE - 1);

	svm_fetch_mode(vcpu);
	if (offset <= SWIVL_PAGE_SIZE - 3 && fetch_leads_there(vcpu, &v->fetch, linear)) {
		vcpu->exit.length = plain_length(v->fetch.code + offset, rule);
		if (vcpu->exit.length)
			return true;
	}
	if (!fetch_instruction(vcpu))
		return false;
	if (!is_as_expected(&v->insn, rule))
		return again(vcpu);
	vcpu->exit.length = v->insn.length;
	return true;
}

bool svm_next_uses_flags(struct vcpu *vcpu)
{
	static const u8 one_byte[] = { 0x9c, 0x9d, 0xcc, 0xcd, 0xce, 0xcf, 0xf1 };
	const struct insn *insn = &to_svm(vcpu)->insn;

	/* One that cannot be read faults, which is seen. */
	if (!fetch_instruction(vcpu) || insn->encoding != INSN_LEGACY)
		return false;
	if (insn->map == 1)
		return insn->opcode == 0x05 || insn->opcode == 0x07;
	for (unsigned int i = 0; i < ARRAY_SIZE(one_byte); i++)
		if (!insn->map && insn->opcode == one_byte[i])
			return true;
	return false;
}

/* ---- LMSW and SMSW with a memory operand ---------------------------------------------------------- */

/* Where the operand is: the same question as for a MOV to or from memory, of 16 bits. */
static bool operand_gpa(struct vcpu *vcpu, const struct insn *insn, bool write, u64 *gpa)
{
	static const u8 order[INSN_SEGS] = { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };
	struct emu_op op = { .insn = *insn };
	struct emu_regs regs = { .gpr = vcpu->gpr, .rip = vcpu->state.rip };
	u64 linear;

	vcpu_need(vcpu, STATE_RSP | STATE_SEG);
	for (unsigned int i = 0; i < INSN_SEGS; i++)
		regs.seg_base[i] = vcpu->state.seg[order[i]].base;
	op.insn.map = 0;
	op.insn.opcode = write ? 0x89 : 0x8b;
	op.insn.operand_size = 2;
	if (emulate_prepare(&op, &regs)) {
		vcpu_raise(vcpu, insn->segment == INSN_SS ? VECTOR_SS : VECTOR_GP);
		return false;
	}
	linear = write ? op.write.linear : op.read.linear;
	return vcpu_translate(vcpu, linear, write ? ACCESS_WRITE : ACCESS_READ, gpa) == SERVED;
}

/* False: not now; what was raised, if anything, comes first. */
static bool read_msw(struct vcpu *vcpu, const struct insn *insn, u16 *msw)
{
	u64 gpa;

	if (!insn->memory) {
		if (insn->rm == RSP)
			vcpu_need(vcpu, STATE_RSP);
		*msw = (u16)vcpu->gpr[insn->rm];
		return true;
	}
	return operand_gpa(vcpu, insn, false, &gpa) &&
	       !vm_read_guest(vcpu->vm, gpa, msw, sizeof(*msw), false);
}

static bool write_msw(struct vcpu *vcpu, const struct insn *insn)
{
	u64 gpa, value = vcpu->state.cr0;

	if (insn->memory)
		return operand_gpa(vcpu, insn, true, &gpa) &&
		       !vm_write_guest(vcpu->vm, gpa, &value, 2, false);
	if (insn->rm == RSP)
		vcpu_touch(vcpu, STATE_RSP);
	if (insn->operand_size == 2)
		value = (vcpu->gpr[insn->rm] & ~0xffffull) | (value & 0xffff);
	else if (insn->operand_size == 4)
		value = (u32)value;
	vcpu->gpr[insn->rm] = value;
	return true;
}

/* SMSW is carried out here. */
static void store_msw(struct vcpu *vcpu, const struct insn *insn)
{
	if (write_msw(vcpu, insn))
		vcpu_instruction_done(vcpu, vcpu->state.rip + insn->length);
	vcpu->exit.kind = EXIT_NONE;
}

#define OPCODE_GROUP7 0x01
#define OPCODE_CLTS 0x06
#define OPCODE_MOV_FROM_CR 0x20
#define OPCODE_MOV_FROM_DR 0x21
#define OPCODE_MOV_TO_CR 0x22
#define OPCODE_MOV_TO_DR 0x23
#define GROUP7_SMSW 4
#define GROUP7_LMSW 6

static bool is_two_byte(const struct insn *insn, u8 opcode)
{
	return insn->encoding == INSN_LEGACY && insn->map == 1 && insn->opcode == opcode;
}

void svm_decode_cr(struct vcpu *vcpu, u8 cr, bool write)
{
	struct exit *e = &vcpu->exit;
	const struct insn *insn = &to_svm(vcpu)->insn;

	e->cr.cr = cr;
	e->cr.op = write ? CR_WRITE : CR_READ;
	if ((svm.caps.features & SVM_DECODE_ASSISTS) && (e->hw_info[0] & MOV_CR_DECODED) &&
	    e->length) {
		e->cr.gpr = e->hw_info[0] & 15;
		return;
	}
	if (!fetch_instruction(vcpu))
		return;
	e->length = insn->length;
	e->cr.gpr = insn->rm;
	if (is_two_byte(insn, write ? OPCODE_MOV_TO_CR : OPCODE_MOV_FROM_CR))
		return;
	if (write && is_two_byte(insn, OPCODE_CLTS)) {
		e->cr.op = CR_CLTS;
	} else if (is_two_byte(insn, OPCODE_GROUP7) && write && insn_group(insn) == GROUP7_LMSW) {
		e->cr.op = CR_LMSW;
		if (!read_msw(vcpu, insn, &e->cr.msw))
			again(vcpu);
	} else if (is_two_byte(insn, OPCODE_GROUP7) && !write && insn_group(insn) == GROUP7_SMSW) {
		store_msw(vcpu, insn);
	} else {
		again(vcpu);
	}
}

void svm_decode_dr(struct vcpu *vcpu, u8 dr, bool write)
{
	struct exit *e = &vcpu->exit;
	const struct insn *insn = &to_svm(vcpu)->insn;

	e->dr.dr = dr & 7;
	e->dr.read = !write;
	if ((svm.caps.features & SVM_DECODE_ASSISTS) && e->length) {
		e->dr.gpr = e->hw_info[0] & 15;
		return;
	}
	if (!fetch_instruction(vcpu))
		return;
	e->length = insn->length;
	e->dr.gpr = insn->rm;
	if (!is_two_byte(insn, write ? OPCODE_MOV_TO_DR : OPCODE_MOV_FROM_DR))
		again(vcpu);
}

#define OPCODE_INT3 0xcc
#define OPCODE_INT 0xcd
#define OPCODE_INTO 0xce

/*
 * QEMU's processor asks the intercept of INT n for INT3 and INTO, too, and for INT3 no other. It is
 * made what it is elsewhere, an exception that exited; those two happen as if they had not.
 */
void svm_decode_int(struct vcpu *vcpu)
{
	struct exit *e = &vcpu->exit;
	const struct insn *insn = &to_svm(vcpu)->insn;

	if (!fetch_instruction(vcpu))
		return;
	e->length = insn->length;
	if (insn->encoding == INSN_LEGACY && !insn->map && insn->opcode == OPCODE_INT3) {
		e->exception.vector = VECTOR_BP;
		e->exception.has_error = false;
		return;
	}
	again(vcpu);
	if (insn->encoding != INSN_LEGACY || insn->map)
		return;
	if (insn->opcode == OPCODE_INT)
		vcpu->event = (struct event){ .type = EVENT_SOFT_INTERRUPT,
					      .vector = (u8)insn->imm, .length = e->length };
	else if (insn->opcode == OPCODE_INTO)
		vcpu->event = (struct event){ .type = EVENT_SOFT_EXCEPTION,
					      .vector = VECTOR_OF, .length = e->length };
}
