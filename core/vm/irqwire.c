// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The interrupt chips of core/irq in a VM: locks, timers, kicks. */
#include "core/vm/vm.h"

int vcpu_irq_pending(struct vcpu *vcpu)
{
	return -1;
}

int vcpu_irq_ack(struct vcpu *vcpu)
{
	return -1;
}

bool vm_chip_port(struct vcpu *vcpu, u16 port, unsigned int size, bool write, u32 *value)
{
	return false;
}

bool vm_chip_mmio(struct vcpu *vcpu, u64 gpa, unsigned int size, bool write, u64 *value)
{
	return false;
}

int vcpu_chips_init(struct vcpu *vcpu)
{
	return 0;
}

void vcpu_chips_free(struct vcpu *vcpu)
{
}

void vm_chips_stop(struct vm *vm)
{
}

void vm_chips_free(struct vm *vm)
{
}

bool vcpu_chips_wake(struct vcpu *vcpu)
{
	return false;
}

bool vcpu_chips_init_sipi(struct vcpu *vcpu)
{
	return false;
}

void vcpu_chips_set_cr8(struct vcpu *vcpu, u64 cr8)
{
}

u64 vcpu_chips_cr8(struct vcpu *vcpu)
{
	return 0;
}
