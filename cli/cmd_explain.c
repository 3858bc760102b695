// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* swivl explain: which rule of the manual a control structure breaks, and what numbers mean. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "explain.h"

static const char help[] =
	"usage: swivl explain [--fields] [--unjudged] [--caps FILE] [--json] FILE\n"
	"       swivl explain [--json] --error N | --exit N | --rules | --facts\n"
	"\n"
	"Says which rules of the manual the VMCS or the VMCB in FILE breaks, so that the processor\n"
	"refuses to enter: the rule, its section, the fields that have to do with it, and what would\n"
	"satisfy it. FILE is text (-: standard input): what swivl writes when an entry fails, or a\n"
	"kernel log with what KVM writes (dump_invalid_vmcs=1 of kvm_intel, dump_invalid_vmcb=1 of\n"
	"kvm_amd) or Xen; other lines do not matter, and all that are in there are judged.\n"
	"\n"
	"  -f, --fields      all fields of FILE, too\n"
	"  -u, --unjudged    also name the rules that cannot be judged, and what they lack\n"
	"  -c, --caps FILE   what the processor offers, in lines like \"msr 480 = da040000000004\" and\n"
	"                    \"cpuid 80000008 = 3027 0 0 0\", base 16; it counts more than what a dump says\n"
	"  -e, --error N     what VM-instruction error N means; \"invalid\": CF without a number\n"
	"  -x, --exit N      what exit reason (Intel) or exit code (AMD) N means, e.g. 0x80000021\n"
	"      --intel, --amd    --exit: of one vendor only\n"
	"      --rules       all rules, as docs/rules.md has them\n"
	"      --facts       the names of what else has a say, as swivl's dumps have them\n"
	"      --json        for programs\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0 no rule is broken, as far as FILE tells; 6 one is, or the processor said so; 4\n"
	"FILE cannot be read or has no dump in it; 2 wrong use, a number that means nothing.\n";

#define MAX_FILE (64u << 20)

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

/* What the option says of the processor, over what the dump says. */
static int read_caps(const char *path, char **text, size_t *size)
{
	static struct dump d;
	unsigned int bad;

	*text = read_all(path, size);
	if (!*text) {
		say("%s: %s", path, strerror(errno));
		return STATUS_CANNOT;
	}
	if (!dump_facts(*text, *size, &d, &bad) && !bad) {
		say("%s: it says nothing of a processor", path);
		return STATUS_CANNOT;
	}
	if (bad) {
		say("%s: line %u is not understood", path, bad);
		return STATUS_CANNOT;
	}
	return -1;
}

static int explain_file(const char *path, const char *caps_path, const struct explain_options *o)
{
	static struct dump d;
	struct dump_text dumps;
	unsigned int found = 0, empty = 0, bad;
	char *text, *caps = NULL;
	size_t size, caps_size = 0;
	bool good = true;
	int status = caps_path ? read_caps(caps_path, &caps, &caps_size) : -1;

	if (status >= 0) {
		free(caps);
		return status;
	}
	text = read_all(path, &size);
	if (!text) {
		say("%s: %s", path, strerror(errno));
		free(caps);
		return STATUS_CANNOT;
	}
	dumps = (struct dump_text){ text, text + size, 0 };
	while (dump_next(&dumps, &d)) {
		if (!d.values) {
			empty++;
			continue;
		}
		if (caps)
			dump_facts(caps, caps_size, &d, &bad);
		if (o->json && !found)
			printf("[");
		good &= explain_dump(&d, o, !found++);
	}
	if (o->json && found)
		printf("\n]\n");
	free(text);
	free(caps);
	if (empty)
		say("%s: %u dump%s begin%s there with no value in %s", path, empty, empty == 1 ? "" : "s",
		    empty == 1 ? "s" : "", empty == 1 ? "it" : "them");
	if (!found && !empty)
		say("%s: no VMCS or VMCB in it, neither as swivl writes them nor as KVM or Xen do", path);
	return !found ? STATUS_CANNOT : good ? STATUS_OK : STATUS_CRASH;
}

static int explain_number(const char *text, bool known, const char *kind)
{
	if (known)
		return STATUS_OK;
	say("%s: no number of %s", text, kind);
	return STATUS_USAGE;
}

int cmd_explain(int argc, char **argv)
{
	enum { JSON = 256, RULES, FACTS, INTEL, AMD };
	static const struct option options[] = {
		{ "fields", no_argument, NULL, 'f' },	{ "unjudged", no_argument, NULL, 'u' },
		{ "error", required_argument, NULL, 'e' }, { "exit", required_argument, NULL, 'x' },
		{ "caps", required_argument, NULL, 'c' }, { "json", no_argument, NULL, JSON },
		{ "rules", no_argument, NULL, RULES },	{ "facts", no_argument, NULL, FACTS },
		{ "intel", no_argument, NULL, INTEL },	{ "amd", no_argument, NULL, AMD },
		{ "help", no_argument, NULL, 'h' },	{ 0 },
	};
	const char *error = NULL, *reason = NULL, *caps = NULL;
	struct explain_options o = { 0 };
	bool rules = false, facts = false;
	unsigned int vendor = 0;
	int c;

	while ((c = getopt_long(argc, argv, "fue:x:c:h", options, NULL)) != -1)
		switch (c) {
		case 'f': o.fields = true; break;
		case 'u': o.unjudged = true; break;
		case 'e': error = optarg; break;
		case 'x': reason = optarg; break;
		case 'c': caps = optarg; break;
		case JSON: o.json = true; break;
		case RULES: rules = true; break;
		case FACTS: facts = true; break;
		case INTEL: vendor = RULES_INTEL; break;
		case AMD: vendor = RULES_AMD; break;
		case 'h': fputs(help, stdout); return STATUS_OK;
		default: goto usage;
		}
	if ((error != NULL) + (reason != NULL) + rules + facts + (argc - optind) != 1) {
		say("one file, or one of --error, --exit, --rules and --facts");
		goto usage;
	}
	if (rules)
		explain_rules(o.json);
	else if (facts)
		explain_facts();
	else if (error)
		return explain_number(error, explain_error(error, o.json), "a VM-instruction error");
	else if (reason)
		return explain_number(reason, explain_exit(reason, vendor, o.json),
				      "an exit reason or an exit code");
	else
		return explain_file(argv[optind], caps, &o);
	return STATUS_OK;
usage:
	fputs("swivl explain --help tells more\n", stderr);
	return STATUS_USAGE;
}
