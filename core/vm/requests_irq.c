// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Requests about the interrupt chips. */
#include "core/irq/irqchip.h"
#include "core/irq/state.h"
#include "core/vm/irqwire.h"
#include "core/vm/request.h"

/* ---- making them -------------------------------------------------------------------------------- */

long rq_create_irqchip(struct request *rq)
{
	return vm_chips_create(rq->vm);
}

static long create_pit(struct vm *vm, bool speaker)
{
	unsigned long flags;

	if (!vm->irqchip)
		return -SWIVL_ENOENT;
	if (vm->irqchip->has_pit)
		return -SWIVL_EEXIST;
	flags = chips_lock(vm);
	irqchip_create_pit(vm->irqchip, speaker, host_time_ns());
	chips_unlock(vm, NULL, flags);
	return 0;
}

long rq_create_pit(struct request *rq)
{
	return create_pit(rq->vm, true);
}

long rq_create_pit2(struct request *rq)
{
	const struct kvm_pit_config *k = rq->data;

	if (k->flags & ~(u32)KVM_PIT_SPEAKER_DUMMY)
		return -SWIVL_EINVAL;
	return create_pit(rq->vm, k->flags & KVM_PIT_SPEAKER_DUMMY);
}

/* ---- lines and messages --------------------------------------------------------------------------- */

long rq_irq_line_status(struct request *rq)
{
	struct kvm_irq_level *k = rq->data;
	unsigned long flags;

	if (!rq->vm->irqchip)
		return -SWIVL_ENXIO;
	flags = chips_lock(rq->vm);
	k->status = irqchip_set_line(rq->vm->irqchip, k->irq, IRQ_SOURCE_USER, k->level != 0);
	chips_unlock(rq->vm, NULL, flags);
	return 0;
}

long rq_irq_line(struct request *rq)
{
	return rq_irq_line_status(rq);
}

long rq_signal_msi(struct request *rq)
{
	const struct kvm_msi *k = rq->data;
	unsigned long flags;
	int ret;

	if (!rq->vm->irqchip || k->flags || k->address_hi)
		return -SWIVL_EINVAL;
	flags = chips_lock(rq->vm);
	ret = irqchip_deliver_msi(rq->vm->irqchip, k->address_lo, k->data);
	chips_unlock(rq->vm, NULL, flags);
	return ret;
}

long rq_set_routing(struct request *rq)
{
	const struct kvm_irq_routing *k = rq->data;
	unsigned long flags;
	int ret;

	if (!rq->vm->irqchip || k->flags)
		return -SWIVL_EINVAL;
	flags = chips_lock(rq->vm);
	ret = irqchip_set_routing(rq->vm->irqchip, k->entries, rq->room);
	chips_unlock(rq->vm, NULL, flags);
	return ret;
}

/* ---- their state ------------------------------------------------------------------------------------ */

long rq_get_irqchip(struct request *rq)
{
	struct kvm_irqchip *k = rq->data;
	u32 id = k->chip_id;
	unsigned long flags;

	if (!rq->vm->irqchip)
		return -SWIVL_ENXIO;
	if (id >= KVM_NR_IRQCHIPS)
		return -SWIVL_EINVAL;
	memset(&k->chip, 0, sizeof(k->chip));
	flags = chips_lock(rq->vm);
	if (id == KVM_IRQCHIP_IOAPIC)
		ioapic_get_state(&rq->vm->irqchip->ioapic, &k->chip.ioapic);
	else
		pic_get_state(&rq->vm->irqchip->pic, id, &k->chip.pic);
	chips_unlock(rq->vm, NULL, flags);
	return 0;
}

long rq_set_irqchip(struct request *rq)
{
	const struct kvm_irqchip *k = rq->data;
	unsigned long flags;

	if (!rq->vm->irqchip)
		return -SWIVL_ENXIO;
	if (k->chip_id >= KVM_NR_IRQCHIPS)
		return -SWIVL_EINVAL;
	flags = chips_lock(rq->vm);
	if (k->chip_id == KVM_IRQCHIP_IOAPIC)
		ioapic_set_state(&rq->vm->irqchip->ioapic, &k->chip.ioapic);
	else
		pic_set_state(&rq->vm->irqchip->pic, k->chip_id, &k->chip.pic);
	chips_unlock(rq->vm, NULL, flags);
	return 0;
}

static bool has_pit(struct vm *vm)
{
	return vm->irqchip && vm->irqchip->has_pit;
}

long rq_get_pit2(struct request *rq)
{
	unsigned long flags;

	if (!has_pit(rq->vm))
		return -SWIVL_ENXIO;
	flags = chips_lock(rq->vm);
	pit_get_state(&rq->vm->irqchip->pit, rq->data);
	chips_unlock(rq->vm, NULL, flags);
	return 0;
}

long rq_set_pit2(struct request *rq)
{
	unsigned long flags;

	if (!has_pit(rq->vm))
		return -SWIVL_ENXIO;
	flags = chips_lock(rq->vm);
	pit_set_state(&rq->vm->irqchip->pit, rq->data, host_time_ns());
	chips_unlock(rq->vm, NULL, flags);
	return 0;
}

long rq_reinject(struct request *rq)
{
	const struct kvm_reinject_control *k = rq->data;
	unsigned long flags;

	if (!has_pit(rq->vm))
		return -SWIVL_ENXIO;
	flags = chips_lock(rq->vm);
	pit_set_reinject(&rq->vm->irqchip->pit, k->pit_reinject != 0);
	chips_unlock(rq->vm, NULL, flags);
	return 0;
}

long rq_get_lapic(struct request *rq)
{
	unsigned long flags;

	if (!rq->vcpu->lapic)
		return -SWIVL_EINVAL;
	flags = chips_lock(rq->vm);
	lapic_get_state(rq->vcpu->lapic, rq->data, host_time_ns());
	chips_unlock(rq->vm, rq->vcpu, flags);
	return 0;
}

long rq_set_lapic(struct request *rq)
{
	unsigned long flags;
	int ret;

	if (!rq->vcpu->lapic)
		return -SWIVL_EINVAL;
	flags = chips_lock(rq->vm);
	ret = lapic_set_state(rq->vcpu->lapic, rq->data, host_time_ns());
	chips_unlock(rq->vm, rq->vcpu, flags);
	return ret;
}
