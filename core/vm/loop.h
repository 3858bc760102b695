/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * From one exit to the next entry. For the vendors, who make one function of this and of what an
 * entry is with them: a call for each, with its saved registers, would be a good part of an exit.
 */
#ifndef SWIVL_CORE_VM_LOOP_H
#define SWIVL_CORE_VM_LOOP_H

#include "core/vm/events.h"
#include "core/x86/cpu.h"

static inline bool vcpu_must_leave(struct vcpu *vcpu)
{
	return host_section_should_leave() || vcpu->run->immediate_exit ||
	       __atomic_load_n(&vcpu->vm->keep_out, __ATOMIC_RELAXED);
}

/* -SWIVL_EAGAIN: once more, out of the section. */
static inline int vcpu_handle_exit(struct vcpu *vcpu)
{
	if (vcpu->tracing)
		return vcpu_trace_exit(vcpu);
	return exit_handlers[vcpu->exit.kind](vcpu);
}

/*
 * Enters again and again until something needs more than that: then what. @enter finds interrupts
 * off, and has them on again when it returns with an exit.
 *
 * With interrupts off, and from there to the entry, nobody can be missed: who wants the vCPU out of
 * the guest first writes the wish and then looks at in_guest; we first write in_guest and then look
 * for wishes.
 *
 * Between two looks at events there is one at what ends the section: others could make new ones as
 * fast as we take them, and would keep this processor from everybody else.
 */
HOT int vcpu_loop(struct vcpu *vcpu, void (*enter)(struct vcpu *vcpu))
{
	int ret = HANDLED_RESUME;

	while (ret == HANDLED_RESUME) {
		x86_irq_off();
		__atomic_store_n(&vcpu->in_guest, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&vcpu->check_events, __ATOMIC_RELAXED) ||
		    vcpu_must_leave(vcpu)) {
			__atomic_store_n(&vcpu->in_guest, 0, __ATOMIC_RELEASE);
			x86_irq_on();
			if (!vcpu->check_events)
				return HANDLED_LEAVE;
			ret = vcpu_prepare_events(vcpu);
			if (ret != HANDLED_RESUME)
				vcpu->check_events = 1; /* for all else that waits */
			else if (vcpu_must_leave(vcpu))
				ret = HANDLED_LEAVE;
			continue;
		}
		enter(vcpu);
		__atomic_store_n(&vcpu->in_guest, 0, __ATOMIC_RELEASE);
		vcpu->exits[vcpu->exit.kind]++;
		if (vcpu->event.type || vcpu->held.type)
			vcpu->check_events = 1;
		ret = vcpu_handle_exit(vcpu);
	}
	return ret;
}

#endif
