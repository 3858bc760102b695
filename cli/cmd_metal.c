/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* swivl metal: asks the hypervisor that was started before this system, from a disk (docs/metal.md). */
#include <cpuid.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "swivl/abi.h"
#include "swivl/swivl.h"
#include "cli.h"

static const char help[] =
	"usage: swivl metal\n"
	"\n"
	"Asks the hypervisor that runs beneath this system, started from a disk (swivl disk), for its\n"
	"version and how often it was entered, by reason.\n"
	"\n"
	"Exit status: 0 it has answered; 1 there is none; 2 wrong usage.\n";

#define LEAF_HYPERVISOR 0x40000000
#define CALL 0x6c76697773ull
enum { CALL_VERSION, CALL_EXITS };

static bool is_beneath(void)
{
	unsigned int eax, id[3];

	__cpuid(LEAF_HYPERVISOR, eax, id[0], id[1], id[2]);
	return !memcmp(id, "swivlmachine", sizeof(id));
}

/* The other vendor's instruction is #UD, that is, the end of this program. */
static uint64_t ask(uint64_t what, uint64_t argument)
{
	unsigned int eax, ebx, ecx, edx;
	uint64_t answer = CALL;

	__cpuid(0, eax, ebx, ecx, edx);
	if (ebx == signature_INTEL_ebx)
		__asm__ volatile("vmcall" : "+a"(answer), "+c"(what), "+d"(argument) : : "memory");
	else
		__asm__ volatile("vmmcall" : "+a"(answer), "+c"(what), "+d"(argument) : : "memory");
	return answer;
}

/* Ticks of the time stamp counter; the least of some, for interrupts come, too. */
static uint64_t cpuid_ticks(void)
{
	unsigned int eax, ebx, ecx, edx;
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < 100; i++) {
		uint64_t start = __builtin_ia32_rdtsc(), ticks;

		__cpuid(0, eax, ebx, ecx, edx);
		ticks = __builtin_ia32_rdtsc() - start;
		least = ticks < least ? ticks : least;
	}
	return least;
}

int cmd_metal(int argc, char **argv)
{
	uint64_t count, total = 0;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(help, stdout);
		return 0;
	}
	if (argc > 1) {
		say("metal takes no \"%s\"", argv[1]);
		fputs("swivl metal --help tells more\n", stderr);
		return STATUS_USAGE;
	}
	if (!is_beneath()) {
		say("no hypervisor of ours is beneath this system");
		return 1;
	}
	printf("swivl is beneath this system, interface version %" PRIu64 "\n", ask(CALL_VERSION, 0));
	for (unsigned int i = 0; i < SWIVL_EXIT_KINDS; i++) {
		count = ask(CALL_EXITS, i);
		total += count;
		if (count)
			printf("%12" PRIu64 "  exit: %s\n", count, swivl_kind_name(i));
	}
	printf("%12" PRIu64 "  exits\n", total);
	printf("%12" PRIu64 "  accesses to hidden memory\n", ask(CALL_EXITS, SWIVL_EXIT_KINDS));
	printf("%12" PRIu64 "  ticks for one CPUID\n", cpuid_ticks());
	return 0;
}
