/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* One local APIC, and what it says to the outside. */
#ifndef SWIVL_TESTS_LAPIC_TEST_H
#define SWIVL_TESTS_LAPIC_TEST_H

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

#define MASKED LAPIC_LVT_MASKED
#define SW 0x100u
#define PERIODIC (1u << 17)
#define TSC_MODE (1u << 18)

static struct lapic l;
static struct apic_msg sent;
static unsigned sends, eois, kicks;
static u8 eoi_vector;
static bool eoi_level;

static inline void on_send(void *ctx, struct lapic *from, const struct apic_msg *msg)
{
	assert_ptr_equal(from, &l);
	sent = *msg;
	sends++;
}

static inline void on_eoi(void *ctx, u8 vector, bool level)
{
	eois++;
	eoi_vector = vector;
	eoi_level = level;
}

static inline void on_kick(void *ctx, unsigned index)
{
	assert_int_equal(index, 3);
	kicks++;
}

static const struct lapic_ops ops = { NULL, on_send, on_eoi, on_kick };

static inline void wr(unsigned reg, u32 val)
{
	lapic_write(&l, reg, val, 0);
}

static inline u32 rd(unsigned reg)
{
	return lapic_read(&l, reg, 0);
}

static inline int setup_off(void **state)
{
	sends = eois = kicks = 0;
	lapic_init(&l, 3, 5, false, 2000000, &ops);
	return 0;
}

static inline int setup(void **state)
{
	setup_off(state);
	wr(LAPIC_SVR, SW | 0xff);
	return 0;
}

static inline int give(u8 vector, bool level)
{
	struct apic_msg msg = { .vector = vector, .level = level, .assert = true };

	return lapic_accept(&l, &msg);
}

static inline int give_mode(u8 mode, u8 vector)
{
	struct apic_msg msg = { .vector = vector, .mode = mode, .assert = true };

	return lapic_accept(&l, &msg);
}

static inline bool pending(void)
{
	return l.pending & LAPIC_PENDING_VECTOR;
}

static inline bool in_irr(u8 vector)
{
	return l.reg[LAPIC_IRR + vector / 32] >> (vector % 32) & 1;
}

#endif
