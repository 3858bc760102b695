// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/*
 * #UD in a guest: the hypercalls of both vendors are served, everything else keeps its exception,
 * also where the code is no longer what the processor executed.
 */
#include "request_test.h"

#define CODE 0x3000ull
#define TABLES 0x8000ull /* four levels, of which the last maps the first 64 KiB one to one */
#define ALREADY 0x7fff0000ull /* in RAX */

static u8 *memory;
static u64 rax_before;

static u64 *entry(unsigned int level, unsigned int n)
{
	return (u64 *)(memory + TABLES + 0x1000 * level) + n;
}

static int setup_code(void **state)
{
	unsigned int i;

	setup(state);
	memory = caller_memory(LARGE);
	memset(memory, 0x90, 0x8000);
	for (i = 0; i < 3; i++)
		*entry(i, 0) = (TABLES + 0x1000 * (i + 1)) | 7;
	for (i = 0; i < 16; i++)
		*entry(3, i) = (u64)i << 12 | 7;
	assert_int_equal(set_slot(vm, 0, 0, 0, LARGE, memory), 0);
	rax_before = ALREADY;
	return 0;
}

/* Long mode at @rip, with the privilege level of @cpl. */
static void long_mode(u64 rip, u8 cpl)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = rip, .rax = rax_before, .rflags = RFLAGS_ONE };

	assert_int_equal(call(KVM_GET_SREGS, &s), 0);
	s.cr0 = CR0_PE | CR0_PG | CR0_NE;
	s.cr2 = 0x2222;
	s.cr3 = TABLES;
	s.cr4 = CR4_PAE;
	s.efer = EFER_LME | EFER_LMA;
	s.cs = (struct kvm_segment){ .limit = ~0u, .selector = 8, .type = 11, .present = 1,
				     .dpl = cpl, .s = 1, .l = 1, .g = 1 };
	s.ss = (struct kvm_segment){ .limit = ~0u, .selector = 16, .type = 3, .present = 1,
				     .dpl = cpl, .db = 1, .s = 1, .g = 1 };
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_SET_REGS, &r), 0);
}

/* What the guest finds at the entry after its #UD. */
static struct vcpu_state after;
static struct event got;
static u64 rax_after, cr2_after;
static void (*meanwhile)(void); /* another processor, between the #UD and the look at the code */

static void executes(struct vcpu *v, struct model_hw *hw)
{
	if (model_entries == 1) {
		v->exit = (struct exit){ .kind = EXIT_EXCEPTION };
		v->exit.exception.vector = VECTOR_UD;
		if (meanwhile)
			meanwhile();
		return;
	}
	after = hw->state;
	got = hw->injected;
	rax_after = v->gpr[RAX];
	cr2_after = v->state.cr2;
}

static void run_it(void)
{
	model_guest = executes;
	model_entries = 0;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(model_entries, 2);
	meanwhile = NULL;
}

static void run_at(u64 rip, u8 cpl)
{
	long_mode(rip, cpl);
	run_it();
}

#define PUT(at, ...) memcpy(memory + (at), (u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }))

static void is_served(u64 next, u64 rax)
{
	assert_int_equal(got.type, EVENT_NONE);
	assert_int_equal(after.rip, next);
	assert_int_equal(rax_after, rax);
}

/* As if nobody had looked. */
static void is_undefined(u64 rip)
{
	assert_int_equal(got.type, EVENT_EXCEPTION);
	assert_int_equal(got.vector, VECTOR_UD);
	assert_false(got.has_error);
	assert_int_equal(after.rip, rip);
	assert_true(after.rflags & RFLAGS_RF);
	assert_int_equal(rax_after, rax_before);
}

static void both_are_served(void **state)
{
	PUT(CODE, 0x0f, 0x01, 0xc1);
	run_at(CODE, 0);
	is_served(CODE + 3, -1000ll);
	PUT(CODE, 0x0f, 0x01, 0xd9);
	run_at(CODE, 0);
	is_served(CODE + 3, -1000ll);
}

static void prefixed(void **state)
{
	PUT(CODE, 0x66, 0x0f, 0x01, 0xc1);
	run_at(CODE, 0);
	is_served(CODE + 4, -1000ll);
	PUT(CODE, 0xf3, 0x48, 0x0f, 0x01, 0xd9);
	run_at(CODE, 0);
	is_served(CODE + 5, -1000ll);
	/* LOCK makes it undefined. */
	PUT(CODE, 0xf0, 0x0f, 0x01, 0xc1);
	run_at(CODE, 0);
	is_undefined(CODE);
	PUT(CODE, 0x66, 0xf0, 0x0f, 0x01, 0xd9);
	run_at(CODE, 0);
	is_undefined(CODE);
	/* 15 bytes are the most. */
	memset(memory + CODE, 0x66, 15);
	PUT(CODE + 12, 0x0f, 0x01, 0xc1);
	run_at(CODE, 0);
	is_served(CODE + 15, -1000ll);
	memset(memory + CODE, 0x66, 16);
	PUT(CODE + 13, 0x0f, 0x01, 0xc1);
	run_at(CODE, 0);
	is_undefined(CODE);
}

static void others_keep_theirs(void **state)
{
	static const u8 others[][4] = {
		{ 0x0f, 0x0b }, /* UD2 */
		{ 0x0f, 0xff, 0xc1 }, { 0x0f, 0xb9, 0xc1 }, /* UD0, UD1 */
		{ 0x06 }, /* PUSH ES */
		{ 0x0f, 0x01, 0xc0 }, { 0x0f, 0x01, 0xc2 }, { 0x0f, 0x01, 0xd8 },
		{ 0x0f, 0x01, 0xda }, { 0x0f, 0x01, 0x01 }, /* SGDT */
		{ 0x0f, 0x00, 0xc1 }, { 0x01, 0xc1 }, { 0x01, 0xd9 },
		{ 0xc5, 0xf8, 0x01, 0xc1 }, /* VEX with the same opcode and ModRM */
		{ 0x0f, 0x38, 0x01, 0xc1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		memset(memory + CODE, 0x90, 16);
		memcpy(memory + CODE, others[i], 4);
		run_at(CODE, 0);
		is_undefined(CODE);
	}
}

static void by_privilege(void **state)
{
	PUT(CODE, 0x0f, 0x01, 0xd9);
	run_at(CODE, 3);
	is_served(CODE + 3, -1ll);
	PUT(CODE, 0x0f, 0x0b);
	run_at(CODE, 3);
	is_undefined(CODE);
}

static void real_mode(void **state)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = 0x100, .rax = rax_before, .rflags = RFLAGS_ONE };

	assert_int_equal(call(KVM_GET_SREGS, &s), 0);
	s.cs.base = CODE - 0x100;
	s.cs.selector = (CODE - 0x100) >> 4;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_SET_REGS, &r), 0);
	PUT(CODE, 0x0f, 0x01, 0xc1);
	run_it();
	is_served(0x103, (u32)-1000);
	PUT(CODE, 0x0f, 0x0b);
	assert_int_equal(call(KVM_SET_REGS, &r), 0);
	run_it();
	is_undefined(0x100);
}

/* The last bytes before a page that is not there. */
static void page_end(void **state)
{
	u64 end = CODE + PAGE;

	*entry(3, end >> 12) = 0;
	PUT(end - 3, 0x0f, 0x01, 0xc1);
	run_at(end - 3, 0);
	is_served(end, -1000ll);
	/* Invalid already by what is there, or only to us not whole: UD0 has no ModRM on some. */
	PUT(end - 2, 0x0f, 0x0b);
	run_at(end - 2, 0);
	is_undefined(end - 2);
	PUT(end - 2, 0x0f, 0xff);
	run_at(end - 2, 0);
	is_undefined(end - 2);
	assert_int_equal(cr2_after, 0x2222);
	PUT(end - 1, 0x06);
	run_at(end - 1, 0);
	is_undefined(end - 1);
	/* Over two pages. */
	*entry(3, end >> 12) = 0x7000 | 7;
	PUT(end - 2, 0x0f, 0x01);
	PUT(0x7000, 0xd9);
	run_at(end - 2, 0);
	is_served(end + 1, -1000ll);
}

/* ---- another processor was faster ---------------------------------------------------------------- */

static void unmaps(void)
{
	*entry(3, CODE >> 12) = 0;
}

static void maps_nothing(void)
{
	*entry(3, CODE >> 12) = (u64)LARGE | 0x100000007;
}

static void breaks_the_tables(void)
{
	*entry(0, 0) |= 1ull << 51;
}

static void writes_another(void)
{
	PUT(CODE, 0x0f, 0x0b);
}

static void code_is_gone(void **state)
{
	static void (*const ways[])(void) = { unmaps, maps_nothing, breaks_the_tables,
					      writes_another };

	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		PUT(CODE, 0x0f, 0x01, 0xc1);
		*entry(3, CODE >> 12) = CODE | 7;
		meanwhile = ways[i];
		run_at(CODE, 0);
		is_undefined(CODE);
		assert_int_equal(cr2_after, 0x2222);
	}
}

/* ---- single steps, shadows ------------------------------------------------------------------------ */

static void trap_flag(void **state)
{
	struct kvm_regs r = { .rip = CODE, .rax = rax_before, .rflags = RFLAGS_ONE | RFLAGS_TF };

	PUT(CODE, 0x0f, 0x01, 0xd9);
	long_mode(CODE, 0);
	assert_int_equal(call(KVM_SET_REGS, &r), 0);
	run_it();
	assert_int_equal(got.type, EVENT_EXCEPTION);
	assert_int_equal(got.vector, VECTOR_DB);
	assert_int_equal(after.rip, CODE + 3);
	assert_int_equal(rax_after, -1000ll);
}

#define AT_CODE(name) cmocka_unit_test_setup_teardown(name, setup_code, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_CODE(both_are_served), AT_CODE(prefixed), AT_CODE(others_keep_theirs),
		AT_CODE(by_privilege), AT_CODE(real_mode), AT_CODE(page_end),
		AT_CODE(code_is_gone), AT_CODE(trap_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
