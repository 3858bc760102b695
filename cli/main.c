/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The swivl command: a table of subcommands, one file each. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "swivl/swivl.h"
#include "cli.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "run", cmd_run, "run a guest: a Linux kernel, a multiboot image, an ELF, a flat binary" },
	{ "check", cmd_check, "can this computer run virtual machines, and if not, why" },
	{ "selftest", cmd_selftest, "the road to the first VM exit on every CPU, step by step" },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

void say(const char *fmt, ...)
{
	va_list ap;

	fputs("swivl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void say_cannot_open(int error)
{
	const char *path = swivl_open_failed();

	switch (-error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		say("no hypervisor here: neither /dev/swivl nor /dev/kvm can be opened (%s: %s)",
		    path, strerror(-error));
		fputs("  - load swivl's module:          modprobe swivl\n"
		      "  - see if this computer can:     swivl check\n"
		      "  - or use the emulated machine:  make run, in swivl's source\n",
		      stderr);
		break;
	case EACCES:
	case EPERM:
		say("%s: no permission; join its group (usermod -aG kvm USER, then log in again) or "
		    "become root",
		    path);
		break;
	case ENOTTY:
	case EPROTO:
		say("%s: not a hypervisor's device, or not with API version 12", path);
		break;
	default:
		say("%s: %s", path, strerror(-error));
	}
}

static void usage(FILE *to)
{
	fputs("usage: swivl COMMAND [OPTION...]\n\ncommands:\n", to);
	for (unsigned int i = 0; i < NCOMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nswivl COMMAND --help tells more; swivl --version says which version this is.\n", to);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return STATUS_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("swivl " SWIVL_VERSION);
		return STATUS_OK;
	}
	for (unsigned int i = 0; i < NCOMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	say("no command \"%s\"", argv[1]);
	usage(stderr);
	return STATUS_USAGE;
}
