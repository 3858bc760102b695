// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The same facts as the system's header states them. */
#include <linux/kvm.h>
#ifdef SWIVL_ABI_OWN
#error "this must be the system's header"
#endif
#include "abi_table.h"

const struct abi_fact abi_system[] = {
#include "abi_list.h"
};
const unsigned int abi_system_count = sizeof(abi_system) / sizeof(abi_system[0]);

/* swivl's header after the system's adds what is swivl's own and changes nothing. */
#include "swivl/abi.h"
_Static_assert(SWIVL_GET_STATS != 0 && sizeof(struct swivl_stats) == 640, "own requests");
