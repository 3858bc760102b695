// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* From the processor's exit codes (APM vol. 2, appendix C) to struct exit. */
#include "core/svm/svm.h"

#define LENGTH SVM_EXIT_LENGTH
#define INFO SVM_EXIT_INFO
#define SHORT SVM_EXIT_SHORT

const struct svm_exit_rule svm_exit_rules[CODES] = {
	[CODE_READ_CR0 ... CODE_WRITE_CR0 + 15] = { EXIT_CR, INFO },
	[CODE_READ_DR0 ... CODE_WRITE_DR0 + 15] = { EXIT_DR, INFO },
	[CODE_EXCEPTION ... CODE_EXCEPTION + 31] = { EXIT_EXCEPTION, INFO },
	[CODE_INTR] = { EXIT_INTERRUPT },
	[CODE_NMI] = { EXIT_NMI }, /* the host takes it when STGI lets it in */
	[CODE_SMI] = { EXIT_INTERRUPT },
	[CODE_INIT] = { EXIT_INIT },
	[CODE_VINTR] = { EXIT_IRQ_WINDOW },
	[CODE_RDTSC] = { EXIT_RDTSC },
	[CODE_RDPMC] = { EXIT_RDPMC },
	[CODE_CPUID] = { EXIT_CPUID, LENGTH, 0xa2 },
	[CODE_RSM] = { EXIT_VIRTUALIZATION },
	[CODE_SWINT] = { EXIT_EXCEPTION, INFO },
	[CODE_INVD] = { EXIT_INVD, LENGTH, 0x08 },
	[CODE_HLT] = { EXIT_HLT, LENGTH | SHORT, 0xf4 },
	[CODE_INVLPGA] = { EXIT_VIRTUALIZATION },
	[CODE_IOIO] = { EXIT_IO, INFO },
	[CODE_MSR] = { EXIT_MSR_READ, LENGTH, 0x32 }, /* EXITINFO1 is 1 for WRMSR */
	[CODE_TASK_SWITCH] = { EXIT_TASK_SWITCH, INFO },
	[CODE_SHUTDOWN] = { EXIT_TRIPLE_FAULT },
	[CODE_VMRUN] = { EXIT_VIRTUALIZATION },
	[CODE_VMMCALL] = { EXIT_HYPERCALL, LENGTH, 0x01, 0xd9 },
	[CODE_VMLOAD ... CODE_SKINIT] = { EXIT_VIRTUALIZATION },
	[CODE_RDTSCP] = { EXIT_RDTSC },
	[CODE_ICEBP] = { EXIT_EXCEPTION, INFO },
	[CODE_WBINVD] = { EXIT_WBINVD, LENGTH, 0x09 },
	[CODE_MONITOR] = { EXIT_MONITOR },
	[CODE_MWAIT] = { EXIT_MWAIT },
	[CODE_XSETBV] = { EXIT_XSETBV, LENGTH, 0x01, 0xd1 },
	[CODE_RDPRU] = { EXIT_VIRTUALIZATION },
};

const struct svm_exit_rule svm_no_rule;
const struct svm_exit_rule svm_wrmsr_rule = { EXIT_MSR_WRITE, LENGTH, 0x30 };

static const struct svm_exit_rule icebp = { EXIT_EXCEPTION, LENGTH | SHORT, 0xf1 };
static const struct svm_exit_rule int3 = { EXIT_EXCEPTION, LENGTH | SHORT, 0xcc };

/* RF is told here and not in RFLAGS (15.14.1); the next RIP of old is another instruction's. */
static void decode_task_switch(struct vcpu *vcpu)
{
	bool delivery = to_svm(vcpu)->vmcb->control.exit_int_info & EVENT_INJ_VALID;
	struct exit *e = &vcpu->exit;
	u64 info = e->hw_info[1];

	e->length = 0;
	e->task.selector = (u16)e->hw_info[0];
	e->task.source = info & TASK_BY_IRET ? 1 : info & TASK_BY_JUMP ? 2 : delivery ? 3 : 0;
	e->task.has_error = info & TASK_HAS_ERROR;
	e->task.error = (u32)info;
	vcpu->state.rflags &= ~(u64)RFLAGS_RF;
	vcpu->state.rflags |= info & TASK_RF ? RFLAGS_RF : 0;
}

/*
 * DR6 in the VMCB is the guest's only for this: entries find it empty (15.12.2). Bochs' processor
 * does not note there what it was; with its single steps at least that much is known.
 */
static void take_dr6(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);

	vcpu->exit.exception.info = (v->vmcb->save.dr6 ^ DR6_ONES) & DR6_WRITABLE;
	if (!vcpu->exit.exception.info)
		vcpu->exit.exception.info = DR6_BS;
	v->vmcb->save.dr6 = DR6_ONES;
	v->vmcb->control.clean &= ~CLEAN_DR;
	v->dr6_dirty = true;
}

static void decode_exception(struct vcpu *vcpu, u64 code)
{
	struct exit *e = &vcpu->exit;
	u8 vector = code - CODE_EXCEPTION;

	e->length = 0;
	if (vector == VECTOR_MC) {
		x86_int18();
		e->kind = EXIT_NONE;
		return;
	}
	e->exception.vector = vector;
	e->exception.has_error = VECTORS_WITH_ERROR >> vector & 1;
	e->exception.error = (u32)e->hw_info[0];
	e->exception.info = vector == VECTOR_PF ? e->hw_info[1] : 0;
	if (vector == VECTOR_DB)
		take_dr6(vcpu);
	else if (vector == VECTOR_BP)
		svm_instruction(vcpu, &int3);
}

static void decode_icebp(struct vcpu *vcpu)
{
	struct exit *e = &vcpu->exit;

	e->exception.vector = VECTOR_DB;
	e->exception.has_error = false;
	e->exception.info = 0;
	if (!e->length)
		svm_instruction(vcpu, &icebp);
}

void svm_exit_decode(struct vcpu *vcpu, u64 code)
{
	const struct vmcb_control *c = &to_svm(vcpu)->vmcb->control;
	struct exit *e = &vcpu->exit;

	e->hw_info[0] = c->exit_info[0];
	e->hw_info[1] = c->exit_info[1];
	if ((svm.caps.features & SVM_NEXT_RIP) && c->next_rip)
		e->length = (u8)(c->next_rip - vcpu->state.rip);
	vcpu->hardware_reads += 2;
	if (code < CODE_READ_DR0)
		svm_decode_cr(vcpu, code & 15, code >= CODE_WRITE_CR0);
	else if (code < CODE_EXCEPTION)
		svm_decode_dr(vcpu, code & 15, code >= CODE_WRITE_DR0);
	else if (code < CODE_EXCEPTION + 32)
		decode_exception(vcpu, code);
	else if (code == CODE_IRET)
		to_svm(vcpu)->before |= SVM_BEFORE_STEP;
	else if (code == CODE_SWINT)
		svm_decode_int(vcpu);
	else if (code == CODE_TASK_SWITCH)
		decode_task_switch(vcpu);
	else if (code == CODE_ICEBP)
		decode_icebp(vcpu);
	else if (code != CODE_FERR_FREEZE) /* the interrupt that this one waits for may come */
		e->kind = EXIT_UNKNOWN;
}
