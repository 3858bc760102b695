// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Second-level translation: the format of its tables, and forgetting what is cached of them. */
#include "core/vmx/vmx.h"

/* SDM vol. 3, 29.3.2 */
#define EPT_READ (1ull << 0)
#define EPT_WRITE (1ull << 1)
#define EPT_EXECUTE (1ull << 2)
#define EPT_TYPE (7ull << 3)
#define EPT_LEAF_WB (6ull << 3)
#define EPT_IGNORE_PAT (1ull << 6) /* memory is memory: the guest's PAT cannot make it uncached */
#define EPT_LARGE (1ull << 7)

const struct stage2_format ept_format = {
	.table = EPT_READ | EPT_WRITE | EPT_EXECUTE,
	.leaf = EPT_READ | EPT_EXECUTE | EPT_LEAF_WB | EPT_IGNORE_PAT,
	.write = EPT_WRITE,
	.large = EPT_LARGE,
	.exec = EPT_EXECUTE,
	.present = EPT_READ | EPT_WRITE | EPT_EXECUTE,
	.type = EPT_TYPE | EPT_IGNORE_PAT,
	.type_shift = 3,
};

/* 25.6.11: write-back tables, a walk of 4 levels. */
u64 ept_pointer(const struct vm *vm)
{
	return vm->stage2.root_pa | MEMORY_TYPE_WB | 3 << 3;
}

unsigned int vmx_stage2_bits(void)
{
	unsigned int bits = 36;

	if (x86_cpuid(0x80000000, 0).eax >= 0x80000008)
		bits = x86_cpuid(0x80000008, 0).eax & 0xff;
	return bits < 48 ? bits : 48;
}

/*
 * Forget what this CPU cached for the vCPU: after a removal of translations, and when it comes to
 * a CPU on which it may have run before (29.4.3.3).
 */
void vmx_flush(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	struct vmx_invept ept = { ept_pointer(vcpu->vm), 0 };
	struct vmx_invvpid vpid = { v->vpid, 0 };

	if (vmx_invept(INVEPT_SINGLE, &ept) != VMX_SUCCEED)
		vm_die(vcpu->vm, "INVEPT failed");
	if (v->vpid && vmx_invvpid(INVVPID_SINGLE, &vpid) != VMX_SUCCEED)
		vm_die(vcpu->vm, "INVVPID failed");
	vcpu->stage2_generation = __atomic_load_n(&vcpu->vm->stage2.generation, __ATOMIC_ACQUIRE);
}

/* One page of bits; bit 0 is taken: VPID 0 is the host's. */
#define VPIDS (SWIVL_PAGE_SIZE * 8)

u16 vpid_alloc(void)
{
	unsigned long flags;
	u16 vpid = 0;

	if (!(vmx.controls.secondary & SECONDARY_VPID))
		return 0;
	flags = host_spin_lock(&vmx.vpid_lock);
	vmx.vpids[0] |= 1;
	for (unsigned int i = 0; i < VPIDS / 64; i++) {
		if (vmx.vpids[i] == ~0ull)
			continue;
		vpid = i * 64 + __builtin_ctzll(~vmx.vpids[i]);
		vmx.vpids[i] |= 1ull << vpid % 64;
		break;
	}
	host_spin_unlock(&vmx.vpid_lock, flags);
	return vpid;
}

void vpid_free(u16 vpid)
{
	unsigned long flags;

	if (!vpid)
		return;
	flags = host_spin_lock(&vmx.vpid_lock);
	vmx.vpids[vpid / 64] &= ~(1ull << vpid % 64);
	host_spin_unlock(&vmx.vpid_lock, flags);
}
