// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The local APIC (SDM vol. 3, chapter 11). */
#include "core/irq/lapic.h"

#define ICR_BUSY (1u << 12)
#define ICR_ASSERT (1u << 14)
#define ICR_LEVEL (1u << 15)
#define TIMER_PERIODIC (1u << 17)
#define TIMER_TSC (1u << 18)
#define NS_PER_MS 1000000ull

/* ---- what registers there are ----------------------------------------------------------- */

#define IN_PAGE 1 /* the xAPIC has it */
#define RDMSR 2 /* the x2APIC lets it be read */
#define WRMSR 4 /* and written */
#define LVT 8 /* an entry of the local vector table */

struct reg_rule {
	u32 bits; /* that can be set */
	u32 ones; /* that always are */
	u32 flags;
};

/* SDM tables 11-1 and 11-6; LVT entries by figure 11-8. */
static const struct reg_rule rules[LAPIC_REGS] = {
	[LAPIC_ID] = { 0xff000000, 0, IN_PAGE | RDMSR },
	[LAPIC_VERSION] = { 0, LAPIC_VERSION_VALUE, IN_PAGE | RDMSR },
	[LAPIC_TPR] = { 0xff, 0, IN_PAGE | RDMSR | WRMSR },
	[LAPIC_APR] = { 0, 0, IN_PAGE },
	[LAPIC_PPR] = { 0, 0, IN_PAGE | RDMSR },
	[LAPIC_EOI] = { 0, 0, IN_PAGE | WRMSR },
	[LAPIC_LDR] = { 0xff000000, 0, IN_PAGE | RDMSR }, /* of an x2APIC it follows from the ID */
	[LAPIC_DFR] = { 0xf0000000, 0x0fffffff, IN_PAGE },
	[LAPIC_SVR] = { 0x3ff, 0, IN_PAGE | RDMSR | WRMSR },
	[LAPIC_ISR ... LAPIC_ESR - 1] = { 0xffffffff, 0, IN_PAGE | RDMSR },
	[LAPIC_ESR] = { 0xff, 0, IN_PAGE | RDMSR | WRMSR },
	[LAPIC_LVT_CMCI] = { 0x107ff, 0, IN_PAGE | RDMSR | WRMSR | LVT },
	[LAPIC_ICR] = { ~ICR_BUSY, 0, IN_PAGE | RDMSR }, /* written with ICR2 at once */
	[LAPIC_ICR2] = { 0xffffffff, 0, IN_PAGE },
	[LAPIC_LVT_TIMER] = { 0x700ff, 0, IN_PAGE | RDMSR | WRMSR | LVT },
	[LAPIC_LVT_THERMAL] = { 0x107ff, 0, IN_PAGE | RDMSR | WRMSR | LVT },
	[LAPIC_LVT_PMC] = { 0x107ff, 0, IN_PAGE | RDMSR | WRMSR | LVT },
	[LAPIC_LVT_LINT0] = { 0x1a7ff, 0, IN_PAGE | RDMSR | WRMSR | LVT },
	[LAPIC_LVT_LINT1] = { 0x1a7ff, 0, IN_PAGE | RDMSR | WRMSR | LVT },
	[LAPIC_LVT_ERROR] = { 0x100ff, 0, IN_PAGE | RDMSR | WRMSR | LVT },
	[LAPIC_TMICT] = { 0xffffffff, 0, IN_PAGE | RDMSR | WRMSR },
	[LAPIC_TMCCT] = { 0, 0, IN_PAGE | RDMSR },
	[LAPIC_TDCR] = { 0xb, 0, IN_PAGE | RDMSR | WRMSR },
	[LAPIC_SELF_IPI] = { 0xff, 0, WRMSR },
};

/* Register 0 is none. */
static const struct reg_rule *rule(unsigned reg)
{
	return &rules[reg < LAPIC_REGS ? reg : 0];
}

u32 lapic_possible(unsigned reg, u32 val)
{
	const struct reg_rule *r = rule(reg);

	return r->flags & IN_PAGE ? (val & r->bits) | r->ones : 0;
}

/* ---- vectors and priorities ------------------------------------------------------------ */

static bool bit_test(const u32 *bits, u8 vector)
{
	return bits[vector / 32] >> (vector % 32) & 1;
}

/* The highest vector that is set, not above @from; 0 if there is none. */
static u8 bit_top(const u32 *bits, u8 from)
{
	int i;

	for (i = from / 32; i >= 0; i--) {
		if (bits[i])
			return (u8)(i * 32 + 31 - __builtin_clz(bits[i]));
	}
	return 0;
}

static void add_pending(struct lapic *l, u32 bits)
{
	u32 fresh = bits & ~l->pending;

	l->pending |= bits;
	if (fresh)
		l->ops->kick(l->ops->ctx, l->index);
}

static void set_pending(struct lapic *l, u32 bit, bool on)
{
	if (on)
		add_pending(l, bit);
	else
		l->pending &= ~bit;
}

/* After a change of IRR, ISR or TPR: the processor's priority (SDM 11.8.3.1) and its outcome. */
static void update_vector(struct lapic *l)
{
	u8 tpr = (u8)l->reg[LAPIC_TPR], isr = l->isr_top & 0xf0;
	u8 ppr = (tpr & 0xf0) >= isr ? tpr : isr;

	l->reg[LAPIC_PPR] = ppr;
	set_pending(l, LAPIC_PENDING_VECTOR,
		    lapic_enabled(l) && (l->irr_top & 0xf0) > (ppr & 0xf0));
}

/* After a change of LVT LINT0 or the PIC's output. A disabled APIC has the CPU's INTR pin. */
static void update_extint(struct lapic *l)
{
	u32 lvt = l->reg[LAPIC_LVT_LINT0];
	bool pass = !lapic_enabled(l) ||
		    (!(lvt & LAPIC_LVT_MASKED) && (lvt >> 8 & 7) == APIC_EXTINT);

	set_pending(l, LAPIC_PENDING_EXTINT, pass && l->lint0);
}

static int accept_vector(struct lapic *l, u8 vector, bool level);

static void add_error(struct lapic *l, u32 error)
{
	u32 lvt = l->reg[LAPIC_LVT_ERROR];
	bool fresh = error & ~l->errors;

	l->errors |= error;
	/* An illegal vector in the error entry itself ends here: its bit is not fresh. */
	if (fresh && !(lvt & LAPIC_LVT_MASKED))
		accept_vector(l, (u8)lvt, false);
}

static int accept_vector(struct lapic *l, u8 vector, bool level)
{
	u32 bit = 1u << (vector % 32);
	u32 *irr = &l->reg[LAPIC_IRR + vector / 32], *tmr = &l->reg[LAPIC_TMR + vector / 32];
	bool waiting = *irr & bit;

	if (!lapic_soft_enabled(l))
		return -1;
	if (vector < 16) {
		add_error(l, LAPIC_ESR_RECEIVE_VECTOR);
		return -1;
	}
	*irr |= bit;
	*tmr = level ? *tmr | bit : *tmr & ~bit;
	if (vector > l->irr_top) {
		l->irr_top = vector;
		update_vector(l);
	}
	return !waiting;
}

int lapic_accept(struct lapic *l, const struct apic_msg *msg)
{
	static const u8 event[8] = {
		[APIC_SMI] = LAPIC_PENDING_SMI,
		[APIC_NMI] = LAPIC_PENDING_NMI,
		[APIC_INIT] = LAPIC_PENDING_INIT,
		[APIC_SIPI] = LAPIC_PENDING_SIPI,
	};
	u8 bit = event[msg->mode & 7];
	bool waiting = l->pending & bit;

	if (msg->level && !msg->assert) /* only set arbitration IDs, long ago */
		return -1;
	if (msg->mode == APIC_FIXED || msg->mode == APIC_LOWEST)
		return accept_vector(l, msg->vector, msg->level);
	if (!lapic_enabled(l) || !bit)
		return -1;
	if (bit == LAPIC_PENDING_INIT)
		l->pending &= ~LAPIC_PENDING_SIPI;
	if (bit == LAPIC_PENDING_SIPI)
		l->sipi_vector = msg->vector;
	add_pending(l, bit);
	return !waiting;
}

u8 lapic_ack(struct lapic *l)
{
	u8 vector = l->irr_top;

	if (!(l->pending & LAPIC_PENDING_VECTOR))
		return (u8)l->reg[LAPIC_SVR];
	l->reg[LAPIC_IRR + vector / 32] &= ~(1u << (vector % 32));
	l->reg[LAPIC_ISR + vector / 32] |= 1u << (vector % 32);
	l->irr_top = bit_top(&l->reg[LAPIC_IRR], vector);
	l->isr_top = vector;
	update_vector(l);
	return vector;
}

static void write_eoi(struct lapic *l)
{
	u8 vector = l->isr_top;

	if (!vector)
		return;
	l->reg[LAPIC_ISR + vector / 32] &= ~(1u << (vector % 32));
	l->isr_top = bit_top(&l->reg[LAPIC_ISR], vector);
	update_vector(l);
	l->ops->eoi(l->ops->ctx, vector, bit_test(&l->reg[LAPIC_TMR], vector));
}

void lapic_set_tpr(struct lapic *l, u8 tpr)
{
	l->reg[LAPIC_TPR] = tpr;
	update_vector(l);
}

u32 lapic_take(struct lapic *l, u32 bits)
{
	u32 taken = l->pending & bits;

	l->pending &= ~bits;
	return taken;
}

void lapic_set_lint0(struct lapic *l, bool level)
{
	bool rise = level && !l->lint0;
	u32 lvt = l->reg[LAPIC_LVT_LINT0];
	struct apic_msg msg = { .vector = (u8)lvt, .mode = lvt >> 8 & 7, .assert = true };

	l->lint0 = level;
	update_extint(l);
	if (rise && lapic_enabled(l) && !(lvt & LAPIC_LVT_MASKED) && msg.mode != APIC_EXTINT)
		lapic_accept(l, &msg);
}

/* ---- destinations ----------------------------------------------------------------------- */

/* SDM 11.6.2.1, 11.6.2.2, 11.12.10 */
bool lapic_matches(const struct lapic *l, u32 dest, bool logical)
{
	u32 ldr;

	if (dest == APIC_EVERYONE)
		return true;
	if (l->base & LAPIC_BASE_X2APIC) {
		ldr = l->reg[LAPIC_LDR];
		if (!logical)
			return dest == l->id;
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
	}
	if (dest > 0xff)
		return false;
	if (!logical)
		return dest == l->reg[LAPIC_ID] >> 24;
	ldr = l->reg[LAPIC_LDR] >> 24;
	if (l->reg[LAPIC_DFR] >> 28 == 0xf)
		return dest & ldr;
	return (dest >> 4 == ldr >> 4 || dest >> 4 == 0xf) && (dest & ldr & 0xf);
}

static void send(struct lapic *l, u32 low, u32 dest)
{
	struct apic_msg msg = {
		.dest = dest,
		.vector = (u8)low,
		.mode = low >> 8 & 7,
		.shorthand = low >> 18 & 3,
		.logical = low >> 11 & 1,
		.level = low & ICR_LEVEL,
		.assert = low & ICR_ASSERT,
	};

	if ((msg.mode == APIC_FIXED || msg.mode == APIC_LOWEST) && msg.vector < 16) {
		add_error(l, LAPIC_ESR_SEND_VECTOR);
		return;
	}
	/* Only INIT knows a level through the ICR; the others are edges (SDM 11.6.1). */
	if (msg.mode != APIC_INIT)
		msg.level = false;
	l->ops->send(l->ops->ctx, l, &msg);
}

static void write_icr(struct lapic *l, u32 low)
{
	u32 dest = l->reg[LAPIC_ICR2] >> 24;

	l->reg[LAPIC_ICR] = low & ~ICR_BUSY;
	send(l, low, dest == 0xff && !(low >> 11 & 1) ? APIC_EVERYONE : dest);
}

/* ---- the timer -------------------------------------------------------------------------- */

static u64 add_saturating(u64 a, u64 b)
{
	return a > LAPIC_NEVER - b ? LAPIC_NEVER : a + b;
}

/* The divider is 1 << this (SDM figure 11-10). */
static unsigned divide_shift(u32 tdcr)
{
	return ((tdcr >> 1 & 4) + (tdcr & 3) + 1) & 7;
}

static u64 period(const struct lapic *l)
{
	u64 ns = (u64)l->reg[LAPIC_TMICT] << divide_shift(l->reg[LAPIC_TDCR]);

	return ns > LAPIC_MIN_PERIOD_NS ? ns : LAPIC_MIN_PERIOD_NS;
}

static void start_count(struct lapic *l, u32 count, u64 now)
{
	u64 ns = (u64)count << divide_shift(l->reg[LAPIC_TDCR]);

	l->deadline = count ? add_saturating(now, ns) : LAPIC_NEVER;
}

static u32 current_count(const struct lapic *l, u64 now)
{
	u64 left;

	if (l->deadline == LAPIC_NEVER || (l->reg[LAPIC_LVT_TIMER] & TIMER_TSC))
		return 0;
	if (l->deadline > now)
		left = l->deadline - now;
	else if (l->reg[LAPIC_LVT_TIMER] & TIMER_PERIODIC)
		left = period(l) - (now - l->deadline) % period(l);
	else
		return 0;
	left >>= divide_shift(l->reg[LAPIC_TDCR]);
	return left < l->reg[LAPIC_TMICT] ? (u32)left : l->reg[LAPIC_TMICT];
}

static void write_divider(struct lapic *l, u32 val, u64 now)
{
	u32 left = current_count(l, now);

	l->reg[LAPIC_TDCR] = val & 0xb;
	if (left)
		start_count(l, left, now);
}

static void disarm(struct lapic *l)
{
	l->reg[LAPIC_TMICT] = 0;
	l->tsc_deadline = 0;
	l->deadline = LAPIC_NEVER;
}

/* When the guest's TSC will have the deadline, not before the next microsecond. */
static u64 tsc_to_ns(const struct lapic *l, u64 now, u64 tsc)
{
	u64 khz = l->tsc_khz ? l->tsc_khz : 1000000, d = l->tsc_deadline - tsc, ns;

	if (d / khz >= LAPIC_NEVER / NS_PER_MS - 1)
		return LAPIC_NEVER;
	ns = d / khz * NS_PER_MS + d % khz * NS_PER_MS / khz;
	return add_saturating(now, ns > 1000 ? ns : 1000);
}

void lapic_advance(struct lapic *l, u64 now, u64 tsc)
{
	u32 lvt = l->reg[LAPIC_LVT_TIMER];

	if (l->tsc_deadline) {
		if (tsc < l->tsc_deadline) {
			l->deadline = tsc_to_ns(l, now, tsc);
			return;
		}
		l->tsc_deadline = 0;
		l->deadline = LAPIC_NEVER;
	} else {
		if (now < l->deadline || l->deadline == LAPIC_NEVER)
			return;
		if (lvt & TIMER_PERIODIC) /* what was missed is missed: IRR holds one */
			l->deadline = add_saturating(now,
						     period(l) - (now - l->deadline) % period(l));
		else
			l->deadline = LAPIC_NEVER;
	}
	if (!(lvt & LAPIC_LVT_MASKED))
		accept_vector(l, (u8)lvt, false);
}

static int write_tsc_deadline(struct lapic *l, u64 val, u64 now, u64 tsc)
{
	if (!(l->reg[LAPIC_LVT_TIMER] & TIMER_TSC))
		return 0;
	l->tsc_deadline = val;
	l->deadline = LAPIC_NEVER;
	lapic_advance(l, now, tsc);
	return 0;
}

/* ---- registers -------------------------------------------------------------------------- */

static void write_lvt(struct lapic *l, unsigned reg, u32 val)
{
	u32 old = l->reg[reg];

	val = lapic_possible(reg, val);
	if (!lapic_soft_enabled(l))
		val |= LAPIC_LVT_MASKED;
	l->reg[reg] = val;
	if (reg == LAPIC_LVT_LINT0)
		update_extint(l);
	if (reg == LAPIC_LVT_TIMER && ((old ^ val) & TIMER_TSC))
		disarm(l);
}

static void write_svr(struct lapic *l, u32 val)
{
	unsigned reg;

	l->reg[LAPIC_SVR] = val & 0x3ff;
	if (val & LAPIC_SVR_ENABLED)
		return;
	for (reg = LAPIC_LVT_CMCI; reg <= LAPIC_LVT_ERROR; reg++) {
		if (rule(reg)->flags & LVT)
			l->reg[reg] |= LAPIC_LVT_MASKED;
	}
	update_extint(l);
}

/* SDM 11.12.10.2: in x2APIC mode the logical ID is made from the ID. */
static u32 x2apic_ldr(u8 id)
{
	return (u32)(id >> 4) << 16 | 1u << (id & 15);
}

u32 lapic_read(struct lapic *l, unsigned reg, u64 now)
{
	if (reg == LAPIC_TMCCT)
		return current_count(l, now);
	if (!(rule(reg)->flags & IN_PAGE)) {
		add_error(l, LAPIC_ESR_REGISTER);
		return 0;
	}
	return l->reg[reg];
}

void lapic_write(struct lapic *l, unsigned reg, u32 val, u64 now)
{
	switch (reg) {
	case LAPIC_EOI:
		write_eoi(l);
		break;
	case LAPIC_TPR:
		lapic_set_tpr(l, (u8)val);
		break;
	case LAPIC_TMICT:
		if (l->reg[LAPIC_LVT_TIMER] & TIMER_TSC)
			break;
		l->reg[LAPIC_TMICT] = val;
		start_count(l, val, now);
		break;
	case LAPIC_ICR:
		write_icr(l, val);
		break;
	case LAPIC_ICR2:
		l->reg[reg] = val & 0xff000000;
		break;
	case LAPIC_ID:
	case LAPIC_LDR:
	case LAPIC_DFR:
		l->reg[reg] = lapic_possible(reg, val);
		break;
	case LAPIC_SVR:
		write_svr(l, val);
		break;
	case LAPIC_ESR:
		l->reg[reg] = l->errors;
		l->errors = 0;
		break;
	case LAPIC_TDCR:
		write_divider(l, val, now);
		break;
	default:
		if (rule(reg)->flags & LVT)
			write_lvt(l, reg, val);
		else if (!(rule(reg)->flags & IN_PAGE)) /* else it can only be read */
			add_error(l, LAPIC_ESR_REGISTER);
		break;
	}
}

/* ---- x2APIC and IA32_APIC_BASE ----------------------------------------------------------- */

static bool in_x2apic_mode(const struct lapic *l)
{
	return l->base & LAPIC_BASE_X2APIC;
}

int lapic_rdmsr(struct lapic *l, u32 msr, u64 *val, u64 now)
{
	unsigned reg = msr - LAPIC_MSR_FIRST;

	if (msr == LAPIC_MSR_TSC_DEADLINE) {
		*val = l->tsc_deadline;
		return 0;
	}
	if (!in_x2apic_mode(l) || !(rule(reg)->flags & RDMSR))
		return -SWIVL_EINVAL;
	*val = lapic_read(l, reg, now);
	if (reg == LAPIC_ID)
		*val >>= 24;
	if (reg == LAPIC_ICR)
		*val |= (u64)l->reg[LAPIC_ICR2] << 32;
	return 0;
}

int lapic_wrmsr(struct lapic *l, u32 msr, u64 val, u64 now, u64 tsc)
{
	unsigned reg = msr - LAPIC_MSR_FIRST;
	const struct reg_rule *r = rule(reg);
	u64 writable = reg == LAPIC_ESR ? 0 : r->bits;

	if (msr == LAPIC_MSR_TSC_DEADLINE)
		return write_tsc_deadline(l, val, now, tsc);
	if (!in_x2apic_mode(l))
		return -SWIVL_EINVAL;
	if (reg == LAPIC_ICR) {
		l->reg[LAPIC_ICR] = (u32)val & ~ICR_BUSY;
		l->reg[LAPIC_ICR2] = (u32)(val >> 32);
		send(l, (u32)val, (u32)(val >> 32));
		return 0;
	}
	/* The bits of an LVT entry that only the APIC sets may be written back as read. */
	if (r->flags & LVT)
		writable |= 0x5000;
	if (!(r->flags & WRMSR) || (val & ~writable))
		return -SWIVL_EINVAL;
	if (reg == LAPIC_SELF_IPI)
		send(l, APIC_TO_SELF << 18 | ICR_ASSERT | (u32)val, 0);
	else
		lapic_write(l, reg, (u32)val, now);
	return 0;
}

static void power_up(struct lapic *l)
{
	unsigned reg;

	memset(l->reg, 0, sizeof(l->reg));
	l->reg[LAPIC_ID] = (u32)l->id << 24;
	l->reg[LAPIC_VERSION] = LAPIC_VERSION_VALUE;
	l->reg[LAPIC_DFR] = 0xffffffff;
	l->reg[LAPIC_SVR] = 0xff;
	for (reg = LAPIC_LVT_CMCI; reg <= LAPIC_LVT_ERROR; reg++) {
		if (rule(reg)->flags & LVT)
			l->reg[reg] = LAPIC_LVT_MASKED;
	}
	if (l->base & LAPIC_BASE_BSP)
		l->reg[LAPIC_LVT_LINT0] = APIC_EXTINT << 8;
	l->errors = 0;
	disarm(l);
}

/* All that follows from the registers and the mode, but for the timer. */
static void derive(struct lapic *l)
{
	if (in_x2apic_mode(l))
		l->reg[LAPIC_LDR] = x2apic_ldr(l->id);
	l->mmio_base = lapic_enabled(l) && !in_x2apic_mode(l) ? l->base & ~0xfffull : ~0ull;
	l->irr_top = bit_top(&l->reg[LAPIC_IRR], 255);
	l->isr_top = bit_top(&l->reg[LAPIC_ISR], 255);
	update_vector(l);
	update_extint(l);
}

void lapic_update(struct lapic *l, u32 count, u64 now)
{
	u32 initial = l->reg[LAPIC_TMICT];

	derive(l);
	if (l->reg[LAPIC_LVT_TIMER] & TIMER_TSC) {
		if (!l->tsc_deadline)
			l->deadline = LAPIC_NEVER;
		return;
	}
	l->tsc_deadline = 0;
	if (count > initial || (!count && (l->reg[LAPIC_LVT_TIMER] & TIMER_PERIODIC)))
		count = initial;
	start_count(l, count, now);
}

void lapic_reset(struct lapic *l)
{
	u32 id = l->reg[LAPIC_ID];

	power_up(l);
	l->reg[LAPIC_ID] = id;
	derive(l);
}

int lapic_set_base(struct lapic *l, u64 value, bool by_host)
{
	const u64 modes = LAPIC_BASE_X2APIC | LAPIC_BASE_ENABLED;
	u64 old = l->base & modes, new = value &modes;

	if ((value & 0x2ff) || value >> 52 || new == LAPIC_BASE_X2APIC)
		return -SWIVL_EINVAL;
	/* x2APIC mode is left only by disabling, and entered only from xAPIC mode. */
	if (!by_host && ((old == modes && new == LAPIC_BASE_ENABLED) || (!old && new == modes)))
		return -SWIVL_EINVAL;
	l->base = value;
	if (old && !new) /* disabling loses the state (SDM 11.4.3) */
		power_up(l);
	if (old != modes && new == modes)
		l->reg[LAPIC_ID] = (u32)l->id << 24;
	derive(l);
	return 0;
}

void lapic_init(struct lapic *l, unsigned index, u8 id, bool bsp, u32 tsc_khz,
		const struct lapic_ops *ops)
{
	memset(l, 0, sizeof(*l));
	l->index = (u8)index;
	l->id = id;
	l->tsc_khz = tsc_khz;
	l->ops = ops;
	l->base = LAPIC_BASE_ADDRESS | LAPIC_BASE_ENABLED | (bsp ? LAPIC_BASE_BSP : 0);
	power_up(l);
	derive(l);
}
