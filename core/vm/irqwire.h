/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The interrupt chips of a VM, for the requests that drive them. */
#ifndef SWIVL_CORE_VM_IRQWIRE_H
#define SWIVL_CORE_VM_IRQWIRE_H

#include "core/vm/vm.h"

/* KVM_CREATE_IRQCHIP. vm->lock held. */
int vm_chips_create(struct vm *vm);

/* All use of vm->irqchip and vcpu->lapic stands between these; unlock sets the timers. */
unsigned long chips_lock(struct vm *vm);
void chips_unlock(struct vm *vm, struct vcpu *vcpu, unsigned long flags);

#endif
