// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* What is on its way into a vCPU, debugging and running, through the requests. */
#include "request_test.h"

/* ---- events ------------------------------------------------------------------------------------------------ */

static struct event injected;

static void see_injected(struct vcpu *v, struct model_hw *hw)
{
	injected = hw->injected;
}

static void interrupts_of_the_caller(void **state)
{
	struct kvm_interrupt i = { 0x20 };
	struct kvm_regs regs;

	model_guest = see_injected;
	assert_int_equal(call(KVM_INTERRUPT, &(struct kvm_interrupt){ 256 }), -SWIVL_EINVAL);
	assert_int_equal(call(KVM_INTERRUPT, &i), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NONE); /* IF is clear */
	call(KVM_GET_REGS, &regs);
	regs.rflags |= RFLAGS_IF;
	call(KVM_SET_REGS, &regs);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_INTERRUPT);
	assert_int_equal(injected.vector, 0x20);
	assert_int_equal(model_ioctl(vcpu, KVM_NMI, 0), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NMI);
}

/* Nothing is asked anew between two KVM_RUN but what the caller may have changed without one. */
static void events_that_wait_are_not_forgotten(void **state)
{
	struct kvm_run *run = model_vcpu(vcpu)->run;
	struct kvm_regs regs;

	model_guest = see_injected;
	call(KVM_GET_REGS, &regs);
	regs.rflags |= RFLAGS_IF;
	call(KVM_SET_REGS, &regs);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	run->request_interrupt_window = 1;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_IRQ_WINDOW_OPEN);
	run->request_interrupt_window = 0;
	/* An exit comes before what else waits. */
	assert_int_equal(model_ioctl(vcpu, KVM_NMI, 0), 0);
	model_vcpu(vcpu)->triple_fault_pending = true;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_SHUTDOWN);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NMI);
	/* Registers through struct kvm_run are a change, too. */
	injected.type = EVENT_NONE;
	run->s.regs.events = (struct kvm_vcpu_events){ .flags = KVM_VCPUEVENT_VALID_NMI_PENDING };
	run->s.regs.events.nmi.pending = 1;
	run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NMI);
}

static void guest_in_stis_shadow(struct vcpu *v, struct model_hw *hw)
{
	injected = hw->injected;
	if (model_entries > 1)
		return;
	hw->state.rflags |= RFLAGS_IF;
	hw->state.shadow = SHADOW_STI;
	v->exit = (struct exit){ .kind = EXIT_CPUID, .length = 2 };
}

/* The instruction behind STI is carried out by us: what waited for its end comes with the next entry. */
static void interrupts_at_the_end_of_a_shadow(void **state)
{
	struct kvm_interrupt i = { 0x20 };

	model_guest = guest_in_stis_shadow;
	assert_int_equal(call(KVM_INTERRUPT, &i), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_entries, 2);
	assert_int_equal(injected.type, EVENT_INTERRUPT);
	assert_int_equal(injected.vector, 0x20);
}

static void interrupts_blocked_by_the_debugger(void **state)
{
	struct kvm_guest_debug g = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ };

	model_guest = see_injected;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_NMI, 0), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NONE);
	g.control = 0;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_NMI);
}

static u64 rflags_at_entry;

static void guest_steps(struct vcpu *v, struct model_hw *hw)
{
	rflags_at_entry = hw->state.rflags;
	if (model_entries % 2) {
		v->exit = (struct exit){ .kind = EXIT_EXCEPTION };
		v->exit.exception.vector = 1;
		v->exit.exception.info = 1 << 14;
		hw->state.rip += 3;
	} else {
		v->exit = (struct exit){ .kind = EXIT_CPUID, .length = 2 };
	}
}

/* Steps over an instruction of the processor's and one of ours; TF is never the guest's. */
static void single_steps(void **state)
{
	struct kvm_guest_debug g = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_run *run = model_vcpu(vcpu)->run;
	struct kvm_regs regs;
	u64 rip = 0xfff0;
	int i;

	model_guest = guest_steps;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
		assert_int_equal(run->exit_reason, KVM_EXIT_DEBUG);
		assert_int_equal(run->debug.arch.exception, 1);
		assert_int_equal(run->debug.arch.dr6, 0xffff4ff0);
		assert_true(rflags_at_entry & RFLAGS_TF);
		rip += i % 2 ? 2 : 3;
		assert_int_equal(run->debug.arch.pc, 0xffff0000 + rip);
		assert_int_equal(call(KVM_GET_REGS, &regs), 0);
		assert_int_equal(regs.rflags & RFLAGS_TF, 0);
	}
	g.control = 0;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	model_guest = look;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(at_entry.rflags & RFLAGS_TF, 0);
}

static void events_come_back(void **state)
{
	struct kvm_vcpu_events a, b;

	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &a), 0);
	assert_int_equal(a.flags, 5);
	a.exception.injected = 1;
	a.exception.nr = 14;
	a.exception.has_error_code = 1;
	a.exception.error_code = 6;
	a.interrupt.injected = 1;
	a.interrupt.nr = 0x31;
	a.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	a.nmi.masked = 1;
	a.nmi.pending = 1;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &a), 0);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	model_guest = see_injected;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_EXCEPTION);
	assert_int_equal(injected.vector, 14);
	assert_int_equal(injected.error, 6);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(injected.type, EVENT_INTERRUPT);
	assert_int_equal(injected.vector, 0x31);
}

/* What is set replaces what was there, all of it. */
static void events_are_replaced(void **state)
{
	struct kvm_vcpu_events both = { .exception = { .injected = 1, .nr = 14 },
					.interrupt = { .injected = 1, .nr = 0x31 } };
	struct kvm_vcpu_events none = { .flags = 0 }, e;

	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &both), 0);
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &none), 0);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &e), 0);
	assert_int_equal(e.exception.injected, 0);
	assert_int_equal(e.interrupt.injected, 0);
}

static void guest_in_a_shadow(struct vcpu *v, struct model_hw *hw)
{
	at_entry = hw->state;
	hw->state.shadow = SHADOW_NMI;
	hw->state.debugctl = 2;
}

/* Parts of a group: what is not set stays as the guest left it, what is set gets there. */
static void shadows_and_debug_state_in_hardware(void **state)
{
	struct kvm_vcpu_events e = { .flags = 0 };
	struct kvm_debugregs d = { .dr7 = 0x455 };

	model_guest = guest_in_a_shadow;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	e.nmi.masked = 1; /* and the interrupt shadow is not spoken of */
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &e), 0);
	assert_int_equal(e.nmi.masked, 1);
	e.flags = 0;
	e.nmi.masked = 0;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(call(KVM_SET_DEBUGREGS, &d), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(at_entry.shadow & SHADOW_NMI, 0);
	assert_int_equal(at_entry.dr7, 0x455);
	assert_int_equal(at_entry.debugctl, 2);
}

static void events_refused(void **state)
{
	struct kvm_vcpu_events e = { .flags = 1u << 31 };
	struct kvm_enable_cap c = { .cap = KVM_CAP_EXCEPTION_PAYLOAD, .args = { 1 } };

	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e.flags = KVM_VCPUEVENT_VALID_SMM;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	e.smi.smm = 1;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e = (struct kvm_vcpu_events){ .exception = { .injected = 1, .nr = 32 } };
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	e.exception.nr = 2;
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), -SWIVL_EINVAL);
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), 0);
	e = (struct kvm_vcpu_events){ .flags = KVM_VCPUEVENT_VALID_PAYLOAD,
				      .exception = { .pending = 1, .nr = 14 },
				      .exception_has_payload = 1, .exception_payload = 0x777 };
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(model_vcpu(vcpu)->state.cr2, 0x777);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &e), 0);
	assert_int_equal(e.exception.pending, 1);
	assert_int_equal(e.exception.injected, 0);
}

static void triple_fault_by_event(void **state)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_X86_TRIPLE_FAULT_EVENT, .args = { 1 } };
	struct kvm_vcpu_events e = { .flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT,
				     .triple_fault.pending = 1 };

	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), 0);
	assert_int_equal(call(KVM_SET_VCPU_EVENTS, &e), 0);
	assert_int_equal(call(KVM_GET_VCPU_EVENTS, &e), 0);
	assert_int_equal(e.triple_fault.pending, 1);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_vcpu(vcpu)->run->exit_reason, KVM_EXIT_SHUTDOWN);
}

static void mp_states(void **state)
{
	struct kvm_mp_state m = { 77 };

	assert_int_equal(call(KVM_GET_MP_STATE, &m), 0);
	assert_int_equal(m.mp_state, KVM_MP_STATE_RUNNABLE);
	assert_int_equal(call(KVM_SET_MP_STATE, &m), 0);
	for (m.mp_state = 1; m.mp_state < 20; m.mp_state++)
		assert_int_equal(call(KVM_SET_MP_STATE, &m), -SWIVL_EINVAL);
}

static void signal_masks(void **state)
{
	struct {
		u32 len;
		u8 set[12];
	} m = { 8, { 1, 2, 3, 4, 5, 6, 7, 8 } };

	assert_int_equal(call(KVM_SET_SIGNAL_MASK, &m), 0);
	assert_true(model_vcpu(vcpu)->has_sigmask);
	assert_int_equal(model_vcpu(vcpu)->sigmask, 0x0807060504030201);
	m.len = 7;
	assert_int_equal(call(KVM_SET_SIGNAL_MASK, &m), -SWIVL_EINVAL);
	m.len = 9;
	assert_int_equal(call(KVM_SET_SIGNAL_MASK, &m), -SWIVL_EINVAL);
	m.len = 0xffffffff;
	assert_int_equal(call(KVM_SET_SIGNAL_MASK, &m), -SWIVL_EINVAL);
	assert_int_equal(call(KVM_SET_SIGNAL_MASK, NULL), 0);
	assert_false(model_vcpu(vcpu)->has_sigmask);
}

/* ---- running ------------------------------------------------------------------------------------------------- */

static void run_returns(void **state)
{
	struct kvm_run *run = swivl_vcpu_page(model_vcpu(vcpu), 0);

	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 1), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	run->immediate_exit = 1;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINTR);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	run->immediate_exit = 0;
	model_signal = true;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINTR);
	assert_int_equal(run->exit_reason, KVM_EXIT_INTR);
	assert_int_equal(model_entries, 1);
}

static void reads_an_unknown_msr(struct vcpu *v, struct model_hw *hw)
{
	v->exit = (struct exit){ .kind = model_entries % 2 ? EXIT_MSR_READ : EXIT_HLT, .length = 2 };
	v->gpr[RCX] = 0x48;
	injected = hw->injected;
}

static void refused_msrs_to_the_caller(void **state)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
				    .args = { KVM_MSR_EXIT_REASON_UNKNOWN } };
	struct kvm_run *run = model_vcpu(vcpu)->run;

	model_guest = reads_an_unknown_msr;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	assert_int_equal(injected.type, EVENT_EXCEPTION);
	assert_int_equal(injected.vector, 13);
	assert_int_equal(model_call(vm, KVM_ENABLE_CAP, &c), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_X86_RDMSR);
	assert_int_equal(run->msr.index, 0x48);
	assert_int_equal(run->msr.reason, KVM_MSR_EXIT_REASON_UNKNOWN);
	run->msr.data = 0x1122334455667788;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_vcpu(vcpu)->gpr[RAX], 0x55667788);
	assert_int_equal(model_vcpu(vcpu)->gpr[RDX], 0x11223344);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interrupts_of_the_caller),
		TEST(events_that_wait_are_not_forgotten),
		TEST(interrupts_at_the_end_of_a_shadow),
		TEST(interrupts_blocked_by_the_debugger),
		TEST(single_steps),
		TEST(events_come_back),
		TEST(events_are_replaced),
		TEST(shadows_and_debug_state_in_hardware),
		TEST(events_refused),
		TEST(triple_fault_by_event),
		TEST(mp_states),
		TEST(signal_masks),
		TEST(run_returns),
		TEST(refused_msrs_to_the_caller),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
