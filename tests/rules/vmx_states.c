// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "tests/rules/vmx_states.h"

#define PAGE __attribute__((__aligned__(4096)))
#define MEMORY_END 0x4000000ull /* 64 MiB: judge.py */
#define FOUR_GIB (1ull << 32)

static const struct rules_vmx_state *facts;
static const bool *has;
static u32 physical_bits;

/* ---- the guest's memory ---- */

/*
 * Whatever a guest runs that a pending interrupt does not stop first is INT3, wherever it is: each
 * address leads to this page. Nothing of it can be written.
 */
static u8 int3[4096] PAGE;
static u64 pt[512] PAGE, pd[512] PAGE, pdpt[512] PAGE, pml[512] PAGE;
static u32 pt32[1024] PAGE, pd32[1024] PAGE;
static u64 pae[512] PAGE; /* 128 tables of four; the first is good */
static u64 ept_pt[512] PAGE, ept_pd[512] PAGE, ept_pdpt[512] PAGE, ept_all[512] PAGE;
static u64 ept_id_pd[512] PAGE, ept_id_pdpt[512] PAGE, ept_id[512] PAGE; /* memory to itself */
/* What fields that hold addresses lead to. */
static u8 scratch[4][4096] PAGE;
static u8 links[3][4096] PAGE;
static struct rules_msr entry_area[512] PAGE, exit_load[512] PAGE, exit_store[512] PAGE;
static struct rules_msr never PAGE; /* no entry loads this */
static const struct rules_msr nowhere[16] = { [0 ... 15] = { ~0u, ~0u, ~0ull } };

static void fill(u64 *table, u32 entries, const void *next, u64 flags)
{
	for (u32 i = 0; i < entries; i++)
		table[i] = (size_t)next | flags;
}

#define READ_EXECUTE_WB 0x35
#define EPT_LARGE 0x80
static void guest_memory(void)
{
	struct random r = { 1 };

	for (u32 i = 0; i < sizeof(int3); i++)
		int3[i] = 0xcc;
	fill(pt, 512, int3, 0x25); /* present, user, accessed, read-only */
	fill(pd, 512, pt, 0x25);
	fill(pdpt, 512, pd, 0x25);
	fill(pml, 512, pdpt, 0x25);
	for (u32 i = 0; i < 1024; i++) {
		pt32[i] = (u32)(size_t)int3 | 0x25;
		pd32[i] = (u32)(size_t)pt32 | 0x25;
	}
	fill(pae, 512, pd, 1);
	for (u32 i = 4; i < 512; i++)
		if (!random_below(&r, 4))
			pae[i] ^= 1ull << random_below(&r, 64);
	fill(ept_pt, 512, int3, READ_EXECUTE_WB);
	fill(ept_pd, 512, ept_pt, 7);
	fill(ept_pdpt, 512, ept_pd, 7);
	fill(ept_all, 512, ept_pdpt, 7);
	for (u64 i = 0; i < MEMORY_END >> 21; i++)
		ept_id_pd[i] = i << 21 | READ_EXECUTE_WB | EPT_LARGE;
	ept_id_pdpt[0] = (size_t)ept_id_pd | 7;
	ept_id[0] = (size_t)ept_id_pdpt | 7;
}

static void msr_areas(void)
{
	/* The first eight are good for each guest. */
	static const struct rules_msr kinds[] = {
		{ IA32_PAT, 0, PAT_RESET },
		{ IA32_SYSENTER_ESP, 0, 0x1000 },
		{ IA32_SYSENTER_EIP, 0, ~0xfffull },
		{ IA32_KERNEL_GS_BASE, 0, 0x7fffffffffff },
		{ IA32_LSTAR, 0, 0xffff800000000000 },
		{ IA32_CSTAR, 0, 1 },
		{ IA32_FMASK, 0, 0xffffffff },
		{ IA32_STAR, 0, ~0ull },
		{ IA32_EFER, 0, EFER_LMA | EFER_LME | EFER_SCE },
		{ IA32_EFER, 0, EFER_SCE },
		{ IA32_FS_BASE, 0, 0 },
		{ IA32_GS_BASE, 0, 0 },
		{ 0x800, 0, 0 },
		{ 0x808, 0, 0 },
		{ 0x8ff, 0, 0 },
		{ IA32_PAT, 1, PAT_RESET },
		{ IA32_LSTAR, 1u << 31, 0 },
		{ IA32_PAT, 0, 0x0007040600070402 },
		{ IA32_SYSENTER_EIP, 0, 0x800000000000 },
		{ IA32_KERNEL_GS_BASE, 0, 1ull << 63 },
		{ IA32_LSTAR, 0, 0xffff700000000000 },
		{ IA32_FMASK, 0, FOUR_GIB },
		{ IA32_EFER, 0, 1ull << 12 },
		{ 0x79, 0, 0 },
		{ 0x9b, 0, 0 },
	};
	struct random r = { 2 };

	for (u32 i = 0; i < ARRAY_SIZE(entry_area); i++) {
		exit_load[i] = exit_store[i] = kinds[i % 8];
		entry_area[i] = i < 8 || random_below(&r, 3)
					? kinds[i % 8]
					: kinds[random_below(&r, ARRAY_SIZE(kinds))];
	}
	never.index = IA32_FS_BASE;
}

/* ---- valid states ---- */

enum { PLAIN, EVENT, HALTED, LOADS, APIC, X2APIC, FEATURES };
struct base {
	u64 cr0, cr4, rflags;
	u32 code, data; /* access rights */
	u8 cpl;
	bool longmode, ept, unrestricted;
	u8 kind;
};
#define PAGED (CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
#define PLAIN_CR0 (CR0_PE | CR0_ET | CR0_NE)
#define REAL (CR0_ET | CR0_NE)
#define CODE64 0xa09b, 0xc093, 0
#define CODE64_USER 0xa0fb, 0xc0f3, 3
#define CODE32 0xc09b, 0xc093, 0
#define CODE32_USER 0xc0fb, 0xc0f3, 3
#define CODE16 0x009b, 0x0093, 0

/* clang-format off */
#define BASES(B) \
	B(B64, "64-bit", PAGED, CR4_PAE, 2, CODE64, true, false, false, PLAIN) \
	B(B64_EPT, "64-bit, EPT", PAGED, CR4_PAE | CR4_PGE, 2, CODE64, true, true, false, PLAIN) \
	B(B64_USER, "64-bit user, unrestricted guest", \
	  PAGED, CR4_PAE, RFLAGS_IF | 2, CODE64_USER, true, true, true, PLAIN) \
	B(COMPATIBILITY, "compatibility", PAGED, CR4_PAE, 2, CODE32_USER, true, false, false, PLAIN) \
	B(B_PAE, "PAE", PAGED, CR4_PAE, 2, CODE32, false, false, false, PLAIN) \
	B(B_PAE_EPT, "PAE, EPT", PAGED, CR4_PAE, 2, CODE32, false, true, false, PLAIN) \
	B(B32, "32-bit paging", PAGED, CR4_PSE, 2, CODE32_USER, false, false, false, PLAIN) \
	B(PROTECTED, "protected", PLAIN_CR0, 0, 2, CODE32, false, true, true, PLAIN) \
	B(B_REAL, "real", REAL | CR0_CD | CR0_NW, 0, 2, CODE16, false, true, true, PLAIN) \
	B(B_V86, "virtual-8086", \
	  PAGED, CR4_VME, RFLAGS_VM | RFLAGS_IF | 2, 0xf3, 0xf3, 3, false, false, false, PLAIN) \
	B(B_V86_REAL, "virtual-8086 without paging", \
	  PLAIN_CR0, 0, RFLAGS_VM | 2, 0xf3, 0xf3, 3, false, true, true, PLAIN) \
	B(B_EVENT, "64-bit, event", PAGED, CR4_PAE, RFLAGS_IF | 2, CODE64, true, true, false, EVENT) \
	B(B_REAL_EVENT, "real, event", REAL, 0, RFLAGS_IF | 2, CODE16, false, true, true, EVENT) \
	B(B_HALTED, "64-bit, halted", \
	  PAGED, CR4_PAE, RFLAGS_IF | 2, CODE64, true, true, false, HALTED) \
	B(B_LOADS, "64-bit, loads", PAGED, CR4_PAE, 2, CODE64, true, true, false, LOADS) \
	B(B_PAE_LOADS, "PAE, loads", PAGED, CR4_PAE, 2, CODE32, false, false, false, LOADS) \
	B(B_APIC, "64-bit, APIC accesses", PAGED, CR4_PAE, 2, CODE64, true, true, false, APIC) \
	B(B_X2APIC, "32-bit paging, x2APIC", PAGED, CR4_PSE, 2, CODE32, false, true, false, X2APIC) \
	B(B_FEATURES, "64-bit, features", PAGED, CR4_PAE, 2, CODE64, true, true, true, FEATURES)
/* clang-format on */

#define BASE_ID(id, name, ...) id,
#define BASE_ROW(id, name, ...) { __VA_ARGS__ },
#define BASE_NAME(id, name, ...) name,
enum { BASES(BASE_ID) ANY };
static const struct base bases[] = { BASES(BASE_ROW) };
const char *const vmx_base_names[] = { BASES(BASE_NAME) };

static u64 msr(u32 number)
{
	return facts->value[RULES_VMX_FACT(RULES_VMX_MSR(number))];
}

/* What the processor demands, and of @wanted what it allows. */
static u32 controls(u32 number, u32 true_number, u64 wanted)
{
	u64 bits = msr(true_number && msr(IA32_VMX_BASIC) & BASIC_TRUE_CONTROLS ? true_number
										: number);

	return (u32)bits | (u32)(wanted & bits >> 32);
}

#define SET(id, v) (s->value[AT_##id] = (v))
#define ADD(id, v) (s->value[AT_##id] |= (v))

static void host_area(struct rules_vmx_state *s)
{
	SET(HOST_CR0, PAGED | msr(IA32_VMX_CR0_FIXED0));
	SET(HOST_CR3, (size_t)pml4);
	SET(HOST_CR4, CR4_PAE | msr(IA32_VMX_CR4_FIXED0));
	SET(HOST_CS_SELECTOR, 8);
	for (u32 i = 0; i < 5; i++)
		s->value[AT_HOST_SS_SELECTOR + i] = 16;
	SET(HOST_ES_SELECTOR, 16);
	SET(HOST_EFER, EFER_LMA | EFER_LME);
	SET(HOST_PAT, PAT_RESET);
	SET(HOST_RIP, (size_t)vmx_exit_stub);
}

static void segments(struct rules_vmx_state *s, const struct base *b)
{
	bool v86 = b->rflags & RFLAGS_VM;

	for (u32 i = 0; i < 6; i++) {
		u64 selector = v86 ? 0x100 : 16u + b->cpl;

		s->value[AT_GUEST_ES_SELECTOR + i] = selector;
		s->value[AT_GUEST_ES_BASE + i] = v86 ? selector << 4 : 0;
		s->value[AT_GUEST_ES_LIMIT + i] = b->data >> 15 & 1 ? 0xffffffff : 0xffff;
		s->value[AT_GUEST_ES_ACCESS_RIGHTS + i] = b->data;
	}
	SET(GUEST_CS_ACCESS_RIGHTS, b->code);
	SET(GUEST_TR_SELECTOR, 0x28);
	SET(GUEST_TR_LIMIT, 0x67);
	SET(GUEST_TR_ACCESS_RIGHTS, 0x8b);
	SET(GUEST_LDTR_LIMIT, 0xffff);
	SET(GUEST_LDTR_ACCESS_RIGHTS, b->cpl ? 0x82 : 0x10000);
}

/* More than the processor needs: what has fields to check. */
static void more_controls(struct rules_vmx_state *s, const struct base *b)
{
	u64 pins = 0, primary = 0, secondary = 0;

	switch (b->kind) {
	case LOADS:
		ADD(EXIT_CONTROLS,
		    controls(IA32_VMX_EXIT_CTLS, IA32_VMX_TRUE_EXIT_CTLS,
			     EXITS_LOAD_PERF_GLOBAL | EXITS_LOAD_PAT | EXITS_SAVE_PAT |
				     EXITS_LOAD_EFER | EXITS_SAVE_EFER | EXITS_LOAD_CET |
				     EXITS_LOAD_PKRS | EXITS_CLEAR_BNDCFGS));
		ADD(ENTRY_CONTROLS,
		    controls(IA32_VMX_ENTRY_CTLS, IA32_VMX_TRUE_ENTRY_CTLS,
			     ENTRY_LOAD_DEBUG | ENTRY_LOAD_PERF_GLOBAL | ENTRY_LOAD_PAT |
				     ENTRY_LOAD_EFER | ENTRY_LOAD_CET | ENTRY_LOAD_PKRS |
				     ENTRY_LOAD_BNDCFGS));
		SET(ENTRY_MSR_LOAD_COUNT, 4);
		SET(EXIT_MSR_LOAD_COUNT, 3);
		SET(EXIT_MSR_STORE_COUNT, 3);
		break;
	case APIC:
		primary = PRIMARY_TPR_SHADOW;
		secondary = SECONDARY_APIC_ACCESSES | SECONDARY_APIC_REGISTERS;
		break;
	case X2APIC:
		primary = PRIMARY_TPR_SHADOW;
		secondary = SECONDARY_X2APIC | SECONDARY_APIC_REGISTERS |
			    SECONDARY_INTERRUPT_DELIVERY;
		pins = PIN_POSTED_INTERRUPTS;
		ADD(EXIT_CONTROLS, EXITS_ACK_INTERRUPT);
		break;
	case FEATURES:
		pins = PIN_VIRTUAL_NMIS;
		primary = PRIMARY_NMI_WINDOW | PRIMARY_IO_BITMAPS | PRIMARY_MSR_BITMAPS |
			  PRIMARY_TPR_SHADOW;
		secondary = ~(u64)(SECONDARY_X2APIC | SECONDARY_APIC_ACCESSES |
				   SECONDARY_APIC_REGISTERS | SECONDARY_INTERRUPT_DELIVERY |
				   SECONDARY_PT_GUEST);
		SET(TSC_MULTIPLIER, 1ull << 48);
		break;
	}
	ADD(PIN_CONTROLS, controls(IA32_VMX_PINBASED_CTLS, IA32_VMX_TRUE_PINBASED_CTLS, pins));
	ADD(PRIMARY_CONTROLS,
	    controls(IA32_VMX_PROCBASED_CTLS, IA32_VMX_TRUE_PROCBASED_CTLS, primary));
	ADD(SECONDARY_CONTROLS, controls(IA32_VMX_PROCBASED_CTLS2, 0, secondary));
}

static void control_area(struct rules_vmx_state *s, const struct base *b)
{
	static const u16 pages[] = { AT_IO_BITMAP_A,
				     AT_IO_BITMAP_B,
				     AT_MSR_BITMAP,
				     AT_PML_ADDRESS,
				     AT_EPTP_LIST_ADDRESS,
				     AT_VMREAD_BITMAP,
				     AT_VMWRITE_BITMAP,
				     AT_VE_INFORMATION_ADDRESS,
				     AT_SPP_TABLE_POINTER,
				     AT_APIC_ACCESS_ADDRESS,
				     AT_POSTED_INTERRUPT_DESCRIPTOR };

	/* One of these ends the guest before its first instruction. */
	SET(PIN_CONTROLS, controls(IA32_VMX_PINBASED_CTLS, IA32_VMX_TRUE_PINBASED_CTLS,
				   PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_PREEMPTION_TIMER));
	SET(PRIMARY_CONTROLS, controls(IA32_VMX_PROCBASED_CTLS, IA32_VMX_TRUE_PROCBASED_CTLS,
				       PRIMARY_HLT | PRIMARY_UNCONDITIONAL_IO | PRIMARY_SECONDARY));
	SET(SECONDARY_CONTROLS, controls(IA32_VMX_PROCBASED_CTLS2, 0,
					 (b->ept ? SECONDARY_EPT : 0) |
						 (b->unrestricted ? SECONDARY_UNRESTRICTED : 0)));
	SET(EXIT_CONTROLS,
	    controls(IA32_VMX_EXIT_CTLS, IA32_VMX_TRUE_EXIT_CTLS, EXITS_HOST_LONG_MODE));
	SET(ENTRY_CONTROLS, controls(IA32_VMX_ENTRY_CTLS, IA32_VMX_TRUE_ENTRY_CTLS,
				     b->longmode ? ENTRY_LONG_MODE : 0));
	SET(EXCEPTION_BITMAP, ~0u);
	SET(VPID, 1);
	SET(EPT_POINTER, (size_t)(b->cr0 & CR0_PG ? ept_id : ept_all) | 3 << 3 | 6);
	SET(VIRTUAL_APIC_ADDRESS, (size_t)scratch[0]);
	SET(ENTRY_MSR_LOAD_ADDRESS, (size_t)entry_area);
	SET(EXIT_MSR_LOAD_ADDRESS, (size_t)exit_load);
	SET(EXIT_MSR_STORE_ADDRESS, (size_t)exit_store);
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++)
		s->value[pages[i]] = (size_t)scratch[1];
	more_controls(s, b);
	if (b->kind == EVENT) {
		bool protected_mode = b->cr0 & CR0_PE;

		SET(ENTRY_INTERRUPTION_INFO, INTR_INFO_VALID | INTR_HARDWARE_EXCEPTION << 8 |
						     VECTOR_GP |
						     (protected_mode ? INTR_INFO_ERROR_CODE : 0));
		SET(ENTRY_EXCEPTION_ERROR_CODE, 0x18);
		SET(ENTRY_INSTRUCTION_LENGTH, 2);
	}
}

static u64 guest_cr3(const struct base *b)
{
	return (size_t)(b->longmode ? (void *)pml : b->cr4 & CR4_PAE ? (void *)pae : (void *)pd32);
}

static void build_base(struct rules_vmx_state *s, const struct base *b)
{
	*s = *facts;
	host_area(s);
	control_area(s, b);
	segments(s, b);
	SET(GUEST_CR0, b->cr0);
	SET(GUEST_CR3, guest_cr3(b));
	SET(GUEST_CR4, b->cr4 | msr(IA32_VMX_CR4_FIXED0));
	SET(GUEST_EFER, b->longmode ? EFER_LMA | EFER_LME : 0);
	SET(GUEST_PAT, PAT_RESET);
	SET(GUEST_DR7, DR7_ONE);
	SET(GUEST_RFLAGS, b->rflags);
	SET(GUEST_RIP, 0x1000);
	SET(GUEST_RSP, 0x1000);
	SET(GUEST_ACTIVITY, b->kind == HALTED);
	SET(VMCS_LINK_POINTER, ~0ull);
	for (u32 i = 0; i < 4; i++)
		s->value[AT_GUEST_PDPTE_0 + i] = pae[i];
	for (u32 i = 0; i < VMX_FIELD_COUNT; i++)
		if (!has[i])
			s->value[i] = 0;
}

static struct rules_vmx_state built[ARRAY_SIZE(bases)];

/* ---- what the program survives ---- */

/* An address below 4 GiB, where something is, becomes one in @page. */
static u64 inside(const void *page, u64 value)
{
	return value >= FOUR_GIB ? value : (size_t)page | (value & 0xfff);
}

static u64 linked(u64 value)
{
	const void *const pages[] = { links[0], links[1], links[2], vmcs_region, vmxon_region };

	return value >= FOUR_GIB ? value : (size_t)pages[(value >> 12) % 5] | (value & 0xfff);
}

/* The value nearest to @value with which the host goes on, or with which the entry fails. */
static u64 survivable(const struct base *b, u32 field, u64 value)
{
	switch (field) {
	case AT_HOST_RIP:
		return rules_canonical(value, 48) ? (size_t)vmx_exit_stub : value;
	case AT_HOST_CR3:
		return value >> physical_bits ? value : (size_t)pml4 | (value & 0xfff);
	case AT_GUEST_CR3:
		return value >= FOUR_GIB ? value : guest_cr3(b) | (value & 0xfff);
	case AT_EPT_POINTER:
		return inside(b->cr0 & CR0_PG ? ept_id : ept_all, value);
	case AT_VMCS_LINK_POINTER:
		return linked(value);
	case AT_ENTRY_MSR_LOAD_ADDRESS:
		return inside(entry_area, value);
	case AT_EXIT_MSR_LOAD_ADDRESS:
		return inside(exit_load, value);
	case AT_EXIT_MSR_STORE_ADDRESS:
		return inside(exit_store, value);
	case AT_VIRTUAL_APIC_ADDRESS:
		return inside(scratch[value >> 12 & 1], value);
	case AT_IO_BITMAP_A:
	case AT_IO_BITMAP_B:
	case AT_MSR_BITMAP:
	case AT_PML_ADDRESS:
	case AT_APIC_ACCESS_ADDRESS:
	case AT_POSTED_INTERRUPT_DESCRIPTOR:
	case AT_EPTP_LIST_ADDRESS:
	case AT_VMREAD_BITMAP:
	case AT_VMWRITE_BITMAP:
	case AT_VE_INFORMATION_ADDRESS:
	case AT_SPP_TABLE_POINTER:
		return inside(scratch[2], value);
	}
	return value;
}

/*
 * An MSR area that is valid by its address must not be long: counts above what IA32_VMX_MISC
 * recommends are undefined (A.6). One for the exit has to be where the good entries are, for
 * nothing is left of a machine that fails to load them.
 */
static void shorten(struct rules_vmx_state *s, u32 address, u32 count, bool at_exit)
{
	u64 at = s->value[address], entries = s->value[count] & 0x0fffffff;

	s->value[count] = entries;
	if (at & 15 || (at + entries * 16 - 1) >> physical_bits)
		return;
	s->value[count] = entries & 15;
	if (at_exit && at >= FOUR_GIB)
		s->value[count] = 0;
}

/* A guest that nothing wakes: an entry that fails at its last step shows that all else was good. */
static bool sleeps_forever(const struct rules_vmx_state *s)
{
	u64 activity = s->value[AT_GUEST_ACTIVITY];

	if (s->value[AT_ENTRY_INTERRUPTION_INFO] & INTR_INFO_VALID)
		return false; /* that wakes it, or is not valid there */
	return activity == 2 || activity == 3 ||
	       (activity == 1 && !(s->value[AT_PIN_CONTROLS] & PIN_EXTERNAL_INTERRUPT));
}

static u32 word_at(u64 address)
{
	return address < FOUR_GIB ? *(volatile u32 *)(size_t)address : ~0u;
}

static void facts_of(struct rules_vmx_state *s)
{
	const u64 *v = s->value;
	u64 area = v[AT_ENTRY_MSR_LOAD_ADDRESS];

	rules_vmx_set_fact(s, RULES_VIRTUAL_TPR,
			   word_at((v[AT_VIRTUAL_APIC_ADDRESS] & ~3ull) + 0x80));
	rules_vmx_set_fact(s, RULES_LINKED_VMCS, word_at(v[AT_VMCS_LINK_POINTER] & ~3ull));
	/* Bits 31:5 of CR3, whatever else is set (4.4.1). */
	for (u32 i = 0; i < 4; i++) {
		u64 entry = (v[AT_GUEST_CR3] & 0xffffffe0) + 8 * i;

		rules_vmx_set_fact(s, (enum rules_vmx_fact)(RULES_PDPTE_0 + i),
				   word_at(entry) | (u64)word_at(entry + 4) << 32);
	}
	s->entry_load = area < FOUR_GIB ? (const void *)(size_t)(area & ~15ull) : nowhere;
	s->entry_loads = 16;
}

void vmx_build_state(struct rules_vmx_state *state, const struct state *s, u32 which)
{
	*state = built[s->base];
	for (u32 i = 0; i < s->changes; i++)
		if (which >> i & 1)
			state->value[s->change[i].what] = s->change[i].value;
	if (sleeps_forever(state)) {
		state->value[AT_ENTRY_MSR_LOAD_ADDRESS] = (size_t)&never;
		state->value[AT_ENTRY_MSR_LOAD_COUNT] = 1;
	}
	shorten(state, AT_ENTRY_MSR_LOAD_ADDRESS, AT_ENTRY_MSR_LOAD_COUNT, false);
	shorten(state, AT_EXIT_MSR_LOAD_ADDRESS, AT_EXIT_MSR_LOAD_COUNT, true);
	shorten(state, AT_EXIT_MSR_STORE_ADDRESS, AT_EXIT_MSR_STORE_COUNT, true);
	facts_of(state);
}

/* ---- changes ---- */

/* Bits 11:10 of the encoding: 1 is what exits tell (25.11.2). */
bool vmx_writable(u32 field)
{
	return has[field] && (rules_vmx_encoding(field) >> 10 & 3) != 1;
}

static u32 bits_of(u32 field)
{
	return vmx_writable(field) ? 8 * rules_vmx_bytes(field) : 0;
}

static u32 all_bits;

u32 vmx_single_bits(void)
{
	return all_bits;
}

/* The event to inject is worth an idea of its own. */
static u64 event(struct random *r)
{
	u64 value = INTR_INFO_VALID | (u64)random_below(r, 8) << 8;

	value |= random_below(r, 2) ? random_below(r, 34) : random_below(r, 256);
	if (random_below(r, 3) == 0)
		value = (value & ~0x700ull) | INTR_HARDWARE_EXCEPTION << 8;
	return random_below(r, 2) ? value : value | INTR_INFO_ERROR_CODE;
}

static u64 new_value(struct random *r, u32 field, u64 old)
{
	switch (field) {
	case AT_ENTRY_INTERRUPTION_INFO:
		if (random_below(r, 3))
			return event(r);
		break;
	case AT_GUEST_ACTIVITY:
		if (random_below(r, 2))
			return random_below(r, 5);
		break;
	case AT_GUEST_INTERRUPTIBILITY:
		if (random_below(r, 2))
			return random_below(r, 32);
		break;
	case AT_GUEST_PENDING_DEBUG:
		if (random_below(r, 2))
			return random_next(r) & 0x1700f;
		break;
	case AT_GUEST_DEBUGCTL:
		if (random_below(r, 2))
			return random_below(r, 4);
		break;
	case AT_ENTRY_MSR_LOAD_COUNT:
	case AT_EXIT_MSR_LOAD_COUNT:
	case AT_EXIT_MSR_STORE_COUNT:
		if (random_below(r, 2))
			return random_below(r, 16);
		break;
	}
	return interesting(r, old, 8 * rules_vmx_bytes(field), physical_bits);
}

/* Those that most rules ask for. */
static const u16 hot[] = {
	AT_PIN_CONTROLS,
	AT_PRIMARY_CONTROLS,
	AT_SECONDARY_CONTROLS,
	AT_EXIT_CONTROLS,
	AT_ENTRY_CONTROLS,
	AT_GUEST_CR0,
	AT_GUEST_CR4,
	AT_GUEST_RFLAGS,
	AT_GUEST_EFER,
	AT_GUEST_ACTIVITY,
	AT_GUEST_INTERRUPTIBILITY,
	AT_ENTRY_INTERRUPTION_INFO,
	AT_GUEST_PENDING_DEBUG,
	AT_GUEST_DEBUGCTL,
	AT_GUEST_CS_ACCESS_RIGHTS,
	AT_GUEST_SS_ACCESS_RIGHTS,
	AT_GUEST_DS_ACCESS_RIGHTS,
	AT_GUEST_LDTR_ACCESS_RIGHTS,
	AT_GUEST_TR_ACCESS_RIGHTS,
	AT_GUEST_CS_SELECTOR,
	AT_GUEST_SS_SELECTOR,
	AT_GUEST_CS_LIMIT,
	AT_GUEST_RIP,
	AT_VMCS_LINK_POINTER,
	AT_EPT_POINTER,
	AT_ENTRY_MSR_LOAD_COUNT,
	AT_ENTRY_MSR_LOAD_ADDRESS,
	AT_TPR_THRESHOLD,
	AT_ENTRY_EXCEPTION_ERROR_CODE,
	AT_ENTRY_INSTRUCTION_LENGTH,
	AT_GUEST_CR3,
	AT_GUEST_PDPTE_0,
	AT_HOST_CR4,
	AT_HOST_CR0,
};

static void change(struct state *s, struct change *c, u32 field, u64 value)
{
	c->what = (u16)field;
	c->bytes = (u8)rules_vmx_bytes(field);
	if (c->bytes < 8)
		value &= (1ull << 8 * c->bytes) - 1;
	c->value = survivable(&bases[s->base], field, value);
}

static void single_bit(struct state *s, u32 bit)
{
	u32 field = 0;

	for (; bit >= bits_of(field); field++)
		bit -= bits_of(field);
	s->changes = 1;
	change(s, &s->change[0], field, built[s->base].value[field] ^ 1ull << bit);
}

#include "tests/rules/vmx_ideas.h"

/*
 * Every fourth state changes a single bit: all bits of all fields in their turn, in an order in
 * which short runs see some of each. Another fourth are the ideas.
 */
#define STRIDE 7919u
static bool planned_state(struct state *s, u64 n)
{
	if (n % 4 == 0) {
		single_bit(s, (u32)(n / 4 * STRIDE % all_bits));
		return true;
	}
	if (n % 4 == 1)
		return idea(s, &ideas[n / 4 % ARRAY_SIZE(ideas)]);
	return false;
}

void vmx_choose_state(struct state *s, u64 seed, u64 n)
{
	struct random r = { seed * 0x9e3779b97f4a7c15ull ^ n << 20 };

	s->base = random_below(&r, ARRAY_SIZE(bases));
	if (planned_state(s, n))
		return;
	s->changes = 1 + random_below(&r, MAX_CHANGES);
	for (u32 i = 0; i < s->changes; i++) {
		u32 field;

		do
			field = random_below(&r, 2) ? hot[random_below(&r, ARRAY_SIZE(hot))]
						    : random_below(&r, VMX_FIELD_COUNT);
		while (!vmx_writable(field));
		change(s, &s->change[i], field, new_value(&r, field, built[s->base].value[field]));
	}
}

void vmx_states_start(const struct rules_vmx_state *processor, const bool *fields)
{
	facts = processor;
	has = fields;
	physical_bits = (u32)facts->value[RULES_VMX_FACT(RULES_PHYSICAL_BITS)];
	guest_memory();
	msr_areas();
	*(u32 *)links[0] = BASIC_REVISION(msr(IA32_VMX_BASIC));
	*(u32 *)links[1] = BASIC_REVISION(msr(IA32_VMX_BASIC)) | 1u << 31;
	for (u32 i = 0; i < ARRAY_SIZE(bases); i++)
		build_base(&built[i], &bases[i]);
	for (u32 i = 0; i < VMX_FIELD_COUNT; i++)
		all_bits += bits_of(i);
}
