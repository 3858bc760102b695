// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What core/x86/walk.c needs to know of a vCPU. */
#include "core/vm/vm.h"
#include "core/x86/regs.h"
#include "core/x86/walk.h"

int vcpu_read_entry(struct vcpu *vcpu, u64 gpa, void *entry, size_t size)
{
	int err = vm_read_guest(vcpu->vm, gpa, entry, size, !vcpu->in_section);

	if (err != -SWIVL_EFAULT)
		return err;
	memset(entry, 0xff, size);
	return 0;
}

static int read_entry(void *arg, u64 gpa, void *entry, size_t size)
{
	return vcpu_read_entry(arg, gpa, entry, size);
}

/* Tables in memory that the guest cannot write stay as they are. */
static int update_entry(void *arg, u64 gpa, u64 old, u64 new, size_t size)
{
	struct vcpu *vcpu = arg;
	u32 old32 = old;
	void *entry;
	bool ok;
	int ret;

	ret = vcpu->in_section ? vm_fault_fast(vcpu->vm, gpa, ACCESS_WRITE) :
				 vm_fault_in(vcpu->vm, gpa, ACCESS_WRITE);
	if (ret)
		return ret == 1 ? 0 : ret;
	entry = (void *)vm_guest_pointer(vcpu->vm, gpa);
	if (!entry)
		return -SWIVL_EFAULT;
	if (size == sizeof(u32))
		ok = __atomic_compare_exchange_n((u32 *)entry, &old32, new, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	else
		ok = __atomic_compare_exchange_n((u64 *)entry, &old, new, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	return !ok;
}

void vcpu_walk_ctx(struct vcpu *vcpu, struct walk_ctx *ctx)
{
	struct vcpu_state *s = &vcpu->state;

	vcpu_need(vcpu, STATE_CR | STATE_CR3 | STATE_RFLAGS);
	*ctx = (struct walk_ctx){ .cr0 = s->cr0,
				  .cr3 = s->cr3,
				  .cr4 = s->cr4,
				  .efer = s->efer,
				  .rflags = s->rflags,
				  .phys_bits = vcpu->guest_phys_bits,
				  .arg = vcpu,
				  .read = read_entry,
				  .update = update_entry };
	if (is_pae_paging(s->cr0, s->cr4, s->efer)) {
		vcpu_need(vcpu, STATE_PDPTR);
		ctx->pdpte = s->pdptr;
	}
}
