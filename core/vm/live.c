// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "core/vm/live.h"
#include "core/x86/cpu.h"
#include "core/x86/fpu.h"
#include "core/x86/regs.h"

void live_begin(struct vcpu *vcpu, struct live *l)
{
	fpu_load(vcpu->fpu);
	l->xcr0 = fpu.system_xcr0;
	l->on = true;
}

void live_end(struct vcpu *vcpu, struct live *l)
{
	if (l->xcr0 != fpu.system_xcr0)
		x86_xsetbv(fpu.system_xcr0);
	fpu_save(vcpu->fpu);
	l->on = false;
}

/*
 * Guests do not reach the debug registers themselves (MOV DR exits), so DR0 to DR3 only have to
 * be in the processor while a breakpoint is on. They are the host's again before it takes an
 * interrupt: that may bring a breakpoint of the host, and with it a DR7 that switches on what the
 * guest has in the others.
 */
void live_debug_in(struct vcpu *vcpu, struct live *l)
{
	bool ours = vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP;
	const u64 *dr = ours ? vcpu->debug_dr : vcpu->state.dr;

	/* The host's own breakpoints must not be at the guest's addresses. */
	l->host_dr7 = x86_read_dr(7);
	if (l->host_dr7 != DR7_ONE)
		x86_write_dr(7, DR7_ONE);
	for (unsigned int i = 0; i < 4; i++) {
		l->host_dr[i] = x86_read_dr(i);
		x86_write_dr(i, dr[i]);
	}
}

void live_debug_out(struct live *l)
{
	for (unsigned int i = 0; i < 4; i++)
		x86_write_dr(i, l->host_dr[i]);
	if (l->host_dr7 != DR7_ONE)
		x86_write_dr(7, l->host_dr7);
}

void live_load_xcr0(struct vcpu *vcpu, struct live *l)
{
	if (!fpu.system_xcr0)
		return;
	l->xcr0 = vcpu->state.xcr0;
	x86_xsetbv((l->xcr0 & fpu.features) | XCR0_X87);
}
