// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * KVM_X86_SET_MSR_FILTER: which MSRs a guest may touch, in the caller's words. What is not permitted
 * is the caller's to settle (KVM_MSR_EXIT_REASON_FILTER) or #GP.
 */
#include "core/vm/request.h"

#define MAX_MSRS (KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8u) /* of one range */

struct msr_range {
	u32 first, count;
	u32 ways; /* KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE */
	u32 bits; /* where its bitmap begins; a bit that is set permits */
};

struct msr_filter {
	size_t size; /* of all this, in bytes */
	bool deny; /* what no range names */
	u32 n;
	struct msr_range range[KVM_MSR_FILTER_MAX_RANGES];
	u8 bits[];
};

/* The first range that names the MSR decides. The x2APIC's registers are not the filter's. */
bool msr_filter_permits(const struct msr_filter *f, u32 msr, u32 way)
{
	u32 i;

	if (msr >= 0x800 && msr <= 0x8ff)
		return true;
	for (i = 0; i < f->n; i++) {
		const struct msr_range *r = &f->range[i];
		u32 bit = msr - r->first;

		if (msr >= r->first && bit < r->count && (r->ways & way))
			return f->bits[r->bits + bit / 8] >> bit % 8 & 1;
	}
	return !f->deny;
}

size_t msr_filter_size(const struct msr_filter *f)
{
	return f ? f->size : 0;
}

/* The ranges that name something, and the bytes that their bitmaps take. */
static int check(const struct kvm_msr_filter *k, u32 *ranges, size_t *bytes)
{
	u32 i;

	if (k->flags & ~(u32)KVM_MSR_FILTER_DEFAULT_DENY)
		return -SWIVL_EINVAL;
	*ranges = 0;
	*bytes = 0;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *r = &k->ranges[i];

		if (!r->nmsrs)
			continue;
		if (!r->flags || r->flags & ~(u32)(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE) ||
		    r->nmsrs > MAX_MSRS)
			return -SWIVL_EINVAL;
		++*ranges;
		*bytes += (r->nmsrs + 7) / 8;
	}
	/* A guest without any MSR is taken for a mistake. */
	return !*ranges && k->flags ? -SWIVL_EINVAL : 0;
}

static int copy_ranges(struct msr_filter *f, const struct kvm_msr_filter *k)
{
	u32 i, at = 0;
	int err;

	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++) {
		const struct kvm_msr_filter_range *r = &k->ranges[i];

		if (!r->nmsrs)
			continue;
		f->range[f->n++] = (struct msr_range){ r->base, r->nmsrs, r->flags, at };
		err = host_copy_from_caller(&f->bits[at], (u64)(size_t)r->bitmap,
					    (r->nmsrs + 7) / 8);
		if (err)
			return err;
		at += (r->nmsrs + 7) / 8;
	}
	return 0;
}

long rq_set_msr_filter(struct request *rq)
{
	const struct kvm_msr_filter *k = rq->data;
	struct msr_filter *f = NULL, *old;
	struct vm *vm = rq->vm;
	size_t bytes;
	u32 ranges;
	int err = check(k, &ranges, &bytes);

	if (err)
		return err;
	if (ranges) {
		f = host_alloc(sizeof(*f) + bytes);
		if (!f)
			return -SWIVL_ENOMEM;
		f->size = sizeof(*f) + bytes;
		f->deny = k->flags;
		err = copy_ranges(f, k);
		if (err) {
			host_free(f);
			return err;
		}
	}
	vm_memory_lock(vm);
	old = vm->msr_filter;
	vm->msr_filter = f;
	/* By this each vCPU's hardware learns which MSR accesses have to exit. */
	__atomic_add_fetch(&vm->stage2.generation, 1, __ATOMIC_RELEASE);
	vm_memory_unlock(vm);
	host_free(old);
	return 0;
}
