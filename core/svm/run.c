// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Into the guest and out of it again, once. This is the road of every exit: count before adding. */
#include "core/svm/svm.h"
#include "core/vm/loop.h"
#include "core/x86/fpu.h"

/* What an exit leaves good in memory: state that the guest cannot change without one. */
#define VALID_AFTER_EXIT \
	(STATE_RIP | STATE_RFLAGS | STATE_SHADOW | STATE_CR | STATE_DR7 | STATE_PAT | STATE_TSC)
/* What an entry may be refused for: it changes rarely, so it is kept. */
#define REFUSABLE \
	(STATE_CR | STATE_CR3 | STATE_SEG | STATE_TABLES | STATE_DR7 | STATE_PAT | STATE_SYSCALL)

/*
 * Vectors that are exceptions on all processors and in all modes: 0 to 19 without NMI, #BR, 9 and
 * 15. Others an entry may be refused for (APM vol. 2, 15.20).
 */
#define EXCEPTIONS 0xf7ddbu

/* Kept out of the road's own code, with their own stack and saved registers. */
#define COLD static __attribute__((__cold__, __noinline__))

/* ---- before --------------------------------------------------------------------------------- */

/*
 * APM vol. 2, 15.20. The return address of INT n, INT3 and INT1 is behind them: on processors with
 * next-RIP save that is the VMCB's field, on others RIP itself.
 */
COLD void inject(struct vcpu *vcpu)
{
	static const u8 types[] = {
		[EVENT_INTERRUPT] = INJ_INTERRUPT,
		[EVENT_NMI] = INJ_NMI,
		[EVENT_EXCEPTION] = INJ_EXCEPTION,
		[EVENT_SOFT_INTERRUPT] = INJ_SOFTWARE,
		[EVENT_SOFT_EXCEPTION] = INJ_EXCEPTION,
		[EVENT_PRIVILEGED_SOFT] = INJ_EXCEPTION,
	};
	struct svm_vcpu *v = to_svm(vcpu);
	const struct event *e = &vcpu->event;
	u64 info = EVENT_INJ_VALID | (u64)types[e->type] << 8 | e->vector;

	/* There are no error codes in real mode. */
	if (e->has_error && (vcpu->state.cr0 & CR0_PE))
		info |= EVENT_INJ_ERROR | (u64)e->error << 32;
	v->vmcb->control.event_inj = info;
	vcpu->hardware_writes++;
	/* The entry may be refused for it alone, long after the last state that was changed. */
	if (e->type == EVENT_EXCEPTION && !(EXCEPTIONS >> e->vector & 1))
		memcpy(&v->backup, &v->vmcb->save, sizeof(v->backup));
	/* The machine's DR6, which injecting leaves as it is (15.20). */
	if (vcpu->vm->machine && e->vector == VECTOR_DB) {
		v->vmcb->save.dr6 |= vcpu->state.dr6 & DR6_WRITABLE;
		v->vmcb->control.clean &= ~CLEAN_DR;
		vcpu->state.dr6 = DR6_ONES;
	}
	if (e->type >= EVENT_SOFT_INTERRUPT) {
		v->vmcb->save.rip += e->length;
		v->vmcb->control.next_rip = v->vmcb->save.rip;
		v->soft_advanced = true;
		v->soft_length = e->length;
	} else if (e->type == EVENT_NMI) {
		v->nmi_masked = true;
		v->before |= SVM_BEFORE_WINDOWS;
	}
}

/*
 * One instruction by the trap flag: the IRET that ends the masking of NMIs, or the one in the
 * shadow of STI or MOV SS that holds an NMI back. Whatever else it does than ending in the trap
 * has to be seen first, for the flag must not get into the guest's memory. False: it would, so the
 * shadow ends here, which is for a stack pointer or HLT behind it and not for such an instruction.
 */
COLD bool begin_step(struct vcpu *vcpu, bool iret)
{
	struct svm_vcpu *v = to_svm(vcpu);

	if (!iret && svm_next_uses_flags(vcpu)) {
		vcpu->state.shadow &= ~(SHADOW_STI | SHADOW_MOV_SS);
		vcpu->dirty |= STATE_SHADOW;
		vcpu->exit.kind = EXIT_NMI_WINDOW;
		vcpu->exit.hw_reason = 0;
		vcpu->exit.length = 0;
		return false;
	}
	v->stepping = true;
	v->step_over_iret = iret;
	v->step_tf = v->vmcb->save.rflags & RFLAGS_TF;
	v->vmcb->save.rflags |= RFLAGS_TF;
	svm_store_exceptions(vcpu);
	return true;
}

/* False: there is one already. */
COLD bool set_windows(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);
	struct vmcb_control *c = &v->vmcb->control;
	bool iret_next = v->before & SVM_BEFORE_STEP, step;
	u64 virtual_interrupt = vcpu->vm->machine ? 0 : V_INTR_MASKING;
	u32 intercepts = c->intercepts & ~(INTERCEPT_VINTR | INTERCEPT_IRET);

	/* An event's handler would be stepped in place of what was meant. */
	step = !vcpu->event.type && (iret_next || (vcpu->want_nmi_window && !v->nmi_masked));
	if (step && !begin_step(vcpu, iret_next))
		return false;
	if (vcpu->want_irq_window) {
		virtual_interrupt |= V_IRQ | V_PRIORITY_HIGHEST | V_IGN_TPR;
		intercepts |= INTERCEPT_VINTR;
	}
	if (v->nmi_masked && !(step && iret_next))
		intercepts |= INTERCEPT_IRET;
	v->before &= ~(SVM_BEFORE_WINDOWS | SVM_BEFORE_STEP);
	if (vcpu->want_irq_window || v->nmi_masked)
		v->before |= SVM_BEFORE_WINDOWS; /* look again: they may have to be closed */
	if (c->intercepts != intercepts || c->virtual_interrupt != virtual_interrupt) {
		c->intercepts = intercepts;
		c->virtual_interrupt = virtual_interrupt;
		c->clean &= ~(CLEAN_INTERCEPTS | CLEAN_INTERRUPT);
		vcpu->hardware_writes += 2;
	}
	return true;
}

/*
 * QEMU's processor arms breakpoints when DR7 is written, and not by VMRUN, which loads it as well:
 * they are armed here, with the value that VMRUN finds then, and no longer when the guest is left.
 */
COLD void debug_in(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);

	live_debug_in(vcpu, &v->live);
	if (svm.qemu)
		x86_write_dr(7, v->vmcb->save.dr7);
}

COLD void debug_out(struct svm_vcpu *v)
{
	if (svm.qemu)
		x86_write_dr(7, DR7_ONE);
	live_debug_out(&v->live);
}

static void entry_failed(struct vcpu *vcpu, u64 reason);

/* Windows to open or close, and what is in svm_vcpu.before. False: vcpu->exit says why not. */
COLD bool before_entry(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);

	if (v->before & SVM_BEFORE_FAILED) {
		entry_failed(vcpu, 0);
		return false;
	}
	if (!set_windows(vcpu))
		return false;
	if (v->before & SVM_BEFORE_FLUSH) {
		v->before &= ~SVM_BEFORE_FLUSH;
		svm_new_asid(v);
	}
	if ((v->before & SVM_BEFORE_ANY_DEBUG) && !vcpu->vm->machine)
		debug_in(vcpu);
	if (v->before & SVM_BEFORE_VERW)
		x86_verw();
	return true;
}

COLD void store_dirty(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);
	u32 dirty = vcpu->dirty;

	svm_store(vcpu, dirty);
	vcpu->dirty = 0;
	if (dirty & REFUSABLE)
		memcpy(&v->backup, &v->vmcb->save, sizeof(v->backup));
	if (dirty & STATE_SHADOW)
		v->before |= SVM_BEFORE_WINDOWS;
}

HOT void prepare(struct vcpu *vcpu, struct svm_vcpu *v, bool machine)
{
	struct vmcb *vmcb = v->vmcb;

	if (vcpu->dirty == STATE_RIP) {
		vmcb->save.rip = vcpu->state.rip;
		vcpu->dirty = 0;
	} else if (vcpu->dirty) {
		store_dirty(vcpu);
	}
	vmcb->save.rax = vcpu->gpr[RAX];
	if (vcpu->event.type)
		inject(vcpu);
	if (!machine && v->live.xcr0 != vcpu->state.xcr0)
		live_load_xcr0(vcpu, &v->live);
	if (vmcb->save.cr2 != vcpu->state.cr2) {
		vmcb->save.cr2 = vcpu->state.cr2;
		vmcb->control.clean &= ~CLEAN_CR2;
	}
}

/* ---- after ---------------------------------------------------------------------------------- */

/*
 * QEMU's processor ignores the intercept of XSETBV: what the guest executed is in force. It is
 * taken over, as far as the guest may have it, and the host gets its own back.
 */
void svm_sync_xcr0(struct vcpu *vcpu)
{
	struct live *l = &to_svm(vcpu)->live;
	u64 now;

	if (!fpu.system_xcr0)
		return;
	now = x86_xgetbv();
	if (now == ((l->xcr0 & fpu.features) | XCR0_X87) || now == l->xcr0)
		return;
	l->xcr0 = now;
	vcpu->state.xcr0 = (now & vcpu->cpuid_xcr0) | XCR0_X87;
}

/* The entry did not happen. QEMU's processor leaves the host's state in the VMCB then. */
COLD void entry_failed(struct vcpu *vcpu, u64 reason)
{
	struct svm_vcpu *v = to_svm(vcpu);
	struct exit *e = &vcpu->exit;

	e->kind = EXIT_FAIL_ENTRY;
	e->length = 0;
	e->hw_reason = reason;
	e->hw_info[0] = e->hw_info[1] = 0;
	e->fail_reason = reason;
	if (reason == CODE_INVALID) {
		memcpy(&v->vmcb->save, &v->backup, sizeof(v->backup));
		svm_explain(vcpu);
	}
	v->vmcb->control.event_inj = 0;
	v->vmcb->control.clean = 0;
	/* It flushed nothing, and others have numbers that are free only after a flush: anew. */
	if (v->vmcb->control.tlb_control == TLB_FLUSH_ALL)
		v->here->next_asid = svm.caps.asids;
	v->stepping = false;
	v->soft_advanced = false;
	vcpu->dirty |= vcpu->valid & (STATE_ALL & ~STATE_MODE);
	vcpu->dirty |= STATE_INTERCEPTS;
}

/* What began the instruction that is executed again, is found by it again. */
COLD void restore_event(struct vcpu *vcpu, u64 info)
{
	struct svm_vcpu *v = to_svm(vcpu);
	struct event *e = &vcpu->event;
	u8 vector = (u8)info;

	e->vector = vector;
	e->has_error = info & EVENT_INJ_ERROR;
	e->error = (u32)(info >> 32);
	switch (EVENT_INJ_TYPE(info)) {
	case INJ_INTERRUPT:
		e->type = EVENT_INTERRUPT;
		return;
	case INJ_NMI:
		e->type = EVENT_NMI;
		v->nmi_masked = false;
		vcpu->state.shadow &= ~SHADOW_NMI;
		return;
	case INJ_EXCEPTION:
		if (vector != VECTOR_BP && vector != VECTOR_OF && !v->soft_advanced) {
			e->type = EVENT_EXCEPTION;
			return;
		}
		break;
	}
	if (v->soft_advanced) {
		vcpu->state.rip -= v->soft_length;
		vcpu->dirty |= STATE_RIP;
	}
}

/* The one instruction is over, or something came before it. */
COLD void end_step(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);
	struct exit *e = &vcpu->exit;
	bool trapped = e->kind == EXIT_EXCEPTION && e->exception.vector == VECTOR_DB &&
		       (e->exception.info & DR6_BS);

	v->stepping = false;
	svm_store_exceptions(vcpu);
	v->before |= SVM_BEFORE_WINDOWS;
	/* IRET has loaded the flags; it unmasks NMIs even where it faults. */
	if (!v->step_tf && !(trapped && v->step_over_iret)) {
		vcpu->state.rflags &= ~(u64)RFLAGS_TF;
		vcpu->dirty |= STATE_RFLAGS;
	}
	if (v->step_over_iret && e->kind == EXIT_EXCEPTION) {
		v->nmi_masked = false;
		vcpu->state.shadow &= ~SHADOW_NMI;
		vcpu->check_events = 1;
	}
	if (!trapped || v->step_tf)
		return;
	e->exception.info &= ~(u64)DR6_BS;
	if (!e->exception.info)
		e->kind = EXIT_NMI_WINDOW;
}

#define LEAF_XSAVE 0xd /* sizes that follow from XCR0 */

/* The address of the next instruction is told for these on all processors (15.10.2). */
HOT void decode_io(struct vcpu *vcpu, const struct vmcb_control *c)
{
	u32 info = (u32)c->exit_info[0];
	struct exit *e = &vcpu->exit;

	e->kind = EXIT_IO;
	e->hw_info[0] = info;
	e->hw_info[1] = c->exit_info[1];
	vcpu->hardware_reads += 2;
	e->length = (u8)(e->hw_info[1] - vcpu->state.rip);
	e->io.port = (u16)(info >> 16);
	e->io.size = IOIO_SIZE(info);
	e->io.in = info & IOIO_IN;
	e->io.string = info & IOIO_STRING;
	e->io.rep = info & IOIO_REP;
}

/* 15.25.6. The processor tells no linear address. */
HOT void decode_nested_fault(struct vcpu *vcpu, const struct vmcb_control *c)
{
	u64 info = c->exit_info[0];
	struct exit *e = &vcpu->exit;

	e->kind = info & NPF_RESERVED ? EXIT_NESTED_MISCONFIG : EXIT_NESTED_FAULT;
	e->hw_info[0] = info;
	e->hw_info[1] = c->exit_info[1];
	vcpu->hardware_reads += 2;
	e->length = 0;
	e->fault.access = info & NPF_WRITE ? ACCESS_WRITE : info & NPF_FETCH ? ACCESS_EXEC :
									       ACCESS_READ;
	e->fault.gpa = e->hw_info[1];
	e->fault.gva_valid = false;
	e->fault.own = info & NPF_FINAL;
	/* Most are a device's: there the instruction is looked at next. */
	svm_fetch_mode(vcpu);
}

/* All others, by their rules. */
HOT void decode_by_rule(struct vcpu *vcpu, struct svm_vcpu *v, u32 code)
{
	const struct vmcb *vmcb = v->vmcb;
	const struct svm_exit_rule *rule;
	struct exit *e = &vcpu->exit;

	e->length = 0;
	rule = code < CODES ? &svm_exit_rules[code] : &svm_no_rule;
	if (code == CODE_MSR && (vmcb->control.exit_info[0] & 1))
		rule = &svm_wrmsr_rule;
	e->kind = rule->kind;
	if (rule->flags & SVM_EXIT_LENGTH) {
		if ((svm.caps.features & SVM_NEXT_RIP) && vmcb->control.next_rip)
			e->length = (u8)(vmcb->control.next_rip - vmcb->save.rip);
		else
			svm_instruction(vcpu, rule);
	}
	if (rule->flags & SVM_EXIT_INFO || !rule->kind)
		svm_exit_decode(vcpu, code);
	if (e->kind == EXIT_CPUID && (u32)vcpu->gpr[RAX] == LEAF_XSAVE)
		svm_sync_xcr0(vcpu);
}

HOT void after_exit(struct vcpu *vcpu, struct svm_vcpu *v, bool machine)
{
	struct vmcb *vmcb = v->vmcb;
	u32 code = (u32)vmcb->control.exit_code;
	struct exit *e = &vcpu->exit;

	if (code == CODE_INVALID) {
		entry_failed(vcpu, code);
		return;
	}
	vcpu->gpr[RAX] = vmcb->save.rax;
	vcpu->state.cr2 = vmcb->save.cr2;
	vcpu->state.rip = vmcb->save.rip;
	vcpu->state.rflags = vmcb->save.rflags;
	vcpu->state.shadow = (u32)vmcb->control.interrupt_state & SHADOW_STI;
	if (v->nmi_masked)
		vcpu->state.shadow |= SHADOW_NMI;
	vcpu->valid = VALID_AFTER_EXIT;
	if (machine)
		svm_fetch_cr(vcpu, vmcb);
	vcpu->event.type = EVENT_NONE;
	vmcb->control.clean = CLEAN_ALL;
	vmcb->control.event_inj = 0;
	vmcb->control.tlb_control = 0;
	if (vmcb->control.exit_int_info & EVENT_INJ_VALID)
		restore_event(vcpu, vmcb->control.exit_int_info);
	v->soft_advanced = false;

	e->hw_reason = code;
	vcpu->hardware_reads += 7;
	if (code == CODE_IOIO)
		decode_io(vcpu, &vmcb->control);
	else if (code == CODE_NESTED_FAULT)
		decode_nested_fault(vcpu, &vmcb->control);
	else
		decode_by_rule(vcpu, v, code);
	if (v->stepping)
		end_step(vcpu);
}

/* ---- once more ------------------------------------------------------------------------------- */

#define CPUID_BYTES 0xa20fu /* as everybody writes it, without a prefix */

/* Length of the CPUID that the machine's guest executed; 0: to be found out at length. */
HOT u8 cpuid_length(struct vcpu *vcpu, const struct svm_vcpu *v)
{
	const struct vmcb_save *save = &v->vmcb->save;
	u64 linear = svm_linear_rip(save), offset = linear & (SWIVL_PAGE_SIZE - 1);
	struct fetch_by by = { save->cr0, save->cr3, save->cr4, save->efer & ~(u64)EFER_SVME,
			       save->cpl };
	u16 bytes;

	if ((svm.caps.features & SVM_NEXT_RIP) && v->vmcb->control.next_rip)
		return (u8)(v->vmcb->control.next_rip - save->rip);
	if (offset > SWIVL_PAGE_SIZE - sizeof(bytes) || !fetch_leads(vcpu, &v->fetch, linear, &by))
		return 0;
	memcpy(&bytes, v->fetch.code + offset, sizeof(bytes));
	return bytes == CPUID_BYTES ? sizeof(bytes) : 0;
}

/*
 * The machine's guest executed CPUID, nothing else happened, and nobody wants anything: answered with
 * no more than it takes. The VMCB has all that is needed, and keeps it. False: as any other exit.
 */
HOT bool answer_cpuid(struct vcpu *vcpu, struct svm_vcpu *v, const struct vendor_way *way)
{
	struct vmcb_control *c = &v->vmcb->control;
	struct vmcb_save *save = &v->vmcb->save;
	u64 rip;
	u8 length;

	if (c->exit_code != CODE_CPUID || (c->exit_int_info & EVENT_INJ_VALID) ||
	    (c->interrupt_state & SHADOW_STI) || (save->rflags & (RFLAGS_TF | RFLAGS_RF)) ||
	    !(save->efer & EFER_SVME) || /* see svm_fetch_cr() */
	    (v->before & ~SVM_BEFORE_VERW) || v->nmi_masked || v->stepping ||
	    __atomic_load_n(way->wanted, __ATOMIC_RELAXED) ||
	    vcpu->stage2_generation !=
		    __atomic_load_n(&vcpu->vm->stage2.generation, __ATOMIC_ACQUIRE))
		return false;
	length = cpuid_length(vcpu, v);
	if (!length)
		return false;
	vcpu->gpr[RAX] = save->rax;
	vcpu->state.cr4 = save->cr4;
	way->cpuid(vcpu);
	rip = save->rip + length;
	save->rip = save->efer & EFER_LMA ? rip : (u32)rip;
	save->rax = vcpu->gpr[RAX];
	c->clean = CLEAN_ALL;
	c->event_inj = 0;
	c->tlb_control = 0;
	vcpu->event.type = EVENT_NONE;
	v->soft_advanced = false;
	vcpu->exits[EXIT_CPUID]++;
	if (v->before) /* what is done before each entry */
		x86_verw();
	return true;
}

void svm_enter_machine(struct vcpu *vcpu, const struct vendor_way *way)
{
	struct svm_vcpu *v = to_svm(vcpu);

	prepare(vcpu, v, true);
	if ((vcpu_wants_window(vcpu) || v->before) && !before_entry(vcpu)) {
		x86_irq_on();
		return;
	}
	do {
		svm_enter(vcpu->gpr, v->pa, v->here->host_pa);
		svm_stgi();
	} while (answer_cpuid(vcpu, v, way));
	after_exit(vcpu, v, true);
}

HOT void enter(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);

	prepare(vcpu, v, false);
	if ((vcpu_wants_window(vcpu) || v->before) && !before_entry(vcpu)) {
		x86_irq_on();
		return;
	}
	svm_enter(vcpu->gpr, v->pa, v->here->host_pa);
	if (v->before & SVM_BEFORE_ANY_DEBUG)
		debug_out(v);
	svm_stgi();
	after_exit(vcpu, v, false);
}

int svm_run(struct vcpu *vcpu)
{
	return vcpu_loop(vcpu, enter);
}
