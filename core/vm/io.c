// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Port accesses: the interrupt chips', or the caller's through struct kvm_run. */
#include "core/vm/events.h"
#include "core/vm/vm.h"

/* IN writes AL or AX within RAX, and all of RAX for EAX (SDM vol. 1, 3.4.1.1). */
static void set_accumulator(struct vcpu *vcpu, unsigned int size, u32 value)
{
	if (size == sizeof(u8))
		memcpy(&vcpu->gpr[RAX], &value, sizeof(u8));
	else if (size == sizeof(u16))
		memcpy(&vcpu->gpr[RAX], &value, sizeof(u16));
	else
		vcpu->gpr[RAX] = value;
}

static int io_to_user(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = e->io.in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = e->io.size;
	run->io.port = e->io.port;
	run->io.count = 1;
	run->io.data_offset = SWIVL_PAGE_SIZE;
	if (!e->io.in)
		memcpy(vcpu->pio, &vcpu->gpr[RAX], sizeof(u32)); /* io.size of them count */
	vcpu->pending = e->io.in ? PENDING_IO_IN : PENDING_IO_OUT;
	return HANDLED_USER;
}

int handle_io(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	s64 value = -1;

	if (e->io.string)
		return handle_io_string(vcpu);
	if (vcpu->vm->irqchip)
		value = vm_chip_port(vcpu);
	if (value < 0)
		return io_to_user(vcpu);
	if (e->io.in)
		set_accumulator(vcpu, e->io.size, (u32)value);
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

int finish_io(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	u32 value;

	if (e->io.string)
		return finish_io_string(vcpu);
	if (e->io.in) {
		memcpy(&value, vcpu->pio, sizeof(value));
		set_accumulator(vcpu, e->io.size, value);
	}
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}
