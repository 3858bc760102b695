// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The interrupt chips of core/irq in a VM: their lock, their timers, and who is to be woken.
 * All of a VM's chips stand under vm->irq_lock. A chip's kick comes with that lock held.
 */
#include "core/irq/irqchip.h"
#include "core/vm/irqwire.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"

static u64 guest_tsc(struct vcpu *vcpu)
{
	return x86_rdtsc() + vcpu->state.tsc_offset;
}

static void kick(void *ctx, unsigned int index)
{
	struct vm *vm = ctx;
	struct vcpu *vcpu = __atomic_load_n(&vm->vcpus[index], __ATOMIC_ACQUIRE);

	/* Its local APIC may hear of something before it is whole: it looks when it first runs. */
	if (vcpu)
		vcpu_kick(vcpu);
}

/* After anything that may have moved a deadline. irq_lock held. */
static void arm(struct host_timer *timer, u64 *armed, u64 deadline)
{
	if (*armed == deadline)
		return;
	*armed = deadline;
	if (deadline == LAPIC_NEVER)
		host_timer_stop(timer);
	else
		host_timer_set(timer, deadline);
}

static void arm_lapic(struct vcpu *vcpu)
{
	arm(&vcpu->lapic_timer, &vcpu->lapic_armed, vcpu->lapic->deadline);
}

static void arm_pit(struct vm *vm)
{
	if (vm->irqchip->has_pit)
		arm(&vm->pit_timer, &vm->pit_armed, vm->irqchip->pit.deadline);
}

static void lapic_timer_fires(void *arg)
{
	struct vcpu *vcpu = arg;
	unsigned long flags = host_spin_lock(&vcpu->vm->irq_lock);

	vcpu->lapic_armed = LAPIC_NEVER;
	lapic_advance(vcpu->lapic, host_time_ns(), guest_tsc(vcpu));
	arm_lapic(vcpu);
	host_spin_unlock(&vcpu->vm->irq_lock, flags);
}

static void pit_timer_fires(void *arg)
{
	struct vm *vm = arg;
	unsigned long flags = host_spin_lock(&vm->irq_lock);

	vm->pit_armed = PIT_NEVER;
	pit_advance(&vm->irqchip->pit, host_time_ns());
	arm_pit(vm);
	host_spin_unlock(&vm->irq_lock, flags);
}

unsigned long chips_lock(struct vm *vm)
{
	return host_spin_lock(&vm->irq_lock);
}

void chips_unlock(struct vm *vm, struct vcpu *vcpu, unsigned long flags)
{
	arm_pit(vm);
	if (vcpu)
		arm_lapic(vcpu);
	host_spin_unlock(&vm->irq_lock, flags);
}

/* ---- life ---------------------------------------------------------------------------------- */

int vm_chips_create(struct vm *vm)
{
	struct irqchip *chip;

	if (vm->irqchip)
		return -SWIVL_EEXIST;
	if (vm->nvcpus)
		return -SWIVL_EINVAL;
	chip = host_alloc(sizeof(*chip));
	if (!chip)
		return -SWIVL_ENOMEM;
	irqchip_init(chip, kick, vm);
	vm->pit_armed = PIT_NEVER;
	host_timer_init(&vm->pit_timer, pit_timer_fires, vm);
	__atomic_store_n(&vm->irqchip, chip, __ATOMIC_RELEASE);
	return 0;
}

int vcpu_chips_init(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct lapic *l;
	unsigned long flags;
	int err;

	if (!vm->irqchip)
		return 0;
	l = host_alloc(sizeof(*l));
	if (!l)
		return -SWIVL_ENOMEM;
	host_timer_init(&vcpu->lapic_timer, lapic_timer_fires, vcpu);
	vcpu->lapic_armed = LAPIC_NEVER;
	flags = chips_lock(vm);
	err = irqchip_add_lapic(vm->irqchip, l, vcpu->index, vcpu->id,
				vcpu->id == vm->boot_cpu_id, host_tsc_khz());
	host_spin_unlock(&vm->irq_lock, flags);
	if (err) {
		host_free(l);
		return err;
	}
	vcpu->lapic = l;
	return 0;
}

/* Of the newest vCPU, which could not be made after all, or with the VM. */
void vcpu_chips_free(struct vcpu *vcpu)
{
	struct irqchip *chip = vcpu->vm->irqchip;
	unsigned long flags;

	if (!vcpu->lapic)
		return;
	flags = chips_lock(vcpu->vm);
	if (chip->nr_lapics == vcpu->index + 1)
		chip->nr_lapics = vcpu->index;
	host_spin_unlock(&vcpu->vm->irq_lock, flags);
	host_free(vcpu->lapic);
	vcpu->lapic = NULL;
}

void vm_chips_stop(struct vm *vm)
{
	u32 i;

	if (!vm->irqchip)
		return;
	host_timer_cancel(&vm->pit_timer);
	for (i = 0; i < vm->nvcpus; i++)
		host_timer_cancel(&vm->vcpus[i]->lapic_timer);
}

void vm_chips_free(struct vm *vm)
{
	host_free(vm->irqchip);
}

/* ---- the vCPU asks --------------------------------------------------------------------------- */

bool vcpu_irq_pending(struct vcpu *vcpu)
{
	return vcpu->lapic && irqchip_pending(vcpu->lapic);
}

int vcpu_irq_ack(struct vcpu *vcpu)
{
	unsigned long flags = chips_lock(vcpu->vm);
	int vector = irqchip_ack(vcpu->vm->irqchip, vcpu->lapic);

	chips_unlock(vcpu->vm, NULL, flags);
	return vector;
}

static u32 pending(struct vcpu *vcpu)
{
	return vcpu->lapic ? __atomic_load_n(&vcpu->lapic->pending, __ATOMIC_RELAXED) : 0;
}

static u32 take(struct vcpu *vcpu, u32 bits)
{
	unsigned long flags = chips_lock(vcpu->vm);
	u32 taken = lapic_take(vcpu->lapic, bits);

	host_spin_unlock(&vcpu->vm->irq_lock, flags);
	return taken;
}

void vcpu_chips_take_nmi(struct vcpu *vcpu)
{
	/* There is no system management mode: an SMI is dropped as by a machine without one. */
	if ((pending(vcpu) & (LAPIC_PENDING_NMI | LAPIC_PENDING_SMI)) &&
	    (take(vcpu, LAPIC_PENDING_NMI | LAPIC_PENDING_SMI) & LAPIC_PENDING_NMI))
		vcpu_queue_nmi(vcpu);
}

bool vcpu_chips_want_init(struct vcpu *vcpu)
{
	return pending(vcpu) & (LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI);
}

bool vcpu_chips_wake(struct vcpu *vcpu)
{
	u32 bits = pending(vcpu), wakes = LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI;

	if (vcpu->mp_state == KVM_MP_STATE_HALTED) {
		wakes |= LAPIC_PENDING_NMI | LAPIC_PENDING_SMI;
		if (vcpu->state.rflags & RFLAGS_IF)
			wakes |= LAPIC_PENDING_VECTOR | LAPIC_PENDING_EXTINT;
	}
	return bits & wakes;
}

/* SDM vol. 3, 9.4: INIT, then a SIPI that says in which page to begin in real mode. */
bool vcpu_chips_init_sipi(struct vcpu *vcpu)
{
	struct vcpu_state *s = &vcpu->state;
	u8 vector;
	u32 bits;

	if (!vcpu_chips_want_init(vcpu))
		return false;
	bits = take(vcpu, LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI);
	vector = __atomic_load_n(&vcpu->lapic->sipi_vector, __ATOMIC_RELAXED);
	if (bits & LAPIC_PENDING_INIT) {
		unsigned long flags = chips_lock(vcpu->vm);

		lapic_reset(vcpu->lapic);
		chips_unlock(vcpu->vm, vcpu, flags);
		vcpu_reset(vcpu, true);
		vcpu->mp_state = vcpu->id == vcpu->vm->boot_cpu_id ? KVM_MP_STATE_RUNNABLE :
								     KVM_MP_STATE_INIT_RECEIVED;
	}
	if ((bits & LAPIC_PENDING_SIPI) && vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED) {
		vcpu_touch(vcpu, STATE_RIP | STATE_SEG);
		s->rip = 0;
		s->seg[SEG_CS].selector = vector << 8;
		s->seg[SEG_CS].base = (u64)vector << 12;
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	}
	return bits != 0;
}

void vcpu_chips_set_cr8(struct vcpu *vcpu, u64 cr8)
{
	unsigned long flags = chips_lock(vcpu->vm);

	lapic_set_tpr(vcpu->lapic, cr8 << 4);
	host_spin_unlock(&vcpu->vm->irq_lock, flags);
	vcpu->check_events = 1;
}

u64 vcpu_chips_cr8(struct vcpu *vcpu)
{
	return vcpu->lapic ? lapic_cr8(vcpu->lapic) : vcpu->state.cr8;
}

/* ---- the guest's accesses -------------------------------------------------------------------- */

static bool pit_port(u16 port)
{
	return (port & ~3u) == 0x40 || port == 0x61;
}

static __attribute__((__noinline__)) s64 port_locked(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	struct vm *vm = vcpu->vm;
	/* The PICs need no clock and have no deadline that could move. */
	bool pit = pit_port(e->io.port);
	unsigned long flags;
	u64 now = 0;
	s64 in;

	if (pit)
		now = host_time_ns();
	flags = chips_lock(vm);
	in = irqchip_port(vm->irqchip, e->io.port, e->io.size, !e->io.in, (u32)vcpu->gpr[RAX],
			  now);
	if (pit)
		arm_pit(vm);
	host_spin_unlock(&vm->irq_lock, flags);
	return in;
}

s64 vm_chip_port(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	int in;

	if (e->io.port > 0xa1 && (e->io.port & ~1u) != 0x4d0)
		return -1;
	if (e->io.in && e->io.size == 1 && (e->io.port & ~0x81) == 0x20) {
		in = pic_peek(&vcpu->vm->irqchip->pic, e->io.port);
		if (in >= 0)
			return in;
	}
	return port_locked(vcpu);
}

/* Reading the clock costs more than most accesses: only those that need it pay. */
static bool needs_clock(const struct lapic *l, u64 offset)
{
	return offset == LAPIC_TMICT << 4 ||
	       (offset > LAPIC_TMICT << 4 && l->deadline != LAPIC_NEVER);
}

bool vcpu_is_own_lapic(const struct vcpu *vcpu, u64 gpa)
{
	return vcpu->lapic && (gpa & ~0xfffull) == vcpu->lapic->mmio_base;
}

s64 vm_chip_mmio(struct vcpu *vcpu, u64 gpa, unsigned int size, bool write, u32 value)
{
	struct vm *vm = vcpu->vm;
	unsigned long flags;
	u64 now = 0;
	s64 in;

	if (vcpu_is_own_lapic(vcpu, gpa)) {
		if (needs_clock(vcpu->lapic, gpa & (SWIVL_PAGE_SIZE - 1)))
			now = host_time_ns();
	} else if (gpa - vm->irqchip->ioapic.base >= IOAPIC_SIZE) {
		return -1;
	}
	flags = chips_lock(vm);
	in = irqchip_mmio(vm->irqchip, vcpu->lapic, gpa, size, write, value, now);
	chips_unlock(vm, vcpu, flags);
	return in;
}

bool vcpu_chips_has_msr(struct vcpu *vcpu, u32 msr)
{
	return vcpu->lapic && (msr == IA32_APIC_BASE || msr == LAPIC_MSR_TSC_DEADLINE ||
			       (msr >= LAPIC_MSR_FIRST && msr <= LAPIC_MSR_LAST));
}

int vcpu_chips_rdmsr(struct vcpu *vcpu, u32 msr, u64 *value)
{
	unsigned long flags;
	int err;

	if (msr == IA32_APIC_BASE) {
		*value = vcpu->lapic->base;
		return 0;
	}
	flags = chips_lock(vcpu->vm);
	err = lapic_rdmsr(vcpu->lapic, msr, value, host_time_ns());
	chips_unlock(vcpu->vm, vcpu, flags);
	return err;
}

int vcpu_chips_wrmsr(struct vcpu *vcpu, u32 msr, u64 value, bool from_guest)
{
	unsigned long flags;
	int err;

	if (msr == IA32_APIC_BASE &&
	    ((value >> vcpu->guest_phys_bits) ||
	     ((value & LAPIC_BASE_X2APIC) && !vcpu_has_cpuid(vcpu, 1, 0, 2, 21))))
		return -SWIVL_EINVAL;
	flags = chips_lock(vcpu->vm);
	if (msr == IA32_APIC_BASE)
		err = lapic_set_base(vcpu->lapic, value, !from_guest);
	else
		err = lapic_wrmsr(vcpu->lapic, msr, value, host_time_ns(), guest_tsc(vcpu));
	vcpu->state.apic_base = vcpu->lapic->base;
	chips_unlock(vcpu->vm, vcpu, flags);
	vcpu->check_events = 1;
	return err;
}

void vcpu_chips_tsc_changed(struct vcpu *vcpu)
{
	unsigned long flags;

	if (!vcpu->lapic)
		return;
	flags = chips_lock(vcpu->vm);
	lapic_advance(vcpu->lapic, host_time_ns(), guest_tsc(vcpu));
	chips_unlock(vcpu->vm, vcpu, flags);
}
