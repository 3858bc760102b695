// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/*
 * Task switches that fault: each check with the exception that it gives and the task that gets it,
 * and that a fault before the commit point has changed nothing.
 */
#include "task_switch.h"

#define NONE_OF 0xff /* no exception */

/* ---- what is wrong with the new TSS ---------------------------------------------------------- */

static void bad_tss(void **state)
{
	static const struct {
		u32 limit, attr;
		u8 vector[2]; /* by CALL, by IRET */
	} cases[] = {
		{ 103, TSS_BUSY, { VECTOR_GP, NONE_OF } },
		{ 103, TSS_FREE, { NONE_OF, VECTOR_TS } },
		{ 103, 0x83, { VECTOR_GP, NONE_OF } },
		{ 103, 0x81, { NONE_OF, VECTOR_TS } },
		{ 103, 0x99, { VECTOR_GP, VECTOR_TS } }, /* S */
		{ 103, 0x82, { VECTOR_GP, VECTOR_TS } }, /* an LDT */
		{ 103, 0x85, { VECTOR_GP, VECTOR_TS } }, /* a task gate */
		{ 103, 0x8c, { VECTOR_GP, VECTOR_TS } }, /* a call gate */
		{ 103, 0x8f, { VECTOR_GP, VECTOR_TS } },
		{ 103, 0x09, { VECTOR_NP, VECTOR_TS } }, /* free and not present */
		{ 103, 0x0b, { VECTOR_GP, VECTOR_NP } },
		{ 102, 0x89, { VECTOR_TS, VECTOR_TS } },
		{ 102, 0x8b, { VECTOR_GP, VECTOR_TS } },
		{ 42, 0x81, { VECTOR_TS, VECTOR_TS } },
		{ 42, 0x83, { VECTOR_GP, VECTOR_TS } },
		{ 0, 0x8089, { NONE_OF, VECTOR_TS } }, /* 4 KiB */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned int by = 0; by < 2; by++) {
			fresh();
			new16->cs = CODE0; /* for those of 16 bits */
			gdt[NEW / 8] = descriptor(NEW_TSS, cases[i].limit, cases[i].attr);
			go(by ? IRET : CALL);
			if (cases[i].vector[by] != NONE_OF)
				old_faults(cases[i].vector[by], NEW);
			else
				assert_int_equal(after.seg[SEG_TR].selector, NEW);
		}
}

static void bad_selectors(void **state)
{
	static const u16 bad[] = { 0, 3, 4, 0x3c, GDT_ENTRIES * 8, 0xfff8, 0xffff };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		for (u8 by = CALL; by <= GATE; by++) {
			fresh();
			sregs.ldt = (struct kvm_segment){
				.base = GDT, .limit = 0xff, .type = 2, .present = 1
			};
			leave.task.selector = bad[i];
			leave.task.source = by;
			interrupted = (struct event){ .type = by == GATE ? EVENT_INTERRUPT
									 : EVENT_NONE };
			run_exit(7);
			old_faults(by == IRET ? VECTOR_TS : VECTOR_GP,
				   (bad[i] & 0xfffc) | (by == GATE));
		}
	/* One byte of it is beyond the table. */
	fresh();
	sregs.gdt.limit = NEW + 6;
	go(JUMP);
	old_faults(VECTOR_GP, NEW);
}

static void old_tss_too_small(void **state)
{
	sregs.tr.limit = 0x5e;
	go(CALL);
	old_faults(VECTOR_TS, OLD);
	sregs.tr.limit = 0x28;
	sregs.tr.type = 3;
	go(CALL);
	old_faults(VECTOR_TS, OLD);
}

/* ---- what is wrong with the new task --------------------------------------------------------- */

static void bad_ldt(void **state)
{
	static const struct {
		u32 selector, attr;
	} cases[] = {
		{ OWN, 0x02 }, { OWN, 0x92 }, { OWN, 0x83 }, { OWN | 4, 0x82 }, { 0xff8, 0x82 }
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		fresh();
		new->ldt = cases[i].selector;
		gdt[OWN / 8] = descriptor(LDT_AT, 63, cases[i].attr);
		go(CALL);
		new_faults(VECTOR_TS, cases[i].selector & ~3u);
		assert_true(after.seg[SEG_LDTR].attr & SEG_ATTR_UNUSABLE);
	}
	/* Its null selectors are right. */
	fresh();
	new->ldt = 3;
	go(CALL);
	no_event();
}

/* All descriptors in each register, at both levels, judged by the manual's words. */
static u8 expect(unsigned int n, u32 attr, unsigned int rpl, unsigned int cpl)
{
	unsigned int type = attr & 15, dpl = attr >> 5 & 3;
	bool s = attr & 0x10, p = attr & 0x80, code = s && (type & 8), data = s && !(type & 8);

	switch (n) {
	case SEG_CS:
		if (!code || (type & 4 ? dpl > rpl : dpl != rpl))
			return VECTOR_TS;
		return p ? NONE_OF : VECTOR_NP;
	case SEG_SS:
		if (!data || !(type & 2))
			return VECTOR_TS;
		if (!p)
			return VECTOR_SS;
		return dpl == cpl && dpl == rpl ? NONE_OF : VECTOR_TS;
	default:
		if (!data && !(code && (type & 2)))
			return VECTOR_TS;
		if (!(code && (type & 4)) && (dpl < rpl || dpl < cpl))
			return VECTOR_TS;
		return p ? NONE_OF : VECTOR_NP;
	}
}

static void try_descriptor(unsigned int n, u32 attr, unsigned int rpl, unsigned int cpl)
{
	u32 *const selectors[] = { &new->es, &new->cs, &new->ss, &new->ds, &new->fs, &new->gs };
	u8 vector;

	fresh();
	new->cs = cpl ? CODE3 : CODE0;
	new->ss = cpl ? DATA3 : DATA0;
	new->ds = new->es = new->fs = new->gs = 0;
	*selectors[n] = OWN | rpl;
	/* CS alone says what the level is. */
	if (n == SEG_CS)
		new->ss = rpl == 3 ? DATA3 : DATA0;
	gdt[OWN / 8] = descriptor(0, 0xfffff, attr | 0xc000);
	vector = expect(n, attr, rpl, cpl);
	go(JUMP);
	if (vector == NONE_OF) {
		no_event();
		assert_int_equal(after.seg[n].attr, attr | 0xc001);
		assert_true(gdt[OWN / 8] >> 40 & 1);
	} else {
		new_faults(vector, OWN);
		assert_int_equal(gdt[OWN / 8] >> 40 & 1, attr & 1);
		assert_int_equal(after.seg[n].selector, OWN | rpl);
	}
}

static void every_descriptor(void **state)
{
	for (unsigned int n = SEG_ES; n <= SEG_GS; n++)
		for (u32 attr = 0; attr < 0x100; attr++)
			for (unsigned int level = 0; level < 4; level++)
				if (n != SEG_CS || level == 0 || level == 3)
					try_descriptor(n, attr, level & 2 ? 3 : 0,
						       level & 1 ? 3 : 0);
}

static void null_and_beyond(void **state)
{
	for (u32 selector = 0; selector < 4; selector++) {
		fresh();
		new->cs = selector;
		new->ss = selector == 3 ? DATA3 : DATA0; /* which is looked at before */
		new->ds = new->es = 0;
		go(JUMP);
		new_faults(VECTOR_TS, selector % 3 ? DATA0 : 0);
		fresh();
		new->ss = selector;
		go(JUMP);
		new_faults(VECTOR_TS, 0);
		assert_int_equal(after.seg[SEG_SS].attr, SEG_ATTR_UNUSABLE | DPL3);
	}
	fresh();
	new->ds = GDT_ENTRIES * 8;
	go(JUMP);
	new_faults(VECTOR_TS, GDT_ENTRIES * 8);
	assert_int_equal(after.seg[SEG_SS].attr, FLAT_DATA);
	/* In a table that is not there. */
	fresh();
	new->es = 0x0c;
	go(JUMP);
	new_faults(VECTOR_TS, 0x0c);
	/* In one that ends within it. */
	fresh();
	new->es = 0x0c;
	new->ldt = LDT;
	gdt[LDT / 8] = descriptor(LDT_AT, 14, 0x82);
	go(JUMP);
	new_faults(VECTOR_TS, 0x0c);
}

static void code_limit(void **state)
{
	gdt[OWN / 8] = descriptor(0, CODE + 0xff, 0x409b);
	new->cs = OWN;
	go(JUMP);
	new_faults(VECTOR_GP, 0);
	fresh();
	gdt[OWN / 8] = descriptor(0, CODE + 0x100, 0x409b);
	new->cs = OWN;
	go(JUMP);
	no_event();
}

static void push(u32 limit, u32 attr, u32 esp)
{
	fresh();
	gdt[OWN / 8] = descriptor(0, limit, attr);
	new->ss = OWN;
	new->esp = esp;
	go_event((struct event){
		.type = EVENT_EXCEPTION, .vector = VECTOR_PF, .has_error = true, .error = 2 });
}

static void no_room_for_error(void **state)
{
	static const struct {
		u32 limit, attr, esp;
		bool fits;
	} cases[] = {
		{ 0xfff, 0x4093, 0x1000, true },     { 0xfff, 0x4093, 0x1001, false },
		{ 0xfff, 0x4093, 3, false },         { 0xffff, 0x93, 0x20000, true },
		{ 0xffff, 0x93, 0xffff0002, false }, { 0xfff, 0x4097, 0x1004, true },
		{ 0xfff, 0x4097, 0x2001, true },     { 0x1fff, 0x4097, 0x2003, false },
		{ 0xfff, 0x97, 0x30000, true },      { 0xfffff, 0xc093, 0, true },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		push(cases[i].limit, cases[i].attr, cases[i].esp);
		if (cases[i].fits)
			no_event();
		else
			faults(VECTOR_DF, 0); /* a #SS on top of a #PF */
		if (!cases[i].fits)
			assert_int_equal((u32)gpr[RSP], cases[i].esp);
	}
	/* An interrupt has no error code, a caller cannot make one for it: what else says #SS. */
	fresh();
	gdt[OWN / 8] = descriptor(0, 0xfff, 0x4093);
	new->ss = OWN;
	interrupted =
		(struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_AC, .has_error = true };
	go(GATE);
	new->eip = after.rip;
	faults(VECTOR_SS, 1);
}

/* ---- one on top of the other ----------------------------------------------------------------- */

static void double_faults(void **state)
{
	/* #GP whose task is not there; #PF whose task has bad code: for the old, for the new. */
	gdt[NEW / 8] = descriptor(NEW_TSS, 103, 0x09);
	go_event((struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true });
	old_faults(VECTOR_DF, 0);
	fresh();
	new->cs = DATA0;
	go_event((struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_PF, .has_error = true });
	faults(VECTOR_DF, 0);
	assert_int_equal(after.seg[SEG_TR].selector, NEW);
	/* A benign one is replaced. */
	fresh();
	new->cs = DATA0;
	go_event((struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_UD });
	faults(VECTOR_TS, DATA0 | 1);
	/* An interrupt is gone with what came in its place. */
	fresh();
	gdt[NEW / 8] = descriptor(NEW_TSS, 103, 0x09);
	go_event((struct event){ .type = EVENT_INTERRUPT, .vector = 0x40 });
	old_faults(VECTOR_NP, NEW | 1);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	no_event();
	/* Nothing comes after #DF. */
	fresh();
	new->cs = DATA0;
	interrupted =
		(struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_DF, .has_error = true };
	leave.task.selector = NEW;
	leave.task.source = GATE;
	run_exit(0);
	assert_int_equal(model_entries, 1);
	assert_int_equal(model_vcpu(vcpu)->run->exit_reason, KVM_EXIT_SHUTDOWN);
}

/* ---- page faults ----------------------------------------------------------------------------- */

static u32 *pte(u32 address)
{
	return (u32 *)(memory + PAGE_TABLE) + address / 4096;
}

static void page_fault(u32 address, u32 error)
{
	old_faults(VECTOR_PF, error);
	assert_int_equal(model_vcpu(vcpu)->state.cr2, address);
}

/* Each page that a switch needs, gone or not to be written. */
static void page_faults_come_first(void **state)
{
	for (u8 by = CALL; by <= JUMP; by++) {
		u32 link = NEW_TSS, descriptors = by == IRET ? GDT + OLD + 5 : GDT + NEW + 5;

		paged();
		if (by == IRET)
			make_busy();
		*pte(NEW_TSS) = 0;
		go(by);
		page_fault(NEW_TSS, 0);
		*pte(NEW_TSS) = NEW_TSS | 1;
		go(by);
		if (by == CALL)
			page_fault(link, PF_PRESENT | PF_WRITE);
		else
			runs_new(RFLAGS_CF);

		paged();
		if (by == IRET)
			make_busy();
		*pte(OLD_TSS) = OLD_TSS | 1;
		go(by);
		page_fault(OLD_TSS + 0x20, PF_PRESENT | PF_WRITE);
		*pte(OLD_TSS) = 0;
		go(by);
		page_fault(OLD_TSS + 0x20, PF_WRITE);

		paged();
		if (by == IRET)
			make_busy();
		*pte(GDT) = GDT | 5;
		go(by);
		page_fault(by == CALL   ? descriptors
			   : by == IRET ? descriptors
					: GDT + OLD + 5,
			   PF_PRESENT | PF_WRITE);
	}
	/* The descriptor itself cannot be read. */
	paged();
	*pte(GDT) = 0;
	go(JUMP);
	page_fault(GDT + NEW, 0);
	/* In the second page of a TSS. */
	paged();
	*pte(NEW_TSS + 0x1000) = 0;
	gdt[NEW / 8] = descriptor(NEW_TSS + 0xfc0, 103, TSS_FREE);
	go(JUMP);
	page_fault(NEW_TSS + 0x1000, 0);
}

static void page_faults_of_the_new_task(void **state)
{
	/* Its directory does not have the table with its segments. */
	paged();
	new->cr3 = DIRECTORY2;
	*(u32 *)(memory + DIRECTORY2) = 0;
	go(JUMP);
	new_faults(VECTOR_PF, 0);
	assert_int_equal(model_vcpu(vcpu)->state.cr2, GDT + DATA0);
	assert_int_equal(after.cr3, DIRECTORY2);
	/* Its stack is the supervisor's, or there is none. */
	paged();
	new->cs = CODE3;
	new->ss = DATA3;
	new->ds = new->es = new->fs = 0;
	*pte(NEW_STACK - 4) = (NEW_STACK - 4) & ~0xfffu;
	go_event((struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true });
	new->eip = after.rip;
	faults(VECTOR_PF, PF_WRITE | PF_USER);
	paged();
	new->cs = CODE3;
	new->ss = DATA3;
	new->ds = new->es = new->fs = 0;
	*pte(NEW_STACK - 4) = ((NEW_STACK - 4) & ~0xfffu) | 3;
	go_event((struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true });
	faults(VECTOR_PF, PF_PRESENT | PF_WRITE | PF_USER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bad_tss),
		T(bad_selectors),
		T(old_tss_too_small),
		T(bad_ldt),
		T(every_descriptor),
		T(null_and_beyond),
		T(code_limit),
		T(no_room_for_error),
		T(double_faults),
		T(page_faults_come_first),
		T(page_faults_of_the_new_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
