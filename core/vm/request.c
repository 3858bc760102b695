// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The one table of requests: what each is, how its argument travels, who handles it. */
#include "core/swivl.h"
#include "core/vm/vm.h"

long swivl_request(enum object_kind kind, void *object, u32 number, u64 arg)
{
	return -SWIVL_ENOTTY;
}
