// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * CPUID: what swivl can offer on this processor, and what a guest sees of what the caller set.
 * What is not in a mask here is hidden, so a feature of tomorrow's processors is, too. Hidden on
 * purpose: VMX and SVM, MONITOR, performance counters, protection keys and everything else whose
 * state or controls are not switched between guest and host.
 */
#include "core/vm/request.h"
#include "core/x86/cpu.h"
#include "core/x86/fpu.h"
#include "core/x86/regs.h"

#define MAX_BASIC 0xdu
#define MAX_EXTENDED 0x80000008u
#define MAX_HYPERVISOR 0x40000001u
#define HYPERVISOR 0x40000000u
#define EXTENDED 0x80000000u

#define ALL 0xffffffffu
#define B(n) (1u << (n))

/* What a guest can have, by leaf and sub-leaf (SDM vol. 2, CPUID). */
static const struct {
	u32 leaf, subleaf;
	struct x86_cpuid pass; /* bits that it has if the processor has them */
	struct x86_cpuid ours; /* bits that it has in any case */
} masks[] = {
	{ 0x1, 0,
	  { .eax = ALL,
	    .ebx = 0xffff, /* brand and CLFLUSH line; the APIC ID is the caller's to set */
	    .ecx = B(0) | B(1) | B(9) | B(12) | B(13) | B(17) | B(19) | B(20) | B(22) | B(23) |
		   B(25) | B(26) | B(28) | B(29) | B(30),
	    .edx = 0x3ff | B(11) | B(12) | B(13) | B(14) | B(15) | B(16) | B(17) | B(19) | B(23) |
		   B(24) | B(25) | B(26) | B(27) },
	  { .ecx = CPUID_1_ECX_HYPERVISOR | CPUID_1_ECX_X2APIC } },
	{ 0x2, 0, { ALL, ALL, ALL, ALL } },
	{ 0x4, 0, { 0x3fff, ALL, ALL, ALL } }, /* caches; nobody shares them */
	{ 0x6, 0, { 0 }, { .eax = B(2) } }, /* the APIC timer never stops */
	{ 0x7, 0,
	  { .ebx = B(0) | B(3) | B(4) | B(5) | B(6) | B(7) | B(8) | B(9) | B(10) | B(11) | B(13) |
		   B(16) | B(17) | B(18) | B(19) | B(20) | B(21) | B(23) | B(24) | B(26) | B(27) |
		   B(28) | B(29) | B(30) | B(31),
	    .ecx = B(1) | B(2) | B(6) | B(8) | B(9) | B(10) | B(11) | B(12) | B(14) | B(22) |
		   B(25) | B(27) | B(28),
	    .edx = B(2) | B(3) | B(4) | B(8) | B(10) | B(14) | B(16) },
	  { .ebx = B(1) } }, /* TSC_ADJUST */
	{ 0x7, 1, { .eax = B(4) | B(5) | B(10) | B(11) | B(12) } },
	{ 0xd, 1, { .eax = B(0) | B(1) | B(2) } }, /* XSAVEOPT, XSAVEC, XGETBV with ECX 1 */
	/* The signature of the interface, which is KVM's; no paravirtual features. */
	{ HYPERVISOR, 0, { 0 }, { MAX_HYPERVISOR, 0x4b4d564b, 0x564b4d56, 0x4d } },
	{ 0x80000001, 0,
	  { .eax = ALL,
	    .ebx = ALL,
	    .ecx = B(0) | B(5) | B(6) | B(7) | B(8) | B(11) | B(16) | B(21),
	    .edx = 0x3ff | B(11) | B(12) | B(13) | B(14) | B(15) | B(16) | B(17) | B(20) | B(22) |
		   B(23) | B(24) | B(26) | B(27) | B(29) | B(30) | B(31) } },
	{ 0x80000002, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000003, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000004, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000005, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000006, 0, { ALL, ALL, ALL, ALL } },
	{ 0x80000007, 0, { .edx = B(8) } }, /* the TSC is invariant */
	{ 0x80000008, 0, { .ebx = B(0) | B(2) | B(9) } },
};

/* Of these, bits that are of no use without state or controls that have to be there for guests. */
static const struct {
	u32 leaf, subleaf;
	struct x86_cpuid bits;
	u64 xcr0; /* the XSAVE area has these registers */
	u32 vendor; /* the vendor switches the instructions on */
} needs[] = {
	{ 0x1, 0, { .ecx = CPUID_1_ECX_XSAVE }, XCR0_X87 },
	{ 0x1, 0, { .ecx = B(12) | B(28) | B(29) }, XCR0_AVX }, /* FMA, AVX, F16C */
	{ 0x7, 0, { .ebx = B(5), .ecx = B(9) | B(10) }, XCR0_AVX }, /* AVX2, VAES, VPCLMULQDQ */
	{ 0x7, 0,
	  { .ebx = B(16) | B(17) | B(21) | B(26) | B(27) | B(28) | B(30) | B(31),
	    .ecx = B(1) | B(6) | B(11) | B(12) | B(14),
	    .edx = B(2) | B(3) | B(8) },
	  XCR0_AVX512 },
	{ 0x7, 0, { .ebx = CPUID_7_EBX_INVPCID }, .vendor = VENDOR_INVPCID },
	{ 0x7, 0, { .ecx = B(22) }, .vendor = VENDOR_RDTSCP }, /* RDPID */
	{ 0x7, 1, { .eax = B(4) }, XCR0_AVX },
	{ 0x7, 1, { .eax = B(5) }, XCR0_AVX512 },
	{ 0xd, 1, { .eax = ALL }, XCR0_X87 },
	{ 0x80000001, 0, { .edx = CPUID_X1_EDX_RDTSCP }, .vendor = VENDOR_RDTSCP },
};

static u32 min_u32(u32 a, u32 b)
{
	return a < b ? a : b;
}

static struct x86_cpuid passed(u32 leaf, u32 subleaf)
{
	struct x86_cpuid none = { 0 }, host;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		if (masks[i].leaf != leaf || (leaf != 4 && masks[i].subleaf != subleaf))
			continue;
		host = x86_cpuid(leaf, subleaf);
		host.eax = (host.eax & masks[i].pass.eax) | masks[i].ours.eax;
		host.ebx = (host.ebx & masks[i].pass.ebx) | masks[i].ours.ebx;
		host.ecx = (host.ecx & masks[i].pass.ecx) | masks[i].ours.ecx;
		host.edx = (host.edx & masks[i].pass.edx) | masks[i].ours.edx;
		return host;
	}
	return none;
}

static void drop_useless(u32 leaf, u32 subleaf, struct x86_cpuid *r)
{
	u32 features = vendor->features ? vendor->features() : 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		if (needs[i].leaf != leaf || needs[i].subleaf != subleaf)
			continue;
		if (needs[i].xcr0 ? (fpu.features & needs[i].xcr0) != 0 :
				    (features & needs[i].vendor) != 0)
			continue;
		r->eax &= ~needs[i].bits.eax;
		r->ebx &= ~needs[i].bits.ebx;
		r->ecx &= ~needs[i].bits.ecx;
		r->edx &= ~needs[i].bits.edx;
	}
}

/* Leaf 0xD: the XSAVE area. What follows from the guest's XCR0 is put in when it asks. */
static void adjust_d(u32 subleaf, struct x86_cpuid *r)
{
	u64 features = fpu.features;

	if (subleaf == 0) {
		r->eax = features;
		r->edx = features >> 32;
		r->ebx = r->ecx = features ? fpu.size : 0;
	} else if (subleaf == 1 && !fpu.compacts) {
		r->eax &= ~CPUID_D1_EAX_XSAVEC;
	} else if (subleaf > 1 && subleaf < 63 && (features >> subleaf & 1)) {
		*r = x86_cpuid(0xd, subleaf);
		r->ecx &= B(1); /* aligned in the compacted format; bit 0 would be for IA32_XSS */
		r->edx = 0;
	}
}

static void adjust_x8(struct x86_cpuid *r)
{
	u32 phys = 36;

	if (x86_cpuid(EXTENDED, 0).eax >= 0x80000008)
		phys = x86_cpuid(0x80000008, 0).eax & 0xff;
	r->eax = min_u32(phys, vendor->stage2_bits()) | 48 << 8;
}

/* What is offered in one leaf and sub-leaf. */
static struct x86_cpuid offered(u32 leaf, u32 subleaf)
{
	u32 max_basic = min_u32(x86_cpuid(0, 0).eax, MAX_BASIC);
	u32 max_extended = min_u32(x86_cpuid(EXTENDED, 0).eax, MAX_EXTENDED);
	struct x86_cpuid r = { 0 };

	if ((leaf < HYPERVISOR && leaf > max_basic) || (leaf >= EXTENDED && leaf > max_extended))
		return r;
	r = passed(leaf, subleaf);
	drop_useless(leaf, subleaf, &r);
	switch (leaf) {
	case 0:
	case EXTENDED:
		r = x86_cpuid(leaf, 0);
		r.eax = leaf ? max_extended : max_basic;
		break;
	case 7:
		if (subleaf == 0)
			r.eax = min_u32(x86_cpuid(7, 0).eax, 1);
		break;
	case 0xd:
		adjust_d(subleaf, &r);
		break;
	case 0x80000008:
		adjust_x8(&r);
		break;
	}
	return r;
}

static bool has_bit(struct x86_cpuid r, unsigned int reg, unsigned int bit)
{
	const u32 regs[4] = { r.eax, r.ebx, r.ecx, r.edx };

	return regs[reg & 3] >> bit & 1;
}

bool cpuid_offers(u32 leaf, u32 subleaf, unsigned int reg, unsigned int bit)
{
	return has_bit(offered(leaf, subleaf), reg, bit);
}

/* ---- KVM_GET_SUPPORTED_CPUID ----------------------------------------------------------------- */

static void set_registers(struct kvm_cpuid_entry2 *e, const struct x86_cpuid *r)
{
	e->eax = r->eax;
	e->ebx = r->ebx;
	e->ecx = r->ecx;
	e->edx = r->edx;
}

static bool has_subleaves(u32 leaf)
{
	return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
}

static int add_entry(struct request *rq, u32 leaf, u32 subleaf, const struct x86_cpuid *r)
{
	struct kvm_cpuid2 *list = rq->data;
	struct kvm_cpuid_entry2 *e;

	if (rq->entries_out == rq->room)
		return -SWIVL_E2BIG;
	e = &list->entries[rq->entries_out++];
	e->function = leaf;
	e->index = subleaf;
	e->flags = has_subleaves(leaf) ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	set_registers(e, r);
	return 0;
}

/* Is sub-leaf @subleaf the last that is worth an entry? */
static bool last_subleaf(u32 leaf, u32 subleaf, const struct x86_cpuid *r)
{
	switch (leaf) {
	case 4:
		return !(r->eax & 0x1f) || subleaf > 16;
	case 7:
		return subleaf == min_u32(x86_cpuid(7, 0).eax, 1);
	case 0xd:
		return !fpu.features || subleaf == 62;
	default:
		return true;
	}
}

static int add_leaf(struct request *rq, u32 leaf)
{
	u32 subleaf = 0;

	for (;; subleaf++) {
		struct x86_cpuid r = offered(leaf, subleaf);
		int err;

		/* Features of the XSAVE area that are not there have no entry. */
		if (leaf != 0xd || subleaf < 2 || r.eax) {
			err = add_entry(rq, leaf, subleaf, &r);
			if (err)
				return err;
		}
		if (last_subleaf(leaf, subleaf, &r))
			return 0;
	}
}

static int add_range(struct request *rq, u32 first)
{
	u32 last = offered(first, 0).eax, leaf;
	int err;

	for (leaf = first; leaf <= last; leaf++) {
		err = add_leaf(rq, leaf);
		if (err)
			return err;
	}
	return 0;
}

long rq_get_supported_cpuid(struct request *rq)
{
	struct kvm_cpuid2 *list = rq->data;
	int err = rq->room ? add_range(rq, 0) : -SWIVL_E2BIG;

	if (!err)
		err = add_range(rq, HYPERVISOR);
	if (!err)
		err = add_range(rq, EXTENDED);
	list->nent = rq->entries_out;
	return err;
}

/* ---- a vCPU's CPUID ---------------------------------------------------------------------------- */

/* Where the search for a leaf begins: guests ask often, and their kernels ask for all. */
static unsigned int start_of(u32 leaf)
{
	return (leaf % (VCPU_CPUID_STARTS / 2)) | (leaf & EXTENDED ? VCPU_CPUID_STARTS / 2 : 0);
}

static void index_entries(struct vcpu *vcpu)
{
	u32 i = vcpu->ncpuid;

	memset(vcpu->cpuid_start, 0xff, sizeof(vcpu->cpuid_start));
	while (i--)
		vcpu->cpuid_start[start_of(vcpu->cpuid[i].function)] = i;
}

static const struct kvm_cpuid_entry2 *find(const struct vcpu *vcpu, u32 leaf, u32 subleaf)
{
	u32 i;

	for (i = vcpu->cpuid_start[start_of(leaf)]; i < vcpu->ncpuid; i++) {
		const struct kvm_cpuid_entry2 *e = &vcpu->cpuid[i];

		if (e->function == leaf && (e->index == subleaf ||
					    !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return e;
	}
	return NULL;
}

/* Size of the XSAVE area for these features; compacted or standard (SDM vol. 1, 13.4.2, .3). */
static u32 xsave_size(const struct vcpu *vcpu, u64 features, bool compacted)
{
	u32 size = 576, i;

	for (i = 2; i < 63; i++) {
		const struct kvm_cpuid_entry2 *e;

		if (!(features >> i & 1))
			continue;
		e = find(vcpu, 0xd, i);
		if (!e)
			continue;
		if (compacted)
			size = (e->ecx & B(1) ? (size + 63) & ~63u : size) + e->eax;
		else if (e->ebx + e->eax > size)
			size = e->ebx + e->eax;
	}
	return size;
}

/* Bits that follow from the state of the vCPU. */
static void apply_state(struct vcpu *vcpu, const struct kvm_cpuid_entry2 *e, struct x86_cpuid *r)
{
	const struct vcpu_state *s = &vcpu->state;

	switch (e->function) {
	case 1:
		vcpu_need(vcpu, STATE_CR);
		r->ecx &= ~CPUID_1_ECX_OSXSAVE;
		if (s->cr4 & CR4_OSXSAVE)
			r->ecx |= CPUID_1_ECX_OSXSAVE;
		if (!(s->apic_base & APIC_BASE_ENABLED))
			r->edx &= ~CPUID_1_EDX_APIC;
		break;
	case 7:
		if (e->index == 0)
			r->ecx &= ~B(4); /* OSPKE: CR4.PKE cannot be set */
		break;
	case 0xd:
		if (e->index == 0 && e->eax)
			r->ebx = xsave_size(vcpu, s->xcr0, false);
		else if (e->index == 1 && (e->eax & B(1)))
			r->ebx = xsave_size(vcpu, s->xcr0, true);
		break;
	}
}

/*
 * Beyond the highest basic leaf an Intel processor answers with that leaf (SDM vol. 2, CPUID);
 * AMD's with zeros.
 */
static const struct kvm_cpuid_entry2 *beyond(const struct vcpu *vcpu, u32 leaf, u32 subleaf)
{
	const struct kvm_cpuid_entry2 *basic = find(vcpu, 0, 0), *class;

	if (!basic || basic->ebx == 0x68747541 /* Auth enticAMD */)
		return NULL;
	if (leaf >= HYPERVISOR && leaf < 0x50000000)
		class = find(vcpu, leaf & 0xffffff00, 0);
	else
		class = find(vcpu, leaf & EXTENDED, 0);
	if (class && leaf <= class->eax)
		return NULL;
	return find(vcpu, basic->eax, subleaf);
}

/* The leaf alone decides, and nothing of the vCPU's state shows in it. */
static bool is_plain(const struct kvm_cpuid_entry2 *e)
{
	return !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) && e->function != 1 &&
	       e->function != 7 && e->function != 0xd;
}

static struct x86_cpuid registers_of(const struct kvm_cpuid_entry2 *e)
{
	return (struct x86_cpuid){ e->eax, e->ebx, e->ecx, e->edx };
}

static void cpuid_slow(struct vcpu *vcpu, u32 leaf, u32 subleaf)
{
	const struct kvm_cpuid_entry2 *found = find(vcpu, leaf, subleaf);
	struct x86_cpuid r = { 0 };

	if (!found)
		found = beyond(vcpu, leaf, subleaf);
	if (found) {
		r = registers_of(found);
		apply_state(vcpu, found, &r);
	} else if (leaf == 0xb) {
		/* Past the last level of the topology: the level asked for, the x2APIC ID. */
		found = find(vcpu, leaf, 1);
		if (found) {
			r.ecx = subleaf & 0xff;
			r.edx = found->edx;
		}
	}
	vcpu->gpr[RAX] = r.eax;
	vcpu->gpr[RBX] = r.ebx;
	vcpu->gpr[RCX] = r.ecx;
	vcpu->gpr[RDX] = r.edx;
}

void vcpu_cpuid(struct vcpu *vcpu)
{
	const u32 leaf = vcpu->gpr[RAX], at = vcpu->cpuid_start[start_of(leaf)];
	const struct kvm_cpuid_entry2 *e = at < vcpu->ncpuid ? &vcpu->cpuid[at] : NULL;

	if (!e || e->function != leaf || !is_plain(e)) {
		cpuid_slow(vcpu, leaf, vcpu->gpr[RCX]);
		return;
	}
	vcpu->gpr[RAX] = e->eax;
	vcpu->gpr[RBX] = e->ebx;
	vcpu->gpr[RCX] = e->ecx;
	vcpu->gpr[RDX] = e->edx;
}

bool vcpu_has_cpuid(struct vcpu *vcpu, u32 leaf, u32 subleaf, unsigned int reg, unsigned int bit)
{
	const struct kvm_cpuid_entry2 *e = find(vcpu, leaf, subleaf);

	return e && has_bit(registers_of(e), reg, bit);
}

/* ---- KVM_SET_CPUID and its like ----------------------------------------------------------------- */

static bool has_run(const struct vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < EXIT_KINDS; i++)
		if (vcpu->exits[i])
			return true;
	return false;
}

/* The same as what is set, but for the bits that follow from the state? */
static bool same_as_set(struct vcpu *vcpu, const struct kvm_cpuid_entry2 *new, u32 n)
{
	u32 i;

	if (n != vcpu->ncpuid)
		return false;
	for (i = 0; i < n; i++) {
		const struct kvm_cpuid_entry2 *a = &vcpu->cpuid[i], *b = &new[i];
		struct x86_cpuid ra = registers_of(a), rb = registers_of(b);

		if (a->function != b->function || a->index != b->index || a->flags != b->flags)
			return false;
		apply_state(vcpu, a, &ra);
		apply_state(vcpu, b, &rb);
		if (memcmp(&ra, &rb, sizeof(ra)))
			return false;
	}
	return true;
}

/* Only address widths that page tables can have: 48 bits, 57, or not said. */
static bool widths_are_valid(const struct kvm_cpuid_entry2 *e, u32 n)
{
	for (; n; e++, n--) {
		u32 linear = e->eax >> 8 & 0xff;

		if (e->function == 0x80000008 && linear != 48 && linear != 57 && linear != 0)
			return false;
	}
	return true;
}

static void derive(struct vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = find(vcpu, 0xd, 0);
	u64 bits;

	vcpu->cpuid_xcr0 = e ? (e->eax | (u64)e->edx << 32) & fpu.features : 0;
	e = find(vcpu, 0x80000008, 0);
	bits = e ? e->eax & 0xff : GUEST_PHYS_BITS_DEFAULT;
	vcpu->guest_phys_bits = bits < 32 || bits > 52 ? GUEST_PHYS_BITS_DEFAULT : bits;
	vcpu_derive_cr4(vcpu);
	vcpu_touch(vcpu, STATE_CR);
	vcpu->dirty |= STATE_INTERCEPTS;
}

static long set_entries(struct vcpu *vcpu, const struct kvm_cpuid_entry2 *entries, u32 n)
{
	struct kvm_cpuid_entry2 *copy;

	/* A guest that has seen its processor keeps it. */
	if (has_run(vcpu))
		return same_as_set(vcpu, entries, n) ? 0 : -SWIVL_EINVAL;
	if (!widths_are_valid(entries, n))
		return -SWIVL_EINVAL;
	copy = host_alloc((n ? n : 1) * sizeof(*copy));
	if (!copy)
		return -SWIVL_ENOMEM;
	memcpy(copy, entries, n * sizeof(*copy));
	host_free(vcpu->cpuid);
	vcpu->cpuid = copy;
	vcpu->ncpuid = n;
	index_entries(vcpu);
	derive(vcpu);
	return 0;
}

long rq_set_cpuid2(struct request *rq)
{
	const struct kvm_cpuid2 *list = rq->data;

	return set_entries(rq->vcpu, list->entries, rq->room);
}

/* The older entries are leaves without sub-leaves. */
long rq_set_cpuid(struct request *rq)
{
	const struct kvm_cpuid *list = rq->data;
	struct kvm_cpuid_entry2 *entries;
	u32 i;
	long ret;

	entries = host_alloc((rq->room + 1) * sizeof(*entries));
	if (!entries)
		return -SWIVL_ENOMEM;
	for (i = 0; i < rq->room; i++) {
		const struct kvm_cpuid_entry *e = &list->entries[i];
		struct x86_cpuid r = { e->eax, e->ebx, e->ecx, e->edx };

		entries[i].function = e->function;
		set_registers(&entries[i], &r);
	}
	ret = set_entries(rq->vcpu, entries, rq->room);
	host_free(entries);
	return ret;
}

long rq_get_cpuid2(struct request *rq)
{
	struct kvm_cpuid2 *list = rq->data;
	struct vcpu *vcpu = rq->vcpu;
	u32 i;

	if (rq->room < vcpu->ncpuid)
		return -SWIVL_E2BIG;
	for (i = 0; i < vcpu->ncpuid; i++) {
		struct x86_cpuid r = registers_of(&vcpu->cpuid[i]);

		apply_state(vcpu, &vcpu->cpuid[i], &r);
		list->entries[i] = vcpu->cpuid[i];
		set_registers(&list->entries[i], &r);
	}
	list->nent = vcpu->ncpuid;
	rq->entries_out = vcpu->ncpuid;
	return 0;
}
