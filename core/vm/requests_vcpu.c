// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Requests to a vCPU: run, what is on its way into it, debugging, time. */
#include "core/vm/request.h"
#include "core/x86/regs.h"
#include "core/x86/walk.h"

long rq_interrupt(struct request *rq)
{
	const struct kvm_interrupt *k = rq->data;

	if (k->irq > 255)
		return -SWIVL_EINVAL;
	if (rq->vm->irqchip)
		return -SWIVL_ENXIO;
	rq->vcpu->user_irq = k->irq; /* replaces one that waits, as in KVM */
	return 0;
}

long rq_nmi(struct request *rq)
{
	vcpu_queue_nmi(rq->vcpu);
	return 0;
}

long rq_set_sigmask(struct request *rq)
{
	const struct kvm_signal_mask *k = rq->data;

	rq->vcpu->has_sigmask = false;
	if (!k)
		return 0;
	if (k->len != sizeof(rq->vcpu->sigmask))
		return -SWIVL_EINVAL;
	memcpy(&rq->vcpu->sigmask, k->sigset, sizeof(rq->vcpu->sigmask));
	rq->vcpu->has_sigmask = true;
	return 0;
}

long rq_get_mp_state(struct request *rq)
{
	struct kvm_mp_state *k = rq->data;

	k->mp_state = rq->vcpu->mp_state;
	return 0;
}

/* Without interrupt chips there is nothing that could end a wait: such a vCPU runs, always. */
long rq_set_mp_state(struct request *rq)
{
	const struct kvm_mp_state *k = rq->data;

	switch (k->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
		if (rq->vm->irqchip)
			break;
		return -SWIVL_EINVAL;
	default:
		return -SWIVL_EINVAL;
	}
	rq->vcpu->mp_state = k->mp_state;
	return 0;
}

/* ---- events --------------------------------------------------------------------------------- */

/*
 * The interface knows an exception that was raised (pending) and one whose delivery has begun
 * (injected). A caller that has not asked for the difference is told "injected" for both.
 */
static void exception_get(struct vcpu *vcpu, struct kvm_vcpu_events *k)
{
	bool raised = vcpu->exception.type == EVENT_EXCEPTION;
	const struct event *e = raised ? &vcpu->exception : &vcpu->event;

	if (e->type != EVENT_EXCEPTION)
		return;
	k->exception.nr = e->vector;
	k->exception.has_error_code = e->has_error;
	k->exception.error_code = e->error;
	if (raised && (vcpu->vm->cap_flags & VM_CAP_EXCEPTION_PAYLOAD))
		k->exception.pending = 1;
	else
		k->exception.injected = 1;
}

static bool in_delivery(const struct vcpu *vcpu, u8 type, u8 *vector)
{
	const struct event *e = vcpu->event.type == type ? &vcpu->event : &vcpu->held;

	*vector = e->type == type ? e->vector : 0;
	return e->type == type;
}

long rq_get_events(struct request *rq)
{
	struct kvm_vcpu_events *k = rq->data;
	struct vcpu *vcpu = rq->vcpu;
	u32 shadow;
	u8 vector;

	vcpu_need(vcpu, STATE_SHADOW);
	shadow = vcpu->state.shadow;
	memset(k, 0, sizeof(*k));
	exception_get(vcpu, k);
	k->interrupt.injected = in_delivery(vcpu, EVENT_INTERRUPT, &k->interrupt.nr);
	if (shadow & SHADOW_STI)
		k->interrupt.shadow |= KVM_X86_SHADOW_INT_STI;
	if (shadow & SHADOW_MOV_SS)
		k->interrupt.shadow |= KVM_X86_SHADOW_INT_MOV_SS;
	k->nmi.injected = in_delivery(vcpu, EVENT_NMI, &vector);
	k->nmi.pending = vcpu->nmi_pending != 0;
	k->nmi.masked = (shadow & SHADOW_NMI) != 0;
	k->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	if (vcpu->vm->cap_flags & VM_CAP_EXCEPTION_PAYLOAD)
		k->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (vcpu->vm->cap_flags & VM_CAP_TRIPLE_FAULT) {
		k->triple_fault.pending = vcpu->triple_fault_pending;
		k->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	return 0;
}

static bool events_are_valid(const struct vcpu *vcpu, const struct kvm_vcpu_events *k)
{
	u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
		    KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;

	if (vcpu->vm->cap_flags & VM_CAP_EXCEPTION_PAYLOAD)
		known |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (vcpu->vm->cap_flags & VM_CAP_TRIPLE_FAULT)
		known |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	if (k->flags & ~known)
		return false;
	/* There is no system management mode: a caller may only say so. */
	if ((k->flags & KVM_VCPUEVENT_VALID_SMM) &&
	    (k->smi.smm || k->smi.pending || k->smi.smm_inside_nmi))
		return false;
	if ((k->exception.injected || k->exception.pending) &&
	    (k->exception.nr > 31 || k->exception.nr == VECTOR_NMI))
		return false;
	return true;
}

/* What the exception leaves in registers when it is delivered; here it does at once. */
static void apply_payload(struct vcpu *vcpu, const struct kvm_vcpu_events *k)
{
	if (k->exception.nr == VECTOR_PF)
		vcpu->state.cr2 = k->exception_payload;
	else if (k->exception.nr == VECTOR_DB)
		vcpu->state.dr6 |= (k->exception_payload & DR6_WRITABLE) | DR6_ONES;
}

static void exception_set(struct vcpu *vcpu, const struct kvm_vcpu_events *k)
{
	const struct event e = { .type = EVENT_EXCEPTION, .vector = k->exception.nr,
				 .has_error = k->exception.has_error_code,
				 .error = k->exception.error_code };
	bool pending = (k->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && k->exception.pending;

	if (pending) {
		vcpu->exception = e;
		if (k->exception_has_payload)
			apply_payload(vcpu, k);
	} else if (k->exception.injected) {
		vcpu->event = e;
	}
}

/* One event is delivered at a time: what comes second waits. */
static void deliver(struct vcpu *vcpu, u8 type, u8 vector)
{
	struct event *e = vcpu->event.type ? &vcpu->held : &vcpu->event;

	*e = (struct event){ .type = type, .vector = vector };
}

long rq_set_events(struct request *rq)
{
	const struct kvm_vcpu_events *k = rq->data;
	struct vcpu *vcpu = rq->vcpu;

	if (!events_are_valid(vcpu, k))
		return -SWIVL_EINVAL;
	vcpu->event.type = EVENT_NONE;
	vcpu->held.type = EVENT_NONE;
	vcpu->exception.type = EVENT_NONE;
	exception_set(vcpu, k);
	if (k->interrupt.injected)
		deliver(vcpu, EVENT_INTERRUPT, k->interrupt.nr);
	if (k->nmi.injected)
		deliver(vcpu, EVENT_NMI, VECTOR_NMI);
	vcpu_touch(vcpu, STATE_SHADOW);
	if (k->flags & KVM_VCPUEVENT_VALID_SHADOW) {
		vcpu->state.shadow &= ~(SHADOW_STI | SHADOW_MOV_SS);
		if (k->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS)
			vcpu->state.shadow |= SHADOW_MOV_SS;
		else if (k->interrupt.shadow & KVM_X86_SHADOW_INT_STI)
			vcpu->state.shadow |= SHADOW_STI;
	}
	vcpu->state.shadow &= ~SHADOW_NMI;
	if (k->nmi.masked)
		vcpu->state.shadow |= SHADOW_NMI;
	if (k->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		__atomic_store_n(&vcpu->nmi_pending, k->nmi.pending != 0, __ATOMIC_RELEASE);
	if (k->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
		vcpu->triple_fault_pending = k->triple_fault.pending;
	return 0;
}

/* ---- debugging ------------------------------------------------------------------------------ */

long rq_get_debugregs(struct request *rq)
{
	const struct vcpu_state *s = &rq->vcpu->state;
	struct kvm_debugregs *k = rq->data;

	vcpu_need(rq->vcpu, STATE_DR7);
	memcpy(k->db, s->dr, sizeof(k->db));
	k->dr6 = s->dr6;
	k->dr7 = s->dr7;
	return 0;
}

long rq_set_debugregs(struct request *rq)
{
	const struct kvm_debugregs *k = rq->data;
	struct vcpu_state *s = &rq->vcpu->state;

	if (k->flags || k->dr6 >> 32 || k->dr7 >> 32)
		return -SWIVL_EINVAL;
	vcpu_touch(rq->vcpu, STATE_DR7);
	memcpy(s->dr, k->db, sizeof(s->dr));
	s->dr6 = (k->dr6 & DR6_WRITABLE) | DR6_ONES;
	s->dr7 = (k->dr7 & DR7_WRITABLE) | DR7_ONE;
	return 0;
}

long rq_guest_debug(struct request *rq)
{
	const u32 inject = KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP;
	const struct kvm_guest_debug *k = rq->data;
	struct vcpu *vcpu = rq->vcpu;

	if (k->control & ~(u32)GUEST_DEBUG_VALID)
		return -SWIVL_EINVAL;
	if (k->control & inject) {
		if (vcpu->exception.type)
			return -SWIVL_EBUSY;
		vcpu_raise(vcpu, k->control & KVM_GUESTDBG_INJECT_DB ? VECTOR_DB : VECTOR_BP);
	}
	vcpu->guest_debug = k->control & KVM_GUESTDBG_ENABLE ? k->control & ~inject : 0;
	vcpu->step_done = false;
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP) {
		memcpy(vcpu->debug_dr, k->arch.debugreg, sizeof(vcpu->debug_dr));
		vcpu->debug_dr7 = (k->arch.debugreg[7] & DR7_WRITABLE) | DR7_ONE;
	}
	vcpu_touch(vcpu, STATE_RFLAGS | STATE_DR7);
	vcpu->dirty |= STATE_INTERCEPTS;
	return 0;
}

/* The guest's own translation; writeable and usermode are KVM's constants, not a finding. */
long rq_translate(struct request *rq)
{
	struct kvm_translation *k = rq->data;
	struct page_fault fault;
	struct walk_ctx ctx;
	u64 gpa = 0;
	int err;

	host_read_lock(&rq->vm->mem_lock);
	vcpu_walk_ctx(rq->vcpu, &ctx);
	err = guest_walk(&ctx, k->linear_address, 0, &gpa, &fault);
	host_read_unlock(&rq->vm->mem_lock);
	k->physical_address = err ? ~0ull : gpa;
	k->valid = !err;
	k->writeable = 1;
	k->usermode = 0;
	return 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

/* The guest's TSC runs as the processor's does: only that frequency, within 250 ppm, is served. */
long rq_set_tsc_khz(struct request *rq)
{
	u64 have = host_tsc_khz(), slack = have / 4000;

	if (rq->arg && (rq->arg < have - slack || rq->arg > have + slack))
		return -SWIVL_EINVAL;
	return 0;
}

/* The one attribute of a vCPU: what is added to the processor's TSC. */
long rq_has_attr(struct request *rq)
{
	const struct kvm_device_attr *k = rq->data;

	return k->group == KVM_VCPU_TSC_CTRL && k->attr == KVM_VCPU_TSC_OFFSET ? 0 : -SWIVL_ENXIO;
}

long rq_get_attr(struct request *rq)
{
	const struct kvm_device_attr *k = rq->data;
	long ret = rq_has_attr(rq);

	if (ret)
		return ret;
	vcpu_need(rq->vcpu, STATE_TSC);
	return host_copy_to_caller(k->addr, &rq->vcpu->state.tsc_offset, sizeof(u64));
}

long rq_set_attr(struct request *rq)
{
	const struct kvm_device_attr *k = rq->data;
	long ret = rq_has_attr(rq);
	u64 offset;

	if (!ret)
		ret = host_copy_from_caller(&offset, k->addr, sizeof(offset));
	if (!ret)
		vcpu_set_tsc_offset(rq->vcpu, offset);
	return ret;
}
