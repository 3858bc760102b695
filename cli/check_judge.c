/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * From facts to reasons. The reasons about the processor are the core's own table and, where the
 * MSRs can be read, its own decision; those about modules and devices are here.
 */
#include <errno.h>
#include <string.h>

#include "core/svm/svm.h"
#include "core/vm/text.h"
#include "core/vmx/vmx.h"
#include "check.h"

#define CPUID_1_VMX (1u << 5)
#define CPUID_X1_SVM (1u << 2)

static struct reason *add(struct judgement *j, const char *name, const char *what,
			  const char *todo, const char *manual)
{
	struct reason *r = &j->reasons[j->n < CHECK_MAX_REASONS ? j->n++ : CHECK_MAX_REASONS - 1];
	struct text t;

	*r = (struct reason){ .name = name, .todo = todo, .manual = manual, .cpu = -1 };
	t = text_start(r->what, sizeof(r->what));
	text_put(&t, what);
	return r;
}

static bool has(const struct judgement *j, const char *name)
{
	for (unsigned int i = 0; i < j->n; i++)
		if (j->reasons[i].name == name)
			return true;
	return false;
}

/* Once for each reason: the first CPU that has it stands for all. */
static void add_refusal(struct judgement *j, const struct refusal_report *why)
{
	const struct refusal_text *t = refusal_text(why->why);
	struct reason *r;

	if (has(j, t->name))
		return;
	r = add(j, t->name, t->what, t->todo, t->manual);
	r->cpu = why->cpu;
	r->field = why->field;
	r->wanted = why->wanted;
	r->found = why->found;
}

static void refuse_plainly(struct judgement *j, enum refusal why)
{
	const struct refusal_text *t = refusal_text(why);

	add(j, t->name, t->what, t->todo, t->manual);
}

/* ---- Intel ---- */

static const struct cpu_facts *reading; /* for the reader below, which has no argument for it */

static u64 read_fact(u32 msr)
{
	return reading->vmx[msr - IA32_VMX_BASIC];
}

static void judge_vmx_msrs(struct judgement *j, const struct facts *f, unsigned int cpu)
{
	struct refusal_report why = { .cpu = cpu };
	struct vmx_controls controls;
	struct vmx_caps caps;
	u64 control = f->cpus[cpu].control;

	if ((control & FEATURE_CONTROL_LOCKED) && !(control & FEATURE_CONTROL_VMX)) {
		why.why = REFUSE_VMX_LOCKED_OFF;
		why.field = "IA32_FEATURE_CONTROL";
		why.wanted = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX;
		why.found = control;
		add_refusal(j, &why);
	}
	reading = &f->cpus[cpu];
	caps = vmx_gather_caps(read_fact);
	if (!vmx_compute_controls(&caps, &controls, &why)) {
		why.cpu = cpu;
		add_refusal(j, &why);
	}
}

/* What Linux says of it, where the MSRs themselves cannot be read. */
static void judge_vmx_flags(struct judgement *j, const struct facts *f)
{
	if (f->flag_known && !f->flag) /* CPUID has VMX, yet Linux took it off its list */
		refuse_plainly(j, REFUSE_VMX_LOCKED_OFF);
	if (f->vmx_flags_known && !f->flag_ept)
		refuse_plainly(j, REFUSE_NO_EPT);
	if (f->vmx_flags_known && !f->flag_unrestricted)
		refuse_plainly(j, REFUSE_NO_UNRESTRICTED);
}

/* ---- AMD ---- */

static void judge_svm_caps(struct judgement *j, const struct facts *f, unsigned int cpu)
{
	struct svm_caps caps = { f->cpus[cpu].svm_asids, f->cpus[cpu].svm_features };
	struct refusal_report why = { .cpu = cpu };

	if (!svm_check_caps(&caps, &why))
		add_refusal(j, &why);
}

static void judge_svm_msrs(struct judgement *j, const struct facts *f, unsigned int cpu)
{
	struct refusal_report why = { .cpu = cpu };

	if (!svm_check_vm_cr(f->cpus[cpu].control, &why))
		add_refusal(j, &why);
}

/* Newer kernels take SVM off their list where VM_CR forbids it. */
static void judge_svm_flags(struct judgement *j, const struct facts *f)
{
	if (f->flag_known && !f->flag)
		refuse_plainly(j, REFUSE_SVM_DISABLED);
}

/* Somebody has SVM switched on, whoever it is. */
static void judge_svm_on(struct judgement *j, const struct facts *f, unsigned int cpu)
{
	struct refusal_report why = { .cpu = cpu };

	if (!(f->cpus[cpu].efer & EFER_SVME))
		return;
	refuse(&why, REFUSE_SVM_HELD, "EFER.SVME", 0, f->cpus[cpu].efer);
	add_refusal(j, &why);
}

/* ---- both ---- */

static void judge_cpu(struct judgement *j, const struct facts *f, unsigned int cpu)
{
	const struct cpu_facts *c = &f->cpus[cpu];
	bool intel = f->vendor == VENDOR_INTEL;
	struct refusal_report why = { .cpu = cpu };

	if (!c->extension) {
		why.why = intel ? REFUSE_VMX_CPUID : REFUSE_SVM_CPUID;
		why.field = intel ? "CPUID.1:ECX.VMX" : "CPUID.80000001h:ECX.SVM";
		why.wanted = intel ? CPUID_1_VMX : CPUID_X1_SVM;
		add_refusal(j, &why);
		return;
	}
	if (!intel)
		judge_svm_caps(j, f, cpu);
	if (!c->msrs_known) {
		j->msrs_missing = true;
		return;
	}
	if (intel)
		judge_vmx_msrs(j, f, cpu);
	else
		judge_svm_msrs(j, f, cpu);
}

static bool differs(const struct cpu_facts *a, const struct cpu_facts *b)
{
	return a->extension != b->extension || a->svm_asids != b->svm_asids ||
	       a->svm_features != b->svm_features ||
	       (a->msrs_known && b->msrs_known && memcmp(a->vmx, b->vmx, sizeof(a->vmx)));
}

static unsigned int gathered(const struct facts *f)
{
	return f->ncpus < CHECK_MAX_CPUS ? f->ncpus : CHECK_MAX_CPUS;
}

static void judge_processor(struct judgement *j, const struct facts *f)
{
	unsigned int n = gathered(f);

	if (f->vendor == VENDOR_OTHER) {
		refuse_plainly(j, REFUSE_NO_VENDOR);
		return;
	}
	for (unsigned int cpu = 0; cpu < n; cpu++) {
		struct refusal_report why = { .why = REFUSE_MIXED_CPUS, .cpu = cpu };

		judge_cpu(j, f, cpu);
		if (differs(&f->cpus[0], &f->cpus[cpu]))
			add_refusal(j, &why);
	}
	if (!f->cpus[0].extension || f->cpus[0].msrs_known)
		return;
	if (f->vendor == VENDOR_INTEL)
		judge_vmx_flags(j, f);
	else
		judge_svm_flags(j, f);
}

/* ---- modules and devices ---- */

static void judge_holder(struct judgement *j, const struct facts *f)
{
	for (unsigned int cpu = 0; cpu < gathered(f); cpu++)
		judge_svm_on(j, f, cpu);
	if (f->kvm_holds && !has(j, refusal_text(REFUSE_SVM_HELD)->name))
		refuse_plainly(j, f->vendor == VENDOR_AMD ? REFUSE_SVM_HELD : REFUSE_VMX_HELD);
	if (f->other[0])
		add(j, "other-hypervisor", f->other,
		    "This module belongs to another hypervisor, which may hold the processor's "
		    "extension: stop its virtual machines, or unload it",
		    "");
}

static void judge_device(struct judgement *j, const struct device_facts *d)
{
	struct reason *r;
	struct text t;

	if (!d->exists || !d->error)
		return;
	if (d->error != EPERM && d->error != EACCES) {
		r = add(j, "device-fails", "", "Load its module again and read the kernel's log", "");
		t = text_start(r->what, sizeof(r->what));
		text_put(&t, d->path);
		text_put(&t, " is there, but does not answer: error ");
		text_number(&t, d->error, 10);
		return;
	}
	r = add(j, "no-permission", "",
		!strcmp(d->group, "root") ?
			"Become root: only root's processes may open it" :
			"Join that group (usermod -aG GROUP USER, then log in again), or become root",
		"");
	t = text_start(r->what, sizeof(r->what));
	text_put(&t, "You may not open ");
	text_put(&t, d->path);
	text_put(&t, "; it belongs to the group ");
	text_put(&t, d->group[0] ? d->group : "(unknown)");
}

static void judge_module(struct judgement *j, const struct facts *f)
{
	if (f->swivl.exists)
		return;
	if (f->module_loaded)
		add(j, "no-device-node", "swivl's module is loaded, but /dev/swivl is not there",
		    "It may have another name: see /sys/module/swivl/parameters/device, and give "
		    "it to --device",
		    "");
	else
		add(j, "module-not-loaded", "swivl's module is not loaded",
		    "modprobe swivl, as root (make install-module builds and installs it)", "");
}

void check_judge(const struct facts *f, struct judgement *j)
{
	unsigned int processor;

	*j = (struct judgement){ .verdict = VERDICT_ABLE };
	judge_processor(j, f);
	processor = j->n;
	if (!f->module_loaded)
		judge_holder(j, f);
	judge_device(j, &f->swivl);
	judge_device(j, &f->kvm);
	if (!processor) /* else loading it would be of no use */
		judge_module(j, f);
	if (f->swivl.exists && !f->swivl.error)
		j->device = f->swivl.path;
	else if (f->kvm.exists && !f->kvm.error)
		j->device = f->kvm.path;
	if (j->device)
		j->verdict = VERDICT_READY;
	else if (processor)
		j->verdict = VERDICT_UNABLE;
}
