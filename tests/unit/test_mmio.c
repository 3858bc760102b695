// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/*
 * Accesses to the local APIC by an instruction that was carried out before. What is kept of it must
 * not outlive anything that could make it another one: each test does an access twice, changes one
 * thing, and looks for what only the other instruction does.
 */
#include "request_test.h"
#include "core/irq/lapic.h"
#include "core/vm/events.h"
#include "core/vm/fetch.h"

#define CODE 0x4000u /* linear and physical */
#define OTHER 0x5000u /* physical: what it could be */
#define APIC 0xfee00000u
#define RAM 0x6000u /* physical, at the linear page before the local APIC's */
#define USER_RW 7u

static u64 *memory;
static unsigned int step;

static struct round {
	u64 rip, rax, rbx;
	u8 injected;
} seen[8];

static u64 gpa;
static u8 access;
static void (*change)(struct vcpu *v, struct model_hw *hw); /* before the third */

/* Three times the instruction at CODE, then out. */
static void loop(struct vcpu *v, struct model_hw *hw)
{
	seen[step] = (struct round){ hw->state.rip, v->gpr[RAX], v->gpr[RBX], hw->injected.type };
	if (step++ == 3) {
		v->exit = (struct exit){ .kind = EXIT_IO, .length = 1,
					 .io = { .port = 0x99, .size = 1 } };
		return;
	}
	hw->state.rip = CODE;
	v->gpr[RAX] = v->gpr[RBX] = 0x1234567890;
	v->exit = (struct exit){ .kind = EXIT_NESTED_FAULT,
				 .fault = { .gpa = gpa, .own = true, .access = access } };
	if (step == 3 && change)
		change(v, hw);
}

static void put(u64 pa, const void *bytes, size_t n)
{
	memcpy((u8 *)memory + pa, bytes, n);
}
#define PUT(pa, ...) put(pa, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))
#define MOV_EAX_RSI 0x8b, 0x06
#define MOV_EBX_RSI 0x8b, 0x1e
#define MOV_RSI_EAX 0x89, 0x06

static int setup_guest(void **state)
{
	const struct kvm_segment code = { .type = 0xb, .s = 1, .present = 1, .l = 1, .g = 1 };
	const struct kvm_segment data = { .type = 0x3, .s = 1, .present = 1, .g = 1 };
	struct kvm_sregs s = { .cs = code, .ss = data, .ds = data, .es = data, .cr3 = 0x1000,
			       .cr0 = CR0_PE | CR0_PG | CR0_ET, .cr4 = CR4_PAE,
			       .efer = EFER_LME | EFER_LMA, .apic_base = 0xfee00900 };
	struct kvm_regs r = { .rip = CODE, .rsi = APIC + 0x30, .rflags = RFLAGS_ONE };

	setup_chips(state);
	memory = caller_memory(LARGE);
	set_slot(vm, 0, 0, 0, LARGE, memory);
	/* Two trees alike, but for what stands at CODE. */
	for (u64 at = 0x10000, cr3 = 0x1000, page = CODE; page <= OTHER;
	     page += OTHER - CODE, cr3 += 0x1000, at += 0x10000) {
		memory[cr3 / 8] = (at + 0x1000) | USER_RW;
		memory[(at + 0x1000) / 8] = (at + 0x2000) | USER_RW;
		memory[(at + 0x2000) / 8] = (at + 0x3000) | USER_RW;
		memory[(at + 0x3000) / 8 + CODE / PAGE] = page | USER_RW;
		memory[(at + 0x1000) / 8 + 3] = (at + 0x4000) | USER_RW;
		memory[(at + 0x4000) / 8 + 0x1f6] = (at + 0x5000) | USER_RW;
		memory[(at + 0x4000) / 8 + 0x1f7] = (at + 0x6000) | USER_RW;
		memory[(at + 0x5000) / 8 + 511] = RAM | USER_RW;
		memory[(at + 0x6000) / 8] = APIC | USER_RW;
	}
	PUT(CODE, MOV_EAX_RSI);
	PUT(OTHER, MOV_EBX_RSI);
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_SET_REGS, &r), 0);
	model_guest = loop;
	change = NULL;
	step = 0;
	gpa = APIC + 0x30; /* the version */
	access = ACCESS_READ;
	return 0;
}

static int teardown_guest(void **state)
{
	int left = model_teardown(state);

	munmap(memory, LARGE);
	return left;
}

static void run(void)
{
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_vcpu(vcpu)->run->exit_reason, KVM_EXIT_IO);
	assert_int_equal(step, 4);
}

static void expect(unsigned int round, u64 rax, u64 rbx, u64 length)
{
	assert_int_equal(seen[round].rax, rax);
	assert_int_equal(seen[round].rbx, rbx);
	assert_int_equal(seen[round].rip, CODE + length);
}
#define UNTOUCHED 0x1234567890
#define VERSION 0x60014

/* The third time RBX is loaded. */
static void expect_other(void)
{
	run();
	expect(1, VERSION, UNTOUCHED, 2);
	expect(2, VERSION, UNTOUCHED, 2);
	expect(3, UNTOUCHED, VERSION, 2);
}

static void same_again(void **state)
{
	run();
	for (int i = 1; i <= 3; i++)
		expect(i, VERSION, UNTOUCHED, 2);
}

static void write_code(struct vcpu *v, struct model_hw *hw) { PUT(CODE, MOV_EBX_RSI); }

static void other_code(void **state)
{
	change = write_code;
	expect_other();
}

static u64 table, value;
static void write_table(struct vcpu *v, struct model_hw *hw) { memory[table / 8] = value; }

static void other_tables(void **state)
{
	static const struct {
		u64 table, value;
	} cases[] = {
		{ 0x1000, 0x21007 }, { 0x11000, 0x22007 }, { 0x12000, 0x23007 },
		{ 0x13000 + CODE / PAGE * 8, OTHER | USER_RW },
	};

	change = write_table;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 before = memory[cases[i].table / 8];

		table = cases[i].table;
		value = cases[i].value;
		step = 0;
		expect_other();
		memory[table / 8] = before;
	}
}

static void load_cr3(struct vcpu *v, struct model_hw *hw) { hw->state.cr3 = 0x2000; }

static void other_cr3(void **state)
{
	change = load_cr3;
	expect_other();
}

/* What makes the fetch itself fault, though nothing that is read of it changes. */
static void forbid_user_code(struct vcpu *v, struct model_hw *hw) { hw->state.cr4 |= CR4_SMEP; }

static void become_user(struct vcpu *v, struct model_hw *hw)
{
	hw->state.seg[SEG_CS].attr |= 3 << SEG_ATTR_DPL_SHIFT;
	hw->state.seg[SEG_SS].attr |= 3 << SEG_ATTR_DPL_SHIFT;
}

static void other_rights(void **state)
{
	change = forbid_user_code;
	run();
	expect(2, VERSION, UNTOUCHED, 2);
	expect(3, UNTOUCHED, UNTOUCHED, 0);
	assert_int_equal(seen[3].injected, EVENT_EXCEPTION);
}

static void other_privilege(void **state)
{
	memory[0x13000 / 8 + CODE / PAGE] &= ~4ull;
	change = become_user;
	run();
	expect(2, VERSION, UNTOUCHED, 2);
	expect(3, UNTOUCHED, UNTOUCHED, 0);
	assert_int_equal(seen[3].injected, EVENT_EXCEPTION);
}

static void leave_64(struct vcpu *v, struct model_hw *hw)
{
	hw->state.seg[SEG_CS].attr &= ~SEG_ATTR_L;
	hw->state.seg[SEG_CS].attr |= SEG_ATTR_DB;
}

static void other_mode(void **state)
{
	PUT(CODE, 0x44, 0x8b, 0x06); /* MOV R8D, [RSI]; then INC ESP */
	change = leave_64;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_vcpu(vcpu)->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	assert_int_equal(step, 3);
	expect(2, UNTOUCHED, UNTOUCHED, 3);
	assert_int_equal(model_vcpu(vcpu)->gpr[8], VERSION);
}

/* Between two KVM_RUNs the memory of the code is exchanged. */
static void other_slot(void **state)
{
	u64 *second = caller_memory(LARGE);

	step = 1;
	run();
	expect(3, VERSION, UNTOUCHED, 2);
	memcpy(second, memory, LARGE);
	memcpy((u8 *)second + CODE, (const u8[]){ MOV_EBX_RSI }, 2);
	set_slot(vm, 0, 0, 0, 0, memory);
	set_slot(vm, 0, 0, 0, LARGE, second);
	step = 2;
	run();
	expect(3, UNTOUCHED, VERSION, 2);
	set_slot(vm, 0, 0, 0, 0, second);
	munmap(second, LARGE);
}

/* Its last bytes, too, are the instruction's: MOV [FEE00080h], imm32, with a REX. */
static void write_immediate(struct vcpu *v, struct model_hw *hw) { PUT(CODE + 8, 0x40); }

static void other_immediate(void **state)
{
	PUT(CODE, 0x40, 0xc7, 0x04, 0x25, 0x80, 0x00, 0xe0, 0xfe, 0x30, 0, 0, 0);
	gpa = APIC + 0x80;
	access = ACCESS_WRITE;
	change = write_immediate;
	run();
	expect(3, UNTOUCHED, UNTOUCHED, 12);
	assert_int_equal(model_vcpu(vcpu)->lapic->reg[LAPIC_TPR], 0x40);
}

/* The access runs into the local APIC's page: half of it is memory's. */
static void shift_pointer(struct vcpu *v, struct model_hw *hw) { v->gpr[RSI] = APIC - 2; }

static void crosses_into_it(void **state)
{
	memory[(RAM + PAGE) / 8 - 1] = 0xbeefull << 48;
	model_vcpu(vcpu)->gpr[RSI] = APIC;
	gpa = APIC;
	change = shift_pointer;
	run();
	expect(2, 0, UNTOUCHED, 2);
	expect(3, 0xbeef, UNTOUCHED, 2);
}

/* The direction is the access': where code was changed under it, the code says what is done. */
static void write_store(struct vcpu *v, struct model_hw *hw) { PUT(CODE, MOV_RSI_EAX); }

static void other_direction(void **state)
{
	model_vcpu(vcpu)->gpr[RSI] = gpa = APIC + 0x80;
	model_vcpu(vcpu)->lapic->reg[LAPIC_TPR] = 0x70;
	change = write_store;
	run();
	expect(2, 0x70, UNTOUCHED, 2);
	expect(3, UNTOUCHED, UNTOUCHED, 2);
	assert_int_equal(model_vcpu(vcpu)->lapic->reg[LAPIC_TPR], 0x90);
}

static void was_write(struct vcpu *v, struct model_hw *hw)
{
	v->exit.fault.access = ACCESS_WRITE;
}

static void other_direction_for_a_moment(void **state)
{
	model_vcpu(vcpu)->gpr[RSI] = gpa = APIC + 0x80;
	model_vcpu(vcpu)->lapic->reg[LAPIC_TPR] = 0x70;
	change = was_write;
	run();
	expect(3, 0x70, UNTOUCHED, 2);
	assert_int_equal(model_vcpu(vcpu)->lapic->reg[LAPIC_TPR], 0x70);
}

/* Paging ends, and CODE is where it says: RBX's instruction. */
static void end_paging(struct vcpu *v, struct model_hw *hw)
{
	leave_64(v, hw);
	hw->state.cr0 &= ~(u64)CR0_PG;
	hw->state.efer &= ~(u64)EFER_LMA;
}

static void other_paging(void **state)
{
	PUT(CODE, MOV_EBX_RSI);
	PUT(OTHER, MOV_EAX_RSI);
	memory[0x13000 / 8 + CODE / PAGE] = OTHER | USER_RW;
	change = end_paging;
	expect_other();
}

/* The processor looked for a table there; what the instruction reads is memory. */
static void walk_of_the_processor(struct vcpu *v, struct model_hw *hw)
{
	v->gpr[RSI] = APIC - PAGE + 0x30;
	v->exit.fault.own = false;
}

static void not_the_access_itself(void **state)
{
	memory[(RAM + 0x30) / 8] = 0xcafe;
	change = walk_of_the_processor;
	run();
	expect(2, VERSION, UNTOUCHED, 2);
	expect(3, 0xcafe, UNTOUCHED, 2);
}

static void deliver(struct vcpu *v, struct model_hw *hw)
{
	v->event = (struct event){ .type = EVENT_INTERRUPT, .vector = 0x20 };
}

static void not_the_instruction_at_all(void **state)
{
	change = deliver;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_vcpu(vcpu)->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	assert_int_equal(step, 3);
	assert_int_equal(model_vcpu(vcpu)->gpr[RAX], UNTOUCHED);
}

/* What a plain store would write is told where it is the instruction of last time, and only then. */
static bool told;
static u32 told_value;

static void ask(struct vcpu *v, struct model_hw *hw)
{
	v->valid = 0;
	told = mmio_plain_store(v, gpa, &told_value);
}

static void write_store_of_rbx(struct vcpu *v, struct model_hw *hw)
{
	PUT(CODE, 0x89, 0x1e);
	ask(v, hw);
}

static void plain_store_is_told(void **state)
{
	PUT(CODE, MOV_RSI_EAX);
	model_vcpu(vcpu)->gpr[RSI] = gpa = APIC + 0x80;
	access = ACCESS_WRITE;
	change = ask;
	run();
	assert_true(told);
	assert_int_equal(told_value, (u32)UNTOUCHED);
	step = 0;
	change = write_store_of_rbx;
	run();
	assert_false(told);
	PUT(CODE, MOV_EAX_RSI);
	access = ACCESS_READ;
	step = 0;
	change = ask;
	run();
	assert_false(told);
}

/* A write is the caller's before the step over it has ended: that is what the next KVM_RUN tells. */
static void step_over_a_write_of_the_callers(void **state)
{
	struct kvm_guest_debug g = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_run *r = model_vcpu(vcpu)->run;

	PUT(CODE, MOV_RSI_EAX);
	gpa = 0xd0000030;
	access = ACCESS_WRITE;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(r->exit_reason, KVM_EXIT_MMIO);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(r->exit_reason, KVM_EXIT_DEBUG);
	assert_int_equal(r->debug.arch.pc, CODE + 2);
	assert_int_equal(step, 1);
	/* The next one; and where the caller no longer steps, nothing of it stays. */
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(r->exit_reason, KVM_EXIT_MMIO);
	g.control = 0;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(r->exit_reason, KVM_EXIT_MMIO);
	assert_int_equal(step, 3);
}

/* What is kept at first is nothing, also for a guest whose registers are all 0. */
static void nothing_is_kept_at_first(void **state)
{
	struct vcpu none = { .vm = model_vm(vm) };
	struct fetch f = { 0 };

	f.generation = none.vm->stage2.generation;
	assert_false(fetch_leads_there(&none, &f, 0));
}

#define GUEST(name) cmocka_unit_test_setup_teardown(name, setup_guest, teardown_guest)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST(same_again),
		GUEST(other_code),
		GUEST(other_tables),
		GUEST(other_cr3),
		GUEST(other_rights),
		GUEST(other_privilege),
		GUEST(other_mode),
		GUEST(other_slot),
		GUEST(other_immediate),
		GUEST(crosses_into_it),
		GUEST(other_direction),
		GUEST(other_direction_for_a_moment),
		GUEST(other_paging),
		GUEST(not_the_access_itself),
		GUEST(not_the_instruction_at_all),
		GUEST(plain_store_is_told),
		GUEST(step_over_a_write_of_the_callers),
		GUEST(nothing_is_kept_at_first),
	};

	return cmocka_run_group_tests_name("mmio", tests, NULL, NULL);
}
