/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The local APIC of one vCPU: xAPIC and x2APIC (SDM vol. 3, chapter 11 "APIC"), with its timer.
 *
 * The caller serializes all calls on the chips of one VM. Only @pending may be looked at without
 * that: zero means that there is nothing to deliver, and who makes it nonzero kicks the vCPU.
 *
 * Times are monotonic nanoseconds, @tsc is the guest's TSC at that time. The timer counts 1 GHz
 * before its divider. The caller calls lapic_advance() at l->deadline or later, and after the
 * guest's TSC was set.
 */
#ifndef SWIVL_CORE_IRQ_LAPIC_H
#define SWIVL_CORE_IRQ_LAPIC_H

#include "core/types.h"

/* Registers by number: offset in the page / 16, and MSR number - 0x800 (SDM table 11-6). */
enum lapic_reg {
	LAPIC_ID = 0x02,
	LAPIC_VERSION = 0x03,
	LAPIC_TPR = 0x08,
	LAPIC_APR = 0x09,
	LAPIC_PPR = 0x0a,
	LAPIC_EOI = 0x0b,
	LAPIC_LDR = 0x0d,
	LAPIC_DFR = 0x0e,
	LAPIC_SVR = 0x0f,
	LAPIC_ISR = 0x10, /* 8 registers each */
	LAPIC_TMR = 0x18,
	LAPIC_IRR = 0x20,
	LAPIC_ESR = 0x28,
	LAPIC_LVT_CMCI = 0x2f,
	LAPIC_ICR = 0x30,
	LAPIC_ICR2 = 0x31,
	LAPIC_LVT_TIMER = 0x32,
	LAPIC_LVT_THERMAL = 0x33,
	LAPIC_LVT_PMC = 0x34,
	LAPIC_LVT_LINT0 = 0x35,
	LAPIC_LVT_LINT1 = 0x36,
	LAPIC_LVT_ERROR = 0x37,
	LAPIC_TMICT = 0x38,
	LAPIC_TMCCT = 0x39,
	LAPIC_TDCR = 0x3e,
	LAPIC_SELF_IPI = 0x3f, /* x2APIC only */
	LAPIC_REGS = 0x40,
};

#define LAPIC_MSR_FIRST 0x800u
#define LAPIC_MSR_LAST 0x8ffu
#define LAPIC_MSR_TSC_DEADLINE 0x6e0u
#define LAPIC_VERSION_VALUE 0x00060014u /* integrated, LVT entries 0 to 6 */
#define LAPIC_LVT_MASKED (1u << 16)
#define LAPIC_SVR_ENABLED (1u << 8)

/* IA32_APIC_BASE */
#define LAPIC_BASE_ADDRESS 0xfee00000ull
#define LAPIC_BASE_BSP (1ull << 8)
#define LAPIC_BASE_X2APIC (1ull << 10)
#define LAPIC_BASE_ENABLED (1ull << 11)

/* ESR (SDM figure 11-9) */
#define LAPIC_ESR_SEND_VECTOR (1u << 5)
#define LAPIC_ESR_RECEIVE_VECTOR (1u << 6)
#define LAPIC_ESR_REGISTER (1u << 7)

/* What waits for a vCPU: l->pending */
#define LAPIC_PENDING_VECTOR (1u << 0) /* deliverable: above the processor's priority */
#define LAPIC_PENDING_EXTINT (1u << 1) /* the PIC has a vector for this CPU */
#define LAPIC_PENDING_NMI (1u << 2)
#define LAPIC_PENDING_SMI (1u << 3)
#define LAPIC_PENDING_INIT (1u << 4)
#define LAPIC_PENDING_SIPI (1u << 5) /* l->sipi_vector; arrived after the INIT, if both */

enum apic_mode {
	APIC_FIXED,
	APIC_LOWEST,
	APIC_SMI,
	APIC_READ,
	APIC_NMI,
	APIC_INIT,
	APIC_SIPI,
	APIC_EXTINT
};
enum apic_shorthand { APIC_TO_DEST, APIC_TO_SELF, APIC_TO_ALL, APIC_TO_OTHERS };

/* A message on the bus between local APICs, I/O APIC and devices. */
struct apic_msg {
	u32 dest; /* APIC ID or logical destination; APIC_EVERYONE */
	u8 vector;
	u8 mode; /* enum apic_mode */
	u8 shorthand; /* enum apic_shorthand */
	bool logical;
	bool level; /* level triggered */
	bool assert; /* false: level de-assert */
	bool redirect; /* lowest priority among a logical destination (MSI's redirection hint) */
};
#define APIC_EVERYONE 0xffffffffu

struct lapic;

struct lapic_ops {
	void *ctx;
	/* The CPU sends an interrupt; @from is where shorthands start. */
	void (*send)(void *ctx, struct lapic *from, const struct apic_msg *msg);
	/* End of interrupt for @vector; @level: broadcast to the I/O APICs. */
	void (*eoi)(void *ctx, u8 vector, bool level);
	/* l->pending has something new. */
	void (*kick)(void *ctx, unsigned index);
};

struct lapic {
	u32 pending; /* LAPIC_PENDING_* */
	u8 irr_top, isr_top; /* highest vector of IRR and ISR, 0: none */
	u8 id; /* initial APIC ID, the x2APIC ID */
	u8 index; /* of the vCPU in its VM */
	u8 sipi_vector;
	bool lint0; /* level of the PIC's output */
	u32 errors; /* found since the last write to ESR, which shows them */
	u64 base; /* IA32_APIC_BASE */
	u64 mmio_base; /* guest physical address of the page, ~0 unless in xAPIC mode */
	u64 deadline; /* when the timer fires; LAPIC_NEVER */
	u64 tsc_deadline; /* IA32_TSC_DEADLINE, 0: not armed */
	u32 tsc_khz; /* of the guest's TSC */
	u32 reg[LAPIC_REGS]; /* as the xAPIC shows them, but TMCCT */
	const struct lapic_ops *ops;
};
#define LAPIC_NEVER (~0ull)
/* Periods come no shorter than this on the host. */
#define LAPIC_MIN_PERIOD_NS 200000u

/* Power-up state (SDM 11.4.7.1). @bsp: the boot CPU, whose LINT0 passes the PIC on as firmware
 * would leave it. @ops must stay. */
void lapic_init(struct lapic *l, unsigned index, u8 id, bool bsp, u32 tsc_khz,
		const struct lapic_ops *ops);
/* INIT (SDM 11.4.7.3): as power-up, but IA32_APIC_BASE and the ID stay. */
void lapic_reset(struct lapic *l);

/*
 * Writes IA32_APIC_BASE. -SWIVL_EINVAL (the guest's #GP): reserved bits below 52, x2APIC without
 * enable, and, unless @by_host, a transition that SDM figure 11-27 does not have. The caller
 * knows the physical address width and whether CPUID offers x2APIC.
 */
int lapic_set_base(struct lapic *l, u64 value, bool by_host);

/* A register of the page. Those that do not exist read 0 and are an error in the ESR. */
u32 lapic_read(struct lapic *l, unsigned reg, u64 now);
void lapic_write(struct lapic *l, unsigned reg, u32 val, u64 now);
/* x2APIC's MSRs (0x800 to 0x8ff), IA32_TSC_DEADLINE. -SWIVL_EINVAL: #GP. */
int lapic_rdmsr(struct lapic *l, u32 msr, u64 *val, u64 now);
int lapic_wrmsr(struct lapic *l, u32 msr, u64 val, u64 now, u64 tsc);

/* CR8 is bits 7 to 4 of the task priority. */
static inline u8 lapic_cr8(const struct lapic *l)
{
	return l->reg[LAPIC_TPR] >> 4 & 15;
}
void lapic_set_tpr(struct lapic *l, u8 tpr);

static inline bool lapic_enabled(const struct lapic *l)
{
	return l->base & LAPIC_BASE_ENABLED;
}
/* Vectors are accepted only then. */
static inline bool lapic_soft_enabled(const struct lapic *l)
{
	return lapic_enabled(l) && (l->reg[LAPIC_SVR] & LAPIC_SVR_ENABLED);
}

/* Is this local APIC a destination? Shorthands are the sender's business. */
bool lapic_matches(const struct lapic *l, u32 dest, bool logical);
/* Takes a message. 1: new, 0: merged with the same that waits, -1: not taken. */
int lapic_accept(struct lapic *l, const struct apic_msg *msg);

/* The CPU takes the highest deliverable vector; the spurious one if there is none. */
u8 lapic_ack(struct lapic *l);
/* Takes of l->pending what of @bits is there. */
u32 lapic_take(struct lapic *l, u32 bits);

/* The PIC's output, which is wired to LINT0 of every CPU. */
void lapic_set_lint0(struct lapic *l, bool level);

/* Fires the timer if it is due and sets the next deadline. */
void lapic_advance(struct lapic *l, u64 now, u64 tsc);

/* What a register can hold of this value; 0 for one that does not exist. */
u32 lapic_possible(unsigned reg, u32 val);

/* After @reg was set from outside: all that follows from it. The timer goes on from @count
 * (TMCCT). */
void lapic_update(struct lapic *l, u32 count, u64 now);

#endif
