// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A record of each exit, for a caller who asked for it. The vCPU writes them, SWIVL_GET_TRACE
 * takes them out, while the vCPU runs, too: one writer, one reader at a time, and nothing of it in
 * memory that the caller could change. A vCPU whose ring is full leaves to its caller, so that
 * none is lost.
 */
#include "core/vm/events.h"
#include "core/vm/request.h"

struct trace {
	struct host_mutex lock; /* of the reader */
	u64 written, taken; /* ever; the difference waits in the ring */
	struct swivl_trace_record ring[SWIVL_TRACE_ROOM];
};

_Static_assert(sizeof(struct swivl_trace_record) == 64, "no holes");

bool vcpu_trace_is_full(const struct vcpu *vcpu)
{
	const struct trace *t = vcpu->trace;

	return t->written - __atomic_load_n(&t->taken, __ATOMIC_ACQUIRE) >= SWIVL_TRACE_ROOM;
}

static u64 gpr(struct vcpu *vcpu, u8 number)
{
	if (number == RSP)
		vcpu_need(vcpu, STATE_RSP);
	return vcpu->gpr[number];
}

static u64 edx_eax(const struct vcpu *vcpu)
{
	return vcpu->gpr[RDX] << 32 | (u32)vcpu->gpr[RAX];
}

static void describe_io(const struct vcpu *vcpu, struct swivl_trace_record *r)
{
	const struct exit *e = &vcpu->exit;

	r->what = e->io.port | (u32)e->io.size << 16;
	r->flags |= e->io.in ? SWIVL_TRACE_READ : SWIVL_TRACE_WRITE;
	if (e->io.string)
		r->flags |= SWIVL_TRACE_STRING;
	else if (!e->io.in)
		r->value = vcpu->gpr[RAX] & ((1ull << 8 * e->io.size) - 1);
}

static void describe_cr(struct vcpu *vcpu, struct swivl_trace_record *r)
{
	const struct exit *e = &vcpu->exit;

	r->what = e->cr.cr;
	r->flags |= e->cr.op == CR_READ ? SWIVL_TRACE_READ : SWIVL_TRACE_WRITE;
	if (e->cr.op == CR_WRITE)
		r->value = gpr(vcpu, e->cr.gpr);
	else if (e->cr.op == CR_LMSW)
		r->value = e->cr.msw;
}

static void describe_fault(const struct vcpu *vcpu, struct swivl_trace_record *r)
{
	const struct exit *e = &vcpu->exit;

	r->what = e->fault.gpa;
	if (e->fault.access & ACCESS_READ)
		r->flags |= SWIVL_TRACE_READ;
	if (e->fault.access & ACCESS_WRITE)
		r->flags |= SWIVL_TRACE_WRITE;
	if (e->fault.access & ACCESS_EXEC)
		r->flags |= SWIVL_TRACE_EXECUTE;
	if (!e->fault.gva_valid)
		return;
	r->flags |= SWIVL_TRACE_LINEAR;
	r->value = e->fault.gva;
}

/* What and value, by kind; docs/abi.md has the table. */
static void describe(struct vcpu *vcpu, struct swivl_trace_record *r)
{
	const struct exit *e = &vcpu->exit;

	switch (e->kind) {
	case EXIT_IO:
		describe_io(vcpu, r);
		break;
	case EXIT_CR:
		describe_cr(vcpu, r);
		break;
	case EXIT_DR:
		r->what = e->dr.dr;
		r->flags |= e->dr.read ? SWIVL_TRACE_READ : SWIVL_TRACE_WRITE;
		if (!e->dr.read)
			r->value = gpr(vcpu, e->dr.gpr);
		break;
	case EXIT_NESTED_FAULT:
		describe_fault(vcpu, r);
		break;
	case EXIT_NESTED_MISCONFIG:
		r->what = e->fault.gpa;
		break;
	case EXIT_MSR_READ:
		r->what = (u32)vcpu->gpr[RCX];
		break;
	case EXIT_MSR_WRITE:
	case EXIT_XSETBV:
		r->what = (u32)vcpu->gpr[RCX];
		r->value = edx_eax(vcpu);
		break;
	case EXIT_CPUID:
		r->what = (u32)vcpu->gpr[RAX];
		r->value = (u32)vcpu->gpr[RCX];
		break;
	case EXIT_HYPERCALL:
		r->what = vcpu->gpr[RAX];
		r->value = vcpu->gpr[RBX];
		break;
	case EXIT_EXCEPTION:
		r->what = e->exception.vector;
		r->value = e->exception.has_error ? e->exception.error : 0;
		break;
	case EXIT_TASK_SWITCH:
		r->what = e->task.selector;
		break;
	}
}

static void record(struct vcpu *vcpu, struct swivl_trace_record *r)
{
	const struct exit *e = &vcpu->exit;

	vcpu_need(vcpu, STATE_RIP);
	*r = (struct swivl_trace_record){
		.time = host_time_ns(),
		.rip = vcpu->state.rip,
		.reason = e->hw_reason,
		.info = { e->hw_info[0], e->hw_info[1] },
		.number = (u32)vcpu->trace->written,
		.kind = e->kind,
		.length = e->length,
	};
	describe(vcpu, r);
}

/* The record is seen when it is known whether the exit goes to the caller. */
int vcpu_trace_exit(struct vcpu *vcpu)
{
	struct trace *t = vcpu->trace;
	struct swivl_trace_record *r = &t->ring[t->written % SWIVL_TRACE_ROOM];
	int ret;

	if (vcpu->in_section)
		record(vcpu, r);
	ret = exit_handlers[vcpu->exit.kind](vcpu);
	if (ret == -SWIVL_EAGAIN && vcpu->in_section) /* comes again, out of it */
		return ret;
	if (ret == HANDLED_USER || ret < 0)
		r->flags |= SWIVL_TRACE_RETURNED;
	__atomic_store_n(&t->written, t->written + 1, __ATOMIC_RELEASE);
	if (vcpu_trace_is_full(vcpu))
		vcpu->check_events = 1;
	return ret;
}

size_t vcpu_trace_size(const struct vcpu *vcpu)
{
	return __atomic_load_n(&vcpu->trace, __ATOMIC_RELAXED) ? sizeof(struct trace) : 0;
}

/* The ring stays when tracing ends: what is in it can still be read. */
long rq_set_trace(struct request *rq)
{
	struct vcpu *vcpu = rq->vcpu;
	struct trace *t;

	if (rq->arg > 1)
		return -SWIVL_EINVAL;
	if (rq->arg && !vcpu->trace) {
		t = host_alloc(sizeof(*t));
		if (!t)
			return -SWIVL_ENOMEM;
		host_mutex_init(&t->lock);
		__atomic_store_n(&vcpu->trace, t, __ATOMIC_RELEASE);
	}
	vcpu->tracing = rq->arg;
	return 0;
}

/* From the ring to the caller, in two pieces where it wraps; what did not arrive stays. */
static long take(struct trace *t, u64 to, u32 room)
{
	u64 taken = t->taken, n = __atomic_load_n(&t->written, __ATOMIC_ACQUIRE) - taken;
	u32 at = taken % SWIVL_TRACE_ROOM, first;

	if (n > room)
		n = room;
	first = n < SWIVL_TRACE_ROOM - at ? n : SWIVL_TRACE_ROOM - at;
	if ((first && host_copy_to_caller(to, &t->ring[at], first * sizeof(t->ring[0]))) ||
	    (n > first && host_copy_to_caller(to + first * sizeof(t->ring[0]), t->ring,
					      (n - first) * sizeof(t->ring[0]))))
		return -SWIVL_EFAULT;
	__atomic_store_n(&t->taken, taken + n, __ATOMIC_RELEASE);
	return n;
}

long rq_get_trace(struct request *rq)
{
	struct trace *t = __atomic_load_n(&rq->vcpu->trace, __ATOMIC_ACQUIRE);
	const struct swivl_trace *k = rq->data;
	long ret;

	if (k->reserved)
		return -SWIVL_EINVAL;
	if (!t)
		return 0;
	ret = host_mutex_lock_intr(&t->lock);
	if (ret)
		return ret;
	ret = take(t, k->records, k->room);
	host_mutex_unlock(&t->lock);
	return ret;
}
