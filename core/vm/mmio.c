// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Instructions that we finish ourselves because they touch memory that is none. */
#include "core/vm/events.h"
#include "core/vm/vm.h"

int emulation_failed(struct vcpu *vcpu, const u8 *bytes, unsigned int len)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = len;
	memcpy(run->emulation_failure.insn_bytes, bytes, len);
	return HANDLED_USER;
}

int handle_mmio(struct vcpu *vcpu, u64 gpa)
{
	return emulation_failed(vcpu, NULL, 0);
}

int finish_mmio(struct vcpu *vcpu)
{
	return HANDLED_RESUME;
}

int handle_io_string(struct vcpu *vcpu)
{
	return emulation_failed(vcpu, NULL, 0);
}

int finish_io_string(struct vcpu *vcpu)
{
	return HANDLED_RESUME;
}
