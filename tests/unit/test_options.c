/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The command line of swivl run. */
// uses: cli/options.c cli/set.c lib/vcpu.c
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cli/options.h"
#include "cli/cli.h"

void say(const char *fmt, ...)
{
}

static void sizes(void **state)
{
	uint64_t v;

	assert_true(parse_size("64", MIB, &v) && v == 64 * MIB);
	assert_true(parse_size("64M", 1, &v) && v == 64 * MIB);
	assert_true(parse_size("3g", MIB, &v) && v == 3 * GIB);
	assert_true(parse_size("512k", MIB, &v) && v == 512 * KIB);
	assert_true(parse_size("0x1000b", MIB, &v) && v == 0x1000b * MIB); /* b is a digit here */
	assert_true(parse_size("4096B", MIB, &v) && v == 4096);
	assert_false(parse_size("", MIB, &v));
	assert_false(parse_size("-1", MIB, &v));
	assert_false(parse_size("M", MIB, &v));
	assert_false(parse_size("1MB", MIB, &v));
	assert_false(parse_size("1T", MIB, &v));
	assert_false(parse_size("18446744073709551615", MIB, &v));
	assert_false(parse_size("99999999999999999999", 1, &v));
}

static void entries(void **state)
{
	uint16_t s, o;

	assert_true(parse_entry("0:0x7c00", &s, &o) && s == 0 && o == 0x7c00);
	assert_true(parse_entry("0xf000:65520", &s, &o) && s == 0xf000 && o == 0xfff0);
	assert_false(parse_entry("0x10000:0", &s, &o));
	assert_false(parse_entry("0:0x10000", &s, &o));
	assert_false(parse_entry("0:", &s, &o));
	assert_false(parse_entry("1000", &s, &o));
	assert_false(parse_entry("0:0x", &s, &o));
	assert_false(parse_entry("1:2:3", &s, &o));
}

static int parse(struct options *opt, const char *const *args)
{
	char *argv[16] = { "run" };
	int argc = 1;

	while (args[argc - 1]) {
		argv[argc] = (char *)args[argc - 1];
		argc++;
	}
	optind = 0; /* the C library starts over */
	opterr = 0;
	return options_parse(argc, argv, opt);
}
#define PARSE(opt, ...) parse(opt, (const char *const[]){ __VA_ARGS__, NULL })

static void command_lines(void **state)
{
	struct options opt;

	assert_int_equal(PARSE(&opt, "k"), -1);
	assert_string_equal(opt.kernel, "k");
	assert_string_equal(opt.cmdline, "console=ttyS0");
	assert_int_equal(opt.mem, 256 * MIB);
	assert_int_equal(opt.cpus, 1);
	assert_int_equal(PARSE(&opt, "--kernel", "k", "--initrd=i", "-m1g", "-c", "4", "-ts"), -1);
	assert_string_equal(opt.initrd, "i");
	assert_int_equal(opt.mem, GIB);
	assert_int_equal(opt.cpus, 4);
	assert_true(opt.trace && opt.stats && !opt.flat);
	assert_null(opt.trace_file);
	assert_int_equal(PARSE(&opt, "--trace=t", "--json", "k"), -1);
	assert_string_equal(opt.trace_file, "t");
	assert_true(opt.trace && opt.json);
	assert_int_equal(PARSE(&opt, "--flat", "f", "--entry", "0:5", "--load", "0x500"), -1);
	assert_int_equal(opt.flat_load, 0x500);
	assert_int_equal(opt.entry_ip, 5);
	assert_string_equal(opt.cmdline, "");
}

static void wrong_command_lines(void **state)
{
	struct options opt;

	assert_int_equal(PARSE(&opt, "--stats"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "b"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--mem", "0"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--mem", "2000G"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--mem", "x"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--cpus", "0"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--cpus", "65"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--nothing"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--json"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--entry", "5"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "--flat", "a", "--initrd", "b"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--load", "0x10000"), STATUS_USAGE);
	assert_int_equal(PARSE(&opt, "a", "--entry", "0:0"), STATUS_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(entries),
		cmocka_unit_test(command_lines),
		cmocka_unit_test(wrong_command_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
