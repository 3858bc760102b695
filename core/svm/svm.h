/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the files of core/svm share. Outside of this folder only svm_vendor is known.
 *
 *   caps.c    what the processor can do
 *   enable.c  the extension on and off on a CPU; permission maps
 *   vcpu.c    life of a VMCB, ASIDs, sections
 *   state.c   guest state between memory and VMCB
 *   enter.h   the world switch
 *   run.c     entries, events, windows
 *   exit.c    exits
 *   explain.c  the state of an entry that failed, for the rules
 *   operand.c  what instructions say where the processor does not
 *   npt.c     second-level translation: its format
 *   names.c   exit codes in words
 *   selftest.c, fault.S  the road from nothing to the first exit, step by step
 */
#ifndef SWIVL_CORE_SVM_SVM_H
#define SWIVL_CORE_SVM_SVM_H

#include "core/svm/enter.h"
#include "core/svm/insn.h"
#include "core/svm/vmcb.h"
#include "core/vm/fetch.h"
#include "core/vm/live.h"
#include "core/vm/vm.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"

/* ---- caps.c ------------------------------------------------------------------------------ */

/* CPUID 8000_000A (APM vol. 3, E.4.9). */
struct svm_caps {
	u32 asids, features;
};

#define SVM_NESTED_PAGING (1u << 0)
#define SVM_LBR (1u << 1)
#define SVM_LOCK (1u << 2)
#define SVM_NEXT_RIP (1u << 3)
#define SVM_CLEAN_BITS (1u << 5)
#define SVM_FLUSH_BY_ASID (1u << 6)
#define SVM_DECODE_ASSISTS (1u << 7)

struct svm_caps svm_read_caps(void);
/* Pure. False: @why names what is required and not there. */
bool svm_check_caps(const struct svm_caps *caps, struct refusal_report *why);
/* VM_CR (15.30.1) */
#define VM_CR_LOCKED (1ull << 3)
#define VM_CR_SVMDIS (1ull << 4)
/* Pure. */
bool svm_check_vm_cr(u64 vm_cr, struct refusal_report *why);

/* ---- enable.c ---------------------------------------------------------------------------- */

struct svm_cpu {
	void *save; /* the processor's own, for the host's state during guests */
	void *host; /* VMSAVE's of the host */
	u64 host_pa;
	bool on;
	u64 last; /* serial number of the vCPU that was here last */
	/* ASIDs are given out in turn; when all are used up, a new generation begins with a flush. */
	u64 generation;
	u32 next_asid;
	u64 tsc_aux, xss; /* the host's: the same as long as the system runs on this CPU */
};

struct svm {
	struct svm_caps caps;
	struct svm_cpu *cpus; /* host_cpu_limit() long */
	void *iopm, *msrpm, *msrpm_filtered, *msrpm_machine; /* for all: they never change */
	struct host_mutex vms_lock; /* held while VMs must not be made */
	u32 vms;
	u64 serial; /* of the vCPU made last */
	bool ibpb; /* between two guests on one CPU */
	bool verw; /* before entries: what the processor's buffers hold (TSA) */
	bool has_xss;
	bool has_tsc_aux;
	bool qemu; /* its emulated processor: see svm_decode_int(), and debug_in() in run.c */
};
extern struct svm svm;

#define IOPM_PAGES 3u
#define MSRPM_PAGES 2u

bool svm_present(void);
bool svm_supported(struct refusal_report *why);
bool svm_start(struct refusal_report *why);
void svm_stop(void);
bool svm_cpu_enable(struct refusal_report *why);
void svm_cpu_disable(void);

/* ---- vCPUs ------------------------------------------------------------------------------- */

/* What is rarely to be done before an entry, so that one look tells that there is nothing. */
#define SVM_BEFORE_WINDOWS 1 /* one is open */
#define SVM_BEFORE_FLUSH 2 /* translations of the guest */
#define SVM_BEFORE_STEP 4 /* an IRET that ends the masking of NMIs comes next */
#define SVM_BEFORE_FAILED 8 /* SVM is off here: enter no more */
#define SVM_BEFORE_VERW 32
#define SVM_BEFORE_DEBUG 16 /* breakpoints of the guest are on: DR0 to DR3 */
#define SVM_BEFORE_HOST_DEBUG 64 /* those of the host are */
#define SVM_BEFORE_ANY_DEBUG (SVM_BEFORE_DEBUG | SVM_BEFORE_HOST_DEBUG)

struct svm_vcpu {
	struct vcpu *vcpu;
	struct vmcb *vmcb;
	u64 pa;
	u64 serial;
	int cpu; /* where it ran last, -1: nowhere */
	struct svm_cpu *here; /* that CPU, while loaded */
	u64 generation; /* of its ASID there */
	u64 mode; /* svm_mode_of() what vcpu->state has; 0: not known */
	u8 before; /* SVM_BEFORE_* */

	bool nmi_masked;
	bool stepping, step_over_iret; /* this entry executes one instruction only */
	bool step_tf; /* the trap flag was set already */
	bool soft_advanced; /* RIP was moved past a software interrupt to inject it */
	u8 soft_length;

	struct live live;
	u64 tsc_aux; /* in the processor while live */
	bool dr6_dirty; /* the guest left something in the processor's DR6 */

	struct fetch fetch; /* the last instruction that was decoded for its length */
	struct insn insn;
	struct vmcb_save backup; /* of the last state that was changed for an entry */
};

static inline struct svm_vcpu *to_svm(struct vcpu *vcpu)
{
	return vcpu->vendor_data;
}

/* explain.c: an entry failed; vcpu->failure gets its state and the rules' judgement. */
void svm_explain(struct vcpu *vcpu);
/* The same for any VMCB, as VMRUN finds or found it; @f is zeros. */
void svm_judge(struct rules_failure *f, const struct vmcb *vmcb);

/* vcpu.c */
/* A new address space identifier, on the CPU where it is loaded. */
void svm_new_asid(struct svm_vcpu *v);

/* state.c */
void svm_fetch(struct vcpu *vcpu, u32 groups);
void svm_store(struct vcpu *vcpu, u32 groups);
/* What STATE_MODE is made of; never 0. */
static inline u64 svm_mode_of(const struct vmcb_save *save)
{
	return save->cs.attr | (u64)save->ss.attr << 16 | (u64)save->cpl << 32 | 1ull << 63;
}
void svm_fetch_mode_anew(struct vcpu *vcpu, u64 mode);

/* STATE_CR3 and STATE_MODE, right after an exit. */
static inline void svm_fetch_mode(struct vcpu *vcpu)
{
	const struct vmcb_save *save = &to_svm(vcpu)->vmcb->save;
	u64 mode = svm_mode_of(save);

	vcpu->state.cr3 = save->cr3;
	vcpu->valid |= STATE_CR3 | STATE_MODE;
	vcpu->hardware_reads += 4;
	if (__builtin_expect(mode != to_svm(vcpu)->mode, 0))
		svm_fetch_mode_anew(vcpu, mode);
}
/*
 * Right after an exit of the machine's guest, which changes these as it likes, but not EFER.SVME,
 * without which VMRUN is refused (APM vol. 2, 15.5.1). QEMU's processor loses it when an SMI stops the
 * guest and what runs then exits; hardware keeps the guest apart meanwhile (15.22).
 */
static inline void svm_fetch_cr(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	vcpu->state.cr0 = vmcb->save.cr0;
	vcpu->state.cr4 = vmcb->save.cr4;
	vcpu->state.efer = vmcb->save.efer & ~(u64)EFER_SVME;
	if (!(vmcb->save.efer & EFER_SVME))
		vcpu->dirty |= STATE_CR;
	vcpu->hardware_reads += 3;
}
/* The one MSR of a guest that no instruction switches. Live. */
void svm_load_tsc_aux(struct vcpu *vcpu);
/* #DB, #AC, #MC and what the caller asked for; all of them while an instruction is stepped. */
void svm_store_exceptions(struct vcpu *vcpu);

/* run.c */
int svm_run(struct vcpu *vcpu);
void svm_enter_machine(struct vcpu *vcpu, const struct vendor_way *way);
/* The guest's XSETBV may not have exited: see there. */
void svm_sync_xcr0(struct vcpu *vcpu);

/* exit.c: what each exit code becomes. */
#define SVM_EXIT_LENGTH 1 /* the instruction's length is needed */
#define SVM_EXIT_INFO 2 /* there is more to decode */
struct svm_exit_rule {
	u8 kind, flags;
	/* of the instruction, to know it again: a second byte after 0Fh, unless SVM_EXIT_SHORT */
	u8 opcode, modrm;
};
#define SVM_EXIT_SHORT 4
extern const struct svm_exit_rule svm_exit_rules[CODES], svm_no_rule, svm_wrmsr_rule;
/* All that is not just an instruction. */
void svm_exit_decode(struct vcpu *vcpu, u64 code);

/*
 * operand.c. True: vcpu->exit.length is there. False: the instruction could not be read as it was
 * executed; the exit became EXIT_NONE, so the guest executes it again.
 */
bool svm_instruction(struct vcpu *vcpu, const struct svm_exit_rule *rule);
/* RIP as a linear address, as the processor left it. */
static inline u64 svm_linear_rip(const struct vmcb_save *save)
{
	if ((save->efer & EFER_LMA) && (save->cs.attr & VMCB_ATTR_L))
		return save->rip;
	return (u32)(save->rip + save->cs.base);
}
/*
 * Does the instruction at RIP take the flags to where they stay, or from there? PUSHF, POPF, INT3,
 * INT, INTO, IRET, INT1, SYSCALL, SYSRET.
 */
bool svm_next_uses_flags(struct vcpu *vcpu);
/* MOV CR, CLTS, LMSW, SMSW; MOV DR. */
void svm_decode_cr(struct vcpu *vcpu, u8 cr, bool write);
void svm_decode_dr(struct vcpu *vcpu, u8 dr, bool write);
/* INT3, INTO and INT n where they exit alike. */
void svm_decode_int(struct vcpu *vcpu);

/* selftest.c, with fault.S */
int svm_selftest(struct swivl_selftest *t);

/* npt.c */
extern const struct stage2_format npt_format;
unsigned int svm_stage2_bits(void);

#endif
