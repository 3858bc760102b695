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
	{ "explain", cmd_explain, "the rule of the manual that a failed VM entry breaks" },
	{ "disk", cmd_disk, "put the hypervisor on a disk, to start before any operating system" },
	{ "metal", cmd_metal, "what the hypervisor beneath this system, started from a disk, counts" },
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
		/* Unless told a name, the library comes to /dev/kvm last. */
		if (!strcmp(path, "/dev/kvm"))
			say("no hypervisor here: neither /dev/swivl nor /dev/kvm can be opened");
		else
			say("no hypervisor here: %s: %s", path, strerror(-error));
		fputs("  - load swivl's module:          modprobe swivl\n"
		      "  - see if this computer can:     swivl check\n"
		      "  - or use the emulated machine:  make run, in swivl's source\n",
		      stderr);
		break;
	case EACCES:
	case EPERM:
		say("%s: no permission; become root, or join the group that owns it (swivl check "
		    "names it)",
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

static int run_command(int argc, char **argv)
{
	static char name[64];

	for (unsigned int i = 0; i < NCOMMANDS; i++) {
		if (strcmp(argv[0], commands[i].name))
			continue;
		/* getopt's complaints begin with it */
		snprintf(name, sizeof(name), "swivl %s", argv[0]);
		argv[0] = name;
		return commands[i].run(argc, argv);
	}
	say("no command \"%s\"", argv[0]);
	usage(stderr);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (argc > 2 && !strcmp(argv[1], "help"))
		return run_command(2, (char *[]){ argv[2], "--help", NULL });
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return STATUS_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("swivl " SWIVL_VERSION);
		return STATUS_OK;
	}
	return run_command(argc - 1, argv + 1);
}
