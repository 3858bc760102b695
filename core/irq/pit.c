// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* 8254 timer. The rules are those of Intel's 8254 data sheet (order 231164). */
#include "core/irq/pit.h"

#define NS_PER_S 1000000000ull

/* Split at whole seconds, so that no time overflows. */
static u64 ns_to_clocks(u64 ns)
{
	return ns / NS_PER_S * PIT_HZ + ns % NS_PER_S * PIT_HZ / NS_PER_S;
}

/* Rounded up: at that time, ns_to_clocks() is not below. Saturates. */
static u64 clocks_to_ns(u64 clocks)
{
	if (clocks / PIT_HZ >= PIT_NEVER / NS_PER_S - 1)
		return PIT_NEVER;
	return clocks / PIT_HZ * NS_PER_S + (clocks % PIT_HZ * NS_PER_S + PIT_HZ - 1) / PIT_HZ;
}

static u64 add_saturating(u64 a, u64 b)
{
	return a > PIT_NEVER - b ? PIT_NEVER : a + b;
}

static u32 bcd_to_binary(u32 v)
{
	return (v >> 12 & 15) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
}

static u16 binary_to_bcd(u32 v)
{
	return (u16)((v / 1000 % 10) << 12 | (v / 100 % 10) << 8 | (v / 10 % 10) << 4 | v % 10);
}

/* Modes 1 and 5 count from a rising gate; the others count while it is high. */
static bool edge_gated(const struct pit_channel *c)
{
	return c->mode == 1 || c->mode == 5;
}

static bool counting(const struct pit_channel *c)
{
	return c->count && c->mode <= 5 && (c->triggered || !edge_gated(c));
}

/* Clocks counted since the load. */
static u64 elapsed(const struct pit_channel *c, u64 now)
{
	u64 until = c->gate || edge_gated(c) ? now : c->stopped_at;

	return until > c->loaded_at ? ns_to_clocks(until - c->loaded_at) : 0;
}

static u16 counter(const struct pit_channel *c, u64 now)
{
	u32 n = c->count, span = c->bcd ? 10000 : 65536, phase, v;
	u64 d = counting(c) ? elapsed(c, now) : 0;

	if (!n)
		return 0;
	phase = (u32)(d % n);
	if (c->mode == 2) {
		v = n - phase;
	} else if (c->mode == 3) { /* by twos, twice a period; odd counts begin one lower */
		if (phase >= (n + 1) / 2)
			phase -= (n + 1) / 2;
		v = (n & ~1u) - 2 * phase;
	} else {
		v = n + span - (u32)(d % span); /* goes on below zero */
	}
	return c->bcd ? binary_to_bcd(v) : (u16)v;
}

static bool output(const struct pit_channel *c, u64 now)
{
	u32 n = c->count;
	u64 d;

	if (!counting(c))
		return c->mode != 0 && c->mode != PIT_NO_MODE;
	d = elapsed(c, now);
	switch (c->mode) {
	case 0:
	case 1:
		return d >= n;
	case 2:
		return !c->gate || d % n != n - 1;
	case 3:
		return !c->gate || d % n < (n + 1) / 2;
	default:
		return d != n;
	}
}

/* Clock at which channel 0's output rises for the @k-th time (from 1), PIT_NEVER if it won't. */
static u64 rising_edge(const struct pit_channel *c, u64 k)
{
	if (!counting(c) || !c->gate || edge_gated(c))
		return PIT_NEVER;
	if (c->mode == 2 || c->mode == 3)
		return k * c->count;
	return k > 1 ? PIT_NEVER : c->count + (c->mode == 4);
}

static void set_deadline(struct pit *p, u64 earliest)
{
	u64 clock = p->hpet_legacy ? PIT_NEVER : rising_edge(&p->ch[0], p->ticks + 1);

	p->deadline = PIT_NEVER;
	if (clock != PIT_NEVER)
		p->deadline = add_saturating(p->ch[0].loaded_at, clocks_to_ns(clock));
	if (p->deadline < earliest)
		p->deadline = earliest;
}

/* Channel 0 begins anew: with it the count of what was missed. */
static void restart_ticks(struct pit *p)
{
	p->ticks = 0;
	p->missed = 0;
	p->waiting = false;
	set_deadline(p, 0);
}

static void add_missed(struct pit *p, u64 n)
{
	p->missed = n < PIT_MAX_MISSED - p->missed ? p->missed + (u32)n : PIT_MAX_MISSED;
}

static void deliver(struct pit *p)
{
	int r = p->ops.tick(p->ops.ctx);

	if (!p->reinject)
		return;
	p->waiting = r >= 0;
	if (r == 0)
		add_missed(p, 1);
	if (r < 0) /* masked: the guest does not want them */
		p->missed = 0;
}

void pit_advance(struct pit *p, u64 now)
{
	struct pit_channel *c = &p->ch[0];
	u64 due;

	if (p->deadline == PIT_NEVER || now < p->deadline)
		return;
	due = c->mode == 2 || c->mode == 3 ? elapsed(c, now) / c->count : 1;
	due -= p->ticks; /* at least one: the deadline is not before the edge */
	p->ticks += due;
	set_deadline(p, add_saturating(now, PIT_MIN_PERIOD_NS));
	if (p->waiting) {
		add_missed(p, due);
		return;
	}
	if (p->reinject)
		add_missed(p, due - 1);
	deliver(p);
}

void pit_ready(struct pit *p)
{
	if (!p->waiting)
		return;
	p->waiting = false;
	if (p->missed) {
		p->missed--;
		deliver(p);
	}
}

void pit_set_reinject(struct pit *p, bool on)
{
	p->reinject = on;
	p->missed = 0;
	p->waiting = false;
}

static void load(struct pit *p, struct pit_channel *c, u32 val, u64 now)
{
	if (c->bcd)
		val = bcd_to_binary(val);
	c->count = val ? val : c->bcd ? 10000 : 65536;
	if (!edge_gated(c))
		c->loaded_at = c->stopped_at = now;
	if (c == &p->ch[0])
		restart_ticks(p);
}

static void set_gate(struct pit_channel *c, bool level, u64 now)
{
	if (level && !c->gate) {
		if (edge_gated(c))
			c->triggered = true;
		if (c->mode == 0 || c->mode == 4) /* goes on where it stopped */
			c->loaded_at += now - c->stopped_at;
		else
			c->loaded_at = now;
	} else if (!level && c->gate) {
		c->stopped_at = now;
	}
	c->gate = level;
}

static void latch_count(struct pit_channel *c, u64 now)
{
	if (c->count_latched)
		return;
	c->latched_count = counter(c, now);
	c->count_latched = c->access;
}

static void latch_status(struct pit_channel *c, u64 now)
{
	if (c->status_latched)
		return;
	c->status = (u8)(output(c, now) << 7 | !c->count << 6 | c->access << 4 |
			 (c->mode & 7) << 1 | c->bcd);
	c->status_latched = true;
}

static void read_back(struct pit *p, u8 val, u64 now)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (!(val & 2 << i))
			continue;
		if (!(val & 0x20))
			latch_count(&p->ch[i], now);
		if (!(val & 0x10))
			latch_status(&p->ch[i], now);
	}
}

static void write_control(struct pit *p, u8 val, u64 now)
{
	struct pit_channel *c = &p->ch[val >> 6 & 3];
	u8 access = val >> 4 & 3;

	if (val >> 6 == 3) {
		read_back(p, val, now);
		return;
	}
	if (!access) {
		latch_count(c, now);
		return;
	}
	c->access = c->read_next = c->write_next = access;
	c->mode = val >> 1 & 7;
	if (c->mode > 5) /* 6 and 7 are 2 and 3 */
		c->mode -= 4;
	c->bcd = val & 1;
	c->count = 0;
	c->triggered = false;
	c->count_latched = 0;
	c->status_latched = false;
	if (c == &p->ch[0])
		restart_ticks(p);
}

static void write_count(struct pit *p, struct pit_channel *c, u8 val, u64 now)
{
	switch (c->write_next) {
	case PIT_BOTH:
		c->write_low = val;
		c->write_next = PIT_BOTH_HIGH;
		if (c->mode != 0)
			break;
		c->count = 0; /* in mode 0 the first byte stops the counter */
		if (c == &p->ch[0])
			restart_ticks(p);
		break;
	case PIT_BOTH_HIGH:
		c->write_next = PIT_BOTH;
		load(p, c, (u32)(c->write_low | val << 8), now);
		break;
	case PIT_HIGH:
		load(p, c, (u32)val << 8, now);
		break;
	default:
		load(p, c, val, now);
		break;
	}
}

static u8 read_count(struct pit_channel *c, u64 now)
{
	u16 v;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->count_latched) {
		bool high = c->count_latched == PIT_HIGH;

		c->count_latched = c->count_latched == PIT_BOTH ? PIT_HIGH : 0;
		return (u8)(high ? c->latched_count >> 8 : c->latched_count);
	}
	v = counter(c, now);
	switch (c->read_next) {
	case PIT_BOTH:
		c->read_next = PIT_BOTH_HIGH;
		return (u8)v;
	case PIT_BOTH_HIGH:
		c->read_next = PIT_BOTH;
		return (u8)(v >> 8);
	case PIT_HIGH:
		return (u8)(v >> 8);
	default:
		return (u8)v;
	}
}

u8 pit_read(struct pit *p, u16 port, u64 now)
{
	struct pit_channel *c = &p->ch[2];

	if (port >= 0x40 && port <= 0x42)
		return read_count(&p->ch[port - 0x40], now);
	if (port != 0x61)
		return 0xff;
	/* Bit 4 toggles with each refresh of the memory, about every 15 us. */
	return (u8)(c->gate | p->speaker_on << 1 | (now >> 14 & 1) << 4 | output(c, now) << 5);
}

void pit_write(struct pit *p, u16 port, u8 val, u64 now)
{
	if (port >= 0x40 && port <= 0x42) {
		write_count(p, &p->ch[port - 0x40], val, now);
	} else if (port == 0x43) {
		write_control(p, val, now);
	} else if (port == 0x61) {
		set_gate(&p->ch[2], val & 1, now);
		p->speaker_on = val & 2;
	}
}

void pit_update(struct pit *p, u64 now)
{
	int i;

	for (i = 0; i < 3; i++) {
		p->ch[i].loaded_at = p->ch[i].stopped_at = now;
		p->ch[i].triggered = false;
	}
	restart_ticks(p);
}

void pit_init(struct pit *p, const struct pit_ops *ops, u64 now)
{
	int i;

	memset(p, 0, sizeof(*p));
	p->ops = *ops;
	p->reinject = true;
	for (i = 0; i < 3; i++) {
		p->ch[i].mode = PIT_NO_MODE;
		p->ch[i].count = 65536;
		p->ch[i].gate = i != 2;
	}
	pit_update(p, now);
}
