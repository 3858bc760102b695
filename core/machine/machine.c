// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Life of the machine as a guest, and the loop in which each of its processors runs. */
#include "core/machine/internal.h"
#include "core/swivl.h"

/* Bits of CR4 that a guest may set, by what the processor has; what VMX and SMX need stays hidden. */
static const struct {
	u64 cr4;
	u32 leaf;
	u8 reg, bit;
} cr4_bits[] = {
	{ CR4_VME | CR4_PVI, 1, 3, 1 }, { CR4_TSD, 1, 3, 4 },	     { CR4_DE, 1, 3, 2 },
	{ CR4_PSE, 1, 3, 3 },		{ CR4_PAE, 1, 3, 6 },	     { CR4_MCE, 1, 3, 7 },
	{ CR4_PGE, 1, 3, 13 },		{ CR4_OSFXSR, 1, 3, 24 },    { CR4_OSXMMEXCPT, 1, 3, 25 },
	{ CR4_OSXSAVE, 1, 2, 26 },	{ CR4_PCIDE, 1, 2, 17 },     { CR4_FSGSBASE, 7, 1, 0 },
	{ CR4_SMEP, 7, 1, 7 },		{ CR4_SMAP, 7, 1, 20 },	     { CR4_UMIP, 7, 2, 2 },
	{ CR4_PKE, 7, 2, 3 },		{ CR4_LA57, 7, 2, 16 },	     { CR4_CET, 7, 2, 7 },
	{ CR4_PKS, 7, 2, 31 },
};

static u64 cr4_allowed(void)
{
	u32 last = x86_cpuid(0, 0).eax;
	u64 allowed = CR4_PCE;

	for (unsigned int i = 0; i < ARRAY_SIZE(cr4_bits); i++) {
		struct x86_cpuid c = x86_cpuid(cr4_bits[i].leaf <= last ? cr4_bits[i].leaf : 0, 0);
		u32 regs[] = { c.eax, c.ebx, c.ecx, c.edx };

		if (cr4_bits[i].leaf <= last && (regs[cr4_bits[i].reg] >> cr4_bits[i].bit & 1))
			allowed |= cr4_bits[i].cr4;
	}
	return allowed;
}

static u64 efer_allowed(void)
{
	struct x86_cpuid c = x86_cpuid(0x80000001, 0);
	u64 allowed = EFER_SCE | EFER_LME | EFER_LMA;

	allowed |= c.edx & 1u << 20 ? EFER_NXE : 0;
	allowed |= c.edx & 1u << 25 ? 1ull << 14 : 0; /* FFXSR */
	allowed |= c.ecx & 1u << 17 ? 1ull << 15 : 0; /* TCE */
	if (x86_cpuid(0x80000000, 0).eax >= 0x80000021 && (x86_cpuid(0x80000021, 0).eax & 1u << 8))
		allowed |= 1ull << 21; /* automatic IBRS */
	return allowed;
}

int machine_create(const struct machine_config *config, struct machine **out)
{
	struct machine *m = host_alloc(sizeof(*m));
	unsigned int bits = 36;
	int err;

	if (!m)
		return -SWIVL_ENOMEM;
	m->config = *config;
	host_mutex_init(&m->lock);
	mtrr_read(&m->mtrrs);
	err = vm_create(&m->vm);
	if (err) {
		host_free(m);
		return err;
	}
	m->vm->machine = m;
	m->vm->machine_efer = efer_allowed();
	m->vm->stage2.mtrrs = &m->mtrrs;
	m->vm->stage2.no_large_exec = false; /* who could stop the machine by it has the machine */
	if (!vendor->init_exits || config->ncpus > 1)
		m->apic = x86_rdmsr(IA32_APIC_BASE) & 0x000ffffffffff000ull;
	if (x86_cpuid(0x80000000, 0).eax >= 0x80000008)
		bits = x86_cpuid(0x80000008, 0).eax & 0xff;
	err = machine_memory_create(m, bits);
	*out = m;
	return err;
}

void machine_destroy(struct machine *m)
{
	struct vm *vm = m->vm;

	/* A reference for the machine, and one for each of its processors. */
	for (u32 i = vm->nvcpus; i; i--)
		swivl_object_put(OBJECT_VM, vm);
	swivl_object_put(OBJECT_VM, vm);
	host_free(m);
}

/* ---- processors ----------------------------------------------------------------------------------- */

static void real_segment(struct segment *s, u16 selector)
{
	s->selector = selector;
	s->base = (u64)selector << 4;
}

static void start_state(struct vcpu *vcpu, const struct machine_start *start)
{
	struct vcpu_state *s = &vcpu->state;

	vcpu->gpr[RAX] = start->eax;
	vcpu->gpr[RBX] = start->ebx;
	vcpu->gpr[RCX] = start->ecx;
	vcpu->gpr[RDX] = start->edx;
	vcpu->gpr[RSI] = start->esi;
	vcpu->gpr[RDI] = start->edi;
	vcpu->gpr[RBP] = start->ebp;
	vcpu->gpr[RSP] = start->esp;
	s->rflags = (start->eflags & RFLAGS_DEFINED & ~RFLAGS_VM) | RFLAGS_ONE;
	s->rip = start->ip;
	s->cr0 = (start->cr0 & CR0_DEFINED & ~(CR0_PE | CR0_PG)) | CR0_ET;
	real_segment(&s->seg[SEG_CS], start->cs);
	real_segment(&s->seg[SEG_DS], start->ds);
	real_segment(&s->seg[SEG_ES], start->es);
	real_segment(&s->seg[SEG_FS], start->fs);
	real_segment(&s->seg[SEG_GS], start->gs);
	real_segment(&s->seg[SEG_SS], start->ss);
	s->gdt = (struct table_reg){ start->gdt_base, start->gdt_limit };
	s->idt = (struct table_reg){ start->idt_base, start->idt_limit };
}

static int add_cpu(struct machine *m, u32 apic_id, struct vcpu **out)
{
	struct vm *vm = m->vm;
	int err = vcpu_create(vm, vm->nvcpus, out);

	if (!err)
		m->cpus[(*out)->index].apic_id = apic_id;
	return err;
}

int machine_cpu_create(struct machine *m, u32 apic_id, bool boot, struct vcpu **out)
{
	struct vcpu *vcpu;
	int err;

	host_mutex_lock(&m->lock);
	err = add_cpu(m, apic_id, &vcpu);
	host_mutex_unlock(&m->lock);
	if (err)
		return err;
	vcpu->cr4_reserved = ~cr4_allowed();
	vcpu->guest_phys_bits = 0;
	for (u64 a = m->mtrrs.address; a; a >>= 1)
		vcpu->guest_phys_bits++;
	/* What may be in XCR0 (SDM vol. 1, 13.3); it stays in the processor. */
	if (x86_cpuid(0, 0).eax >= 0xd) {
		struct x86_cpuid c = x86_cpuid(0xd, 0);

		vcpu->cpuid_xcr0 = c.eax | (u64)c.edx << 32;
	}
	vcpu->gpr[RDX] = x86_cpuid(1, 0).eax;
	vcpu->state.pat = x86_rdmsr(IA32_PAT);
	vcpu->state.apic_base = x86_rdmsr(IA32_APIC_BASE);
	if (boot)
		start_state(vcpu, &m->config.start);
	else
		m->cpus[vcpu->index].start = CPU_WAITS;
	*out = vcpu;
	return 0;
}

/* ---- the loop --------------------------------------------------------------------------------------- */

/* NMIs that met the hypervisor instead of the guest; INIT, of which an NMI told. */
COLD void take_events(struct vcpu *vcpu, const u32 *start)
{
	u32 nmis = machine_home_nmis();

	if (__atomic_load_n(start, __ATOMIC_RELAXED) != CPU_RUNS)
		machine_take_init(vcpu);
	else if (nmis)
		vcpu_queue_nmi(vcpu);
	if (vcpu->check_events && vcpu_prepare_events(vcpu) == HANDLED_USER)
		machine_report(vcpu, "triple fault");
}

/* The road of every exit: the guest waits. */
void machine_run(struct vcpu *vcpu)
{
	const u32 *start = &machine_of(vcpu)->cpus[vcpu->index].start;
	const struct vendor_way way = { machine_cpuid, machine_home_nmi_count() };

	machine_apic_start(vcpu);
	vendor->load(vcpu, true);
	if (*start != CPU_RUNS)
		machine_wait_sipi(vcpu);
	for (;;) {
		if (__atomic_load_n(way.wanted, __ATOMIC_RELAXED) ||
		    __atomic_load_n(start, __ATOMIC_RELAXED) != CPU_RUNS || vcpu->check_events)
			take_events(vcpu, start);
		/* Memory types have changed: what is cached of the second level goes. */
		if (vcpu->stage2_generation !=
		    __atomic_load_n(&vcpu->vm->stage2.generation, __ATOMIC_ACQUIRE))
			vendor->load(vcpu, true);
		vendor->enter(vcpu, &way);
		vcpu->exits[vcpu->exit.kind]++;
		if (vcpu->event.type || vcpu->held.type)
			vcpu->check_events = 1;
		machine_exit(vcpu);
	}
}
