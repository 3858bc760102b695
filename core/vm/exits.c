// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* One handler for each reason to leave a guest. */
#include "core/vm/events.h"
#include "core/vm/fetch.h"
#include "core/vm/vm.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"

static void single_step_done(struct vcpu *vcpu)
{
	/* With the caller's single-stepping the trap is the caller's: see on_exception(). */
	if (!(vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)) {
		vcpu_raise_debug(vcpu, DR6_BS);
		return;
	}
	vcpu->step_done = true;
	vcpu->check_events = 1;
}

void vcpu_instruction_done_slow(struct vcpu *vcpu, u64 rip)
{
	struct vcpu_state *s = &vcpu->state;

	s->rip = s->efer & EFER_LMA ? rip : (u32)rip;
	vcpu->dirty |= STATE_RIP;
	if (s->shadow & (SHADOW_STI | SHADOW_MOV_SS)) {
		s->shadow &= ~(SHADOW_STI | SHADOW_MOV_SS);
		vcpu->dirty |= STATE_SHADOW;
		/* A window that waited for its end is open: no exit is needed to tell. */
		if (vcpu_wants_window(vcpu))
			vcpu->check_events = 1;
	}
	if (s->rflags & (RFLAGS_TF | RFLAGS_RF)) {
		s->rflags &= ~(u64)RFLAGS_RF;
		vcpu->dirty |= STATE_RFLAGS;
		if (s->rflags & RFLAGS_TF) {
			/* The trap after this instruction is ours to raise, whatever was saved. */
			s->pending_debug = 0;
			vcpu_overwrite(vcpu, STATE_PENDING_DEBUG);
			single_step_done(vcpu);
		}
	}
}

static int unexpected(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run->internal.ndata = 3;
	run->internal.data[0] = vcpu->exit.hw_reason;
	run->internal.data[1] = vcpu->exit.hw_info[0];
	run->internal.data[2] = vcpu->exit.hw_info[1];
	return HANDLED_USER;
}

static int on_resume(struct vcpu *vcpu)
{
	return HANDLED_RESUME;
}

static int on_window(struct vcpu *vcpu)
{
	vcpu->check_events = 1;
	return HANDLED_RESUME;
}

static int debug_exit(struct vcpu *vcpu, u8 vector, u64 dr6)
{
	struct kvm_run *run = vcpu->run;

	vcpu_need(vcpu, STATE_RIP | STATE_SEG | STATE_DR7);
	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = vector;
	run->debug.arch.pc = vcpu->state.seg[SEG_CS].base + vcpu->state.rip;
	run->debug.arch.dr6 = dr6 | DR6_ONES;
	run->debug.arch.dr7 = (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP) ? vcpu->debug_dr7 :
									    vcpu->state.dr7;
	return HANDLED_USER;
}

/* No paravirtual interface is offered: the answer is KVM's "no such call". */
static int on_hypercall(struct vcpu *vcpu)
{
	vcpu->gpr[RAX] = -1000ll;
	if (vcpu_cpl(vcpu))
		vcpu->gpr[RAX] = -1ll;
	if (!(vcpu->state.efer & EFER_LMA))
		vcpu->gpr[RAX] = (u32)vcpu->gpr[RAX];
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

/*
 * Software that was built on the other vendor's processor calls with that one's instruction, and
 * gets the same answer. Everything else that is undefined stays so, also where it can no longer be
 * read as it was executed.
 */
static int on_invalid_opcode(struct vcpu *vcpu)
{
	struct fetch fetch = { 0 };
	struct page_fault fault;
	enum decode_mode mode;
	struct insn insn;
	u64 linear;
	int ret;

	vcpu_need(vcpu, STATE_RIP | STATE_RFLAGS | STATE_CR | STATE_CR3 | STATE_MODE);
	linear = vcpu_linear_rip(vcpu, &mode);
	ret = vcpu_peek(vcpu, &fetch, &insn, mode, linear, &fault);
	if (ret == -SWIVL_EAGAIN)
		return ret;
	if (ret != SERVED || !insn_is_hypercall(&insn)) {
		vcpu_raise(vcpu, VECTOR_UD);
		return HANDLED_RESUME;
	}
	vcpu->exit.length = insn.length;
	return on_hypercall(vcpu);
}

static int on_exception(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;

	switch (e->exception.vector) {
	case VECTOR_DB:
		if (vcpu->guest_debug & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP))
			return debug_exit(vcpu, VECTOR_DB, e->exception.info);
		if (e->length) {
			/* INT1, a trap that leaves DR6 alone. */
			vcpu->event = (struct event){ .type = EVENT_PRIVILEGED_SOFT,
						      .vector = VECTOR_DB, .length = e->length };
			return HANDLED_RESUME;
		}
		vcpu_raise_debug(vcpu, e->exception.info);
		return HANDLED_RESUME;
	case VECTOR_BP:
		if (vcpu->guest_debug & KVM_GUESTDBG_USE_SW_BP)
			return debug_exit(vcpu, VECTOR_BP, 0);
		/* Ours only while the caller asked for it: deliver it as INT3 itself would. */
		vcpu->event = (struct event){ .type = EVENT_SOFT_EXCEPTION, .vector = VECTOR_BP,
					      .length = e->length };
		return HANDLED_RESUME;
	case VECTOR_UD:
		return on_invalid_opcode(vcpu);
	case VECTOR_PF:
		vcpu_raise_page_fault(vcpu, e->exception.info, e->exception.error);
		return HANDLED_RESUME;
	default:
		if (e->exception.has_error)
			vcpu_raise_error(vcpu, e->exception.vector, e->exception.error);
		else
			vcpu_raise(vcpu, e->exception.vector);
		return HANDLED_RESUME;
	}
}

static int on_triple_fault(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	vcpu->event.type = EVENT_NONE;
	return HANDLED_USER;
}

static int on_cpuid(struct vcpu *vcpu)
{
	vcpu_cpuid(vcpu);
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

static int on_hlt(struct vcpu *vcpu)
{
	vcpu_skip(vcpu);
	if (vcpu->vm->irqchip) {
		vcpu->mp_state = KVM_MP_STATE_HALTED;
		return HANDLED_LEAVE;
	}
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return HANDLED_USER;
}

/* An MSR access that was refused: the caller's to settle if it asked for that, else #GP. */
static int msr_refused(struct vcpu *vcpu, int reason, bool write, u64 value)
{
	struct kvm_run *run = vcpu->run;

	if (!(vcpu->vm->user_msr_reasons & reason)) {
		vcpu_raise(vcpu, VECTOR_GP);
		return HANDLED_RESUME;
	}
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	run->msr.reason = reason;
	run->msr.index = vcpu->gpr[RCX];
	run->msr.data = value;
	vcpu->pending = PENDING_MSR;
	return HANDLED_USER;
}

static bool msr_filtered(const struct vcpu *vcpu, u32 way)
{
	const struct msr_filter *f = vcpu->vm->msr_filter;

	return f && !msr_filter_permits(f, vcpu->gpr[RCX], way);
}

static int on_msr_read(struct vcpu *vcpu)
{
	u64 value = 0;
	int ret;

	if (msr_filtered(vcpu, KVM_MSR_FILTER_READ))
		return msr_refused(vcpu, KVM_MSR_EXIT_REASON_FILTER, false, 0);
	ret = msr_read(vcpu, vcpu->gpr[RCX], &value, true);
	if (ret)
		return msr_refused(vcpu, ret, false, 0);
	vcpu->gpr[RAX] = (u32)value;
	vcpu->gpr[RDX] = value >> 32;
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

static int on_msr_write(struct vcpu *vcpu)
{
	u64 value = (u32)vcpu->gpr[RAX] | vcpu->gpr[RDX] << 32;
	int ret;

	if (msr_filtered(vcpu, KVM_MSR_FILTER_WRITE))
		return msr_refused(vcpu, KVM_MSR_EXIT_REASON_FILTER, true, value);
	ret = msr_write(vcpu, vcpu->gpr[RCX], value, true);
	if (ret < 0)
		return ret;
	if (ret)
		return msr_refused(vcpu, ret, true, value);
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

static int write_cr(struct vcpu *vcpu, u8 cr, u64 value)
{
	if (!(vcpu->state.efer & EFER_LMA))
		value = (u32)value;
	switch (cr) {
	case 0:
		return vcpu_set_cr0(vcpu, value);
	case 3:
		return vcpu_set_cr3(vcpu, value);
	case 4:
		return vcpu_set_cr4(vcpu, value);
	case 8:
		if (value > 15)
			return -SWIVL_EINVAL;
		vcpu->state.cr8 = value;
		if (vcpu->vm->irqchip)
			vcpu_chips_set_cr8(vcpu, value);
		return 0;
	}
	return -SWIVL_EINVAL;
}

static u64 read_cr(struct vcpu *vcpu, u8 cr)
{
	switch (cr) {
	case 0:
		vcpu_need(vcpu, STATE_CR);
		return vcpu->state.cr0;
	case 3:
		vcpu_need(vcpu, STATE_CR3);
		return vcpu->state.cr3;
	case 4:
		vcpu_need(vcpu, STATE_CR);
		return vcpu->state.cr4;
	default:
		return vcpu->vm->irqchip ? vcpu_chips_cr8(vcpu) : vcpu->state.cr8;
	}
}

/* LMSW sets PE but does not clear it, and leaves all but the low four bits (SDM vol. 2). */
static u64 lmsw_value(struct vcpu *vcpu, u16 msw)
{
	vcpu_need(vcpu, STATE_CR);
	return (vcpu->state.cr0 & ~0xeull) | (msw & 0xf);
}

static int on_cr(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	bool lowered = false;
	u64 old_cr8;
	int ret = 0;

	if (e->cr.gpr == RSP)
		vcpu_need(vcpu, STATE_RSP);
	switch (e->cr.op) {
	case CR_READ:
		if (e->cr.gpr == RSP)
			vcpu->dirty |= STATE_RSP;
		vcpu->gpr[e->cr.gpr] = read_cr(vcpu, e->cr.cr);
		break;
	case CR_WRITE:
		old_cr8 = vcpu->state.cr8;
		ret = write_cr(vcpu, e->cr.cr, vcpu->gpr[e->cr.gpr]);
		lowered = e->cr.cr == 8 && vcpu->state.cr8 < old_cr8;
		break;
	case CR_CLTS:
		vcpu_need(vcpu, STATE_CR);
		ret = vcpu_set_cr0(vcpu, vcpu->state.cr0 & ~(u64)CR0_TS);
		break;
	case CR_LMSW:
		ret = vcpu_set_cr0(vcpu, lmsw_value(vcpu, e->cr.msw));
		break;
	}
	if (ret == -SWIVL_EAGAIN)
		return ret;
	if (ret) {
		vcpu_raise(vcpu, VECTOR_GP);
		return HANDLED_RESUME;
	}
	vcpu_skip(vcpu);
	if (lowered && !vcpu->vm->irqchip) {
		/* The caller's own interrupt chip has to see a lower CR8. */
		vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
		return HANDLED_USER;
	}
	return HANDLED_RESUME;
}

/* MOV DR (SDM vol. 3, 17.2.2): DR4 and DR5 are DR6 and DR7 unless CR4.DE says #UD. */
static int on_dr(struct vcpu *vcpu)
{
	struct vcpu_state *s = &vcpu->state;
	const struct exit *e = &vcpu->exit;
	u8 dr = e->dr.dr;
	u64 value;

	vcpu_need(vcpu, STATE_CR | STATE_DR7 | STATE_RSP);
	if (vcpu_cpl(vcpu)) {
		vcpu_raise(vcpu, VECTOR_GP);
		return HANDLED_RESUME;
	}
	if ((dr == 4 || dr == 5) && (s->cr4 & CR4_DE)) {
		vcpu_raise(vcpu, VECTOR_UD);
		return HANDLED_RESUME;
	}
	if ((vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP) && (vcpu->debug_dr7 & DR7_GD))
		return debug_exit(vcpu, VECTOR_DB, DR6_BD);
	if (s->dr7 & DR7_GD) {
		vcpu_raise_debug(vcpu, DR6_BD);
		return HANDLED_RESUME;
	}
	if (e->dr.read) {
		value = dr < 4 ? s->dr[dr] : (dr & 1) ? s->dr7 : s->dr6;
		vcpu->gpr[e->dr.gpr] = value;
		if (e->dr.gpr == RSP)
			vcpu->dirty |= STATE_RSP;
	} else {
		value = vcpu->gpr[e->dr.gpr];
		if (!(s->efer & EFER_LMA))
			value = (u32)value;
		if (dr < 4) {
			s->dr[dr] = value;
		} else if (value >> 32) {
			vcpu_raise(vcpu, VECTOR_GP);
			return HANDLED_RESUME;
		} else if (dr & 1) {
			s->dr7 = (value & DR7_WRITABLE) | DR7_ONE;
		} else {
			s->dr6 = (value & DR6_WRITABLE) | DR6_ONES;
		}
		vcpu->dirty |= STATE_DR7;
	}
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

static int on_nested_fault(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	int ret;

	if (vcpu->in_section)
		ret = vm_fault_fast(vcpu->vm, e->fault.gpa, e->fault.access);
	else
		ret = vm_fault_in(vcpu->vm, e->fault.gpa, e->fault.access);
	if (ret == 1)
		return handle_mmio(vcpu, e->fault.gpa);
	if (ret == -SWIVL_EFAULT)
		vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
	return ret;
}

static int on_misconfig(struct vcpu *vcpu)
{
	vm_die(vcpu->vm, "a second-level page table entry is malformed (SDM vol. 3, 29.3.3.1)");
	return unexpected(vcpu);
}

static int on_xsetbv(struct vcpu *vcpu)
{
	u64 value = (u32)vcpu->gpr[RAX] | vcpu->gpr[RDX] << 32;

	if (vcpu_cpl(vcpu) || (u32)vcpu->gpr[RCX] || vcpu_set_xcr0(vcpu, value))
		vcpu_raise(vcpu, VECTOR_GP);
	else
		vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

static int on_skip(struct vcpu *vcpu)
{
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

static int on_undefined(struct vcpu *vcpu)
{
	vcpu_raise(vcpu, VECTOR_UD);
	return HANDLED_RESUME;
}

static int on_protection(struct vcpu *vcpu)
{
	vcpu_raise(vcpu, VECTOR_GP);
	return HANDLED_RESUME;
}

static int on_tpr(struct vcpu *vcpu)
{
	vcpu->check_events = 1;
	return HANDLED_RESUME;
}

static int on_fail_entry(struct vcpu *vcpu)
{
	if (vcpu->in_section) {
		vcpu->run->fail_entry.cpu = host_cpu();
		return -SWIVL_EAGAIN; /* what follows takes its time */
	}
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->run->fail_entry.hardware_entry_failure_reason = vcpu->exit.fail_reason;
	vcpu_failure_log(vcpu);
	return HANDLED_USER;
}

int (*const exit_handlers[EXIT_KINDS])(struct vcpu *vcpu) = {
	[EXIT_NONE] = on_resume,
	[EXIT_INTERRUPT] = on_resume,
	[EXIT_NMI] = on_resume,
	[EXIT_EXCEPTION] = on_exception,
	[EXIT_TRIPLE_FAULT] = on_triple_fault,
	[EXIT_INIT] = on_resume,
	[EXIT_CPUID] = on_cpuid,
	[EXIT_HLT] = on_hlt,
	[EXIT_IO] = handle_io,
	[EXIT_MSR_READ] = on_msr_read,
	[EXIT_MSR_WRITE] = on_msr_write,
	[EXIT_CR] = on_cr,
	[EXIT_DR] = on_dr,
	[EXIT_NESTED_FAULT] = on_nested_fault,
	[EXIT_NESTED_MISCONFIG] = on_misconfig,
	[EXIT_HYPERCALL] = on_hypercall,
	[EXIT_XSETBV] = on_xsetbv,
	[EXIT_WBINVD] = on_skip, /* caches are coherent; no device of the host is passed in */
	[EXIT_INVD] = on_skip,
	[EXIT_INVLPG] = on_skip,
	[EXIT_PAUSE] = on_skip,
	[EXIT_MONITOR] = on_undefined, /* not in the guest's CPUID */
	[EXIT_MWAIT] = on_undefined,
	[EXIT_RDTSC] = unexpected,
	[EXIT_RDPMC] = on_protection, /* no performance counters */
	[EXIT_TASK_SWITCH] = handle_task_switch,
	[EXIT_DESCRIPTOR] = unexpected,
	[EXIT_VIRTUALIZATION] = on_undefined,
	[EXIT_IRQ_WINDOW] = on_window,
	[EXIT_NMI_WINDOW] = on_window,
	[EXIT_TPR] = on_tpr,
	[EXIT_FAIL_ENTRY] = on_fail_entry,
	[EXIT_UNKNOWN] = unexpected,
};

int vcpu_debug_step(struct vcpu *vcpu)
{
	vcpu->step_done = false;
	return debug_exit(vcpu, VECTOR_DB, DR6_BS);
}

static int finish_msr(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (run->msr.error) {
		vcpu_raise(vcpu, VECTOR_GP);
		return HANDLED_RESUME;
	}
	if (run->exit_reason == KVM_EXIT_X86_RDMSR) {
		vcpu->gpr[RAX] = (u32)run->msr.data;
		vcpu->gpr[RDX] = run->msr.data >> 32;
	}
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

static int finish(struct vcpu *vcpu, u8 pending)
{
	switch (pending) {
	case PENDING_IO_IN:
	case PENDING_IO_OUT:
		return finish_io(vcpu);
	case PENDING_MMIO_READ:
	case PENDING_MMIO_WRITE:
		return finish_mmio(vcpu);
	case PENDING_MSR:
		return finish_msr(vcpu);
	default:
		return HANDLED_RESUME;
	}
}

int vcpu_finish_pending(struct vcpu *vcpu)
{
	u8 pending = vcpu->pending;
	int ret;

	vcpu->pending = PENDING_NONE;
	if (pending == PENDING_NONE)
		return HANDLED_RESUME;
	vcpu_need(vcpu, STATE_RIP);
	if (vcpu->state.rip != vcpu->pending_rip)
		return HANDLED_RESUME;
	ret = finish(vcpu, pending);
	/* What we finished may have been the one that the caller stepped over. */
	return vcpu->step_done && ret == HANDLED_RESUME ? vcpu_debug_step(vcpu) : ret;
}
