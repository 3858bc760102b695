/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which rule of the manual does a state break that a processor refused to enter? Pure functions:
 * no libc, no allocation, no globals but constant tables. This header includes nothing, so that
 * any hypervisor can link the library (libswivlrules.a) and ask in its own failure path:
 *
 *	struct rules_vmx_state s = { 0 };	a VMCS and what the processor offers
 *	rules_vmx_set(&s, 0x6800, cr0);		each field, by its encoding
 *	rules_vmx_set_fact(&s, RULES_VMX_MSR(0x486), msr);
 *	n = rules_vmx_judge(&s, findings, 8, &result);
 *
 * What is not set is missing, and the rules that need it cannot be judged.
 */
#ifndef SWIVL_RULES_H
#define SWIVL_RULES_H

#ifdef __cplusplus
extern "C" {
#endif

enum rules_vendor { RULES_INTEL = 1, RULES_AMD = 2 };

/* What the processor answers to a state. */
#define RULES_ENTERS 0
#define RULES_VMFAIL_INVALID 1 /* CF is 1, there is no error number */
#define RULES_VMEXIT_INVALID 2 /* AMD: exit code -1 */
#define RULES_VM_ERROR(number) (0x100 + (number)) /* ZF is 1, the VM-instruction error is this */
#define RULES_EXIT(reason) (0x200 + (reason)) /* exit with bit 31 of the reason set */
#define RULES_EXCEPTION(vector) (0x300 + (vector)) /* the instruction itself faults */

struct rules_judge; /* what a rule asks for values: core/rules/judge.h */

struct rules_rule {
	unsigned short number; /* never given to another rule */
	unsigned char vendor;
	unsigned short answer; /* RULES_*: what the processor does where it is broken */
	unsigned short instances; /* judged once for each bit set, e.g. each segment register */
	const char *id; /* "guest.cr0.fixed" */
	const char *text; /* what has to be so */
	const char *section; /* of SDM vol. 3 or APM vol. 2 */
	int (*holds)(struct rules_judge *judge, unsigned int instance);
};

enum rules_verdict { RULES_HOLDS, RULES_BROKEN, RULES_UNKNOWN };

#define RULES_MAX_READ 8
struct rules_finding {
	const struct rules_rule *rule;
	unsigned char verdict;
	unsigned char instance;
	unsigned char reads; /* how many fields the rule looked at, in its order */
	unsigned short read[RULES_MAX_READ];
	unsigned short missing; /* RULES_UNKNOWN: the field that would be needed */
};

struct rules_result {
	unsigned int judged, broken, unknown; /* rules; an instance counts as one */
	unsigned short answer; /* of the first broken rule; RULES_ENTERS where there is none */
};

/* A change of one field that would satisfy a rule. */
struct rules_remedy {
	unsigned short field;
	unsigned int still_broken; /* rules, with it */
	unsigned long long value;
};

/*
 * All judge functions: broken rules first, in the order in which the processor checks, then those
 * that cannot be judged; as many as @max. Returns how many were written.
 */

/* ---- Intel: SDM vol. 3, chapter "VM entries" ---- */

/* Fields are numbered as the table of core/vmx/fields.h lists them; facts stand behind them. */
#define RULES_VMX_FIELDS 224
#define RULES_VMX_FACTS 48
#define RULES_VMX_FACT(fact) (RULES_VMX_FIELDS + (fact))

/* What is no field of the VMCS, but has a say. */
enum rules_vmx_fact {
	RULES_VMX_BASIC = 0, /* IA32_VMX_BASIC, 480h; the others follow in their order */
	RULES_VMX_LAST_MSR = 0x13,
	RULES_PHYSICAL_BITS = 0x14, /* CPUID 80000008h EAX 7:0 */
	RULES_LINEAR_BITS, /* CPUID 80000008h EAX 15:8: 48 or 57 */
	RULES_EFER_BITS, /* bits of IA32_EFER that may be set; all of SCE, LME, LMA, NXE where missing */
	RULES_DEBUGCTL_BITS, /* of IA32_DEBUGCTL; those of the manual where missing */
	RULES_PERF_GLOBAL_BITS, /* of IA32_PERF_GLOBAL_CTRL */
	RULES_HAS_RTM, /* 1: bit 16 of the pending debug exceptions may be set */
	RULES_HAS_BUS_LOCK, /* 1: bit 11 of them may be set */
	RULES_HAS_SGX, /* 1: "enclave interruption" may be set */
	RULES_ROOT_EFER, /* IA32_EFER of the processor when it enters */
	RULES_ROOT_CR4, /* and CR4 */
	RULES_IN_SMM, /* 1: the processor enters from system-management mode */
	RULES_MOV_SS, /* 1: it is blocked by MOV SS */
	RULES_VMCS_ADDRESS, /* the current VMCS; all ones: there is none */
	RULES_VMCS_LAUNCHED, /* its launch state */
	RULES_IS_RESUME, /* 1: the instruction is VMRESUME */
	RULES_LINKED_VMCS, /* the first four bytes at the VMCS link pointer */
	RULES_VIRTUAL_TPR, /* the four bytes at 80h of the virtual-APIC page */
	RULES_PDPTE_0, /* without EPT: the four entries in memory at CR3 */
	RULES_PDPTE_3 = RULES_PDPTE_0 + 3,
	RULES_ENTRY_AREA, /* only named: what entry_load leads to */
	RULES_VMCS_SHADOW, /* 1: the current VMCS is a shadow VMCS */
	RULES_VMX_FACTS_USED
};
#define RULES_VMX_MSR(msr) ((enum rules_vmx_fact)((msr) - 0x480))

/* One entry of an MSR area, as it lies in memory (25.7.2). */
struct rules_msr {
	unsigned int index, reserved;
	unsigned long long value;
};

struct rules_vmx_state {
	unsigned long long value[RULES_VMX_FIELDS + RULES_VMX_FACTS];
	unsigned char present[(RULES_VMX_FIELDS + RULES_VMX_FACTS) / 8];
	/* What the VM-entry MSR-load address leads to, as many entries as are known; or NULL. */
	const struct rules_msr *entry_load;
	unsigned int entry_loads;
};

/* 0, or -1 for an encoding that no field has (bit 0 set: the high half of a 64-bit field). */
int rules_vmx_set(struct rules_vmx_state *s, unsigned int encoding, unsigned long long value);
void rules_vmx_set_fact(struct rules_vmx_state *s, enum rules_vmx_fact fact,
			unsigned long long value);
/* By number, fields and facts. 1 and *value, or 0 where it is missing. */
int rules_vmx_get(const struct rules_vmx_state *s, unsigned int field, unsigned long long *value);

unsigned int rules_vmx_judge(const struct rules_vmx_state *s, struct rules_finding *findings,
			     unsigned int max, struct rules_result *result);
/*
 * What would satisfy a broken rule, any one of them alone; as many as @max, 0 where no change of one
 * field does that was thought of. @s is changed on the way and put back.
 */
unsigned int rules_vmx_remedies(struct rules_vmx_state *s, const struct rules_finding *f,
				struct rules_remedy *found, unsigned int max);
/* The rules in the order in which the processor checks, from 0; a null pointer behind the last. */
const struct rules_rule *rules_vmx_rule(unsigned int n);

/* What the value of a field or a fact says, as rules_svm_decode(); "" where that is the value itself. */
void rules_vmx_decode(unsigned int field, unsigned long long value, char *text, unsigned int size);

/* The number of a field by its encoding, -1 where there is none; and back. */
int rules_vmx_field(unsigned int encoding);
unsigned int rules_vmx_encoding(unsigned int field);
/* Fields and facts by number: the manual's name, "" for a number that is none; bytes. */
const char *rules_vmx_name(unsigned int field);
unsigned int rules_vmx_bytes(unsigned int field);

/* ---- AMD: APM vol. 2, 15.5.1 "Canonicalization and Consistency Checks" ---- */

/* Fields are numbered as the table of core/rules/svm.h lists them; facts stand behind them. */
#define RULES_SVM_FIELDS 128
#define RULES_SVM_FACTS 16
#define RULES_SVM_FACT(fact) (RULES_SVM_FIELDS + (fact))

/* What is no field of the VMCB, but has a say. */
enum rules_svm_fact {
	RULES_SVM_CPUID_1_ECX,
	RULES_SVM_CPUID_7_EBX,
	RULES_SVM_CPUID_7_ECX,
	RULES_SVM_CPUID_80000001_ECX,
	RULES_SVM_CPUID_80000001_EDX,
	RULES_SVM_CPUID_80000008_EAX,
	RULES_SVM_CPUID_80000008_EBX,
	RULES_SVM_CPUID_8000000A_EDX,
	RULES_SVM_CPUID_8000001F_EAX,
	RULES_SVM_CPUID_8000001F_ECX,
	RULES_SVM_CPUID_80000021_EAX,
	RULES_SVM_HOST_CR0, /* CR0 at the VMRUN */
	RULES_SVM_U_CET, /* MSR U_CET at the VMRUN; 0 on a processor that has none */
	RULES_SVM_HOST_EFER, /* EFER at the VMRUN; with SVME where missing */
	RULES_SVM_HOST_CPL, /* CPL there; 0 where missing */
	RULES_SVM_VMCB_ADDRESS, /* in RAX there; a good one where missing */
	RULES_SVM_FACTS_USED
};

struct rules_svm_state {
	unsigned long long value[RULES_SVM_FIELDS + RULES_SVM_FACTS];
	unsigned char present[(RULES_SVM_FIELDS + RULES_SVM_FACTS) / 8];
};

/* By the offset in the VMCB, 400h and up in the state-save area; -1 where no field begins. */
int rules_svm_set(struct rules_svm_state *s, unsigned int offset, unsigned long long value);
/* All fields, from the 4096 bytes of a VMCB. */
void rules_svm_set_vmcb(struct rules_svm_state *s, const void *vmcb);
void rules_svm_set_fact(struct rules_svm_state *s, enum rules_svm_fact fact,
			unsigned long long value);
/* The facts that a leaf of CPUID tells, subleaf 0: EAX, EBX, ECX, EDX. Others are ignored. */
void rules_svm_set_cpuid(struct rules_svm_state *s, unsigned int leaf, const unsigned int regs[4]);
int rules_svm_get(const struct rules_svm_state *s, unsigned int field, unsigned long long *value);

/* As Intel's. A VMCB that breaks several rules is answered as one that breaks one. */
unsigned int rules_svm_judge(const struct rules_svm_state *s, struct rules_finding *findings,
			     unsigned int max, struct rules_result *result);
unsigned int rules_svm_remedies(struct rules_svm_state *s, const struct rules_finding *f,
				struct rules_remedy *found, unsigned int max);
const struct rules_rule *rules_svm_rule(unsigned int n);

/* The number of a field by its offset, -1 where there is none; and back. */
int rules_svm_field(unsigned int offset);
unsigned int rules_svm_offset(unsigned int field);
const char *rules_svm_name(unsigned int field);
unsigned int rules_svm_bytes(unsigned int field);
/* What the value says, bits by name: "PE, NE, PG". Cut off at @size, always ended by a zero. */
void rules_svm_decode(unsigned int field, unsigned long long value, char *text, unsigned int size);
/* The manual's name of an exit code, "" for a number that has none. */
const char *rules_svm_exit_name(unsigned long long code);
/* What is behind it, "" where the name says all. */
const char *rules_svm_exit_words(unsigned long long code);

/* ---- Written down: what swivl explain reads, and docs/rules.md describes ---- */

/*
 * The state as text, one line a call and without a line end: *at is 0 before the first call. The
 * line's length, 0 behind the last. RULES_LINE bytes have room for any.
 */
#define RULES_LINE 128
unsigned int rules_vmx_line(const struct rules_vmx_state *s, unsigned int *at, char *line,
			    unsigned int size);
unsigned int rules_svm_line(const struct rules_svm_state *s, unsigned int *at, char *line,
			    unsigned int size);

/* ---- An entry that failed, for people ---- */

/*
 * Filled by whoever saw it fail (zeroed, then vendor, reason and the vendor's state), and then
 * judged, once: afterwards the state is without what tells of the hypervisor's own memory, so that
 * the lines may be shown to those who only run guests. 4096 bytes have room for it.
 */
#define RULES_NAMED 8
#define RULES_FAILURE_REMEDIES 4 /* for each of them */
struct rules_failure {
	unsigned char vendor; /* enum rules_vendor */
	unsigned char found_count, searched;
	unsigned char remedies[RULES_NAMED]; /* that were found for each */
	unsigned long long reason; /* VM-instruction error or exit reason; AMD: the exit code */
	struct rules_result result;
	struct rules_finding found[RULES_NAMED];
	struct rules_remedy remedy[RULES_NAMED][RULES_FAILURE_REMEDIES];
	union {
		struct rules_vmx_state vmx;
		struct rules_svm_state svm;
	};
};
void rules_failure_judge(struct rules_failure *f);
/* What would satisfy the rules, too: some milliseconds, so where there is time, before the lines. */
void rules_failure_search(struct rules_failure *f);

/*
 * Lines as above: why it failed, the first broken rules, each with the fields that it looked at and
 * what would satisfy it; and the state written down. RULES_SENTENCE bytes have room for the former,
 * where longer ones are cut off.
 */
#define RULES_SENTENCE 768
unsigned int rules_failure_why(const struct rules_failure *f, unsigned int *at, char *line,
			       unsigned int size);
unsigned int rules_failure_state(const struct rules_failure *f, unsigned int *at, char *line,
				 unsigned int size);

/* ---- Numbers ---- */

/*
 * Intel's VM-instruction errors and exit reasons, of which only bits 15:0 count: the manual's name,
 * and what is behind it, "" where the name says all.
 */
const char *rules_vmx_error_name(unsigned int error);
const char *rules_vmx_error_words(unsigned int error);
const char *rules_vmx_exit_name(unsigned int reason);
const char *rules_vmx_exit_words(unsigned int reason);

/* RULES_* in words, e.g. "VM-instruction error 7". */
void rules_answer_text(unsigned short answer, char *text, unsigned int size);

#ifdef __cplusplus
}
#endif

#endif
