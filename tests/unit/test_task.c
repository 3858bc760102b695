// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/*
 * Task switches: each kind, each check with the exception that it gives and the task that gets it, and
 * that a fault before the commit point has changed nothing.
 */
#include "request_test.h"
#include "task_test.h"

#define SIZE LARGE
#define NONE_OF 0xff /* no exception */

static u8 *memory;
static u64 *gdt, *ldt;
static struct tss *old, *new;
static struct tss16 *old16, *new16;
static struct kvm_regs regs;
static struct kvm_sregs sregs;

/* The exit, and the event whose delivery it interrupted. */
static struct exit leave;
static struct event interrupted;
static u32 shadow;

/* What the next entry brings. */
static struct vcpu_state after;
static struct event got;
static u64 gpr[16];
static u8 before[SIZE];

/* ---- the guest ------------------------------------------------------------------------------------ */

static struct kvm_segment flat(u16 selector, u8 type, u8 dpl)
{
	return (struct kvm_segment){ .limit = ~0u,
				     .selector = selector,
				     .type = type,
				     .present = 1,
				     .dpl = dpl,
				     .db = 1,
				     .s = 1,
				     .g = 1 };
}

/* Two 32-bit tasks, the old one running at CPL 0. */
static void fresh(void)
{
	memset(memory, 0, SIZE);
	gdt[CODE0 / 8] = descriptor(0, 0xfffff, FLAT_CODE);
	gdt[DATA0 / 8] = descriptor(0, 0xfffff, FLAT_DATA);
	gdt[CODE3 / 8] = descriptor(0, 0xfffff, FLAT_CODE | DPL3);
	gdt[DATA3 / 8] = descriptor(0, 0xfffff, FLAT_DATA | DPL3);
	gdt[OLD / 8] = descriptor(OLD_TSS, 103, TSS_BUSY);
	gdt[NEW / 8] = descriptor(NEW_TSS, 103, TSS_FREE);
	gdt[LDT / 8] = descriptor(LDT_AT, 63, 0x82);
	*new = (struct tss){ .link = 0x7777,
			     .cr3 = DIRECTORY,
			     .eip = CODE + 0x100,
			     .eflags = RFLAGS_CF,
			     .eax = 0x80000001,
			     .ecx = 2,
			     .edx = 3,
			     .ebx = 4,
			     .esp = NEW_STACK,
			     .ebp = 6,
			     .esi = 7,
			     .edi = 8,
			     .es = DATA0,
			     .cs = CODE0,
			     .ss = DATA0,
			     .ds = DATA0,
			     .fs = DATA3,
			     .gs = 3,
			     .map = 104 };
	/* Paging, where it is on: the first 4 MiB to themselves, twice. */
	*(u32 *)(memory + DIRECTORY) = *(u32 *)(memory + DIRECTORY2) = PAGE_TABLE | 7;
	for (u32 i = 0; i < 512; i++)
		((u32 *)(memory + PAGE_TABLE))[i] = i << 12 | 7;

	regs = (struct kvm_regs){ .rip = CODE,
				  .rflags = RFLAGS_ONE | RFLAGS_IF | RFLAGS_NT,
				  .rax = 0x11,
				  .rcx = 0x12,
				  .rdx = 0x13,
				  .rbx = 0x14,
				  .rsp = OLD_STACK,
				  .rbp = 0x16,
				  .rsi = 0x17,
				  .rdi = 0x18 };
	assert_int_equal(call(KVM_GET_SREGS, &sregs), 0);
	sregs.cr0 = CR0_PE | CR0_ET | CR0_NE;
	sregs.cr2 = 0;
	sregs.cr3 = DIRECTORY;
	sregs.cr4 = sregs.efer = 0;
	sregs.cs = flat(CODE0, 11, 0);
	sregs.ss = sregs.ds = flat(DATA0, 3, 0);
	sregs.es = flat(DATA3, 3, 3);
	sregs.fs = flat(DATA3, 3, 3);
	sregs.gs = flat(DATA0, 3, 0);
	sregs.gdt = (struct kvm_dtable){ .base = GDT, .limit = GDT_ENTRIES * 8 - 1 };
	sregs.tr = (struct kvm_segment){
		.base = OLD_TSS, .limit = 103, .selector = OLD, .type = 11, .present = 1
	};
	sregs.ldt = (struct kvm_segment){ .unusable = 1 };
	interrupted = (struct event){ 0 };
	shadow = 0;
}

static int setup_tasks(void **state)
{
	setup(state);
	memory = caller_memory(SIZE);
	gdt = (u64 *)(memory + GDT);
	ldt = (u64 *)(memory + LDT_AT);
	old = (struct tss *)(memory + OLD_TSS);
	new = (struct tss *)(memory + NEW_TSS);
	old16 = (struct tss16 *)old;
	new16 = (struct tss16 *)new;
	assert_int_equal(set_slot(vm, 0, 0, 0, SIZE, memory), 0);
	fresh();
	return 0;
}

static void executes(struct vcpu *v, struct model_hw *hw)
{
	if (model_entries == 1) {
		v->exit = leave;
		v->event = interrupted;
		hw->state.shadow = shadow;
		hw->state.dr7 = 0x7ff;
		return;
	}
	after = hw->state;
	got = hw->injected;
	memcpy(gpr, v->gpr, sizeof(gpr));
	gpr[RSP] = hw->rsp;
}

static void run_exit(u8 length)
{
	leave.kind = EXIT_TASK_SWITCH;
	leave.length = length;
	leave.task.has_error = interrupted.has_error;
	leave.task.error = interrupted.error;
	assert_int_equal(call(KVM_SET_SREGS, &sregs), 0);
	assert_int_equal(call(KVM_SET_REGS, &regs), 0);
	memcpy(before, memory, SIZE);
	model_guest = executes;
	model_entries = 0;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
}

static void go(u8 source)
{
	leave.task.selector = NEW;
	leave.task.source = source;
	run_exit(source == IRET ? 1 : 7);
	assert_int_equal(model_entries, 2);
	if (refused(&after))
		fail_msg("an entry would be refused: %s", refused(&after));
}

static void go_event(struct event e)
{
	interrupted = e;
	go(GATE);
}

static bool busy(u32 selector)
{
	return gdt[selector / 8] >> 41 & 1;
}

/* What IRET goes back to. */
static void make_busy(void)
{
	gdt[NEW / 8] |= 2ull << 40;
}

static void no_event(void)
{
	assert_int_equal(got.type, EVENT_NONE);
}

/* The new task, as fresh() made it. */
static void runs_new(u64 flags)
{
	no_event();
	assert_int_equal(after.rip, CODE + 0x100);
	assert_int_equal(after.rflags, flags | RFLAGS_ONE);
	assert_int_equal(after.seg[SEG_TR].selector, NEW);
	assert_int_equal(after.seg[SEG_TR].base, NEW_TSS);
	assert_int_equal(after.seg[SEG_TR].limit, 103);
	assert_int_equal(after.seg[SEG_TR].attr, TSS_BUSY);
	assert_true(after.seg[SEG_LDTR].attr & SEG_ATTR_UNUSABLE);
	assert_int_equal(gpr[RAX], 0x80000001);
	for (unsigned int i = 1; i < 8; i++)
		assert_int_equal(gpr[i], i == RSP ? NEW_STACK : i + 1);
	for (unsigned int i = SEG_ES; i <= SEG_DS; i++) {
		assert_int_equal(after.seg[i].selector, i == SEG_CS ? CODE0 : DATA0);
		assert_int_equal(after.seg[i].attr, i == SEG_CS ? FLAT_CODE : FLAT_DATA);
		assert_int_equal(after.seg[i].limit, 0xffffffff);
		assert_int_equal(after.seg[i].base, 0);
	}
	assert_int_equal(after.seg[SEG_FS].selector, DATA3);
	assert_int_equal(after.seg[SEG_FS].attr, FLAT_DATA | DPL3);
	assert_int_equal(after.seg[SEG_GS].selector, 3);
	assert_true(after.seg[SEG_GS].attr & SEG_ATTR_UNUSABLE);
	assert_true(after.cr0 & CR0_TS);
	assert_int_equal(after.dr7, 0x7ff & ~0x155);
}

static void saved_old(u32 eip, u64 flags)
{
	assert_int_equal(old->eip, eip);
	assert_int_equal(old->eflags, flags);
	assert_int_equal(old->eax, 0x11);
	assert_int_equal(old->edi, 0x18);
	assert_int_equal(old->esp, OLD_STACK);
	assert_int_equal(old->cs, CODE0);
	assert_int_equal(old->ss, DATA0);
	assert_int_equal(old->es, DATA3);
	assert_int_equal(old->fs, DATA3);
	assert_int_equal(old->gs, DATA0);
	/* What is not written. */
	assert_int_equal(
		old->link | old->esp0 | old->ss0 | old->cr3 | old->ldt | old->trap | old->map, 0);
}

/* The exception, in the old task, to which nothing has happened. */
static void faults(u8 vector, u32 error)
{
	assert_int_equal(got.type, EVENT_EXCEPTION);
	assert_int_equal(got.vector, vector);
	assert_true(got.has_error);
	assert_int_equal(got.error, error);
}

static void old_faults(u8 vector, u32 error)
{
	faults(vector, error);
	assert_int_equal(after.rip, CODE);
	assert_int_equal(after.seg[SEG_TR].selector, OLD);
	assert_int_equal(after.seg[SEG_CS].attr, FLAT_CODE);
	assert_int_equal(gpr[RAX], 0x11);
	assert_false(after.cr0 & CR0_TS);
	assert_int_equal(after.dr7, 0x7ff);
	assert_memory_equal(memory, before, DIRECTORY); /* from there on are accessed bits */
}

static void new_faults(u8 vector, u32 error)
{
	faults(vector, error);
	assert_int_equal(after.rip, new->eip);
	assert_int_equal(after.seg[SEG_TR].selector, NEW);
	assert_int_equal(after.seg[SEG_CS].selector & ~3u, new->cs & 0xfffc);
	if (!(after.rflags & RFLAGS_VM))
		assert_int_equal(after.seg[SEG_CS].selector & 3, after.seg[SEG_SS].attr >> 5 & 3);
	assert_int_equal(gpr[RCX], 2);
	assert_true(after.cr0 & CR0_TS);
	assert_true(busy(NEW));
	assert_int_equal(old->eip, CODE + 7);
}

/* ---- each kind ------------------------------------------------------------------------------------- */

static void jump(void **state)
{
	go(JUMP);
	runs_new(RFLAGS_CF);
	saved_old(CODE + 7, regs.rflags);
	assert_false(busy(OLD));
	assert_true(busy(NEW));
	assert_int_equal(new->link, 0x7777);
	assert_int_equal(after.cr3, DIRECTORY);
}

static void nested_call(void **state)
{
	go(CALL);
	runs_new(RFLAGS_CF | RFLAGS_NT);
	saved_old(CODE + 7, regs.rflags);
	assert_true(busy(OLD));
	assert_true(busy(NEW));
	assert_int_equal(new->link, OLD);
}

static void iret(void **state)
{
	make_busy();
	shadow = SHADOW_NMI | SHADOW_STI;
	go(IRET);
	runs_new(RFLAGS_CF);
	saved_old(CODE + 1, regs.rflags & ~RFLAGS_NT);
	assert_false(busy(OLD));
	assert_true(busy(NEW));
	assert_int_equal(new->link, 0x7777);
	assert_int_equal(after.shadow, 0); /* NMIs are let in again */
	/* NT stays that of the task. */
	fresh();
	make_busy();
	new->eflags |= RFLAGS_NT;
	go(IRET);
	runs_new(RFLAGS_CF | RFLAGS_NT);
}

static void interrupt(void **state)
{
	shadow = SHADOW_STI;
	go_event((struct event){ .type = EVENT_INTERRUPT, .vector = 0x40 });
	runs_new(RFLAGS_CF | RFLAGS_NT);
	saved_old(CODE, regs.rflags);
	assert_int_equal(new->link, OLD);
	assert_int_equal(after.shadow, 0);
}

static void nmi(void **state)
{
	go_event((struct event){ .type = EVENT_NMI, .vector = 2 });
	runs_new(RFLAGS_CF | RFLAGS_NT);
	assert_int_equal(after.shadow, SHADOW_NMI);
	/* Also where it could not be delivered. */
	fresh();
	new->cs = 0;
	go_event((struct event){ .type = EVENT_NMI, .vector = 2 });
	faults(VECTOR_TS, 1);
	assert_int_equal(after.shadow, SHADOW_NMI);
}

static void software_interrupt(void **state)
{
	static const u8 types[] = { EVENT_SOFT_INTERRUPT, EVENT_SOFT_EXCEPTION,
				    EVENT_PRIVILEGED_SOFT };

	for (unsigned int i = 0; i < 3; i++) {
		fresh();
		go_event((struct event){ .type = types[i], .vector = 0x40, .length = 7 });
		runs_new(RFLAGS_CF | RFLAGS_NT);
		saved_old(CODE + 7, regs.rflags);
		/* Is it from outside of the program? INT1 is. */
		fresh();
		new->cs = DATA0;
		go_event((struct event){ .type = types[i], .vector = 0x40, .length = 7 });
		new_faults(VECTOR_TS, DATA0 | (i == 2));
	}
}

/* AMD's processors tell of no event for these, nor the length. */
static void length_from_the_code(void **state)
{
	static const u8 codes[][7] = { { 0xcd, 0x40 },
				       { 0x9a, 0, 0, 0, 0, NEW, 0 },
				       { 0xff, 0x2d } };
	static const u8 lengths[] = { 2, 7, 6 };

	for (unsigned int i = 0; i < 3; i++) {
		fresh();
		memcpy(memory + CODE, codes[i], 7);
		leave.task.selector = NEW;
		leave.task.source = (u8[]){ GATE, CALL, JUMP }[i];
		run_exit(0);
		runs_new(RFLAGS_CF | (i < 2 ? RFLAGS_NT : 0));
		saved_old(CODE + lengths[i], regs.rflags);
	}
	/* It is no longer there: executed again, as it is now. */
	fresh();
	regs.rip = SIZE + 5;
	run_exit(0);
	no_event();
	assert_int_equal(after.rip, SIZE + 5);
	assert_int_equal(after.seg[SEG_TR].selector, OLD);
}

static void exception_with_error(void **state)
{
	regs.rflags |= RFLAGS_RF;
	go_event((struct event){
		.type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true, .error = 0x1234 });
	assert_int_equal(gpr[RSP], NEW_STACK - 4);
	assert_int_equal(*(u32 *)(memory + NEW_STACK - 4), 0x1234);
	gpr[RSP] = NEW_STACK;
	runs_new(RFLAGS_CF | RFLAGS_NT);
	saved_old(CODE, regs.rflags);
	/* 16 bits of it, where the task has no more. */
	fresh();
	gdt[NEW / 8] = descriptor(NEW_TSS, 43, 0x81);
	*new16 = (struct tss16){ .ip = CODE, .sp = NEW_STACK, .cs = CODE0, .ss = OWN };
	gdt[OWN / 8] = descriptor(0x100, 0xffff, 0x93);
	*(u32 *)(memory + 0x100 + NEW_STACK - 4) = 0x55555555;
	go_event((struct event){
		.type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true, .error = 0x1234 });
	no_event();
	assert_int_equal(gpr[RSP], 0xffff0000 | (NEW_STACK - 2));
	assert_int_equal(*(u32 *)(memory + 0x100 + NEW_STACK - 4), 0x12345555);
}

static void sixteen_bits(void **state)
{
	/* To one ... */
	gdt[NEW / 8] = descriptor(NEW_TSS, 43, 0x81);
	*new16 = (struct tss16){ .ip = CODE + 2,
				 .flags = RFLAGS_IF,
				 .ax = 1,
				 .di = 8,
				 .sp = NEW_STACK,
				 .es = DATA0,
				 .cs = CODE0,
				 .ss = DATA0,
				 .ds = DATA3,
				 .ldt = LDT };
	sregs.cr0 |= CR0_PG;
	sregs.cr3 = DIRECTORY2;
	go(CALL);
	no_event();
	assert_int_equal(after.rip, CODE + 2);
	assert_int_equal(after.rflags, RFLAGS_IF | RFLAGS_NT | RFLAGS_ONE);
	assert_int_equal(gpr[RAX], 0xffff0001);
	assert_int_equal(gpr[RDI], 0xffff0008);
	assert_int_equal(gpr[RSP], 0xffff0000 | NEW_STACK);
	assert_int_equal(after.seg[SEG_DS].selector, DATA3);
	assert_int_equal(after.seg[SEG_FS].selector | after.seg[SEG_GS].selector, 0);
	assert_true(after.seg[SEG_FS].attr & after.seg[SEG_GS].attr & SEG_ATTR_UNUSABLE);
	assert_int_equal(after.seg[SEG_LDTR].base, LDT_AT);
	assert_int_equal(after.seg[SEG_LDTR].limit, 63);
	assert_int_equal(after.seg[SEG_TR].attr, 0x83);
	assert_int_equal(after.cr3, DIRECTORY2);
	assert_int_equal(new16->link, OLD);
	saved_old(CODE + 7, regs.rflags);

	/* ... and from one. */
	fresh();
	sregs.tr.type = 3;
	sregs.tr.limit = 0x29;
	gdt[OLD / 8] = descriptor(OLD_TSS, 0x29, 0x83);
	memset(old, 0xee, sizeof(*old));
	go(JUMP);
	runs_new(RFLAGS_CF);
	assert_false(busy(OLD));
	assert_int_equal(old16->link, 0xeeee);
	assert_int_equal(old16->ss2, 0xeeee);
	assert_int_equal(old16->ip, CODE + 7);
	assert_int_equal(old16->flags, regs.rflags & 0xffff);
	assert_int_equal(old16->ax, 0x11);
	assert_int_equal(old16->sp, OLD_STACK);
	assert_int_equal(old16->di, 0x18);
	assert_int_equal(old16->es, DATA3);
	assert_int_equal(old16->cs, CODE0);
	assert_int_equal(old16->ss, DATA0);
	assert_int_equal(old16->ds, DATA0);
	assert_int_equal(old16->ldt, 0xeeee);
}

static void back_to_itself(void **state)
{
	leave.task.source = IRET;
	leave.task.selector = OLD;
	old->cr3 = DIRECTORY;
	run_exit(1);
	no_event();
	assert_int_equal(after.rip, CODE + 1);
	assert_int_equal(gpr[RAX], 0x11);
	assert_int_equal(after.seg[SEG_TR].selector, OLD);
}

static void virtual_8086(void **state)
{
	new->eflags = RFLAGS_VM | RFLAGS_IF;
	new->cs = 0x700;
	new->eip = 0x10;
	new->ss = 0x600;
	new->ds = new->gs = 0xffff;
	go(JUMP);
	no_event();
	assert_int_equal(after.rip, 0x10);
	assert_int_equal(after.seg[SEG_CS].base, 0x7000);
	assert_int_equal(after.seg[SEG_GS].base, 0xffff0);
	/* With an LDT that is none. */
	fresh();
	new->eflags = RFLAGS_VM;
	new->ldt = DATA0;
	go(JUMP);
	new_faults(VECTOR_TS, DATA0);
	assert_true(after.rflags & RFLAGS_VM);
}

static void outer_level(void **state)
{
	new->cs = CODE3;
	new->ss = new->ds = new->es = DATA3;
	new->fs = 0;
	go(JUMP);
	no_event();
	assert_int_equal(after.seg[SEG_SS].attr, FLAT_DATA | DPL3);
	assert_int_equal(after.seg[SEG_CS].attr, FLAT_CODE | DPL3);
}

/* Segments of the new task's own table; descriptors become accessed ones. */
static void own_table(void **state)
{
	new->ldt = LDT;
	new->cs = 0x04;
	new->ss = 0x0c;
	new->ds = 0x14;
	ldt[0] = descriptor(0x1000, 0x8fff, 0x409a);
	ldt[1] = descriptor(0x2000, 0xfff, 0x4096); /* expands down */
	ldt[2] = descriptor(0x3000, 0xff, 0x98 | 2 | 4); /* readable, conforming code */
	go(JUMP);
	no_event();
	assert_int_equal(after.seg[SEG_CS].base, 0x1000);
	assert_int_equal(after.seg[SEG_CS].limit, 0x8fff);
	assert_int_equal(after.seg[SEG_CS].attr, 0x409b);
	assert_int_equal(after.seg[SEG_SS].attr, 0x4097);
	assert_int_equal(after.seg[SEG_DS].attr, 0x9f);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(ldt[i] >> 40 & 1);
}

static void debug_trap(void **state)
{
	new->trap = 1;
	go(CALL);
	assert_int_equal(got.type, EVENT_EXCEPTION);
	assert_int_equal(got.vector, VECTOR_DB);
	assert_int_equal(model_vcpu(vcpu)->state.dr6, DR6_ONES | DR6_BT);
	got.type = EVENT_NONE;
	runs_new(RFLAGS_CF | RFLAGS_NT);
	/* By an exception: that one is delivered before. */
	fresh();
	new->trap = 0xfff1;
	go_event((struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true });
	assert_int_equal(got.vector, VECTOR_DB);
	assert_int_equal(gpr[RSP], NEW_STACK - 4);
}

static void caller_steps(void **state)
{
	struct kvm_guest_debug g = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_run *run = model_vcpu(vcpu)->run;

	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	leave.task.selector = NEW;
	leave.task.source = JUMP;
	run_exit(7);
	assert_int_equal(run->exit_reason, KVM_EXIT_DEBUG);
	assert_int_equal(run->debug.arch.pc, CODE + 0x100);
	saved_old(CODE + 7, regs.rflags);
	/* Neither task has the flag, the processor has it at the next entry. */
	assert_int_equal(call(KVM_GET_REGS, &regs), 0);
	assert_int_equal(regs.rflags, RFLAGS_CF | RFLAGS_ONE);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_true(after.rflags & RFLAGS_TF);
}

/* ---- what is wrong with the new TSS -------------------------------------------------------------------- */

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

/* ---- what is wrong with the new task --------------------------------------------------------------- */

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

/* ---- one on top of the other ------------------------------------------------------------------------ */

static void double_faults(void **state)
{
	/* #GP whose task is not there; #PF whose task has bad code: delivered to the old, the new. */
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

/* ---- paging ------------------------------------------------------------------------------------------ */

static u32 *pte(u32 address)
{
	return (u32 *)(memory + PAGE_TABLE) + address / 4096;
}

static void paged(void)
{
	fresh();
	sregs.cr0 |= CR0_PG | CR0_WP;
}

static void other_pages(void **state)
{
	paged();
	new->cr3 = DIRECTORY2;
	go(JUMP);
	runs_new(RFLAGS_CF);
	assert_int_equal(after.cr3, DIRECTORY2);
	assert_int_equal(old->cr3, 0);
	/* Not where paging is off. */
	fresh();
	new->cr3 = DIRECTORY2;
	go(JUMP);
	assert_int_equal(after.cr3, DIRECTORY);
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

static void pae(void **state)
{
	u64 *pdpt = (u64 *)(memory + DIRECTORY), *pdpt2 = (u64 *)(memory + DIRECTORY2);

	for (unsigned int bad = 0; bad < 2; bad++) {
		fresh();
		sregs.cr0 |= CR0_PG;
		sregs.cr4 = CR4_PAE;
		memset(pdpt, 0, 32);
		memset(pdpt2, 0, 32);
		pdpt[0] = pdpt2[0] = PAGE_TABLE | 1;
		pdpt2[3] = bad ? 3 : 0x5001;
		*(u64 *)(memory + PAGE_TABLE) = 0x83;
		new->cr3 = DIRECTORY2;
		go(JUMP);
		if (bad) {
			new_faults(VECTOR_TS, 0);
			assert_int_equal(after.cr3, DIRECTORY);
			assert_int_equal(after.pdptr[3], 0);
		} else {
			runs_new(RFLAGS_CF);
			assert_int_equal(after.cr3, DIRECTORY2);
			assert_int_equal(after.pdptr[3], 0x5001);
		}
	}
}

/* ---- memory ------------------------------------------------------------------------------------------- */

static void across_pages(void **state)
{
	struct tss copy = *new;

	memcpy(memory + 0x3fd0, &copy, sizeof(copy));
	gdt[NEW / 8] = descriptor(0x3fd0, 103, TSS_FREE);
	sregs.tr.base = 0x1fd0 + 0x9000;
	go(JUMP);
	no_event();
	assert_int_equal(after.rip, CODE + 0x100);
	assert_int_equal(after.seg[SEG_FS].selector, DATA3);
	assert_int_equal(((struct tss *)(memory + 0xafd0))->gs, DATA0);
	assert_int_equal(((struct tss *)(memory + 0xafd0))->eip, CODE + 7);
}

/* A bus without anybody: ones are read, and what is written is lost. */
static void no_memory(void **state)
{
	gdt[NEW / 8] = descriptor(0x40000000, 103, TSS_FREE);
	go(JUMP);
	faults(VECTOR_TS, 0xfffc);
	assert_int_equal(after.seg[SEG_TR].selector, NEW);
	fresh();
	sregs.tr.base = 0xfffffff0; /* and around the end */
	go(JUMP);
	runs_new(RFLAGS_CF);
	fresh();
	sregs.gdt.base = 0x40000000;
	go(JUMP);
	faults(VECTOR_GP, NEW);
}

/* The event is delivered once, also where memory has to be brought in first. */
static void no_pins(void **state)
{
	model_fail_pin = 2;
	leave.task.selector = NEW;
	leave.task.source = JUMP;
	leave.kind = EXIT_TASK_SWITCH;
	leave.length = 7;
	assert_int_equal(call(KVM_SET_SREGS, &sregs), 0);
	assert_int_equal(call(KVM_SET_REGS, &regs), 0);
	model_guest = executes;
	model_entries = 0;
	assert_true(model_ioctl(vcpu, KVM_RUN, 0) <= 0);
	model_fail_pin = 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_tasks, model_teardown)
	const struct CMUnitTest tests[] = {
		T(jump),
		T(nested_call),
		T(iret),
		T(interrupt),
		T(nmi),
		T(software_interrupt),
		T(length_from_the_code),
		T(exception_with_error),
		T(sixteen_bits),
		T(back_to_itself),
		T(virtual_8086),
		T(outer_level),
		T(own_table),
		T(debug_trap),
		T(caller_steps),
		T(bad_tss),
		T(bad_selectors),
		T(old_tss_too_small),
		T(bad_ldt),
		T(every_descriptor),
		T(null_and_beyond),
		T(code_limit),
		T(no_room_for_error),
		T(double_faults),
		T(other_pages),
		T(page_faults_come_first),
		T(page_faults_of_the_new_task),
		T(pae),
		T(across_pages),
		T(no_memory),
		T(no_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
