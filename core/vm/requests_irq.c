// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Requests about the interrupt chips. */
#include "core/vm/request.h"

int irq_check_extension(struct vm *vm, u64 cap)
{
	return -1;
}

/* Until the chips are wired to the VM, there are none to make and none to talk to. */
#define NO_CHIP(name) \
	long name(struct request *rq) \
	{ \
		return -SWIVL_ENXIO; \
	}
NO_CHIP(rq_create_irqchip)
NO_CHIP(rq_irq_line)
NO_CHIP(rq_irq_line_status)
NO_CHIP(rq_get_irqchip)
NO_CHIP(rq_set_irqchip)
NO_CHIP(rq_create_pit)
NO_CHIP(rq_create_pit2)
NO_CHIP(rq_get_pit2)
NO_CHIP(rq_set_pit2)
NO_CHIP(rq_reinject)
NO_CHIP(rq_get_lapic)
NO_CHIP(rq_set_lapic)
NO_CHIP(rq_set_routing)
NO_CHIP(rq_signal_msi)
