// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * How a guest starts its processors (SDM vol. 3, 9.4.4). AMD's can only be asked to tell of INIT, and
 * that has no good end (APM vol. 2, 15.21.8). Intel's tell of INIT and SIPI by exits, but a SIPI that
 * comes while the exit of its INIT is still looked at is lost (26.2). So the interrupt commands that
 * send them are carried out here. A processor that waits for SIPI rests in the hypervisor; what brings
 * it out of its rest or out of the guest is an NMI.
 */
#include "core/machine/internal.h"

#define APIC_TPR 0x80
#define APIC_EOI 0xb0
#define APIC_LDR 0xd0
#define APIC_DFR 0xe0
#define APIC_SPURIOUS 0xf0
#define APIC_ISR 0x100
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310
#define APIC_TIMER_COUNT 0x380
#define X2APIC_MSR(offset) (0x800 + (offset) / 16)

#define ICR_MODE(command) ((command) >> 8 & 7)
#define MODE_NMI 4
#define MODE_INIT 5
#define MODE_STARTUP 6
#define ICR_LOGICAL (1u << 11)
#define ICR_ASSERT (1u << 14)
#define ICR_LEVEL (1u << 15)
#define ICR_SHORTHAND(command) ((command) >> 18 & 3)
#define TO_NAMED 0
#define TO_OTHERS 3
#define X2APIC_ICR_BITS 0xffffffff000ccfffull

static u32 apic_read(u32 offset)
{
	volatile u32 *apic = machine_home_apic();

	return apic ? apic[offset / 4] : (u32)x86_rdmsr(X2APIC_MSR(offset));
}

static void apic_write(u32 offset, u32 value)
{
	volatile u32 *apic = machine_home_apic();

	if (apic)
		apic[offset / 4] = value;
	else
		x86_wrmsr(X2APIC_MSR(offset), value);
}

void machine_apic_start(struct vcpu *vcpu)
{
	struct machine_cpu *cpu = &machine_of(vcpu)->cpus[vcpu->index];

	if (!machine_home_apic())
		return;
	cpu->ldr = apic_read(APIC_LDR);
	cpu->dfr = apic_read(APIC_DFR);
}

/* What INIT does to the local APIC and a system could notice later (SDM vol. 3, 11.4.7.3). */
static void apic_reset(struct machine_cpu *cpu)
{
	apic_write(APIC_TIMER_COUNT, 0);
	apic_write(APIC_SPURIOUS, 0xff); /* off, and with it all local sources */
	apic_write(APIC_TPR, 0);
	for (u32 i = 0; i < 256 && apic_read(APIC_ISR + i / 32 * 16); i++)
		apic_write(APIC_EOI, 0);
	if (!machine_home_apic())
		return;
	cpu->ldr = 0;
	cpu->dfr = ~0u;
	apic_write(APIC_LDR, cpu->ldr);
	apic_write(APIC_DFR, cpu->dfr);
}

/* ---- the one that is sent INIT and SIPI ------------------------------------------------------------- */

static void begin(struct vcpu *vcpu, u8 vector)
{
	struct segment *cs = &vcpu->state.seg[SEG_CS];

	cs->selector = (u16)(vector << 8);
	cs->base = (u64)vector << 12;
	vcpu->state.rip = 0;
	vcpu_overwrite(vcpu, STATE_ALL | STATE_INTERCEPTS);
}

/*
 * An NMI comes with SIPI. It may be underway yet, and is not to meet the guest; but two that were
 * sent can arrive as one.
 */
void machine_wait_sipi(struct vcpu *vcpu)
{
	u32 *start = &machine_of(vcpu)->cpus[vcpu->index].start, sipi;

	do {
		while ((sipi = __atomic_load_n(start, __ATOMIC_ACQUIRE)) < CPU_SIPI) {
			machine_home_wait();
			if (__atomic_load_n(start, __ATOMIC_ACQUIRE) < CPU_SIPI)
				machine_home_nmis();
		}
		for (u32 i = 0; i < 100000 && !machine_home_nmis(); i++)
			host_yield();
		/* INIT may have come again. */
	} while (!__atomic_compare_exchange_n(start, &sipi, CPU_RUNS, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	begin(vcpu, (u8)sipi);
}

void machine_take_init(struct vcpu *vcpu)
{
	struct machine_cpu *cpu = &machine_of(vcpu)->cpus[vcpu->index];
	u32 next = vcpu->index == vcpu->vm->boot_cpu_id ? CPU_RUNS : CPU_WAITS;
	u32 was = __atomic_load_n(&cpu->start, __ATOMIC_ACQUIRE);

	vcpu_need(vcpu, STATE_ALL); /* for what INIT leaves as it is */
	vcpu_reset(vcpu, true);
	vcpu->gpr[RDX] = x86_cpuid(1, 0).eax;
	for (unsigned int i = 0; i < 4; i++)
		x86_write_dr(i, 0);
	x86_write_dr(6, DR6_ONES);
	apic_reset(cpu);
	/* SIPI may have come by now. */
	while (was < CPU_SIPI && !__atomic_compare_exchange_n(&cpu->start, &was, next, false,
							      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	if (next == CPU_WAITS)
		machine_wait_sipi(vcpu);
}

/* ---- the one that sends them ----------------------------------------------------------------------- */

/* NMI brings it out of the guest. One that waits begins to wait again: nobody has to tell it. */
static void send_init(struct machine_cpu *cpu, bool itself)
{
	u32 was = __atomic_load_n(&cpu->start, __ATOMIC_ACQUIRE), next;

	do {
		if (was == CPU_INIT_SENT || was == CPU_WAITS)
			return;
		next = was == CPU_RUNS ? CPU_INIT_SENT : CPU_WAITS;
	} while (!__atomic_compare_exchange_n(&cpu->start, &was, next, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	if (was == CPU_RUNS && !itself)
		machine_home_ipi(cpu->apic_id, MODE_NMI << 8 | ICR_ASSERT);
}

/* Who does not wait does not notice. */
static void send_sipi(struct machine_cpu *cpu, u8 vector)
{
	u32 was = __atomic_load_n(&cpu->start, __ATOMIC_ACQUIRE);

	do {
		if (was != CPU_INIT_SENT && was != CPU_WAITS)
			return;
	} while (!__atomic_compare_exchange_n(&cpu->start, &was, CPU_SIPI | vector, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	machine_home_ipi(cpu->apic_id, MODE_NMI << 8 | ICR_ASSERT);
}

/*
 * SDM vol. 3, 11.6.2 and 11.12.10. All ones name all; logically, all that have a logical number: none
 * has after a reset.
 */
static bool is_named(const struct machine_cpu *cpu, bool x2apic, u32 to, bool logical)
{
	if (x2apic && (to == 0xffffffff || logical))
		return to == 0xffffffff || (to >> 16 == cpu->apic_id >> 4 &&
					    (to & 1u << (cpu->apic_id & 15)));
	if (!logical)
		return to == 0xff || to == cpu->apic_id;
	if (cpu->dfr >> 28 == 0xf)
		return cpu->ldr >> 24 & to;
	return (to >> 4 == 0xf || to >> 4 == cpu->ldr >> 28) && (cpu->ldr >> 24 & to & 0xf);
}

/* The shorthands of all and of itself are not valid with these (SDM vol. 3, table 11-3). */
static void start_command(struct vcpu *vcpu, bool x2apic, u32 to, u32 command)
{
	struct machine *m = machine_of(vcpu);
	u32 shorthand = ICR_SHORTHAND(command);

	/* The INIT that takes back the level: a relic (SDM vol. 3, 11.6.1). */
	if (ICR_MODE(command) == MODE_INIT && (command & ICR_LEVEL) && !(command & ICR_ASSERT))
		return;
	for (u32 i = 0; i < m->vm->nvcpus; i++) {
		struct machine_cpu *cpu = &m->cpus[i];
		bool named = shorthand == TO_OTHERS && i != vcpu->index;

		if (shorthand == TO_NAMED)
			named = is_named(cpu, x2apic, to, command & ICR_LOGICAL);
		if (named && ICR_MODE(command) == MODE_INIT)
			send_init(cpu, i == vcpu->index);
		else if (named && i != m->vm->boot_cpu_id) /* it never waits */
			send_sipi(cpu, (u8)command);
	}
}

static bool starts(u32 command)
{
	return ICR_MODE(command) == MODE_INIT || ICR_MODE(command) == MODE_STARTUP;
}

void machine_apic_write(struct vcpu *vcpu, u32 offset, u32 value)
{
	struct machine_cpu *cpu = &machine_of(vcpu)->cpus[vcpu->index];
	u32 to;

	if (!machine_home_apic())
		return; /* no registers in memory: the write is lost */
	if (offset == APIC_ICR_LOW && starts(value) &&
	    (x86_rdmsr(IA32_APIC_BASE) & APIC_BASE_ENABLED)) {
		to = apic_read(APIC_ICR_HIGH);
		start_command(vcpu, false, to >> 24, value);
		apic_write(APIC_ICR_HIGH, to);
		return;
	}
	apic_write(offset, value);
	if (offset == APIC_LDR)
		cpu->ldr = value;
	else if (offset == APIC_DFR)
		cpu->dfr = value;
}

bool machine_x2apic_command(struct vcpu *vcpu, u64 command)
{
	if (machine_home_apic() || (command & ~X2APIC_ICR_BITS))
		return false;
	if (starts((u32)command))
		start_command(vcpu, true, (u32)(command >> 32), (u32)command);
	else
		x86_wrmsr(IA32_X2APIC_ICR, command);
	return true;
}
