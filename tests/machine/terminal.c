/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * `terminal IMAGE`: swivl run on a terminal of its own, ended in every way there is; afterwards
 * the terminal must be as it was. IMAGE prints an 's' and then spins.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>
#include <unistd.h>

#include "ends.h"

#define PATIENCE_MS 20000

static const char *image;

/* Waits for c in the terminal's output. */
static bool see(int fd, char c)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	while (poll(&p, 1, PATIENCE_MS) > 0 && read(fd, &byte, 1) == 1)
		if (byte == c)
			return true;
	return false;
}

static bool same(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
	       a->c_lflag == b->c_lflag && !memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc));
}

/* Sends the keys, or the signal. Returns what was wrong, or NULL. */
static const char *end(const char *keys, int signo, bool exits, int expected)
{
	struct termios before, during, after;
	const char *wrong = NULL;
	int master, slave, status;
	pid_t pid;

	if (openpty(&master, &slave, NULL, NULL, NULL) || tcgetattr(slave, &before))
		return "no terminal";
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		login_tty(slave);
		dup2(null, 2); /* messages would end in the output that is searched */
		execlp("swivl", "swivl", "run", "--flat", image, NULL);
		_exit(99);
	}
	if (!see(master, 's'))
		wrong = "the guest does not run";
	tcgetattr(slave, &during);
	if (!wrong && during.c_lflag & (ICANON | ECHO))
		wrong = "the terminal is not raw";
	if (keys && write(master, keys, strlen(keys)) < 0)
		wrong = "cannot type";
	if (signo)
		kill(pid, signo);
	alarm(PATIENCE_MS / 1000); /* a hang fails loudly */
	waitpid(pid, &status, 0);
	alarm(0);
	tcgetattr(slave, &after);
	if (!wrong && !same(&before, &after))
		wrong = "the terminal is not as it was";
	if (!wrong && exits && (!WIFEXITED(status) || WEXITSTATUS(status) != expected))
		wrong = "wrong exit status";
	if (!wrong && !exits && (!WIFSIGNALED(status) || WTERMSIG(status) != expected))
		wrong = "it did not die of the signal";
	close(master);
	close(slave);
	return wrong;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name, *keys;
		int signo;
		bool exits;
		int expected;
	} ways[] = {
		{ "Ctrl-C", "\003", 0, true, 130 },
		{ "Ctrl-A x", "\001x", 0, true, 0 },
		{ "Ctrl-A in vain, then Ctrl-C", "\001a\001?\001c\003", 0, true, 130 },
		{ "hangup", NULL, SIGHUP, true, 129 },
		{ "terminate", NULL, SIGTERM, true, 143 },
		{ "segmentation fault", NULL, SIGSEGV, false, SIGSEGV },
		{ "abort", NULL, SIGABRT, false, SIGABRT },
	};
	bool bad = false;

	if (argc != 2)
		return 2;
	image = argv[1];
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const char *wrong = end(ways[i].keys, ways[i].signo, ways[i].exits,
					ways[i].expected);

		if (wrong)
			printf("# wrong: %s: %s\n", ways[i].name, wrong);
		bad = bad || wrong;
	}
	printf(bad ? "not ok terminal\n" : "ok terminal\n");
	return bad;
}
