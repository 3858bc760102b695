// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* Task switches of each kind: what the old task keeps, what the processor has of the new one. */
#include "task_switch.h"

/* ---- each kind ------------------------------------------------------------------------------- */

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

/* ---- the new task's page tables -------------------------------------------------------------- */

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

/* ---- memory ---------------------------------------------------------------------------------- */

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
		T(other_pages),
		T(pae),
		T(across_pages),
		T(no_memory),
		T(no_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
