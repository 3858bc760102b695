/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the files of core/vmx share. Outside of this folder only vmx_vendor is known.
 *
 *   caps.c    what the processor can do, and the controls that follow from it
 *   enable.c  the extension on and off on a CPU; which VMCSs are active there
 *   vmcs.c    accessors' failures, setting a VMCS up
 *   state.c   guest state between memory and VMCS
 *   host.c    the host's own state that the processor does not switch
 *   enter.h   the world switch
 *   run.c     entries, events, windows
 *   exit.c    exits
 *   explain.c  the state of an entry that failed, for the rules
 *   selftest.c  the road from nothing to the first exit, step by step
 *   ept.c     second-level translation: format, flushing, VPIDs
 */
#ifndef SWIVL_CORE_VMX_VMX_H
#define SWIVL_CORE_VMX_VMX_H

#include "core/vm/live.h"
#include "core/vm/vm.h"
#include "core/vmx/controls.h"
#include "core/vmx/enter.h"
#include "core/vmx/fields.h"
#include "core/vmx/insn.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"

/* ---- caps.c ------------------------------------------------------------------------------ */

/* The capability MSRs (SDM vol. 3, appendix A), the TRUE_ ones where they exist. */
struct vmx_caps {
	u64 basic, misc, ept_vpid;
	u64 pin, primary, secondary, exit, entry; /* high half: may be 1; low half: must be 1 */
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

/* Values of the control fields that follow from it. */
struct vmx_controls {
	u32 pin, primary, secondary, exit, entry;
};

struct vmx_caps vmx_read_caps(void);
/* The same through @read, for a program that has MSRs from elsewhere. */
struct vmx_caps vmx_gather_caps(u64 (*read)(u32 msr));
/* Pure. False: @why names what is required and not there. */
bool vmx_compute_controls(const struct vmx_caps *caps, struct vmx_controls *controls,
			  struct refusal_report *why);
/* Those under which the machine itself runs as a guest. */
bool vmx_compute_machine_controls(const struct vmx_caps *caps, struct vmx_controls *controls,
				  struct refusal_report *why);
struct vmx_mitigations vmx_mitigations(void);
/* Is @value within a pair of fixed-bits MSRs (A.7, A.8)? */
bool vmx_fixed_ok(u64 value, u64 fixed0, u64 fixed1);

/* ---- enable.c ---------------------------------------------------------------------------- */

struct vmx_vcpu;

/* MSRs of STATE_SYSCALL that are switched by hand where guest and host differ. */
enum vmx_switched_msr { SWITCHED_STAR, SWITCHED_LSTAR, SWITCHED_CSTAR, SWITCHED_FMASK,
			SWITCHED_TSC_AUX, VMX_SWITCHED_MSRS };

struct vmx_cpu {
	void *region; /* for VMXON */
	bool on;
	struct vmx_vcpu *current; /* whose VMCS pointer this CPU holds */
	struct vmx_vcpu *active; /* list of those that this CPU may cache */
	/* What stays the same as long as the system runs on this CPU. */
	u64 msr[VMX_SWITCHED_MSRS];
	struct x86_table gdt, idt;
	u64 gdt_copy[32]; /* in which the task may be loaded again: see host.c */
	u64 *task; /* its descriptor there; NULL where it need not be loaded */
};

/*
 * What has to be done around guests because this processor speculates too far. Decided by CPUID
 * and IA32_ARCH_CAPABILITIES alone.
 */
struct vmx_mitigations {
	bool stuff_rsb; /* after exits: return stack buffer, also against PBRSB */
	bool legacy_ibrs; /* after exits: where the host has it on, it is written again */
	bool verw; /* before entries: MDS, TAA, MMIO stale data, RFDS */
	bool flush_l1d; /* before the first entry of a section and after interrupts: L1TF */
	bool no_large_exec; /* iTLB multihit: no guest executes from 2 MiB pages */
	bool ibpb; /* between two VMs on one CPU */
	bool spec_ctrl; /* the MSR exists */
};

struct vmx {
	struct vmx_caps caps;
	struct vmx_controls controls, machine_controls; /* for VMs; for the machine itself */
	bool machine_possible;
	struct vmx_cpu *cpus; /* host_cpu_limit() long */
	void *msr_bitmap; /* one for all: it never changes */
	void *msr_bitmap_machine;
	void *msr_bitmap_filtered; /* for VMs with a filter of the caller's: all MSRs exit */
	u64 *vpids; /* one page: bits of those in use */
	struct host_spin vpid_lock;
	struct host_mutex vms_lock; /* held while VMs must not be made */
	u32 vms;
	struct vmx_mitigations mitigate;
	u8 canonical_shift; /* bits of an address above those that paging translates */
	u32 stay; /* the longest that a guest runs without an exit, in ticks of its timer */
	bool has_tsc_aux;
	bool has_pebs;
};
extern struct vmx vmx;

bool vmx_supported(struct refusal_report *why);
bool vmx_start(struct refusal_report *why);
void vmx_stop(void);
bool vmx_cpu_enable(struct refusal_report *why);
void vmx_cpu_disable(void);
/* Make the VMCS current on this CPU; true if it came from another. Interrupts off. */
bool vmx_activate(struct vmx_vcpu *v);
/* Have no CPU hold anything of the VMCS. */
void vmx_deactivate(struct vmx_vcpu *v);

/* ---- vCPUs ------------------------------------------------------------------------------- */

/* What the host has in registers that a section changes by hand. */
struct vmx_host {
	u16 ds, es, fs, gs, ldtr;
	u64 fs_base, kernel_gs_base;
	u64 dr7, debugctl, spec_ctrl, pebs;
};

/* What is rarely to be done around an entry, so that one look tells that there is nothing. */
#define VMX_BEFORE_WINDOWS 1 /* one is open */
#define VMX_BEFORE_FLUSH 2 /* the VPID */
#define VMX_BEFORE_VERW 4
#define VMX_BEFORE_FAILED 8 /* an access failed: enter no more */
#define VMX_BEFORE_DEBUG 16 /* breakpoints of the guest are on: DR0 to DR3 */
#define VMX_BEFORE_L1D 32
#define VMX_BEFORE_HOST_DEBUG 64 /* the host has something in DR7 or IA32_DEBUGCTL */
#define VMX_AFTER_LAUNCH 1 /* the first entry: from then on VMRESUME */
#define VMX_AFTER_SPEC_CTRL 2 /* legacy IBRS holds only for what is predicted after its write */
#define VMX_AFTER_PEBS 8 /* it was on */
#define VMX_AFTER_DEBUG 4 /* DR0 to DR3, or DR7 and IA32_DEBUGCTL, are not the host's */

struct vmx_vcpu {
	struct vcpu *vcpu;
	void *vmcs;
	u64 pa;
	int cpu; /* where it is active, -1: nowhere; as vcpu->cpu, but under our own control */
	struct vmx_cpu *here; /* that CPU, while loaded */
	struct vmx_vcpu *next, *prev; /* in that CPU's list */
	struct vmx_switch sw;
	u8 before, after; /* VMX_BEFORE_*, VMX_AFTER_* */
	u16 vpid; /* 0: none */

	/* what the VMCS holds, so that a write of the same value is left out */
	u32 primary, entry;
	u64 host_cr3, host_cr4;
	u64 cr0_owned, cr4_owned; /* bits that the guest changes without an exit */

	struct live live; /* on: for_run; the guest's MSRs are in the processor as well */
	u64 msr[VMX_SWITCHED_MSRS]; /* in the processor while live */
	struct vmx_host host;
};

static inline const struct vmx_controls *vmx_controls_of(const struct vcpu *vcpu)
{
	return vcpu->vm->machine ? &vmx.machine_controls : &vmx.controls;
}

static inline struct vmx_vcpu *to_vmx(struct vcpu *vcpu)
{
	return vcpu->vendor_data;
}

/* ---- explain.c: an entry failed; vcpu->failure gets its state and the rules' judgement --------- */

void vmx_explain(struct vcpu *vcpu, u64 reason);
/* The same for the current VMCS, whosever it is; @f is zeros. */
void vmx_judge(struct rules_failure *f, u64 reason);

/* ---- accessors: a failed one is counted, logged by the field's name, and ends the VM --------- */

void vmcs_access_failed(struct vcpu *vcpu, u32 field, bool write);

static inline u64 vmcs_read(struct vcpu *vcpu, u32 field)
{
	u64 value = 0;

	vcpu->hardware_reads++;
	if (__builtin_expect(vmx_vmread(field, &value) != VMX_SUCCEED, 0))
		vmcs_access_failed(vcpu, field, false);
	return value;
}

/*
 * For the road of every exit. False: give up, the VM is dead; so nothing has to be kept in registers
 * that are saved for a case that never comes.
 */
static inline bool vmcs_get(struct vcpu *vcpu, u32 field, u64 *value)
{
	vcpu->hardware_reads++;
	if (__builtin_expect(vmx_vmread(field, value) == VMX_SUCCEED, 1))
		return true;
	vmcs_access_failed(vcpu, field, false);
	return false;
}

static inline void vmcs_write(struct vcpu *vcpu, u32 field, u64 value)
{
	vcpu->hardware_writes++;
	if (__builtin_expect(vmx_vmwrite(field, value) != VMX_SUCCEED, 0))
		vmcs_access_failed(vcpu, field, true);
}

#define VMCS_ACCESSORS(width, type) \
	static inline type vmcs_read_##width(struct vcpu *vcpu, struct vmcs_field_##width f) \
	{ \
		return (type)vmcs_read(vcpu, f.encoding); \
	} \
	static inline void vmcs_write_##width(struct vcpu *vcpu, struct vmcs_field_##width f, \
					      type value) \
	{ \
		vmcs_write(vcpu, f.encoding, value); \
	}
VMCS_ACCESSORS(16, u16)
VMCS_ACCESSORS(32, u32)
VMCS_ACCESSORS(64, u64)
VMCS_ACCESSORS(N, u64)




/* state.c */
/* Which bits of CR0 and CR4 the guest owns. */
void vmcs_setup_masks(struct vcpu *vcpu);
void vmx_fetch(struct vcpu *vcpu, u32 groups);
void vmx_store(struct vcpu *vcpu, u32 groups);

/* host.c */
/* Where this CPU's task is. */
u64 vmx_host_tr_base(void);
/* Host fields that belong to this CPU; after the VMCS came here. */
void vmx_host_cpu_fields(struct vcpu *vcpu);
/*
 * What an exit takes from the host, before the first entry and after the last. Interrupts off. DR7
 * and IA32_DEBUGCTL are only remembered: an interrupt may change them between two entries.
 */
void vmx_host_remember(struct vmx_host *h);
void vmx_host_recover(struct vmx_cpu *cpu, const struct vmx_host *h);
/* Into a section and out of it. Interrupts may be on. */
void vmx_host_save(struct vcpu *vcpu);
void vmx_host_restore(struct vcpu *vcpu);
/* Remember what is the same for every section on this CPU. */
void vmx_host_cpu_init(struct vmx_cpu *cpu);
/* Put the guest's STATE_SYSCALL into the processor. Live. */
void vmx_load_msrs(struct vcpu *vcpu);

/* run.c */
int vmx_run(struct vcpu *vcpu);
void vmx_enter_machine(struct vcpu *vcpu, const struct vendor_way *way);

/* exit.c: what each basic exit reason becomes, and what is read for it besides the reason. */
#define VMX_EXIT_INSTRUCTION 1 /* its length, and what is needed to go past it */
#define VMX_EXIT_QUALIFICATION 2
#define VMX_EXIT_DELIVERY 4 /* it may have interrupted the delivery of an event (28.2.4) */
#define VMX_EXIT_REASONS 65
struct vmx_exit_rule {
	u8 kind, reads;
};
extern const struct vmx_exit_rule vmx_exit_rules[VMX_EXIT_REASONS + 1]; /* the last: a hole */
/* All that is not an instruction without a qualification; @reason is the basic one. */
void vmx_exit_decode(struct vcpu *vcpu, u32 reason, u8 reads);

/* selftest.c */
int vmx_selftest(struct swivl_selftest *t);

/* ept.c */
extern const struct stage2_format ept_format;
u64 ept_pointer(const struct vm *vm);
void vmx_flush(struct vcpu *vcpu);
u16 vpid_alloc(void);
void vpid_free(u16 vpid);
unsigned int vmx_stage2_bits(void);

#endif
