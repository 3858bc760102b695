/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What a program on the bare machine has instead of a C library. */
#ifndef SWIVL_TESTS_RULES_BARE_H
#define SWIVL_TESTS_RULES_BARE_H

#include "core/types.h"

/* Port E9h, which both emulators write out. %s, %u (32 bits), %llx (64 bits, with 0x). */
void print(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));
/* Ends the emulator. */
void end(void) __attribute__((__noreturn__));

/* The number behind "name=" on the command line, @otherwise where there is none. */
u64 option(const char *cmdline, const char *name, u64 otherwise);
bool has_word(const char *cmdline, const char *word);

/* Numbers that follow from where it starts alone. */
struct random {
	u64 at;
};
u64 random_next(struct random *r);
/* 0 .. @n - 1 */
static inline u32 random_below(struct random *r, u32 n)
{
	return (u32)((random_next(r) >> 32) * n >> 32);
}

int main(const char *cmdline);

#endif
