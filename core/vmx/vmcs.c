// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Life of a VMCS: made, set up in the manual's order (SDM vol. 3, 25.4 to 25.8), given back. */
#include "core/rules/rules.h"
#include "core/vmx/vmx.h"

void vmcs_access_failed(struct vcpu *vcpu, u32 field, bool write)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	u64 error = 0;

	if (!(v->before & VMX_BEFORE_FAILED)) {
		/* With no current VMCS there is no number to read either. */
		if (vmx_vmread(VM_INSTRUCTION_ERROR.encoding, &error) != VMX_SUCCEED)
			error = 0;
		host_log(HOST_LOG_ERROR, "%s of the VMCS field %x (%s) failed: error %u (%s)",
			 write ? "VMWRITE" : "VMREAD", field, vmcs_field_name(field), (u32)error,
			 rules_vmx_error_name((u32)error));
	}
	v->before |= VMX_BEFORE_FAILED;
	vcpu->exit.kind = EXIT_NONE; /* half of it is not known */
	vm_die(vcpu->vm, write ? "a VMWRITE failed" : "a VMREAD failed");
}

static void setup_guest(struct vcpu *vcpu)
{
	/* All else of the guest area is vcpu->state's, stored before the first entry. */
	vmcs_write_32(vcpu, GUEST_ACTIVITY, 0);
	vmcs_write_64(vcpu, VMCS_LINK_POINTER, ~0ull);
}

static void setup_host(struct vcpu *vcpu)
{
	/* Null selectors are always loadable; host.c brings back what was there. */
	vmcs_write_16(vcpu, HOST_ES_SELECTOR, 0);
	vmcs_write_16(vcpu, HOST_DS_SELECTOR, 0);
	vmcs_write_16(vcpu, HOST_FS_SELECTOR, 0);
	vmcs_write_16(vcpu, HOST_GS_SELECTOR, 0);
	vmcs_write_N(vcpu, HOST_FS_BASE, 0);
	vmx_host_cpu_fields(vcpu);
}

static void setup_execution(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	const struct vmx_controls *controls = vmx_controls_of(vcpu);
	u32 secondary = controls->secondary;

	if (!v->vpid)
		secondary &= ~(u32)SECONDARY_VPID;
	v->primary = controls->primary;
	vmcs_write_32(vcpu, PIN_CONTROLS, controls->pin);
	if (controls->pin & PIN_PREEMPTION_TIMER)
		vmcs_write_32(vcpu, PREEMPTION_TIMER, vmx.stay);
	vmcs_write_32(vcpu, PRIMARY_CONTROLS, v->primary);
	vmcs_write_32(vcpu, SECONDARY_CONTROLS, secondary);
	vmcs_write_32(vcpu, PAGE_FAULT_ERROR_MASK, 0);
	vmcs_write_32(vcpu, PAGE_FAULT_ERROR_MATCH, 0);
	vmcs_setup_masks(vcpu);
	vmcs_write_32(vcpu, CR3_TARGET_COUNT, 0);
	vmcs_write_64(vcpu, EPT_POINTER, ept_pointer(vcpu->vm));
	if (v->vpid)
		vmcs_write_16(vcpu, VPID, v->vpid);
	if (secondary & SECONDARY_ENCLS)
		vmcs_write_64(vcpu, ENCLS_EXITING_BITMAP, ~0ull);
}

static void setup_exit_and_entry(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);

	vmcs_write_32(vcpu, EXIT_CONTROLS, vmx_controls_of(vcpu)->exit);
	vmcs_write_32(vcpu, EXIT_MSR_STORE_COUNT, 0);
	vmcs_write_32(vcpu, EXIT_MSR_LOAD_COUNT, 0);
	v->entry = vmx_controls_of(vcpu)->entry;
	vmcs_write_32(vcpu, ENTRY_CONTROLS, v->entry);
	vmcs_write_32(vcpu, ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write_32(vcpu, ENTRY_INTERRUPTION_INFO, 0);
}

/* What changed for all of the VM's vCPUs; the order matters: what comes later is seen next time. */
static void catch_up(struct vcpu *vcpu)
{
	vmx_flush(vcpu);
	vmcs_write_64(vcpu, MSR_BITMAP, host_page_pa(vcpu->vm->machine    ? vmx.msr_bitmap_machine :
						     vcpu->vm->msr_filter ? vmx.msr_bitmap_filtered :
									    vmx.msr_bitmap));
}

static int setup(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);

	if (!vmx.cpus[host_cpu()].on || vmx_vmclear(v->pa) != VMX_SUCCEED)
		return -SWIVL_EIO;
	vmx_activate(v);
	setup_guest(vcpu);
	setup_host(vcpu);
	setup_execution(vcpu);
	setup_exit_and_entry(vcpu);
	catch_up(vcpu);
	return v->before & VMX_BEFORE_FAILED ? -SWIVL_EIO : 0;
}

static void vcpu_free(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);

	vpid_free(v->vpid);
	host_page_free(v->vmcs);
	host_free(v);
	vcpu->vendor_data = NULL;
}

/* SDM vol. 3, 20.4.4. Nobody profiles a home without programs; Bochs' processors have not the MSR. */
static bool has_pebs(void)
{
	return (x86_cpuid(1, 0).edx & CPUID_1_EDX_DS) &&
	       !(x86_rdmsr(IA32_MISC_ENABLE) & MISC_ENABLE_NO_PEBS);
}

static int vmx_vcpu_create(struct vcpu *vcpu)
{
	struct vmx_vcpu *v;
	u32 revision = BASIC_REVISION(vmx.caps.basic);
	int err;

	if (vcpu->vm->machine && !vmx.machine_possible)
		return -SWIVL_EOPNOTSUPP;
	v = host_alloc(sizeof(*v));
	if (!v)
		return -SWIVL_ENOMEM;
	vcpu->vendor_data = v;
	v->vcpu = vcpu;
	v->cpu = -1;
	v->vmcs = host_page_alloc();
	if (!v->vmcs) {
		vcpu_free(vcpu);
		return -SWIVL_ENOMEM;
	}
	memcpy(v->vmcs, &revision, sizeof(revision));
	v->pa = host_page_pa(v->vmcs);
	v->before = vmx.mitigate.verw ? VMX_BEFORE_VERW : 0;
	v->after = VMX_AFTER_LAUNCH;
	v->vpid = vpid_alloc();
	if (!vcpu->vm->machine)
		vmx.has_pebs = has_pebs();

	host_preempt_off();
	x86_irq_off();
	err = setup(vcpu);
	x86_irq_on();
	host_preempt_on();
	if (err) {
		vmx_deactivate(v);
		vcpu_free(vcpu);
	}
	return err;
}

static void vmx_vcpu_destroy(struct vcpu *vcpu)
{
	vmx_deactivate(to_vmx(vcpu));
	vcpu_free(vcpu);
}

static void vmx_load(struct vcpu *vcpu, bool for_run)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	bool moved;

	if (v->cpu != (int)host_cpu())
		vmx_deactivate(v);
	x86_irq_off();
	moved = vmx_activate(v);
	x86_irq_on();
	vcpu->loaded = true;
	/* The VM is dead then and nothing enters, but VMX may be off: no instruction of it. */
	if (v->before & VMX_BEFORE_FAILED)
		return;
	if (moved)
		vmx_host_cpu_fields(vcpu);
	if (!for_run && !moved)
		return;
	if (moved || vcpu->stage2_generation !=
			     __atomic_load_n(&vcpu->vm->stage2.generation, __ATOMIC_ACQUIRE))
		catch_up(vcpu);
	if (!for_run)
		return;
	/* The machine is its guest's: nothing of it is put away for us. And its home stays as it is. */
	if (vcpu->vm->machine) {
		vmcs_write_N(vcpu, HOST_CR3, x86_read_cr3());
		vmcs_write_N(vcpu, HOST_CR4, x86_read_cr4());
		return;
	}
	vmx_host_save(vcpu);
}

static void vmx_unload(struct vcpu *vcpu)
{
	if (to_vmx(vcpu)->live.on)
		vmx_host_restore(vcpu);
	vcpu->loaded = false;
}

static void count_vms(s32 change)
{
	host_mutex_lock(&vmx.vms_lock);
	vmx.vms += change;
	host_mutex_unlock(&vmx.vms_lock);
}

static int vmx_vm_create(struct vm *vm)
{
	count_vms(1);
	vm->stage2.no_large_exec = vmx.mitigate.no_large_exec && !vm->machine;
	return 0;
}

static void vmx_vm_destroy(struct vm *vm)
{
	count_vms(-1);
}

/* Both families that implement VMX: Intel's and the later VIA and Zhaoxin ones. */
static bool vmx_present(void)
{
	struct x86_cpuid c = x86_cpuid(0, 0);

	if (c.ebx == 0x756e6547) /* "Genu" ineIntel */
		return true;
	return x86_cpuid(1, 0).ecx & CPUID_1_ECX_VMX;
}

static u32 vmx_features(void)
{
	u32 features = 0;

	if (vmx.controls.secondary & SECONDARY_RDTSCP)
		features |= VENDOR_RDTSCP;
	if (vmx.controls.secondary & SECONDARY_INVPCID)
		features |= VENDOR_INVPCID;
	if (vmx.caps.ept_vpid & EPT_CAP_1G)
		features |= VENDOR_HUGE;
	return features;
}

const struct vendor vmx_vendor = {
	.name = "Intel VT-x",
	.id = SWIVL_VENDOR_VMX,
	.stage2 = &ept_format,
	.init_exits = true,
	.present = vmx_present,
	.supported = vmx_supported,
	.start = vmx_start,
	.stop = vmx_stop,
	.cpu_enable = vmx_cpu_enable,
	.cpu_disable = vmx_cpu_disable,
	.vm_create = vmx_vm_create,
	.vm_destroy = vmx_vm_destroy,
	.vcpu_create = vmx_vcpu_create,
	.vcpu_destroy = vmx_vcpu_destroy,
	.load = vmx_load,
	.unload = vmx_unload,
	.run = vmx_run,
	.enter = vmx_enter_machine,
	.fetch = vmx_fetch,
	.store = vmx_store,
	.stage2_bits = vmx_stage2_bits,
	.features = vmx_features,
	.selftest = vmx_selftest,
};
