/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Ports of the machine that swivl run makes. */
#define COM1 0x3f8
#define DEBUG_EXIT 0xf4
