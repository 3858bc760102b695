/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* swivl selftest: what the processor answers on the road from nothing to the first exit. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swivl/swivl.h"
#include "swivl/abi.h"
#include "cli.h"

static const char help[] =
	"usage: swivl selftest [--device PATH] [--json]\n"
	"\n"
	"Takes every CPU in turn from nothing to the first VM exit and back, and shows what the\n"
	"processor answers to each step; then the steps that must fail, and how they fail. Needs\n"
	"swivl's own module, and no virtual machines meanwhile.\n"
	"\n"
	"  -d, --device PATH     its device (default: $SWIVL_DEVICE, /dev/swivl)\n"
	"      --json            for programs: an object with all steps\n"
	"  -h, --help            this text\n"
	"\n"
	"Exit status: 0 all as it should be; 6 some answer was wrong; 4 it could not run.\n";

static int usage(void)
{
	fputs("swivl selftest --help tells more\n", stderr);
	return STATUS_USAGE;
}

static bool json;

static void print_step(const struct swivl_selftest_step *s, bool first)
{
	bool ok = s->flags & SWIVL_SELFTEST_OK, must_fail = s->flags & SWIVL_SELFTEST_MUST_FAIL;

	if (!json) {
		printf("  %-5s %s%.*s: %.*s\n", ok ? "ok" : "WRONG", must_fail ? "must fail: " : "",
		       (int)sizeof(s->name), s->name, (int)sizeof(s->answer), s->answer);
		return;
	}
	printf("%s\n      { \"ok\": %s, \"must_fail\": %s, ", first ? "" : ",",
	       ok ? "true" : "false", must_fail ? "true" : "false");
	json_string(stdout, "name", s->name, sizeof(s->name));
	printf(", ");
	json_string(stdout, "answer", s->answer, sizeof(s->answer));
	printf(", \"error\": %u }", s->error);
}

/* Prints one CPU's steps; the number of those that went wrong. */
static unsigned int print_steps(const struct swivl_selftest *t, bool first)
{
	unsigned int i, wrong = 0;

	if (json)
		printf("%s\n    { \"cpu\": %u, \"steps\": [", first ? "" : ",", t->cpu);
	else
		printf("CPU %u\n", t->cpu);
	for (i = 0; i < t->nsteps && i < SWIVL_SELFTEST_STEPS; i++) {
		print_step(&t->steps[i], !i);
		wrong += !(t->steps[i].flags & SWIVL_SELFTEST_OK);
	}
	if (json)
		printf("\n    ] }");
	return wrong;
}

/* 0, or the error that ends the test. */
static int test_cpu(struct swivl_host *host, struct swivl_selftest *t)
{
	int err = swivl_request(host, SWIVL_SELFTEST, t);

	if (err == -EBUSY)
		say("virtual machines exist: the test switches the processor's extension off "
		    "and on, which they would not survive. End them first");
	else if (err < 0 && err != -ENXIO)
		say("selftest: %s", strerror(-err));
	return err < 0 ? err : 0;
}

static int test_cpus(struct swivl_host *host)
{
	long cpu, cpus = sysconf(_SC_NPROCESSORS_CONF);
	unsigned int steps = 0, wrong = 0, tested = 0;
	static struct swivl_selftest t;
	int err = 0;

	for (cpu = 0; cpu < cpus; cpu++) {
		t.cpu = cpu;
		err = test_cpu(host, &t);
		if (err == -ENXIO) {
			if (!json)
				printf("CPU %ld is not online: skipped\n", cpu);
			continue;
		}
		if (err)
			break;
		if (json && !tested)
			printf("{\n  \"cpus\": [");
		wrong += print_steps(&t, !tested++);
		steps += t.nsteps;
	}
	if (json && tested)
		printf("\n  ],\n  \"wrong\": %u\n}\n", wrong);
	if (err && err != -ENXIO)
		return STATUS_CANNOT;
	if (!json)
		printf("%u steps on %u CPU%s, %u wrong\n", steps, tested, tested == 1 ? "" : "s", wrong);
	return wrong || !tested ? STATUS_CRASH : STATUS_OK;
}

int cmd_selftest(int argc, char **argv)
{
	static const struct option options[] = { { "device", required_argument, NULL, 'd' },
						{ "json", no_argument, NULL, 'j' },
						{ "help", no_argument, NULL, 'h' },
						{ 0 } };
	const char *device = NULL;
	struct swivl_version version;
	struct swivl_host *host;
	int opt, err, status = STATUS_CANNOT;

	while ((opt = getopt_long(argc, argv, "d:h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return STATUS_OK;
		}
		if (opt == 'j')
			json = true;
		else if (opt == 'd')
			device = optarg;
		else
			return usage();
	}
	if (optind != argc) {
		say("selftest takes no \"%s\"", argv[optind]);
		return usage();
	}
	err = swivl_open(device, &host);
	if (err) {
		say_cannot_open(err);
		return STATUS_CANNOT;
	}
	if (!swivl_get_version(host, &version))
		status = test_cpus(host);
	else
		say("%s is not swivl's: the self-test needs swivl's own module", swivl_path(host));
	swivl_close(host);
	return status;
}
