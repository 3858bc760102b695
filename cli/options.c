/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "cli.h"

#define DEFAULT_MEM (256 * MIB)
#define MIN_MEM (1 * MIB)
#define MAX_MEM (1024 * GIB)
#define DEFAULT_FLAT_LOAD 0x10000
#define DEFAULT_CMDLINE "console=ttyS0"

static const char help[] =
	"usage: swivl run [OPTION...] [--kernel] FILE\n"
	"       swivl run [OPTION...] --flat FILE\n"
	"\n"
	"Runs a guest. Its serial port (0x3f8) is this terminal. FILE may be\n"
	"  a Linux kernel     bzImage or vmlinux, started at its 64-bit entry\n"
	"  a multiboot image  multiboot 1, in protected mode\n"
	"  a 64-bit ELF       in long mode, the first 4 GiB mapped to themselves\n"
	"  a flat binary      only with --flat: in real mode\n"
	"\n"
	"guest:\n"
	"  -k, --kernel FILE     what to run\n"
	"  -i, --initrd FILE     Linux: initial RAM disk; multiboot: module\n"
	"  -a, --cmdline TEXT    command line (default for Linux: \"" DEFAULT_CMDLINE "\")\n"
	"  -m, --mem SIZE        memory, with suffix K, M or G; MiB without (default: 256)\n"
	"  -c, --cpus N          processors (default: 1)\n"
	"  -f, --flat            FILE is raw code: real mode\n"
	"      --load ADDRESS    flat: where to load it (default: 0x10000)\n"
	"      --entry SEG:OFF   flat: where to start (default: its first byte, offset 0)\n"
	"      --no-irqchip      no interrupt controllers, no timer\n"
	"hypervisor:\n"
	"  -d, --device PATH     its device (default: $SWIVL_DEVICE, /dev/swivl, /dev/kvm)\n"
	"  -t, --trace[=FILE]    a line for each exit, on stderr or in FILE\n"
	"      --json            the trace as one JSON object a line\n"
	"      --set REG=VALUE   a register that the first processor starts with, e.g. rax=1, cs.dpl=3\n"
	"      --dump-failure FILE   where the processor refuses to enter: the state, for swivl explain\n"
	"  -s, --stats           a table of exits by reason at the end\n"
	"  -h, --help            this text\n"
	"\n"
	"Ctrl-C ends it; Ctrl-A x too, Ctrl-A c sends the guest a Ctrl-C, Ctrl-A a a Ctrl-A.\n"
	"Exit status: (v << 1) | 1 when the guest writes v to port 0xf4 (the low 8 bits of it); 0\n"
	"when it powers off, resets or halts for good; 2 wrong usage; 4 nothing could be run;\n"
	"6 the guest crashed; 130 ended by Ctrl-C.\n";

bool parse_size(const char *text, uint64_t unit, uint64_t *bytes)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno)
		return false;
	switch (toupper((unsigned char)*end)) {
	case 'B':
		unit = 1;
		break;
	case 'K':
		unit = KIB;
		break;
	case 'M':
		unit = MIB;
		break;
	case 'G':
		unit = GIB;
		break;
	case 0:
		end--; /* no suffix to step over */
		break;
	default:
		return false;
	}
	if (end[1] || n > UINT64_MAX / unit)
		return false;
	*bytes = n * unit;
	return true;
}

bool parse_entry(const char *text, uint16_t *segment, uint16_t *offset)
{
	unsigned long s, o;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	s = strtoul(text, &end, 0);
	if (*end != ':' || !isdigit((unsigned char)end[1]))
		return false;
	o = strtoul(end + 1, &end, 0);
	if (*end || s > 0xffff || o > 0xffff)
		return false;
	*segment = s;
	*offset = o;
	return true;
}

static int wrong(const char *option, const char *value, const char *expected)
{
	say("%s %s: expected %s", option, value, expected);
	return STATUS_USAGE;
}

enum { OPT_LOAD = 256, OPT_ENTRY, OPT_NO_IRQCHIP, OPT_JSON, OPT_SET, OPT_DUMP_FAILURE };

static const struct option long_options[] = {
	{ "kernel", required_argument, NULL, 'k' },
	{ "initrd", required_argument, NULL, 'i' },
	{ "cmdline", required_argument, NULL, 'a' },
	{ "mem", required_argument, NULL, 'm' },
	{ "cpus", required_argument, NULL, 'c' },
	{ "flat", no_argument, NULL, 'f' },
	{ "load", required_argument, NULL, OPT_LOAD },
	{ "entry", required_argument, NULL, OPT_ENTRY },
	{ "no-irqchip", no_argument, NULL, OPT_NO_IRQCHIP },
	{ "device", required_argument, NULL, 'd' },
	{ "trace", optional_argument, NULL, 't' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "set", required_argument, NULL, OPT_SET },
	{ "dump-failure", required_argument, NULL, OPT_DUMP_FAILURE },
	{ "stats", no_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int parse_mem(const char *text, struct options *opt)
{
	if (!parse_size(text, MIB, &opt->mem) || opt->mem < MIN_MEM || opt->mem > MAX_MEM)
		return wrong("--mem", text, "a size from 1M to 1024G");
	opt->mem &= ~4095ull;
	return -1;
}

static int parse_cpus(const char *text, struct options *opt)
{
	uint64_t n;

	if (!parse_size(text, 1, &n) || !n || n > MAX_CPUS)
		return wrong("--cpus", text, "a number from 1 to 64");
	opt->cpus = n;
	return -1;
}

static int parse_set(const char *text, struct options *opt)
{
	if (!set_is_valid(text))
		return wrong("--set", text, "REGISTER=NUMBER, e.g. rax=1, cr0=0x11, cs.dpl=3, gdt.limit=0");
	if (opt->sets == MAX_SETS) {
		say("--set: at most %d of them", MAX_SETS);
		return STATUS_USAGE;
	}
	opt->set[opt->sets++] = text;
	return -1;
}

static int parse_one(int c, struct options *opt)
{
	switch (c) {
	case 'k':
		opt->kernel = optarg;
		return -1;
	case 'i':
		opt->initrd = optarg;
		return -1;
	case 'a':
		opt->cmdline = optarg;
		return -1;
	case 'm':
		return parse_mem(optarg, opt);
	case 'c':
		return parse_cpus(optarg, opt);
	case 'f':
		opt->flat = true;
		return -1;
	case OPT_LOAD:
		opt->has_load = true;
		if (!parse_size(optarg, 1, &opt->flat_load))
			return wrong("--load", optarg, "an address");
		return -1;
	case OPT_ENTRY:
		opt->has_entry = true;
		if (!parse_entry(optarg, &opt->entry_cs, &opt->entry_ip))
			return wrong("--entry", optarg, "SEGMENT:OFFSET, each below 0x10000");
		return -1;
	case OPT_NO_IRQCHIP:
		opt->no_irqchip = true;
		return -1;
	case 'd':
		opt->device = optarg;
		return -1;
	case 't':
		opt->trace = true;
		opt->trace_file = optarg;
		return -1;
	case OPT_JSON:
		opt->json = true;
		return -1;
	case OPT_SET:
		return parse_set(optarg, opt);
	case OPT_DUMP_FAILURE:
		opt->dump_failure = optarg;
		return -1;
	case 's':
		opt->stats = true;
		return -1;
	case 'h':
		fputs(help, stdout);
		return STATUS_OK;
	}
	fputs("swivl run --help lists the options\n", stderr);
	return STATUS_USAGE;
}

int options_parse(int argc, char **argv, struct options *opt)
{
	int c, status;

	*opt = (struct options){ .mem = DEFAULT_MEM, .cpus = 1, .flat_load = DEFAULT_FLAT_LOAD };
	while ((c = getopt_long(argc, argv, "k:i:a:m:c:fd:tsh", long_options, NULL)) != -1) {
		status = parse_one(c, opt);
		if (status >= 0)
			return status;
	}
	if (optind < argc && !opt->kernel)
		opt->kernel = argv[optind++];
	if (optind < argc) {
		say("one guest at a time: what is \"%s\"?", argv[optind]);
		return STATUS_USAGE;
	}
	if (!opt->kernel) {
		say("nothing to run: name a kernel (swivl run --help)");
		return STATUS_USAGE;
	}
	if (opt->flat && (opt->initrd || opt->cmdline)) {
		say("--flat takes neither --initrd nor --cmdline");
		return STATUS_USAGE;
	}
	if (opt->json && !opt->trace) {
		say("--json is how --trace prints; there is no --trace");
		return STATUS_USAGE;
	}
	if (!opt->flat && (opt->has_load || opt->has_entry)) {
		say("%s goes with --flat: other formats say themselves where they belong",
		    opt->has_load ? "--load" : "--entry");
		return STATUS_USAGE;
	}
	if (!opt->cmdline)
		opt->cmdline = opt->flat ? "" : DEFAULT_CMDLINE;
	return -1;
}
