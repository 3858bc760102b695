// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Port accesses: the interrupt chips', or the caller's through struct kvm_run. */
#include "core/vm/events.h"
#include "core/vm/vm.h"

static const u32 size_mask[5] = { 0, 0xff, 0xffff, 0, 0xffffffff };

/* IN writes AL or AX within RAX, and all of RAX for EAX (SDM vol. 1, 3.4.1.1). */
static void set_accumulator(struct vcpu *vcpu, unsigned int size, u32 value)
{
	u64 keep = size == 4 ? 0 : ~(u64)size_mask[size];

	vcpu->gpr[RAX] = (vcpu->gpr[RAX] & keep) | (value & size_mask[size]);
}

static int io_to_user(struct vcpu *vcpu, const void *data, u32 count)
{
	const struct exit *e = &vcpu->exit;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = e->io.in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = e->io.size;
	run->io.port = e->io.port;
	run->io.count = count;
	run->io.data_offset = SWIVL_PAGE_SIZE;
	if (!e->io.in)
		memcpy(vcpu->pio, data, (size_t)e->io.size * count);
	vcpu->pending = e->io.in ? PENDING_IO_IN : PENDING_IO_OUT;
	return HANDLED_USER;
}

int handle_io(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	u32 value = vcpu->gpr[RAX];

	if (e->io.string)
		return handle_io_string(vcpu);
	value &= size_mask[e->io.size];
	if (!vcpu->vm->irqchip || !vm_chip_port(vcpu, e->io.port, e->io.size, !e->io.in, &value))
		return io_to_user(vcpu, &value, 1);
	if (e->io.in)
		set_accumulator(vcpu, e->io.size, value);
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}

int finish_io(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	u32 value = 0;

	if (e->io.string)
		return finish_io_string(vcpu);
	if (e->io.in) {
		memcpy(&value, vcpu->pio, e->io.size);
		set_accumulator(vcpu, e->io.size, value);
	}
	vcpu_skip(vcpu);
	return HANDLED_RESUME;
}
