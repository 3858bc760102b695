// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* The trace: every exit leaves one record, in order, and none is lost. */
#include "model_test.h"
#include "core/x86/regs.h"

#define KERNEL 0xffff888000000000ull
#define ROOM SWIVL_TRACE_ROOM

static int vm, vcpu;
static struct swivl_trace_record records[ROOM + 1];

static int setup(void **state)
{
	model_reset();
	vm = new_vm();
	vcpu = new_vcpu(vm, 0);
	return 0;
}

static long run(void)
{
	return model_ioctl(vcpu, KVM_RUN, 0);
}

static long take(u32 room)
{
	struct swivl_trace t = { .records = (u64)records, .room = room };

	memset(records, 0xee, sizeof(records));
	return model_call(vcpu, SWIVL_GET_TRACE, &t);
}

static void trace(u64 on)
{
	assert_int_equal(model_ioctl(vcpu, SWIVL_SET_TRACE, on), 0);
}

/* ---- the requests ---------------------------------------------------------------------------- */

static void arguments(void **state)
{
	struct swivl_trace t = { .records = (u64)records, .room = ROOM };

	assert_int_equal(take(ROOM), 0); /* never asked for */
	assert_int_equal(model_ioctl(vcpu, SWIVL_SET_TRACE, 2), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vcpu, SWIVL_SET_TRACE, ~0ull), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vm, SWIVL_SET_TRACE, 1), -SWIVL_ENOTTY);
	assert_int_equal(model_call(vm, SWIVL_GET_TRACE, &t), -SWIVL_ENOTTY);
	assert_int_equal(model_ioctl(MODEL_SYSTEM, SWIVL_SET_TRACE, 1), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vcpu, SWIVL_SET_TRACE, 0), 0);
	model_fail_alloc = 1;
	assert_int_equal(model_ioctl(vcpu, SWIVL_SET_TRACE, 1), -SWIVL_ENOMEM);
	assert_int_equal(run(), 0); /* not traced, and no harm */
	assert_int_equal(take(ROOM), 0);
	trace(1);
	assert_int_equal(run(), 0);
	t.reserved = 1;
	assert_int_equal(model_call(vcpu, SWIVL_GET_TRACE, &t), -SWIVL_EINVAL);
	assert_int_equal(model_ioctl(vcpu, SWIVL_GET_TRACE, KERNEL), -SWIVL_EFAULT);
	assert_int_equal(take(0), 0);
	assert_int_equal(take(~0u), 1);
}

static void memory_is_counted(void **state)
{
	struct swivl_stats before, after;

	assert_int_equal(model_call(vcpu, SWIVL_GET_STATS, &before), 0);
	trace(1);
	assert_int_equal(model_call(vcpu, SWIVL_GET_STATS, &after), 0);
	assert_in_range(after.memory - before.memory, ROOM * sizeof(records[0]),
			(ROOM + 4) * sizeof(records[0]));
}

/* Records for which the caller has no memory wait for a better address. */
static void nothing_is_lost_to_a_bad_pointer(void **state)
{
	char *page = caller_memory(2 * PAGE);
	struct swivl_trace t = { .room = 2 };

	munmap(page + PAGE, PAGE);
	trace(1);
	assert_int_equal(run(), 0);
	assert_int_equal(run(), 0);
	t.records = KERNEL;
	assert_int_equal(model_call(vcpu, SWIVL_GET_TRACE, &t), -SWIVL_EFAULT);
	t.records = (u64)page + PAGE - sizeof(records[0]);
	assert_int_equal(model_call(vcpu, SWIVL_GET_TRACE, &t), -SWIVL_EFAULT);
	t.room = 1;
	assert_int_equal(model_call(vcpu, SWIVL_GET_TRACE, &t), 1);
	assert_int_equal(take(ROOM), 1);
	assert_int_equal(records[0].number, 1);
	munmap(page, PAGE);
}

/* ---- what is recorded ------------------------------------------------------------------------ */

static const struct exit *script;
static unsigned int at;

static void plays(struct vcpu *v, struct model_hw *hw)
{
	hw->state.rip = 0x1000 + 16 * at;
	hw->rsp = 0x7777;
	v->gpr[RAX] = 0x1111aaaa0000;
	v->gpr[RBX] = 0xbbbb;
	v->gpr[RCX] = 0xcccc00000010;
	v->gpr[RDX] = 0x22220000dddd;
	v->exit = script[at++];
}

/* Runs the exits, of which the last returns, and takes their records: all, then nothing more. */
static void play(const struct exit *exits, unsigned int n)
{
	script = exits;
	at = 0;
	model_guest = plays;
	assert_int_equal(run(), 0);
	assert_int_equal(at, n);
	assert_int_equal(take(ROOM), n);
}

static void expect(unsigned int i, u8 kind, u16 flags, u64 what, u64 value)
{
	const struct swivl_trace_record *r = &records[i];

	if (r->kind != kind || r->flags != flags || r->what != what || r->value != value)
		fail_msg("record %u: kind %u, flags %#x, what %#llx, value %#llx", i, r->kind,
			 r->flags, r->what, r->value);
	assert_int_equal(r->rip, 0x1000 + 16 * i);
}

#define LAST { .kind = EXIT_HLT, .length = 1 }

static void each_exit_in_order(void **state)
{
	static const struct exit exits[] = {
		{ .kind = EXIT_CPUID, .length = 2, .hw_reason = 10 },
		{ .kind = EXIT_INTERRUPT, .hw_reason = 1 },
		{ .kind = EXIT_MSR_READ, .length = 2, .hw_reason = 31, .hw_info = { 5, 6 } },
		LAST,
	};

	trace(1);
	model_time_ns = 4000;
	play(exits, 4);
	expect(0, SWIVL_EXIT_CPUID, 0, 0xaaaa0000, 0x10);
	assert_int_equal(records[0].length, 2);
	assert_int_equal(records[0].reason, 10);
	assert_int_equal(records[0].time, 4000);
	expect(1, SWIVL_EXIT_INTERRUPT, 0, 0, 0);
	assert_int_equal(records[1].reason, 1);
	expect(2, SWIVL_EXIT_MSR_READ, 0, 0x10, 0);
	assert_int_equal(records[2].info[0], 5);
	assert_int_equal(records[2].info[1], 6);
	expect(3, SWIVL_EXIT_HLT, SWIVL_TRACE_RETURNED, 0, 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(records[i].number, i);
	assert_int_equal(take(ROOM), 0);
}

static void details(void **state)
{
	static const struct exit exits[] = {
		{ .kind = EXIT_MSR_WRITE, .length = 2 },
		{ .kind = EXIT_CR, .length = 3, .cr = { 3, CR_WRITE, RSP } },
		{ .kind = EXIT_CR, .length = 3, .cr = { 3, CR_READ, RBX } },
		{ .kind = EXIT_CR, .length = 3, .cr = { 0, CR_LMSW, 0, 0xe } },
		{ .kind = EXIT_DR, .length = 3, .dr = { 7, RBX } },
		{ .kind = EXIT_DR, .length = 3, .dr = { 6, RSI, true } },
		{ .kind = EXIT_HYPERCALL, .length = 3 },
		{ .kind = EXIT_XSETBV, .length = 3 },
		LAST,
	};

	trace(1);
	play(exits, 9);
	expect(0, SWIVL_EXIT_MSR_WRITE, 0, 0x10, 0xddddaaaa0000);
	expect(1, SWIVL_EXIT_CR, SWIVL_TRACE_WRITE, 3, 0x7777);
	expect(2, SWIVL_EXIT_CR, SWIVL_TRACE_READ, 3, 0);
	expect(3, SWIVL_EXIT_CR, SWIVL_TRACE_WRITE, 0, 0xe);
	expect(4, SWIVL_EXIT_DR, SWIVL_TRACE_WRITE, 7, 0xbbbb);
	expect(5, SWIVL_EXIT_DR, SWIVL_TRACE_READ, 6, 0);
	expect(6, SWIVL_EXIT_HYPERCALL, 0, 0x1111aaaa0000, 0xbbbb);
	expect(7, SWIVL_EXIT_XSETBV, 0, 0x10, 0xddddaaaa0000);
}

static void ports(void **state)
{
	static const struct exit exits[] = {
		{ .kind = EXIT_IO, .length = 1, .io = { .port = 0x3f8, .size = 4 } },
		{ .kind = EXIT_IO, .length = 1, .io = { .port = 0x71, .size = 1, .in = true } },
	};

	trace(1);
	play(&exits[0], 1);
	expect(0, SWIVL_EXIT_IO, SWIVL_TRACE_WRITE | SWIVL_TRACE_RETURNED, 0x403f8, 0xaaaa0000);
	play(&exits[1], 1);
	expect(0, SWIVL_EXIT_IO, SWIVL_TRACE_READ | SWIVL_TRACE_RETURNED, 0x10071, 0);
}

/* The first touch of a page is handled out of the section: still one record. */
static void faults(void **state)
{
	static const struct exit exits[] = {
		{ .kind = EXIT_NESTED_FAULT,
		  .fault = { .gpa = 0x5008, .gva = 0x7000, .gva_valid = true,
			     .access = ACCESS_READ | ACCESS_WRITE } },
		{ .kind = EXIT_NESTED_FAULT, .fault = { .gpa = 0x6000, .access = ACCESS_EXEC } },
		LAST,
	};

	assert_int_equal(set_slot(vm, 0, 0, 0, LARGE, caller_memory(LARGE)), 0);
	trace(1);
	play(exits, 3);
	expect(0, SWIVL_EXIT_NESTED_FAULT,
	       SWIVL_TRACE_READ | SWIVL_TRACE_WRITE | SWIVL_TRACE_LINEAR, 0x5008, 0x7000);
	expect(1, SWIVL_EXIT_NESTED_FAULT, SWIVL_TRACE_EXECUTE, 0x6000, 0);
	expect(2, SWIVL_EXIT_HLT, SWIVL_TRACE_RETURNED, 0, 0);
}

static void on_and_off(void **state)
{
	trace(1);
	assert_int_equal(run(), 0);
	trace(0);
	assert_int_equal(run(), 0);
	trace(1);
	assert_int_equal(run(), 0);
	assert_int_equal(take(ROOM), 2);
	assert_int_equal(records[0].number, 0);
	assert_int_equal(records[1].number, 1);
	trace(0);
	assert_int_equal(run(), 0);
	assert_int_equal(take(ROOM), 0);
}

/* ---- a full ring ------------------------------------------------------------------------------ */

static unsigned int exits_to_do, exits_done;

static void many(struct vcpu *v, struct model_hw *hw)
{
	exits_done++;
	v->gpr[RAX] = exits_done;
	v->exit = (struct exit){ .kind = exits_to_do-- ? EXIT_CPUID : EXIT_HLT, .length = 1 };
}

/* Takes them in pieces of this many: all have to come, however they wrap around. */
static void all_of(unsigned int exits, u32 piece)
{
	const u64 *before = model_vcpu(vcpu)->exits;
	u32 next = 0, first = before[EXIT_CPUID] + before[EXIT_HLT];
	bool ended = false;
	long ret, n = 0;

	exits_to_do = exits;
	exits_done = 0;
	model_guest = many;
	while (!ended || n) {
		if (!ended) {
			ret = run();
			assert_true(ret == 0 || ret == -SWIVL_EAGAIN);
			ended = !ret;
		}
		n = take(piece);
		for (long i = 0; i < n; i++, next++) {
			assert_int_equal(records[i].number, first + next);
			if (next < exits)
				assert_int_equal(records[i].what, next + 1);
			assert_int_equal(records[i].kind,
					 next < exits ? SWIVL_EXIT_CPUID : SWIVL_EXIT_HLT);
		}
		assert_int_equal(records[n].number, 0xeeeeeeee); /* not one more was written */
	}
	assert_int_equal(next, exits + 1);
	assert_int_equal(exits_done, exits + 1);
}

static void a_full_ring_loses_nothing(void **state)
{
	trace(1);
	all_of(10 * ROOM + 17, ROOM);
	all_of(3 * ROOM, 100);
	all_of(ROOM + 3, 1);
	all_of(ROOM - 1, ROOM); /* the last exit fills it, and returns as it always does */
	all_of(ROOM, ROOM);
}

static void a_full_ring_waits(void **state)
{
	trace(1);
	model_guest = many;
	exits_to_do = 10 * ROOM;
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(), -SWIVL_EAGAIN);
	assert_int_equal(model_entries, ROOM);
	assert_int_equal(take(1), 1);
	assert_int_equal(run(), -SWIVL_EAGAIN);
	assert_int_equal(model_entries, ROOM + 1);
	/* Who does not want the rest is not held up by it. */
	trace(0);
	assert_int_equal(run(), 0);
	assert_int_equal(model_entries, 10 * ROOM + 1);
	assert_int_equal(take(ROOM), ROOM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arguments),
		TEST(memory_is_counted),
		TEST(nothing_is_lost_to_a_bad_pointer),
		TEST(each_exit_in_order),
		TEST(details),
		TEST(ports),
		TEST(faults),
		TEST(on_and_off),
		TEST(a_full_ring_loses_nothing),
		TEST(a_full_ring_waits),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
