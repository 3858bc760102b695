// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* MSRs that exit; all others are the guest's as they are. */
#include "core/machine/internal.h"

#define VM_CR_LOCKED_OFF (1ull << 3 | 1ull << 4)

static bool read(struct vcpu *vcpu, u32 msr, u64 *value)
{
	switch (msr) {
	case IA32_EFER:
		*value = vcpu->state.efer;
		return true;
	case IA32_PAT:
		*value = vcpu->state.pat;
		return true;
	case IA32_FEATURE_CONTROL: /* locked, with VMX off */
		*value = (x86_rdmsr(msr) & ~(6ull)) | FEATURE_CONTROL_LOCKED;
		return true;
	case AMD_VM_CR:
		if (!(x86_cpuid(0x80000001, 0).ecx & CPUID_X1_ECX_SVM))
			return false;
		*value = VM_CR_LOCKED_OFF;
		return true;
	}
	return false;
}

static bool pat_is_valid(u64 value)
{
	for (unsigned int i = 0; i < 8; i++, value >>= 8)
		if ((value & 0xff) > 7 || (value & 0xff) == 2 || (value & 0xff) == 3)
			return false;
	return true;
}

static bool type_is_valid(u64 type)
{
	return type == MEMORY_UC || type == MEMORY_WC || (type >= MEMORY_WT && type <= MEMORY_WB);
}

/* What the processor would take: it must not fault in our hands (SDM vol. 3, 12.11.2). */
static bool mtrr_is_valid(const struct machine *m, u32 msr, u64 value)
{
	if (msr == IA32_MTRR_DEF_TYPE)
		return type_is_valid(value & 0xff) && !(value & ~0xcffull);
	if (msr >= IA32_MTRR_FIX64K) {
		for (unsigned int i = 0; i < 8; i++, value >>= 8)
			if (!type_is_valid(value & 0xff))
				return false;
		return true;
	}
	if (value & ~m->mtrrs.address)
		return false;
	return msr & 1 ? !(value & 0x7ff) : type_is_valid(value & 0xff) && !(value & 0xf00);
}

static bool is_mtrr(const struct machine *m, u32 msr)
{
	u32 n = (u32)m->mtrrs.cap & 0xff;

	if (msr == IA32_MTRR_DEF_TYPE)
		return true;
	if (msr >= IA32_MTRR_PHYSBASE0 && msr < IA32_MTRR_PHYSBASE0 + 2 * n)
		return true;
	return msr == IA32_MTRR_FIX64K || msr == IA32_MTRR_FIX16K_80000 ||
	       msr == IA32_MTRR_FIX16K_80000 + 1 ||
	       (msr >= IA32_MTRR_FIX4K_C0000 && msr < IA32_MTRR_FIX4K_C0000 + 8);
}

/*
 * The second level follows when all is in place: systems switch the registers off while they write
 * (SDM vol. 3, 12.11.8), on each processor, and nearly always what is there already. Each has the
 * new types after the next exit that it has, its own write at the latest.
 */
static void follow_mtrrs(struct machine *m)
{
	struct mtrrs now;

	mtrr_read(&now);
	if (!mtrr_enabled(&now))
		return;
	host_write_lock(&m->vm->mem_lock);
	if (!mtrr_same(&now, &m->mtrrs)) {
		m->mtrrs = now;
		stage2_retype(&m->vm->stage2);
		m->retyped++;
	}
	host_write_unlock(&m->vm->mem_lock);
}

static bool write_mtrr(struct vcpu *vcpu, u32 msr, u64 value)
{
	struct machine *m = machine_of(vcpu);

	if (!mtrr_is_valid(m, msr, value))
		return false;
	if (x86_rdmsr(msr) == value)
		return true;
	x86_wrmsr(msr, value);
	follow_mtrrs(m);
	return true;
}

/* Its modes (SDM vol. 3, 11.12.5). The page stays where writes to it are seen. */
static bool write_apic_base(struct vcpu *vcpu, u64 value)
{
	const struct machine *m = machine_of(vcpu);
	const u64 modes = APIC_BASE_ENABLED | APIC_BASE_X2APIC;
	u64 was = x86_rdmsr(IA32_APIC_BASE) & modes, mode = value & modes;

	if ((value & 0x2ff) || (value & ~(m->mtrrs.address | 0xfff)) ||
	    (m->apic && (value & ~0xfffull) != m->apic))
		return false;
	if (mode == APIC_BASE_X2APIC || (mode == modes && !was) ||
	    (mode == APIC_BASE_ENABLED && was == modes) ||
	    (mode == modes && !(x86_cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC)))
		return false;
	x86_wrmsr(IA32_APIC_BASE, value);
	/* Switched off and on again it has forgotten its logical number (11.4.7.1). */
	if (mode == APIC_BASE_ENABLED)
		machine_apic_start(vcpu);
	return true;
}

static bool write(struct vcpu *vcpu, u32 msr, u64 value)
{
	struct machine *m = machine_of(vcpu);

	switch (msr) {
	case IA32_EFER:
		return !vcpu_set_efer(vcpu, value);
	case IA32_PAT:
		if (!pat_is_valid(value))
			return false;
		vcpu->state.pat = value;
		vcpu_overwrite(vcpu, STATE_PAT);
		return true;
	case IA32_APIC_BASE:
		return write_apic_base(vcpu, value);
	case IA32_X2APIC_ICR:
		return machine_x2apic_command(vcpu, value);
	}
	return is_mtrr(m, msr) && write_mtrr(vcpu, msr, value);
}

void machine_msr_read(struct vcpu *vcpu)
{
	u64 value = 0;

	if (!read(vcpu, (u32)vcpu->gpr[RCX], &value)) {
		vcpu_raise(vcpu, VECTOR_GP);
		return;
	}
	vcpu->gpr[RAX] = (u32)value;
	vcpu->gpr[RDX] = value >> 32;
	vcpu_skip(vcpu);
}

void machine_msr_write(struct vcpu *vcpu)
{
	u64 value = (u32)vcpu->gpr[RAX] | vcpu->gpr[RDX] << 32;

	if (write(vcpu, (u32)vcpu->gpr[RCX], value))
		vcpu_skip(vcpu);
	else
		vcpu_raise(vcpu, VECTOR_GP);
}
