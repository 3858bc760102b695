/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The terminal, raw while a guest runs. Whatever way the process ends (but SIGKILL), it is put
 * back: at exit, and in the handlers of signals that kill.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "machine.h"

static struct termios saved;
static atomic_bool raw;

void term_restore(void)
{
	if (atomic_exchange(&raw, false))
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

bool term_is_raw(void)
{
	return atomic_load(&raw);
}

static void on_fatal(int signo)
{
	term_restore();
	signal(signo, SIG_DFL);
	raise(signo);
}

void term_raw(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };
	static bool registered;
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &t))
		return;
	if (!registered) {
		registered = true;
		saved = t;
		atexit(term_restore);
		for (unsigned int i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
			signal(fatal[i], on_fatal);
	}
	t.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
	/* Ctrl-C stays the way out; the other keys that make signals go to the guest. */
	t.c_cc[VQUIT] = t.c_cc[VSUSP] = _POSIX_VDISABLE;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	atomic_store(&raw, true);
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
}
