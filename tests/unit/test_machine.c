/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The machine as a guest, exit by exit: what it is shown, what it may not, and what it cannot reach. */
// uses: $(MODEL) core/machine/machine.c core/machine/exits.c core/machine/msr.c core/machine/apic.c
// uses: core/machine/memory.c
// flags: -DSWIVL_MODEL
#include "model_test.h"
#include "core/machine/internal.h"

/* The machine's memory, at itself. What is hidden lies in the middle. */
#define RAM 0x20000000ull
#define RAM_SIZE (16 * LARGE)
#define HIDDEN (RAM + 4 * LARGE)
#define HIDDEN_SIZE (LARGE + 3 * PAGE)
#define CODE (RAM + 0x1000)
#define CALL 0x6c76697773ull

static u8 *ram;
static struct machine *machine;
static struct vcpu *v;

/* ---- the processor, and what the machine asks its home for -------------------------------------------- */

static u64 msrs[0x1000];
static u32 last_msr;
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
	last_msr = msr;
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

/* ---- the guest ------------------------------------------------------------------------------------------ */

#define FLAT 0xc093
#define FLAT_CODE 0xc09b

static void put(u64 pa, const void *bytes, size_t n)
{
	memcpy((void *)pa, bytes, n);
}

#define GIB 0x40000000ull

/* Leaves, and what they map. */
static u64 mapped_pages(void)
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

static int setup_with(u64 hidden, u32 features)
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

static int setup(void **state)
{
	return setup_with(HIDDEN, 0);
}

static int setup_huge(void **state)
{
	return setup_with(3 * GIB + LARGE, VENDOR_HUGE);
}

static int teardown(void **state)
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

/* In flat 32-bit protected mode at CODE; all that is not in the hardware's hands is poison. */
static struct model_hw *guest(void)
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

static struct exit *at_exit(u8 kind, u8 length)
{
	v->exit = (struct exit){ .kind = kind, .length = length };
	return &v->exit;
}

static void goes_on(unsigned int length)
{
	assert_int_equal(v->exception.type, EVENT_NONE);
	assert_true(v->valid & STATE_RIP);
	assert_int_equal(v->state.rip, CODE + length);
}

static void raises(u8 vector)
{
	assert_int_equal(v->exception.type, EVENT_EXCEPTION);
	assert_int_equal(v->exception.vector, vector);
}

/* ---- CPUID ------------------------------------------------------------------------------------------------ */

static struct x86_cpuid cpuid(u32 leaf, u32 subleaf, u64 cr4)
{
	guest()->state.cr4 = v->state.cr4 = cr4; /* these two bits are always good */
	at_exit(EXIT_CPUID, 2);
	v->gpr[RAX] = 0xdead00000000 | leaf;
	v->gpr[RCX] = subleaf;
	machine_exit(v);
	goes_on(2);
	assert_int_equal((v->gpr[RAX] | v->gpr[RBX] | v->gpr[RCX] | v->gpr[RDX]) >> 32, 0);
	return (struct x86_cpuid){ v->gpr[RAX], v->gpr[RBX], v->gpr[RCX], v->gpr[RDX] };
}

static void cpuid_hides_the_extensions(void **state)
{
	struct x86_cpuid real = x86_cpuid(1, 0), c = cpuid(1, 0, 0);

	assert_true(real.ecx & CPUID_1_ECX_VMX);
	assert_int_equal(real.ecx & ~c.ecx, CPUID_1_ECX_VMX | 1 << 6 | CPUID_1_ECX_OSXSAVE |
						    CPUID_1_ECX_DTES64);
	assert_int_equal(c.ecx & ~real.ecx, 0);
	assert_int_equal(c.eax, real.eax);
	assert_true(real.edx & CPUID_1_EDX_DS);
	assert_int_equal(c.edx, real.edx & ~CPUID_1_EDX_DS);
	c = cpuid(0x80000001, 0, 0);
	assert_int_equal(c.ecx ^ x86_cpuid(0x80000001, 0).ecx, CPUID_X1_ECX_SVM);
	model_cpuid_set(0x80000000, 0, (struct x86_cpuid){ 0x8000000a, 0, 0, 0 });
	model_cpuid_set(0x8000000a, 0, (struct x86_cpuid){ 1, 2, 3, 4 });
	c = cpuid(0x8000000a, 0, 0);
	assert_int_equal(c.eax | c.ebx | c.ecx | c.edx, 0);
}

/* Bits that show CR4 show the guest's. */
static void cpuid_hides_the_trace(void **state)
{
	model_cpuid_set(0, 0, (struct x86_cpuid){ 0x14, 1, 2, 3 });
	model_cpuid_set(7, 0, (struct x86_cpuid){ 0, ~0u, 0, 4 });
	model_cpuid_set(0x14, 0, (struct x86_cpuid){ 1, 2, 3, 4 });
	assert_int_equal(cpuid(7, 0, 0).ebx, ~(1u << 25));
	assert_int_equal(cpuid(0x14, 0, 0).ecx, 0);
	/* Beyond the last leaf it is no trace's. */
	model_cpuid_set(0, 0, (struct x86_cpuid){ 0x13, 1, 2, 3 });
	assert_int_equal(cpuid(0x14, 0, 0).ecx, 3);
}

static void cpuid_follows_cr4(void **state)
{
	assert_true(cpuid(1, 0, CR4_OSXSAVE).ecx & CPUID_1_ECX_OSXSAVE);
	assert_false(cpuid(1, 0, CR4_PKE).ecx & CPUID_1_ECX_OSXSAVE);
	assert_true(cpuid(7, 0, CR4_PKE).ecx & 1 << 4);
	assert_false(cpuid(7, 0, CR4_OSXSAVE).ecx & 1 << 4);
	assert_int_equal(cpuid(7, 1, 0).ecx, x86_cpuid(7, 1).ecx);
}

static void cpuid_brand(void **state)
{
	char text[49] = { 0 };

	for (u32 i = 0; i < 3; i++) {
		struct x86_cpuid c = cpuid(0x80000002 + i, 0, 0);

		memcpy(text + i * 16, &c, 16);
	}
	assert_string_equal(text, "A brand of the owner");
	machine->config.brand[0] = 0;
	model_cpuid_set(0x80000003, 0, (struct x86_cpuid){ 5, 6, 7, 8 });
	assert_int_equal(cpuid(0x80000003, 0, 0).edx, 8);
}

static void cpuid_names_the_hypervisor(void **state)
{
	struct x86_cpuid c = cpuid(0x40000000, 0, 0);
	char name[13] = { 0 };

	memcpy(name, &c.ebx, 4);
	memcpy(name + 4, &c.ecx, 4);
	memcpy(name + 8, &c.edx, 4);
	assert_string_equal(name, "swivlmachine");
	assert_int_equal(c.eax, 0x40000000);
}

/* ---- XSETBV ----------------------------------------------------------------------------------------------- */

static void xsetbv(u32 index, u64 value, u32 ss)
{
	struct model_hw *hw = guest();

	hw->state.cr4 = CR4_OSXSAVE;
	hw->state.seg[SEG_SS].attr = ss;
	xcr0 = 77;
	at_exit(EXIT_XSETBV, 3);
	v->gpr[RCX] = index;
	v->gpr[RAX] = 0xffff00000000 | (u32)value;
	v->gpr[RDX] = 0xffff00000000 | value >> 32;
	machine_exit(v);
}

static void xsetbv_is_checked(void **state)
{
	static const u64 bad[] = { 0, 2, 4, 5, 1ull << 63 | 3, 1 | 1 << 3, 3 | 1 << 5, 0xe3, 3 | 1ull << 8,
				     3 | 1 << 4, 3 | 1 << 17 };

	v->cpuid_xcr0 |= XCR0_AMX;
	xsetbv(0, 7 | XCR0_AMX | XCR0_MPX, FLAT);
	goes_on(3);
	assert_int_equal(xcr0, 7 | XCR0_AMX | XCR0_MPX);
	xsetbv(0, 1, FLAT);
	goes_on(3);
	assert_int_equal(xcr0, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		xsetbv(0, bad[i], FLAT);
		raises(VECTOR_GP);
		assert_int_equal(xcr0, 77);
	}
	xsetbv(1, 7, FLAT);
	raises(VECTOR_GP);
	xsetbv(0, 7, FLAT | 3 << 5);
	raises(VECTOR_GP);
	assert_int_equal(xcr0, 77);
}

/* ---- MSRs --------------------------------------------------------------------------------------------------- */

static void msr(u8 kind, u32 number, u64 value)
{
	guest();
	at_exit(kind, 2);
	v->gpr[RCX] = 0xffff00000000 | number;
	v->gpr[RAX] = 0xffff00000000 | (u32)value;
	v->gpr[RDX] = 0xffff00000000 | value >> 32;
	machine_exit(v);
}

static u64 rdmsr(u32 number)
{
	msr(EXIT_MSR_READ, number, 0);
	goes_on(2);
	assert_int_equal((v->gpr[RAX] | v->gpr[RDX]) >> 32, 0);
	return v->gpr[RAX] | v->gpr[RDX] << 32;
}

static bool wrmsr(u32 number, u64 value)
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

static void msrs_of_the_extensions(void **state)
{
	msrs[IA32_FEATURE_CONTROL] = 7 | 1 << 20;
	assert_int_equal(rdmsr(IA32_FEATURE_CONTROL), 1 | 1 << 20);
	assert_false(wrmsr(IA32_FEATURE_CONTROL, 5));
	for (u32 n = IA32_VMX_BASIC; n <= IA32_VMX_LAST; n++) {
		msr(EXIT_MSR_READ, n, 0);
		raises(VECTOR_GP);
		assert_false(wrmsr(n, 0));
	}
	assert_int_equal(rdmsr(AMD_VM_CR), 0x18); /* locked, and off */
	assert_false(wrmsr(AMD_VM_CR, 0));
	msr(EXIT_MSR_READ, AMD_VM_HSAVE_PA, 0);
	raises(VECTOR_GP);
	assert_false(wrmsr(AMD_VM_HSAVE_PA, HIDDEN));
	assert_false(wrmsr(0xdeadbeef, 1));
}

static void msr_pat(void **state)
{
	assert_int_equal(rdmsr(IA32_PAT), PAT_RESET);
	assert_true(wrmsr(IA32_PAT, 0x0706050401000007));
	assert_int_equal(rdmsr(IA32_PAT), 0x0706050401000007);
	assert_false(wrmsr(IA32_PAT, 0x0706050401000002));
	assert_false(wrmsr(IA32_PAT, 0x0306050401000000));
	assert_false(wrmsr(IA32_PAT, 0x0806050401000000));
	assert_int_equal(rdmsr(IA32_PAT), 0x0706050401000007);
}

static void msr_efer(void **state)
{
	assert_true(wrmsr(IA32_EFER, EFER_NXE | EFER_SCE));
	assert_int_equal(rdmsr(IA32_EFER), EFER_NXE | EFER_SCE);
	assert_false(wrmsr(IA32_EFER, EFER_SVME));
	assert_false(wrmsr(IA32_EFER, 1ull << 40));
	assert_int_equal(rdmsr(IA32_EFER), EFER_NXE | EFER_SCE);
}

static void msr_mtrr_bad_values(void **state)
{
	assert_false(wrmsr(IA32_MTRR_DEF_TYPE, 1 << 11 | 2));
	assert_false(wrmsr(IA32_MTRR_DEF_TYPE, 1 << 12));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0, 7));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0, 1 << 8));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0, 1ull << 48));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0 + 1, 1));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0 + 1, 1ull << 48));
	assert_false(wrmsr(IA32_MTRR_FIX64K, 0x0606060606060206));
	/* There are eight. */
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 15, 0));
	assert_false(wrmsr(IA32_MTRR_PHYSBASE0 + 16, 0));
	assert_int_equal(machine->retyped, 0);
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
	assert_int_equal(mtrr_type(machine->vm->stage2.mtrrs, HIDDEN - 2 * LARGE, LARGE), MEMORY_WB);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

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

/* The byte before and the one behind are memory, in pages of 4 KiB where 2 MiB would reach into it. */
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

/* The largest that is the guest's alone, with one type: not in the first, with its fixed registers. */
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
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 1, (machine->mtrrs.address & ~(LARGE - 1)) | 1 << 11));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 2, at + LARGE));
	assert_true(wrmsr(IA32_MTRR_PHYSBASE0 + 3, (machine->mtrrs.address & ~(PAGE - 1)) | 1 << 11));
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

/* ---- hypercalls ------------------------------------------------------------------------------------------------ */

static u64 call_at(u64 number, u64 rdx, u64 rbx, u64 rsi, u32 ss)
{
	guest()->state.seg[SEG_SS].attr = ss;
	at_exit(EXIT_HYPERCALL, 3);
	v->gpr[RAX] = CALL;
	v->gpr[RCX] = number;
	v->gpr[RDX] = rdx;
	v->gpr[RBX] = rbx;
	v->gpr[RSI] = rsi;
	machine_exit(v);
	return v->gpr[RAX];
}

static u64 call(u64 number, u64 rdx, u64 rbx, u64 rsi)
{
	u64 value = call_at(number, rdx, rbx, rsi, FLAT);

	goes_on(3);
	return value;
}

static void hypercall_version_and_counts(void **state)
{
	assert_int_equal(call(0, 0, 0, 0), 1);
	v->exits[EXIT_CPUID] = 12;
	assert_int_equal(call(1, EXIT_CPUID, 0, 0), 12);
	machine->hidden = 34;
	assert_int_equal(call(1, EXIT_KINDS, 0, 0), 34);
	assert_int_equal(call(1, ~0ull, 0, 0), 34);
}

static void hypercall_log_only_for_the_system(void **state)
{
	for (u32 cpl = 1; cpl <= 3; cpl++) {
		assert_int_equal(call_at(0, 0, 0, 0, FLAT | cpl << 5), 1);
		goes_on(3);
		call_at(2, 0, RAM + 0x100000, 64, FLAT | cpl << 5);
		raises(VECTOR_UD);
		assert_int_equal(v->gpr[RAX], CALL);
	}
	assert_int_equal(*(u64 *)(RAM + 0x100000), 0);
	call_at(3, 0, 0, 0, FLAT);
	raises(VECTOR_UD);
	guest();
	at_exit(EXIT_HYPERCALL, 3);
	v->gpr[RAX] = 0;
	machine_exit(v);
	raises(VECTOR_UD);
}

static void hypercall_copies_the_log(void **state)
{
	const u64 to = RAM + 0x100ffd; /* over the ends of pages */

	assert_int_equal(call(2, 0, to, 20000), 20000);
	assert_int_equal(v->gpr[RDX], 20000);
	assert_memory_equal((void *)to, ring, 20000);
	assert_int_equal(((u8 *)to)[20000], 0);
	assert_int_equal(((u8 *)to)[-1], 0);
	/* On from there, with more room than there is log. */
	assert_int_equal(call(2, 20000, to, ~0ull), sizeof(ring) - 20000);
	assert_memory_equal((void *)to, ring + 20000, sizeof(ring) - 20000);
	assert_int_equal(call(2, sizeof(ring), to, 100), 0);
	assert_int_equal(call(2, ~0ull, to, 100), 0);
	assert_int_equal(call(2, 0, to, 0), 0);
}

static void hypercall_with_a_hostile_address(void **state)
{
	static const u64 bad[] = { HIDDEN, HIDDEN + HIDDEN_SIZE - 1, HIDDEN + 0x777,
				   RAM + RAM_SIZE, RAM - PAGE, 1ull << 46, 1ull << 47, 1ull << 52,
				   ~0ull, ~0ull - 4095, 1ull << 63 };

	memset((void *)HIDDEN, 0x5a, HIDDEN_SIZE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(call(2, 0, bad[i], 8), 0);
	/* Over the edge: nothing behind it; what could be copied before it may be. */
	assert_in_range(call(2, 0, HIDDEN - 100, 4096), 0, 100);
	assert_in_range(call(2, 0, RAM + RAM_SIZE - 300, 4096), 0, 300);
	for (u64 i = 0; i < HIDDEN_SIZE; i++)
		assert_int_equal(((u8 *)HIDDEN)[i], 0x5a);
}

/* ---- task switches ------------------------------------------------------------------------------------ */

#define GDT (RAM + 0x2000)
#define OLD_TSS (RAM + 0x3000)
#define NEW_TSS (RAM + 0x4000)

/* From one task with the other's segment at @tss to that one. */
static void task_switch(u64 tss)
{
	struct model_hw *hw = guest();
	u32 image[26] = { [8] = (u32)CODE + 0x100, [9] = 2, [14] = 0x1234, [19] = 8, [20] = 0x10 };
	u64 gdt[5] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067, 0x0000890000000067 };

	gdt[3] |= (OLD_TSS & 0xffffff) << 16 | OLD_TSS >> 24 << 56;
	gdt[4] |= (tss & 0xffffff) << 16 | tss >> 24 << 56;
	put(GDT, gdt, sizeof(gdt));
	put(NEW_TSS, image, sizeof(image));
	hw->state.gdt = (struct table_reg){ GDT, sizeof(gdt) - 1 };
	hw->state.seg[SEG_TR] = (struct segment){ .selector = 0x18, .base = OLD_TSS, .limit = 103, .attr = 0x8b };
	hw->state.seg[SEG_LDTR].attr = SEG_ATTR_UNUSABLE;
	hw->state.dr7 = DR7_ONE | 3;
	at_exit(EXIT_TASK_SWITCH, 7)->task.selector = 0x20;
	machine_exit(v);
}

static void tasks_are_switched(void **state)
{
	task_switch(NEW_TSS);
	assert_int_equal(v->exception.type, EVENT_NONE);
	assert_int_equal(v->state.rip, CODE + 0x100);
	assert_int_equal(v->gpr[RSP], 0x1234);
	assert_int_equal(v->state.seg[SEG_TR].selector, 0x20);
	assert_int_equal(v->state.dr7, DR7_ONE | 2);
	assert_int_equal(((u32 *)OLD_TSS)[8], CODE + 7);
}

/* What of it is hidden is ones, and stays what it is. */
static void hidden_tasks_are_none(void **state)
{
	u8 before[128];

	memcpy(before, (void *)HIDDEN, sizeof(before));
	task_switch(HIDDEN);
	raises(VECTOR_TS);
	assert_int_equal(v->state.seg[SEG_TR].selector, 0x20);
	assert_memory_equal(before, (void *)HIDDEN, sizeof(before));
}

static void guest_does_nothing(struct vcpu *vcpu, struct model_hw *hw)
{
	fail();
}

/* Three faults, of which the last was ours to raise. */
static void triple_fault_of_a_task_gate_resets(void **state)
{
	model_guest = guest_does_nothing;
	task_switch(HIDDEN);
	v->exception.type = EVENT_NONE;
	guest();
	v->event = (struct event){ .type = EVENT_EXCEPTION, .vector = VECTOR_DF, .has_error = true };
	at_exit(EXIT_TASK_SWITCH, 0)->task.source = 3;
	machine_exit(v); /* the null selector */
	if (!setjmp(reset)) {
		machine_run(v);
		fail();
	}
	assert_non_null(strstr(model_log, "gdt"));
	model_guest = NULL;
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

static void triple_fault_is_logged_and_resets(void **state)
{
	guest();
	at_exit(EXIT_TRIPLE_FAULT, 0);
	if (!setjmp(reset)) {
		machine_exit(v);
		fail();
	}
	assert_non_null(strstr(model_log, "gdt"));
}

static void refused_entry_is_explained_and_resets(void **state)
{
	struct rules_failure *f;

	guest();
	at_exit(EXIT_FAIL_ENTRY, 0);
	f = vcpu_failure(v);
	f->vendor = RULES_AMD;
	f->reason = 0xffffffff;
	rules_svm_set(&f->svm, 0x58, 0); /* the guest's ASID */
	rules_failure_judge(f);
	if (!setjmp(reset)) {
		machine_exit(v);
		fail();
	}
	assert_non_null(strstr(log_before, "guest ASID"));
	assert_memory_equal(last_words, "swivl dump 1: VMCB\nvmcb 58 = 0x0 guest ASID\nswivl dump ends", 59);
	assert_non_null(strstr(model_log, "gdt"));
}

/* ---- interrupt commands that start processors -------------------------------------------------------------- */

#define COMMAND 0x300
#define LOGICAL_INIT 0x4d00

static bool init_reaches(u32 to, u32 command, u32 ldr, u32 dfr)
{
	bool reached;

	machine_apic_write(v, 0xd0, ldr);
	machine_apic_write(v, 0xe0, dfr);
	machine_apic_write(v, 0x310, to << 24);
	machine_apic_write(v, COMMAND, command);
	reached = machine->cpus[v->index].start == CPU_INIT_SENT;
	machine->cpus[v->index].start = CPU_RUNS;
	return reached;
}

static void init_by_number(void **state)
{
	msrs[IA32_APIC_BASE] = 0xfee00000 | APIC_BASE_ENABLED;
	assert_true(init_reaches(0, 0x4500, 0, ~0u));
	assert_false(init_reaches(1, 0x4500, 0, ~0u));
	assert_true(init_reaches(0xff, 0x4500, 0, ~0u));
	/* Logically all are those that have a number. */
	assert_false(init_reaches(0xff, LOGICAL_INIT, 0, ~0u));
	assert_true(init_reaches(0xff, LOGICAL_INIT, 0x10000000, ~0u));
	assert_false(init_reaches(0x2, LOGICAL_INIT, 0x1000000, ~0u));
	assert_true(init_reaches(0x3, LOGICAL_INIT, 0x1000000, ~0u));
	assert_true(init_reaches(0x23, LOGICAL_INIT, 0x21000000, 0x0fffffff));
	assert_false(init_reaches(0x33, LOGICAL_INIT, 0x21000000, 0x0fffffff));
	/* The level's end is nothing; a local APIC that is off sends nothing. */
	assert_false(init_reaches(0, 0x8500, 0, ~0u));
	msrs[IA32_APIC_BASE] = 0xfee00000;
	assert_false(init_reaches(0, 0x4500, 0, ~0u));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define HUGE(name) cmocka_unit_test_setup_teardown(name, setup_huge, teardown)
	const struct CMUnitTest tests[] = {
		TEST(cpuid_hides_the_extensions),
		TEST(cpuid_hides_the_trace),
		TEST(init_by_number),
		TEST(cpuid_follows_cr4),
		TEST(cpuid_brand),
		TEST(cpuid_names_the_hypervisor),
		TEST(xsetbv_is_checked),
		TEST(msrs_of_the_extensions),
		TEST(msr_pat),
		TEST(msr_efer),
		TEST(msr_mtrr_bad_values),
		TEST(msr_mtrr_is_followed),
		TEST(ordinary_memory_is_at_itself),
		TEST(hidden_memory_is_ones),
		TEST(hidden_range_is_exact),
		HUGE(leaves_of_a_gib),
		TEST(without_leaves_of_a_gib),
		HUGE(leaves_of_a_gib_are_split),
		TEST(hypercall_version_and_counts),
		TEST(hypercall_log_only_for_the_system),
		TEST(hypercall_copies_the_log),
		TEST(hypercall_with_a_hostile_address),
		TEST(tasks_are_switched),
		TEST(hidden_tasks_are_none),
		TEST(triple_fault_of_a_task_gate_resets),
		TEST(triple_fault_is_logged_and_resets),
		TEST(refused_entry_is_explained_and_resets),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
