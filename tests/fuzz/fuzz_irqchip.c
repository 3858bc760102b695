// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/irq/irqchip.c core/irq/state.c core/irq/ioapic.c core/irq/lapic.c core/irq/pic.c core/irq/pit.c
/*
 * A random stream of operations on the chips of a VM. After each: what is cached agrees with what
 * it was made from, nothing waits without a kick, and states survive a round trip.
 */
#include <stdint.h>
#include <stdlib.h>
#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "core/irq/irqchip.h"
#include "core/irq/state.h"

#define CPUS 3
#define CHECK(x)                          \
	do {                              \
		if (!(x))                 \
			__builtin_trap(); \
	} while (0)

static struct irqchip chip;
static struct lapic lapic[CPUS];
static bool kicked[CPUS];
static unsigned depth;
static const u8 *in;
static size_t left;

static void on_kick(void *ctx, unsigned index)
{
	CHECK(index < CPUS);
	CHECK(++depth < 100000); /* one operation cannot go on for ever */
	kicked[index] = true;
}

static u64 take(unsigned bytes)
{
	u64 v = 0;

	for (; bytes && left; bytes--, left--)
		v = v << 8 | *in++;
	return v;
}

/* Values near what has a meaning, more often than others. */
static u64 any64(void)
{
	u8 kind = (u8)take(1);

	switch (kind & 7) {
	case 0:
		return take(8);
	case 1:
		return ~0ull - take(2);
	case 2:
		return 1ull << (take(1) & 63);
	default:
		return take(kind & 4 ? 4 : 2);
	}
}

static unsigned top(const u32 *bits)
{
	int v;

	for (v = 255; v > 0 && !(bits[v / 32] >> (v % 32) & 1); v--)
		;
	return (unsigned)v;
}

static void check_lapic(struct lapic *l, u32 before)
{
	u32 lvt = l->reg[LAPIC_LVT_LINT0], lint0 = LAPIC_PENDING_EXTINT;
	unsigned irr = top(&l->reg[LAPIC_IRR]), isr = top(&l->reg[LAPIC_ISR]);
	unsigned tpr = l->reg[LAPIC_TPR];
	unsigned ppr = tpr >> 4 >= isr >> 4 ? tpr : isr & 0xf0;

	CHECK(tpr <= 0xff);
	CHECK(l->irr_top == irr && l->isr_top == isr && l->reg[LAPIC_PPR] == ppr);
	CHECK(!(l->pending & LAPIC_PENDING_VECTOR) == !(lapic_enabled(l) && irr >> 4 > ppr >> 4));
	if (!chip.pic.out ||
	    (lapic_enabled(l) && ((lvt & LAPIC_LVT_MASKED) || (lvt & 0x700) != 0x700)))
		lint0 = 0;
	CHECK((l->pending & LAPIC_PENDING_EXTINT) == lint0);
	CHECK(l->lint0 == chip.pic.out);
	CHECK(!(l->pending & ~before) || kicked[l->index]);
	CHECK(l->reg[LAPIC_VERSION] == LAPIC_VERSION_VALUE);
	CHECK(!l->tsc_deadline || (l->reg[LAPIC_LVT_TIMER] & 1u << 18));
	CHECK((l->mmio_base == ~0ull) == ((l->base >> 10 & 3) != 2));
}

static void check_others(void)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		const struct pic_chip *c = &chip.pic.chip[i];

		CHECK(c->first < 8 && !(c->base & 7) && c->init <= PIC_ICW4);
		CHECK(!(c->elcr & ~pic_elcr_mask(i)));
	}
	CHECK(!(chip.pic.chip[0].lines & 1 << PIC_CASCADE));
	for (i = 0; i < IOAPIC_PINS; i++) {
		u64 e = chip.ioapic.entry[i];

		CHECK(!(e & ~(IOAPIC_GUEST_BITS | IOAPIC_REMOTE_IRR)));
		CHECK(!(e & IOAPIC_REMOTE_IRR) || (e & IOAPIC_LEVEL));
		if (e & IOAPIC_LEVEL)
			CHECK(ioapic_wants_eoi(&chip.ioapic, (u8)e));
	}
	for (i = 0; i < 3; i++) {
		const struct pit_channel *c = &chip.pit.ch[i];

		CHECK(c->count <= 65536 && (c->mode <= 5 || c->mode == PIT_NO_MODE));
	}
	CHECK(chip.pit.missed <= PIT_MAX_MISSED);
	CHECK(chip.pit.reinject || (!chip.pit.waiting && !chip.pit.missed));
}

static void fill(void *p, size_t size)
{
	u8 *b = p;

	memset(p, (int)take(1), size);
	for (size_t n = take(1); n && left; n--)
		b[take(2) % size] = (u8)take(1);
}

static void op_state(u64 now)
{
	struct kvm_pic_state pic, pic2;
	struct kvm_ioapic_state io, io2;
	struct kvm_lapic_state la, la2;
	struct kvm_pit_state2 pit, pit2;
	unsigned which = (unsigned)take(1), cpu = which / 8 % CPUS;
	bool fresh = which & 4;

	switch (which & 3) {
	case 0:
		pic_get_state(&chip.pic, cpu & 1, &pic);
		if (fresh)
			fill(&pic, sizeof(pic));
		pic_set_state(&chip.pic, cpu & 1, &pic);
		pic_get_state(&chip.pic, cpu & 1, &pic2);
		CHECK(fresh || !memcmp(&pic, &pic2, sizeof(pic)));
		break;
	case 1:
		ioapic_get_state(&chip.ioapic, &io);
		if (fresh)
			fill(&io, sizeof(io));
		ioapic_set_state(&chip.ioapic, &io);
		ioapic_get_state(&chip.ioapic, &io);
		ioapic_set_state(&chip.ioapic, &io);
		ioapic_get_state(&chip.ioapic, &io2);
		/* Nobody may have taken what was sent again; that may end after the first time. */
		io.irr = io2.irr;
		for (unsigned i = 0; i < IOAPIC_PINS; i++)
			io.redirtbl[i].fields.remote_irr = io2.redirtbl[i].fields.remote_irr;
		CHECK(!memcmp(&io, &io2, sizeof(io)));
		break;
	case 2:
		lapic_get_state(&lapic[cpu], &la, now);
		if (fresh)
			fill(&la, sizeof(la));
		if (lapic_set_state(&lapic[cpu], &la, now))
			break;
		lapic_get_state(&lapic[cpu], &la2, now);
		CHECK(fresh || !memcmp(la.regs, la2.regs, 0x390));
		break;
	default:
		pit_get_state(&chip.pit, &pit);
		if (fresh)
			fill(&pit, sizeof(pit));
		pit_set_state(&chip.pit, &pit, now);
		pit_get_state(&chip.pit, &pit2);
		CHECK(fresh || !memcmp(&pit.channels[0], &pit2.channels[0],
				       offsetof(struct kvm_pit_channel_state, count_load_time)));
		break;
	}
}

static void op_routing(void)
{
	struct kvm_irq_routing_entry e[8];
	u32 i, n = take(1) & 7;

	memset(e, 0, sizeof(e));
	for (i = 0; i < n; i++) {
		e[i].gsi = (u32)take(2) % (IRQCHIP_MAX_GSI + 2);
		e[i].type = (u32)take(1) & 3;
		e[i].u.irqchip.irqchip = (u32)take(1) & 3;
		e[i].u.irqchip.pin = (u32)take(1) & 31;
		e[i].u.msi.data = (u32)take(2);
	}
	irqchip_set_routing(&chip, e, n);
}

static void op_guest(struct lapic *l, u64 now, u64 tsc)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1,
				     0x40, 0x41, 0x42, 0x43, 0x61,  0x22 };
	u8 kind = (u8)take(1);
	bool write = kind & 0x80;
	unsigned size = 1u << (kind >> 5 & 3);
	u64 v = any64();

	switch (kind & 7) {
	case 0:
	case 1:
		irqchip_port(&chip, ports[take(1) % ARRAY_SIZE(ports)], size & 7, write, (u32)v, now);
		break;
	case 2:
		irqchip_mmio(&chip, l, chip.ioapic.base + (kind & 8 ? 0x10 : 0), 4, write, (u32)v, now);
		break;
	case 3:
		irqchip_mmio(&chip, l, any64(), size, write, (u32)v, now);
		break;
	case 4:
	case 5:
		lapic_write(l, (unsigned)take(1) & 0x3f, (u32)v, now);
		break;
	default:
		if (write)
			lapic_wrmsr(l, kind & 8 ? 0x6e0 : 0x800 + (u32)(take(1) & 0x7f), v, now,
				    tsc);
		else
			lapic_rdmsr(l, kind & 8 ? 0x6e0 : 0x800 + (u32)(take(1) & 0x7f), &v, now);
		break;
	}
}

/* Time does not go back, and not near its end (unit tests do that). */
static u64 later(u64 now, u64 deadline)
{
	return deadline > now && deadline < 1ull << 63 ? deadline : now;
}

static void op(u64 *now)
{
	u8 kind = (u8)take(1);
	struct lapic *l = &lapic[kind / 16 % CPUS];
	u64 tsc = *now * 2;

	switch (kind & 15) {
	case 0:
		irqchip_set_line(&chip, (u32)take(1), IRQ_SOURCE_USER, kind & 0x80);
		break;
	case 1:
		irqchip_deliver_msi(&chip, (u32)take(3) << 2, (u32)take(2));
		break;
	case 2:
		irqchip_ack(&chip, l);
		break;
	case 3:
		lapic_write(l, LAPIC_EOI, 0, *now);
		break;
	case 4:
		*now += take(4);
		break;
	case 5:
		*now = later(*now, chip.pit.deadline);
		pit_advance(&chip.pit, *now);
		CHECK(chip.pit.deadline > *now);
		break;
	case 6:
		*now = later(*now, l->deadline);
		lapic_advance(l, *now, *now * 2);
		CHECK(l->deadline > *now);
		break;
	case 7:
		lapic_set_base(l, any64(), kind & 0x80);
		break;
	case 8:
		lapic_reset(l);
		break;
	case 9:
		lapic_take(l, (u32)take(1) & ~3u);
		break;
	case 10:
		op_routing();
		break;
	case 11:
		op_state(*now);
		break;
	case 12:
		pit_set_reinject(&chip.pit, kind & 0x80);
		break;
	default:
		op_guest(l, *now, tsc);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u64 now;
	unsigned i;

	in = data;
	left = size;
	irqchip_init(&chip, on_kick, NULL);
	now = take(1) & 1 ? take(8) >> 1 : 1000;
	irqchip_create_pit(&chip, true, now);
	for (i = 0; i < CPUS; i++) {
		irqchip_add_lapic(&chip, &lapic[i], i, (u8)i, i == 0, 2000000);
		lapic_write(&lapic[i], LAPIC_SVR, 0x1ff, now);
	}
	while (left) {
		u32 before[CPUS];

		depth = 0;
		for (i = 0; i < CPUS; i++) {
			before[i] = lapic[i].pending;
			kicked[i] = false;
		}
		op(&now);
		for (i = 0; i < CPUS; i++)
			check_lapic(&lapic[i], before[i]);
		check_others();
	}
	return 0;
}
