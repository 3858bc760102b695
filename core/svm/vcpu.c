// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Life of a VMCB: made, set up in the manual's order (APM vol. 2, appendix B), given back; the
 * address space identifiers of guests (15.16); sections.
 */
#include "core/svm/svm.h"

static void setup(struct svm_vcpu *v)
{
	struct vmcb_control *c = &v->vmcb->control;

	/*
	 * Of CR3 the guest does what it likes. CR0 and CR4 are read as the guest has them but where
	 * the processor has to have more: see state.c.
	 */
	c->read_cr = 1u << 8;
	c->write_cr = 1u << 0 | 1u << 4 | 1u << 8;
	c->read_dr = c->write_dr = 0xffff;
	c->intercepts = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT |
			INTERCEPT_RDPMC | INTERCEPT_CPUID | INTERCEPT_RSM | INTERCEPT_INVD |
			INTERCEPT_HLT | INTERCEPT_INVLPGA | INTERCEPT_IOIO | INTERCEPT_MSR |
			INTERCEPT_TASK_SWITCH | INTERCEPT_FERR_FREEZE | INTERCEPT_SHUTDOWN;
	c->intercepts2 = INTERCEPT2_VMRUN | INTERCEPT2_VMMCALL | INTERCEPT2_VMLOAD |
			 INTERCEPT2_VMSAVE | INTERCEPT2_STGI | INTERCEPT2_CLGI | INTERCEPT2_SKINIT |
			 INTERCEPT2_ICEBP | INTERCEPT2_WBINVD | INTERCEPT2_MONITOR |
			 INTERCEPT2_MWAIT | INTERCEPT2_XSETBV | INTERCEPT2_RDPRU;
	c->iopm_pa = host_page_pa(svm.iopm);
	c->msrpm_pa = host_page_pa(svm.msrpm);
	c->virtual_interrupt = V_INTR_MASKING;
	c->nested_paging = 1;
	c->nested_cr3 = v->vcpu->vm->vendor_data ? host_page_pa(v->vcpu->vm->vendor_data) :
						   v->vcpu->vm->stage2.root_pa;
	v->vmcb->save.dr6 = DR6_ONES;
}

/* The machine itself: interrupts, ports, control and debug registers are the guest's own. */
static void setup_machine(struct svm_vcpu *v)
{
	struct vmcb_control *c = &v->vmcb->control;

	c->read_cr = c->write_cr = 0;
	c->read_dr = c->write_dr = 0;
	c->intercepts = INTERCEPT_NMI | INTERCEPT_INIT | INTERCEPT_CPUID | INTERCEPT_INVLPGA |
			INTERCEPT_MSR | INTERCEPT_SHUTDOWN;
	c->intercepts2 = INTERCEPT2_VMRUN | INTERCEPT2_VMMCALL | INTERCEPT2_VMLOAD |
			 INTERCEPT2_VMSAVE | INTERCEPT2_STGI | INTERCEPT2_CLGI | INTERCEPT2_SKINIT |
			 INTERCEPT2_XSETBV;
	c->msrpm_pa = host_page_pa(svm.msrpm_machine);
	c->virtual_interrupt = 0;
}

static void vcpu_free(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);

	host_page_free(v->vmcb);
	host_free(v);
	vcpu->vendor_data = NULL;
}

static int svm_vcpu_create(struct vcpu *vcpu)
{
	struct svm_vcpu *v = host_alloc(sizeof(*v));

	if (!v)
		return -SWIVL_ENOMEM;
	vcpu->vendor_data = v;
	v->vcpu = vcpu;
	v->cpu = -1;
	v->vmcb = host_page_alloc();
	if (!v->vmcb) {
		vcpu_free(vcpu);
		return -SWIVL_ENOMEM;
	}
	v->pa = host_page_pa(v->vmcb);
	v->before = svm.verw ? SVM_BEFORE_VERW : 0;
	v->serial = __atomic_add_fetch(&svm.serial, 1, __ATOMIC_RELAXED);
	setup(v);
	if (vcpu->vm->machine)
		setup_machine(v);
	return 0;
}

/* ---- address space identifiers ------------------------------------------------------------- */

/*
 * With nothing cached under its new number the guest needs no flush; when the numbers are used up
 * all of them are flushed at once.
 */
void svm_new_asid(struct svm_vcpu *v)
{
	struct vmcb_control *c = &v->vmcb->control;
	struct svm_cpu *cpu = v->here;

	if (v->generation == cpu->generation && v->cpu >= 0 &&
	    (svm.caps.features & SVM_FLUSH_BY_ASID)) {
		c->tlb_control = TLB_FLUSH_GUEST;
		return;
	}
	c->tlb_control = 0;
	if (cpu->next_asid >= svm.caps.asids) {
		cpu->generation++;
		cpu->next_asid = 1;
		c->tlb_control = TLB_FLUSH_ALL;
	}
	v->generation = cpu->generation;
	c->asid = cpu->next_asid++;
	c->clean &= ~CLEAN_ASID;
}

/* ---- sections ------------------------------------------------------------------------------- */

static inline void arrive(struct svm_vcpu *v, struct svm_cpu *cpu, int here)
{
	if (!cpu->on) {
		v->before |= SVM_BEFORE_FAILED;
		vm_die(v->vcpu->vm, "SVM is off on this CPU");
		return;
	}
	if (v->cpu != here || v->generation != cpu->generation) {
		v->before |= SVM_BEFORE_FLUSH;
		v->generation = 0;
		v->vmcb->control.clean = 0; /* what this CPU may have kept is another's, or old */
		v->cpu = here;
		v->vcpu->cpu = here;
	}
	if (cpu->last != v->serial) {
		cpu->last = v->serial;
		if (svm.ibpb)
			x86_wrmsr(IA32_PRED_CMD, PRED_CMD_IBPB);
	}
}

static void svm_load(struct vcpu *vcpu, bool for_run)
{
	struct svm_vcpu *v = to_svm(vcpu);
	unsigned int cpu;
	u64 generation;

	vcpu->loaded = true;
	if (!for_run)
		return;
	cpu = host_cpu();
	v->here = &svm.cpus[cpu];
	arrive(v, v->here, (int)cpu);
	generation = __atomic_load_n(&vcpu->vm->stage2.generation, __ATOMIC_ACQUIRE);
	if (vcpu->stage2_generation != generation) {
		vcpu->stage2_generation = generation;
		v->before |= SVM_BEFORE_FLUSH;
		/* With a filter all MSRs exit: what it permits is then asked of the table. */
		v->vmcb->control.msrpm_pa = host_page_pa(vcpu->vm->machine    ? svm.msrpm_machine :
							 vcpu->vm->msr_filter ? svm.msrpm_filtered :
										svm.msrpm);
		v->vmcb->control.clean &= ~CLEAN_MAPS;
	}
	if (vcpu->vm->machine)
		return;
	v->before &= ~SVM_BEFORE_HOST_DEBUG;
	if (x86_read_dr(7) != DR7_ONE)
		v->before |= SVM_BEFORE_HOST_DEBUG;
	live_begin(vcpu, &v->live);
	/* XSAVES cannot be kept from a guest: it has to find nothing that is the supervisor's. */
	if (v->here->xss)
		x86_wrmsr(IA32_XSS, 0);
	v->tsc_aux = v->here->tsc_aux;
	if (v->tsc_aux != vcpu->state.tsc_aux)
		svm_load_tsc_aux(vcpu);
}

static void svm_unload(struct vcpu *vcpu)
{
	struct svm_vcpu *v = to_svm(vcpu);

	vcpu->loaded = false;
	if (!v->live.on)
		return;
	/* Without it XSETBV is #UD. */
	if (v->vmcb->save.cr4 & CR4_OSXSAVE)
		svm_sync_xcr0(vcpu);
	live_end(vcpu, &v->live);
	if (v->here->xss)
		x86_wrmsr(IA32_XSS, v->here->xss);
	if (v->tsc_aux != v->here->tsc_aux)
		x86_wrmsr(IA32_TSC_AUX, v->here->tsc_aux);
	if (v->dr6_dirty)
		x86_write_dr(6, DR6_ONES);
	v->dr6_dirty = false;
}

static void count_vms(s32 change)
{
	host_mutex_lock(&svm.vms_lock);
	svm.vms += change;
	host_mutex_unlock(&svm.vms_lock);
}

/*
 * Nested tables have as many levels as the host's own (APM vol. 2, 15.25.3). Where those are five,
 * one with a single entry stands above the root.
 */
static int svm_vm_create(struct vm *vm)
{
	if (x86_read_cr4() & CR4_LA57) {
		u64 *top = host_page_alloc();

		if (!top)
			return -SWIVL_ENOMEM;
		top[0] = vm->stage2.root_pa | npt_format.table;
		vm->vendor_data = top;
	}
	count_vms(1);
	return 0;
}

static void svm_vm_destroy(struct vm *vm)
{
	host_page_free(vm->vendor_data);
	vm->vendor_data = NULL;
	count_vms(-1);
}

#define CPUID_X1_EDX_1G (1u << 26)

/* RDTSCP and INVPCID need no control to work in a guest; nested tables are like the processor's own. */
static u32 svm_features(void)
{
	return VENDOR_INVPCID | (svm.has_tsc_aux ? VENDOR_RDTSCP : 0) |
	       (x86_cpuid(0x80000001, 0).edx & CPUID_X1_EDX_1G ? VENDOR_HUGE : 0);
}

const struct vendor svm_vendor = {
	.name = "AMD-V",
	.id = SWIVL_VENDOR_SVM,
	.stage2 = &npt_format,
	.present = svm_present,
	.supported = svm_supported,
	.start = svm_start,
	.stop = svm_stop,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.vm_create = svm_vm_create,
	.vm_destroy = svm_vm_destroy,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = vcpu_free,
	.load = svm_load,
	.unload = svm_unload,
	.run = svm_run,
	.enter = svm_enter_machine,
	.fetch = svm_fetch,
	.store = svm_store,
	.stage2_bits = svm_stage2_bits,
	.features = svm_features,
	.selftest = svm_selftest,
};
