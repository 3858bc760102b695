// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/irq/lapic.c
/* The timer of a local APIC. */
#include "lapic_test.h"

static void test_one_shot(void **state)
{
	wr(LAPIC_LVT_TIMER, 0x30);
	wr(LAPIC_TDCR, 0x3); /* by 16 */
	lapic_write(&l, LAPIC_TMICT, 1000, 5000);
	assert_int_equal(l.deadline, 5000 + 16000);
	assert_int_equal(lapic_read(&l, LAPIC_TMCCT, 5000), 1000);
	assert_int_equal(lapic_read(&l, LAPIC_TMCCT, 5000 + 1600), 900);
	lapic_advance(&l, 20999, 0);
	assert_false(pending());
	lapic_advance(&l, 21000, 0);
	assert_true(in_irr(0x30));
	assert_true(l.deadline == LAPIC_NEVER);
	assert_int_equal(lapic_read(&l, LAPIC_TMCCT, 21000), 0);
	assert_int_equal(rd(LAPIC_TMICT), 1000);
	lapic_ack(&l);
	lapic_advance(&l, ~0ull, 0);
	assert_false(in_irr(0x30));
	/* Writing 0 stops it; masked it runs without an interrupt. */
	lapic_write(&l, LAPIC_TMICT, 1000, 0);
	lapic_write(&l, LAPIC_TMICT, 0, 10);
	assert_true(l.deadline == LAPIC_NEVER);
	wr(LAPIC_LVT_TIMER, MASKED | 0x30);
	lapic_write(&l, LAPIC_TMICT, 1000, 0);
	lapic_advance(&l, 100000, 0);
	assert_true(l.deadline == LAPIC_NEVER);
	assert_false(in_irr(0x30));
}

static void test_dividers(void **state)
{
	static const u8 code[8] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };
	unsigned i;

	for (i = 0; i < 8; i++) {
		wr(LAPIC_TDCR, code[i]);
		lapic_write(&l, LAPIC_TMICT, 100, 0);
		assert_int_equal(l.deadline, 100ull << i);
	}
	/* A new divider slows down what is left. */
	wr(LAPIC_TDCR, 0xb);
	lapic_write(&l, LAPIC_TMICT, 1000, 0);
	lapic_write(&l, LAPIC_TDCR, 0x0, 400);
	assert_int_equal(lapic_read(&l, LAPIC_TMCCT, 400), 600);
	assert_int_equal(l.deadline, 400 + 1200);
	/* The largest there is. */
	wr(LAPIC_TDCR, 0xa);
	lapic_write(&l, LAPIC_TMICT, 0xffffffff, 1);
	assert_int_equal(l.deadline, 1 + 0xffffffffull * 128);
	lapic_write(&l, LAPIC_TMICT, 0xffffffff, ~0ull - 5);
	assert_true(l.deadline == LAPIC_NEVER);
}

static void test_periodic(void **state)
{
	wr(LAPIC_TDCR, 0xb);
	wr(LAPIC_LVT_TIMER, PERIODIC | 0x30);
	lapic_write(&l, LAPIC_TMICT, 1000000, 7);
	assert_int_equal(l.deadline, 1000007);
	lapic_advance(&l, 1000007, 0);
	assert_int_equal(lapic_ack(&l), 0x30);
	wr(LAPIC_EOI, 0);
	assert_int_equal(l.deadline, 2000007);
	assert_int_equal(lapic_read(&l, LAPIC_TMCCT, 1000007), 1000000);
	assert_int_equal(lapic_read(&l, LAPIC_TMCCT, 1500007), 500000);
	/* Read before it was advanced. */
	assert_int_equal(lapic_read(&l, LAPIC_TMCCT, 2250007), 750000);
	/* Long missed: one interrupt, in phase again. */
	lapic_advance(&l, 1000000000123ull, 0);
	assert_int_equal(l.deadline, 1000001000007ull);
	assert_int_equal(lapic_ack(&l), 0x30);
	assert_false(in_irr(0x30));
	/* At the end of time. */
	lapic_advance(&l, ~0ull - 3, 0);
	assert_true(l.deadline > ~0ull - 1000001);
}

static void test_shortest_period(void **state)
{
	u64 now = 50;
	int i;

	wr(LAPIC_TDCR, 0xb);
	wr(LAPIC_LVT_TIMER, PERIODIC | 0x30);
	lapic_write(&l, LAPIC_TMICT, 1, now);
	for (i = 0; i < 100; i++) {
		u64 before = l.deadline;

		lapic_advance(&l, before, 0);
		assert_true(l.deadline - before >= LAPIC_MIN_PERIOD_NS);
		assert_true(lapic_read(&l, LAPIC_TMCCT, before) <= 1);
	}
}

static void test_tsc_deadline(void **state)
{
	u64 v;

	/* Not in this mode: ignored. */
	assert_int_equal(lapic_wrmsr(&l, 0x6e0, 5000, 0, 0), 0);
	assert_int_equal(lapic_rdmsr(&l, 0x6e0, &v, 0), 0);
	assert_int_equal(v, 0);
	wr(LAPIC_LVT_TIMER, TSC_MODE | 0x31);
	lapic_write(&l, LAPIC_TMICT, 1000, 0); /* ignored in this one */
	assert_int_equal(rd(LAPIC_TMICT), 0);
	assert_true(l.deadline == LAPIC_NEVER);
	assert_int_equal(lapic_wrmsr(&l, 0x6e0, 3000000, 100, 1000000), 0);
	assert_int_equal(l.deadline, 100 + 1000000); /* 2 GHz */
	lapic_rdmsr(&l, 0x6e0, &v, 0);
	assert_int_equal(v, 3000000);
	assert_int_equal(lapic_read(&l, LAPIC_TMCCT, 0), 0);
	/* The TSC decides, not the clock. */
	lapic_advance(&l, 2000000, 2999998);
	assert_false(pending());
	assert_true(l.deadline > 2000000 && l.deadline <= 2001000);
	lapic_advance(&l, 2000100, 3000000);
	assert_true(in_irr(0x31));
	assert_true(l.deadline == LAPIC_NEVER);
	lapic_rdmsr(&l, 0x6e0, &v, 0);
	assert_int_equal(v, 0);
	lapic_ack(&l);
	/* In the past: at once. */
	lapic_wrmsr(&l, 0x6e0, 1, 0, 50);
	assert_true(in_irr(0x31));
	/* Never, and without overflow. */
	lapic_wrmsr(&l, 0x6e0, ~0ull, 0, 0);
	assert_true(l.deadline > 1ull << 62);
	l.tsc_khz = 0;
	lapic_wrmsr(&l, 0x6e0, ~0ull, ~0ull - 1, 0);
	l.tsc_khz = 1;
	lapic_wrmsr(&l, 0x6e0, ~0ull, 0, 0);
	assert_true(l.deadline == LAPIC_NEVER);
	l.tsc_khz = ~0u;
	lapic_wrmsr(&l, 0x6e0, ~0ull, 1, 0);
	lapic_wrmsr(&l, 0x6e0, 0, 0, 0); /* disarms */
	assert_true(l.deadline == LAPIC_NEVER);
	/* Leaving the mode disarms; so does entering it. */
	lapic_wrmsr(&l, 0x6e0, 1000, 0, 0);
	wr(LAPIC_LVT_TIMER, 0x31);
	assert_true(l.deadline == LAPIC_NEVER);
	lapic_rdmsr(&l, 0x6e0, &v, 0);
	assert_int_equal(v, 0);
	lapic_write(&l, LAPIC_TMICT, 1000, 0);
	wr(LAPIC_LVT_TIMER, PERIODIC | 0x31);
	assert_int_equal(l.deadline, 2000);
	wr(LAPIC_LVT_TIMER, TSC_MODE | 0x31);
	assert_true(l.deadline == LAPIC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_shot, setup),
		cmocka_unit_test_setup(test_dividers, setup),
		cmocka_unit_test_setup(test_periodic, setup),
		cmocka_unit_test_setup(test_shortest_period, setup),
		cmocka_unit_test_setup(test_tsc_deadline, setup),
	};

	return cmocka_run_group_tests_name("lapic_timer", tests, NULL, NULL);
}
