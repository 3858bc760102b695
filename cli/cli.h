/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the subcommands share. */
#ifndef SWIVL_CLI_CLI_H
#define SWIVL_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Exit statuses of the command's own: even numbers, because a guest's status v at port 0xf4
 * becomes (v << 1) | 1, which is odd.
 */
enum {
	STATUS_OK = 0,
	STATUS_USAGE = 2, /* the command line */
	STATUS_CANNOT = 4, /* no device, no such image, no memory: nothing ran */
	STATUS_CRASH = 6, /* the guest or the hypervisor could not go on */
};

/* Each gets its own arguments, argv[0] being "swivl" and the subcommand's name. */
int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_selftest(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_disk(int argc, char **argv);
int cmd_metal(int argc, char **argv);

/* "swivl: " and the message and a line end, on stderr. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "key": "value", of which at most @max bytes are there. */
void json_string(FILE *f, const char *key, const char *value, size_t max);
void json_text(FILE *f, const char *value, size_t max);

/* What to do about an error of swivl_open(): several lines on stderr. */
void say_cannot_open(int error);

#endif
