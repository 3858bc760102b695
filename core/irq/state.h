/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The chips' state in KVM's layouts: KVM_GET_IRQCHIP, KVM_GET_LAPIC, KVM_GET_PIT2 and the ways
 * back. What comes from outside may be anything: what a chip cannot be is cut to what it can, as
 * a guest's write would be. State that a _get returned comes back the same from the next _get
 * after a _set, but for timers, which go on from their count at the time of the _set.
 */
#ifndef SWIVL_CORE_IRQ_STATE_H
#define SWIVL_CORE_IRQ_STATE_H

#include "core/irq/irqchip.h"
#include "swivl/abi.h"

void pic_get_state(const struct pic *p, unsigned chip, struct kvm_pic_state *s);
void pic_set_state(struct pic *p, unsigned chip, const struct kvm_pic_state *s);

/* irr: lines that are high, without edges that were delivered; _set raises them again. */
void ioapic_get_state(const struct ioapic *io, struct kvm_ioapic_state *s);
void ioapic_set_state(struct ioapic *io, const struct kvm_ioapic_state *s);

/* Without the TSC deadline (an MSR), the pending NMI and the like, and IA32_APIC_BASE. In x2APIC
 * mode the ID register is in bits 31 to 24 as in the page of the xAPIC. */
void lapic_get_state(struct lapic *l, struct kvm_lapic_state *s, u64 now);
/* -SWIVL_EINVAL: x2APIC mode and another ID than this CPU's. */
int lapic_set_state(struct lapic *l, const struct kvm_lapic_state *s, u64 now);

/* count_load_time is told, but set to @now: counters start anew, as in KVM. */
void pit_get_state(const struct pit *p, struct kvm_pit_state2 *s);
void pit_set_state(struct pit *p, const struct kvm_pit_state2 *s, u64 now);

#endif
