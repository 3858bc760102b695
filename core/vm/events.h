/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Between the run loop, the exit handlers and the events. */
#ifndef SWIVL_CORE_VM_EVENTS_H
#define SWIVL_CORE_VM_EVENTS_H

#include "core/vm/vm.h"
#include "core/x86/regs.h"

/* What a handler tells the loop; negative numbers are errors for the caller of KVM_RUN. */
enum handled {
	HANDLED_RESUME, /* enter again */
	HANDLED_USER, /* vcpu->run says why */
	HANDLED_LEAVE, /* out of the section, then look again (halted, dead, ...) */
};

/*
 * Decide what the next entry delivers (vcpu->event) and which windows are wanted. Loaded. Anything
 * but HANDLED_RESUME: there is something to do first.
 */
int vcpu_prepare_events(struct vcpu *vcpu);
/* Anything at all to deliver, for a vCPU that waits? */
bool vcpu_has_event(struct vcpu *vcpu);
static inline bool vcpu_interrupt_allowed(struct vcpu *vcpu)
{
	vcpu_need(vcpu, STATE_RFLAGS | STATE_SHADOW);
	return (vcpu->state.rflags & RFLAGS_IF) &&
	       !(vcpu->state.shadow & (SHADOW_STI | SHADOW_MOV_SS));
}
/* #DB with these bits for DR6. */
void vcpu_raise_debug(struct vcpu *vcpu, u64 dr6);

/*
 * exits.c: what to do about vcpu->exit, by its kind. -SWIVL_EAGAIN from within a section: call again where
 * one may sleep. mem_lock held for reading.
 */
extern int (*const exit_handlers[EXIT_KINDS])(struct vcpu *vcpu);
/* The caller's single step ended in an instruction that we carried out. */
int vcpu_debug_step(struct vcpu *vcpu);
/* The caller came back with the answer that an exit asked for: HANDLED_* or an error. */
int vcpu_finish_pending(struct vcpu *vcpu);

/*
 * An instruction was carried out by us; the next one is at @rip. STATE_RIP, STATE_RFLAGS and
 * STATE_SHADOW in memory. On the road of every exit, so what is common stands here, and what goes
 * with traps, shadows and 32-bit addresses in exits.c.
 */
void vcpu_instruction_done_slow(struct vcpu *vcpu, u64 rip);
static inline void vcpu_instruction_done(struct vcpu *vcpu, u64 rip)
{
	struct vcpu_state *s = &vcpu->state;

	if ((s->shadow & (SHADOW_STI | SHADOW_MOV_SS)) || (s->rflags & (RFLAGS_TF | RFLAGS_RF)) ||
	    !(s->efer & EFER_LMA)) {
		vcpu_instruction_done_slow(vcpu, rip);
		return;
	}
	s->rip = rip;
	vcpu->dirty |= STATE_RIP;
}

/* Past the instruction that exited. */
static inline void vcpu_skip(struct vcpu *vcpu)
{
	vcpu_need(vcpu, STATE_RIP | STATE_RFLAGS | STATE_SHADOW);
	vcpu_instruction_done(vcpu, vcpu->state.rip + vcpu->exit.length);
}

/* io.c, mmio.c */
int handle_io(struct vcpu *vcpu);
int finish_io(struct vcpu *vcpu);
/* INS and OUTS, in mmio.c with the other instructions that touch memory. */
int handle_io_string(struct vcpu *vcpu);
int finish_io_string(struct vcpu *vcpu);
int handle_mmio(struct vcpu *vcpu, u64 gpa);
/*
 * For who watches registers of devices: the access to @gpa that faulted is a plain store of four bytes,
 * and the instruction the one of last time. Nothing is carried out; its length is in vcpu->exit.
 */
bool mmio_plain_store(struct vcpu *vcpu, u64 gpa, u32 *value);
int finish_mmio(struct vcpu *vcpu);
/* task.c */
int handle_task_switch(struct vcpu *vcpu);

#endif
