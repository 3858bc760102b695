/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli.h"

int cmd_selftest(int argc, char **argv)
{
	(void)argc, (void)argv;
	say("selftest: not written yet");
	return STATUS_CANNOT;
}
