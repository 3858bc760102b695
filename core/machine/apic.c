// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * How a guest starts its processors (SDM vol. 3, 9.4.4). Intel's tell of INIT and SIPI by exits.
 * AMD's can only be asked to tell of INIT, and that has no good end (APM vol. 2, 15.21.8): there the
 * interrupt commands that send them are carried out here.
 */
#include "core/machine/internal.h"

#define ICR_MODE(command) ((command) >> 8 & 7)
#define MODE_NMI 4
#define MODE_INIT 5
#define MODE_STARTUP 6
#define ICR_LOGICAL (1u << 11)
#define ICR_ASSERT (1u << 14)
#define ICR_LEVEL (1u << 15)
#define ICR_SHORTHAND(command) ((command) >> 18 & 3)
#define TO_OTHERS 3

void machine_begin_sipi(struct vcpu *vcpu, u8 vector)
{
	struct segment *cs = &vcpu->state.seg[SEG_CS];

	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	cs->selector = (u16)(vector << 8);
	cs->base = (u64)vector << 12;
	vcpu->state.rip = 0;
	vcpu->gpr[RDX] = x86_cpuid(1, 0).eax;
	vcpu_overwrite(vcpu, STATE_ALL | STATE_INTERCEPTS);
}

void machine_wait_sipi(struct vcpu *vcpu)
{
	struct machine *m = machine_of(vcpu);
	u32 sipi;

	while (!(sipi = __atomic_exchange_n(&m->sipi[vcpu->index], 0, __ATOMIC_ACQ_REL)))
		machine_home_wait();
	machine_home_nmis(); /* those that woke it */
	machine_begin_sipi(vcpu, (u8)(sipi - 1));
}

/* It may be in its guest, or rest: NMIs bring it out, until it has seen why. */
static void call_out(struct machine *m, u32 index, const u32 *why)
{
	while (__atomic_load_n(why, __ATOMIC_ACQUIRE)) {
		machine_home_ipi(m->apic_ids[index], MODE_NMI << 8 | ICR_ASSERT);
		for (u32 i = 0; i < 100000 && __atomic_load_n(why, __ATOMIC_ACQUIRE); i++)
			host_yield();
	}
}

static void send_init(struct machine *m, u32 index)
{
	__atomic_store_n(&m->sipi[index], 0, __ATOMIC_RELEASE);
	if (m->vm->vcpus[index]->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		return;
	__atomic_store_n(&m->init[index], 1, __ATOMIC_RELEASE);
	call_out(m, index, &m->init[index]);
}

static void send_sipi(struct machine *m, u32 index, u8 vector)
{
	u32 none = 0;

	if (m->vm->vcpus[index]->mp_state == KVM_MP_STATE_INIT_RECEIVED &&
	    __atomic_compare_exchange_n(&m->sipi[index], &none, vector + 1u, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		call_out(m, index, &m->sipi[index]);
}

void machine_apic_command(struct vcpu *vcpu, u32 to, u32 command)
{
	struct machine *m = machine_of(vcpu);
	u32 mode = ICR_MODE(command);

	if (mode != MODE_INIT && mode != MODE_STARTUP) {
		machine_home_ipi(to, command);
		return;
	}
	/* The INIT that takes back the level: a relic (SDM vol. 3, 11.6.1). */
	if (mode == MODE_INIT && (command & ICR_LEVEL) && !(command & ICR_ASSERT))
		return;
	for (u32 i = 0; i < m->vm->nvcpus; i++) {
		if (ICR_SHORTHAND(command) != TO_OTHERS && m->apic_ids[i] != to)
			continue;
		if (i == vcpu->index)
			continue;
		if (mode == MODE_INIT)
			send_init(m, i);
		else
			send_sipi(m, i, (u8)command);
	}
}
