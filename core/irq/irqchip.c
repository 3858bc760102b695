// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The interrupt chips of one VM, wired together. */
#include "core/irq/irqchip.h"
#include "swivl/abi.h"

/* ---- from the chips --------------------------------------------------------------------- */

static void pic_intr(void *ctx, bool level)
{
	struct irqchip *chip = ctx;
	unsigned i;

	for (i = 0; i < chip->nr_lapics; i++)
		lapic_set_lint0(chip->lapic[i], level);
}

/* The tick's GSI, whose acknowledgement frees the next tick. */
static const struct irq_route *pit_route(const struct irqchip *chip)
{
	return &chip->route[chip->active][0];
}

static void pic_ready(void *ctx, unsigned pin)
{
	struct irqchip *chip = ctx;

	if (pit_route(chip)->pic_pins >> pin & 1)
		pit_ready(&chip->pit);
}

static void ioapic_ready(void *ctx, unsigned pin)
{
	struct irqchip *chip = ctx;

	if (pit_route(chip)->ioapic_pins >> pin & 1)
		pit_ready(&chip->pit);
}

static int ioapic_send(void *ctx, const struct apic_msg *msg)
{
	return irqchip_deliver(ctx, NULL, msg);
}

static int pit_tick(void *ctx)
{
	int r = irqchip_set_line(ctx, 0, IRQ_SOURCE_PIT, true);

	irqchip_set_line(ctx, 0, IRQ_SOURCE_PIT, false);
	return r;
}

static void lapic_send(void *ctx, struct lapic *from, const struct apic_msg *msg)
{
	irqchip_deliver(ctx, from, msg);
}

static void lapic_eoi(void *ctx, u8 vector, bool level)
{
	struct irqchip *chip = ctx;

	if (ioapic_wants_eoi(&chip->ioapic, vector))
		ioapic_eoi(&chip->ioapic, vector, level);
}

static void lapic_kick(void *ctx, unsigned index)
{
	struct irqchip *chip = ctx;

	chip->kick(chip->ctx, index);
}

/* ---- to the local APICs ----------------------------------------------------------------- */

static bool is_target(const struct lapic *l, const struct lapic *from, const struct apic_msg *msg)
{
	switch (msg->shorthand) {
	case APIC_TO_DEST:
		return lapic_matches(l, msg->dest, msg->logical);
	case APIC_TO_SELF:
		return l == from;
	case APIC_TO_ALL:
		return true;
	default:
		return l != from;
	}
}

/* The target that does the least important work; those with equal priority take turns. */
static int deliver_lowest(struct irqchip *chip, const struct lapic *from,
			  const struct apic_msg *msg)
{
	struct lapic *best = NULL;
	unsigned i, n = chip->nr_lapics;

	for (i = 0; i < n; i++) {
		struct lapic *l = chip->lapic[(chip->lowest + i) % n];

		if (!lapic_soft_enabled(l) || !is_target(l, from, msg))
			continue;
		if (!best || l->reg[LAPIC_PPR] < best->reg[LAPIC_PPR])
			best = l;
	}
	if (!best)
		return -1;
	chip->lowest = best->index + 1u;
	return lapic_accept(best, msg);
}

int irqchip_deliver(struct irqchip *chip, const struct lapic *from, const struct apic_msg *msg)
{
	int r, sum = -1;
	unsigned i;

	if (msg->mode == APIC_LOWEST || (msg->redirect && msg->logical && msg->mode == APIC_FIXED))
		return deliver_lowest(chip, from, msg);
	for (i = 0; i < chip->nr_lapics; i++) {
		if (!is_target(chip->lapic[i], from, msg))
			continue;
		r = lapic_accept(chip->lapic[i], msg);
		if (r >= 0)
			sum = sum < 0 ? r : sum + r;
	}
	return sum;
}

/* SDM vol. 3, 11.11: message address and data. */
int irqchip_deliver_msi(struct irqchip *chip, u32 address, u32 data)
{
	struct apic_msg msg = {
		.dest = address >> 12 & 0xff,
		.logical = address >> 2 & 1,
		.redirect = address >> 3 & 1,
		.vector = (u8)data,
		.mode = data >> 8 & 7,
		.level = data >> 15 & 1,
		.assert = data >> 14 & 1,
	};

	if (msg.dest == 0xff && !msg.logical)
		msg.dest = APIC_EVERYONE;
	return irqchip_deliver(chip, NULL, &msg);
}

/* ---- lines and routes ------------------------------------------------------------------- */

int irqchip_set_line(struct irqchip *chip, u32 gsi, enum irq_source source, bool level)
{
	struct irq_route route;
	int r, sum = -1;
	u8 bit = (u8)(1 << source);

	if (gsi >= IRQCHIP_MAX_GSI)
		return -1;
	gsi = guarded_index(gsi, IRQCHIP_MAX_GSI);
	route = chip->route[chip->active][gsi];
	if (route.msi)
		return level ? irqchip_deliver_msi(chip, route.address, route.data) : -1;
	chip->sources[gsi] = (u8)((chip->sources[gsi] & ~bit) | (level ? bit : 0));
	level = chip->sources[gsi];
	if (route.pic_pins) {
		r = pic_set_line(&chip->pic, (unsigned)__builtin_ctz(route.pic_pins), level);
		sum = r;
	}
	if (route.ioapic_pins) {
		r = ioapic_set_line(&chip->ioapic, (unsigned)__builtin_ctz(route.ioapic_pins),
				    level);
		if (r >= 0)
			sum = sum < 0 ? r : sum + r;
	}
	return sum;
}

static int add_route(struct irq_route *r, const struct kvm_irq_routing_entry *e)
{
	u32 pin = e->u.irqchip.pin;

	if (r->msi || e->flags)
		return -SWIVL_EINVAL;
	if (e->type == KVM_IRQ_ROUTING_MSI) {
		if (r->pic_pins || r->ioapic_pins)
			return -SWIVL_EINVAL;
		r->msi = true;
		r->address = e->u.msi.address_lo;
		r->data = e->u.msi.data;
		return 0;
	}
	if (e->type != KVM_IRQ_ROUTING_IRQCHIP)
		return -SWIVL_EINVAL;
	switch (e->u.irqchip.irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		if (pin >= PIC_PINS / 2 || r->pic_pins)
			return -SWIVL_EINVAL;
		r->pic_pins = (u16)(1 << (pin + 8 * e->u.irqchip.irqchip));
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		if (pin >= IOAPIC_PINS || r->ioapic_pins)
			return -SWIVL_EINVAL;
		r->ioapic_pins = 1u << pin;
		return 0;
	default:
		return -SWIVL_EINVAL;
	}
}

static void use_routes(struct irqchip *chip, unsigned table)
{
	chip->active = table;
	ioapic_watch(&chip->ioapic, pit_route(chip)->ioapic_pins);
}

int irqchip_set_routing(struct irqchip *chip, const struct kvm_irq_routing_entry *entries, u32 nr)
{
	struct irq_route *table = chip->route[!chip->active];
	u32 i;

	memset(table, 0, sizeof(chip->route[0]));
	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= IRQCHIP_MAX_GSI ||
		    add_route(&table[entries[i].gsi], &entries[i]))
			return -SWIVL_EINVAL;
	}
	use_routes(chip, !chip->active);
	return 0;
}

/* ---- the guest's accesses ---------------------------------------------------------------- */

static bool is_pic_port(u16 port)
{
	return (port & ~0x81) == 0x20 || (port & ~1) == 0x4d0;
}

static bool is_pit_port(const struct irqchip *chip, u16 port)
{
	return chip->has_pit && ((port & ~3) == 0x40 || (port == 0x61 && chip->has_speaker));
}

/* What is read, 0 after a write; -1: not ours. */
static inline int port_byte(struct irqchip *chip, u16 port, bool write, u8 val, u64 now)
{
	if (is_pic_port(port)) {
		if (!write)
			return pic_read(&chip->pic, port);
		pic_write(&chip->pic, port, val);
	} else if (is_pit_port(chip, port)) {
		if (!write)
			return pit_read(&chip->pit, port, now);
		pit_write(&chip->pit, port, val, now);
	} else {
		return -1;
	}
	return 0;
}

COLD s64 port_wide(struct irqchip *chip, u16 port, unsigned size, bool write, u32 val, u64 now)
{
	s64 in = port_byte(chip, port, write, (u8)val, now);
	unsigned i;

	for (i = 1; in >= 0 && i < size && i < 4; i++) {
		val >>= 8;
		in |= (u64)(u8)port_byte(chip, (u16)(port + i), write, (u8)val, now) << 8 * i;
	}
	return in;
}

s64 irqchip_port(struct irqchip *chip, u16 port, unsigned size, bool write, u32 val, u64 now)
{
	if (size == 1)
		return port_byte(chip, port, write, (u8)val, now);
	return port_wide(chip, port, size, write, val, now);
}

/* Registers are 32 bits at multiples of 16 bytes. Parts can be read, only wholes written
 * (SDM vol. 3, 11.4.1); what is nothing of this reads 0. */
static u32 lapic_mmio(struct lapic *l, unsigned offset, unsigned size, bool write, u32 val, u64 now)
{
	unsigned byte = offset & 15;

	if (write) {
		if (size == 4 && !byte)
			lapic_write(l, offset >> 4, val, now);
		return 0;
	}
	if (byte + size > 4)
		return 0;
	return lapic_read(l, offset >> 4, now) >> 8 * byte;
}

s64 irqchip_mmio(struct irqchip *chip, struct lapic *l, u64 gpa, unsigned size, bool write, u32 val,
		 u64 now)
{
	u32 mask = size < 4 ? (1u << 8 * size) - 1 : ~0u;
	u64 offset = gpa - chip->ioapic.base;

	if ((gpa & ~0xfffull) == l->mmio_base)
		return lapic_mmio(l, gpa & 0xfff, size, write, val, now) & mask;
	if (offset >= IOAPIC_SIZE)
		return -1;
	if (!write)
		return ioapic_read(&chip->ioapic, (unsigned)offset) & mask;
	ioapic_write(&chip->ioapic, (unsigned)offset, val & mask);
	return 0;
}

int irqchip_ack(struct irqchip *chip, struct lapic *l)
{
	if (l->pending & LAPIC_PENDING_EXTINT)
		return pic_ack(&chip->pic);
	if (l->pending & LAPIC_PENDING_VECTOR)
		return lapic_ack(l);
	return -1;
}

/* ---- making one -------------------------------------------------------------------------- */

void irqchip_init(struct irqchip *chip, void (*kick)(void *ctx, unsigned vcpu_index), void *ctx)
{
	struct pic_ops pic_ops = { chip, pic_intr, pic_ready };
	struct ioapic_ops ioapic_ops = { chip, ioapic_send, ioapic_ready };
	struct lapic_ops lapic_ops = { chip, lapic_send, lapic_eoi, lapic_kick };
	unsigned gsi;

	memset(chip, 0, sizeof(*chip));
	chip->kick = kick;
	chip->ctx = ctx;
	chip->lapic_ops = lapic_ops;
	pic_init(&chip->pic, &pic_ops);
	ioapic_init(&chip->ioapic, &ioapic_ops);
	chip->pit.deadline = PIT_NEVER;
	for (gsi = 0; gsi < IOAPIC_PINS; gsi++) {
		chip->route[0][gsi].ioapic_pins = 1u << gsi;
		chip->route[0][gsi].pic_pins = (u16)(1u << gsi);
	}
	use_routes(chip, 0);
}

void irqchip_create_pit(struct irqchip *chip, bool speaker, u64 now)
{
	struct pit_ops ops = { chip, pit_tick };

	pit_init(&chip->pit, &ops, now);
	chip->has_pit = true;
	chip->has_speaker = speaker;
}

int irqchip_add_lapic(struct irqchip *chip, struct lapic *l, unsigned index, u8 id, bool bsp,
		      u32 tsc_khz)
{
	if (index != chip->nr_lapics || index >= IRQCHIP_MAX_VCPUS)
		return -SWIVL_EINVAL;
	lapic_init(l, index, id, bsp, tsc_khz, &chip->lapic_ops);
	chip->lapic[index] = l;
	chip->nr_lapics++;
	lapic_set_lint0(l, chip->pic.out);
	return 0;
}
