// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/irq/ioapic.c core/irq/state.c core/irq/lapic.c core/irq/pic.c core/irq/pit.c
/* The I/O APIC alone; local APICs are played by on_send(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include <string.h>
#include "core/irq/lapic.h"
#include "core/irq/state.h"

#define LEVEL (1u << 15)
#define MASKED (1u << 16)
#define REMOTE (1u << 14)

static struct ioapic io;
static struct apic_msg sent;
static unsigned sends, readies[IOAPIC_PINS];
static int send_result;

static int on_send(void *ctx, const struct apic_msg *msg)
{
	assert_ptr_equal(ctx, &io);
	sent = *msg;
	sends++;
	return send_result;
}

static void on_ready(void *ctx, unsigned pin)
{
	assert_true(pin < IOAPIC_PINS);
	readies[pin]++;
}

static int setup(void **state)
{
	struct ioapic_ops ops = { &io, on_send, on_ready };

	sends = 0;
	send_result = 1;
	memset(readies, 0, sizeof(readies));
	ioapic_init(&io, &ops);
	return 0;
}

static u32 rd(u8 reg)
{
	ioapic_write(&io, 0, reg);
	return ioapic_read(&io, 0x10);
}

static void wr(u8 reg, u32 val)
{
	ioapic_write(&io, 0, reg);
	ioapic_write(&io, 0x10, val);
}

static void entry(unsigned pin, u32 high, u32 low)
{
	wr((u8)(0x11 + 2 * pin), high);
	wr((u8)(0x10 + 2 * pin), low);
}

static u32 low(unsigned pin)
{
	return rd((u8)(0x10 + 2 * pin));
}

static void test_registers(void **state)
{
	unsigned pin, reg;

	assert_int_equal(rd(0), 0);
	assert_int_equal(rd(1), 0x00170011);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		assert_int_equal(low(pin), MASKED);
		assert_int_equal(rd((u8)(0x11 + 2 * pin)), 0);
	}
	wr(0, 0xa5ffffff);
	assert_int_equal(rd(0), 0x05000000);
	wr(0, 0xffffffff);
	assert_int_equal(rd(0), 0x0f000000);
	assert_int_equal(rd(2), 0x0f000000);
	wr(1, 0);
	assert_int_equal(rd(1), 0x00170011);
	entry(3, 0xffffffff, 0xffffffff); /* reserved and read-only bits stay clear */
	assert_int_equal(low(3), 0x1afff);
	assert_int_equal(rd(0x17), 0xff000000);
	for (reg = 0x40; reg < 0x100; reg++) {
		wr((u8)reg, 0xffffffff);
		assert_int_equal(rd((u8)reg), 0);
	}
	for (reg = 3; reg < 0x10; reg++) {
		wr((u8)reg, 0xffffffff);
		assert_int_equal(rd((u8)reg), 0);
	}
	ioapic_write(&io, 0, 0x12345610);
	assert_int_equal(ioapic_read(&io, 0), 0x10);
	assert_int_equal(ioapic_read(&io, 0x20), 0);
	assert_int_equal(ioapic_read(&io, 0x40), 0);
	ioapic_write(&io, 0x40, 0x33); /* version 0x11 has no EOI register */
	assert_int_equal(ioapic_read(&io, 4), 0);
}

static void test_edge(void **state)
{
	entry(4, 0x05000000, 0x0931); /* logical, lowest priority */
	assert_int_equal(ioapic_set_line(&io, 4, true), 1);
	assert_int_equal(sends, 1);
	assert_int_equal(sent.dest, 5);
	assert_int_equal(sent.vector, 0x31);
	assert_int_equal(sent.mode, APIC_LOWEST);
	assert_true(sent.logical);
	assert_false(sent.level);
	assert_int_equal(ioapic_set_line(&io, 4, true), 0);
	assert_int_equal(sends, 1);
	ioapic_set_line(&io, 4, false);
	send_result = 0;
	assert_int_equal(ioapic_set_line(&io, 4, true), 0);
	assert_int_equal(sends, 2);
	assert_int_equal(low(4), 0x931);
	assert_int_equal(readies[4], 1);
	wr(0x18, 0x931); /* was not masked */
	wr(0x19, 0x06000000); /* the other half stays */
	assert_int_equal(low(4), 0x931);
	assert_int_equal(readies[4], 1);
	/* An edge while masked is lost. */
	ioapic_set_line(&io, 4, false);
	wr(0x18, MASKED | 0x931);
	assert_int_equal(ioapic_set_line(&io, 4, true), -1);
	wr(0x18, 0x931);
	assert_int_equal(readies[4], 2);
	assert_int_equal(sends, 2);
	/* Physical 0xff is everyone, logical 0xff is a mask. */
	entry(5, 0xff000000, 0x32);
	ioapic_set_line(&io, 5, true);
	assert_int_equal(sent.dest, APIC_EVERYONE);
	entry(6, 0xff000000, 0x832);
	ioapic_set_line(&io, 6, true);
	assert_int_equal(sent.dest, 0xff);
	assert_int_equal(ioapic_set_line(&io, 24, true), -1);
	assert_int_equal(ioapic_set_line(&io, ~0u, true), -1);
}

static void test_level(void **state)
{
	entry(10, 0, LEVEL | 0x41);
	assert_int_equal(ioapic_set_line(&io, 10, true), 1);
	assert_true(sent.level);
	assert_int_equal(low(10), LEVEL | REMOTE | 0x41);
	assert_int_equal(ioapic_set_line(&io, 10, true), 0);
	assert_int_equal(sends, 1);
	assert_true(ioapic_wants_eoi(&io, 0x41));
	assert_false(ioapic_wants_eoi(&io, 0x42));
	/* Still high at the EOI: again. */
	ioapic_eoi(&io, 0x41, true);
	assert_int_equal(sends, 2);
	assert_int_equal(low(10), LEVEL | REMOTE | 0x41);
	ioapic_set_line(&io, 10, false);
	assert_int_equal(low(10), LEVEL | REMOTE | 0x41);
	ioapic_eoi(&io, 0x42, true);
	assert_int_equal(low(10), LEVEL | REMOTE | 0x41);
	ioapic_eoi(&io, 0x41, false); /* accepted as an edge: not this one's */
	assert_int_equal(low(10), LEVEL | REMOTE | 0x41);
	ioapic_eoi(&io, 0x41, true);
	assert_int_equal(low(10), LEVEL | 0x41);
	assert_int_equal(readies[10], 4);
	assert_int_equal(sends, 2);
	/* Raised while masked: sent when unmasked. */
	wr(0x24, MASKED | LEVEL | 0x41);
	assert_int_equal(ioapic_set_line(&io, 10, true), -1);
	wr(0x24, LEVEL | 0x41);
	assert_int_equal(sends, 3);
	/* Masked at the EOI: the line waits for the unmasking. */
	wr(0x24, MASKED | LEVEL | 0x41);
	assert_int_equal(low(10), MASKED | LEVEL | REMOTE | 0x41);
	ioapic_eoi(&io, 0x41, true);
	assert_int_equal(sends, 3);
	wr(0x24, LEVEL | 0x41);
	assert_int_equal(sends, 4);
	/* A guest ends it by hand: to edge and back. */
	ioapic_set_line(&io, 10, false);
	wr(0x24, MASKED | 0x41);
	assert_int_equal(low(10), MASKED | 0x41);
	wr(0x24, LEVEL | 0x41);
	assert_int_equal(low(10), LEVEL | 0x41);
	/* Nobody took it: no remote IRR, the next write to the entry tries again. */
	send_result = -1;
	assert_int_equal(ioapic_set_line(&io, 10, true), -1);
	assert_int_equal(low(10), LEVEL | 0x41);
	send_result = 0;
	wr(0x24, LEVEL | 0x41);
	assert_int_equal(low(10), LEVEL | REMOTE | 0x41);
}

static void test_shared_vector(void **state)
{
	entry(10, 0, LEVEL | 0x41);
	entry(11, 0, LEVEL | 0x41);
	entry(12, 0, 0x41);
	ioapic_set_line(&io, 10, true);
	ioapic_set_line(&io, 11, true);
	ioapic_set_line(&io, 11, false);
	ioapic_eoi(&io, 0x41, true);
	assert_int_equal(low(10), LEVEL | REMOTE | 0x41);
	assert_int_equal(low(11), LEVEL | 0x41);
	assert_int_equal(sends, 3);
}

static void test_watched(void **state)
{
	entry(2, 0, 0x30);
	assert_false(ioapic_wants_eoi(&io, 0x30));
	ioapic_watch(&io, 1 << 2);
	assert_true(ioapic_wants_eoi(&io, 0x30));
	entry(2, 0, 0x70);
	assert_false(ioapic_wants_eoi(&io, 0x30));
	assert_true(ioapic_wants_eoi(&io, 0x70));
	memset(readies, 0, sizeof(readies));
	ioapic_eoi(&io, 0x70, false);
	assert_int_equal(readies[2], 1);
}

static void test_modes(void **state)
{
	static const u8 mode[] = { APIC_SMI, APIC_NMI, APIC_INIT, APIC_EXTINT };
	unsigned i;

	for (i = 0; i < 4; i++) {
		entry(i, 0x01000000, (u32)mode[i] << 8);
		ioapic_set_line(&io, i, true);
		assert_int_equal(sent.mode, mode[i]);
		assert_int_equal(sent.shorthand, APIC_TO_DEST);
		assert_true(sent.assert);
	}
}

static void test_state_round_trip(void **state)
{
	struct kvm_ioapic_state a, b;
	struct ioapic_ops ops = io.ops;

	wr(0, 0x09000000);
	entry(1, 0x02000000, 0x31);
	entry(4, 0x01000000, MASKED | 0x34);
	entry(10, 0x03000000, LEVEL | 0x3a);
	entry(11, 0x03000000, MASKED | LEVEL | 0x3b);
	ioapic_set_line(&io, 1, true); /* delivered */
	ioapic_set_line(&io, 4, true); /* masked edge */
	ioapic_set_line(&io, 10, true);
	ioapic_set_line(&io, 11, true);
	ioapic_write(&io, 0, 0x1b);
	ioapic_get_state(&io, &a);
	assert_int_equal(a.ioregsel, 0x1b);
	assert_int_equal(a.id, 9);
	assert_int_equal(a.base_address, 0xfec00000);
	assert_int_equal(a.irr, 1 << 4 | 1 << 10 | 1 << 11);
	assert_true(a.redirtbl[10].fields.remote_irr);
	assert_int_equal(a.redirtbl[1].fields.vector, 0x31);
	assert_int_equal(a.redirtbl[1].fields.dest_id, 2);
	ioapic_init(&io, &ops);
	sends = 0;
	ioapic_set_state(&io, &a);
	assert_int_equal(sends, 0); /* in service, masked, or delivered: nothing anew */
	ioapic_get_state(&io, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	ioapic_eoi(&io, 0x3a, true);
	assert_int_equal(sends, 1);
	/* A new edge, while masked, is not the one that was delivered. */
	entry(1, 0x02000000, 0x31);
	ioapic_set_line(&io, 1, true);
	ioapic_set_line(&io, 1, false);
	entry(1, 0x02000000, MASKED | 0x31);
	ioapic_set_line(&io, 1, true);
	ioapic_get_state(&io, &b);
	assert_true(b.irr & 1 << 1);
	/* A line that is now a level is told as one. */
	entry(2, 0, 0x32);
	ioapic_set_line(&io, 2, true);
	entry(2, 0, MASKED | LEVEL | 0x32);
	ioapic_get_state(&io, &b);
	assert_true(b.irr & 1 << 2);
	sends = 1;
	/* An edge that waited is sent by the way in; what was high before is forgotten. */
	ioapic_set_line(&io, 20, true);
	a.irr = 1 << 1;
	ioapic_set_state(&io, &a);
	assert_int_equal(sends, 2);
	assert_int_equal(sent.vector, 0x31);
	assert_int_equal(io.lines, 1 << 1);
}

static void test_state_of_anything(void **state)
{
	struct kvm_ioapic_state a;
	unsigned pin;

	memset(&a, 0xff, sizeof(a));
	ioapic_set_state(&io, &a);
	assert_int_equal(rd(0), 0x0f000000);
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		assert_int_equal(low(pin), 0x1efff);
	assert_int_equal(io.lines, 0xffffff);
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		a.redirtbl[pin].bits = REMOTE;
	ioapic_set_state(&io, &a);
	assert_int_equal(low(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_edge, setup),
		cmocka_unit_test_setup(test_level, setup),
		cmocka_unit_test_setup(test_shared_vector, setup),
		cmocka_unit_test_setup(test_watched, setup),
		cmocka_unit_test_setup(test_modes, setup),
		cmocka_unit_test_setup(test_state_round_trip, setup),
		cmocka_unit_test_setup(test_state_of_anything, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
