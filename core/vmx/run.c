// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Into the guest and out of it again, once. This is the road of every exit: count before adding. */
#include "core/vmx/vmx.h"
#include "core/x86/fpu.h"

/* What an exit leaves good in memory: state that the guest cannot change without one. */
#define VALID_AFTER_EXIT (STATE_DR7 | STATE_PAT | STATE_TSC)

static const u8 intr_types[] = {
	[EVENT_INTERRUPT] = INTR_EXTERNAL,
	[EVENT_NMI] = INTR_NMI,
	[EVENT_EXCEPTION] = INTR_HARDWARE_EXCEPTION,
	[EVENT_SOFT_INTERRUPT] = INTR_SOFTWARE,
	[EVENT_SOFT_EXCEPTION] = INTR_SOFTWARE_EXCEPTION,
	[EVENT_PRIVILEGED_SOFT] = INTR_PRIVILEGED_SOFTWARE,
};

/* SDM vol. 3, 25.8.3 and 27.2.1.3 */
static void inject(struct vcpu *vcpu)
{
	const struct event *e = &vcpu->event;
	u32 info = INTR_INFO_VALID | (u32)intr_types[e->type] << 8 | e->vector;

	/* There are no error codes in real mode. */
	if (e->has_error && (vcpu->state.cr0 & CR0_PE)) {
		info |= INTR_INFO_ERROR_CODE;
		vmcs_write_32(vcpu, ENTRY_EXCEPTION_ERROR_CODE, e->error);
	}
	if (e->type >= EVENT_SOFT_INTERRUPT)
		vmcs_write_32(vcpu, ENTRY_INSTRUCTION_LENGTH, e->length);
	vmcs_write_32(vcpu, ENTRY_INTERRUPTION_INFO, info);
}

static void set_windows(struct vcpu *vcpu, u32 primary)
{
	to_vmx(vcpu)->primary = primary;
	vmcs_write_32(vcpu, PRIMARY_CONTROLS, primary);
}

static void flush_vpid(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	struct vmx_invvpid what = { v->vpid, 0 };

	v->flush_vpid = false;
	if (vmx_invvpid(INVVPID_SINGLE, &what) != VMX_SUCCEED)
		vm_die(vcpu->vm, "INVVPID failed");
}

static void switch_xcr0(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);

	if (!vmx.host_xcr0)
		return;
	v->xcr0 = vcpu->state.xcr0;
	x86_xsetbv((v->xcr0 & fpu_features()) | XCR0_X87);
}

/* What the host has in control registers may change whenever it takes an interrupt. */
static inline void store_host(struct vcpu *vcpu, struct vmx_vcpu *v)
{
	u64 cr3 = x86_read_cr3(), cr4 = x86_read_cr4();

	if (cr3 != v->host_cr3) {
		v->host_cr3 = cr3;
		vmcs_write_N(vcpu, HOST_CR3, cr3);
	}
	if (cr4 != v->host_cr4) {
		v->host_cr4 = cr4;
		vmcs_write_N(vcpu, HOST_CR4, cr4);
	}
}

/* The entry did not happen; what was in memory still holds. */
static void entry_failed(struct vcpu *vcpu, u64 reason)
{
	struct exit *e = &vcpu->exit;

	e->kind = EXIT_FAIL_ENTRY;
	e->length = 0;
	e->hw_reason = reason;
	e->hw_info[0] = e->hw_info[1] = 0;
	e->fail_reason = reason;
	if (to_vmx(vcpu)->failed)
		return;
	if (reason & EXIT_REASON_ENTRY_FAILED)
		e->hw_info[0] = vmcs_read_N(vcpu, EXIT_QUALIFICATION);
	vmcs_write_32(vcpu, ENTRY_INTERRUPTION_INFO, 0);
}

void vmx_run(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	u32 primary = vmx.controls.primary, reason;

	if (vcpu->dirty) {
		vmx_store(vcpu, vcpu->dirty);
		vcpu->dirty = 0;
	}
	if (vcpu->event.type)
		inject(vcpu);
	if (vcpu->want_irq_window)
		primary |= PRIMARY_INTERRUPT_WINDOW;
	if (vcpu->want_nmi_window)
		primary |= PRIMARY_NMI_WINDOW;
	if (primary != v->primary)
		set_windows(vcpu, primary);
	if (v->xcr0 != vcpu->state.xcr0)
		switch_xcr0(vcpu);
	if (v->flush_vpid)
		flush_vpid(vcpu);
	store_host(vcpu, v);
	if (x86_read_cr2() != vcpu->state.cr2)
		x86_write_cr2(vcpu->state.cr2);

	if (v->failed || !vmx_enter(vcpu->gpr, &v->sw)) {
		entry_failed(vcpu, v->failed ? 0 : vmcs_read_32(vcpu, VM_INSTRUCTION_ERROR));
		return;
	}
	vcpu->state.cr2 = x86_read_cr2();
	reason = vmcs_read_32(vcpu, EXIT_REASON);
	if (reason & EXIT_REASON_ENTRY_FAILED) {
		entry_failed(vcpu, reason);
		return;
	}
	v->sw.launched = true;
	vcpu->valid = VALID_AFTER_EXIT;
	vcpu->event.type = EVENT_NONE;
	vmx_exit_decode(vcpu, reason);
}
