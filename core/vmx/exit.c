// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* From the processor's exit reasons (SDM vol. 3, appendix C) to struct exit. */
#include "core/vmx/vmx.h"

#define INSTRUCTION VMX_EXIT_INSTRUCTION
#define QUALIFICATION VMX_EXIT_QUALIFICATION
#define DELIVERY VMX_EXIT_DELIVERY

const struct vmx_exit_rule vmx_exit_rules[VMX_EXIT_REASONS + 1] = {
	[REASON_EXCEPTION] = { EXIT_EXCEPTION, DELIVERY },
	[REASON_INTERRUPT] = { EXIT_INTERRUPT, 0 },
	[REASON_TRIPLE_FAULT] = { EXIT_TRIPLE_FAULT, 0 },
	[REASON_INIT] = { EXIT_INIT, 0 },
	[REASON_IRQ_WINDOW] = { EXIT_IRQ_WINDOW, 0 },
	[REASON_NMI_WINDOW] = { EXIT_NMI_WINDOW, 0 },
	[REASON_TASK_SWITCH] = { EXIT_TASK_SWITCH, INSTRUCTION | QUALIFICATION | DELIVERY },
	[REASON_CPUID] = { EXIT_CPUID, INSTRUCTION },
	[REASON_GETSEC] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_HLT] = { EXIT_HLT, INSTRUCTION },
	[REASON_INVD] = { EXIT_INVD, INSTRUCTION },
	[REASON_INVLPG] = { EXIT_INVLPG, INSTRUCTION | QUALIFICATION },
	[REASON_RDPMC] = { EXIT_RDPMC, INSTRUCTION },
	[REASON_RDTSC] = { EXIT_RDTSC, INSTRUCTION },
	[REASON_VMCALL] = { EXIT_HYPERCALL, INSTRUCTION },
	[REASON_VMCLEAR] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_VMLAUNCH] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_VMPTRLD] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_VMPTRST] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_VMREAD] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_VMRESUME] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_VMWRITE] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_VMXOFF] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_VMXON] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_CR] = { EXIT_CR, INSTRUCTION | QUALIFICATION },
	[REASON_DR] = { EXIT_DR, INSTRUCTION | QUALIFICATION },
	[REASON_IO] = { EXIT_IO, INSTRUCTION | QUALIFICATION },
	[REASON_RDMSR] = { EXIT_MSR_READ, INSTRUCTION },
	[REASON_WRMSR] = { EXIT_MSR_WRITE, INSTRUCTION },
	[REASON_MWAIT] = { EXIT_MWAIT, INSTRUCTION },
	[REASON_MONITOR] = { EXIT_MONITOR, INSTRUCTION },
	[REASON_PAUSE] = { EXIT_PAUSE, INSTRUCTION },
	[REASON_TPR] = { EXIT_TPR, 0 },
	[REASON_GDTR_IDTR] = { EXIT_DESCRIPTOR, INSTRUCTION | QUALIFICATION },
	[REASON_LDTR_TR] = { EXIT_DESCRIPTOR, INSTRUCTION | QUALIFICATION },
	[REASON_EPT_VIOLATION] = { EXIT_NESTED_FAULT, QUALIFICATION | DELIVERY },
	[REASON_EPT_MISCONFIG] = { EXIT_NESTED_MISCONFIG, DELIVERY },
	[REASON_INVEPT] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_RDTSCP] = { EXIT_RDTSC, INSTRUCTION },
	[REASON_PREEMPTION_TIMER] = { EXIT_INTERRUPT, 0 }, /* what waits is taken after the exit */
	[REASON_INVVPID] = { EXIT_VIRTUALIZATION, INSTRUCTION },
	[REASON_WBINVD] = { EXIT_WBINVD, INSTRUCTION },
	[REASON_XSETBV] = { EXIT_XSETBV, INSTRUCTION },
	[REASON_ENCLS] = { EXIT_VIRTUALIZATION, INSTRUCTION },
};

static void decode_io(struct exit *e, u64 q)
{
	e->io.port = (u16)(q >> 16);
	e->io.size = (q & 7) + 1;
	e->io.in = q & 1 << 3;
	e->io.string = q & 1 << 4;
	e->io.rep = q & 1 << 5;
}

static void decode_cr(struct exit *e, u64 q)
{
	e->cr.cr = q & 15;
	e->cr.op = q >> 4 & 3; /* enum exit_cr_op counts as the processor does */
	e->cr.gpr = q >> 8 & 15;
	e->cr.msw = (u16)(q >> 16);
}

static void decode_dr(struct exit *e, u64 q)
{
	e->dr.dr = q & 7;
	e->dr.read = q >> 4 & 1;
	e->dr.gpr = q >> 8 & 15;
}

static void decode_task_switch(struct vcpu *vcpu, u32 vectoring)
{
	struct exit *e = &vcpu->exit;

	e->task.selector = (u16)e->hw_info[0];
	e->task.source = e->hw_info[0] >> 30 & 3;
	e->task.has_error = (vectoring & INTR_INFO_VALID) && (vectoring & INTR_INFO_ERROR_CODE);
	if (e->task.has_error)
		e->task.error = vmcs_read_32(vcpu, IDT_VECTORING_ERROR_CODE);
}

/*
 * A #DB that comes with interrupts held back by STI or MOV SS. With RFLAGS.TF the next entry wants
 * the single-step trap pending (27.3.1.5). Where the caller steps, the trap was for the caller, and
 * what was held back is let go instead.
 */
static void debug_in_shadow(struct vcpu *vcpu)
{
	vcpu_need(vcpu, STATE_RFLAGS | STATE_SHADOW);
	if (!(vcpu->state.shadow & (SHADOW_STI | SHADOW_MOV_SS)))
		return;
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP) {
		vcpu->state.shadow &= ~(SHADOW_STI | SHADOW_MOV_SS);
		vcpu->dirty |= STATE_SHADOW;
	} else if (vcpu->state.rflags & RFLAGS_TF) {
		vcpu_touch(vcpu, STATE_PENDING_DEBUG);
		vcpu->state.pending_debug |= DR6_BS;
	}
}

static void decode_exception(struct vcpu *vcpu, u32 info)
{
	struct exit *e = &vcpu->exit;

	e->exception.vector = (u8)info;
	if (INTR_INFO_TYPE(info) == INTR_NMI) {
		/* NMIs are blocked until the host's handler returns. */
		x86_int2();
		e->kind = EXIT_NMI;
		return;
	}
	if (e->exception.vector == VECTOR_MC) {
		x86_int18();
		e->kind = EXIT_NONE;
		return;
	}
	e->exception.has_error = info & INTR_INFO_ERROR_CODE;
	if (e->exception.has_error)
		e->exception.error = vmcs_read_32(vcpu, EXIT_INTERRUPTION_ERROR_CODE);
	if (e->exception.vector == VECTOR_PF || e->exception.vector == VECTOR_DB) {
		e->hw_info[0] = vmcs_read_N(vcpu, EXIT_QUALIFICATION);
		e->exception.info = e->hw_info[0];
	}
	if (e->exception.vector == VECTOR_DB)
		debug_in_shadow(vcpu);
	/* INT3, INTO, INT1: RIP is at the instruction. */
	if (INTR_INFO_TYPE(info) >= INTR_SOFTWARE)
		e->length = vmcs_read_32(vcpu, EXIT_INSTRUCTION_LENGTH);
}

/*
 * An event was on its way when the exit happened: it has to be delivered again at the next entry
 * (28.2.4). An NMI's blocking began with its delivery; to be injected again it has to end.
 */
COLD void restore_event(struct vcpu *vcpu, u32 vectoring)
{
	static const u8 types[8] = {
		[INTR_EXTERNAL] = EVENT_INTERRUPT,
		[INTR_NMI] = EVENT_NMI,
		[INTR_HARDWARE_EXCEPTION] = EVENT_EXCEPTION,
		[INTR_SOFTWARE] = EVENT_SOFT_INTERRUPT,
		[INTR_PRIVILEGED_SOFTWARE] = EVENT_PRIVILEGED_SOFT,
		[INTR_SOFTWARE_EXCEPTION] = EVENT_SOFT_EXCEPTION,
	};
	struct event *e = &vcpu->event;

	e->type = types[INTR_INFO_TYPE(vectoring)];
	e->vector = (u8)vectoring;
	e->has_error = vectoring & INTR_INFO_ERROR_CODE;
	if (e->has_error)
		e->error = vmcs_read_32(vcpu, IDT_VECTORING_ERROR_CODE);
	if (e->type >= EVENT_SOFT_INTERRUPT)
		e->length = vmcs_read_32(vcpu, EXIT_INSTRUCTION_LENGTH);
	if (e->type == EVENT_NMI) {
		vcpu_touch(vcpu, STATE_SHADOW);
		vcpu->state.shadow &= ~SHADOW_NMI;
	}
}

/* An IRET that faulted had ended NMI blocking already; executed again it has to find it (28.2.3). */
COLD void nmi_unblocked(struct vcpu *vcpu)
{
	vcpu_touch(vcpu, STATE_SHADOW);
	vcpu->state.shadow |= SHADOW_NMI;
}

COLD void decode_delivery(struct vcpu *vcpu, u32 reason)
{
	u32 info = 0, vectoring = vmcs_read_32(vcpu, IDT_VECTORING_INFO);

	if (reason == REASON_EXCEPTION)
		info = vmcs_read_32(vcpu, EXIT_INTERRUPTION_INFO);
	if (vectoring & INTR_INFO_VALID)
		restore_event(vcpu, vectoring);
	else if ((info & INTR_INFO_NMI_UNBLOCKED) && (u8)info != VECTOR_DF)
		nmi_unblocked(vcpu);

	if (reason == REASON_EXCEPTION)
		decode_exception(vcpu, info);
	else if (reason == REASON_TASK_SWITCH)
		decode_task_switch(vcpu, vectoring);
	else
		vcpu->exit.fault.gpa = vmcs_read_64(vcpu, GUEST_PHYSICAL_ADDRESS);
}

/* 28.2.1, table 28-7 */
static void decode_ept_violation(struct vcpu *vcpu, u64 q)
{
	struct exit *e = &vcpu->exit;
	u64 vectoring = 0;

	/* Linear address valid, and it is the access itself, not a walk of the guest's tables. */
	e->fault.gva_valid = e->fault.own = (q & 0x180) == 0x180;
	e->fault.access = q & 7;
	if (!vmcs_get(vcpu, GUEST_PHYSICAL_ADDRESS.encoding, &e->fault.gpa) ||
	    !vmcs_get(vcpu, IDT_VECTORING_INFO.encoding, &vectoring))
		return;
	if (e->fault.gva_valid &&
	    !vmcs_get(vcpu, GUEST_LINEAR_ADDRESS.encoding, &e->fault.gva))
		return;
	if (vectoring & INTR_INFO_VALID)
		restore_event(vcpu, (u32)vectoring);
	else if (q & INTR_INFO_NMI_UNBLOCKED)
		nmi_unblocked(vcpu);
}
_Static_assert(ACCESS_READ == 1 && ACCESS_WRITE == 2 && ACCESS_EXEC == 4,
	       "enum access counts as the processor does");

COLD void decode_rare(struct vcpu *vcpu, u32 reason, u8 reads, u64 q)
{
	struct exit *e = &vcpu->exit;

	/* What the host's handler is going to bring into the cache is not for the guest (L1TF). */
	if (vmx.mitigate.flush_l1d && (reason == REASON_INTERRUPT || reason == REASON_EXCEPTION))
		to_vmx(vcpu)->before |= VMX_BEFORE_L1D;
	if (reads & DELIVERY) {
		decode_delivery(vcpu, reason);
	} else if (reason == REASON_CR) {
		decode_cr(e, q);
	} else if (reason == REASON_DR) {
		decode_dr(e, q);
	} else if (e->kind == EXIT_NONE) {
		/* A hole in the table. */
		e->kind = EXIT_UNKNOWN;
		e->hw_info[0] = vmcs_read_N(vcpu, EXIT_QUALIFICATION);
	}
}

void vmx_exit_decode(struct vcpu *vcpu, u32 reason, u8 reads)
{
	struct exit *e = &vcpu->exit;
	u64 q = 0;

	if ((reads & QUALIFICATION) && !vmcs_get(vcpu, EXIT_QUALIFICATION.encoding, &q))
		return;
	e->hw_info[0] = q;
	if (reason == REASON_IO)
		decode_io(e, q);
	else if (reason == REASON_EPT_VIOLATION)
		decode_ept_violation(vcpu, q);
	else
		decode_rare(vcpu, reason, reads, q);
}
