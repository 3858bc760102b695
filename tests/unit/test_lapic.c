// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/irq/lapic.c core/irq/state.c core/irq/pic.c core/irq/pit.c core/irq/ioapic.c
/* One local APIC: priorities, messages, modes. (state.c brings the other chips along.) */
#include "lapic_test.h"

static void test_power_up(void **state)
{
	unsigned reg;

	assert_int_equal(rd(LAPIC_ID), 5u << 24);
	assert_int_equal(rd(LAPIC_VERSION), 0x00060014);
	assert_int_equal(rd(LAPIC_DFR), 0xffffffff);
	assert_int_equal(rd(LAPIC_SVR), 0xff);
	assert_int_equal(rd(LAPIC_TPR) | rd(LAPIC_LDR) | rd(LAPIC_ICR) | rd(LAPIC_TMICT) |
				 rd(LAPIC_TDCR) | rd(LAPIC_ESR),
			 0);
	for (reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg++)
		assert_int_equal(rd(reg), MASKED);
	assert_int_equal(rd(LAPIC_LVT_CMCI), MASKED);
	assert_int_equal(l.base, 0xfee00800);
	assert_int_equal(l.mmio_base, 0xfee00000);
	assert_true(l.deadline == LAPIC_NEVER);
	assert_int_equal(l.pending, 0);
	lapic_init(&l, 3, 0, true, 1, &ops);
	assert_int_equal(l.base, 0xfee00900);
	assert_int_equal(rd(LAPIC_LVT_LINT0), 0x700);
}

static void test_soft_disabled(void **state)
{
	assert_int_equal(give(0x40, false), -1);
	wr(LAPIC_LVT_TIMER, 0x40); /* entries stay masked */
	assert_int_equal(rd(LAPIC_LVT_TIMER), MASKED | 0x40);
	assert_int_equal(give_mode(APIC_NMI, 0), 1);
	assert_int_equal(give_mode(APIC_INIT, 0), 1);
	wr(LAPIC_SVR, SW | 0xff);
	wr(LAPIC_LVT_TIMER, 0x40);
	wr(LAPIC_LVT_CMCI, 0x41);
	wr(LAPIC_LVT_ERROR, 0x42);
	assert_int_equal(rd(LAPIC_LVT_TIMER), 0x40);
	assert_int_equal(give(0x50, false), 1);
	wr(LAPIC_SVR, 0xff);
	assert_int_equal(rd(LAPIC_LVT_TIMER), MASKED | 0x40);
	assert_int_equal(rd(LAPIC_LVT_CMCI), MASKED | 0x41);
	assert_int_equal(rd(LAPIC_LVT_ERROR), MASKED | 0x42);
	/* What was accepted is still to be handled (SDM 11.4.7.2). */
	assert_true(pending());
	assert_int_equal(lapic_ack(&l), 0x50);
}

static void test_priorities(void **state)
{
	assert_int_equal(give(0x51, false), 1);
	assert_int_equal(kicks, 1);
	assert_int_equal(give(0x51, false), 0);
	assert_int_equal(give(0x62, false), 1);
	assert_int_equal(give(0x35, false), 1);
	assert_int_equal(kicks, 1);
	assert_int_equal(lapic_ack(&l), 0x62);
	assert_int_equal(rd(LAPIC_PPR), 0x60);
	assert_false(pending());
	assert_int_equal(give(0x6f, false), 1); /* the same class does not nest */
	assert_false(pending());
	assert_int_equal(give(0x70, false), 1);
	assert_true(pending());
	assert_int_equal(lapic_ack(&l), 0x70);
	wr(LAPIC_EOI, 0);
	assert_int_equal(eoi_vector, 0x70);
	assert_int_equal(rd(LAPIC_PPR), 0x60);
	assert_false(pending());
	wr(LAPIC_EOI, 0);
	assert_int_equal(eoi_vector, 0x62);
	assert_int_equal(lapic_ack(&l), 0x6f);
	wr(LAPIC_EOI, 0);
	assert_int_equal(lapic_ack(&l), 0x51);
	wr(LAPIC_EOI, 0);
	assert_int_equal(lapic_ack(&l), 0x35);
	wr(LAPIC_EOI, 0);
	assert_int_equal(eois, 5);
	wr(LAPIC_EOI, 0); /* one too many */
	assert_int_equal(eois, 5);
	give(0x1e, false);
	give(0x1f, false);
	assert_int_equal(lapic_ack(&l), 0x1f);
	assert_int_equal(l.irr_top, 0x1e);
	wr(LAPIC_EOI, 0);
	assert_int_equal(lapic_ack(&l), 0x1e);
	wr(LAPIC_EOI, 0);
	assert_int_equal(eois, 7);
	assert_int_equal(rd(LAPIC_PPR), 0);
}

static void test_task_priority(void **state)
{
	wr(LAPIC_TPR, 0x45);
	assert_int_equal(rd(LAPIC_PPR), 0x45);
	assert_int_equal(lapic_cr8(&l), 4);
	give(0x4f, false);
	assert_false(pending());
	assert_int_equal(lapic_ack(&l), 0xff); /* the spurious vector; nothing in service */
	assert_int_equal(l.isr_top, 0);
	assert_int_equal(kicks, 0);
	lapic_set_tpr(&l, 0x3f);
	assert_true(pending());
	assert_int_equal(kicks, 1);
	lapic_set_tpr(&l, 0xff);
	assert_false(pending());
	lapic_set_tpr(&l, 0);
	lapic_ack(&l);
	assert_int_equal(rd(LAPIC_PPR), 0x40);
	wr(LAPIC_TPR, 0x4a);
	assert_int_equal(rd(LAPIC_PPR), 0x4a);
	wr(LAPIC_TPR, 0xffffff3a); /* reserved bits */
	assert_int_equal(rd(LAPIC_TPR), 0x3a);
	assert_int_equal(rd(LAPIC_PPR), 0x40);
}

static void test_level_and_eoi(void **state)
{
	give(0x80, true);
	assert_int_equal(l.reg[LAPIC_TMR + 4], 1);
	lapic_ack(&l);
	wr(LAPIC_EOI, 0);
	assert_int_equal(eoi_vector, 0x80);
	assert_true(eoi_level);
	give(0x80, false);
	assert_int_equal(l.reg[LAPIC_TMR + 4], 0);
	lapic_ack(&l);
	wr(LAPIC_EOI, 0);
	assert_false(eoi_level);
}

static void test_message_modes(void **state)
{
	struct apic_msg deassert = { .mode = APIC_INIT, .level = true };

	assert_int_equal(give_mode(APIC_NMI, 2), 1);
	assert_int_equal(give_mode(APIC_NMI, 2), 0);
	assert_int_equal(lapic_take(&l, LAPIC_PENDING_NMI), LAPIC_PENDING_NMI);
	assert_int_equal(lapic_take(&l, LAPIC_PENDING_NMI), 0);
	assert_int_equal(give_mode(APIC_SMI, 0), 1);
	assert_int_equal(give_mode(APIC_SIPI, 0x9a), 1);
	assert_int_equal(l.sipi_vector, 0x9a);
	assert_int_equal(give_mode(APIC_INIT, 0), 1); /* forgets the SIPI before it */
	assert_int_equal(l.pending, LAPIC_PENDING_SMI | LAPIC_PENDING_INIT);
	assert_int_equal(give_mode(APIC_SIPI, 0x10), 1);
	assert_int_equal(l.pending, LAPIC_PENDING_SMI | LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI);
	lapic_take(&l, ~0u);
	assert_int_equal(lapic_accept(&l, &deassert), -1);
	assert_int_equal(give_mode(APIC_READ, 0x40), -1);
	assert_int_equal(give_mode(APIC_EXTINT, 0x40), -1);
	assert_int_equal(l.pending, 0);
	assert_int_equal(give_mode(APIC_LOWEST, 0x40), 1);
	assert_int_equal(give_mode(APIC_NMI, 0), 1);
	assert_int_equal(l.pending, LAPIC_PENDING_NMI | LAPIC_PENDING_VECTOR);
}

static void test_physical_destination(void **state)
{
	assert_true(lapic_matches(&l, 5, false));
	assert_false(lapic_matches(&l, 4, false));
	assert_false(lapic_matches(&l, 0x105, false));
	assert_true(lapic_matches(&l, APIC_EVERYONE, false));
	wr(LAPIC_ID, 0x1fffffff);
	assert_true(lapic_matches(&l, 0x1f, false));
	assert_int_equal(rd(LAPIC_ID), 0x1f000000);
}

static void test_logical_flat(void **state)
{
	assert_false(lapic_matches(&l, 0xff, true)); /* no logical ID yet */
	wr(LAPIC_LDR, 0x24ffffff);
	assert_int_equal(rd(LAPIC_LDR), 0x24000000);
	assert_true(lapic_matches(&l, 0x04, true));
	assert_true(lapic_matches(&l, 0x20, true));
	assert_false(lapic_matches(&l, 0xdb, true));
	assert_true(lapic_matches(&l, 0xff, true));
	assert_false(lapic_matches(&l, 0x104, true));
}

static void test_logical_cluster(void **state)
{
	wr(LAPIC_DFR, 0x0fffffff);
	assert_int_equal(rd(LAPIC_DFR), 0x0fffffff);
	wr(LAPIC_LDR, 0x32000000); /* cluster 3, second member */
	assert_true(lapic_matches(&l, 0x32, true));
	assert_true(lapic_matches(&l, 0x3f, true));
	assert_false(lapic_matches(&l, 0x31, true));
	assert_false(lapic_matches(&l, 0x22, true));
	assert_true(lapic_matches(&l, 0xff, true));
	assert_true(lapic_matches(&l, 0xf2, true));
	assert_false(lapic_matches(&l, 0xf1, true));
}

static void test_icr(void **state)
{
	wr(LAPIC_ICR2, 0x07ffffff);
	assert_int_equal(rd(LAPIC_ICR2), 0x07000000);
	wr(LAPIC_ICR, 0x000008fe);
	assert_int_equal(sends, 1);
	assert_int_equal(sent.dest, 7);
	assert_int_equal(sent.vector, 0xfe);
	assert_int_equal(sent.mode, APIC_FIXED);
	assert_true(sent.logical);
	assert_int_equal(sent.shorthand, APIC_TO_DEST);
	assert_false(sent.level);
	wr(LAPIC_ICR2, 0xff000000);
	wr(LAPIC_ICR, 0x400);
	assert_int_equal(sent.dest, APIC_EVERYONE);
	assert_int_equal(sent.mode, APIC_NMI);
	wr(LAPIC_ICR, 0xc0500); /* INIT, all but self */
	assert_int_equal(sent.shorthand, APIC_TO_OTHERS);
	assert_int_equal(sent.mode, APIC_INIT);
	assert_false(sent.level);
	wr(LAPIC_ICR, 0x8500); /* INIT level de-assert */
	assert_true(sent.level);
	assert_false(sent.assert);
	wr(LAPIC_ICR, 0xc608);
	assert_int_equal(sent.mode, APIC_SIPI);
	assert_int_equal(sent.vector, 8);
	assert_false(sent.level); /* the level bit is for INIT only */
	assert_true(sent.assert);
	/* Every bit but "busy" is kept, also the reserved ones. */
	wr(LAPIC_ICR, 0xfffff8ff);
	assert_int_equal(rd(LAPIC_ICR), 0xffffe8ff);
}

static void test_errors(void **state)
{
	unsigned reg;

	wr(LAPIC_LVT_ERROR, 0xe0);
	wr(LAPIC_ICR, 0x0f); /* fixed, vector below 16 */
	assert_int_equal(sends, 0);
	assert_int_equal(rd(LAPIC_ESR), 0); /* shown by a write */
	assert_true(in_irr(0xe0));
	assert_int_equal(l.reg[LAPIC_TMR + 7], 0);
	wr(LAPIC_ESR, 0);
	assert_int_equal(rd(LAPIC_ESR), LAPIC_ESR_SEND_VECTOR);
	wr(LAPIC_ICR, 0x10); /* the lowest there is */
	assert_int_equal(sends, 1);
	assert_int_equal(give(0x10, false), 1);
	assert_int_equal(give(0x0f, false), -1);
	assert_int_equal(rd(0x0c), 0);
	wr(0x04, 0);
	wr(0x7f, 0);
	wr(LAPIC_ESR, 0);
	assert_int_equal(rd(LAPIC_ESR), LAPIC_ESR_RECEIVE_VECTOR | LAPIC_ESR_REGISTER);
	wr(LAPIC_ESR, 0);
	assert_int_equal(rd(LAPIC_ESR), 0);
	assert_int_equal(rd(0x7fffffff), 0);
	wr(LAPIC_ESR, 0);
	assert_int_equal(rd(LAPIC_ESR), LAPIC_ESR_REGISTER);
	wr(LAPIC_VERSION, 5); /* read-only is no error */
	for (reg = 0; reg < LAPIC_REGS; reg++) {
		if ((reg & ~1u) != 0 && (reg & ~3u) != 4 && reg != 0x0c &&
		    (reg < 0x29 || reg > 0x2e) && (reg < 0x3a || reg == 0x3e))
			rd(reg);
	}
	wr(LAPIC_ESR, 0);
	assert_int_equal(rd(LAPIC_ESR), 0);
	assert_int_equal(rd(LAPIC_VERSION), LAPIC_VERSION_VALUE);
	/* An error entry with an illegal vector of its own ends. */
	wr(LAPIC_LVT_ERROR, 0x05);
	wr(LAPIC_ICR, 0x0f);
	wr(LAPIC_ESR, 0);
	assert_int_equal(rd(LAPIC_ESR), LAPIC_ESR_SEND_VECTOR | LAPIC_ESR_RECEIVE_VECTOR);
}

static void test_lvt_bits(void **state)
{
	wr(LAPIC_LVT_TIMER, 0xffffffff);
	assert_int_equal(rd(LAPIC_LVT_TIMER), 0x700ff);
	wr(LAPIC_LVT_LINT0, 0xffffffff);
	assert_int_equal(rd(LAPIC_LVT_LINT0), 0x1a7ff);
	wr(LAPIC_LVT_LINT1, 0xffffffff);
	assert_int_equal(rd(LAPIC_LVT_LINT1), 0x1a7ff);
	wr(LAPIC_LVT_ERROR, 0xffffffff);
	assert_int_equal(rd(LAPIC_LVT_ERROR), 0x100ff);
	wr(LAPIC_LVT_PMC, 0xffffffff);
	assert_int_equal(rd(LAPIC_LVT_PMC), 0x107ff);
	wr(LAPIC_LVT_CMCI, 0xffffffff);
	assert_int_equal(rd(LAPIC_LVT_CMCI), 0x107ff);
	wr(LAPIC_SVR, 0xffffffff);
	assert_int_equal(rd(LAPIC_SVR), 0x3ff);
	wr(LAPIC_TDCR, 0xffffffff);
	assert_int_equal(rd(LAPIC_TDCR), 0xb);
}

static void test_lint0(void **state)
{
	lapic_set_lint0(&l, true); /* masked */
	assert_int_equal(l.pending, 0);
	wr(LAPIC_LVT_LINT0, 0x700);
	assert_int_equal(l.pending, LAPIC_PENDING_EXTINT);
	assert_int_equal(kicks, 1);
	wr(LAPIC_TPR, 0xff); /* no matter */
	assert_int_equal(l.pending, LAPIC_PENDING_EXTINT);
	lapic_set_lint0(&l, false);
	assert_int_equal(l.pending, 0);
	lapic_set_lint0(&l, true);
	wr(LAPIC_LVT_LINT0, MASKED | 0x700);
	assert_int_equal(l.pending, 0);
	wr(LAPIC_LVT_LINT0, 0x700);
	wr(LAPIC_SVR, 0xff); /* soft-disabled: masked */
	assert_int_equal(l.pending, 0);
	/* Hardware-disabled: the CPU's own pin. */
	assert_int_equal(lapic_set_base(&l, 0xfee00000, false), 0);
	assert_int_equal(l.pending, LAPIC_PENDING_EXTINT);
	lapic_set_lint0(&l, false);
	assert_int_equal(l.pending, 0);
	assert_int_equal(lapic_set_base(&l, 0xfee00800, false), 0);
	wr(LAPIC_SVR, SW);
	wr(LAPIC_TPR, 0);
	/* As a vector or NMI: edges. */
	wr(LAPIC_LVT_LINT0, 0x44);
	lapic_set_lint0(&l, true);
	assert_int_equal(lapic_ack(&l), 0x44);
	lapic_set_lint0(&l, true);
	assert_false(in_irr(0x44));
	lapic_set_lint0(&l, false);
	wr(LAPIC_LVT_LINT0, 0x400);
	lapic_set_lint0(&l, true);
	assert_int_equal(l.pending, LAPIC_PENDING_NMI);
}

static void test_base_transitions(void **state)
{
	const u64 off = 0xfee00000, x = 0xfee00800, x2 = 0xfee00c00;

	assert_int_equal(lapic_set_base(&l, off | 0x400, false), -SWIVL_EINVAL);
	assert_int_equal(lapic_set_base(&l, x | 1, false), -SWIVL_EINVAL);
	assert_int_equal(lapic_set_base(&l, x | 0x200, true), -SWIVL_EINVAL);
	assert_int_equal(lapic_set_base(&l, x | 1ull << 52, true), -SWIVL_EINVAL);
	/* Moving the page, and entering x2APIC mode, keep the state. */
	wr(LAPIC_TPR, 0x20);
	wr(LAPIC_ID, 0x66000000);
	assert_int_equal(lapic_set_base(&l, 0x12345800, false), 0);
	assert_int_equal(rd(LAPIC_ID), 0x66000000);
	assert_int_equal(lapic_set_base(&l, x2, false), 0);
	assert_int_equal(rd(LAPIC_TPR), 0x20);
	assert_int_equal(rd(LAPIC_ID), 5u << 24);
	assert_true(l.mmio_base == ~0ull);
	assert_int_equal(lapic_set_base(&l, x, false), -SWIVL_EINVAL);
	assert_int_equal(lapic_set_base(&l, x2, false), 0);
	assert_int_equal(lapic_set_base(&l, off, false), 0);
	assert_int_equal(rd(LAPIC_SVR), 0xff); /* the state is lost */
	assert_int_equal(lapic_set_base(&l, x2, false), -SWIVL_EINVAL);
	assert_int_equal(lapic_set_base(&l, x2, true), 0);
	assert_int_equal(lapic_set_base(&l, x, true), 0);
	assert_int_equal(lapic_set_base(&l, 0x12345800, false), 0);
	assert_int_equal(l.mmio_base, 0x12345000);
	/* Hardware-disabled: deaf. */
	wr(LAPIC_SVR, SW);
	lapic_set_base(&l, off, false);
	assert_int_equal(give(0x40, false), -1);
	assert_int_equal(give_mode(APIC_NMI, 0), -1);
	assert_int_equal(l.pending, 0);
}

static void test_x2apic_registers(void **state)
{
	u64 v;

	assert_int_equal(lapic_rdmsr(&l, 0x802, &v, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x80b, 0, 0, 0), -SWIVL_EINVAL);
	wr(LAPIC_ID, 0x77000000);
	lapic_set_base(&l, 0xfee00c00, false);
	assert_int_equal(lapic_rdmsr(&l, 0x802, &v, 0), 0);
	assert_int_equal(v, 5);
	assert_int_equal(lapic_rdmsr(&l, 0x80d, &v, 0), 0);
	assert_int_equal(v, 1 << 5);
	assert_int_equal(lapic_wrmsr(&l, 0x808, 0x30, 0, 0), 0);
	assert_int_equal(lapic_wrmsr(&l, 0x808, 0x100, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x838, 1ull << 32, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x80b, 1, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x80b, 0, 0, 0), 0);
	assert_int_equal(lapic_wrmsr(&l, 0x828, 1, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x828, 0, 0, 0), 0);
	assert_int_equal(lapic_wrmsr(&l, 0x835, 0x10700, 0, 0), 0);
	assert_int_equal(lapic_wrmsr(&l, 0x835, 0x80000, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x832, 0x20030, 0, 0), 0);
	assert_int_equal(lapic_rdmsr(&l, 0x839, &v, 0), 0);
	/* Not there, or only to read, or only to write. */
	assert_int_equal(lapic_rdmsr(&l, 0x80e, &v, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x80e, 0, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_rdmsr(&l, 0x831, &v, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_rdmsr(&l, 0x80b, &v, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_rdmsr(&l, 0x83f, &v, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x802, 0, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x80d, 0, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_rdmsr(&l, 0x840, &v, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_wrmsr(&l, 0x8ff, 0, 0, 0), -SWIVL_EINVAL);
	assert_int_equal(lapic_rdmsr(&l, 0, &v, 0), -SWIVL_EINVAL);
	/* The ICR is one register of 64 bits. */
	assert_int_equal(lapic_wrmsr(&l, 0x830, 0x1234567800004045ull, 0, 0), 0);
	assert_int_equal(sent.dest, 0x12345678);
	assert_int_equal(sent.vector, 0x45);
	lapic_rdmsr(&l, 0x830, &v, 0);
	assert_true(v == 0x1234567800004045ull);
	assert_int_equal(lapic_wrmsr(&l, 0x83f, 0x46, 0, 0), 0);
	assert_int_equal(sent.shorthand, APIC_TO_SELF);
	assert_int_equal(sent.vector, 0x46);
	assert_int_equal(lapic_wrmsr(&l, 0x83f, 0x146, 0, 0), -SWIVL_EINVAL);
}

static void test_x2apic_destinations(void **state)
{
	lapic_init(&l, 3, 0x25, false, 1, &ops);
	lapic_set_base(&l, 0xfee00c00, false);
	assert_true(lapic_matches(&l, 0x25, false));
	assert_false(lapic_matches(&l, 0x125, false));
	assert_true(lapic_matches(&l, 0x20020, true));
	assert_true(lapic_matches(&l, 0x2ffff, true));
	assert_false(lapic_matches(&l, 0x2ffdf, true));
	assert_false(lapic_matches(&l, 0x10020, true));
	assert_true(lapic_matches(&l, APIC_EVERYONE, true));
}

static void test_init_reset(void **state)
{
	wr(LAPIC_ID, 0x09000000);
	wr(LAPIC_LDR, 0x01000000);
	wr(LAPIC_LVT_TIMER, PERIODIC | 0x40);
	wr(LAPIC_TPR, 0x20);
	lapic_write(&l, LAPIC_TMICT, 1000, 0);
	give(0x50, true);
	give(0x60, false);
	lapic_ack(&l);
	give(0x0f, false);
	lapic_reset(&l);
	assert_int_equal(l.errors, 0);
	assert_int_equal(rd(LAPIC_ID), 0x09000000);
	assert_int_equal(l.base, 0xfee00800);
	assert_int_equal(rd(LAPIC_LDR) | rd(LAPIC_TPR) | rd(LAPIC_PPR), 0);
	assert_int_equal(rd(LAPIC_SVR), 0xff);
	assert_int_equal(rd(LAPIC_LVT_TIMER), MASKED);
	assert_true(l.deadline == LAPIC_NEVER);
	assert_false(pending());
	assert_int_equal(l.irr_top | l.isr_top, 0);
	/* x2APIC mode and its IDs survive. */
	lapic_set_base(&l, 0xfee00c00, false);
	lapic_reset(&l);
	assert_int_equal(l.reg[LAPIC_LDR], 1 << 5);
	assert_int_equal(l.base, 0xfee00c00);
}

static void test_state_round_trip(void **state)
{
	struct kvm_lapic_state a, b;

	wr(LAPIC_TPR, 0x12);
	wr(LAPIC_LDR, 0x80000000);
	wr(LAPIC_LVT_TIMER, PERIODIC | 0x40);
	wr(LAPIC_LVT_LINT1, 0x400);
	wr(LAPIC_ICR2, 0x11000000);
	wr(LAPIC_ICR, 0xc4ab);
	wr(LAPIC_TDCR, 0xb);
	give(0xf1, true);
	give(0x33, false);
	lapic_ack(&l);
	give(0x61, true);
	lapic_write(&l, LAPIC_TMICT, 1000000, 0);
	lapic_get_state(&l, &a, 400000);
	assert_int_equal(*(u32 *)(a.regs + 0x390), 600000);
	assert_int_equal(*(u32 *)(a.regs + 0x170), 1 << 17); /* in service */
	lapic_init(&l, 3, 5, false, 2000000, &ops);
	assert_int_equal(lapic_set_state(&l, &a, 7000000), 0);
	lapic_get_state(&l, &b, 7000000);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(l.deadline, 7600000);
	assert_int_equal(l.irr_top, 0x61);
	assert_int_equal(l.isr_top, 0xf1);
	wr(LAPIC_EOI, 0);
	assert_true(eoi_level);
	assert_true(pending());
	assert_int_equal(lapic_ack(&l), 0x61);
}

static void test_state_of_anything(void **state)
{
	struct kvm_lapic_state a;
	u64 v;

	memset(&a, 0xff, sizeof(a));
	assert_int_equal(lapic_set_state(&l, &a, ~0ull - 1), 0);
	assert_int_equal(l.reg[LAPIC_ISR], 0xffffffff);
	assert_int_equal(l.reg[LAPIC_EOI] | l.reg[LAPIC_APR] | l.reg[0] | l.reg[0x29], 0);
	assert_int_equal(l.reg[LAPIC_ESR], 0xff);
	assert_int_equal(rd(LAPIC_VERSION), LAPIC_VERSION_VALUE);
	assert_int_equal(l.isr_top, 0xff);
	assert_int_equal(rd(LAPIC_IRR), 0xffffffff); /* vectors that cannot be, too */
	assert_false(pending());
	wr(LAPIC_TPR, 0);
	while (l.isr_top)
		wr(LAPIC_EOI, 0);
	assert_int_equal(lapic_ack(&l), 0xff);
	/* Vectors 0 to 15 are never delivered. */
	memset(&a, 0, sizeof(a));
	a.regs[0x200] = a.regs[0x201] = (char)0xff;
	*(u32 *)(a.regs + 0xf0) = SW;
	lapic_set_state(&l, &a, 0);
	assert_false(pending());
	/* In x2APIC mode the ID is given. */
	lapic_set_base(&l, 0xfee00c00, true);
	assert_int_equal(lapic_set_state(&l, &a, 0), -SWIVL_EINVAL);
	*(u32 *)(a.regs + 0x20) = 5u << 24;
	*(u32 *)(a.regs + 0x310) = 0x89abcdef;
	assert_int_equal(lapic_set_state(&l, &a, 0), 0);
	lapic_rdmsr(&l, 0x830, &v, 0);
	assert_true(v >> 32 == 0x89abcdef);
	lapic_rdmsr(&l, 0x80d, &v, 0);
	assert_int_equal(v, 1 << 5);
	/* A one-shot timer that ran out does not run again; a periodic one goes on. */
	lapic_set_base(&l, 0xfee00800, true);
	*(u32 *)(a.regs + 0x380) = 500000;
	*(u32 *)(a.regs + 0x3e0) = 0xb;
	lapic_set_state(&l, &a, 10);
	assert_true(l.deadline == LAPIC_NEVER);
	*(u32 *)(a.regs + 0x320) = PERIODIC | 0x40;
	lapic_set_state(&l, &a, 10);
	assert_int_equal(l.deadline, 500010);
	*(u32 *)(a.regs + 0x320) = TSC_MODE | 0x40;
	lapic_set_state(&l, &a, 10);
	assert_true(l.deadline == LAPIC_NEVER);
	lapic_wrmsr(&l, 0x6e0, 4000000, 0, 0);
	lapic_set_state(&l, &a, 10);
	assert_int_equal(l.tsc_deadline, 4000000);
	assert_int_equal(l.deadline, 2000000);
	*(u32 *)(a.regs + 0x320) = 0x40;
	lapic_set_state(&l, &a, 10);
	assert_int_equal(l.tsc_deadline, 0);
	assert_true(l.deadline == LAPIC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_power_up, setup_off),
		cmocka_unit_test_setup(test_soft_disabled, setup_off),
		cmocka_unit_test_setup(test_priorities, setup),
		cmocka_unit_test_setup(test_task_priority, setup),
		cmocka_unit_test_setup(test_level_and_eoi, setup),
		cmocka_unit_test_setup(test_message_modes, setup),
		cmocka_unit_test_setup(test_physical_destination, setup),
		cmocka_unit_test_setup(test_logical_flat, setup),
		cmocka_unit_test_setup(test_logical_cluster, setup),
		cmocka_unit_test_setup(test_icr, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_lvt_bits, setup),
		cmocka_unit_test_setup(test_lint0, setup),
		cmocka_unit_test_setup(test_base_transitions, setup),
		cmocka_unit_test_setup(test_x2apic_registers, setup),
		cmocka_unit_test_setup(test_x2apic_destinations, setup),
		cmocka_unit_test_setup(test_init_reset, setup),
		cmocka_unit_test_setup(test_state_round_trip, setup),
		cmocka_unit_test_setup(test_state_of_anything, setup),
	};

	return cmocka_run_group_tests_name("lapic", tests, NULL, NULL);
}
