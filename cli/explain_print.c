// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* swivl explain: what is said of one control structure, as text and as JSON. */
#include <string.h>

#include "cli.h"
#include "explain.h"

#define MAX_FINDINGS 1024
#define MAX_REMEDIES 4
#define TEXT_SIZE 2048

/* The two vendors' functions, so that there is one way to print. */
struct state {
	struct dump *d;
	const struct explain_options *o;
	unsigned int fields, all;
};

static bool get(const struct state *s, unsigned int field, unsigned long long *value)
{
	return s->d->vendor == RULES_INTEL ? rules_vmx_get(&s->d->vmx, field, value) :
					     rules_svm_get(&s->d->svm, field, value);
}

static const char *name(const struct state *s, unsigned int field)
{
	return s->d->vendor == RULES_INTEL ? rules_vmx_name(field) : rules_svm_name(field);
}

static void decode(const struct state *s, unsigned int field, unsigned long long value, char *text)
{
	if (s->d->vendor == RULES_INTEL)
		rules_vmx_decode(field, value, text, TEXT_SIZE);
	else
		rules_svm_decode(field, value, text, TEXT_SIZE);
}

static const char *manual(const struct rules_rule *r)
{
	return r->vendor == RULES_INTEL ? "SDM vol. 3" : "APM vol. 2";
}

static void print_value(const struct state *s, unsigned int field, unsigned long long value, bool first)
{
	char text[TEXT_SIZE];

	decode(s, field, value, text);
	if (s->o->json) {
		printf("%s\n        { ", first ? "" : ",");
		json_string(stdout, "name", name(s, field), 100);
		printf(", \"value\": \"0x%llx\", ", value);
		json_string(stdout, "meaning", text, sizeof(text));
	} else {
		printf("      %s = 0x%llx%s%s%s\n", name(s, field), value, *text ? " (" : "", text,
		       *text ? ")" : "");
	}
}

static void print_reads(const struct state *s, const struct rules_finding *f)
{
	unsigned long long value;
	bool first = true;

	if (s->o->json)
		printf(",\n      \"fields\": [");
	for (unsigned int i = 0; i < f->reads; i++)
		if (get(s, f->read[i], &value)) {
			print_value(s, f->read[i], value, first);
			if (s->o->json)
				printf(" }");
			first = false;
		}
	if (s->o->json)
		printf(" ]");
}

static void print_remedies(const struct state *s, const struct rules_finding *f, unsigned int broken)
{
	struct rules_remedy found[MAX_REMEDIES];
	struct dump *d = s->d;
	unsigned int n = d->vendor == RULES_INTEL ?
				 rules_vmx_remedies(&d->vmx, f, found, MAX_REMEDIES) :
				 rules_svm_remedies(&d->svm, f, found, MAX_REMEDIES);

	if (s->o->json)
		printf(",\n      \"remedies\": [");
	else if (n)
		printf(n == 1 ? "    what would satisfy it\n" : "    what would satisfy it, any one of these\n");
	for (unsigned int i = 0; i < n; i++) {
		print_value(s, found[i].field, found[i].value, !i);
		if (s->o->json)
			printf(", \"still_broken\": %u }", found[i].still_broken);
		else if (found[i].still_broken >= broken)
			printf("        though another rule would be broken then\n");
	}
	if (s->o->json)
		printf(" ]");
}

static void print_finding_json(const struct state *s, const struct rules_finding *f, bool first)
{
	const struct rules_rule *r = f->rule;
	char answer[64];

	rules_answer_text(r->answer, answer, sizeof(answer));
	printf("%s\n    { \"rule\": %u, \"broken\": %s, ", first ? "" : ",", r->number,
	       f->verdict == RULES_BROKEN ? "true" : "false");
	json_string(stdout, "id", r->id, 100);
	printf(", ");
	json_string(stdout, "text", r->text, 400);
	printf(",\n      ");
	json_string(stdout, "manual", manual(r), 20);
	printf(", ");
	json_string(stdout, "section", r->section, 40);
	printf(", ");
	json_string(stdout, "answer", answer, sizeof(answer));
	if (f->verdict == RULES_UNKNOWN) {
		printf(", ");
		json_string(stdout, "missing", name(s, f->missing), 100);
	}
}

static void print_finding(const struct state *s, const struct rules_finding *f, unsigned int broken,
			  bool first)
{
	const struct rules_rule *r = f->rule;
	char answer[64];

	rules_answer_text(r->answer, answer, sizeof(answer));
	if (s->o->json)
		print_finding_json(s, f, first);
	else if (f->verdict == RULES_UNKNOWN)
		printf("  cannot be judged: rule %u, %s; missing is %s\n", r->number, r->id,
		       name(s, f->missing));
	else
		printf("  broken: %s\n    rule %u, %s; %s, %s; the processor answers with %s\n", r->text,
		       r->number, r->id, manual(r), r->section, answer);
	if (f->verdict == RULES_BROKEN || s->o->json)
		print_reads(s, f);
	if (f->verdict == RULES_BROKEN)
		print_remedies(s, f, broken);
	if (s->o->json)
		printf(" }");
}

static void print_fields(const struct state *s)
{
	unsigned long long value;
	bool first = true;

	printf(s->o->json ? ",\n    \"fields\": [" : "  all that is in it\n");
	for (unsigned int i = 0; i < s->all; i++)
		if (get(s, i, &value)) {
			print_value(s, i, value, first);
			if (s->o->json)
				printf(" }");
			first = false;
		}
	if (s->o->json)
		printf(" ]");
}

/* What the processor itself said, if the dump has it: an answer, or RULES_ENTERS. */
static unsigned short said(const struct state *s)
{
	unsigned long long v;

	if (s->d->vendor == RULES_AMD)
		return get(s, (unsigned int)rules_svm_field(0x70), &v) && (unsigned int)v == ~0u ?
			       RULES_VMEXIT_INVALID : RULES_ENTERS;
	return get(s, (unsigned int)rules_vmx_field(0x4402), &v) && v >> 31 ?
		       (unsigned short)RULES_EXIT(v & 0xff) : RULES_ENTERS;
}

static void print_head(const struct state *s, const struct rules_result *r, unsigned short answer, bool first)
{
	const char *what = s->d->vendor == RULES_INTEL ? "VMCS" : "VMCB";
	char expected[64], real[64];

	rules_answer_text(r->answer, expected, sizeof(expected));
	rules_answer_text(answer, real, sizeof(real));
	if (s->o->json) {
		printf("%s\n  { \"kind\": \"%s\", \"from\": \"%s\", \"line\": %u, \"values\": %u, "
		       "\"problem\": \"%s\", \"bad_values\": %u,\n    \"judged\": %u, \"broken\": %u, "
		       "\"unjudged\": %u, \"expected\": \"%s\", \"said\": \"%s\",\n    \"rules\": [",
		       first ? "" : ",", what, s->d->from, s->d->line, s->d->values,
		       s->d->problem ? s->d->problem : "", s->d->bad, r->judged, r->broken, r->unknown,
		       r->broken ? expected : "", answer ? real : "");
		return;
	}
	printf("%s%s written by %s, from line %u on, %u values: ", first ? "" : "\n", what, s->d->from,
	       s->d->line, s->d->values);
	if (r->broken)
		printf("breaks %u rule%s; expect %s\n", r->broken, r->broken == 1 ? "" : "s", expected);
	else
		printf("no rule is broken, as far as can be judged\n");
	if (s->d->problem)
		printf("  beware: %s\n", s->d->problem);
	if (s->d->bad)
		printf("  beware: %u value%s cannot be and %s left out, the first in line %u\n", s->d->bad,
		       s->d->bad == 1 ? "" : "s", s->d->bad == 1 ? "is" : "are", s->d->bad_line);
	if (answer && answer != r->answer)
		printf("  the processor said %s: %s\n", real, r->broken ?
		       "not what these rules give; or it was written at another time" :
		       "the broken rule is one that cannot be judged here, or is not known");
}

bool explain_dump(struct dump *d, const struct explain_options *o, bool first)
{
	static struct rules_finding found[MAX_FINDINGS];
	bool intel = d->vendor == RULES_INTEL, comma = false;
	struct state s = {
		.d = d, .o = o,
		.fields = intel ? RULES_VMX_FIELDS : RULES_SVM_FIELDS,
		.all = intel ? RULES_VMX_FACT(RULES_VMX_FACTS) : RULES_SVM_FACT(RULES_SVM_FACTS),
	};
	struct rules_result result;
	unsigned int n = intel ? rules_vmx_judge(&d->vmx, found, MAX_FINDINGS, &result) :
				 rules_svm_judge(&d->svm, found, MAX_FINDINGS, &result);
	unsigned short answer = said(&s);

	print_head(&s, &result, answer, first);
	for (unsigned int i = 0; i < n; i++) {
		if (found[i].verdict == RULES_UNKNOWN && !o->unjudged)
			continue;
		print_finding(&s, &found[i], result.broken, !comma);
		comma = true;
	}
	if (o->json)
		printf(" ]");
	else if (result.unknown && !o->unjudged)
		printf("  %u of %u checks cannot be judged by what is there (--unjudged names them)\n",
		       result.unknown, result.judged);
	if (o->fields)
		print_fields(&s);
	if (o->json)
		printf(" }");
	return !result.broken && !answer;
}
