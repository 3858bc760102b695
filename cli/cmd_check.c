/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* swivl check: can this computer run virtual machines, and if not, why. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "cli.h"

/* Exit statuses, by verdict. */
static const int statuses[] = { STATUS_OK, 1, STATUS_CANNOT };
static const char *const names[] = { "ready", "able", "unable" };

static const char help[] =
	"usage: swivl check [--json]\n"
	"\n"
	"Can this computer run virtual machines? If not, exactly why, and what to do about it.\n"
	"As root, with the module msr loaded, it sees more.\n"
	"\n"
	"Exit status: 0 yes, now; 1 yes, after something has been done; 4 no.\n";

static void print_reason(const struct reason *r)
{
	printf("\n%s: %s\n", r->name, r->what);
	if (r->field)
		printf("  CPU %d: %s is 0x%llx, wanted 0x%llx\n", r->cpu, r->field,
		       (unsigned long long)r->found, (unsigned long long)r->wanted);
	else if (r->cpu >= 0)
		printf("  CPU %d\n", r->cpu);
	if (*r->todo)
		printf("  %s.\n", r->todo);
	if (*r->manual)
		printf("  [%s]\n", r->manual);
}

static void print_text(const struct facts *f, const struct judgement *j)
{
	printf("%s, %u CPU%s", *f->model ? f->model : "unknown processor", f->ncpus,
	       f->ncpus == 1 ? "" : "s");
	if (*f->hypervisor)
		printf(" (this is a virtual machine itself: %.12s)", f->hypervisor);
	putchar('\n');
	if (j->verdict == VERDICT_READY && !strcmp(j->device, f->swivl.path))
		puts("Virtual machines can run: swivl run uses /dev/swivl.");
	else if (j->verdict == VERDICT_READY)
		printf("Virtual machines can run, on %s. Why not on swivl's own module:\n",
		       j->device);
	else if (j->verdict == VERDICT_ABLE)
		puts("Virtual machines can run here, but something has to be done first.");
	else
		puts("Virtual machines cannot run here.");
	for (unsigned int i = 0; i < j->n; i++)
		print_reason(&j->reasons[i]);
	if (j->msrs_missing && j->verdict != VERDICT_READY)
		puts("\nNot everything could be seen: run it as root, after modprobe msr.");
}

static void json_reason(const struct reason *r)
{
	printf("    { ");
	json_string(stdout, "name", r->name, SIZE_MAX);
	printf(", ");
	json_string(stdout, "what", r->what, SIZE_MAX);
	printf(", ");
	json_string(stdout, "todo", r->todo, SIZE_MAX);
	printf(", ");
	json_string(stdout, "manual", r->manual, SIZE_MAX);
	if (r->cpu >= 0)
		printf(", \"cpu\": %d", r->cpu);
	if (r->field) {
		printf(", ");
		json_string(stdout, "field", r->field, SIZE_MAX);
		printf(", \"wanted\": \"0x%llx\", \"found\": \"0x%llx\"",
		       (unsigned long long)r->wanted, (unsigned long long)r->found);
	}
	printf(" }");
}

static void print_json(const struct facts *f, const struct judgement *j)
{
	printf("{\n  ");
	json_string(stdout, "verdict", names[j->verdict], SIZE_MAX);
	printf(",\n  ");
	json_string(stdout, "processor", f->model, SIZE_MAX);
	printf(",\n  \"cpus\": %u,\n  ", f->ncpus);
	json_string(stdout, "inside", f->hypervisor, SIZE_MAX);
	printf(",\n  ");
	json_string(stdout, "device", j->device ? j->device : "", SIZE_MAX);
	printf(",\n  \"complete\": %s,\n  \"reasons\": [", j->msrs_missing ? "false" : "true");
	for (unsigned int i = 0; i < j->n; i++) {
		puts(i ? "," : "");
		json_reason(&j->reasons[i]);
	}
	printf("%s]\n}\n", j->n ? "\n  " : "");
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 }
	};
	static struct facts f;
	struct judgement j;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return STATUS_OK;
		}
		if (c != 'j') {
			fputs("swivl check --help tells more\n", stderr);
			return STATUS_USAGE;
		}
		json = true;
	}
	if (optind < argc) {
		say("check takes no \"%s\"", argv[optind]);
		return STATUS_USAGE;
	}
	check_gather(&f);
	check_judge(&f, &j);
	if (json)
		print_json(&f, &j);
	else
		print_text(&f, &j);
	return statuses[j.verdict];
}
