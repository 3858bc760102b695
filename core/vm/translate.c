// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What core/x86/walk.c needs to know of a vCPU. */
#include "core/vm/vm.h"
#include "core/x86/regs.h"
#include "core/x86/walk.h"

static int read_entry(void *arg, u64 gpa, void *entry, size_t size)
{
	struct vcpu *vcpu = arg;

	return vm_read_guest(vcpu->vm, gpa, entry, size, !vcpu->in_section);
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
				  .read = read_entry };
	if (is_pae_paging(s->cr0, s->cr4, s->efer)) {
		vcpu_need(vcpu, STATE_PDPTR);
		ctx->pdpte = s->pdptr;
	}
}
