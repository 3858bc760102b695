/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* swivl check's judgement, for computers of all kinds. */
// uses: cli/check_judge.c cli/check_gather.c lib/swivl.c core/vmx/caps.c core/svm/caps.c core/vm/refusal.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "core/svm/svm.h"
#include "core/vmx/vmx.h"
#include "cli/check.h"

static struct facts f;
static struct judgement j;

/* An Intel computer with everything, the module loaded, the device working. */
static int setup(void **state)
{
	memset(&f, 0, sizeof(f));
	f.vendor = VENDOR_INTEL;
	f.ncpus = 2;
	f.flag_known = f.flag = f.vmx_flags_known = f.flag_ept = f.flag_unrestricted = true;
	f.module_loaded = true;
	f.swivl = (struct device_facts){ .path = "/dev/swivl", .exists = true };
	f.kvm = (struct device_facts){ .path = "/dev/kvm" };
	for (unsigned int i = 0; i < 2; i++) {
		struct cpu_facts *c = &f.cpus[i];

		c->extension = c->msrs_known = true;
		c->control = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX;
		/* all controls may be 1 and may be 0, all of EPT; regions of a page, write-back */
		for (unsigned int n = 0; n < 18; n++)
			c->vmx[n] = 0xffffffff00000000;
		c->vmx[0] = 0x00d8100000000012;
		c->vmx[IA32_VMX_EPT_VPID_CAP - IA32_VMX_BASIC] = ~0ull;
	}
	return 0;
}

static const struct reason *reason(const char *name)
{
	for (unsigned int i = 0; i < j.n; i++)
		if (!strcmp(j.reasons[i].name, name))
			return &j.reasons[i];
	fail_msg("no reason \"%s\"", name);
	return NULL;
}

static void no_module(void)
{
	f.module_loaded = f.swivl.exists = false;
}

static void all_is_well(void **state)
{
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_READY);
	assert_string_equal(j.device, "/dev/swivl");
	assert_int_equal(j.n, 0);
	assert_false(j.msrs_missing);
}

static void the_module_is_not_loaded(void **state)
{
	no_module();
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
	assert_null(j.device);
	assert_int_equal(j.n, 1);
	reason("module-not-loaded");
}

static void kvm_serves_where_swivl_is_not(void **state)
{
	no_module();
	f.kvm.exists = f.kvm_loaded = f.kvm_holds = true;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_READY);
	assert_string_equal(j.device, "/dev/kvm");
	reason("vmx-held");
	reason("module-not-loaded");
}

static void no_extension_in_cpuid(void **state)
{
	no_module();
	f.cpus[0].extension = f.cpus[1].extension = false;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_UNABLE);
	assert_int_equal(reason("vmx-cpuid")->cpu, 0);
	assert_int_equal(j.n, 1); /* once for both CPUs; and loading the module is no advice */
}

static void locked_off_by_firmware(void **state)
{
	no_module();
	f.cpus[1].control = FEATURE_CONTROL_LOCKED;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_UNABLE);
	assert_int_equal(reason("vmx-locked-off")->cpu, 1);
	assert_int_equal(reason("vmx-locked-off")->found, 1);
	assert_int_equal(reason("vmx-locked-off")->wanted, 5);
}

static void not_locked_is_fine(void **state)
{
	f.cpus[0].control = f.cpus[1].control = 0;
	check_judge(&f, &j);
	assert_int_equal(j.n, 0);
}

static void old_processors(void **state)
{
	const unsigned int ctls2 = IA32_VMX_PROCBASED_CTLS2 - IA32_VMX_BASIC;

	no_module();
	for (unsigned int i = 0; i < 2; i++)
		f.cpus[i].vmx[ctls2] = 0xffffffff00000000 & ~((u64)SECONDARY_UNRESTRICTED << 32);
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_UNABLE);
	reason("no-unrestricted-guest");
	for (unsigned int i = 0; i < 2; i++)
		f.cpus[i].vmx[ctls2] = 0xffffffff00000000 & ~((u64)SECONDARY_EPT << 32);
	check_judge(&f, &j);
	reason("no-ept");
	assert_int_equal(j.n, 1);
}

static void without_msrs_linux_flags_speak(void **state)
{
	no_module();
	f.cpus[0].msrs_known = f.cpus[1].msrs_known = false;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
	assert_true(j.msrs_missing);
	f.flag_ept = f.flag_unrestricted = false;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_UNABLE);
	reason("no-ept");
	reason("no-unrestricted-guest");
	f.flag = false;
	check_judge(&f, &j);
	reason("vmx-locked-off");
	f.flag_known = f.vmx_flags_known = false; /* an old kernel says nothing */
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
}

static void cpus_that_differ(void **state)
{
	f.cpus[1].vmx[0]++;
	check_judge(&f, &j);
	assert_int_equal(reason("mixed-cpus")->cpu, 1);
}

static void neither_vendor(void **state)
{
	no_module();
	f.vendor = VENDOR_OTHER;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_UNABLE);
	reason("no-vendor");
}

/* The same with an AMD processor. */
static void make_amd(void)
{
	f.vendor = VENDOR_AMD;
	f.vmx_flags_known = f.flag_ept = f.flag_unrestricted = false;
	for (unsigned int i = 0; i < 2; i++)
		f.cpus[i] = (struct cpu_facts){ .extension = true, .msrs_known = true,
						.svm_features = 1, .svm_asids = 16,
						.efer = EFER_LMA | EFER_LME };
}

static bool has_reason(const char *name)
{
	for (unsigned int i = 0; i < j.n; i++)
		if (!strcmp(j.reasons[i].name, name))
			return true;
	return false;
}

/* One reason about the processor, with what was found there: there is nothing else to say. */
static void amd_cannot(const char *name, int cpu, u64 found)
{
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_UNABLE);
	assert_int_equal(j.n, 1);
	assert_int_equal(reason(name)->cpu, cpu);
	assert_int_equal(reason(name)->found, found);
	assert_true(strlen(reason(name)->todo) > 20);
	make_amd();
}

static void amd_is_well(void **state)
{
	make_amd();
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_READY);
	assert_int_equal(j.n, 0);
	no_module();
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
	assert_int_equal(j.n, 1);
	reason("module-not-loaded");
}

static void amd_processors_that_cannot(void **state)
{
	no_module();
	make_amd();
	f.cpus[0].extension = f.cpus[1].extension = false;
	amd_cannot("svm-cpuid", 0, 0);
	f.cpus[1].control = VM_CR_SVMDIS;
	amd_cannot("svm-disabled", 1, 0x10);
	f.cpus[0].control = f.cpus[1].control = VM_CR_SVMDIS | VM_CR_LOCKED;
	amd_cannot("svm-locked", 0, 0x18);
	f.cpus[0].svm_features = f.cpus[1].svm_features = 0xfe;
	amd_cannot("no-nested-paging", 0, 0xfe);
	f.cpus[0].svm_asids = f.cpus[1].svm_asids = 1;
	amd_cannot("no-asid", 0, 1);
	/* Locked, but on. */
	f.cpus[0].control = f.cpus[1].control = VM_CR_LOCKED;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
	f.cpus[1].svm_asids++;
	check_judge(&f, &j);
	assert_int_equal(reason("mixed-cpus")->cpu, 1);
}

static void amd_without_msrs(void **state)
{
	no_module();
	make_amd();
	f.cpus[0].msrs_known = f.cpus[1].msrs_known = false;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
	assert_true(j.msrs_missing);
	f.flag = false;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_UNABLE);
	reason("svm-disabled");
}

static void amd_in_other_hands(void **state)
{
	no_module();
	make_amd();
	f.kvm_holds = true;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
	assert_int_equal(reason("svm-held")->cpu, -1);
	/* Where it can be seen, the CPU is told, and that it is not KVM's module only. */
	f.cpus[1].efer |= EFER_SVME;
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
	assert_int_equal(j.n, 2); /* and module-not-loaded */
	assert_int_equal(reason("svm-held")->cpu, 1);
	assert_int_equal(reason("svm-held")->found, EFER_SVME | EFER_LMA | EFER_LME);
	/* swivl itself is no stranger. */
	f.module_loaded = f.swivl.exists = true;
	f.kvm_holds = false;
	check_judge(&f, &j);
	assert_false(has_reason("svm-held"));
	assert_int_equal(j.n, 0);
}

static void no_permission(void **state)
{
	f.swivl.error = EACCES;
	strcpy(f.swivl.group, "kvm");
	check_judge(&f, &j);
	assert_int_equal(j.verdict, VERDICT_ABLE);
	assert_non_null(strstr(reason("no-permission")->what, "/dev/swivl; it belongs to the group kvm"));
	/* Nobody is told to join root's group. */
	strcpy(f.swivl.group, "root");
	check_judge(&f, &j);
	assert_null(strstr(reason("no-permission")->todo, "usermod"));
	f.swivl.error = ENODEV;
	check_judge(&f, &j);
	assert_non_null(strstr(reason("device-fails")->what, "error 19"));
}

static void other_things_in_the_way(void **state)
{
	f.swivl.exists = false;
	check_judge(&f, &j);
	reason("no-device-node");
	strcpy(f.other, "vboxdrv");
	no_module();
	check_judge(&f, &j);
	assert_string_equal(reason("other-hypervisor")->what, "vboxdrv");
}

static void cpuinfo_is_read_by_its_keys(void **state)
{
	static const char text[] =
		"processor\t: 0\nmodel\t\t: 60\nmodel name\t: Some (R) CPU @ 3 GHz\n"
		"flags\t\t: fpu svmx vmx\nvmx flags\t: vnmi ept_ad ept\n\n"
		"processor\t: 1\nflags\t\t: fpu\n";

	memset(&f, 0, sizeof(f));
	check_parse_cpuinfo(text, &f);
	assert_string_equal(f.model, "Some (R) CPU @ 3 GHz");
	assert_true(f.flag_known && f.flag && f.vmx_flags_known && f.flag_ept);
	assert_false(f.flag_unrestricted);
	check_parse_cpuinfo("flags : fpu svmx\nflags", &f);
	assert_true(f.flag_known && !f.flag && !f.vmx_flags_known && !f.flag_ept);
	check_parse_cpuinfo("", &f);
	assert_false(f.flag_known);
	check_parse_cpuinfo("flags :", &f);
	assert_true(f.flag_known && !f.flag);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(all_is_well),
		T(the_module_is_not_loaded),
		T(kvm_serves_where_swivl_is_not),
		T(no_extension_in_cpuid),
		T(locked_off_by_firmware),
		T(not_locked_is_fine),
		T(old_processors),
		T(without_msrs_linux_flags_speak),
		T(cpus_that_differ),
		T(neither_vendor),
		T(amd_is_well),
		T(amd_processors_that_cannot),
		T(amd_without_msrs),
		T(amd_in_other_hands),
		T(no_permission),
		T(other_things_in_the_way),
		T(cpuinfo_is_read_by_its_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
