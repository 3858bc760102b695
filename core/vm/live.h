/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * State of a guest that no processor switches by itself: FPU and XCR0, which are in the registers
 * for a whole section, and DR0 to DR3. For the vendors.
 */
#ifndef SWIVL_CORE_VM_LIVE_H
#define SWIVL_CORE_VM_LIVE_H

#include "core/vm/vm.h"

struct live {
	bool on; /* the guest's is in the processor */
	u64 xcr0; /* what is there */
	u64 host_dr[4], host_dr7;
};

/* Into a section, out of it. Interrupts may be on. */
void live_begin(struct vcpu *vcpu, struct live *l);
void live_end(struct vcpu *vcpu, struct live *l);
/*
 * DR0 to DR3: the guest's for one entry, the host's at once after the exit, and its DR7. Interrupts
 * off: one of them may bring the end of a breakpoint of the host.
 */
void live_debug_in(struct vcpu *vcpu, struct live *l);
void live_debug_out(struct live *l);
/* Where state.xcr0 is not what is there. Live. */
void live_load_xcr0(struct vcpu *vcpu, struct live *l);

#endif
