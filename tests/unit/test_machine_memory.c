// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL) $(MACHINE_SRCS)
// flags: -DSWIVL_MODEL
/* The memory of the machine's guest: at itself but for what is hidden, in leaves of each size. */
#include "machine_test.h"

/* ---- what is there, and what is hidden ------------------------------------------------------- */

/* One access by the instruction at CODE; EBX has the address. */
static void access(const char *insn, u64 gpa, u8 how)
{
	struct model_hw *hw = guest();
	struct exit *e = at_exit(EXIT_NESTED_FAULT, 0);

	put(CODE, insn, strlen(insn));
	e->fault.gpa = gpa;
	e->fault.access = how;
	e->fault.own = true;
	e->fault.gva_valid = true;
	e->fault.gva = gpa;
	hw->state.rip = CODE;
	v->gpr[RBX] = gpa;
	machine_exit(v);
}

#define MOV_EAX_MEM "\x8b\x03"
#define MOV_MEM_EAX "\x89\x03"
#define MOV_AL_MEM "\x8a\x03"

static void ordinary_memory_is_at_itself(void **state)
{
	unsigned int level;
	u64 leaf;

	access(MOV_EAX_MEM, RAM + 0x300000, ACCESS_READ);
	assert_int_equal(v->exception.type, EVENT_NONE);
	assert_non_null(stage2_find(&machine->vm->stage2, RAM + 0x300000, &level, &leaf));
	assert_int_equal(stage2_leaf_pa(leaf, level, RAM + 0x300000), RAM + 0x300000);
	assert_int_equal(level, 2);
	assert_int_equal(machine->hidden, 0);
}

static void hidden_memory_is_ones(void **state)
{
	memset((void *)HIDDEN, 0x5a, HIDDEN_SIZE);
	v->gpr[RAX] = 0;
	access(MOV_EAX_MEM, HIDDEN, ACCESS_READ);
	goes_on(2);
	assert_int_equal(v->gpr[RAX], 0xffffffff);
	v->gpr[RAX] = 0x11223344;
	access(MOV_AL_MEM, HIDDEN + HIDDEN_SIZE - 1, ACCESS_READ);
	goes_on(2);
	assert_int_equal(v->gpr[RAX], 0x112233ff);
	v->gpr[RAX] = 0x11223344;
	access(MOV_MEM_EAX, HIDDEN + 0x1234, ACCESS_WRITE);
	goes_on(2);
	assert_int_equal(machine->hidden, 3);
	for (u64 i = 0; i < HIDDEN_SIZE; i++)
		assert_int_equal(((u8 *)HIDDEN)[i], 0x5a);
}

/* The bytes before and behind are memory, in pages of 4 KiB where 2 MiB would reach into it. */
static void hidden_range_is_exact(void **state)
{
	unsigned int level;
	u64 leaf;

	access(MOV_AL_MEM, HIDDEN - 1, ACCESS_READ);
	access(MOV_AL_MEM, HIDDEN + HIDDEN_SIZE, ACCESS_READ);
	assert_int_equal(machine->hidden, 0);
	assert_non_null(stage2_find(&machine->vm->stage2, HIDDEN + HIDDEN_SIZE, &level, &leaf));
	assert_int_equal(level, 1);
	for (u64 at = HIDDEN; at < HIDDEN + HIDDEN_SIZE; at += PAGE)
		assert_null(stage2_find(&machine->vm->stage2, at, &level, &leaf));
}

/* ---- leaves, and the types that the guest's MTRRs give them ---------------------------------- */

/* The level of the leaf that the fault brings; 0: none. */
static unsigned int fault_at(u64 gpa)
{
	unsigned int level;
	u64 leaf;

	guest();
	at_exit(EXIT_NESTED_FAULT, 0);
	v->exit.fault.gpa = gpa;
	v->exit.fault.access = ACCESS_WRITE;
	machine_exit(v);
	assert_int_equal(v->exception.type, EVENT_NONE);
	if (!stage2_find(&machine->vm->stage2, gpa, &level, &leaf))
		return 0;
	assert_int_equal(stage2_leaf_pa(leaf, level, gpa), gpa);
	assert_true(leaf & vendor->stage2->write);
	return level;
}

static u64 type_at(u64 gpa)
{
	unsigned int level;
	u64 leaf;

	assert_non_null(stage2_find(&machine->vm->stage2, gpa, &level, &leaf));
	return (leaf & vendor->stage2->type) >> vendor->stage2->type_shift;
}

static void msr_mtrr_is_followed(void **state)
{
	u64 generation = machine->vm->stage2.generation;

	/* As systems do: off, all, on; and what is there already. */
	assert_true(wrmsr(IA32_MTRR_DEF_TYPE, MEMORY_WB));
	assert_true(wrmsr(IA32_MTRR_DEF_TYPE, 1 << 11 | MEMORY_WB));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0, 0));
	assert_int_equal(machine->retyped, 0);
	assert_true(wrmsr(IA32_MTRR_DEF_TYPE, MEMORY_WB));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0, (HIDDEN - LARGE) | MEMORY_WC));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 1, 0xffffffe00000 | 1 << 11));
	assert_int_equal(machine->retyped, 0);
	assert_int_equal(vm_fault_in(machine->vm, HIDDEN - LARGE, ACCESS_WRITE), 0);
	assert_int_equal(machine->vm->stage2.generation, generation);
	assert_true(wrmsr(IA32_MTRR_DEF_TYPE, 1 << 11 | MEMORY_WB));
	assert_int_equal(machine->retyped, 1);
	assert_int_not_equal(machine->vm->stage2.generation, generation);
	assert_int_equal(mtrr_type(machine->vm->stage2.mtrrs, HIDDEN - LARGE, LARGE), MEMORY_WC);
	assert_int_equal(mtrr_type(machine->vm->stage2.mtrrs, HIDDEN - 2 * LARGE, LARGE),
			 MEMORY_WB);
}

/* The largest that is the guest's alone, of one type: not in the first with its fixed registers. */
static void leaves_of_a_gib(void **state)
{
	assert_int_equal(machine->largest, 3);
	machine->mtrrs.def |= 1 << 10;
	assert_int_equal(fault_at(RAM), 2);
	assert_int_equal(fault_at(GIB + 0x12345), 3);
	assert_int_equal(seen_size, GIB);
	assert_int_equal(fault_at(GIB), 3); /* as for a processor that came later */
	assert_int_equal(fault_at(3 * GIB - 1), 3);
	assert_int_equal(fault_at(3 * GIB), 2);
	assert_int_equal(fault_at(4 * GIB - 1), 2);
	assert_int_equal(fault_at(3 * GIB + LARGE - 1), 2);
	assert_int_equal(fault_at(3 * GIB + 3 * LARGE), 2);
	msrs[IA32_MTRR_DEF_TYPE] = 0; /* written without an exit: not what counts */
	assert_int_equal(fault_at(5 * GIB), 3);
}

static void without_leaves_of_a_gib(void **state)
{
	assert_int_equal(machine->largest, 2);
	assert_int_equal(fault_at(GIB + 0x12345), 2);
	assert_int_equal(fault_at(GIB + LARGE), 2);
	no_page_tables = true;
	assert_int_equal(fault_at(RAM + 8 * LARGE), 2); /* what the other way still can */
}

/* MTRRs that divide it come, by and by: leaves of 2 MiB where that is enough. */
static void leaves_of_a_gib_are_split(void **state)
{
	const u64 at = 4 * GIB + 8 * LARGE;

	assert_int_equal(fault_at(at), 3);
	assert_int_equal(type_at(at), MEMORY_WB);
	assert_true(wrmsr(IA32_MTRR_DEF_TYPE, MEMORY_WB));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0, at | MEMORY_WC));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 1,
			  (machine->mtrrs.address & ~(LARGE - 1)) | 1 << 11));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 2, at + LARGE));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 3,
			  (machine->mtrrs.address & ~(PAGE - 1)) | 1 << 11));
	assert_int_equal(type_at(at), MEMORY_WB);
	assert_true(wrmsr(IA32_MTRR_DEF_TYPE, 1 << 11 | MEMORY_WB));
	assert_int_equal(fault_at(at), 2);
	assert_int_equal(type_at(at), MEMORY_WC);
	assert_int_equal(fault_at(at + LARGE), 1);
	assert_int_equal(type_at(at + LARGE), MEMORY_UC);
	assert_int_equal(type_at(at + LARGE + PAGE), MEMORY_WB);
	assert_int_equal(fault_at(at + 2 * LARGE), 2);
	assert_int_equal(type_at(4 * GIB), MEMORY_WB);
	assert_int_equal(type_at(5 * GIB - 1), MEMORY_WB);
	/* Another that has two types already begins with smaller ones. */
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 2, 8 * GIB));
	assert_int_equal(fault_at(8 * GIB + LARGE), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ordinary_memory_is_at_itself),
		TEST(hidden_memory_is_ones),
		TEST(hidden_range_is_exact),
		TEST(msr_mtrr_is_followed),
		HUGE(leaves_of_a_gib),
		TEST(without_leaves_of_a_gib),
		HUGE(leaves_of_a_gib_are_split),
	};

	return cmocka_run_group_tests_name("machine_memory", tests, NULL, NULL);
}
