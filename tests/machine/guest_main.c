// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * usage: PROGRAM [DEVICE [TEST...]]
 *
 * Runs the tests of a guest_*.c program, each in its own process, and prints one line a test:
 * "ok NAME", "not ok NAME: why" or "skip NAME: why". Exit status 1 if one failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ends.h"
#include "guest.h"

#define STATUS_SKIP 77

const char *guest_device = "/dev/swivl";
bool guest_intel, guest_bochs_amd;
static const char *running;
static pid_t process;

extern const struct guest_test *const __start_guest_tests[], *const __stop_guest_tests[];

static _Noreturn void end(int status)
{
	fflush(stdout);
	/* A test may have forked: only its first process speaks for it. */
	_exit(status);
}

void guest_fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	va_list args;

	if (getpid() != process)
		fprintf(stderr, "in a process of the test: ");
	printf("not ok %s: ", running);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" (%s:%d)\n", name ? name + 1 : file, line);
	end(1);
}

void guest_skip(const char *format, ...)
{
	va_list args;

	printf("skip %s: ", running);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	end(STATUS_SKIP);
}

/* Whether the test did not fail. */
static bool run_one(const struct guest_test *t)
{
	unsigned int limit = t->seconds ? t->seconds : GUEST_SECONDS;
	int status;
	pid_t pid;

	running = t->name;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		process = getpid();
		alarm(limit);
		t->run();
		printf("ok %s\n", t->name);
		end(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		printf("not ok %s: %s\n", t->name, strerror(errno));
		return false;
	}
	if (WIFSIGNALED(status)) {
		if (WTERMSIG(status) == SIGALRM)
			printf("not ok %s: no end after %u s\n", t->name, limit);
		else
			printf("not ok %s: ended by signal %d\n", t->name, WTERMSIG(status));
		return false;
	}
	return WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == STATUS_SKIP;
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc <= 2;
}

/* QEMU's machines are those whose name begins with amd. */
static bool in_bochs(void)
{
	char cpu[4] = "";
	FILE *f = fopen("/lab/cpu", "r");

	if (!f)
		return false;
	if (fread(cpu, 3, 1, f) != 1)
		cpu[0] = 0;
	fclose(f);
	return cpu[0] && strcmp(cpu, "amd");
}

int main(int argc, char **argv)
{
	u32 a = 0, b, c, d;
	bool good = true;

	if (argc > 1)
		guest_device = argv[1];
	asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	guest_intel = b == 0x756e6547; /* "Genu" */
	guest_bochs_amd = !guest_intel && in_bochs();
	for (const struct guest_test *const *t = __start_guest_tests; t < __stop_guest_tests; t++)
		if (wanted((*t)->name, argc, argv) && !run_one(*t))
			good = false;
	return good ? 0 : 1;
}
