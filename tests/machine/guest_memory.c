// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Memory slots: dirty logs, read-only memory, moving and removing, large pages. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "guest.h"

#define SLOT_GPA 0x10000000ull
#define SLOT_SIZE 0x400000ull
#define SLOT_PAGES (SLOT_SIZE / 4096)

static struct guest g;
static u8 *slot_memory;

static struct guest_cpu *setup(u32 flags)
{
	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], MODE_LONG);
	slot_memory = guest_memory(SLOT_SIZE);
	CHECK(!guest_slot(&g, 1, flags, SLOT_GPA, SLOT_SIZE, slot_memory));
	return &g.cpu[0];
}

CODE64(write_byte, "mov %bl, (%rax)\n");
CODE64(read_byte, "movzbl (%rax), %ebx\n");

static void write_at(struct guest_cpu *c, u64 address, u8 value)
{
	struct kvm_regs r = { .rax = address, .rbx = value };

	EQUAL(TRY(c, write_byte, &r), NO_EXCEPTION);
}

static u8 read_at(struct guest_cpu *c, u64 address)
{
	struct kvm_regs r = { .rax = address };

	EQUAL(TRY(c, read_byte, &r), NO_EXCEPTION);
	return r.rbx;
}

/* ---- Dirty log ---- */

static u64 bitmap[0x1000000 / 4096 / 64]; /* enough for every slot of these tests */

static void get_log(u32 slot)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	memset(bitmap, 0xaa, sizeof(bitmap));
	request(g.vm, KVM_GET_DIRTY_LOG, &log);
}

static void expect_log(const u32 *pages, u32 n)
{
	static u64 want[SLOT_PAGES / 64];

	memset(want, 0, sizeof(want));
	for (u32 i = 0; i < n; i++)
		want[pages[i] / 64] |= 1ull << pages[i] % 64;
	get_log(1);
	for (u32 i = 0; i < SLOT_PAGES; i++)
		if ((bitmap[i / 64] ^ want[i / 64]) >> i % 64 & 1)
			FAIL("page %u is %sdirty", i, want[i / 64] >> i % 64 & 1 ? "not " : "");
}

TEST(dirty_log)
{
	static const u32 first[] = { 0, 1, 63, 64, 511, 512, 1023 }, second[] = { 1, 2 };
	struct guest_cpu *c = setup(KVM_MEM_LOG_DIRTY_PAGES);

	expect_log(NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		write_at(c, SLOT_GPA + first[i] * 4096ull + i, i + 1);
	read_at(c, SLOT_GPA + 7 * 4096);
	expect_log(first, ARRAY_SIZE(first));
	/* Asking clears; what is written again is dirty again. */
	expect_log(NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(second); i++)
		write_at(c, SLOT_GPA + second[i] * 4096ull, 9);
	expect_log(second, ARRAY_SIZE(second));
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		EQUAL(slot_memory[first[i] * 4096 + i], i + 1);
}

TEST(dirty_log_switched_on_and_off)
{
	static const u32 third[] = { 3 };
	struct guest_cpu *c = setup(0);
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	write_at(c, SLOT_GPA + 3 * 4096, 1);
	EQUAL(try_request(g.vm, KVM_GET_DIRTY_LOG, (u64)&log), -1);
	EQUAL(errno, ENOENT);
	CHECK(!guest_slot(&g, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SLOT_SIZE, slot_memory));
	expect_log(NULL, 0);
	/* A page that was mapped for writing before counts as well. */
	write_at(c, SLOT_GPA + 3 * 4096, 2);
	expect_log(third, 1);
	CHECK(!guest_slot(&g, 1, 0, SLOT_GPA, SLOT_SIZE, slot_memory));
	EQUAL(try_request(g.vm, KVM_GET_DIRTY_LOG, (u64)&log), -1);
	write_at(c, SLOT_GPA + 3 * 4096, 3);
	EQUAL(slot_memory[3 * 4096], 3);
	log.slot = 99;
	EQUAL(try_request(g.vm, KVM_GET_DIRTY_LOG, (u64)&log), -1);
	EQUAL(errno, ENOENT);
}

/* What the hypervisor writes for the guest counts: string input from a port. */
CODE64(input, "mov %rax, %rdi\n mov $0xe0, %edx\n mov $4, %ecx\n rep insb\n");

TEST(dirty_log_of_string_input)
{
	static const u32 fifth[] = { 5 };
	struct guest_cpu *c = setup(KVM_MEM_LOG_DIRTY_PAGES);
	struct kvm_regs regs = { .rip = GUEST_CODE, .rax = SLOT_GPA + 5 * 4096, .rflags = 2 };

	LOAD(&g, input);
	g.mem[GUEST_CODE + (input_end - input)] = 0xf4;
	guest_set_regs(c, &regs);
	while (guest_run(c) == KVM_EXIT_IO)
		memset(guest_io_data(c), 0x5c, c->run->io.count);
	EQUAL(c->run->exit_reason, KVM_EXIT_HLT);
	EQUAL(slot_memory[5 * 4096 + 3], 0x5c);
	expect_log(fifth, 1);
}

TEST(dirty_log_cleared_by_hand)
{
	static const u32 pages[] = { 0, 65, 130 }, left[] = { 0, 130 };
	struct guest_cpu *c = setup(KVM_MEM_LOG_DIRTY_PAGES);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 } };
	struct kvm_clear_dirty_log clear = { .slot = 1, .first_page = 64, .num_pages = 64,
					     .dirty_bitmap = bitmap };

	if (!guest_extension(&g, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2))
		SKIP("no KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
	request(g.vm, KVM_ENABLE_CAP, &cap);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		write_at(c, SLOT_GPA + pages[i] * 4096ull, 1);
	expect_log(pages, 3);
	expect_log(pages, 3);
	memset(bitmap, 0xff, sizeof(bitmap));
	request(g.vm, KVM_CLEAR_DIRTY_LOG, &clear);
	expect_log(left, 2);
	write_at(c, SLOT_GPA + 65 * 4096, 2);
	expect_log(pages, 3);
	clear.first_page = 1;
	EQUAL(try_request(g.vm, KVM_CLEAR_DIRTY_LOG, (u64)&clear), -1);
	EQUAL(errno, EINVAL);
}

/* ---- Read-only slots ---- */

TEST(read_only_slot)
{
	struct guest_cpu *c;
	struct kvm_regs regs = { .rip = GUEST_CODE, .rax = SLOT_GPA + 0x2000, .rbx = 0x77,
				 .rflags = 2 };

	guest_new(&g, GUEST_SIZE, 0);
	if (!guest_extension(&g, KVM_CAP_READONLY_MEM))
		SKIP("no KVM_CAP_READONLY_MEM");
	guest_end(&g);
	c = setup(KVM_MEM_READONLY);
	slot_memory[0x2000] = 0x12;
	EQUAL(read_at(c, SLOT_GPA + 0x2000), 0x12);
	LOAD(&g, write_byte);
	g.mem[GUEST_CODE + (write_byte_end - write_byte)] = 0xf4;
	guest_set_regs(c, &regs);
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, SLOT_GPA + 0x2000);
	EQUAL(c->run->mmio.is_write, 1);
	EQUAL(c->run->mmio.data[0], 0x77);
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(slot_memory[0x2000], 0x12);
	EQUAL(read_at(c, SLOT_GPA + 0x2000), 0x12);
}

/* Code runs from it, and the caller's changes are seen. */
TEST(read_only_code)
{
	struct guest_cpu *c;
	struct kvm_regs regs = { .rip = SLOT_GPA, .rsp = GUEST_STACK, .rflags = 2 };

	guest_new(&g, GUEST_SIZE, 0);
	if (!guest_extension(&g, KVM_CAP_READONLY_MEM))
		SKIP("no KVM_CAP_READONLY_MEM");
	guest_end(&g);
	c = setup(KVM_MEM_READONLY);
	slot_memory[0] = 0x90;
	slot_memory[1] = 0xf4;
	guest_set_regs(c, &regs);
	guest_run_to(c, KVM_EXIT_HLT);
	slot_memory[1] = 0x90;
	slot_memory[2] = 0xf4;
	guest_set_regs(c, &regs);
	guest_run_to(c, KVM_EXIT_HLT);
	guest_regs(c, &regs);
	EQUAL(regs.rip, SLOT_GPA + 3);
}

/* ---- Changing slots ---- */

TEST(slot_removed)
{
	struct guest_cpu *c = setup(0);
	struct kvm_regs regs = { .rip = GUEST_CODE, .rax = SLOT_GPA, .rflags = 2 };

	slot_memory[0] = 5;
	EQUAL(read_at(c, SLOT_GPA), 5);
	CHECK(!guest_slot(&g, 1, 0, SLOT_GPA, 0, slot_memory));
	guest_set_regs(c, &regs);
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, SLOT_GPA);
	guest_run_to(c, KVM_EXIT_HLT);
	CHECK(!guest_slot(&g, 1, 0, SLOT_GPA, SLOT_SIZE, slot_memory));
	EQUAL(read_at(c, SLOT_GPA), 5);
}

TEST(slot_moved)
{
	struct guest_cpu *c = setup(0);
	struct kvm_regs regs = { .rip = GUEST_CODE, .rax = SLOT_GPA, .rflags = 2 };

	slot_memory[0x3000] = 6;
	EQUAL(read_at(c, SLOT_GPA + 0x3000), 6);
	CHECK(!guest_slot(&g, 1, 0, SLOT_GPA + 0x1000000, SLOT_SIZE, slot_memory));
	EQUAL(read_at(c, SLOT_GPA + 0x1003000), 6);
	guest_set_regs(c, &regs);
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, SLOT_GPA);
}

TEST(wrong_slots)
{
	u8 *other;

	setup(0);
	other = guest_memory(SLOT_SIZE);
#define REFUSED(error, ...)                                                                        \
	do {                                                                                       \
		EQUAL(guest_slot(&g, __VA_ARGS__), -1);                                            \
		EQUAL(errno, error);                                                               \
	} while (0)
	REFUSED(EEXIST, 2, 0, SLOT_GPA + SLOT_SIZE - 4096, SLOT_SIZE, other);
	REFUSED(EEXIST, 2, 0, 0, 4096, other);
	REFUSED(EINVAL, 1, 0, SLOT_GPA, SLOT_SIZE / 2, slot_memory);
	REFUSED(EINVAL, 1, 0, SLOT_GPA, SLOT_SIZE, other);
	REFUSED(EINVAL, 1, KVM_MEM_READONLY, SLOT_GPA, SLOT_SIZE, slot_memory);
	REFUSED(EINVAL, 2, 4, 0x20000000, 4096, other);
	REFUSED(EINVAL, 2, 0, 0x20000001, 4096, other);
	REFUSED(EINVAL, 2, 0, 0x20000000, 4095, other);
	REFUSED(EINVAL, 2, 0, 0x20000000, 4096, other + 1);
	REFUSED(EINVAL, 2, 0, 0xfffffffffffff000, 0x2000, other);
	REFUSED(EINVAL, 2, 0, 0x20000000, 4096, (void *)0xffff888000000000);
	REFUSED(EINVAL, 2, 0, 0x20000000, 0, other);
	REFUSED(EINVAL, 0xfffff, 0, 0x20000000, 4096, other);
}

/* Memory of the caller that goes away under the guest: the caller is told, the host goes on. */
TEST(memory_unmapped)
{
	struct guest_cpu *c = setup(0);
	struct kvm_regs regs = { .rip = GUEST_CODE, .rax = SLOT_GPA, .rflags = 2 };

	if (!guest_extension(&g, KVM_CAP_SYNC_MMU))
		SKIP("no KVM_CAP_SYNC_MMU");
	EQUAL(read_at(c, SLOT_GPA), 0);
	munmap(slot_memory, SLOT_SIZE);
	guest_set_regs(c, &regs);
	EQUAL(try_request(c->fd, KVM_RUN, 0), -1);
	EQUAL(errno, EFAULT);
}

/* The caller's mapping is replaced: the guest sees what is there now (mmu notifiers). */
TEST(memory_replaced)
{
	struct guest_cpu *c = setup(0);

	if (!guest_extension(&g, KVM_CAP_SYNC_MMU))
		SKIP("no KVM_CAP_SYNC_MMU");
	slot_memory[0x1000] = 1;
	EQUAL(read_at(c, SLOT_GPA + 0x1000), 1);
	CHECK(mmap(slot_memory, SLOT_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == slot_memory);
	slot_memory[0x1000] = 2;
	EQUAL(read_at(c, SLOT_GPA + 0x1000), 2);
	CHECK(!madvise(slot_memory, SLOT_SIZE, MADV_DONTNEED));
	EQUAL(read_at(c, SLOT_GPA + 0x1000), 0);
	write_at(c, SLOT_GPA + 0x1000, 3);
	EQUAL(slot_memory[0x1000], 3);
}

/* After fork() the pages are shared until one side writes: the guest's side is the parent's. */
TEST(memory_after_fork)
{
	struct guest_cpu *c = setup(0);
	int pipe_fd[2];
	u8 seen;

	write_at(c, SLOT_GPA, 1);
	CHECK(!pipe(pipe_fd));
	if (!fork()) {
		u8 byte;

		while (read(pipe_fd[0], &byte, 1) != 1)
			;
		byte = slot_memory[0];
		slot_memory[0] = 99;
		if (write(pipe_fd[1], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	write_at(c, SLOT_GPA, 2);
	EQUAL(slot_memory[0], 2);
	CHECK(write(pipe_fd[1], "x", 1) == 1);
	/* The child's answer, not our own byte. */
	usleep(200000);
	CHECK(read(pipe_fd[0], &seen, 1) == 1);
	EQUAL(seen, 1);
	EQUAL(read_at(c, SLOT_GPA), 2);
}

/* Memory that the caller may only read: the guest's reads work, a write tells EFAULT. */
TEST(memory_not_writable)
{
	struct guest_cpu *c = setup(0);
	struct kvm_regs regs = { .rip = GUEST_CODE, .rax = SLOT_GPA, .rbx = 1, .rflags = 2 };

	slot_memory[0] = 7;
	CHECK(!mprotect(slot_memory, SLOT_SIZE, PROT_READ));
	EQUAL(read_at(c, SLOT_GPA), 7);
	LOAD(&g, write_byte);
	guest_set_regs(c, &regs);
	EQUAL(try_request(c->fd, KVM_RUN, 0), -1);
	EQUAL(errno, EFAULT);
	EQUAL(slot_memory[0], 7);
}

/* ---- While the guest runs ---- */

/* Bochs 2.7 does not give the host its interrupts while the guest's are off. */
#define SPIN_FLAGS (RFLAGS_ONE | RFLAGS_IF)

/* Adds up a byte of the slot until the word at 0x9000 is set; counts its rounds at 0x9008. */
CODE64(spin, "1: movzbl (%rax), %ebx\n mov %ebx, 0x9010\n incq 0x9008\n cmpl $0, 0x9000\n"
	     "je 1b\n hlt\n");

static void *run_thread(void *arg)
{
	struct guest_cpu *c = arg;
	u64 mmio = 0;

	for (;;) {
		if (try_request(c->fd, KVM_RUN, 0) < 0)
			return (void *)-1;
		if (c->run->exit_reason == KVM_EXIT_HLT)
			return (void *)mmio;
		if (c->run->exit_reason != KVM_EXIT_MMIO)
			return (void *)-1;
		memset(c->run->mmio.data, 0xee, 8);
		mmio++;
	}
}

static u64 rounds(void)
{
	return __atomic_load_n((u64 *)(g.mem + 0x9008), __ATOMIC_RELAXED);
}

/* Waits until the guest has come round twice: what it did before is over. */
static void wait_for_guest(void)
{
	u64 before = rounds();

	for (int i = 0; i < 2000 && rounds() < before + 2; i++)
		usleep(1000);
	if (rounds() < before + 2)
		FAIL("the guest stands still");
}

static u32 seen_by_guest(void)
{
	wait_for_guest();
	return __atomic_load_n((u32 *)(g.mem + 0x9010), __ATOMIC_RELAXED);
}

TEST(slots_change_while_the_guest_runs)
{
	struct guest_cpu *c = setup(0);
	struct kvm_regs regs = { .rip = GUEST_CODE, .rax = SLOT_GPA, .rflags = SPIN_FLAGS };
	u8 *other = guest_memory(SLOT_SIZE);
	pthread_t thread;
	void *mmio;

	LOAD(&g, spin);
	guest_set_regs(c, &regs);
	slot_memory[0] = 0x11;
	other[0] = 0x22;
	CHECK(!pthread_create(&thread, NULL, run_thread, c));
	EQUAL(seen_by_guest(), 0x11);
	for (int i = 0; i < 20; i++) {
		CHECK(!guest_slot(&g, 1, 0, SLOT_GPA, 0, slot_memory));
		EQUAL(seen_by_guest(), 0xee);
		CHECK(!guest_slot(&g, 1, 0, SLOT_GPA, SLOT_SIZE, other));
		EQUAL(seen_by_guest(), 0x22);
		CHECK(!guest_slot(&g, 1, 0, SLOT_GPA + 0x1000000, SLOT_SIZE, other));
		EQUAL(seen_by_guest(), 0xee);
		CHECK(!guest_slot(&g, 1, 0, SLOT_GPA, 0, other));
		CHECK(!guest_slot(&g, 1, 0, SLOT_GPA, SLOT_SIZE, slot_memory));
		EQUAL(seen_by_guest(), 0x11);
	}
	__atomic_store_n((u32 *)(g.mem + 0x9000), 1, __ATOMIC_RELAXED);
	CHECK(!pthread_join(thread, &mmio));
	CHECK(mmio != (void *)-1 && mmio != NULL);
}

/* Writes its round number to one page after the other. */
CODE64(writer, "xor %ecx, %ecx\n 1: mov %ecx, %edx\n and $255, %edx\n shl $12, %edx\n"
	       "mov %rcx, (%rax, %rdx)\n inc %rcx\n mov %rcx, 0x9008\n cmpl $0, 0x9000\n je 1b\n"
	       "hlt\n");

/* No write escapes the log: a page whose content changed between two logs is in the second. */
TEST(dirty_log_while_the_guest_runs)
{
	struct guest_cpu *c = setup(KVM_MEM_LOG_DIRTY_PAGES);
	struct kvm_regs regs = { .rip = GUEST_CODE, .rax = SLOT_GPA, .rflags = SPIN_FLAGS };
	static u64 before[256];
	pthread_t thread;

	LOAD(&g, writer);
	guest_set_regs(c, &regs);
	CHECK(!pthread_create(&thread, NULL, run_thread, c));
	for (int i = 0; i < 20; i++) {
		get_log(1);
		for (int page = 0; page < 256; page++)
			before[page] = *(volatile u64 *)(slot_memory + page * 4096);
		wait_for_guest();
		if (i == 19) {
			__atomic_store_n((u32 *)(g.mem + 0x9000), 1, __ATOMIC_RELAXED);
			CHECK(!pthread_join(thread, NULL));
		}
		get_log(1);
		/* Only the last look is at a guest that stands still. */
		for (int page = 0; i == 19 && page < 256; page++)
			if (*(volatile u64 *)(slot_memory + page * 4096) != before[page] &&
			    !(bitmap[page / 64] >> page % 64 & 1))
				FAIL("page %d was written and is not in the log", page);
	}
}

/* ---- Large pages ---- */

static void *aligned_memory(size_t size, int advice)
{
	u8 *p = guest_memory(size + 0x200000);

	p = (u8 *)(((u64)p + 0x1fffff) & ~0x1fffffull);
	madvise(p, size, advice);
	return p;
}

/* Touches every page of 16 MiB and adds up what was there. */
CODE64(touch_all, "mov $4096, %ecx\n xor %ebx, %ebx\n 1: add (%rax), %rbx\n movb $1, 8(%rax)\n"
		  "add $4096, %rax\n dec %ecx\n jnz 1b\n");

static void large_pages(int advice, u64 shift)
{
	struct kvm_regs r = { .rax = SLOT_GPA };
	struct guest_cpu *c;
	u64 *memory;

	guest_new(&g, GUEST_SIZE, 0);
	c = &g.cpu[0];
	guest_mode(c, MODE_LONG);
	memory = (u64 *)((u8 *)aligned_memory(0x1200000, advice) + shift);
	CHECK(!guest_slot(&g, 1, 0, SLOT_GPA, 0x1000000, memory));
	for (u64 i = 0; i < 4096; i++)
		memory[i * 512] = i;
	EQUAL(TRY(c, touch_all, &r), NO_EXCEPTION);
	EQUAL(r.rbx, 4096 * 4095 / 2);
	for (u64 i = 0; i < 4096; i++)
		EQUAL(memory[i * 512 + 1], 1);
	/* Split by dirty logging, page by page. */
	CHECK(!guest_slot(&g, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, 0x1000000, memory));
	write_at(c, SLOT_GPA + 0x201000, 5);
	get_log(1);
	for (u32 i = 0; i < SLOT_PAGES; i++)
		EQUAL(bitmap[i / 64] >> i % 64 & 1, i == 0x201);
}

TEST(large_pages_aligned)
{
	large_pages(MADV_HUGEPAGE, 0);
}

/* The same memory where guest and host address do not agree within 2 MiB. */
TEST(large_pages_misaligned)
{
	large_pages(MADV_HUGEPAGE, 0x1000);
}
