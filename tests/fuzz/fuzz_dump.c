// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: cli/dump.c core/rules/judge.c core/rules/vmx.c core/rules/vmx_controls.c core/rules/vmx_host.c core/rules/vmx_guest.c core/rules/vmx_segments.c
/* Any text as a dump, and the rules on what comes of it. */
#include <stdint.h>

#include "cli/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	static struct rules_finding found[400];
	struct rules_result result;
	struct rules_vmx_state s;
	unsigned int fields;

	while (dump_next(at, end, &at, &s, &fields)) {
		unsigned int n = rules_vmx_judge(&s, found, 400, &result);

		if (n != result.broken + result.unknown)
			__builtin_trap();
	}
	return 0;
}
