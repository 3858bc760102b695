/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The serial port, as drivers use it. */
// uses: cli/serial.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cli/serial.h"

static struct serial s;
static char sent[64];
static unsigned int nsent, changes;
static bool line;

static void transmit(void *opaque, uint8_t byte)
{
	sent[nsent++] = byte;
}

static void set_irq(void *opaque, bool level)
{
	assert_true(level != line);
	line = level;
	changes++;
}

static int setup(void **state)
{
	memset(&s, 0, sizeof(s));
	memset(sent, 0, sizeof(sent));
	nsent = changes = 0;
	line = false;
	s.transmit = transmit;
	s.set_irq = set_irq;
	serial_reset(&s);
	serial_write(&s, 4, 0x0b); /* DTR, RTS, OUT2 */
	return 0;
}

static void what_is_written_goes_out(void **state)
{
	serial_write(&s, 0, 'h');
	serial_write(&s, 0, 'i');
	assert_string_equal(sent, "hi");
	assert_int_equal(serial_read(&s, 5), 0x60);
}

static void the_divisor_hides_data_and_interrupt_enable(void **state)
{
	serial_write(&s, 3, 0x83);
	serial_write(&s, 0, 0x0c);
	serial_write(&s, 1, 0x01);
	assert_int_equal(serial_read(&s, 0), 0x0c);
	assert_int_equal(serial_read(&s, 1), 0x01);
	serial_write(&s, 3, 0x03);
	assert_int_equal(nsent, 0);
	assert_int_equal(serial_read(&s, 1), 0);
	assert_int_equal(serial_read(&s, 3), 0x03);
}

static void a_driver_sees_a_16550a(void **state)
{
	serial_write(&s, 7, 0x5a);
	assert_int_equal(serial_read(&s, 7), 0x5a);
	assert_int_equal(serial_read(&s, 2), 0x01);
	serial_write(&s, 2, 0x01);
	assert_int_equal(serial_read(&s, 2), 0xc1);
	serial_write(&s, 1, 0xff);
	assert_int_equal(serial_read(&s, 1), 0x0f);
}

static void transmitter_empty_interrupt(void **state)
{
	serial_write(&s, 1, 0x02);
	assert_true(line); /* empty already */
	assert_int_equal(serial_read(&s, 2), 0x02);
	assert_false(line); /* acknowledged by reading */
	assert_int_equal(serial_read(&s, 2), 0x01);
	serial_write(&s, 0, 'x');
	assert_true(line);
	serial_write(&s, 1, 0);
	assert_false(line);
	/* switching it on again raises it again */
	serial_write(&s, 1, 0x02);
	assert_true(line);
}

static void receive_interrupt_until_read(void **state)
{
	serial_write(&s, 1, 0x01);
	assert_int_equal(serial_room(&s), 1);
	serial_receive(&s, 'k');
	assert_true(line);
	assert_int_equal(serial_room(&s), 0);
	assert_int_equal(serial_read(&s, 2), 0x04);
	assert_int_equal(serial_read(&s, 5), 0x61);
	assert_int_equal(serial_read(&s, 0), 'k');
	assert_false(line);
	assert_int_equal(serial_read(&s, 5), 0x60);
	assert_int_equal(serial_read(&s, 0), 0);
}

static void fifo_order_trigger_and_overrun(void **state)
{
	serial_write(&s, 2, 0x81); /* FIFOs, trigger 8 */
	serial_write(&s, 1, 0x05);
	assert_int_equal(serial_room(&s), 16);
	serial_receive(&s, 0);
	assert_int_equal(serial_read(&s, 2), 0xcc); /* below the trigger: time-out */
	for (unsigned int i = 1; i < 16; i++)
		serial_receive(&s, i);
	assert_int_equal(serial_read(&s, 2), 0xc4);
	serial_receive(&s, 99);
	assert_int_equal(serial_read(&s, 2), 0xc6); /* overrun comes first */
	assert_int_equal(serial_read(&s, 5), 0x63);
	assert_int_equal(serial_read(&s, 5), 0x61);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(serial_read(&s, 0), i);
	assert_int_equal(serial_read(&s, 5), 0x60);
	assert_false(line);
}

static void fifo_reset_empties(void **state)
{
	serial_write(&s, 2, 0x01);
	serial_receive(&s, 1);
	serial_receive(&s, 2);
	serial_write(&s, 2, 0x03);
	assert_int_equal(serial_room(&s), 16);
	assert_int_equal(serial_read(&s, 5), 0x60);
}

static void loopback(void **state)
{
	serial_write(&s, 4, 0x1f);
	serial_write(&s, 0, 'l');
	assert_int_equal(nsent, 0);
	assert_int_equal(serial_read(&s, 0), 'l');
	assert_int_equal(serial_read(&s, 6), 0xf0);
	serial_write(&s, 4, 0x10 | 0x02);
	assert_int_equal(serial_read(&s, 6), 0x10);
	serial_receive(&s, 'z'); /* the line in is cut off */
	assert_int_equal(serial_read(&s, 5), 0x60);
	serial_write(&s, 1, 0x02);
	assert_false(line);
}

static void no_interrupt_without_out2(void **state)
{
	serial_write(&s, 4, 0x03);
	serial_write(&s, 1, 0x03);
	serial_receive(&s, 'a');
	assert_false(line);
	serial_write(&s, 4, 0x0b);
	assert_true(line);
	assert_int_equal(changes, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(what_is_written_goes_out),
		T(the_divisor_hides_data_and_interrupt_enable),
		T(a_driver_sees_a_16550a),
		T(transmitter_empty_interrupt),
		T(receive_interrupt_until_read),
		T(fifo_order_trigger_and_overrun),
		T(fifo_reset_empties),
		T(loopback),
		T(no_interrupt_without_out2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
