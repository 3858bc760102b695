// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/irq/irqchip.c core/irq/state.c core/irq/ioapic.c core/irq/lapic.c core/irq/pic.c core/irq/pit.c
/* The chips of a VM together: from lines, messages and timers to vectors at a vCPU. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include <string.h>
#include "core/irq/irqchip.h"
#include "core/irq/state.h"

#define CPUS 4
#define LEVEL (1u << 15)
#define MASKED (1u << 16)

static struct irqchip chip;
static struct lapic lapic[IRQCHIP_MAX_VCPUS];
static unsigned kicks[IRQCHIP_MAX_VCPUS];
static u64 now;

static void on_kick(void *ctx, unsigned index)
{
	assert_ptr_equal(ctx, &kicks);
	kicks[index]++;
}

static void port_out(u16 port, u8 val)
{
	assert_true(irqchip_port(&chip, port, 1, true, val, now) >= 0);
}

static u8 port_in(u16 port)
{
	s64 v = irqchip_port(&chip, port, 1, false, 0xdeadbeef, now);

	assert_true(v >= 0 && v <= 0xff);
	return (u8)v;
}

/* True if the chips know the address; a read leaves what it found in *v. */
static bool mmio(unsigned cpu, u64 gpa, unsigned size, bool write, u64 *v)
{
	s64 in = irqchip_mmio(&chip, &lapic[cpu], gpa, size, write, (u32)*v, now);

	if (in >= 0 && !write)
		*v = (u64)in;
	return in >= 0;
}

static void apic_write(unsigned cpu, unsigned offset, u32 val)
{
	u64 v = val;

	assert_true(mmio(cpu, 0xfee00000 + offset, 4, true, &v));
}

static u32 apic_read(unsigned cpu, unsigned offset)
{
	u64 v = 0;

	assert_true(mmio(cpu, 0xfee00000 + offset, 4, false, &v));
	return (u32)v;
}

static void ioapic_entry(unsigned pin, u32 high, u32 low)
{
	u64 v = 0x11 + 2 * pin;

	mmio(0, 0xfec00000, 4, true, &v);
	v = high;
	mmio(0, 0xfec00010, 4, true, &v);
	v = 0x10 + 2 * pin;
	mmio(0, 0xfec00000, 1, true, &v);
	v = low;
	assert_true(mmio(0, 0xfec00010, 4, true, &v));
}

static void init_pic(void)
{
	static const struct {
		u16 port;
		u8 val;
	} steps[] = { { 0x20, 0x11 }, { 0x21, 0x30 }, { 0x21, 4 }, { 0x21, 1 },    { 0xa0, 0x11 },
		      { 0xa1, 0x38 }, { 0xa1, 2 },    { 0xa1, 1 }, { 0x21, 0x00 }, { 0xa1, 0x00 } };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		port_out(steps[i].port, steps[i].val);
}

static int setup(void **state)
{
	unsigned i;

	now = 1000000000;
	memset(kicks, 0, sizeof(kicks));
	irqchip_init(&chip, on_kick, &kicks);
	irqchip_create_pit(&chip, true, now);
	for (i = 0; i < CPUS; i++) {
		assert_int_equal(irqchip_add_lapic(&chip, &lapic[i], i, (u8)i, i == 0, 1000000), 0);
		apic_write(i, 0xf0, 0x1ff);
	}
	/* As a firmware would, for the virtual wire. */
	apic_write(0, 0x350, 0x700);
	memset(kicks, 0, sizeof(kicks));
	return 0;
}

static int user_line(u32 gsi, bool level)
{
	return irqchip_set_line(&chip, gsi, IRQ_SOURCE_USER, level);
}

static int ack(unsigned cpu)
{
	return irqchip_ack(&chip, &lapic[cpu]);
}

static void eoi(unsigned cpu)
{
	apic_write(cpu, 0xb0, 0);
}

static void route(struct kvm_irq_routing_entry *e, u32 gsi, u32 irqchip, u32 pin)
{
	memset(e, 0, sizeof(*e));
	e->gsi = gsi;
	e->type = KVM_IRQ_ROUTING_IRQCHIP;
	e->u.irqchip.irqchip = irqchip;
	e->u.irqchip.pin = pin;
}

static void test_add_lapic(void **state)
{
	unsigned i;

	assert_int_equal(irqchip_add_lapic(&chip, &lapic[6], 6, 6, false, 1), -SWIVL_EINVAL);
	for (i = CPUS; i < IRQCHIP_MAX_VCPUS; i++)
		assert_int_equal(irqchip_add_lapic(&chip, &lapic[i], i, (u8)i, false, 1), 0);
	assert_int_equal(irqchip_add_lapic(&chip, &lapic[0], 64, 64, false, 1), -SWIVL_EINVAL);
	/* An index that is not this VM's cannot come from a message to everyone. */
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfeeff000, 0x400), 64);
}

static void test_virtual_wire(void **state)
{
	init_pic();
	assert_int_equal(user_line(4, true), 1);
	assert_true(irqchip_pending(&lapic[0]));
	assert_false(irqchip_pending(&lapic[1]));
	assert_int_equal(kicks[0], 1);
	assert_int_equal(kicks[1], 0);
	apic_write(0, 0x80, 0xff); /* the task priority does not hold it back */
	assert_int_equal(ack(0), 0x34);
	assert_false(irqchip_pending(&lapic[0]));
	assert_int_equal(ack(0), -1);
	assert_int_equal(apic_read(0, 0x110), 0); /* not in service in the local APIC */
	port_out(0x20, 0x20);
	/* The PIC goes before the local APIC. */
	apic_write(0, 0x80, 0);
	irqchip_deliver_msi(&chip, 0xfee00000, 0xf0);
	user_line(11, true);
	assert_int_equal(ack(0), 0x3b);
	assert_int_equal(ack(0), 0xf0);
	/* Hardware-disabled: the CPU's INTR pin. */
	port_out(0xa0, 0x20);
	port_out(0x20, 0x20);
	apic_write(0, 0x350, MASKED | 0x700);
	user_line(3, true);
	assert_false(irqchip_pending(&lapic[0]));
	assert_int_equal(lapic_set_base(&lapic[0], 0xfee00100, false), 0);
	assert_true(irqchip_pending(&lapic[0]));
	assert_int_equal(ack(0), 0x33);
}

static void test_late_cpu_sees_the_pic(void **state)
{
	init_pic();
	user_line(4, true);
	irqchip_add_lapic(&chip, &lapic[4], 4, 4, true, 1);
	assert_true(irqchip_pending(&lapic[4]));
	assert_int_equal(kicks[4], 1);
}

static void test_ioapic_level_and_eoi(void **state)
{
	ioapic_entry(10, 2u << 24, LEVEL | 0x5a);
	assert_int_equal(user_line(10, true), 1 + 1); /* the PIC, unmasked at power-on, too */
	port_out(0xa1, 0xff);
	port_out(0x21, 0xff);
	assert_int_equal(kicks[2], 1);
	assert_int_equal(ack(2), 0x5a);
	assert_int_equal(user_line(10, true), 0);
	eoi(2);
	assert_int_equal(ack(2), 0x5a); /* still high */
	assert_int_equal(user_line(10, false), 0);
	eoi(2);
	assert_int_equal(ack(2), -1);
	assert_false(chip.ioapic.entry[10] & IOAPIC_REMOTE_IRR);
	/* Masked everywhere: ignored. */
	ioapic_entry(10, 2u << 24, MASKED | LEVEL | 0x5a);
	assert_int_equal(user_line(10, true), -1);
	/* A message with the same vector as an edge is not the line's EOI. */
	ioapic_entry(10, 2u << 24, LEVEL | 0x5a);
	assert_int_equal(ack(2), 0x5a);
	eoi(2);
	assert_int_equal(ack(2), 0x5a);
	lapic[2].reg[LAPIC_TMR + 2] = 0;
	eoi(2);
	assert_true(chip.ioapic.entry[10] & IOAPIC_REMOTE_IRR);
}

static void test_sources_are_ored(void **state)
{
	ioapic_entry(10, 0, LEVEL | 0x5a);
	user_line(10, true);
	irqchip_set_line(&chip, 10, IRQ_SOURCE_RESAMPLE, true);
	user_line(10, false);
	assert_true(chip.ioapic.lines & 1 << 10);
	irqchip_set_line(&chip, 10, IRQ_SOURCE_RESAMPLE, false);
	assert_false(chip.ioapic.lines & 1 << 10);
	assert_int_equal(user_line(IRQCHIP_MAX_GSI, true), -1);
	assert_int_equal(user_line(~0u, true), -1);
	assert_int_equal(user_line(100, true), -1); /* no route */
}

static void test_msi(void **state)
{
	unsigned i;

	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee03000, 0x61), 1);
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee03000, 0x61), 0);
	assert_int_equal(ack(3), 0x61);
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee30000, 0x61), -1); /* nobody */
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfeeff000, 0x62), CPUS);
	/* Level, asserted and not. */
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee01000, 0xc063), 1);
	assert_int_equal(lapic[1].reg[LAPIC_TMR + 3], 1 << 3);
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee01000, 0x8064), -1);
	/* Logical, to a set, and to the one of it that does the least. */
	for (i = 0; i < CPUS; i++) {
		apic_write(i, 0xd0, 1u << (24 + i));
		lapic_set_tpr(&lapic[i], 0x80);
	}
	lapic_set_tpr(&lapic[2], 0x20);
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee07004, 0x91), 3);
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee0700c, 0x92), 1);
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee07004, 0x193), 1);
	assert_int_equal(lapic[2].irr_top, 0x93);
	assert_int_equal(lapic[0].irr_top, 0x91);
	lapic_set_tpr(&lapic[2], 0);
	assert_int_equal(ack(2), 0x93);
	assert_int_equal(ack(2), -1);
	/* A CPU whose APIC is off is not chosen; without any, nobody. */
	apic_write(2, 0xf0, 0xff);
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee0400c, 0x94), -1);
	assert_int_equal(irqchip_deliver_msi(&chip, 0xfee0700c, 0x94), 1);
	assert_int_equal(lapic[2].irr_top, 0x92);
}

static void test_lowest_takes_turns(void **state)
{
	unsigned i, got[CPUS] = { 0 };

	for (i = 0; i < CPUS; i++)
		apic_write(i, 0xd0, 1u << (24 + i));
	for (i = 0; i < 4 * CPUS; i++) {
		assert_int_equal(irqchip_deliver_msi(&chip, 0xfee0f004, 0x150), 1);
		for (unsigned c = 0; c < CPUS; c++) {
			if (ack(c) < 0)
				continue;
			got[c]++;
			eoi(c);
		}
	}
	for (i = 0; i < CPUS; i++)
		assert_int_equal(got[i], 4);
}

static void test_ipi_shorthands(void **state)
{
	apic_write(1, 0x300, 0x40000 | 0x41);
	assert_int_equal(ack(1), 0x41);
	apic_write(1, 0x300, 0x80000 | 0x51);
	for (unsigned i = 0; i < CPUS; i++)
		assert_int_equal(ack(i), 0x51);
	apic_write(1, 0x300, 0xc0000 | 0x61);
	for (unsigned i = 0; i < CPUS; i++)
		assert_int_equal(ack(i), i == 1 ? -1 : 0x61);
	apic_write(1, 0x300, 0xc0000 | 0x400);
	for (unsigned i = 0; i < CPUS; i++)
		assert_int_equal(lapic_take(&lapic[i], LAPIC_PENDING_NMI) != 0, i != 1);
	apic_write(1, 0x310, 0xff000000);
	apic_write(1, 0x300, 0x71);
	for (unsigned i = 0; i < CPUS; i++)
		assert_int_equal(ack(i), 0x71);
}

/* As Linux starts a CPU: INIT, INIT level de-assert, two STARTUPs. */
static void test_start_of_a_cpu(void **state)
{
	apic_write(0, 0x310, 2u << 24);
	apic_write(0, 0x300, 0xc500);
	assert_int_equal(lapic[2].pending, LAPIC_PENDING_INIT);
	apic_write(0, 0x310, 2u << 24);
	apic_write(0, 0x300, 0x8500);
	assert_int_equal(lapic_take(&lapic[2], LAPIC_PENDING_INIT), LAPIC_PENDING_INIT);
	lapic_reset(&lapic[2]);
	apic_write(0, 0x300, 0x69a);
	apic_write(0, 0x300, 0x69a);
	assert_int_equal(lapic[2].pending, LAPIC_PENDING_SIPI);
	assert_int_equal(lapic[2].sipi_vector, 0x9a);
	assert_int_equal(kicks[2], 2);
	assert_int_equal(kicks[1] + kicks[3], 0);
	assert_int_equal(apic_read(0, 0x300) & 0x1000, 0);
}

static void test_routing(void **state)
{
	struct kvm_irq_routing_entry e[4];

	route(&e[0], 0, KVM_IRQCHIP_PIC_MASTER, 0);
	route(&e[1], 0, KVM_IRQCHIP_IOAPIC, 2);
	route(&e[2], 9, KVM_IRQCHIP_PIC_SLAVE, 1);
	memset(&e[3], 0, sizeof(e[3]));
	e[3].gsi = IRQCHIP_MAX_GSI - 1;
	e[3].type = KVM_IRQ_ROUTING_MSI;
	e[3].u.msi.address_lo = 0xfee01000;
	e[3].u.msi.data = 0x77;
	assert_int_equal(irqchip_set_routing(&chip, e, 4), 0);
	assert_int_equal(user_line(IRQCHIP_MAX_GSI - 1, true), 1);
	assert_int_equal(user_line(IRQCHIP_MAX_GSI - 1, false), -1);
	assert_int_equal(ack(1), 0x77);
	ioapic_entry(2, 3u << 24, 0x42);
	port_out(0x21, 0xff);
	assert_int_equal(user_line(0, true), 1);
	assert_int_equal(ack(3), 0x42);
	user_line(9, true);
	assert_int_equal(chip.pic.chip[1].lines, 2);
	assert_int_equal(chip.ioapic.lines, 1 << 2);
	assert_int_equal(user_line(4, true), -1); /* had a route before */
	assert_int_equal(irqchip_set_routing(&chip, NULL, 0), 0);
	assert_int_equal(user_line(0, true), -1);
}

static void test_bad_routing(void **state)
{
	struct kvm_irq_routing_entry good, e[2];
	struct irq_route before[IRQCHIP_MAX_GSI];

	memcpy(before, chip.route[chip.active], sizeof(before));
	route(&good, 7, KVM_IRQCHIP_IOAPIC, 7);
#define BAD()                                                                         \
	do {                                                                          \
		assert_int_equal(irqchip_set_routing(&chip, e, 2), -SWIVL_EINVAL);    \
		assert_memory_equal(before, chip.route[chip.active], sizeof(before)); \
	} while (0)
	e[0] = good;
	route(&e[1], IRQCHIP_MAX_GSI, KVM_IRQCHIP_IOAPIC, 0);
	BAD();
	route(&e[1], ~0u, KVM_IRQCHIP_IOAPIC, 0);
	BAD();
	route(&e[1], 1, KVM_IRQCHIP_IOAPIC, 24);
	BAD();
	route(&e[1], 1, KVM_IRQCHIP_IOAPIC, ~0u);
	BAD();
	route(&e[1], 1, KVM_IRQCHIP_PIC_MASTER, 8);
	BAD();
	route(&e[1], 1, KVM_IRQCHIP_PIC_SLAVE, ~0u);
	BAD();
	route(&e[1], 1, 3, 0);
	BAD();
	e[1] = good; /* the same chip twice for a GSI */
	BAD();
	e[1].type = KVM_IRQ_ROUTING_MSI; /* a message beside a pin, either order */
	BAD();
	e[0] = e[1];
	e[1] = good;
	BAD();
	e[0] = e[1] = good;
	e[1].gsi = 8;
	e[1].type = 3;
	BAD();
	e[1].type = 0;
	BAD();
	e[1].type = KVM_IRQ_ROUTING_IRQCHIP;
	e[1].flags = 1;
	BAD();
	e[1].flags = 0;
	assert_int_equal(irqchip_set_routing(&chip, e, 2), 0);
}

static void test_ports(void **state)
{
	init_pic();
	assert_true(irqchip_port(&chip, 0x22, 1, false, 0, now) < 0);
	assert_true(irqchip_port(&chip, 0x1f, 1, false, 0, now) < 0);
	assert_true(irqchip_port(&chip, 0x3f, 1, false, 0, now) < 0);
	assert_true(irqchip_port(&chip, 0x44, 1, false, 0, now) < 0);
	assert_true(irqchip_port(&chip, 0x60, 1, false, 0, now) < 0);
	assert_true(irqchip_port(&chip, 0x4d2, 1, false, 0, now) < 0);
	assert_true(irqchip_port(&chip, 0x420, 1, false, 0, now) < 0);
	assert_true(irqchip_port(&chip, 0xffff, 4, false, 0, now) < 0);
	assert_true(irqchip_port(&chip, 0x4d0, 2, true, 0x0c20, now) >= 0);
	assert_true(irqchip_port(&chip, 0x4d0, 2, false, ~0u, now) == 0x0c20);
	assert_true(irqchip_port(&chip, 0xa1, 4, false, 0, now) == 0xffffff00);
	port_out(0x61, 3);
	assert_int_equal(port_in(0x61) & 3, 3);
	/* Without the PIT nothing is due. Without it, or its port 0x61, those are somebody else's. */
	irqchip_init(&chip, on_kick, &kicks);
	assert_true(chip.pit.deadline == PIT_NEVER);
	assert_true(irqchip_port(&chip, 0x40, 1, false, 0, now) < 0);
	irqchip_create_pit(&chip, false, now);
	assert_true(irqchip_port(&chip, 0x43, 1, false, 0, now) >= 0);
	assert_true(irqchip_port(&chip, 0x61, 1, false, 0, now) < 0);
}

static void test_mmio(void **state)
{
	u64 v = 0;

	assert_false(mmio(0, 0xfebfffff, 4, false, &v));
	assert_false(mmio(0, 0xfec00100, 4, false, &v));
	assert_false(mmio(0, 0xfee01000, 4, false, &v));
	assert_false(mmio(0, 0xfedfffff, 4, false, &v));
	assert_false(mmio(0, ~0ull, 8, false, &v));
	assert_true(mmio(3, 0xfee00020, 4, false, &v));
	assert_int_equal(v, 3u << 24);
	/* Parts of a register can be read; reads that cross its end find nothing. */
	assert_true(mmio(3, 0xfee00023, 1, false, &v));
	assert_int_equal(v, 3);
	assert_true(mmio(3, 0xfee00022, 2, false, &v));
	assert_int_equal(v, 0x300);
	assert_true(mmio(3, 0xfee00022, 4, false, &v));
	assert_int_equal(v, 0);
	assert_true(mmio(3, 0xfee00020, 8, false, &v));
	assert_int_equal(v, 0);
	v = 0x55;
	assert_true(mmio(3, 0xfee00080, 1, true, &v));
	assert_true(mmio(3, 0xfee00084, 4, true, &v));
	assert_int_equal(apic_read(3, 0x80), 0);
	assert_true(mmio(3, 0xfee00ff0, 4, true, &v));
	assert_true(mmio(3, 0xfee00fff, 8, false, &v));
	/* Disabled, or in x2APIC mode, there is no page; moved, it is elsewhere. */
	lapic_set_base(&lapic[3], 0xfee00c00, false);
	assert_false(mmio(3, 0xfee00020, 4, false, &v));
	lapic_set_base(&lapic[2], 0xd0000800, false);
	assert_false(mmio(2, 0xfee00020, 4, false, &v));
	assert_true(mmio(2, 0xd0000020, 4, false, &v));
	v = 1;
	assert_true(mmio(0, 0xfec00000, 8, true, &v));
	assert_true(mmio(0, 0xfec00010, 4, false, &v));
	assert_int_equal(v, 0x00170011);
	assert_true(mmio(0, 0xfec00010, 1, false, &v));
	assert_int_equal(v, 0x11);
}

static void start_pit(void)
{
	port_out(0x43, 0x34);
	port_out(0x40, 0x9c);
	port_out(0x40, 0x2e); /* 11932: about 100 Hz */
}

static void later(unsigned periods)
{
	now += periods * 10000250ull;
	pit_advance(&chip.pit, now);
}

static void test_pit_through_pic(void **state)
{
	unsigned n;

	init_pic();
	start_pit();
	assert_true(chip.pit.deadline > now);
	later(1);
	assert_int_equal(kicks[0], 1);
	assert_int_equal(ack(0), 0x30);
	/* Four periods in service: four more ticks, one at each EOI. */
	later(4);
	assert_int_equal(ack(0), -1);
	for (n = 0; n < 4; n++) {
		port_out(0x20, 0x20);
		assert_int_equal(ack(0), 0x30);
	}
	port_out(0x20, 0x60);
	assert_int_equal(ack(0), -1);
	/* Masked: no ticks are kept. Unmasked: they come again. */
	port_out(0x21, 1);
	later(10);
	port_out(0x21, 0);
	assert_int_equal(ack(0), 0x30); /* the one that the PIC itself remembers */
	port_out(0x20, 0x20);
	assert_int_equal(ack(0), -1);
	later(1);
	assert_int_equal(ack(0), 0x30);
}

static void test_pit_with_auto_eoi(void **state)
{
	unsigned n;

	init_pic();
	port_out(0x20, 0x11);
	port_out(0x21, 0x30);
	port_out(0x21, 4);
	port_out(0x21, 3);
	start_pit();
	later(5);
	for (n = 0; n < 5; n++)
		assert_int_equal(ack(0), 0x30);
	assert_int_equal(ack(0), -1);
}

static void test_pit_through_ioapic(void **state)
{
	struct kvm_irq_routing_entry e[2];
	unsigned n;

	route(&e[0], 0, KVM_IRQCHIP_PIC_MASTER, 0);
	route(&e[1], 0, KVM_IRQCHIP_IOAPIC, 2);
	assert_int_equal(irqchip_set_routing(&chip, e, 2), 0);
	init_pic();
	port_out(0x21, 0xff);
	ioapic_entry(2, 1u << 24, 0x30);
	start_pit();
	later(4);
	for (n = 0; n < 4; n++) {
		assert_int_equal(ack(1), 0x30);
		assert_int_equal(ack(1), -1);
		eoi(1);
	}
	assert_int_equal(ack(1), -1);
	assert_int_equal(ack(0), -1);
	later(1);
	assert_int_equal(ack(1), 0x30);
	/* The guest goes back to the PIC without an EOI: unmasking frees the tick. */
	ioapic_entry(2, 1u << 24, MASKED | 0x30);
	later(2);
	port_out(0x21, 0xfe);
	assert_int_equal(ack(0), 0x30);
}

static void test_pit_without_reinjection(void **state)
{
	init_pic();
	start_pit();
	pit_set_reinject(&chip.pit, false);
	later(5);
	assert_int_equal(ack(0), 0x30);
	port_out(0x20, 0x20);
	assert_int_equal(ack(0), -1);
}

static void test_pic_state(void **state)
{
	struct kvm_pic_state a[2], b[2];
	unsigned i;

	init_pic();
	user_line(4, true);
	user_line(12, true);
	port_out(0x21, 0x80);
	port_out(0xa1, 0x41);
	ack(0);
	port_out(0x20, 0x0b);
	port_out(0xa0, 0x11); /* in the middle of an initialization */
	port_out(0xa1, 0x38);
	for (i = 0; i < 2; i++)
		pic_get_state(&chip.pic, i, &a[i]);
	assert_int_equal(a[0].last_irr, 1 << 4);
	assert_int_equal(a[0].isr, 1 << 2); /* the slave goes first */
	assert_int_equal(a[0].elcr_mask, 0xf8);
	assert_int_equal(a[1].init_state, 2);
	setup(state);
	for (i = 0; i < 2; i++)
		pic_set_state(&chip.pic, i, &a[i]);
	for (i = 0; i < 2; i++)
		pic_get_state(&chip.pic, i, &b[i]);
	assert_memory_equal(a, b, sizeof(a));
	memset(a, 0xff, sizeof(a));
	for (i = 0; i < 2; i++)
		pic_set_state(&chip.pic, i, &a[i]);
	assert_int_equal(chip.pic.chip[0].first, 7);
	assert_int_equal(chip.pic.chip[0].elcr, 0xf8);
	assert_int_equal(chip.pic.chip[0].init, 3);
	for (i = 0; i < 2; i++) {
		pic_get_state(&chip.pic, i, &b[i]);
		pic_set_state(&chip.pic, i, &b[i]);
		pic_get_state(&chip.pic, i, &a[i]);
	}
	assert_memory_equal(a, b, sizeof(a));
}

/* Each member there and back, so that none is forgotten on the way. */
static void test_pic_state_members(void **state)
{
	static const struct kvm_pic_state patterns[] = {
		{ 0x51, 0x52, 0x37, 0x44, 5, 0x68, 1, 0, 1, 2, 0, 1, 0, 1, 0xa8, 0xf8 },
		{ 0x0a, 0xa0, 0xf1, 0x80, 2, 0xf8, 0, 1, 0, 1, 1, 0, 1, 0, 0x50, 0xf8 },
		{ 0x00, 0x00, 0x00, 0x00, 0, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xf8 },
	};
	struct kvm_pic_state s;
	unsigned i;

	port_out(0xa1, 0xff);
	for (i = 0; i < ARRAY_SIZE(patterns); i++) {
		pic_set_state(&chip.pic, 0, &patterns[i]);
		pic_get_state(&chip.pic, 0, &s);
		assert_memory_equal(&s, &patterns[i], sizeof(s));
	}
	/* The cascade pin is the slave's: no line, and no request that it does not make. */
	memset(&s, 0, sizeof(s));
	s.last_irr = s.irr = 1 << PIC_CASCADE;
	pic_set_state(&chip.pic, 0, &s);
	pic_get_state(&chip.pic, 0, &s);
	assert_int_equal(s.last_irr | s.irr, 0);
	s.last_irr = 4; /* of the slave it is a pin as any other */
	pic_set_state(&chip.pic, 1, &s);
	pic_get_state(&chip.pic, 1, &s);
	assert_int_equal(s.last_irr, 4);
	assert_int_equal(s.elcr_mask, 0xde);
}

static void test_pit_state_members(void **state)
{
	static const struct kvm_pit_state2 pattern = {
		.channels = { { 65535, 0x1234, 2, 1, 0x9a, 1, 4, 0x56, 3, 5, 0, 1, 0 },
			      { 65536, 0x4321, 3, 0, 0x21, 4, 3, 0x65, 1, 3, 1, 1, 0 },
			      { 1, 0xfedc, 1, 1, 0x43, 2, 1, 0x78, 2, 0xff, 0, 0, 0 } },
		.flags = KVM_PIT_FLAGS_HPET_LEGACY,
	};
	struct kvm_pit_state2 s;
	unsigned i;

	pit_set_state(&chip.pit, &pattern, now);
	pit_get_state(&chip.pit, &s);
	for (i = 0; i < 3; i++) {
		assert_int_equal(s.channels[i].count_load_time, now);
		s.channels[i].count_load_time = 0;
	}
	assert_memory_equal(&s, &pattern, sizeof(s));
	s.flags = KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	pit_set_state(&chip.pit, &s, now);
	pit_get_state(&chip.pit, &s);
	assert_int_equal(s.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
}

static void test_foreign_acknowledgement(void **state)
{
	init_pic();
	start_pit();
	later(2); /* one delivered, one missed */
	assert_int_equal(ack(0), 0x30);
	assert_int_equal(chip.pit.missed, 1);
	user_line(4, true);
	port_out(0x20, 0x64);
	port_out(0x21, 0x10);
	port_out(0x21, 0x00);
	ioapic_entry(10, 0, LEVEL | 0x5a);
	assert_int_equal(chip.pit.missed, 1);
	assert_true(chip.pit.waiting);
}

/* The PIC's state brings an interrupt along: the vCPU hears of it. */
static void test_pic_state_kicks(void **state)
{
	struct kvm_pic_state s;

	init_pic();
	pic_get_state(&chip.pic, 0, &s);
	s.irr = 1 << 5;
	pic_set_state(&chip.pic, 0, &s);
	assert_int_equal(kicks[0], 1);
	assert_int_equal(ack(0), 0x35);
}

static void test_pit_state(void **state)
{
	struct kvm_pit_state2 a, b;

	start_pit();
	port_out(0x61, 3);
	port_out(0x43, 0xb6);
	port_out(0x42, 0x12); /* one of two bytes */
	port_out(0x43, 0xe2);
	now += 1000000;
	port_out(0x43, 0x00);
	port_in(0x40);
	pit_get_state(&chip.pit, &a);
	assert_int_equal(a.channels[0].count, 11932);
	assert_int_equal(a.channels[0].mode, 2);
	assert_int_equal(a.channels[2].count, 0);
	assert_int_equal(a.channels[2].write_state, 4);
	assert_int_equal(a.channels[2].gate, 1);
	assert_int_equal(a.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	irqchip_create_pit(&chip, true, now);
	pit_set_state(&chip.pit, &a, now);
	assert_true(chip.pit.deadline > now && chip.pit.deadline < now + 10001000);
	pit_get_state(&chip.pit, &b);
	for (unsigned i = 0; i < 3; i++)
		a.channels[i].count_load_time = b.channels[i].count_load_time = 0;
	assert_memory_equal(&a, &b, sizeof(a));
	memset(&a, 0xff, sizeof(a));
	pit_set_state(&chip.pit, &a, now);
	assert_true(chip.pit.deadline == PIT_NEVER);
	for (unsigned i = 0x40; i < 0x43; i++) {
		port_in((u16)i);
		port_out((u16)i, 0xff);
	}
	a.flags = 0;
	a.channels[0].mode = 3;
	a.channels[0].count = 0x80000000;
	pit_set_state(&chip.pit, &a, now);
	assert_int_equal(chip.pit.ch[0].count, 65536);
	later(100);
}

static void guarded_indexes(void **state)
{
	assert_int_equal(guarded_index(0, 256), 0);
	assert_int_equal(guarded_index(255, 256), 255);
	assert_int_equal(guarded_index(256, 256), 0);
	assert_int_equal(guarded_index(~0ull, 256), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guarded_indexes),
		cmocka_unit_test_setup(test_add_lapic, setup),
		cmocka_unit_test_setup(test_virtual_wire, setup),
		cmocka_unit_test_setup(test_late_cpu_sees_the_pic, setup),
		cmocka_unit_test_setup(test_ioapic_level_and_eoi, setup),
		cmocka_unit_test_setup(test_sources_are_ored, setup),
		cmocka_unit_test_setup(test_msi, setup),
		cmocka_unit_test_setup(test_lowest_takes_turns, setup),
		cmocka_unit_test_setup(test_ipi_shorthands, setup),
		cmocka_unit_test_setup(test_start_of_a_cpu, setup),
		cmocka_unit_test_setup(test_routing, setup),
		cmocka_unit_test_setup(test_bad_routing, setup),
		cmocka_unit_test_setup(test_ports, setup),
		cmocka_unit_test_setup(test_mmio, setup),
		cmocka_unit_test_setup(test_pit_through_pic, setup),
		cmocka_unit_test_setup(test_pit_with_auto_eoi, setup),
		cmocka_unit_test_setup(test_pit_through_ioapic, setup),
		cmocka_unit_test_setup(test_pit_without_reinjection, setup),
		cmocka_unit_test_setup(test_pic_state, setup),
		cmocka_unit_test_setup(test_pic_state_members, setup),
		cmocka_unit_test_setup(test_pic_state_kicks, setup),
		cmocka_unit_test_setup(test_pit_state_members, setup),
		cmocka_unit_test_setup(test_foreign_acknowledgement, setup),
		cmocka_unit_test_setup(test_pit_state, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
