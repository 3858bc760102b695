/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Task switches of a guest on the model: two tasks, the exit, and what became of the two. */
#ifndef SWIVL_TESTS_TASK_SWITCH_H
#define SWIVL_TESTS_TASK_SWITCH_H

#include "request_test.h"
#include "task_test.h"

#define SIZE LARGE

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

/* ---- the guest ------------------------------------------------------------------------------- */

static inline struct kvm_segment flat(u16 selector, u8 type, u8 dpl)
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
static inline void fresh(void)
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

/* The same, with paging. */
static inline void paged(void)
{
	fresh();
	sregs.cr0 |= CR0_PG | CR0_WP;
}

/* What IRET goes back to. */
static inline void make_busy(void)
{
	gdt[NEW / 8] |= 2ull << 40;
}

static inline int setup_tasks(void **state)
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

/* ---- the exit -------------------------------------------------------------------------------- */

static inline void executes(struct vcpu *v, struct model_hw *hw)
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

static inline void run_exit(u8 length)
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

static inline void go(u8 source)
{
	leave.task.selector = NEW;
	leave.task.source = source;
	run_exit(source == IRET ? 1 : 7);
	assert_int_equal(model_entries, 2);
	if (refused(&after))
		fail_msg("an entry would be refused: %s", refused(&after));
}

static inline void go_event(struct event e)
{
	interrupted = e;
	go(GATE);
}

/* ---- what became of it ----------------------------------------------------------------------- */

static inline void no_event(void)
{
	assert_int_equal(got.type, EVENT_NONE);
}

/* The new task, as fresh() made it. */
static inline void runs_new(u64 flags)
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

static inline void saved_old(u32 eip, u64 flags)
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

static inline void faults(u8 vector, u32 error)
{
	assert_int_equal(got.type, EVENT_EXCEPTION);
	assert_int_equal(got.vector, vector);
	assert_true(got.has_error);
	assert_int_equal(got.error, error);
}

static inline bool busy(u32 selector)
{
	return gdt[selector / 8] >> 41 & 1;
}

/* The exception, in the old task, to which nothing has happened. */
static inline void old_faults(u8 vector, u32 error)
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

static inline void new_faults(u8 vector, u32 error)
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup_tasks, model_teardown)

#endif
