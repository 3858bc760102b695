/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The interrupt chips of one VM, wired together: lines and messages come in, local APICs ask for
 * attention. Behind KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2, KVM_IRQ_LINE, KVM_SET_GSI_ROUTING,
 * KVM_SIGNAL_MSI and the guest's accesses to the chips.
 *
 * All calls on one irqchip and its local APICs are serialized by the caller (one lock per VM);
 * the kick callback is called under that lock. Nothing here allocates, sleeps or reads a clock:
 * @now is monotonic nanoseconds, @tsc the guest's TSC.
 *
 * The caller arms a host timer for chip->pit.deadline and one for each lapic->deadline when they
 * changed after a call, and then calls pit_advance() and lapic_advance().
 */
#ifndef SWIVL_CORE_IRQ_IRQCHIP_H
#define SWIVL_CORE_IRQ_IRQCHIP_H

#include "core/irq/ioapic.h"
#include "core/irq/lapic.h"
#include "core/irq/pic.h"
#include "core/irq/pit.h"

struct kvm_irq_routing_entry;

#define IRQCHIP_MAX_VCPUS 64
#define IRQCHIP_MAX_GSI 256 /* KVM_CAP_IRQ_ROUTING */

/* Who drives a GSI. Its level is the OR of them. */
enum irq_source { IRQ_SOURCE_USER, IRQ_SOURCE_PIT, IRQ_SOURCE_RESAMPLE, IRQ_SOURCES };

/* Where a GSI goes: up to one pin of each chip (as masks), or a message. */
struct irq_route {
	u16 pic_pins;
	bool msi;
	u32 ioapic_pins;
	u32 address, data;
};

struct irqchip {
	struct pic pic;
	struct ioapic ioapic;
	struct pit pit;
	bool has_pit, has_speaker; /* speaker: port 0x61 is ours */
	unsigned nr_lapics;
	unsigned lowest; /* where the search for the lowest priority begins: takes turns */
	struct lapic *lapic[IRQCHIP_MAX_VCPUS]; /* by index of the vCPU; all below nr_lapics */
	struct lapic_ops lapic_ops;
	void (*kick)(void *ctx, unsigned vcpu_index);
	void *ctx;
	u8 sources[IRQCHIP_MAX_GSI]; /* 1 << enum irq_source: levels */
	struct irq_route route[2][IRQCHIP_MAX_GSI]; /* the one in force, and room for the next */
	unsigned active;
};

/* GSIs 0 to 15 go to the pins of both chips, 16 to 23 to the I/O APIC: KVM's default. */
void irqchip_init(struct irqchip *chip, void (*kick)(void *ctx, unsigned vcpu_index), void *ctx);
/* KVM_CREATE_PIT2; once. */
void irqchip_create_pit(struct irqchip *chip, bool speaker, u64 now);

/*
 * Initializes the local APIC of the vCPU with this index and connects it. Indexes are given in
 * order from 0. -SWIVL_EINVAL: another index, or too many.
 */
int irqchip_add_lapic(struct irqchip *chip, struct lapic *l, unsigned index, u8 id, bool bsp,
		      u32 tsc_khz);

/*
 * KVM_IRQ_LINE. Returns what KVM_IRQ_LINE_STATUS tells: > 0 delivered (to so many), 0 merged with
 * one that waits, -1 masked, nobody takes it, or no such GSI. A GSI that routes to a message
 * sends it when raised.
 */
int irqchip_set_line(struct irqchip *chip, u32 gsi, enum irq_source source, bool level);

/* KVM_SIGNAL_MSI: the same results. */
int irqchip_deliver_msi(struct irqchip *chip, u32 address, u32 data);
/* Any message; @from matters for shorthands, else NULL. The same results. */
int irqchip_deliver(struct irqchip *chip, const struct lapic *from, const struct apic_msg *msg);

/*
 * KVM_SET_GSI_ROUTING: replaces all routes or, with -SWIVL_EINVAL, none. GSI beyond the table,
 * unknown type, chip or pin, a chip twice for one GSI, a message beside anything else.
 * Lines that are high stay so on the pins they were routed to.
 */
int irqchip_set_routing(struct irqchip *chip, const struct kvm_irq_routing_entry *entries, u32 nr);

/* A guest's port access of 1, 2 or 4 bytes: what is read, or -1 where the port is not ours. Wider
 * accesses are consecutive bytes, as on the ISA bus. */
s64 irqchip_port(struct irqchip *chip, u16 port, unsigned size, bool write, u32 val, u64 now);
/* A guest's access to memory, by the vCPU of @l, the same way: no register is above 32 bits. */
s64 irqchip_mmio(struct irqchip *chip, struct lapic *l, u64 gpa, unsigned size, bool write, u32 val,
		 u64 now);

/* An interrupt for this vCPU, if it takes them now? Cheap; see lapic.h on locking. */
static inline bool irqchip_pending(const struct lapic *l)
{
	return l->pending & (LAPIC_PENDING_VECTOR | LAPIC_PENDING_EXTINT);
}
/* The vCPU takes it: the vector, or -1 if there is none. The PIC goes first, as in KVM. */
int irqchip_ack(struct irqchip *chip, struct lapic *l);

#endif
