// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* swivl explain: which rule of the manual a control structure breaks, and what numbers mean. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "core/vmx/fields.h"
#include "dump.h"

static const char help[] =
	"usage: swivl explain [--fields] [--json] FILE\n"
	"       swivl explain --error N | --exit N | --rules\n"
	"\n"
	"Says which rules of the manual the VMCS in FILE breaks, so that the processor refuses to\n"
	"enter. FILE is text (-: standard input): the VMCS as swivl writes it, or a kernel log with\n"
	"what KVM writes (kvm_intel with dump_invalid_vmcs=1); other lines do not matter, and all\n"
	"that are in there are judged. Rules that need what FILE does not have are counted.\n"
	"\n"
	"  -f, --fields      all fields of FILE with their names, too\n"
	"  -u, --unjudged    also name the rules that cannot be judged, and what they lack\n"
	"  -e, --error N     what VM-instruction error N means\n"
	"  -x, --exit N      what exit reason N means, e.g. 0x80000021\n"
	"      --rules       all rules, as docs/rules.md has them\n"
	"      --json        for programs\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0 no rule is broken, as far as FILE tells; 6 one is; 4 FILE cannot be read or\n"
	"has no VMCS in it; 2 wrong use.\n";

#define MAX_FINDINGS 512
#define MAX_FILE (64u << 20)

static bool json, show_fields, show_unjudged;

static void print_value(const struct rules_vmx_state *s, unsigned int field, bool first)
{
	unsigned long long value;

	if (!rules_vmx_get(s, field, &value))
		return;
	if (json) {
		printf("%s{ ", first ? "" : ", ");
		json_string(stdout, "name", rules_vmx_name(field), 100);
		printf(", \"value\": \"0x%llx\" }", value);
	} else {
		printf("      %s = 0x%llx\n", rules_vmx_name(field), value);
	}
}

static void print_finding(const struct rules_vmx_state *s, const struct rules_finding *f, bool first)
{
	const struct rules_rule *r = f->rule;
	char answer[64];

	rules_answer_text(r->answer, answer, sizeof(answer));
	if (!json && f->verdict == RULES_UNKNOWN) {
		printf("  ? rule %u, %s: needs \"%s\"\n", r->number, r->id, rules_vmx_name(f->missing));
		return;
	}
	if (!json) {
		printf("  %s\n    rule %u, %s; SDM vol. 3, %s; the processor answers with %s\n", r->text,
		       r->number, r->id, r->section, answer);
	} else {
		printf("%s\n      { \"rule\": %u, \"broken\": %s, ", first ? "" : ",", r->number,
		       f->verdict == RULES_BROKEN ? "true" : "false");
		json_string(stdout, "id", r->id, 100);
		printf(", ");
		json_string(stdout, "text", r->text, 400);
		printf(", ");
		json_string(stdout, "section", r->section, 40);
		printf(", ");
		json_string(stdout, "answer", answer, sizeof(answer));
		if (f->verdict == RULES_UNKNOWN) {
			printf(", ");
			json_string(stdout, "missing", rules_vmx_name(f->missing), 100);
		}
		printf(", \"fields\": [ ");
	}
	for (unsigned int i = 0; i < f->reads; i++)
		print_value(s, f->read[i], !i);
	if (json)
		printf(" ] }");
}

static void print_fields(const struct rules_vmx_state *s)
{
	bool first = true;
	unsigned long long value;

	printf(json ? ",\n    \"fields\": [ " : "  fields\n");
	for (unsigned int i = 0; i < RULES_VMX_FIELDS + RULES_VMX_FACTS; i++)
		if (rules_vmx_get(s, i, &value)) {
			print_value(s, i, first);
			first = false;
		}
	if (json)
		printf(" ]");
}

/* True if no rule is broken. */
static bool judge(const struct rules_vmx_state *s, enum dump_kind kind, unsigned int fields, bool first)
{
	static struct rules_finding found[MAX_FINDINGS];
	const char *from = kind == DUMP_KVM ? "KVM" : "swivl";
	struct rules_result result;
	unsigned int n = rules_vmx_judge(s, found, MAX_FINDINGS, &result);
	char answer[64];
	bool comma = false;

	rules_answer_text(result.answer, answer, sizeof(answer));
	if (json) {
		printf("%s\n  { \"from\": \"%s\", \"fields_read\": %u, \"judged\": %u, \"broken\": %u, "
		       "\"unjudged\": %u,\n    \"rules\": [", first ? "" : ",", from, fields, result.judged,
		       result.broken, result.unknown);
	} else {
		printf("%sVMCS written by %s, %u fields: ", first ? "" : "\n", from, fields);
		if (result.broken)
			printf("%u rule%s broken; expect %s\n", result.broken,
			       result.broken == 1 ? "" : "s", answer);
		else
			printf("no rule broken\n");
	}
	for (unsigned int i = 0; i < n; i++) {
		if (found[i].verdict == RULES_UNKNOWN && !show_unjudged)
			continue;
		print_finding(s, &found[i], !comma);
		comma = true;
	}
	if (json)
		printf(" ]");
	else if (result.unknown)
		printf("  %u of %u checks cannot be judged by what is there%s\n", result.unknown,
		       result.judged, show_unjudged ? "" : " (--unjudged names them)");
	if (show_fields)
		print_fields(s);
	if (json)
		printf(" }");
	return !result.broken;
}

static char *read_all(const char *path, size_t *size)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char *text = NULL;
	size_t room = 0, n;

	*size = 0;
	if (!f)
		return NULL;
	do {
		if (*size == room) {
			char *more = room < MAX_FILE ? realloc(text, room = room ? 2 * room : 65536) : NULL;

			if (!more) {
				errno = EFBIG;
				goto fail;
			}
			text = more;
		}
		n = fread(text + *size, 1, room - *size, f);
		*size += n;
	} while (n);
	if (ferror(f))
		goto fail;
	fclose(f);
	return text;
fail:
	n = errno;
	fclose(f);
	free(text);
	errno = (int)n;
	return NULL;
}

static int explain_file(const char *path)
{
	struct rules_vmx_state s;
	enum dump_kind kind;
	unsigned int fields, found = 0;
	bool good = true;
	size_t size;
	char *text = read_all(path, &size);
	const char *at = text;

	if (!text) {
		say("%s: %s", path, strerror(errno));
		return STATUS_CANNOT;
	}
	while ((kind = dump_next(at, text + size, &at, &s, &fields))) {
		if (!fields)
			continue;
		if (json && !found)
			printf("[");
		good &= judge(&s, kind, fields, !found++);
	}
	if (json && found)
		printf("\n]\n");
	free(text);
	if (!found) {
		say("%s: no VMCS in it, neither as swivl writes it nor as KVM does", path);
		return STATUS_CANNOT;
	}
	return good ? STATUS_OK : STATUS_CRASH;
}

static int explain_number(const char *text, bool exit_reason)
{
	unsigned long n;
	const char *name;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (errno || end == text || *end || n > 0xffffffff || (!exit_reason && n > 0xffff)) {
		say("%s: no number of %s", text, exit_reason ? "an exit reason" : "an error");
		return STATUS_USAGE;
	}
	/* Bits 27 to 31 say how, 15:0 which (25.9.1). */
	name = exit_reason ? vmx_exit_name(n & 0xffff) : vmx_error_name((u32)n);
	if (json) {
		printf("{ \"number\": %lu, ", n);
		json_string(stdout, "meaning", name, 200);
		printf(", \"entry_failed\": %s }\n", exit_reason && (n >> 31 & 1) ? "true" : "false");
		return STATUS_OK;
	}
	printf("%s %s%lu: %s\n", exit_reason ? "exit reason" : "VM-instruction error",
	       exit_reason && n >> 31 ? "0x80000000 + " : "", exit_reason ? n & 0xffff : n, name);
	if (exit_reason && n >> 31)
		puts("  bit 31: the entry failed while the guest's state was loaded, or was checked");
	if ((exit_reason && (n & 0xffff) == 33) || (!exit_reason && (n == 7 || n == 8)))
		puts("  swivl explain FILE names the rule that a written-down VMCS breaks");
	return STATUS_OK;
}

static void print_rules(void)
{
	const struct rules_rule *r;
	char answer[64];

	puts("| number | name | what has to be so | section | answer |\n| ---: | --- | --- | --- | --- |");
	for (unsigned int n = 0; (r = rules_vmx_rule(n)); n++) {
		rules_answer_text(r->answer, answer, sizeof(answer));
		printf("| %u | %s | %s | SDM vol. 3, %s | %s |\n", r->number, r->id, r->text, r->section,
		       answer);
	}
	for (unsigned int n = 0; (r = rules_svm_rule(n)); n++) {
		rules_answer_text(r->answer, answer, sizeof(answer));
		printf("| %u | %s | %s | APM vol. 2, %s | %s |\n", r->number, r->id, r->text, r->section,
		       answer);
	}
}

int cmd_explain(int argc, char **argv)
{
	enum { JSON = 256, RULES };
	static const struct option options[] = {
		{ "fields", no_argument, NULL, 'f' },	{ "unjudged", no_argument, NULL, 'u' },
		{ "error", required_argument, NULL, 'e' }, { "exit", required_argument, NULL, 'x' },
		{ "json", no_argument, NULL, JSON },	{ "rules", no_argument, NULL, RULES },
		{ "help", no_argument, NULL, 'h' },	{ 0 },
	};
	const char *error = NULL, *reason = NULL;
	bool rules = false;
	int c;

	while ((c = getopt_long(argc, argv, "fue:x:h", options, NULL)) != -1)
		switch (c) {
		case 'f': show_fields = true; break;
		case 'u': show_unjudged = true; break;
		case 'e': error = optarg; break;
		case 'x': reason = optarg; break;
		case JSON: json = true; break;
		case RULES: rules = true; break;
		case 'h': fputs(help, stdout); return STATUS_OK;
		default: goto usage;
		}
	if ((error != NULL) + (reason != NULL) + rules + (argc - optind) != 1) {
		say("one file, or one of --error, --exit and --rules");
		goto usage;
	}
	if (rules) {
		print_rules();
		return STATUS_OK;
	}
	return error ? explain_number(error, false) :
	       reason ? explain_number(reason, true) : explain_file(argv[optind]);
usage:
	fputs("swivl explain --help tells more\n", stderr);
	return STATUS_USAGE;
}
