/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The command line of swivl run. */
#ifndef SWIVL_CLI_OPTIONS_H
#define SWIVL_CLI_OPTIONS_H

#include "machine.h"

/* -1: go on with *opt. Otherwise the status to end with; help or an error has been printed. */
int options_parse(int argc, char **argv, struct options *opt);

/*
 * "64M", "1g", "512k", "0x10000b"; without a suffix the number counts units of unit bytes.
 * False if it is not such a number or does not fit 64 bits.
 */
bool parse_size(const char *text, uint64_t unit, uint64_t *bytes);

/* "SEGMENT:OFFSET", both 16 bits, decimal or 0x. */
bool parse_entry(const char *text, uint16_t *segment, uint16_t *offset);

#endif
