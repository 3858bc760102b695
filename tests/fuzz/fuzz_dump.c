// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: cli/dump.c cli/dump_kvm.c core/rules/judge.c core/rules/dump.c core/rules/remedy.c core/rules/names.c core/rules/svm.c core/rules/svm_rules.c core/rules/svm_decode.c core/rules/vmx.c core/rules/vmx_controls.c core/rules/vmx_host.c core/rules/vmx_guest.c core/rules/vmx_segments.c core/rules/vmx_decode.c core/rules/vmx_numbers.c
/* Any text as a dump, the rules on what comes of it, and all that is said of it. */
#include <stdint.h>
#include <string.h>

#include "cli/dump.h"

static struct dump d;
static struct rules_finding found[1024];

static void vmx(void)
{
	struct rules_remedy remedy[4];
	struct rules_result result;
	unsigned int n = rules_vmx_judge(&d.vmx, found, 1024, &result);
	char text[64];

	if (n != result.broken + result.unknown)
		__builtin_trap();
	for (unsigned int i = 0; i < n && i < 2; i++)
		rules_vmx_remedies(&d.vmx, &found[i], remedy, 4);
	for (unsigned int i = 0; i < RULES_VMX_FACT(RULES_VMX_FACTS); i++)
		rules_vmx_decode(i, d.vmx.value[i], text, sizeof(text));
	for (unsigned int at = 0; rules_vmx_line(&d.vmx, &at, text, sizeof(text));)
		;
}

static void svm(void)
{
	struct rules_remedy remedy[4];
	struct rules_result result;
	unsigned int n = rules_svm_judge(&d.svm, found, 1024, &result);
	char text[64];

	if (n != result.broken + result.unknown)
		__builtin_trap();
	for (unsigned int i = 0; i < n && i < 2; i++)
		rules_svm_remedies(&d.svm, &found[i], remedy, 4);
	for (unsigned int i = 0; i < RULES_SVM_FACT(RULES_SVM_FACTS); i++)
		rules_svm_decode(i, d.svm.value[i], text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dump_text text = { (const char *)data, (const char *)data + size, 0 };
	unsigned int bad;

	while (dump_next(&text, &d))
		d.vendor == RULES_INTEL ? vmx() : svm();
	dump_facts((const char *)data, size, &d, &bad);
	return 0;
}
