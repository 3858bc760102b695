// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* swivl explain: VM-instruction errors, exit reasons, exit codes and the list of rules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "explain.h"

#define UNKNOWN "unknown "

static bool number(const char *text, unsigned long long *n)
{
	char *end;

	if (*text == '-' || *text == '+' || *text == ' ')
		return false;
	errno = 0;
	*n = strtoull(text, &end, 0);
	return !errno && end != text && !*end;
}

/* The rules that a processor answers to in this way. */
static unsigned int rules_with(unsigned short answer, unsigned int *first, unsigned int *last)
{
	const struct rules_rule *r;
	unsigned int count = 0;

	*first = *last = 0;
	for (unsigned int n = 0; (r = rules_vmx_rule(n)); n++)
		if (r->answer == answer) {
			*first = count++ ? *first : r->number;
			*last = r->number;
		}
	return count;
}

static void print_number(bool json, const char *kind, unsigned long long n, const char *name,
			 const char *words, unsigned short answer, bool failed)
{
	unsigned int first = 0, last = 0, rules = answer ? rules_with(answer, &first, &last) : 0;

	if (json) {
		printf("{ \"kind\": \"%s\", \"number\": %llu, ", kind, n);
		json_string(stdout, "name", name, 200);
		printf(", ");
		json_string(stdout, "meaning", words, 400);
		printf(", \"rules\": %u, \"entry_failed\": %s }", rules, failed ? "true" : "false");
		return;
	}
	printf("%s %llu%s%s\n", kind, n, *name ? ": " : "", name);
	if (*words)
		printf("  %s\n", words);
	if (rules > 1)
		printf("  %u rules give it, %u to %u of docs/rules.md; swivl explain FILE says which\n", rules,
		       first, last);
	else if (rules)
		printf("  one rule gives it, %u of docs/rules.md\n", first);
}

bool explain_error(const char *text, bool json)
{
	static const char words[] =
		"CF is 1 after a VMX instruction: there is no current VMCS that could hold an error "
		"number. VMPTRLD comes first; VMCLEAR of the current VMCS takes it away; and VMXON answers "
		"so to an address or a revision identifier that is wrong";
	unsigned long long n;

	if (!strcasecmp(text, "invalid") || !strcasecmp(text, "VMfailInvalid")) {
		if (json)
			printf("{ \"kind\": \"VMfailInvalid\", \"meaning\": \"%s\" }\n", words);
		else
			printf("VMfailInvalid\n  %s\n", words);
		return true;
	}
	if (!number(text, &n) || n > 0xffff ||
	    !strncmp(rules_vmx_error_name((unsigned int)n), UNKNOWN, strlen(UNKNOWN)))
		return false;
	print_number(json, "VM-instruction error", n, rules_vmx_error_name((unsigned int)n),
		     rules_vmx_error_words((unsigned int)n), RULES_VM_ERROR((unsigned short)n), true);
	if (json)
		puts("");
	return true;
}

/* Bits 31:16 say how the processor left (SDM vol. 3, 25.9.1). */
static void intel_exit(unsigned int n, bool json)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} bits[] = {
		{ 25, "a shadow stack was prematurely busy" }, { 26, "a bus lock was asserted" },
		{ 27, "the processor was in enclave mode" }, { 28, "an MTF exit is pending" },
		{ 29, "from VMX root operation" },
		{ 31, "the entry failed; the guest did not run, and the host's state was loaded as at an exit" },
	};
	unsigned short answer = n >> 31 ? (unsigned short)RULES_EXIT(n & 0xff) : 0;

	print_number(json, "exit reason", n & 0xffff, rules_vmx_exit_name(n), rules_vmx_exit_words(n),
		     answer, n >> 31);
	for (unsigned int i = 0; i < sizeof(bits) / sizeof(bits[0]) && !json; i++)
		if (n >> bits[i].bit & 1)
			printf("  bit %u: %s\n", bits[i].bit, bits[i].name);
}

bool explain_exit(const char *text, unsigned int vendor, bool json)
{
	unsigned long long n, code;
	bool intel, amd;

	if (!strcmp(text, "-1") || !strcmp(text, "-2"))
		n = (unsigned long long)strtoll(text, NULL, 0); /* AMD's */
	else if (!number(text, &n))
		return false;
	/* Some print only 32 bits of the two that are negative. */
	code = n == 0xfffffffe ? ~1ull : n;
	intel = vendor != RULES_AMD && n <= 0xffffffff && !(n >> 16 & 0x41ff) &&
		strncmp(rules_vmx_exit_name((unsigned int)n), UNKNOWN, strlen(UNKNOWN));
	amd = vendor != RULES_INTEL && *rules_svm_exit_name(code);
	if (!intel && !amd)
		return false;
	if (json)
		printf("[ ");
	if (intel) {
		if (!json)
			printf("Intel: ");
		intel_exit((unsigned int)n, json);
	}
	if (intel && amd && json)
		printf(", ");
	if (amd) {
		if (json) {
			printf("{ \"kind\": \"exit code\", \"number\": %llu, ", n);
			json_string(stdout, "name", rules_svm_exit_name(code), 100);
			printf(", ");
			json_string(stdout, "meaning", rules_svm_exit_words(code), 300);
			printf(" }");
		} else {
			printf("AMD: exit code 0x%llx: %s\n", n, rules_svm_exit_name(code));
			if (*rules_svm_exit_words(code))
				printf("  %s\n", rules_svm_exit_words(code));
		}
	}
	if (json)
		puts(" ]");
	return true;
}

static void print_rule(const struct rules_rule *r, const char *manual, bool json, bool first)
{
	char answer[64];

	rules_answer_text(r->answer, answer, sizeof(answer));
	if (!json) {
		printf("| %u | %s | %s | %s, %s | %s |\n", r->number, r->id, r->text, manual, r->section,
		       answer);
		return;
	}
	printf("%s\n  { \"rule\": %u, ", first ? "" : ",", r->number);
	json_string(stdout, "id", r->id, 100);
	printf(", ");
	json_string(stdout, "text", r->text, 400);
	printf(", ");
	json_string(stdout, "manual", manual, 20);
	printf(", ");
	json_string(stdout, "section", r->section, 40);
	printf(", ");
	json_string(stdout, "answer", answer, sizeof(answer));
	printf(" }");
}

void explain_rules(bool json)
{
	const struct rules_rule *r;

	puts(json ? "[" : "| number | name | what has to be so | section | answer |\n"
			  "| ---: | --- | --- | --- | --- |");
	for (unsigned int n = 0; (r = rules_vmx_rule(n)); n++)
		print_rule(r, "SDM vol. 3", json, !n);
	for (unsigned int n = 0; (r = rules_svm_rule(n)); n++)
		print_rule(r, "APM vol. 2", json, false);
	if (json)
		puts("\n]");
}

void explain_facts(void)
{
	puts("Intel");
	for (unsigned int i = 0; i < RULES_VMX_FACTS_USED; i++)
		if (*rules_vmx_name(RULES_VMX_FACT(i)) && i != RULES_ENTRY_AREA)
			printf("  %s\n", rules_vmx_name(RULES_VMX_FACT(i)));
	puts("AMD");
	for (unsigned int i = 0; i < RULES_SVM_FACTS_USED; i++)
		printf("  %s\n", rules_svm_name(RULES_SVM_FACT(i)));
}
