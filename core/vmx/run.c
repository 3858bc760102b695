// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Into the guest and out of it again, once. This is the road of every exit: count before adding. */
#include "core/vmx/vmx.h"
#include "core/vm/loop.h"

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

static bool protected_mode(struct vcpu *vcpu)
{
	if (vcpu->vm->machine)
		vcpu_need(vcpu, STATE_CR);
	return vcpu->state.cr0 & CR0_PE;
}

/* SDM vol. 3, 25.8.3 and 27.2.1.3 */
COLD void inject(struct vcpu *vcpu)
{
	const struct event *e = &vcpu->event;
	u32 info = INTR_INFO_VALID | (u32)intr_types[e->type] << 8 | e->vector;

	/* There are no error codes in real mode. */
	if (e->has_error && protected_mode(vcpu)) {
		info |= INTR_INFO_ERROR_CODE;
		vmcs_write_32(vcpu, ENTRY_EXCEPTION_ERROR_CODE, e->error);
	}
	if (e->type >= EVENT_SOFT_INTERRUPT)
		vmcs_write_32(vcpu, ENTRY_INSTRUCTION_LENGTH, e->length);
	/* An entry leaves DR6, which is the machine's, as it is (27.6.1.1). */
	if (vcpu->vm->machine && e->vector == VECTOR_DB && vcpu->state.dr6 != DR6_ONES) {
		x86_write_dr(6, x86_read_dr(6) | (vcpu->state.dr6 & DR6_WRITABLE));
		vcpu->state.dr6 = DR6_ONES;
	}
	vmcs_write_32(vcpu, ENTRY_INTERRUPTION_INFO, info);
}

COLD void set_windows(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	u32 closed = vmx_controls_of(vcpu)->primary, primary = closed;

	if (vcpu->want_irq_window)
		primary |= PRIMARY_INTERRUPT_WINDOW;
	if (vcpu->want_nmi_window)
		primary |= PRIMARY_NMI_WINDOW;
	v->before &= ~VMX_BEFORE_WINDOWS;
	if (primary != closed)
		v->before |= VMX_BEFORE_WINDOWS; /* look again: they may have to be closed */
	if (primary == v->primary)
		return;
	v->primary = primary;
	vmcs_write_32(vcpu, PRIMARY_CONTROLS, primary);
}

static void flush_vpid(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	struct vmx_invvpid what = { v->vpid, 0 };

	v->before &= ~VMX_BEFORE_FLUSH;
	if (v->vpid && vmx_invvpid(INVVPID_SINGLE, &what) != VMX_SUCCEED)
		vm_die(vcpu->vm, "INVVPID failed");
}

/* Windows to open or close, and what is in vmx_vcpu.before. False: do not enter. */
COLD bool before_entry(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);

	set_windows(vcpu);
	if (v->before & VMX_BEFORE_FLUSH)
		flush_vpid(vcpu);
	if (v->before & VMX_BEFORE_FAILED)
		return false;
	if (v->before & (VMX_BEFORE_DEBUG | VMX_BEFORE_HOST_DEBUG)) {
		live_debug_in(vcpu, &v->live);
		v->after |= VMX_AFTER_DEBUG;
	}
	/* Only now: perf switches on and off by an interrupt what is in there. */
	if (v->before & VMX_BEFORE_HOST_DEBUG)
		v->host.debugctl = x86_rdmsr(IA32_DEBUGCTL);
	if (v->before & VMX_BEFORE_L1D) {
		v->before &= ~VMX_BEFORE_L1D;
		x86_wrmsr(IA32_FLUSH_CMD, FLUSH_CMD_L1D);
	}
	if (v->before & VMX_BEFORE_VERW)
		x86_verw();
	return true;
}

/* Before anything that could be predicted from what the guest taught the processor. */
COLD void after_entry(struct vcpu *vcpu, bool entered)
{
	struct vmx_vcpu *v = to_vmx(vcpu);

	if (v->after & VMX_AFTER_SPEC_CTRL)
		x86_wrmsr(IA32_SPEC_CTRL, v->host.spec_ctrl);
	if (v->after & VMX_AFTER_PEBS)
		x86_wrmsr(IA32_PEBS_ENABLE, v->host.pebs);
	if (v->after & VMX_AFTER_DEBUG) {
		live_debug_out(&v->live);
		if ((v->before & VMX_BEFORE_HOST_DEBUG) && v->host.debugctl)
			x86_wrmsr(IA32_DEBUGCTL, v->host.debugctl);
	}
	v->after &= ~(VMX_AFTER_PEBS | VMX_AFTER_DEBUG);
	if (!entered)
		return;
	v->after &= ~VMX_AFTER_LAUNCH;
	v->sw.launched = true;
}

/* What the host has in control registers and LDTR may change whenever it takes an interrupt. */
static inline void store_host(struct vcpu *vcpu, struct vmx_vcpu *v)
{
	u64 cr3 = x86_read_cr3(), cr4 = x86_read_cr4();
	u16 ldtr = x86_sldt();

	if (cr3 != v->host_cr3) {
		v->host_cr3 = cr3;
		vmcs_write_N(vcpu, HOST_CR3, cr3);
	}
	if (cr4 != v->host_cr4) {
		v->host_cr4 = cr4;
		vmcs_write_N(vcpu, HOST_CR4, cr4);
	}
	/* Exits leave 0; another thread of the process may have made its first LDT meanwhile. */
	if (ldtr)
		v->host.ldtr = ldtr;
}

/* The entry did not happen; what was in memory still holds. */
COLD void entry_failed(struct vcpu *vcpu, u64 reason)
{
	struct exit *e = &vcpu->exit;

	e->kind = EXIT_FAIL_ENTRY;
	e->length = 0;
	e->hw_reason = reason;
	e->hw_info[0] = e->hw_info[1] = 0;
	e->fail_reason = reason;
	if (to_vmx(vcpu)->before & VMX_BEFORE_FAILED)
		return;
	if (reason & EXIT_REASON_ENTRY_FAILED)
		e->hw_info[0] = vmcs_read_N(vcpu, EXIT_QUALIFICATION);
	if (reason == 7 || reason == 8 ||
	    (reason & 0xffff) == REASON_BAD_GUEST_STATE || (reason & 0xffff) == REASON_MSR_LOADING)
		vmx_explain(vcpu, reason);
	vmcs_write_32(vcpu, ENTRY_INTERRUPTION_INFO, 0);
	/* It is the host's, and nobody has told it yet (27.8). */
	if ((reason & 0xffff) == REASON_MACHINE_CHECK_ENTRY)
		x86_int18();
}

/* Mostly the handler only went past an instruction. */
HOT void store_dirty(struct vcpu *vcpu)
{
	u32 dirty = vcpu->dirty;

	if (!dirty)
		return;
	if (dirty == STATE_RIP)
		vmcs_write_N(vcpu, GUEST_RIP, vcpu->state.rip);
	else
		vmx_store(vcpu, dirty);
	vcpu->dirty = 0;
}

/*
 * PEBS writes to a linear address, and in a guest that would be the guest's. A program may sample
 * the threads that it runs guests with, and begin at any time.
 */
HOT void pebs_off(struct vmx_vcpu *v)
{
	u64 enabled = x86_rdmsr(IA32_PEBS_ENABLE);

	if (__builtin_expect(!enabled, 1))
		return;
	v->host.pebs = enabled;
	x86_wrmsr(IA32_PEBS_ENABLE, 0);
	v->after |= VMX_AFTER_PEBS;
}

/* @machine, a constant: the machine has its XCR0 and PEBS itself, and its home changes nothing. */
HOT void prepare(struct vcpu *vcpu, struct vmx_vcpu *v, bool machine)
{
	store_dirty(vcpu);
	if (vcpu->event.type)
		inject(vcpu);
	if (!machine && v->live.xcr0 != vcpu->state.xcr0)
		live_load_xcr0(vcpu, &v->live);
	if (!machine)
		store_host(vcpu, v);
	if (x86_read_cr2() != vcpu->state.cr2)
		x86_write_cr2(vcpu->state.cr2);
	if (!machine && vmx.has_pebs)
		pebs_off(v);
}

/* Whoever handles an instruction goes past it: all of that at once. */
HOT void fetch_instruction(struct vcpu *vcpu)
{
	u64 length = 0, shadow = 0;

	vcpu->hardware_reads += 5; /* the reason included */
	if (vmx_vmread(EXIT_INSTRUCTION_LENGTH.encoding, &length) != VMX_SUCCEED ||
	    vmx_vmread(GUEST_RIP.encoding, &vcpu->state.rip) != VMX_SUCCEED ||
	    vmx_vmread(GUEST_RFLAGS.encoding, &vcpu->state.rflags) != VMX_SUCCEED ||
	    vmx_vmread(GUEST_INTERRUPTIBILITY.encoding, &shadow) != VMX_SUCCEED)
		vmcs_access_failed(vcpu, GUEST_RIP.encoding, false);
	vcpu->exit.length = (u8)length;
	vcpu->state.shadow = (u32)shadow;
	vcpu->valid = VALID_AFTER_EXIT | STATE_RIP | STATE_RFLAGS | STATE_SHADOW;
}

/* Counted by whoever looks at it next. */
HOT u32 read_reason(struct vcpu *vcpu)
{
	u64 reason = 0;

	if (vmx_vmread(EXIT_REASON.encoding, &reason) != VMX_SUCCEED)
		vmcs_access_failed(vcpu, EXIT_REASON.encoding, false);
	return (u32)reason;
}

/* A reason with more than a known basic one (25.9.1): the rest says more about the same. */
COLD u32 basic_reason(u32 reason)
{
	reason &= 0xffff;
	return reason < VMX_EXIT_REASONS ? reason : VMX_EXIT_REASONS;
}

HOT void after_exit(struct vcpu *vcpu, u32 reason)
{
	struct exit *e = &vcpu->exit;
	u32 basic = reason;
	u8 reads;

	if (reason >= VMX_EXIT_REASONS) {
		if (reason & EXIT_REASON_ENTRY_FAILED) {
			entry_failed(vcpu, reason);
			return;
		}
		basic = basic_reason(reason);
	}
	e->kind = vmx_exit_rules[basic].kind;
	reads = vmx_exit_rules[basic].reads;
	e->hw_reason = reason;
	vcpu->event.type = EVENT_NONE;
	if (reads & VMX_EXIT_INSTRUCTION) {
		fetch_instruction(vcpu);
		if (reads == VMX_EXIT_INSTRUCTION)
			return;
	} else {
		vcpu->hardware_reads++;
		e->length = 0;
		vcpu->valid = VALID_AFTER_EXIT;
	}
	vmx_exit_decode(vcpu, basic, reads);
}

/*
 * The machine's guest executed CPUID, nothing else happened, and nobody wants anything: answered with
 * no more than it takes. The VMCS keeps all else. False: as any other exit.
 */
HOT bool answer_cpuid(struct vcpu *vcpu, const struct vendor_way *way)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	u64 length, rip, rflags, shadow;

	if ((v->before & ~VMX_BEFORE_VERW) || v->after ||
	    __atomic_load_n(way->wanted, __ATOMIC_RELAXED) ||
	    vcpu->stage2_generation !=
		    __atomic_load_n(&vcpu->vm->stage2.generation, __ATOMIC_ACQUIRE) ||
	    vmx_vmread(EXIT_INSTRUCTION_LENGTH.encoding, &length) != VMX_SUCCEED ||
	    vmx_vmread(GUEST_RIP.encoding, &rip) != VMX_SUCCEED ||
	    vmx_vmread(GUEST_RFLAGS.encoding, &rflags) != VMX_SUCCEED ||
	    vmx_vmread(GUEST_INTERRUPTIBILITY.encoding, &shadow) != VMX_SUCCEED ||
	    (rflags & (RFLAGS_TF | RFLAGS_RF)) || (shadow & (SHADOW_STI | SHADOW_MOV_SS)))
		return false;
	way->cpuid(vcpu);
	rip += length;
	vmcs_write_N(vcpu, GUEST_RIP, vcpu->state.efer & EFER_LMA ? rip : (u32)rip);
	vcpu->event.type = EVENT_NONE;
	vcpu->exits[EXIT_CPUID]++;
	if (v->before) /* what is done before each entry */
		x86_verw();
	return true;
}

/* @way: the machine's guest, with what happens between its entries; NULL: another. A constant. */
HOT void enter_once(struct vcpu *vcpu, const struct vendor_way *way)
{
	bool entered;
	u32 reason;

	prepare(vcpu, to_vmx(vcpu), way);
	if ((vcpu_wants_window(vcpu) || to_vmx(vcpu)->before) && !before_entry(vcpu)) {
		entry_failed(vcpu, 0);
		return;
	}
again:
	entered = vmx_enter(vcpu->gpr, &to_vmx(vcpu)->sw);
	if (!entered) {
		after_entry(vcpu, false);
		entry_failed(vcpu, vmcs_read_32(vcpu, VM_INSTRUCTION_ERROR));
		return;
	}
	reason = read_reason(vcpu);
	if (way && reason == REASON_CPUID && answer_cpuid(vcpu, way))
		goto again;
	vcpu->state.cr2 = x86_read_cr2();
	if (to_vmx(vcpu)->after)
		after_entry(vcpu, !(reason & EXIT_REASON_ENTRY_FAILED));
	after_exit(vcpu, reason);
}

/* An NMI that came in the guest is handed on before any interrupt, whose end would let in more. */
HOT void enter(struct vcpu *vcpu)
{
	enter_once(vcpu, NULL);
	x86_irq_on();
}

void vmx_enter_machine(struct vcpu *vcpu, const struct vendor_way *way)
{
	enter_once(vcpu, way);
	vcpu->valid &= ~STATE_DR7; /* its MOV DR does not exit */
}

int vmx_run(struct vcpu *vcpu)
{
	return vcpu_loop(vcpu, enter);
}
