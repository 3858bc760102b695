/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli.h"

int cmd_check(int argc, char **argv)
{
	(void)argc, (void)argv;
	say("check: not written yet");
	return STATUS_CANNOT;
}
