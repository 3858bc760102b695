// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Second-level translation: the format of its tables. */
#include "core/svm/svm.h"

/* APM vol. 2, 5.3.3. Nested walks are user accesses (15.25.5), so all is the user's. */
#define NPT_PRESENT (1ull << 0)
#define NPT_WRITE (1ull << 1)
#define NPT_USER (1ull << 2)
#define NPT_ACCESSED (1ull << 5)
#define NPT_DIRTY (1ull << 6)
#define NPT_LARGE (1ull << 7)

/*
 * The processor would set accessed and dirty itself; there from the start, they cost no write to
 * the table. Memory type by the guest's PAT and the host's, write-back in entry 0.
 */
const struct stage2_format npt_format = {
	.table = NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED,
	.leaf = NPT_PRESENT | NPT_USER | NPT_ACCESSED | NPT_DIRTY,
	.write = NPT_WRITE,
	.large = NPT_LARGE,
	.present = NPT_PRESENT,
};

unsigned int svm_stage2_bits(void)
{
	unsigned int bits = 36;

	if (x86_cpuid(0x80000000, 0).eax >= 0x80000008)
		bits = x86_cpuid(0x80000008, 0).eax & 0xff;
	return bits < 48 ? bits : 48;
}
