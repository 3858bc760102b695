/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * swivl check, in two halves: facts, gathered from the system, and a judgement, which is a pure
 * function of them (and so can be tested for computers that nobody here has).
 */
#ifndef SWIVL_CLI_CHECK_H
#define SWIVL_CLI_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_MAX_CPUS 512
#define CHECK_MAX_REASONS 16

enum check_vendor { VENDOR_OTHER, VENDOR_INTEL, VENDOR_AMD };

/* What one CPU says; MSRs need /dev/cpu/N/msr. */
struct cpu_facts {
	bool extension; /* CPUID: VMX or SVM */
	uint32_t svm_asids, svm_features; /* AMD, CPUID 8000000Ah: EBX and EDX */
	bool msrs_known;
	uint64_t control; /* Intel: IA32_FEATURE_CONTROL; AMD: VM_CR */
	uint64_t efer; /* AMD */
	uint64_t vmx[18]; /* Intel: MSRs 0x480 - 0x491; 0 where they do not exist */
};

struct device_facts {
	const char *path;
	bool exists;
	int error; /* of opening it and asking for its version, errno; 0: it works */
	char group[32]; /* that may open it; "" when not known */
};

struct facts {
	enum check_vendor vendor;
	char model[64];
	char hypervisor[13]; /* its CPUID signature; "" on a real computer */
	unsigned int ncpus; /* online */
	struct cpu_facts cpus[CHECK_MAX_CPUS]; /* the first of them */
	bool flag_known, flag; /* /proc/cpuinfo: vmx or svm */
	bool vmx_flags_known, flag_ept, flag_unrestricted; /* its line "vmx flags" */
	bool kvm_loaded; /* kvm_intel or kvm_amd */
	bool kvm_holds; /* and it has the extension switched on now */
	char other[32]; /* another hypervisor's module, or "" */
	bool module_loaded; /* swivl */
	struct device_facts swivl, kvm;
};

struct reason {
	const char *name, *todo, *manual;
	char what[160];
	int cpu; /* -1: not a matter of one CPU */
	const char *field; /* NULL: none; else wanted and found count */
	uint64_t wanted, found;
};

enum verdict {
	VERDICT_READY, /* swivl run works now */
	VERDICT_ABLE, /* it will, when something is done first */
	VERDICT_UNABLE,
};

struct judgement {
	enum verdict verdict;
	const char *device; /* that swivl run would use; NULL: none */
	bool msrs_missing; /* without them not everything could be seen */
	struct reason reasons[CHECK_MAX_REASONS];
	unsigned int n;
};

void check_gather(struct facts *f); /* check_gather.c */
void check_judge(const struct facts *f, struct judgement *j); /* check_judge.c */

/* Parts of /proc/cpuinfo, for check_gather() and its test. */
void check_parse_cpuinfo(const char *text, struct facts *f);

#endif
