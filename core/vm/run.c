// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* KVM_RUN: from the caller into the guest, exit after exit, and back. */
#include "core/vm/loop.h"
#include "core/vm/vm.h"
#include "core/x86/regs.h"

void vcpu_need_slow(struct vcpu *vcpu, u32 groups)
{
	groups &= ~vcpu->valid;
	if (vcpu->loaded) {
		vendor->fetch(vcpu, groups);
	} else {
		host_preempt_off();
		vendor->load(vcpu, false);
		vendor->fetch(vcpu, groups);
		vendor->unload(vcpu);
		host_preempt_on();
	}
	vcpu->valid |= groups | (groups & STATE_SEG ? STATE_MODE : 0);
}

void vcpu_kick(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->check_events, 1, __ATOMIC_SEQ_CST);
	host_wait_wake(&vcpu->wait);
	if (__atomic_load_n(&vcpu->in_guest, __ATOMIC_SEQ_CST))
		host_vcpu_kick(vcpu);
}

void vm_memory_lock(struct vm *vm)
{
	u32 i, n;

	__atomic_add_fetch(&vm->keep_out, 1, __ATOMIC_SEQ_CST);
	n = __atomic_load_n(&vm->nvcpus, __ATOMIC_ACQUIRE);
	for (i = 0; i < n; i++) {
		if (__atomic_load_n(&vm->vcpus[i]->in_guest, __ATOMIC_SEQ_CST))
			host_vcpu_kick(vm->vcpus[i]);
	}
	host_write_lock(&vm->mem_lock);
	/* Sections take no lock: each that began before it could see the wish is about to end. */
	for (i = 0; i < n; i++) {
		while (__atomic_load_n(&vm->vcpus[i]->in_section, __ATOMIC_SEQ_CST))
			__builtin_ia32_pause();
	}
}

void vm_memory_unlock(struct vm *vm)
{
	__atomic_sub_fetch(&vm->keep_out, 1, __ATOMIC_SEQ_CST);
	host_write_unlock(&vm->mem_lock);
}

/* Enters again and again until something needs more than a section. */
static int enter_and_handle(struct vcpu *vcpu)
{
	int ret;

	vendor->load(vcpu, true);
	ret = vendor->run(vcpu);
	/* What every caller is told, while it is cheap to get. */
	if (ret == HANDLED_USER)
		vcpu_need(vcpu, STATE_RIP | STATE_RFLAGS | STATE_SHADOW);
	vendor->unload(vcpu);
	return ret;
}

/*
 * One stretch on a processor, in which memory stays as it is: who wants to change it first writes
 * keep_out and then looks at in_section; we first write in_section and then look at keep_out.
 */
static int run_section(struct vcpu *vcpu)
{
	int ret = HANDLED_LEAVE;

	host_section_enter(vcpu);
	__atomic_store_n(&vcpu->in_section, true, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&vcpu->vm->keep_out, __ATOMIC_SEQ_CST))
		ret = enter_and_handle(vcpu);
	__atomic_store_n(&vcpu->in_section, false, __ATOMIC_RELEASE);
	host_section_leave(vcpu);
	return ret;
}

static bool wake_condition(void *arg)
{
	struct vcpu *vcpu = arg;

	return vcpu->vm->dead || vcpu->run->immediate_exit || vcpu_chips_wake(vcpu) ||
	       (vcpu->mp_state == KVM_MP_STATE_HALTED && vcpu_has_event(vcpu));
}

/* A vCPU that is halted or waits for SIPI. False: a signal came first. */
static bool wait_runnable(struct vcpu *vcpu)
{
	while (vcpu->mp_state != KVM_MP_STATE_RUNNABLE) {
		if (host_signal_pending() || vcpu->run->immediate_exit || vcpu->vm->dead)
			return false;
		host_wait_sleep(&vcpu->wait, wake_condition, vcpu);
		if (vcpu_chips_init_sipi(vcpu))
			continue;
		if (vcpu->mp_state == KVM_MP_STATE_HALTED &&
		    (vcpu_has_event(vcpu) || vcpu_chips_wake(vcpu)))
			vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	}
	return true;
}

static int report_dead(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	vcpu->run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	vcpu->run->internal.ndata = 2;
	vcpu->run->internal.data[0] = vcpu->exit.hw_reason;
	vcpu->run->internal.data[1] = vcpu->exit.hw_info[0];
	return HANDLED_USER;
}

/* @fn, where it may sleep. */
static int with_memory(struct vcpu *vcpu, int (*fn)(struct vcpu *vcpu))
{
	int ret;

	host_read_lock(&vcpu->vm->mem_lock);
	ret = fn(vcpu);
	host_read_unlock(&vcpu->vm->mem_lock);
	return ret;
}

/* HANDLED_USER or an error. */
static int run_until_exit(struct vcpu *vcpu)
{
	int ret;

	for (;;) {
		if (vcpu->vm->dead)
			return report_dead(vcpu);
		/* Told at once to come back: the exit of before stays what it was. */
		if (vcpu->run->immediate_exit)
			return -SWIVL_EINTR;
		if (vcpu_trace_must_wait(vcpu))
			return -SWIVL_EAGAIN;
		if (vcpu->lapic)
			vcpu_chips_init_sipi(vcpu);
		if (vcpu->mp_state == KVM_MP_STATE_RUNNABLE || wait_runnable(vcpu)) {
			ret = run_section(vcpu);
			if (ret == -SWIVL_EAGAIN)
				ret = with_memory(vcpu, vcpu_handle_exit);
			if (ret == HANDLED_USER || ret < 0)
				return ret;
		}
		if (vcpu->vm->keep_out) { /* whoever ended the section for the memory goes first */
			host_read_lock(&vcpu->vm->mem_lock);
			host_read_unlock(&vcpu->vm->mem_lock);
		}
		/* Seen here, for a section does not enter the guest with a signal pending. */
		if (host_signal_pending()) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return -SWIVL_EINTR;
		}
		host_yield();
	}
}

/* What struct kvm_run tells besides the exit itself. */
static void report_state(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->if_flag = (vcpu->state.rflags & RFLAGS_IF) != 0;
	run->ready_for_interrupt_injection =
		vcpu->vm->irqchip ||
		(vcpu_interrupt_allowed(vcpu) && vcpu->user_irq < 0 && !vcpu->event.type);
	run->cr8 = vcpu->vm->irqchip ? vcpu_chips_cr8(vcpu) : vcpu->state.cr8;
	run->apic_base = vcpu->state.apic_base;
	run->flags = 0;
}

/*
 * The caller's single-stepping borrows the guest's trap flag while KVM_RUN lasts. A trap flag that
 * comes in an interrupt shadow would need a pending debug exception (SDM vol. 3, 27.3.1.5).
 */
static void borrow_trap_flag(struct vcpu *vcpu, bool borrow)
{
	if (!(vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP))
		return;
	vcpu_touch(vcpu, STATE_RFLAGS | STATE_SHADOW);
	if (borrow) {
		vcpu->state.rflags |= RFLAGS_TF;
		vcpu->state.shadow &= ~(SHADOW_STI | SHADOW_MOV_SS);
	} else {
		vcpu->state.rflags &= ~(u64)RFLAGS_TF;
	}
}

/* The caller came back with the answer that an exit asked for. */
static int finish_pending(struct vcpu *vcpu)
{
	switch (vcpu->pending) {
	case PENDING_NONE:
		return HANDLED_RESUME;
	case PENDING_IO_IN:
	case PENDING_IO_OUT:
		if (!vcpu->exit.io.string)
			return vcpu_finish_pending(vcpu);
	}
	return with_memory(vcpu, vcpu_finish_pending);
}

long vcpu_run(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 saved_mask = 0;
	int ret;

	ret = vcpu_sync_regs_in(vcpu);
	if (ret)
		return ret;
	if (vcpu->has_sigmask)
		host_sigmask_begin(vcpu->sigmask, &saved_mask);
	if (!vcpu->vm->irqchip) {
		vcpu->state.cr8 = run->cr8 & 0xf;
		if (run->request_interrupt_window)
			vcpu->check_events = 1;
	}
	borrow_trap_flag(vcpu, true);

	ret = finish_pending(vcpu);
	if (ret == HANDLED_RESUME)
		ret = run_until_exit(vcpu);

	if (vcpu->has_sigmask)
		host_sigmask_end(saved_mask);
	borrow_trap_flag(vcpu, false);
	vcpu_need(vcpu, STATE_RIP | STATE_RFLAGS | STATE_SHADOW);
	report_state(vcpu);
	vcpu->pending_rip = vcpu->state.rip;
	vcpu_sync_regs_out(vcpu);
	vcpu->user_exits++;
	return ret < 0 ? ret : 0;
}
