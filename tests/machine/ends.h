/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A program that dies gives no more verdicts, and those that it still owed would be missed by
 * nobody. So each says that it begins and that it ends; lab/machine/batch.py fails what only
 * began.
 */
#ifndef SWIVL_TESTS_MACHINE_ENDS_H
#define SWIVL_TESTS_MACHINE_ENDS_H

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static pid_t ends_process;

__attribute__((constructor)) static void says_begin(void)
{
	ends_process = getpid();
	dprintf(STDOUT_FILENO, "begin %s %d\n", program_invocation_short_name, ends_process);
}

/* Its children share the text and not the promise. */
__attribute__((destructor)) static void says_end(void)
{
	if (getpid() != ends_process)
		return;
	fflush(stdout);
	dprintf(STDOUT_FILENO, "end %s %d\n", program_invocation_short_name, ends_process);
}

#endif
