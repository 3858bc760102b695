/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The bare machine's log: text as printf makes it, and the ring that keeps the last of it. */
// uses: host/metal/format.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SWIVL_HAVE_TYPES
#include "host/metal/format.h"

static char ours[256], theirs[256];

static size_t format(size_t size, const char *fmt, ...)
{
	va_list args, again;
	size_t n;

	memset(ours, '#', sizeof(ours));
	va_start(args, fmt);
	va_copy(again, args);
	n = format_text(ours, size, fmt, args);
	vsnprintf(theirs, size, fmt, again);
	va_end(again);
	va_end(args);
	return n;
}

#define SAME(...) \
	do { \
		size_t n = format(sizeof(ours), __VA_ARGS__); \
		assert_string_equal(ours, theirs); \
		assert_int_equal(n, strlen(theirs)); \
	} while (0)

static void as_printf(void **state)
{
	SAME("plain");
	SAME("%s and %s%c", "one", "", '!');
	SAME("%d %d %d", 0, -1, 2147483647);
	SAME("%d %lld", (int)(1u << 31), -9223372036854775807ll - 1);
	SAME("%u %x", ~0u, ~0u);
	SAME("%llu %llx", ~0ull, ~0ull);
	SAME("[%5llu.%06llu] %8x|%08x|%3d|%6s|", 12ull, 345ull, 0xabcu, 0xabcu, -5, "abc");
	SAME("100%%");
}

static void odd_formats(void **state)
{
	assert_int_equal(format_text(ours, 0, "x", NULL), 0);
	format(sizeof(ours), "%s", (char *)NULL);
	assert_string_equal(ours, "(none)");
	{
		volatile const char *end = "50%";

		assert_int_equal(format(sizeof(ours), (const char *)end), 2);
	}
}

static void what_does_not_fit(void **state)
{
	for (size_t size = 1; size < 12; size++) {
		size_t n = format(size, "%s%d", "hello", 12345);

		assert_string_equal(ours, theirs);
		assert_int_equal(n, strlen(theirs));
		assert_int_equal(ours[size], '#');
	}
}

static struct log_ring ring;

static void put(const char *text)
{
	log_ring_put(&ring, text, strlen(text));
}

static void reads_what_was_put(void **state)
{
	char buf[64] = "";
	u64 at = 0;

	memset(&ring, 0, sizeof(ring));
	assert_int_equal(log_ring_read(&ring, &at, buf, sizeof(buf)), 0);
	put("abc");
	put("def");
	assert_int_equal(log_ring_read(&ring, &at, buf, 4), 4);
	assert_int_equal(at, 4);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(log_ring_read(&ring, &at, buf, sizeof(buf)), 2);
	assert_memory_equal(buf, "ef", 2);
	assert_int_equal(log_ring_read(&ring, &at, buf, sizeof(buf)), 0);
	at = 7; /* never written */
	assert_int_equal(log_ring_read(&ring, &at, buf, sizeof(buf)), 6);
	at = ~0ull;
	assert_int_equal(log_ring_read(&ring, &at, buf, sizeof(buf)), 6);
}

static void keeps_the_last(void **state)
{
	static char all[LOG_RING_SIZE * 3], buf[LOG_RING_SIZE + 100];
	size_t written = 0, n;
	u64 at = 5;

	memset(&ring, 0, sizeof(ring));
	srand(2);
	while (written < LOG_RING_SIZE * 2) {
		size_t line = 1 + rand() % 200;

		for (size_t i = 0; i < line; i++)
			all[written + i] = (char)rand();
		log_ring_put(&ring, all + written, line);
		written += line;
	}
	n = log_ring_read(&ring, &at, buf, sizeof(buf));
	assert_int_equal(n, LOG_RING_SIZE);
	assert_int_equal(at, written);
	assert_memory_equal(buf, all + written - LOG_RING_SIZE, LOG_RING_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_printf),	      cmocka_unit_test(odd_formats),
		cmocka_unit_test(what_does_not_fit),  cmocka_unit_test(reads_what_was_put),
		cmocka_unit_test(keeps_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
