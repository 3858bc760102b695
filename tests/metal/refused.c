// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * No guest can make its own state invalid, so this hypervisor is one with a fault of our own: an
 * unknown hypercall sets a bit of DR7 that no processor has. tests/metal/build.mk puts it in the
 * place of vcpu_raise().
 */
#include "core/vm/events.h"
#include "core/vm/vm.h"

void __wrap_vcpu_raise(struct vcpu *vcpu, u8 vector);
void __real_vcpu_raise(struct vcpu *vcpu, u8 vector);

void __wrap_vcpu_raise(struct vcpu *vcpu, u8 vector)
{
	if (vcpu->gpr[RAX] != 0x5357) {
		__real_vcpu_raise(vcpu, vector);
		return;
	}
	vcpu_touch(vcpu, STATE_DR7);
	vcpu->state.dr7 |= 1ull << 40;
}
