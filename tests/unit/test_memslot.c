// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
// libs: -pthread
/* Memory slots, faults, and the log of what was written; through the requests and below. */
#include <pthread.h>
#include <unistd.h>
#include "model_test.h"

#define SIZE (8 * LARGE)

static int vm_handle;
static struct vm *vm;
static char *memory;

static int setup(void **state)
{
	model_reset();
	vm_handle = new_vm();
	vm = model_vm(vm_handle);
	memory = caller_memory(SIZE);
	return 0;
}

static int teardown(void **state)
{
	int failed = model_teardown(state);

	munmap(memory, SIZE);
	return failed;
}

static long slot(u32 id, u32 flags, u64 gpa, u64 size, const void *mem)
{
	return set_slot(vm_handle, id, flags, gpa, size, mem);
}

/* ---- KVM_SET_USER_MEMORY_REGION ------------------------------------------------------------- */

static void refuses_nonsense(void **state)
{
	const u64 m = (u64)memory;
	const struct kvm_userspace_memory_region bad[] = {
		{ 0, 4, 0, PAGE, m }, /* unknown flag */
		{ 0, 0x80000000, 0, PAGE, m },
		{ 0, 0, 0x800, PAGE, m }, /* unaligned */
		{ 0, 0, 0, PAGE + 1, m },
		{ 0, 0, 0, PAGE, m + 1 },
		{ VM_MAX_SLOTS, 0, 0, PAGE, m },
		{ 1 << 16, 0, 0, PAGE, m }, /* another address space */
		{ 0xffffffff, 0, 0, PAGE, m },
		{ 0, 0, ~0xfffull, PAGE, m }, /* wraps to 0 */
		{ 0, 0, ~0xfffull, 2 * PAGE, m },
		{ 0, 0, PAGE, ~0xfffull, m },
		{ 0, 0, 1ull << 40, PAGE, m }, /* beyond what the second level translates */
		{ 0, 0, (1ull << 40) - PAGE, 2 * PAGE, m },
		{ 0, 0, 0, PAGE, 0xffff800000000000 }, /* the kernel's half */
		{ 0, 0, 0, PAGE, 1ull << 47 },
		{ 0, 0, 0, 2 * PAGE, (1ull << 47) - PAGE },
		{ 0, 0, 0, 1ull << 44, m },
		{ 0, 0, 0, 0, m }, /* remove what is not there */
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (model_call(vm_handle, KVM_SET_USER_MEMORY_REGION, &bad[i]) != -SWIVL_EINVAL)
			fail_msg("region %u was not refused", i);
	}
	assert_int_equal(vm->nslots, 0);
	assert_int_equal(model_ioctl(vm_handle, KVM_SET_USER_MEMORY_REGION, 0), -SWIVL_EFAULT);
	assert_int_equal(model_ioctl(vm_handle, KVM_SET_USER_MEMORY_REGION, 0xffff800000000000),
			 -SWIVL_EFAULT);
}

static void slots_do_not_overlap(void **state)
{
	assert_int_equal(slot(0, 0, 0x10000, 0x10000, memory), 0);
	assert_int_equal(slot(1, 0, 0x1f000, PAGE, memory), -SWIVL_EEXIST);
	assert_int_equal(slot(1, 0, 0xf000, 2 * PAGE, memory), -SWIVL_EEXIST);
	assert_int_equal(slot(1, 0, 0, 0x100000, memory), -SWIVL_EEXIST);
	assert_int_equal(slot(1, 0, 0xf000, PAGE, memory), 0);
	assert_int_equal(slot(2, 0, 0x20000, PAGE, memory), 0);
	/* Moving: against others, not against itself. */
	assert_int_equal(slot(0, 0, 0x11000, 0x10000, memory), -SWIVL_EEXIST);
	assert_int_equal(slot(2, 0, 0x30000, PAGE, memory), 0);
	assert_int_equal(slot(0, 0, 0x11000, 0x10000, memory), 0);
	assert_int_equal(vm->nslots, 3);
}

static void what_a_slot_may_change(void **state)
{
	assert_int_equal(slot(7, 0, 0, 4 * PAGE, memory), 0);
	assert_int_equal(slot(7, 0, 0, 4 * PAGE, memory), 0);
	assert_int_equal(slot(7, 0, 0, 5 * PAGE, memory), -SWIVL_EINVAL);
	assert_int_equal(slot(7, 0, 0, 4 * PAGE, memory + PAGE), -SWIVL_EINVAL);
	assert_int_equal(slot(7, KVM_MEM_READONLY, 0, 4 * PAGE, memory), -SWIVL_EINVAL);
	assert_int_equal(slot(7, KVM_MEM_LOG_DIRTY_PAGES, 0, 4 * PAGE, memory), 0);
	assert_int_equal(slot(7, 0, 0x8000, 4 * PAGE, memory), 0);
	assert_null(vm_find_slot(vm, 0x7fff));
	assert_non_null(vm_find_slot(vm, 0x8000));
	assert_non_null(vm_find_slot(vm, 0xbfff));
	assert_null(vm_find_slot(vm, 0xc000));
	assert_int_equal(slot(7, 0, 0, 0, memory), 0);
	assert_int_equal(vm->nslots, 0);
}

static void finds_among_many(void **state)
{
	unsigned int i;

	/* In an order that is not theirs. */
	for (i = 0; i < VM_MAX_SLOTS; i++) {
		u64 at = (i * 197) % VM_MAX_SLOTS;

		assert_int_equal(slot(i, 0, at * 2 * PAGE, PAGE, memory), 0);
	}
	for (i = 0; i < VM_MAX_SLOTS; i++) {
		u64 at = (i * 197) % VM_MAX_SLOTS * 2 * PAGE;
		const struct memslot *s = vm_find_slot(vm, at + 5);

		assert_non_null(s);
		assert_int_equal(s->id, i);
		assert_null(vm_find_slot(vm, at + PAGE));
	}
	assert_int_equal(slot(VM_MAX_SLOTS, 0, 1 << 30, PAGE, memory), -SWIVL_EINVAL);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static int fault(u64 gpa, u8 access)
{
	int ret;

	host_read_lock(&vm->mem_lock);
	ret = vm_fault_in(vm, gpa, access);
	host_read_unlock(&vm->mem_lock);
	return ret;
}

static int fast(u64 gpa, u8 access)
{
	int ret;

	host_read_lock(&vm->mem_lock);
	ret = vm_fault_fast(vm, gpa, access);
	host_read_unlock(&vm->mem_lock);
	return ret;
}

static u64 value;

static u64 leaf(u64 gpa)
{
	unsigned int level;
	u64 *entry = stage2_find(&vm->stage2, gpa, &level, &value);

	return entry ? *entry : 0;
}

#define WRITABLE 0x2
#define EXECUTABLE 0x400

static void a_fault_brings_the_neighbours(void **state)
{
	slot(0, 0, 0x100000, 0x25000, memory + PAGE); /* not congruent: no large pages */
	assert_int_equal(fast(0x100123, ACCESS_READ), -SWIVL_EAGAIN);
	assert_int_equal(fault(0x100123, ACCESS_READ), 0);
	assert_int_equal(model_pins, 16);
	assert_true(leaf(0x100000) & WRITABLE);
	assert_int_equal(leaf(0x100000) & STAGE2_ADDR, (u64)memory + PAGE);
	assert_int_not_equal(leaf(0x10f000), 0);
	assert_int_equal(leaf(0x110000), 0);
	assert_int_equal(fast(0x10ffff, ACCESS_WRITE), 0);
	/* The last window is cut by the end of the slot. */
	assert_int_equal(fault(0x124000, ACCESS_WRITE), 0);
	assert_int_equal(model_pins, 16 + 5);
	assert_int_equal(fault(0x125000, ACCESS_READ), 1);
	assert_int_equal(fault(0xfffff, ACCESS_READ), 1);
}

static void a_hole_in_the_callers_memory(void **state)
{
	slot(0, 0, 0, 0x40000, memory + PAGE);
	munmap(memory + PAGE + 0x3000, PAGE);
	assert_int_equal(fault(0x3000, ACCESS_READ), -SWIVL_EFAULT);
	assert_int_equal(model_pins, 0);
	assert_int_equal(fault(0x1000, ACCESS_READ), 0);
	assert_int_equal(model_pins, 3);
	assert_int_equal(fault(0x5000, ACCESS_WRITE), 0);
	assert_int_not_equal(leaf(0x5000), 0);
	assert_int_equal(leaf(0x3000), 0);
	assert_int_equal(fault(0x3000, ACCESS_WRITE), -SWIVL_EFAULT);
}

static void memory_that_the_caller_may_only_read(void **state)
{
	slot(0, 0, 0, 0x10000, memory + PAGE);
	mprotect(memory + PAGE, 0x10000, PROT_READ);
	assert_int_equal(fault(0x2000, ACCESS_WRITE), -SWIVL_EFAULT);
	assert_int_equal(fault(0x2000, ACCESS_READ), 0);
	assert_false(leaf(0x2000) & WRITABLE);
	assert_int_equal(fault(0x2000, ACCESS_WRITE), -SWIVL_EFAULT);
	assert_int_equal(fast(0x2000, ACCESS_WRITE), -SWIVL_EFAULT);
}

static void read_only_slots(void **state)
{
	slot(0, KVM_MEM_READONLY, 0, 0x10000, memory + PAGE);
	assert_int_equal(fault(0x2000, ACCESS_WRITE), 1);
	assert_int_equal(fast(0x2000, ACCESS_WRITE), 1);
	assert_int_equal(fault(0x2000, ACCESS_READ), 0);
	assert_false(leaf(0x2000) & (WRITABLE | STAGE2_PINNED_WRITE));
	assert_int_equal(fault(0x2000, ACCESS_WRITE), 1);
	assert_int_equal(fast(0x2000, ACCESS_WRITE), 1);
	assert_int_equal(vm_write_guest(vm, 0x2000, "x", 1, true), -SWIVL_EFAULT);
}

static void large_pages(void **state)
{
	unsigned int level;

	slot(0, 0, LARGE, 2 * LARGE, memory);
	assert_int_equal(fault(LARGE + 0x12345, ACCESS_READ), 0);
	assert_non_null(stage2_find(&vm->stage2, 2 * LARGE - 1, &level, &value));
	assert_int_equal(level, 2);
	assert_int_equal(model_pins, 512);
	assert_true(leaf(LARGE) & WRITABLE);
	/* Logging goes by single pages: the large one must not stay. */
	assert_int_equal(slot(0, KVM_MEM_LOG_DIRTY_PAGES, LARGE, 2 * LARGE, memory), 0);
	assert_int_equal(model_pins, 0);
	assert_true(vm->stage2.generation > 0);
	assert_int_equal(fault(LARGE, ACCESS_READ), 0);
	assert_non_null(stage2_find(&vm->stage2, LARGE, &level, &value));
	assert_int_equal(level, 1);
}

/* Where the processor must not execute from large pages, they are split when the guest tries. */
static void large_pages_are_split(void **state)
{
	unsigned int level;
	u64 *old;

	vm->stage2.no_large_exec = true;
	slot(0, 0, LARGE, LARGE, memory);
	assert_int_equal(fault(LARGE, ACCESS_WRITE), 0);
	assert_false(leaf(LARGE) & EXECUTABLE);
	old = stage2_find(&vm->stage2, LARGE, &level, &value);
	assert_int_equal(level, 2);
	assert_int_equal(fast(LARGE + 0x3456, ACCESS_EXEC), -SWIVL_EAGAIN);
	assert_int_equal(fault(LARGE + 0x3456, ACCESS_EXEC), 0);
	/* Who found the large one before still knows where the memory is; a second split is none. */
	assert_int_equal(stage2_leaf_pa(value, 2, 0x3456), (u64)memory + 0x3456);
	assert_int_equal(stage2_split(&vm->stage2, old, 2, value), 0);
	for (u64 at = LARGE; at < 2 * LARGE; at += PAGE) {
		assert_non_null(stage2_find(&vm->stage2, at, &level, &value));
		assert_int_equal(level, 1);
		assert_int_equal(value & (EXECUTABLE | WRITABLE), EXECUTABLE | WRITABLE);
		assert_int_equal(stage2_leaf_pa(value, 1, at), (u64)memory + at - LARGE);
	}
	assert_int_equal(fast(LARGE + 0x3456, ACCESS_EXEC), 0);
	assert_int_equal(model_pins, 512);
	slot(0, 0, LARGE, 0, memory);
	assert_int_equal(model_pins, 0);
}

static void no_large_page_over_the_end(void **state)
{
	unsigned int level;

	slot(0, 0, 0, LARGE - PAGE, memory);
	assert_int_equal(fault(0, ACCESS_READ), 0);
	assert_non_null(stage2_find(&vm->stage2, 0, &level, &value));
	assert_int_equal(level, 1);
	assert_int_equal(model_pins, 16);
}

static void removal_unmaps_and_flushes(void **state)
{
	slot(0, 0, 0, 0x10000, memory + PAGE);
	slot(1, 0, 0x10000, 0x10000, memory + PAGE);
	fault(0, ACCESS_WRITE);
	fault(0x10000, ACCESS_WRITE);
	assert_int_equal(model_pins, 32);
	assert_int_equal(slot(0, 0, 0, 0, memory), 0);
	assert_int_equal(model_pins, 16);
	assert_int_equal(vm->stage2.generation, 1);
	assert_int_equal(leaf(0), 0);
	assert_int_not_equal(leaf(0x10000), 0);
	/* Moving takes the old place away. */
	assert_int_equal(slot(1, 0, 0, 0x10000, memory + PAGE), 0);
	assert_int_equal(leaf(0x10000), 0);
	assert_int_equal(model_pins, 0);
}

static void pinning_may_fail(void **state)
{
	slot(0, 0, 0, 0x10000, memory + PAGE);
	model_fail_pin = 1;
	fault(0x3000, ACCESS_READ);
	model_fail_pin = 0;
	assert_int_equal(fault(0x3000, ACCESS_READ), 0);
	long n;

	for (n = 1; n < 6; n++) {
		slot(1, 0, 0x40000000, 2 * LARGE, memory);
		model_fail_alloc = n;
		fault(0x40000000, ACCESS_READ);
		model_fail_alloc = 0;
		slot(1, 0, 0, 0, memory);
	}
}

/* ---- against a vCPU that runs ---------------------------------------------------------------- */

static volatile bool in_guest, let_go, changed;

static void stays_in_the_guest(struct vcpu *v, struct model_hw *hw)
{
	in_guest = true;
	while (!let_go)
		usleep(1000);
}

static void *runs(void *handle)
{
	return (void *)model_ioctl((int)(long)handle, KVM_RUN, 0);
}

static void *changes(void *arg)
{
	long err = slot(0, 0, 0, 0, NULL);

	changed = true;
	return (void *)err;
}

static void changes_wait_for_sections_and_sections_for_changes(void **state)
{
	long vcpu = new_vcpu(vm_handle, 0);
	pthread_t runner, changer;
	void *err;

	slot(0, 0, 0x10000, 0x4000, memory);
	in_guest = let_go = changed = false;
	model_guest = stays_in_the_guest;
	assert_int_equal(pthread_create(&runner, NULL, runs, (void *)vcpu), 0);
	while (!in_guest)
		usleep(1000);
	model_kicks = 0;
	assert_int_equal(pthread_create(&changer, NULL, changes, NULL), 0);
	usleep(50000);
	assert_false(changed);
	assert_int_equal(model_kicks, 1);
	let_go = true;
	pthread_join(changer, &err);
	assert_null(err);
	pthread_join(runner, &err);
	assert_null(err);

	in_guest = false;
	model_loads = 0;
	vm_memory_lock(vm);
	assert_int_equal(pthread_create(&runner, NULL, runs, (void *)vcpu), 0);
	usleep(50000);
	assert_int_equal(model_loads, 0);
	vm_memory_unlock(vm);
	pthread_join(runner, &err);
	assert_null(err);
	assert_true(in_guest);
}

/* ---- our own reads and writes ------------------------------------------------------------------ */

static void reads_and_writes_cross_pages(void **state)
{
	char buf[3 * PAGE];
	unsigned int i;

	slot(0, 0, 0x10000, 0x4000, memory);
	slot(1, 0, 0x14000, 0x4000, memory + 0x100000);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i * 7;
	host_read_lock(&vm->mem_lock);
	assert_int_equal(vm_write_guest(vm, 0x12345, buf, sizeof(buf), false), -SWIVL_EAGAIN);
	assert_int_equal(vm_write_guest(vm, 0x12345, buf, sizeof(buf), true), 0);
	assert_memory_equal(memory + 0x2345, buf, 0x4000 - 0x2345);
	assert_memory_equal(memory + 0x100000, buf + (0x4000 - 0x2345),
			    sizeof(buf) - (0x4000 - 0x2345));
	memset(buf, 0, sizeof(buf));
	assert_int_equal(vm_read_guest(vm, 0x12346, buf, 100, false), 0);
	assert_int_equal(buf[0], 7);
	assert_int_equal(vm_read_guest(vm, 0x17fff, buf, 2, true), -SWIVL_EFAULT);
	assert_int_equal(vm_read_guest(vm, ~0ull, buf, 2, true), -SWIVL_EFAULT);
	assert_int_equal(vm_read_guest(vm, 0xffff, buf, 2, true), -SWIVL_EFAULT);
	host_read_unlock(&vm->mem_lock);
}

/* ---- the log -------------------------------------------------------------------------------------- */

static long get_log(u32 id, void *bitmap)
{
	struct kvm_dirty_log log = { .slot = id, .dirty_bitmap = bitmap };

	return model_call(vm_handle, KVM_GET_DIRTY_LOG, &log);
}

static long clear_log(u32 id, u64 first, u32 n, const void *bitmap)
{
	struct kvm_clear_dirty_log log = { .slot = id, .num_pages = n, .first_page = first,
					   .dirty_bitmap = (void *)bitmap };

	return model_call(vm_handle, KVM_CLEAR_DIRTY_LOG, &log);
}

static void writes_are_logged(void **state)
{
	u64 bits[2];

	slot(3, KVM_MEM_LOG_DIRTY_PAGES, 0x100000, 100 * PAGE, memory);
	assert_int_equal(fault(0x100000, ACCESS_READ), 0);
	assert_false(leaf(0x100000) & WRITABLE);
	assert_int_equal(get_log(3, bits), 0);
	assert_int_equal(bits[0] | bits[1], 0);

	assert_int_equal(fault(0x100000 + 70 * PAGE, ACCESS_WRITE), 0);
	assert_int_equal(fast(0x102000, ACCESS_WRITE), 0); /* no pinning for that */
	assert_true(leaf(0x102000) & WRITABLE);
	assert_int_equal(vm_write_guest(vm, 0x105ff8, "12345678", 8, true), 0);
	assert_int_equal(get_log(3, bits), 0);
	assert_int_equal(bits[0], 1ull << 2 | 1ull << 5);
	assert_int_equal(bits[1], 1ull << 6);
	/* What was told begins anew: the next write faults and is told again. */
	assert_false(leaf(0x102000) & WRITABLE);
	assert_true(vm->stage2.generation > 0);
	assert_int_equal(get_log(3, bits), 0);
	assert_int_equal(bits[0] | bits[1], 0);
	assert_int_equal(fast(0x102000, ACCESS_WRITE), 0);
	assert_int_equal(get_log(3, bits), 0);
	assert_int_equal(bits[0], 1ull << 2);
}

static void a_write_over_two_pages_is_logged_in_both(void **state)
{
	u64 bits[1];

	slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 8 * PAGE, memory);
	assert_int_equal(vm_write_guest(vm, 0x2ffc, "12345678", 8, true), 0);
	assert_int_equal(get_log(0, bits), 0);
	assert_int_equal(bits[0], 0xc);
}

static void log_errors(void **state)
{
	u64 bits[2] = { 0 };

	slot(0, 0, 0, PAGE, memory);
	assert_int_equal(get_log(0, bits), -SWIVL_ENOENT);
	assert_int_equal(get_log(1, bits), -SWIVL_ENOENT);
	assert_int_equal(get_log(VM_MAX_SLOTS, bits), -SWIVL_EINVAL);
	assert_int_equal(get_log(1 << 16, bits), -SWIVL_EINVAL);
	slot(1, KVM_MEM_LOG_DIRTY_PAGES, 0x10000, 100 * PAGE, memory);
	assert_int_equal(get_log(1, NULL), -SWIVL_EFAULT);
	assert_int_equal(get_log(1, (void *)0xffff800000000000), -SWIVL_EFAULT);
	assert_int_equal(clear_log(0, 0, 1, bits), -SWIVL_ENOENT);
	assert_int_equal(clear_log(1, 1, 64, bits), -SWIVL_EINVAL);
	assert_int_equal(clear_log(1, 0, 63, bits), -SWIVL_EINVAL);
	assert_int_equal(clear_log(1, 0, 101, bits), -SWIVL_EINVAL);
	assert_int_equal(clear_log(1, 64, 37, bits), -SWIVL_EINVAL);
	assert_int_equal(clear_log(1, 128, 0, bits), -SWIVL_EINVAL);
	assert_int_equal(clear_log(1, ~0ull & ~63ull, 64, bits), -SWIVL_EINVAL);
	assert_int_equal(clear_log(1, 64, 0xffffffff, bits), -SWIVL_EINVAL);
	assert_int_equal(clear_log(1, 64, 36, bits), 0);
	assert_int_equal(clear_log(1, 0, 64, bits), 0);
	assert_int_equal(clear_log(1, 0, 100, NULL), -SWIVL_EFAULT);
	slot(1, 0, 0x10000, 100 * PAGE, memory);
	assert_int_equal(get_log(1, bits), -SWIVL_ENOENT);
}

static void enable_manual(u64 options, long expected)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
				      .args = { options } };

	assert_int_equal(model_call(vm_handle, KVM_ENABLE_CAP, &cap), expected);
}

static void manual_clearing(void **state)
{
	u64 bits[2], some[2] = { 1ull << 2, 0 };

	enable_manual(4, -SWIVL_EINVAL);
	enable_manual(KVM_DIRTY_LOG_INITIALLY_SET, -SWIVL_EINVAL);
	enable_manual(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, 0);
	slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 100 * PAGE, memory);
	fault(0x2000, ACCESS_WRITE);
	fast(0x3000, ACCESS_WRITE);
	assert_int_equal(get_log(0, bits), 0);
	assert_int_equal(bits[0], 0xc);
	assert_true(leaf(0x2000) & WRITABLE);
	assert_int_equal(get_log(0, bits), 0);
	assert_int_equal(bits[0], 0xc);
	assert_int_equal(clear_log(0, 0, 64, some), 0);
	assert_false(leaf(0x2000) & WRITABLE);
	assert_true(leaf(0x3000) & WRITABLE);
	assert_int_equal(get_log(0, bits), 0);
	assert_int_equal(bits[0], 0x8);
}

static void initially_set(void **state)
{
	u64 bits[2];

	enable_manual(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET, 0);
	slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, 100 * PAGE, memory);
	assert_int_equal(get_log(0, bits), 0);
	assert_int_equal(bits[0], ~0ull);
	assert_int_equal(bits[1], (1ull << 36) - 1);
}

/* A log longer than the page in which it travels. */
static void a_long_log(void **state)
{
	const u64 pages = 300000, words = (pages + 63) / 64;
	u64 *bits = calloc(words + 1, 8), i;

	/* The memory behind it need not be there. */
	assert_int_equal(slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, pages * PAGE, memory), 0);
	for (i = 0; i < SIZE / PAGE; i += 1000)
		assert_int_equal(fault(i * PAGE, ACCESS_WRITE), 0);
	bits[words] = 0x1234;
	assert_int_equal(get_log(0, bits), 0);
	assert_int_equal(bits[words], 0x1234);
	for (i = 0; i < pages; i++)
		assert_int_equal(bits[i / 64] >> (i % 64) & 1,
				 i < SIZE / PAGE && i % 1000 == 0);
	/* A caller who gives too little memory loses part of the answer and nothing else. */
	assert_int_equal(get_log(0, (void *)0x1000), -SWIVL_EFAULT);
	free(bits);
}

static void no_memory_for_the_log(void **state)
{
	model_fail_alloc = 1;
	assert_int_equal(slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, PAGE, memory), -SWIVL_ENOMEM);
	assert_int_equal(vm->nslots, 0);
	assert_int_equal(slot(0, 0, 0, PAGE, memory), 0);
	model_fail_alloc = 1;
	assert_int_equal(slot(0, KVM_MEM_LOG_DIRTY_PAGES, 0, PAGE, memory), -SWIVL_ENOMEM);
	assert_non_null(vm_find_slot(vm, 0));
	assert_int_equal(vm_find_slot(vm, 0)->flags, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(refuses_nonsense),
		TEST(slots_do_not_overlap),
		TEST(what_a_slot_may_change),
		TEST(finds_among_many),
		TEST(a_fault_brings_the_neighbours),
		TEST(a_hole_in_the_callers_memory),
		TEST(memory_that_the_caller_may_only_read),
		TEST(read_only_slots),
		TEST(large_pages),
		TEST(large_pages_are_split),
		TEST(no_large_page_over_the_end),
		TEST(removal_unmaps_and_flushes),
		TEST(pinning_may_fail),
		TEST(changes_wait_for_sections_and_sections_for_changes),
		TEST(reads_and_writes_cross_pages),
		TEST(writes_are_logged),
		TEST(a_write_over_two_pages_is_logged_in_both),
		TEST(log_errors),
		TEST(manual_clearing),
		TEST(initially_set),
		TEST(a_long_log),
		TEST(no_memory_for_the_log),
	};

	return cmocka_run_group_tests_name("memslot", tests, NULL, NULL);
}
