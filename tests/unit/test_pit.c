// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/irq/pit.c
/* The 8254: modes, latches, gates, and the ticks of channel 0. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include <string.h>
#include "core/irq/pit.h"

#define SECOND 1000000000ull

static struct pit pit;
static u64 now, start;
static unsigned ticks;
static int tick_result;

static int on_tick(void *ctx)
{
	assert_ptr_equal(ctx, &pit);
	ticks++;
	return tick_result;
}

static int setup(void **state)
{
	struct pit_ops ops = { &pit, on_tick };

	start = now = 12345 * SECOND + 678;
	ticks = 0;
	tick_result = 1;
	pit_init(&pit, &ops, now);
	return 0;
}

static void out(u16 port, u8 val)
{
	pit_write(&pit, port, val, now);
}

static u8 in(u16 port)
{
	return pit_read(&pit, port, now);
}

/* The first nanosecond at which so many clocks have passed since the start. */
static void at_clock(u64 clocks)
{
	now = start + clocks / PIT_HZ * SECOND + (clocks % PIT_HZ * SECOND + PIT_HZ - 1) / PIT_HZ;
}

static void program(unsigned ch, unsigned mode, unsigned count)
{
	out(0x43, (u8)(ch << 6 | 3 << 4 | mode << 1));
	out((u16)(0x40 + ch), (u8)count);
	out((u16)(0x40 + ch), (u8)(count >> 8));
	start = now;
}

static unsigned read16(u16 port)
{
	unsigned low = in(port);

	return low | (unsigned)in(port) << 8;
}

static bool out2(void)
{
	return in(0x61) & 0x20;
}

static void run_to(u64 until)
{
	while (pit.deadline <= until) {
		now = pit.deadline;
		pit_advance(&pit, now);
		pit_ready(&pit);
	}
	now = until;
	pit_advance(&pit, now);
}

static void test_power_on(void **state)
{
	assert_int_equal(pit.deadline, PIT_NEVER);
	assert_int_equal(in(0x61) & ~0x10, 0);
	assert_int_equal(in(0x43), 0xff);
	assert_int_equal(pit.ch[0].count, 65536);
	assert_int_equal(pit.ch[0].mode, PIT_NO_MODE);
	assert_true(pit.ch[0].gate && pit.ch[1].gate && !pit.ch[2].gate);
	pit_advance(&pit, ~0ull);
	assert_int_equal(ticks, 0);
}

static void test_mode0(void **state)
{
	out(0x61, 1);
	program(2, 0, 1000);
	assert_false(out2());
	at_clock(999);
	assert_int_equal(read16(0x42), 1);
	assert_false(out2());
	at_clock(1000);
	assert_true(out2());
	assert_int_equal(read16(0x42), 0);
	at_clock(1001); /* goes on below zero */
	assert_int_equal(read16(0x42), 0xffff);
	/* The gate stops it and lets it go on. */
	program(2, 0, 1000);
	at_clock(400);
	out(0x61, 0);
	at_clock(5000);
	assert_int_equal(read16(0x42), 600);
	out(0x61, 0); /* it has fallen already */
	assert_int_equal(read16(0x42), 600);
	out(0x61, 1);
	at_clock(5500);
	assert_int_equal(read16(0x42), 100);
	assert_false(out2());
	at_clock(5600);
	assert_true(out2());
	/* The first byte of a new count stops it and lowers the output. */
	out(0x42, 5);
	assert_false(out2());
	at_clock(9000);
	assert_false(out2());
	out(0x42, 0);
	start = now;
	at_clock(5);
	assert_true(out2());
}

static void test_mode1(void **state)
{
	program(2, 1, 500);
	assert_true(out2());
	at_clock(1000);
	assert_true(out2()); /* not triggered */
	out(0x61, 1);
	start = now;
	assert_false(out2());
	at_clock(499);
	assert_false(out2());
	out(0x61, 0); /* the gate's fall does nothing */
	at_clock(500);
	assert_true(out2());
	out(0x61, 1); /* retrigger, and again on the way */
	start = now;
	at_clock(300);
	assert_int_equal(read16(0x42), 200);
	out(0x61, 0);
	out(0x61, 1);
	start = now;
	at_clock(499);
	assert_false(out2());
	at_clock(500);
	assert_true(out2());
	out(0x61, 0);
	out(0x61, 1);
	program(2, 1, 500); /* forgets the trigger */
	assert_true(out2());
}

static void test_mode2(void **state)
{
	out(0x61, 1);
	program(2, 2, 100);
	assert_true(out2());
	assert_int_equal(read16(0x42), 100);
	at_clock(99);
	assert_false(out2());
	assert_int_equal(read16(0x42), 1);
	at_clock(100);
	assert_true(out2());
	assert_int_equal(read16(0x42), 100);
	at_clock(1099);
	assert_false(out2());
	out(0x61, 0); /* high at once, and the count is held */
	assert_true(out2());
	at_clock(1150);
	assert_true(out2());
	out(0x61, 1);
	start = now;
	at_clock(98);
	assert_true(out2());
	at_clock(99);
	assert_false(out2());
}

static void test_mode3(void **state)
{
	out(0x61, 1);
	program(2, 7, 10); /* 7 is 3 */
	at_clock(0);
	assert_int_equal(read16(0x42), 10);
	at_clock(4);
	assert_true(out2());
	assert_int_equal(read16(0x42), 2);
	at_clock(5);
	assert_false(out2());
	assert_int_equal(read16(0x42), 10);
	at_clock(10);
	assert_true(out2());
	program(2, 3, 7); /* odd: high for 4, low for 3 */
	assert_int_equal(read16(0x42), 6);
	at_clock(3);
	assert_true(out2());
	assert_int_equal(read16(0x42), 0);
	at_clock(4);
	assert_false(out2());
	assert_int_equal(read16(0x42), 6);
	at_clock(6);
	assert_false(out2());
	at_clock(7);
	assert_true(out2());
}

static void test_modes_4_and_5(void **state)
{
	out(0x61, 1);
	program(2, 4, 50);
	assert_true(out2());
	at_clock(49);
	assert_true(out2());
	at_clock(50);
	assert_false(out2());
	at_clock(51);
	assert_true(out2());
	program(2, 5, 50);
	at_clock(50);
	assert_true(out2()); /* not triggered: the gate was high already */
	out(0x61, 0);
	out(0x61, 1);
	start = now;
	at_clock(50);
	assert_false(out2());
	at_clock(51);
	assert_true(out2());
}

static void test_bcd(void **state)
{
	out(0x61, 1);
	out(0x43, 0xb1); /* mode 0, both bytes, BCD */
	out(0x42, 0x34);
	out(0x42, 0x12);
	start = now;
	at_clock(35);
	assert_int_equal(read16(0x42), 0x1199);
	at_clock(1235);
	assert_int_equal(read16(0x42), 0x9999);
	out(0x43, 0xb5);
	out(0x42, 0);
	out(0x42, 0);
	start = now;
	assert_int_equal(pit.ch[2].count, 10000);
	at_clock(1);
	assert_int_equal(read16(0x42), 0x9999);
	out(0x42, 0xff); /* no BCD digits: some count, but a count */
	out(0x42, 0xff);
	assert_true(pit.ch[2].count >= 1 && pit.ch[2].count <= 65536);
	(void)read16(0x42);
}

static void test_access_and_latch(void **state)
{
	out(0x61, 1);
	out(0x43, 0x94); /* mode 2, low byte only */
	out(0x42, 200);
	start = now;
	assert_int_equal(pit.ch[2].count, 200);
	assert_int_equal(in(0x42), 200);
	assert_int_equal(in(0x42), 200);
	out(0x43, 0xa4); /* high byte only */
	out(0x42, 2);
	assert_int_equal(pit.ch[2].count, 512);
	assert_int_equal(in(0x42), 2);
	program(2, 2, 0x1234);
	at_clock(0x34);
	out(0x43, 0x80); /* latch */
	at_clock(0x200);
	out(0x43, 0x80); /* does not latch anew */
	assert_int_equal(in(0x42), 0x00);
	assert_int_equal(in(0x42), 0x12);
	assert_int_equal(read16(0x42), 0x1034);
	program(2, 2, 0);
	assert_int_equal(pit.ch[2].count, 65536);
	assert_int_equal(read16(0x42), 0);
	at_clock(1);
	assert_int_equal(read16(0x42), 0xffff);
}

static void test_read_back(void **state)
{
	out(0x61, 1);
	out(0x43, 0xb6);
	out(0x43, 0xe8); /* status of channel 2: no count yet */
	assert_int_equal(in(0x42), 0x80 | 0x40 | 0x36);
	assert_int_equal(read16(0x42), 0);
	out(0x42, 0x10);
	out(0x42, 0x27);
	start = now;
	at_clock(6000);
	out(0x43, 0xc8); /* both; the status comes first */
	at_clock(6001);
	out(0x43, 0xc8);
	assert_int_equal(in(0x42), 0x36);
	assert_int_equal(read16(0x42), 10000 - 2 * 1000);
	program(1, 2, 50);
	out(0x43, 0xdc); /* counts of channels 1 and 2 */
	assert_int_equal(pit.ch[1].count_latched, PIT_BOTH);
	program(1, 2, 100);
	assert_int_equal(pit.ch[1].count_latched, 0); /* a control word drops the latch */
	assert_int_equal(pit.ch[2].count_latched, PIT_BOTH);
	assert_int_equal(pit.ch[0].count_latched, 0);
	out(0x43, 0xe8); /* a control word drops a latched status, too */
	program(2, 2, 100);
	assert_int_equal(read16(0x42), 100);
	out(0x43, 0x38 | 0xc6);
	out(0x43, 0xc2 | 0x20 | 0x10);
	assert_false(pit.ch[0].status_latched);
}

static void test_port61(void **state)
{
	out(0x61, 0xff);
	assert_int_equal(in(0x61) & 0x0f, 3);
	out(0x61, 2);
	assert_int_equal(in(0x61) & 0x0f, 2);
	out(0x61, 1);
	assert_int_equal(in(0x61) & 0x0f, 1);
	now = 0;
	assert_int_equal(in(0x61) & 0x10, 0);
	now = 1 << 14;
	assert_int_equal(in(0x61) & 0x10, 0x10);
}

/* As Linux calibrates its TSC: gate on, speaker off, mode 0, wait for the output. */
static void test_calibration_loop(void **state)
{
	u64 begin;

	out(0x61, (in(0x61) & ~0x02) | 0x01);
	out(0x43, 0xb0);
	out(0x42, 0xff);
	out(0x42, 0xff);
	begin = now;
	while (!out2())
		now += 1000;
	assert_true(now - begin > 54900000 && now - begin < 54940000);
}

static void test_periodic_ticks(void **state)
{
	program(0, 2, 11932); /* about 100 Hz */
	run_to(start + 10 * SECOND);
	assert_int_equal(ticks, 10ull * PIT_HZ / 11932);
	ticks = 0;
	program(0, 3, 0);
	run_to(start + 10 * SECOND);
	assert_int_equal(ticks, 10ull * PIT_HZ / 65536);
	/* No tick comes early. */
	program(0, 2, 3000);
	at_clock(2999);
	ticks = 0;
	pit_advance(&pit, now);
	assert_int_equal(ticks, 0);
	at_clock(3000);
	assert_true(pit.deadline <= now);
	pit_advance(&pit, now);
	assert_int_equal(ticks, 1);
	/* A control word stops it, as does a mode that needs a gate. */
	out(0x43, 0x34);
	assert_int_equal(pit.deadline, PIT_NEVER);
	program(0, 1, 100);
	assert_int_equal(pit.deadline, PIT_NEVER);
	program(0, 5, 100);
	assert_int_equal(pit.deadline, PIT_NEVER);
	program(1, 2, 100);
	assert_int_equal(pit.deadline, PIT_NEVER);
	program(0, 2, 100);
	at_clock(10);
	assert_int_equal(read16(0x40), 90);
	pit.ch[0].gate = false; /* only a state from outside can say so */
	pit_update(&pit, now);
	assert_int_equal(pit.deadline, PIT_NEVER);
}

static void test_one_shot_ticks(void **state)
{
	program(0, 0, 1193);
	assert_int_not_equal(pit.deadline, PIT_NEVER);
	out(0x40, 1);
	assert_int_equal(pit.deadline, PIT_NEVER);
	out(0x40, 1);
	program(0, 0, 1193);
	run_to(start + SECOND);
	assert_int_equal(ticks, 1);
	assert_int_equal(pit.deadline, PIT_NEVER);
	program(0, 4, 1193);
	at_clock(1193);
	pit_advance(&pit, now);
	assert_int_equal(ticks, 1);
	at_clock(1194);
	pit_advance(&pit, now);
	assert_int_equal(ticks, 2);
	assert_int_equal(pit.deadline, PIT_NEVER);
}

static void test_shortest_period(void **state)
{
	u64 last = 0;
	int i;

	program(0, 2, 1);
	for (i = 0; i < 100; i++) {
		assert_true(i == 0 || pit.deadline - last >= PIT_MIN_PERIOD_NS);
		last = now = pit.deadline;
		pit_advance(&pit, now);
		assert_int_equal(ticks, 1);
		assert_true(pit.missed <= PIT_MAX_MISSED);
	}
	assert_int_equal(pit.missed, PIT_MAX_MISSED);
}

static void test_reinjection(void **state)
{
	program(0, 2, 11932);
	at_clock(11932 * 5 + 7); /* five are due */
	pit_advance(&pit, now);
	assert_int_equal(ticks, 1);
	assert_int_equal(pit.missed, 4);
	at_clock(11932 * 6);
	pit_advance(&pit, now);
	assert_int_equal(ticks, 1);
	assert_int_equal(pit.missed, 5);
	pit_ready(&pit);
	assert_int_equal(ticks, 2);
	assert_int_equal(pit.missed, 4);
	while (pit.missed)
		pit_ready(&pit);
	assert_int_equal(ticks, 6);
	pit_ready(&pit);
	pit_ready(&pit);
	assert_int_equal(ticks, 6);
	/* Merged with one that waits: still owed. */
	at_clock(11932 * 7);
	tick_result = 0;
	pit_advance(&pit, now);
	assert_int_equal(pit.missed, 1);
	tick_result = 1;
	pit_ready(&pit);
	assert_int_equal(pit.missed, 0);
	pit_ready(&pit);
	/* Masked: dropped, also what was owed. */
	at_clock(11932 * 10);
	tick_result = -1;
	pit_advance(&pit, now);
	assert_int_equal(pit.missed, 0);
	assert_false(pit.waiting);
	/* Bounded, however long the guest slept. */
	tick_result = 1;
	now += 1000000 * SECOND;
	pit_advance(&pit, now);
	assert_int_equal(pit.missed, PIT_MAX_MISSED);
	/* A new count forgets it. */
	program(0, 2, 11932);
	assert_int_equal(pit.missed, 0);
	assert_false(pit.waiting);
}

static void test_without_reinjection(void **state)
{
	pit_set_reinject(&pit, false);
	program(0, 2, 11932);
	at_clock(11932 * 5);
	pit_advance(&pit, now);
	assert_int_equal(ticks, 1);
	at_clock(11932 * 6);
	pit_advance(&pit, now);
	assert_int_equal(ticks, 2);
	assert_int_equal(pit.missed, 0);
	pit_ready(&pit);
	assert_int_equal(ticks, 2);
	/* Switching it off forgets what was owed. */
	pit_set_reinject(&pit, true);
	at_clock(11932 * 10);
	pit_advance(&pit, now);
	assert_true(pit.missed && pit.waiting);
	pit_set_reinject(&pit, false);
	assert_false(pit.missed || pit.waiting);
}

static void test_update(void **state)
{
	out(0x61, 0);
	program(2, 1, 500);
	out(0x61, 1);
	assert_false(out2());
	pit_update(&pit, now); /* forgets the trigger */
	assert_true(out2());
}

static void test_far_times(void **state)
{
	program(0, 2, 65535);
	now = ~0ull - 5;
	pit_advance(&pit, now);
	assert_int_equal(ticks, 1);
	(void)read16(0x40);
	program(0, 2, 65535); /* its deadline would be past the end of time */
	assert_int_equal(pit.deadline, PIT_NEVER);
	pit_advance(&pit, ~0ull);
	assert_int_equal(ticks, 1);
	now = 5; /* a clock that jumps back */
	(void)read16(0x40);
	(void)in(0x61);
	out(0x61, 1);
	program(2, 0, 5);
	out(0x61, 0);
	now = 1;
	out(0x61, 1);
	assert_false(out2());
}

static void test_hpet_legacy(void **state)
{
	program(0, 2, 1000);
	pit.hpet_legacy = true;
	pit_update(&pit, now);
	assert_int_equal(pit.deadline, PIT_NEVER);
	pit.hpet_legacy = false;
	pit_update(&pit, now);
	assert_int_not_equal(pit.deadline, PIT_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_power_on, setup),
		cmocka_unit_test_setup(test_mode0, setup),
		cmocka_unit_test_setup(test_mode1, setup),
		cmocka_unit_test_setup(test_mode2, setup),
		cmocka_unit_test_setup(test_mode3, setup),
		cmocka_unit_test_setup(test_modes_4_and_5, setup),
		cmocka_unit_test_setup(test_bcd, setup),
		cmocka_unit_test_setup(test_access_and_latch, setup),
		cmocka_unit_test_setup(test_read_back, setup),
		cmocka_unit_test_setup(test_port61, setup),
		cmocka_unit_test_setup(test_calibration_loop, setup),
		cmocka_unit_test_setup(test_periodic_ticks, setup),
		cmocka_unit_test_setup(test_one_shot_ticks, setup),
		cmocka_unit_test_setup(test_shortest_period, setup),
		cmocka_unit_test_setup(test_reinjection, setup),
		cmocka_unit_test_setup(test_without_reinjection, setup),
		cmocka_unit_test_setup(test_update, setup),
		cmocka_unit_test_setup(test_far_times, setup),
		cmocka_unit_test_setup(test_hpet_legacy, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
