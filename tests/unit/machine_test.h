/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The machine as a guest: what the tests of core/machine have in common. */
#ifndef SWIVL_TESTS_MACHINE_TEST_H
#define SWIVL_TESTS_MACHINE_TEST_H

#include "model_test.h"
#include "core/machine/internal.h"

/* The machine's memory, at itself. What is hidden lies in the middle. */
#define RAM 0x20000000ull
#define RAM_SIZE (16 * LARGE)
#define HIDDEN (RAM + 4 * LARGE)
#define HIDDEN_SIZE (LARGE + 3 * PAGE)
#define CODE (RAM + 0x1000)
#define GIB 0x40000000ull

static u8 *ram;
static struct machine *machine;
static struct vcpu *v;

/* ---- the processor, and what the machine asks its home for ----------------------------------- */

static u64 msrs[0x1000];
static unsigned int msr_writes;
static u64 xcr0;
static jmp_buf reset;
static char ring[70000];

u64 x86_rdmsr(u32 msr)
{
	return msr < 0x1000 ? msrs[msr] : 0;
}

void x86_wrmsr(u32 msr, u64 value)
{
	msr_writes++;
	if (msr < 0x1000)
		msrs[msr] = value;
}

void x86_xsetbv(u64 value)
{
	xcr0 = value;
}

void x86_write_dr(unsigned int n, u64 value)
{
}

void x86_wbinvd(void)
{
}

u32 machine_home_nmis(void)
{
	return 0;
}

const u32 *machine_home_nmi_count(void)
{
	static const u32 none;

	return &none;
}

void machine_home_wait(void)
{
}

volatile u32 *machine_home_apic(void)
{
	static u32 apic[1024];

	return apic;
}

static bool no_page_tables;
static u64 seen_size;

bool machine_home_memory(u64 pa, u64 size)
{
	seen_size = size;
	return !no_page_tables;
}

void machine_home_ipi(u32 apic_id, u32 command)
{
}

static char last_words[16384], log_before[256];

void machine_home_last_words(const char *line)
{
	if (!*last_words)
		memcpy(log_before, model_log, sizeof(log_before));
	assert_true(strlen(last_words) + strlen(line) + 2 < sizeof(last_words));
	strcat(strcat(last_words, line), "\n");
}

void machine_home_reset(void)
{
	longjmp(reset, 1);
}

size_t machine_home_log(u64 *at, void *dst, size_t size)
{
	size_t n = *at < sizeof(ring) ? sizeof(ring) - *at : 0;

	n = n < size ? n : size;
	memcpy(dst, ring + *at, n);
	*at += n;
	return n;
}

/* ---- the guest ------------------------------------------------------------------------------- */

#define FLAT 0xc093
#define FLAT_CODE 0xc09b

static inline void put(u64 pa, const void *bytes, size_t n)
{
	memcpy((void *)pa, bytes, n);
}

/* Leaves, and what they map. */
static inline u64 mapped_pages(void)
{
	u64 pages = 0, leaf, size;
	unsigned int level;

	for (u64 at = 0; at < 16 * GIB; at += size) {
		size = stage2_large_free(&machine->vm->stage2, at) ? LARGE : PAGE;
		if (!stage2_find(&machine->vm->stage2, at, &level, &leaf))
			continue;
		size = PAGE << 9 * (level - 1);
		pages += size / PAGE;
	}
	return pages;
}

static inline int setup_with(u64 hidden, u32 features)
{
	struct machine_config config = { .hidden_base = hidden, .hidden_size = HIDDEN_SIZE,
					 .brand = "A brand of the owner",
					 .start = { .ip = 0x7c00, .edx = 0x80 } };

	model_reset();
	model_features |= features;
	memset(msrs, 0, sizeof(msrs));
	msr_writes = 0;
	xcr0 = 0;
	msrs[IA32_MTRRCAP] = 0x100 | 8;
	msrs[IA32_MTRR_DEF_TYPE] = 1 << 11 | MEMORY_WB;
	msrs[IA32_PAT] = PAT_RESET;
	ram = mmap((void *)RAM, RAM_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(ram, RAM);
	model_arena = RAM;
	model_arena_size = RAM_SIZE;
	for (size_t i = 0; i < sizeof(ring); i++)
		ring[i] = 'a' + i % 23;
	assert_int_equal(machine_create(&config, &machine), 0);
	assert_int_equal(machine_cpu_create(machine, 0, true, &v), 0);
	vendor->load(v, true);
	return 0;
}

static inline int setup(void **state)
{
	return setup_with(HIDDEN, 0);
}

static inline int setup_huge(void **state)
{
	return setup_with(3 * GIB + LARGE, VENDOR_HUGE);
}

static inline int teardown(void **state)
{
	vendor->unload(v);
	/* What the machine's home gave was not pinned page by page. */
	model_pins = machine->vm->stage2.owner.opaque[0] = mapped_pages();
	no_page_tables = false;
	machine_destroy(machine);
	munmap(ram, RAM_SIZE);
	model_arena = model_arena_size = 0;
	return model_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define HUGE(name) cmocka_unit_test_setup_teardown(name, setup_huge, teardown)

/* ---- exits ----------------------------------------------------------------------------------- */

/* In flat 32-bit protected mode at CODE; all that is not in the hardware's hands is poison. */
static inline struct model_hw *guest(void)
{
	struct model_hw *hw = v->vendor_data;

	v->dirty = 0;
	hw->state = v->state;
	hw->state.cr0 = CR0_PE | CR0_ET;
	hw->state.cr4 = 0;
	hw->state.rflags = RFLAGS_ONE;
	hw->state.rip = CODE;
	hw->state.shadow = 0;
	for (unsigned int i = 0; i < 6; i++)
		hw->state.seg[i] = (struct segment){ .selector = 8, .limit = 0xffffffff,
						     .attr = i == SEG_CS ? FLAT_CODE : FLAT };
	v->event.type = v->exception.type = EVENT_NONE;
	v->valid = 0;
	return hw;
}

static inline struct exit *at_exit(u8 kind, u8 length)
{
	v->exit = (struct exit){ .kind = kind, .length = length };
	return &v->exit;
}

static inline void goes_on(unsigned int length)
{
	assert_int_equal(v->exception.type, EVENT_NONE);
	assert_true(v->valid & STATE_RIP);
	assert_int_equal(v->state.rip, CODE + length);
}

static inline void raises(u8 vector)
{
	assert_int_equal(v->exception.type, EVENT_EXCEPTION);
	assert_int_equal(v->exception.vector, vector);
}

static inline void msr(u8 kind, u32 number, u64 value)
{
	guest();
	at_exit(kind, 2);
	v->gpr[RCX] = 0xffff00000000 | number;
	v->gpr[RAX] = 0xffff00000000 | (u32)value;
	v->gpr[RDX] = 0xffff00000000 | value >> 32;
	machine_exit(v);
}

static inline bool wrmsr(u32 number, u64 value)
{
	unsigned int before = msr_writes;

	msr(EXIT_MSR_WRITE, number, value);
	if (v->exception.type == EVENT_NONE) {
		goes_on(2);
		return true;
	}
	raises(VECTOR_GP);
	assert_int_equal(msr_writes, before); /* nothing of it got through */
	return false;
}

#endif
