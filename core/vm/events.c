// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Events on their way into the guest. Three places, in the order in which they are delivered:
 *   vcpu->exception  raised by our emulation
 *   vcpu->event      the one for the next entry; an exit that interrupted a delivery puts the
 *                    event back here
 *   vcpu->held       such an event that has to wait behind an exception
 * then NMIs and external interrupts, when the guest can take them.
 */
#include "core/vm/events.h"
#include "core/vm/vm.h"
#include "core/x86/regs.h"

/* SDM vol. 3, table 6-5 (interrupt and exception classes). */
static bool is_contributory(u8 vector)
{
	return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/* Exception @second while @first was being delivered (SDM vol. 3, table 6-5). */
static bool makes_double_fault(u8 first, u8 second)
{
	if (is_contributory(first))
		return is_contributory(second);
	return first == VECTOR_PF && (second == VECTOR_PF || is_contributory(second));
}

static void raise(struct vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	struct event *first = vcpu->exception.type ? &vcpu->exception : &vcpu->event;

	if (first->type == EVENT_EXCEPTION) {
		if (first->vector == VECTOR_DF && (vector == VECTOR_PF || is_contributory(vector))) {
			vcpu->triple_fault_pending = true;
			return;
		}
		if (makes_double_fault(first->vector, vector)) {
			vector = VECTOR_DF;
			has_error = true;
			error = 0;
			first->type = EVENT_NONE;
		}
	}
	vcpu->exception = (struct event){ .type = EVENT_EXCEPTION, .vector = vector,
					  .has_error = has_error, .error = error };
	vcpu->check_events = 1;
}

void vcpu_raise(struct vcpu *vcpu, u8 vector)
{
	raise(vcpu, vector, VECTORS_WITH_ERROR >> vector & 1, 0);
}

void vcpu_raise_error(struct vcpu *vcpu, u8 vector, u32 error)
{
	raise(vcpu, vector, true, error);
}

void vcpu_raise_page_fault(struct vcpu *vcpu, u64 address, u32 error)
{
	vcpu->state.cr2 = address;
	raise(vcpu, VECTOR_PF, true, error);
}

void vcpu_raise_debug(struct vcpu *vcpu, u64 dr6)
{
	/* SDM vol. 3, 17.2.3: the processor sets bits and never clears them, but for B0-B3. */
	vcpu->state.dr6 = (vcpu->state.dr6 & ~0xfull) | DR6_ONES | dr6;
	vcpu_need(vcpu, STATE_DR7);
	if (vcpu->state.dr7 & DR7_GD) {
		vcpu_touch(vcpu, STATE_DR7);
		vcpu->state.dr7 &= ~(u64)DR7_GD;
	}
	raise(vcpu, VECTOR_DB, false, 0);
}

void vcpu_queue_nmi(struct vcpu *vcpu)
{
	u8 pending = __atomic_load_n(&vcpu->nmi_pending, __ATOMIC_RELAXED);

	/* One may be in service with one more latched behind it (SDM vol. 3, 6.7.1). */
	while (pending < 2 &&
	       !__atomic_compare_exchange_n(&vcpu->nmi_pending, &pending, pending + 1, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	vcpu_kick(vcpu);
}

static bool nmi_allowed(struct vcpu *vcpu)
{
	vcpu_need(vcpu, STATE_SHADOW);
	return !(vcpu->state.shadow & (SHADOW_STI | SHADOW_MOV_SS | SHADOW_NMI | SHADOW_SMI));
}

/* Then only one more is remembered. */
static bool nmi_in_service(struct vcpu *vcpu)
{
	vcpu_need(vcpu, STATE_SHADOW);
	return (vcpu->state.shadow & SHADOW_NMI) || vcpu->event.type == EVENT_NMI;
}

static bool interrupt_waits(struct vcpu *vcpu)
{
	return vcpu->user_irq >= 0 || (vcpu->lapic && vcpu_irq_pending(vcpu));
}

static void take_interrupt(struct vcpu *vcpu)
{
	int vector = vcpu->user_irq;

	if (vector >= 0)
		vcpu->user_irq = -1;
	else
		vector = vcpu_irq_ack(vcpu);
	if (vector >= 0)
		vcpu->event = (struct event){ .type = EVENT_INTERRUPT, .vector = vector };
}

/* Exceptions first: they belong to the instruction that is being executed. */
static void order_exception(struct vcpu *vcpu)
{
	if (!vcpu->exception.type)
		return;
	if (vcpu->event.type && vcpu->event.type != EVENT_EXCEPTION)
		vcpu->held = vcpu->event;
	vcpu->event = vcpu->exception;
	vcpu->exception.type = EVENT_NONE;
	if (vcpu->event.vector != VECTOR_DB) {
		/* Faults set RF in the image that the handler sees (SDM vol. 3, 17.3.1.1). */
		vcpu_touch(vcpu, STATE_RFLAGS);
		vcpu->state.rflags |= RFLAGS_RF;
	}
}

static int triple_fault(struct vcpu *vcpu)
{
	vcpu->triple_fault_pending = false;
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return HANDLED_USER;
}

/* A caller with interrupt chips of its own asks to be told when the guest can take one. */
static int answer_window_request(struct vcpu *vcpu)
{
	if (!vcpu->run->request_interrupt_window)
		return HANDLED_RESUME;
	if (!vcpu->event.type && vcpu->user_irq < 0 && vcpu_interrupt_allowed(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
		return HANDLED_USER;
	}
	vcpu->want_irq_window = true;
	return HANDLED_RESUME;
}

int vcpu_prepare_events(struct vcpu *vcpu)
{
	bool irq;

	__atomic_store_n(&vcpu->check_events, 0, __ATOMIC_SEQ_CST);
	if ((vcpu->lapic && vcpu_chips_want_init(vcpu)) || vcpu_trace_must_wait(vcpu))
		return HANDLED_LEAVE;
	if (vcpu->triple_fault_pending)
		return triple_fault(vcpu);
	if (vcpu->step_done)
		return vcpu_debug_step(vcpu);
	if (vcpu->lapic)
		vcpu_chips_take_nmi(vcpu);
	order_exception(vcpu);
	if (!vcpu->event.type && vcpu->held.type) {
		vcpu->event = vcpu->held;
		vcpu->held.type = EVENT_NONE;
	}

	/* A caller who steps through the guest can have it undisturbed. */
	if (vcpu->guest_debug & KVM_GUESTDBG_BLOCKIRQ) {
		vcpu->want_nmi_window = vcpu->want_irq_window = false;
		return HANDLED_RESUME;
	}

	if (vcpu->nmi_pending > 1 && nmi_in_service(vcpu))
		__atomic_sub_fetch(&vcpu->nmi_pending, 1, __ATOMIC_ACQ_REL);
	if (!vcpu->event.type && vcpu->nmi_pending && nmi_allowed(vcpu)) {
		__atomic_sub_fetch(&vcpu->nmi_pending, 1, __ATOMIC_ACQ_REL);
		vcpu->event = (struct event){ .type = EVENT_NMI, .vector = VECTOR_NMI };
	}
	vcpu->want_nmi_window = vcpu->nmi_pending != 0;

	irq = interrupt_waits(vcpu);
	if (irq && !vcpu->event.type && vcpu_interrupt_allowed(vcpu)) {
		take_interrupt(vcpu);
		irq = interrupt_waits(vcpu);
	}
	vcpu->want_irq_window = irq;
	return vcpu->vm->irqchip ? HANDLED_RESUME : answer_window_request(vcpu);
}

bool vcpu_has_event(struct vcpu *vcpu)
{
	return vcpu->event.type || vcpu->exception.type || vcpu->held.type || vcpu->nmi_pending ||
	       vcpu->user_irq >= 0 || vcpu->triple_fault_pending;
}
