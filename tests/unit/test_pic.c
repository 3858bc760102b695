// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/irq/pic.c
/* The 8259A pair, driven through its ports as kernels and firmware do it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include <string.h>
#include "core/irq/pic.h"

static struct pic pic;
static bool intr;
static unsigned intr_changes, ready_count[PIC_PINS];

static void on_intr(void *ctx, bool level)
{
	assert_ptr_equal(ctx, &pic);
	assert_int_not_equal(level, intr);
	intr = level;
	intr_changes++;
}

static void on_ready(void *ctx, unsigned pin)
{
	assert_true(pin < PIC_PINS);
	ready_count[pin]++;
}

static void out(u16 port, u8 val)
{
	pic_write(&pic, port, val);
}

static u8 in(u16 port)
{
	return pic_read(&pic, port);
}

/* As Linux: edge, cascade, ICW4; vectors 0x30 and 0x38; then mask. */
static void init_chips(u8 icw4)
{
	out(0x20, 0x11);
	out(0x21, 0x30);
	out(0x21, 1 << 2);
	out(0x21, icw4);
	out(0xa0, 0x11);
	out(0xa1, 0x38);
	out(0xa1, 2);
	out(0xa1, icw4 & ~0x10);
	out(0x21, 0);
	out(0xa1, 0);
	memset(ready_count, 0, sizeof(ready_count));
}

static int setup(void **state)
{
	struct pic_ops ops = { &pic, on_intr, on_ready };

	intr = false;
	intr_changes = 0;
	pic_init(&pic, &ops);
	init_chips(0x01);
	return 0;
}

static void pulse(unsigned pin)
{
	pic_set_line(&pic, pin, true);
	pic_set_line(&pic, pin, false);
}

static void test_init_sequence(void **state)
{
	assert_int_equal(in(0x21), 0);
	assert_int_equal(pic.chip[0].base, 0x30);
	assert_int_equal(pic.chip[1].base, 0x38);
	out(0x21, 0xfb);
	assert_int_equal(in(0x21), 0xfb);
	out(0xa1, 0xff);
	assert_int_equal(in(0xa1), 0xff);
	/* ICW1 clears the mask, rotation and the register choice; without IC4 also ICW4's bits. */
	init_chips(0x13);
	assert_true(pic.chip[0].auto_eoi && pic.chip[0].special_nested);
	out(0x20, 0x11); /* which stay when an ICW4 is to come */
	assert_true(pic.chip[0].auto_eoi && pic.chip[0].special_nested);
	init_chips(0x13);
	out(0x20, 0x0b);
	out(0x20, 0xc3);
	assert_int_equal(pic.chip[0].first, 4);
	out(0x20, 0x10);
	assert_int_equal(pic.chip[0].first, 0);
	assert_false(pic.chip[0].read_isr);
	assert_false(pic.chip[0].auto_eoi || pic.chip[0].special_nested);
	out(0x21, 0x47); /* the low bits of ICW2 do not count in 8086 mode */
	assert_int_equal(pic.chip[0].base, 0x40);
	out(0x21, 4);
	assert_int_equal(pic.chip[0].init, PIC_READY);
	assert_int_equal(in(0x21), 0);
	assert_int_equal(in(0x22), 0xff);
}

static void test_edge_and_eoi(void **state)
{
	assert_int_equal(pic_set_line(&pic, 4, true), 1);
	assert_true(intr);
	assert_int_equal(in(0x20), 1 << 4);
	assert_int_equal(pic_set_line(&pic, 4, true), 0);
	assert_int_equal(pic_ack(&pic), 0x34);
	assert_false(intr);
	assert_int_equal(in(0x20), 0);
	out(0x20, 0x0b);
	assert_int_equal(in(0x20), 1 << 4);
	out(0x20, 0x08); /* no choice of register: as before */
	assert_int_equal(in(0x20), 1 << 4);
	out(0x20, 0x0a);
	assert_int_equal(in(0x20), 0);
	out(0x20, 0x0b);
	/* High all the time: no second interrupt after the EOI. */
	out(0x20, 0x20);
	assert_int_equal(ready_count[4], 1);
	assert_int_equal(in(0x20), 0);
	assert_false(intr);
	assert_int_equal(pic_set_line(&pic, 4, false), 0);
	assert_int_equal(pic_set_line(&pic, 4, true), 1);
	assert_true(intr);
	/* A short pulse is remembered, two merge. */
	pic_ack(&pic);
	out(0x20, 0x64);
	pulse(3);
	assert_int_equal(pic_set_line(&pic, 3, true), 0);
	assert_int_equal(pic_ack(&pic), 0x33);
	assert_false(intr);
}

static void test_priority_and_nesting(void **state)
{
	pulse(5);
	pulse(1);
	assert_int_equal(pic_ack(&pic), 0x31);
	assert_false(intr); /* 5 waits behind 1 */
	pulse(0);
	assert_true(intr); /* 0 does not */
	assert_int_equal(pic_ack(&pic), 0x30);
	out(0x20, 0x20); /* finishes 0, the most urgent */
	assert_false(intr);
	assert_int_equal(ready_count[0], 1);
	assert_int_equal(ready_count[1], 0);
	out(0x20, 0x20);
	assert_int_equal(ready_count[1], 1);
	assert_true(intr);
	assert_int_equal(pic_ack(&pic), 0x35);
	out(0x20, 0x65); /* specific */
	assert_int_equal(pic.chip[0].isr, 0);
	out(0x20, 0x20); /* nothing to finish */
	out(0x20, 0x66);
	assert_int_equal(ready_count[6], 0);
}

static void test_mask(void **state)
{
	out(0x21, 0x10);
	assert_int_equal(pic_set_line(&pic, 4, true), -1);
	assert_false(intr);
	assert_int_equal(in(0x20), 0x10);
	out(0x21, 0);
	assert_int_equal(ready_count[4], 1);
	assert_int_equal(ready_count[5], 0);
	assert_true(intr);
	out(0x21, 0x10);
	assert_false(intr);
	assert_int_equal(intr_changes, 2);
	assert_int_equal(pic_set_line(&pic, 2, true), -1);
	assert_int_equal(pic_set_line(&pic, 16, true), -1);
	assert_int_equal(pic_set_line(&pic, ~0u, true), -1);
	assert_int_equal(pic.chip[0].lines, 0x10);
}

static void test_cascade(void **state)
{
	pulse(12);
	pulse(8);
	assert_true(intr);
	assert_int_equal(in(0x20), 1 << 2);
	assert_int_equal(pic_ack(&pic), 0x38);
	assert_int_equal(pic.chip[0].isr, 1 << 2);
	assert_int_equal(pic.chip[1].isr, 1 << 0);
	assert_false(intr);
	out(0x20, 0x62);
	assert_false(intr); /* the slave itself holds 12 back */
	out(0xa0, 0x60);
	assert_int_equal(ready_count[8], 1);
	assert_true(intr);
	assert_int_equal(pic_ack(&pic), 0x3c);
	/* Pins 0 and 1 are above the slave, 3 below. */
	pulse(3);
	assert_false(intr);
	pulse(1);
	assert_true(intr);
	assert_int_equal(pic_ack(&pic), 0x31);
}

static void test_special_fully_nested(void **state)
{
	init_chips(0x11);
	pulse(12);
	assert_int_equal(pic_ack(&pic), 0x3c);
	pulse(9); /* more urgent on the slave */
	assert_true(intr);
	assert_int_equal(pic_ack(&pic), 0x39);
	pulse(14); /* less urgent there */
	assert_false(intr);
	pulse(3); /* and the master's lower ones stay locked out */
	assert_false(intr);
	/* Without the mode the slave is locked out by itself. */
	init_chips(0x01);
	pulse(12);
	pic_ack(&pic);
	pulse(9);
	assert_false(intr);
}

static void test_auto_eoi(void **state)
{
	init_chips(0x03);
	pulse(6);
	assert_int_equal(pic_ack(&pic), 0x36);
	assert_int_equal(pic.chip[0].isr, 0);
	assert_int_equal(ready_count[6], 1);
	pulse(7);
	assert_true(intr);
	pic_ack(&pic);
	assert_int_equal(pic.chip[0].first, 0);
	out(0x20, 0x80); /* rotate in automatic EOI mode */
	pulse(3);
	pic_ack(&pic);
	assert_int_equal(pic.chip[0].first, 4);
	pulse(3);
	pulse(4);
	assert_int_equal(pic_ack(&pic), 0x34);
	out(0x20, 0x00);
	pic_ack(&pic);
	assert_int_equal(pic.chip[0].first, 5);
}

static void test_rotation(void **state)
{
	pulse(2 + 1);
	pic_ack(&pic);
	out(0x20, 0xa0); /* rotate on non-specific EOI: 3 is now lowest */
	pulse(3);
	pulse(7);
	assert_int_equal(pic_ack(&pic), 0x37);
	out(0x20, 0xe7); /* rotate on specific EOI: 7 lowest, 0 highest */
	assert_int_equal(pic.chip[0].first, 0);
	assert_int_equal(pic.chip[0].isr, 0);
	out(0x20, 0xc0); /* set priority: 0 lowest */
	pulse(0);
	assert_int_equal(pic_ack(&pic), 0x33);
	out(0x20, 0x40); /* no operation */
	assert_int_equal(pic.chip[0].isr, 1 << 3);
	/* Non-specific EOI follows the rotated order. */
	out(0x20, 0xc4); /* 5 highest, ... 3, 4 lowest */
	pic.chip[0].isr |= 1 << 6;
	out(0x20, 0x20);
	assert_int_equal(pic.chip[0].isr, 1 << 3);
}

static void test_special_mask(void **state)
{
	pulse(1);
	pic_ack(&pic);
	out(0x21, 1 << 1);
	pulse(5);
	assert_false(intr);
	out(0x20, 0x68);
	assert_true(intr); /* the masked pin in service does not block */
	assert_int_equal(pic_ack(&pic), 0x35);
	out(0x20, 0x20); /* and is not what a non-specific EOI finishes */
	assert_int_equal(pic.chip[0].isr, 1 << 1);
	out(0x20, 0x0b);
	assert_true(pic.chip[0].special_mask); /* ESMM clear: unchanged */
	out(0x20, 0x48);
	assert_false(pic.chip[0].special_mask);
}

static void test_poll(void **state)
{
	out(0x20, 0x0c);
	assert_int_equal(in(0x20), 0);
	out(0x21, 0x80);
	assert_int_equal(in(0x21), 0x80); /* the poll is over */
	out(0x21, 0);
	pulse(0);
	out(0x20, 0x0c);
	assert_int_equal(in(0x20), 0x80);
	out(0x20, 0x20);
	pulse(5);
	out(0x20, 0x0c);
	assert_int_equal(in(0x21), 0x85); /* either port */
	assert_false(intr);
	assert_int_equal(in(0x21), 0); /* once only */
	assert_int_equal(pic.chip[0].isr, 1 << 5);
	out(0x20, 0x20);
	pulse(10);
	out(0x20, 0x0c);
	assert_int_equal(in(0x20), 0x82);
	out(0xa0, 0x0c);
	assert_int_equal(in(0xa0), 0x82);
	init_chips(0x03);
	pulse(9);
	out(0xa0, 0x0c);
	assert_int_equal(in(0xa0), 0x81);
	assert_int_equal(ready_count[9], 1);
	assert_int_equal(pic.chip[1].isr, 0);
}

static void test_spurious(void **state)
{
	/* A level that goes away before the acknowledge: pin 7's vector, nothing in service. */
	out(0x4d0, 0x20);
	pic_set_line(&pic, 5, true);
	assert_true(intr);
	pic_set_line(&pic, 5, false);
	assert_false(intr);
	assert_int_equal(pic_ack(&pic), 0x37);
	assert_int_equal(pic.chip[0].isr, 0);
	/* On the slave it goes away while the master says "slave". */
	pulse(15);
	pic.chip[1].irr = 0;
	assert_int_equal(pic_ack(&pic), 0x3f);
	assert_int_equal(pic.chip[1].isr, 0);
	assert_int_equal(pic.chip[0].isr, 1 << 2);
	assert_false(intr);
}

static void test_level(void **state)
{
	out(0x4d0, 0xff);
	out(0x4d1, 0xff);
	assert_int_equal(in(0x4d0), 0xf8);
	assert_int_equal(in(0x4d1), 0xde);
	assert_int_equal(pic_set_line(&pic, 11, true), 1);
	assert_int_equal(pic_ack(&pic), 0x3b);
	assert_int_equal(pic.chip[1].irr, 1 << 3); /* a level stays requested */
	assert_false(intr);
	out(0xa0, 0x63);
	out(0x20, 0x62);
	assert_true(intr);
	pic_ack(&pic);
	pic_set_line(&pic, 11, false);
	out(0xa0, 0x63);
	out(0x20, 0x62);
	assert_false(intr);
	/* A request that was latched as an edge does not survive the change to level. */
	out(0x4d0, 0);
	pulse(5);
	out(0x4d0, 0x20);
	assert_false(intr);
	/* And a line that is high makes a request with it. */
	pic_set_line(&pic, 6, true);
	pic_ack(&pic);
	out(0x20, 0x20);
	assert_false(intr);
	out(0x4d0, 0x40);
	assert_true(intr);
}

static void test_icw1_resets_edges(void **state)
{
	pulse(9);
	out(0xa0, 0x11);
	assert_false(intr);
	init_chips(0x01);
	pic_set_line(&pic, 4, true);
	pic_set_line(&pic, 6, true);
	assert_int_equal(pic_ack(&pic), 0x34);
	out(0x4d0, 0x80);
	pic_set_line(&pic, 7, true);
	out(0x20, 0x11);
	assert_int_equal(pic.chip[0].isr, 0);
	assert_int_equal(pic.chip[0].irr, 0x80); /* the level stays */
	assert_true(intr);
	out(0xa0, 0x11);
	assert_int_equal(ready_count[4], 1);
	out(0x21, 0x30);
	out(0x21, 4);
	out(0x21, 1);
	pic_set_line(&pic, 7, false);
	assert_false(intr);
	pic_set_line(&pic, 6, true);
	assert_false(intr); /* no new edge */
	pic_set_line(&pic, 6, false);
	pic_set_line(&pic, 6, true);
	assert_true(intr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_init_sequence, setup),
		cmocka_unit_test_setup(test_edge_and_eoi, setup),
		cmocka_unit_test_setup(test_priority_and_nesting, setup),
		cmocka_unit_test_setup(test_mask, setup),
		cmocka_unit_test_setup(test_cascade, setup),
		cmocka_unit_test_setup(test_special_fully_nested, setup),
		cmocka_unit_test_setup(test_auto_eoi, setup),
		cmocka_unit_test_setup(test_rotation, setup),
		cmocka_unit_test_setup(test_special_mask, setup),
		cmocka_unit_test_setup(test_poll, setup),
		cmocka_unit_test_setup(test_spurious, setup),
		cmocka_unit_test_setup(test_level, setup),
		cmocka_unit_test_setup(test_icw1_resets_edges, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
