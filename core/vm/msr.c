// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The one table of MSRs: where each lives, who may read and write it, which bits exist. What is
 * not in the table does not exist for guests. Most are fields of vcpu->state or vcpu->msrs and
 * need a line of the table only; the rest have functions.
 */
#include "core/vm/request.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"

struct msr_desc;
typedef int msr_read_fn(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 *value);
typedef int msr_write_fn(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 value,
			 bool from_guest);

struct msr_desc {
	u32 first, count; /* numbers first .. first + count - 1 */
	u16 flags; /* MSR_* below */
	u16 offset; /* of the field in struct vcpu; plus 8 for each number */
	u32 group; /* STATE_* of a field of vcpu->state that is not always in memory */
	u64 fixed; /* of MSR_FIXED: the value */
	u64 reserved; /* bits that may not be set */
	msr_read_fn *read; /* NULL: the field */
	msr_write_fn *write;
	u32 cpuid; /* 0, or what the guest's CPUID must have: see CPUID_BIT */
};

#define MSR_LISTED (1u << 0) /* worth saving: in KVM_GET_MSR_INDEX_LIST */
#define MSR_FIXED (1u << 1) /* always reads as `fixed`; writes of anything else are refused */
#define MSR_IGNORE (1u << 2) /* guests' writes are accepted and do nothing, as documented */
#define MSR_LINEAR (1u << 3) /* holds a linear address: refused unless canonical */
#define MSR_FEATURE (1u << 4) /* in KVM_GET_MSR_FEATURE_INDEX_LIST */
#define MSR_HOST_ONLY (1u << 5) /* the guest may not touch it, the caller may */

/* A guest without the feature must not find its MSR. Leaf below 256 or 0x80000001. */
#define CPUID_BIT(leaf, reg, bit) \
	((((leaf) & 0xff) << 16 | ((leaf) >> 31) << 24 | (reg) << 8 | (bit)) + 1)

static bool cpuid_permits(struct vcpu *vcpu, u32 bit)
{
	bit--;
	return vcpu_has_cpuid(vcpu, (bit >> 16 & 0xff) | (bit >> 24 & 1) << 31, 0, bit >> 8 & 0xff,
			      bit & 0xff);
}

/* ---- MSRs with a meaning ------------------------------------------------------------------------ */

static int read_tsc(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 *value)
{
	vcpu_need(vcpu, STATE_TSC);
	*value = x86_rdtsc() + vcpu->state.tsc_offset;
	return 0;
}

void vcpu_set_tsc_offset(struct vcpu *vcpu, u64 offset)
{
	vcpu->state.tsc_offset = offset;
	vcpu_overwrite(vcpu, STATE_TSC);
	vcpu_chips_tsc_changed(vcpu);
}

/*
 * A caller that sets the TSC of several vCPUs to one value, one after the other, means them to
 * run together: the time in between is not to be seen. Alike is: what the value set before has
 * become by now, or that value itself again, give or take a second.
 */
static u64 synchronized_offset(struct vm *vm, u64 value)
{
	struct tsc_sync *sync = &vm->tsc_sync;
	u64 khz = host_tsc_khz(), offset = value - x86_rdtsc(), now = host_time_ns();

	if (sync->any) {
		u64 elapsed = (now - sync->at_ns) / 1000 * khz / 1000;
		u64 distance = value - (sync->value + elapsed);

		if (distance + khz * 1000 < 2 * khz * 1000 ||
		    (value == sync->value && elapsed < khz * 1000))
			return sync->offset;
	}
	*sync = (struct tsc_sync){ .value = value, .at_ns = now, .offset = offset, .any = true };
	return offset;
}

static int write_tsc(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 value,
		     bool from_guest)
{
	u64 now;

	if (from_guest) {
		/* SDM vol. 3, 18.17.3: what is added to the TSC is added to TSC_ADJUST. */
		read_tsc(vcpu, d, msr, &now);
		vcpu->msrs.tsc_adjust += value - now;
		vcpu_set_tsc_offset(vcpu, vcpu->state.tsc_offset + value - now);
		return 0;
	}
	host_mutex_lock(&vcpu->vm->lock);
	vcpu_set_tsc_offset(vcpu, synchronized_offset(vcpu->vm, value));
	host_mutex_unlock(&vcpu->vm->lock);
	return 0;
}

static int write_tsc_adjust(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 value,
			    bool from_guest)
{
	if (from_guest) {
		vcpu_need(vcpu, STATE_TSC);
		vcpu_set_tsc_offset(vcpu, vcpu->state.tsc_offset + value - vcpu->msrs.tsc_adjust);
	}
	vcpu->msrs.tsc_adjust = value;
	return 0;
}

/* Without the in-kernel chip the APIC is the caller's and only the rules are ours. */
static int write_apic_base(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 value,
			   bool from_guest)
{
	u64 modes = APIC_BASE_ENABLED | APIC_BASE_X2APIC;

	if (value & 0x2ff || value >> vcpu->guest_phys_bits)
		return MSR_REFUSED;
	if ((value & modes) == APIC_BASE_X2APIC)
		return MSR_REFUSED;
	if ((value & APIC_BASE_X2APIC) && !vcpu_has_cpuid(vcpu, 1, 0, 2, 21))
		return MSR_REFUSED;
	vcpu->state.apic_base = value;
	return 0;
}

static int write_efer(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 value,
		      bool from_guest)
{
	struct vcpu_state *s = &vcpu->state;
	int err;

	if (from_guest) {
		err = vcpu_set_efer(vcpu, value);
		return err == -SWIVL_EAGAIN ? err : err ? MSR_REFUSED : 0;
	}
	/* The caller restores what was: CPUID may come later, LMA is as it says. */
	vcpu_need(vcpu, STATE_CR);
	if ((value & d->reserved) || ((s->cr0 & CR0_PG) && ((value ^ s->efer) & EFER_LME)))
		return MSR_REFUSED;
	s->efer = (value & ~(u64)EFER_LMA) | (s->efer & EFER_LMA);
	vcpu->dirty |= STATE_CR;
	return 0;
}

static bool memory_type_is_valid(u8 type, bool pat)
{
	return type < 2 || (type >= 4 && type <= 6) || (pat && type == 7);
}

static bool memory_types_are_valid(u64 types, bool pat)
{
	unsigned int i;

	for (i = 0; i < 8; i++, types >>= 8)
		if (!memory_type_is_valid(types & 0xff, pat))
			return false;
	return true;
}

static int write_pat(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 value,
		     bool from_guest)
{
	if (!memory_types_are_valid(value, true))
		return MSR_REFUSED;
	vcpu->state.pat = value;
	vcpu_overwrite(vcpu, STATE_PAT);
	return 0;
}

static u64 *field(struct vcpu *vcpu, const struct msr_desc *d, u32 msr);

/* SDM vol. 3, 12.11.2. They are kept and have no effect: guest memory is write-back. */
static int write_mtrr(struct vcpu *vcpu, const struct msr_desc *d, u32 msr, u64 value,
		      bool from_guest)
{
	bool ok;

	if (msr == IA32_MTRR_DEF_TYPE)
		ok = !(value & ~0xcffull) && memory_type_is_valid(value & 0xff, false);
	else if (msr >= IA32_MTRR_FIX64K)
		ok = memory_types_are_valid(value, false);
	else if (msr & 1)
		ok = !(value & 0x7ff) && !(value >> vcpu->guest_phys_bits);
	else
		ok = !(value & 0xf00) && !(value >> vcpu->guest_phys_bits) &&
		     memory_type_is_valid(value & 0xff, false);
	if (!ok)
		return MSR_REFUSED;
	*field(vcpu, d, msr) = value;
	return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define STATE(msr, member, grp, fl, ...) \
	{ .first = msr, .count = 1, .flags = MSR_LISTED | (fl), .group = grp, \
	  .offset = offsetof(struct vcpu, state.member), __VA_ARGS__ }
#define MEMORY(msr, n, member, fl, ...) \
	{ .first = msr, .count = n, .flags = fl, .offset = offsetof(struct vcpu, msrs.member), \
	  __VA_ARGS__ }
#define FIXED(msr, value) { .first = msr, .count = 1, .flags = MSR_FIXED, .fixed = value }

#define MTRRCAP 0x508 /* eight variable ranges, fixed ranges, write combining */
#define NEEDS_MTRR .cpuid = CPUID_BIT(1u, 3u, 12u)
#define IA32_P5_MC_ADDR 0
#define KVM_CLOCK_MSR 0x4b564d00

/* Sorted by number. */
static const struct msr_desc msrs[] = {
	{ .first = IA32_P5_MC_ADDR, .count = 2, .flags = MSR_FIXED },
	{ .first = IA32_TIME_STAMP_COUNTER, .count = 1, .flags = MSR_LISTED, .read = read_tsc,
	  .write = write_tsc },
	/* KVM's clock by its first numbers: not offered; programs reset it to 0 all the same. */
	{ .first = 0x11, .count = 2, .flags = MSR_FIXED | MSR_HOST_ONLY },
	FIXED(IA32_PLATFORM_ID, 0),
	STATE(IA32_APIC_BASE, apic_base, 0, 0, .write = write_apic_base),
	FIXED(0x2a, 0), /* EBL_CR_POWERON */
	FIXED(IA32_FEATURE_CONTROL, FEATURE_CONTROL_LOCKED),
	MEMORY(IA32_TSC_ADJUST, 1, tsc_adjust, MSR_LISTED, .write = write_tsc_adjust,
	       .cpuid = CPUID_BIT(7u, 1u, 1u)),
	{ .first = 0x79, .count = 1, .flags = MSR_FIXED | MSR_IGNORE }, /* microcode update */
	MEMORY(IA32_BIOS_SIGN_ID, 1, bios_sign, MSR_LISTED | MSR_FEATURE | MSR_IGNORE),
	FIXED(INTEL_PLATFORM_INFO, 0),
	{ .first = IA32_MTRRCAP, .count = 1, .flags = MSR_FIXED, .fixed = MTRRCAP, NEEDS_MTRR },
	FIXED(IA32_MISC_FEATURES, 0),
	STATE(IA32_SYSENTER_CS, sysenter_cs, STATE_SYSENTER, 0, .reserved = ~0xffffffffull),
	STATE(IA32_SYSENTER_ESP, sysenter_esp, STATE_SYSENTER, MSR_LINEAR),
	STATE(IA32_SYSENTER_EIP, sysenter_eip, STATE_SYSENTER, MSR_LINEAR),
	FIXED(IA32_MCG_CAP, 0), /* no bank that could hold an error */
	MEMORY(IA32_MCG_STATUS, 1, mcg_status, MSR_LISTED, .reserved = ~7ull),
	FIXED(IA32_PERF_STATUS, 0x100000000400ull), /* for guests that divide by the bus ratio */
	FIXED(IA32_PERF_CTL, 0),
	/* fast strings, thermal, performance, BTS, PEBS, SpeedStep, MONITOR, CPUID limit, xTPR, XD */
	MEMORY(IA32_MISC_ENABLE, 1, misc_enable, MSR_LISTED, .reserved = ~0x400c51889ull),
	STATE(IA32_DEBUGCTL, debugctl, STATE_DR7, 0, .reserved = ~(u64)DEBUGCTL_BTF),
	MEMORY(INTEL_POWER_CTL, 1, power_ctl, MSR_LISTED),
	MEMORY(IA32_MTRR_PHYSBASE0, 16, mtrr_phys, MSR_LISTED, .write = write_mtrr, NEEDS_MTRR),
	MEMORY(IA32_MTRR_FIX64K, 1, mtrr_fix64k, MSR_LISTED, .write = write_mtrr, NEEDS_MTRR),
	MEMORY(IA32_MTRR_FIX16K_80000, 2, mtrr_fix16k, MSR_LISTED, .write = write_mtrr, NEEDS_MTRR),
	MEMORY(IA32_MTRR_FIX4K_C0000, 8, mtrr_fix4k, MSR_LISTED, .write = write_mtrr, NEEDS_MTRR),
	STATE(IA32_PAT, pat, STATE_PAT, 0, .write = write_pat),
	MEMORY(IA32_MTRR_DEF_TYPE, 1, mtrr_def, MSR_LISTED, .write = write_mtrr, NEEDS_MTRR),
	/* Without the in-kernel chip there is no such timer. */
	{ .first = IA32_TSC_DEADLINE, .count = 1, .flags = MSR_FIXED | MSR_LISTED,
	  .cpuid = CPUID_BIT(1u, 2u, 24u) },
	{ .first = KVM_CLOCK_MSR, .count = 6, .flags = MSR_FIXED | MSR_HOST_ONLY },
	STATE(IA32_EFER, efer, STATE_CR, 0, .write = write_efer,
	      .reserved = ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)),
	STATE(IA32_STAR, star, STATE_SYSCALL, 0),
	STATE(IA32_LSTAR, lstar, STATE_SYSCALL, MSR_LINEAR),
	STATE(IA32_CSTAR, cstar, STATE_SYSCALL, MSR_LINEAR),
	STATE(IA32_FMASK, fmask, STATE_SYSCALL, 0, .reserved = ~0xffffffffull),
	STATE(IA32_FS_BASE, seg[SEG_FS].base, STATE_SEG, MSR_LINEAR),
	STATE(IA32_GS_BASE, seg[SEG_GS].base, STATE_SEG, MSR_LINEAR),
	STATE(IA32_KERNEL_GS_BASE, kernel_gs_base, STATE_SYSCALL, MSR_LINEAR),
	STATE(IA32_TSC_AUX, tsc_aux, STATE_SYSCALL, 0, .reserved = ~0xffffffffull,
	      .cpuid = CPUID_BIT(0x80000001u, 3u, 27u)),
	/* AMD's that kernels look at without asking CPUID: SYSCFG, HWCR, NB_CFG, INT_PENDING. */
	FIXED(0xc0010010, 0),
	FIXED(0xc0010015, 0),
	{ .first = 0xc001001f, .count = 1, .flags = MSR_FIXED | MSR_IGNORE }, /* Linux sets a bit */
	FIXED(0xc0010055, 0),
};

static const struct msr_desc *find(u32 msr)
{
	u32 low = 0, high = ARRAY_SIZE(msrs);

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (msr - msrs[mid].first < msrs[mid].count)
			return &msrs[mid];
		if (msr < msrs[mid].first)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static u64 *field(struct vcpu *vcpu, const struct msr_desc *d, u32 msr)
{
	return (u64 *)((char *)vcpu + d->offset) + (msr - d->first);
}

/* Guests use few of them, each again and again: the last one is tried first. */
static const struct msr_desc *find_again(struct vcpu *vcpu, u32 msr)
{
	const struct msr_desc *d = &msrs[vcpu->last_msr];

	if (msr - d->first < d->count)
		return d;
	d = find(msr);
	if (d)
		vcpu->last_msr = d - msrs;
	return d;
}

/* May it be touched at all? The caller may touch what a CPUID to come will announce. */
static bool exists(struct vcpu *vcpu, const struct msr_desc *d, bool from_guest)
{
	if (!d)
		return false;
	if (!from_guest)
		return true;
	return !(d->flags & MSR_HOST_ONLY) && (!d->cpuid || cpuid_permits(vcpu, d->cpuid));
}

int msr_read(struct vcpu *vcpu, u32 msr, u64 *value, bool from_guest)
{
	const struct msr_desc *d;

	if (vcpu_chips_has_msr(vcpu, msr))
		return vcpu_chips_rdmsr(vcpu, msr, value) ? MSR_REFUSED : 0;
	d = find_again(vcpu, msr);
	if (!exists(vcpu, d, from_guest))
		return MSR_UNKNOWN;
	if (d->read)
		return d->read(vcpu, d, msr, value);
	if (d->flags & MSR_FIXED) {
		*value = d->fixed;
		return 0;
	}
	if (d->group)
		vcpu_need(vcpu, d->group);
	*value = *field(vcpu, d, msr);
	return 0;
}

int msr_write(struct vcpu *vcpu, u32 msr, u64 value, bool from_guest)
{
	const struct msr_desc *d;

	if (vcpu_chips_has_msr(vcpu, msr))
		return vcpu_chips_wrmsr(vcpu, msr, value, from_guest) ? MSR_REFUSED : 0;
	d = find_again(vcpu, msr);
	if (!exists(vcpu, d, from_guest))
		return MSR_UNKNOWN;
	if (from_guest && (d->flags & MSR_IGNORE))
		return 0;
	if (d->flags & MSR_FIXED)
		return value == d->fixed ? 0 : MSR_REFUSED;
	if ((d->flags & MSR_LINEAR) && !is_canonical(value))
		return MSR_REFUSED;
	if (d->write)
		return d->write(vcpu, d, msr, value, from_guest);
	if (value & d->reserved)
		return MSR_REFUSED;
	if (d->group)
		vcpu_touch(vcpu, d->group);
	*field(vcpu, d, msr) = value;
	return 0;
}

void vcpu_msrs_init(struct vcpu *vcpu)
{
	vcpu->guest_phys_bits = GUEST_PHYS_BITS_DEFAULT;
	vcpu->msrs.misc_enable = MISC_ENABLE_FAST_STRING | 1u << 11 | 1u << 12; /* no BTS, PEBS */
	vcpu->msrs.bios_sign = 1ull << 32;
}

/* ---- requests ---------------------------------------------------------------------------------- */

/* To the device: the MSRs that say what this processor has, as guests will see them. */
static int feature_read(u32 msr, u64 *value)
{
	const struct msr_desc *d = find(msr);

	if (!d || !(d->flags & MSR_FEATURE))
		return MSR_UNKNOWN;
	*value = 1ull << 32; /* IA32_BIOS_SIGN_ID, the only one */
	return 0;
}

long rq_get_msrs(struct request *rq)
{
	struct kvm_msrs *list = rq->data;
	u32 i;

	rq->entries_out = rq->room;
	for (i = 0; i < rq->room; i++) {
		struct kvm_msr_entry *e = &list->entries[i];
		u64 value = 0;

		if (rq->vcpu ? msr_read(rq->vcpu, e->index, &value, false) :
			       feature_read(e->index, &value))
			break;
		e->data = value;
	}
	return i;
}

long rq_set_msrs(struct request *rq)
{
	const struct kvm_msrs *list = rq->data;
	u32 i;

	for (i = 0; i < rq->room; i++)
		if (msr_write(rq->vcpu, list->entries[i].index, list->entries[i].data, false))
			break;
	return i;
}

static long list_msrs(struct request *rq, u16 flag)
{
	struct kvm_msr_list *list = rq->data;
	u32 n = 0, i, k;

	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		if (!(msrs[i].flags & flag))
			continue;
		for (k = 0; k < msrs[i].count; k++, n++)
			if (n < rq->room)
				list->indices[n] = msrs[i].first + k;
	}
	list->nmsrs = n;
	if (n > rq->room)
		return -SWIVL_E2BIG;
	rq->entries_out = n;
	return 0;
}

long rq_msr_list(struct request *rq)
{
	return list_msrs(rq, MSR_LISTED);
}

long rq_msr_feature_list(struct request *rq)
{
	return list_msrs(rq, MSR_FEATURE);
}
