// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The one builder and walker of second-level page tables. */
#include "core/vm/vm.h"

int stage2_init(struct stage2 *s2)
{
	return -SWIVL_ENOMEM;
}

void stage2_free(struct stage2 *s2)
{
}

u64 *stage2_find(struct stage2 *s2, u64 gpa, unsigned int *level)
{
	return NULL;
}

int stage2_map(struct stage2 *s2, u64 gpa, u64 pa, unsigned int level, bool write)
{
	return -SWIVL_ENOMEM;
}

bool stage2_unmap(struct stage2 *s2, u64 gpa, u64 size)
{
	return false;
}

bool stage2_write_protect(struct stage2 *s2, u64 gpa, u64 size)
{
	return false;
}
