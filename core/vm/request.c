// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The one table of requests. Here an argument is copied in and out, its size and count are
 * checked, and the vCPU's lock is taken; once for all requests and all homes.
 */
#include "core/swivl.h"
#include "core/vm/request.h"

#define SYS (1u << OBJECT_SYSTEM)
#define VM (1u << OBJECT_VM)
#define VCPU (1u << OBJECT_VCPU)
#define VM_LOCKED (VM | 1u << 7) /* a VM, whose lock is held meanwhile */

/* How an argument travels; 0: it is a number. */
#define RQ_IN (1u << 0) /* the structure is read before */
#define RQ_OUT (1u << 1) /* and written after success */
#define RQ_ENTRIES_IN (1u << 2) /* the same for a list's entries; its header is always read */
#define RQ_ENTRIES_OUT (1u << 3)
#define RQ_HEADER_ON_E2BIG (1u << 4) /* the header is written back then, too: it says how many */
#define RQ_CLAMP (1u << 5) /* more entries than the most are no error */
#define RQ_ZERO_ARG (1u << 6) /* the number must be 0 */
#define RQ_NULL_OK (1u << 7) /* a null pointer is a request of its own: no data */
#define RQ_UNLOCKED (1u << 8) /* a vCPU may be running meanwhile */

struct request_desc {
	u32 number;
	u8 kinds; /* objects that know the request */
	u16 flags;
	u16 size; /* of the structure, or of a list's header, which begins with the u32 count */
	u16 entry_size; /* lists only */
	u16 most; /* entries; of what has no handler: the answer */
	u8 too_many; /* the error when the caller asks for more */
	request_fn *handle; /* NULL: the answer is always the same */
};

#define NUMBER(nr, kinds, flags, fn) { nr, kinds, flags, 0, 0, 0, 0, fn }
#define CONSTANT(nr, kinds, value) { nr, kinds, RQ_ZERO_ARG, 0, 0, value, 0, NULL }
#define IN(nr, kinds, type, fn) { nr, kinds, RQ_IN, sizeof(type), 0, 0, 0, fn }
#define OUT(nr, kinds, type, fn) { nr, kinds, RQ_OUT, sizeof(type), 0, 0, 0, fn }
#define INOUT(nr, kinds, type, fn) { nr, kinds, RQ_IN | RQ_OUT, sizeof(type), 0, 0, 0, fn }
#define LIST(nr, kinds, flags, type, entry, most, err, fn) \
	{ nr, kinds, flags, sizeof(type), sizeof(entry), most, err, fn }

#define CPUID_LIST(nr, kinds, flags, fn) \
	LIST(nr, kinds, flags, struct kvm_cpuid2, struct kvm_cpuid_entry2, VCPU_MAX_CPUID, \
	     SWIVL_E2BIG, fn)
#define MSR_LIST(nr, kinds, flags, fn) \
	LIST(nr, kinds, flags, struct kvm_msrs, struct kvm_msr_entry, 255, SWIVL_E2BIG, fn)
#define INDEX_LIST(nr, fn) \
	LIST(nr, SYS, RQ_ENTRIES_OUT | RQ_HEADER_ON_E2BIG | RQ_CLAMP, struct kvm_msr_list, u32, \
	     256, 0, fn)

/* All but KVM_RUN, for which see swivl_request(). */
static const struct request_desc table[] = {
	OUT(KVM_GET_REGS, VCPU, struct kvm_regs, rq_get_regs),
	IN(KVM_SET_REGS, VCPU, struct kvm_regs, rq_set_regs),
	OUT(KVM_GET_SREGS, VCPU, struct kvm_sregs, rq_get_sregs),
	IN(KVM_SET_SREGS, VCPU, struct kvm_sregs, rq_set_sregs),
	CONSTANT(KVM_GET_API_VERSION, SYS, KVM_API_VERSION),
	IN(KVM_IRQ_LINE, VM, struct kvm_irq_level, rq_irq_line),
	INOUT(KVM_IRQ_LINE_STATUS, VM, struct kvm_irq_level, rq_irq_line_status),
	IN(KVM_SIGNAL_MSI, VM, struct kvm_msi, rq_signal_msi),
	IN(KVM_INTERRUPT, VCPU, struct kvm_interrupt, rq_interrupt),
	MSR_LIST(KVM_GET_MSRS, SYS | VCPU, RQ_ENTRIES_IN | RQ_ENTRIES_OUT, rq_get_msrs),
	MSR_LIST(KVM_SET_MSRS, VCPU, RQ_ENTRIES_IN, rq_set_msrs),
	IN(KVM_GET_DIRTY_LOG, VM_LOCKED, struct kvm_dirty_log, rq_get_dirty_log),
	IN(KVM_CLEAR_DIRTY_LOG, VM_LOCKED, struct kvm_clear_dirty_log, rq_clear_dirty_log),

	NUMBER(KVM_CREATE_VM, SYS, 0, rq_create_vm),
	NUMBER(KVM_CHECK_EXTENSION, SYS | VM, 0, rq_check_extension),
	CONSTANT(KVM_GET_VCPU_MMAP_SIZE, SYS, VCPU_PAGES * SWIVL_PAGE_SIZE),
	CPUID_LIST(KVM_GET_SUPPORTED_CPUID, SYS, RQ_ENTRIES_OUT | RQ_CLAMP,
		   rq_get_supported_cpuid),
	INDEX_LIST(KVM_GET_MSR_INDEX_LIST, rq_msr_list),
	INDEX_LIST(KVM_GET_MSR_FEATURE_INDEX_LIST, rq_msr_feature_list),
	OUT(SWIVL_GET_VERSION, SYS, struct swivl_version, rq_get_version),
	INOUT(SWIVL_SELFTEST, SYS, struct swivl_selftest, rq_selftest),

	NUMBER(KVM_CREATE_VCPU, VM, 0, rq_create_vcpu),
	IN(KVM_SET_USER_MEMORY_REGION, VM_LOCKED, struct kvm_userspace_memory_region, rq_set_memory),
	NUMBER(KVM_SET_TSS_ADDR, VM, 0, rq_set_tss_addr),
	IN(KVM_SET_IDENTITY_MAP_ADDR, VM_LOCKED, u64, rq_set_identity_map),
	NUMBER(KVM_SET_NR_MMU_PAGES, VM, 0, rq_set_nr_mmu_pages),
	NUMBER(KVM_GET_NR_MMU_PAGES, VM, 0, rq_get_nr_mmu_pages),
	NUMBER(KVM_SET_BOOT_CPU_ID, VM_LOCKED, 0, rq_set_boot_cpu),
	OUT(KVM_GET_CLOCK, VM, struct kvm_clock_data, rq_get_clock),
	IN(KVM_SET_CLOCK, VM, struct kvm_clock_data, rq_set_clock),
	IN(KVM_ENABLE_CAP, VM_LOCKED | VCPU, struct kvm_enable_cap, rq_enable_cap),
	IN(KVM_X86_SET_MSR_FILTER, VM_LOCKED, struct kvm_msr_filter, rq_set_msr_filter),
	{ SWIVL_GET_STATS, VM | VCPU, RQ_OUT | RQ_UNLOCKED, sizeof(struct swivl_stats), 0, 0, 0,
	  rq_get_stats },
	IN(SWIVL_GET_ENTRY_FAILURE, VCPU, struct swivl_entry_failure, rq_get_entry_failure),
	NUMBER(SWIVL_SET_TRACE, VCPU, 0, rq_set_trace),
	{ SWIVL_GET_TRACE, VCPU, RQ_IN | RQ_UNLOCKED, sizeof(struct swivl_trace), 0, 0, 0,
	  rq_get_trace },

	NUMBER(KVM_CREATE_IRQCHIP, VM_LOCKED, 0, rq_create_irqchip),
	INOUT(KVM_GET_IRQCHIP, VM, struct kvm_irqchip, rq_get_irqchip),
	IN(KVM_SET_IRQCHIP, VM, struct kvm_irqchip, rq_set_irqchip),
	NUMBER(KVM_CREATE_PIT, VM_LOCKED, 0, rq_create_pit),
	IN(KVM_CREATE_PIT2, VM_LOCKED, struct kvm_pit_config, rq_create_pit2),
	OUT(KVM_GET_PIT2, VM, struct kvm_pit_state2, rq_get_pit2),
	IN(KVM_SET_PIT2, VM, struct kvm_pit_state2, rq_set_pit2),
	IN(KVM_REINJECT_CONTROL, VM, struct kvm_reinject_control, rq_reinject),
	LIST(KVM_SET_GSI_ROUTING, VM, RQ_ENTRIES_IN, struct kvm_irq_routing,
	     struct kvm_irq_routing_entry, 4096, SWIVL_EINVAL, rq_set_routing),
	OUT(KVM_GET_LAPIC, VCPU, struct kvm_lapic_state, rq_get_lapic),
	IN(KVM_SET_LAPIC, VCPU, struct kvm_lapic_state, rq_set_lapic),

	OUT(KVM_GET_SREGS2, VCPU, struct kvm_sregs2, rq_get_sregs2),
	IN(KVM_SET_SREGS2, VCPU, struct kvm_sregs2, rq_set_sregs2),
	OUT(KVM_GET_FPU, VCPU, struct kvm_fpu, rq_get_fpu),
	IN(KVM_SET_FPU, VCPU, struct kvm_fpu, rq_set_fpu),
	OUT(KVM_GET_XSAVE, VCPU, struct kvm_xsave, rq_get_xsave),
	OUT(KVM_GET_XSAVE2, VCPU, struct kvm_xsave, rq_get_xsave),
	IN(KVM_SET_XSAVE, VCPU, struct kvm_xsave, rq_set_xsave),
	OUT(KVM_GET_XCRS, VCPU, struct kvm_xcrs, rq_get_xcrs),
	IN(KVM_SET_XCRS, VCPU, struct kvm_xcrs, rq_set_xcrs),
	LIST(KVM_SET_CPUID, VCPU, RQ_ENTRIES_IN, struct kvm_cpuid, struct kvm_cpuid_entry,
	     VCPU_MAX_CPUID, SWIVL_E2BIG, rq_set_cpuid),
	CPUID_LIST(KVM_SET_CPUID2, VCPU, RQ_ENTRIES_IN, rq_set_cpuid2),
	CPUID_LIST(KVM_GET_CPUID2, VCPU, RQ_ENTRIES_OUT | RQ_CLAMP, rq_get_cpuid2),
	OUT(KVM_GET_MP_STATE, VCPU, struct kvm_mp_state, rq_get_mp_state),
	IN(KVM_SET_MP_STATE, VCPU, struct kvm_mp_state, rq_set_mp_state),
	OUT(KVM_GET_VCPU_EVENTS, VCPU, struct kvm_vcpu_events, rq_get_events),
	IN(KVM_SET_VCPU_EVENTS, VCPU, struct kvm_vcpu_events, rq_set_events),
	OUT(KVM_GET_DEBUGREGS, VCPU, struct kvm_debugregs, rq_get_debugregs),
	IN(KVM_SET_DEBUGREGS, VCPU, struct kvm_debugregs, rq_set_debugregs),
	IN(KVM_SET_GUEST_DEBUG, VCPU, struct kvm_guest_debug, rq_guest_debug),
	NUMBER(KVM_NMI, VCPU, 0, rq_nmi),
	LIST(KVM_SET_SIGNAL_MASK, VCPU, RQ_ENTRIES_IN | RQ_NULL_OK, struct kvm_signal_mask, u8, 8,
	     SWIVL_EINVAL, rq_set_sigmask),
	NUMBER(KVM_GET_TSC_KHZ, VM | VCPU, 0, rq_get_tsc_khz),
	NUMBER(KVM_SET_TSC_KHZ, VCPU, 0, rq_set_tsc_khz),
	IN(KVM_HAS_DEVICE_ATTR, VCPU, struct kvm_device_attr, rq_has_attr),
	IN(KVM_GET_DEVICE_ATTR, VCPU, struct kvm_device_attr, rq_get_attr),
	IN(KVM_SET_DEVICE_ATTR, VCPU, struct kvm_device_attr, rq_set_attr),
	INOUT(KVM_TRANSLATE, VCPU, struct kvm_translation, rq_translate),
};

/* By a number's low byte: a place in the table before which it is not. Right even where it is 0. */
static u8 starts[256];
_Static_assert(ARRAY_SIZE(table) <= 255, "fits");

void requests_start(void)
{
	for (unsigned int i = ARRAY_SIZE(table); i-- > 0;)
		starts[(u8)table[i].number] = i;
}

static const struct request_desc *find(enum object_kind kind, u32 number)
{
	const struct request_desc *d = &table[starts[(u8)number]];

	do {
		if (d->number == number && (d->kinds & (1u << kind)))
			return d;
	} while (++d < table + ARRAY_SIZE(table));
	return NULL;
}

/* ---- the vCPU's lock ------------------------------------------------------------------------ */

/*
 * Mostly nobody else wants it, so it is one word. Who has to wait announces it there and sleeps
 * until it is released; the mutex is for more than one of them. While somebody waits, the word is
 * not 0, so whoever comes later stands behind him.
 */
#define LOCK_HELD 1u
#define LOCK_WANTED 2u

static bool lock_free(void *arg)
{
	struct vcpu *vcpu = arg;

	return !(__atomic_load_n(&vcpu->lock_word, __ATOMIC_ACQUIRE) & LOCK_HELD);
}

static __attribute__((__noinline__)) long lock_vcpu_slow(struct vcpu *vcpu)
{
	long ret = host_mutex_lock_intr(&vcpu->lock);

	if (ret)
		return ret;
	__atomic_or_fetch(&vcpu->lock_word, LOCK_WANTED, __ATOMIC_SEQ_CST);
	while (!lock_free(vcpu) && !ret) {
		host_wait_sleep(&vcpu->lock_wait, lock_free, vcpu);
		if (!lock_free(vcpu) && host_signal_pending())
			ret = -SWIVL_EINTR;
	}
	if (ret)
		__atomic_and_fetch(&vcpu->lock_word, ~LOCK_WANTED, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&vcpu->lock_word, LOCK_HELD, __ATOMIC_SEQ_CST);
	host_mutex_unlock(&vcpu->lock);
	return ret;
}

static inline long lock_vcpu(struct vcpu *vcpu)
{
	u32 none = 0;

	if (__builtin_expect(__atomic_compare_exchange_n(&vcpu->lock_word, &none, LOCK_HELD, false,
							 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED), 1))
		return 0;
	return lock_vcpu_slow(vcpu);
}

static inline void unlock_vcpu(struct vcpu *vcpu)
{
	if (__builtin_expect(__atomic_sub_fetch(&vcpu->lock_word, LOCK_HELD, __ATOMIC_SEQ_CST), 0))
		host_wait_wake(&vcpu->lock_wait);
}

/* ---- arguments ------------------------------------------------------------------------------ */

static size_t list_bytes(const struct request_desc *d, u32 entries)
{
	return d->size + (size_t)d->entry_size * entries;
}

static long call(const struct request_desc *d, struct request *rq)
{
	long ret;

	if (rq->vcpu && !(d->flags & RQ_UNLOCKED)) {
		ret = lock_vcpu(rq->vcpu);
		if (ret)
			return ret;
		ret = d->handle(rq);
		/* Whatever it changed, it may be a reason to deliver something. */
		rq->vcpu->check_events = 1;
		unlock_vcpu(rq->vcpu);
		return ret;
	}
	if ((d->kinds & VM_LOCKED) != VM_LOCKED)
		return d->handle(rq);
	host_mutex_lock(&rq->vm->lock);
	ret = d->handle(rq);
	host_mutex_unlock(&rq->vm->lock);
	return ret;
}

static long call_number(const struct request_desc *d, struct request *rq)
{
	if ((d->flags & RQ_ZERO_ARG) && rq->arg)
		return -SWIVL_EINVAL;
	return call(d, rq);
}

/* Structures up to this size travel on the stack: all that programs ask for in a loop. */
#define SMALL_SIZE 640

static long call_struct(const struct request_desc *d, struct request *rq)
{
	/* All that is used of it is written below: nothing that compilers could clear before. */
	u64 small[SMALL_SIZE / 8] __attribute__((__uninitialized__));
	long ret = 0;

	rq->data = small;
	if (d->size > SMALL_SIZE) {
		rq->data = host_alloc(d->size);
		if (!rq->data)
			return -SWIVL_ENOMEM;
	} else if (!(d->flags & RQ_IN)) {
		memset(small, 0, d->size);
	}
	if (d->flags & RQ_IN)
		ret = host_copy_from_caller(rq->data, rq->arg, d->size);
	if (!ret)
		ret = call(d, rq);
	if (ret >= 0 && (d->flags & RQ_OUT) && host_copy_to_caller(rq->arg, rq->data, d->size))
		ret = -SWIVL_EFAULT;
	if (rq->data != small)
		host_free(rq->data);
	return ret;
}

/* The header is there; the room is chosen. Entries in, call, entries out. */
static long call_entries(const struct request_desc *d, struct request *rq)
{
	u8 *entries = (u8 *)rq->data + d->size;
	long ret = 0;

	if ((d->flags & RQ_ENTRIES_IN) && rq->room)
		ret = host_copy_from_caller(entries, rq->arg + d->size,
					    (size_t)d->entry_size * rq->room);
	if (!ret)
		ret = call(d, rq);
	if (ret == -SWIVL_E2BIG && (d->flags & RQ_HEADER_ON_E2BIG))
		return host_copy_to_caller(rq->arg, rq->data, d->size) ? -SWIVL_EFAULT : ret;
	if (ret >= 0 && (d->flags & RQ_ENTRIES_OUT) &&
	    host_copy_to_caller(rq->arg, rq->data, list_bytes(d, rq->entries_out)))
		ret = -SWIVL_EFAULT;
	return ret;
}

static long call_list(const struct request_desc *d, struct request *rq)
{
	u32 header[4], count;
	long ret;

	if (!rq->arg && (d->flags & RQ_NULL_OK))
		return call(d, rq);
	if (host_copy_from_caller(header, rq->arg, d->size))
		return -SWIVL_EFAULT;
	count = header[0];
	if (count > d->most) {
		if (!(d->flags & RQ_CLAMP))
			return -(long)d->too_many;
		count = d->most;
	}
	rq->room = count;
	rq->data = host_alloc(list_bytes(d, count));
	if (!rq->data)
		return -SWIVL_ENOMEM;
	memcpy(rq->data, header, d->size);
	ret = call_entries(d, rq);
	host_free(rq->data);
	return ret;
}

/* The one that is made after every exit to the caller, so it stands apart. */
static __attribute__((__noinline__)) long call_run(struct vcpu *vcpu, u64 arg)
{
	long ret = arg ? -SWIVL_EINVAL : lock_vcpu(vcpu);

	if (ret)
		return ret;
	ret = vcpu_run(vcpu);
	unlock_vcpu(vcpu);
	return ret;
}

static __attribute__((__noinline__)) long call_described(const struct request_desc *d,
							 enum object_kind kind, void *object,
							 u64 arg)
{
	struct request rq = { .arg = arg };

	if (kind == OBJECT_VM)
		rq.vm = object;
	if (kind == OBJECT_VCPU) {
		rq.vcpu = object;
		rq.vm = rq.vcpu->vm;
	}
	if (!d->size)
		return call_number(d, &rq);
	return d->entry_size ? call_list(d, &rq) : call_struct(d, &rq);
}

long swivl_request(enum object_kind kind, void *object, u32 number, u64 arg)
{
	const struct request_desc *d;

	if (kind == OBJECT_VCPU && number == KVM_RUN)
		return call_run(object, arg);
	d = find(kind, number);
	if (!d) /* as KVM: a VM's unknown requests are told apart from bad ones, others are not */
		return kind == OBJECT_VM ? -SWIVL_ENOTTY : -SWIVL_EINVAL;
	if (!d->handle)
		return arg ? -SWIVL_EINVAL : d->most;
	return call_described(d, kind, object, arg);
}
