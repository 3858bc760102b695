// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What it costs to judge one state by all rules: the library as others link it, on a machine whose
 * time stamp counter counts instructions (QEMU with -icount shift=0). tests/rules/speed.py runs it.
 */
#include "tests/rules/bare.h"
#include "tests/unit/rules_vmx_state.h"

#include "core/x86/cpu.h"

#define KEPT 24 /* findings: more than a person reads */

static struct rules_finding found[KEPT];
static struct rules_result result;
static struct random dice = { 1 };

static u32 vmx_cost(const struct rules_vmx_state *s)
{
	u64 start = x86_rdtsc();

	rules_vmx_judge(s, found, KEPT, &result);
	return (u32)(x86_rdtsc() - start);
}

static u32 svm_cost(const struct rules_svm_state *s)
{
	u64 start = x86_rdtsc();

	rules_svm_judge(s, found, KEPT, &result);
	return (u32)(x86_rdtsc() - start);
}

static void raise_to(u32 *most, u32 cost)
{
	if (*most < cost)
		*most = cost;
}

/* Half of them a single bit. */
static u64 any_value(void)
{
	u64 r = random_next(&dice);

	return r & 1 ? r : 1ull << (r >> 58);
}

static void intel(void)
{
	u32 valid = 0, few = 0, most = 0, nothing, setting, broken = 0;
	static struct rules_vmx_state s;
	u64 start = x86_rdtsc();

	for (u32 i = 0; i < VMX_FIELD_COUNT; i++)
		rules_vmx_set(&s, rules_vmx_encoding(i), i);
	setting = (u32)(x86_rdtsc() - start);
	for (u32 base = LONG_MODE; base <= PAE; base++) {
		valid_state(&s, base);
		raise_to(&valid, vmx_cost(&s));
		if (result.broken || result.unknown)
			print("no valid state: %u\n", base);
		for (u32 n = 0; n < 1000; n++) {
			valid_state(&s, base);
			for (u32 i = 0; i < 1 + n % 4; i++)
				put(&s, random_below(&dice, VMX_FIELD_COUNT), any_value());
			raise_to(&few, vmx_cost(&s));
		}
		for (u32 n = 0; n < 1000; n++) {
			valid_state(&s, base);
			for (u32 i = 0; i < VMX_FIELD_COUNT; i++)
				put(&s, i, any_value());
			raise_to(&most, vmx_cost(&s));
			raise_to(&broken, result.broken);
		}
	}
	memset(&s, 0, sizeof(s));
	nothing = vmx_cost(&s);
	print("# Intel: %u for a valid state, %u to set its fields, %u with one to four changes, %u for one of which "
	      "nothing is known, %u with %u rules broken\n", valid, setting, few, nothing, most, broken);
	raise_to(&most, few);
	raise_to(&most, nothing);
	print("Intel %u\n", most);
}

static void amd(void)
{
	static struct rules_svm_state s;
	static u64 vmcb[4096 / 8];
	u32 most = 0;

	for (u32 n = 0; n < 4000; n++) {
		for (u32 i = 0; i < ARRAY_SIZE(vmcb); i++)
			vmcb[i] = random_below(&dice, 4) < n % 4 ? any_value() : 0;
		for (u32 i = 0; i < RULES_SVM_FACTS_USED; i++)
			rules_svm_set_fact(&s, (enum rules_svm_fact)i, (u32)any_value());
		rules_svm_set_vmcb(&s, vmcb);
		raise_to(&most, svm_cost(&s));
	}
	print("AMD %u\n", most);
}

int main(const char *cmdline)
{
	(void)cmdline;
	intel();
	amd();
	end();
}
