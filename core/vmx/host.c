// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The host's state around guests. The processor itself switches what stands in the VMCS's host
 * fields; the rest is switched here once a section, and only where guest and host differ:
 * MSRs, FPU and XCR0, debug registers. Exits also lose some host state for good (SDM vol. 3,
 * 28.5): selectors that host fields cannot hold, the LDT, the limits of GDT, IDT and task.
 */
#include "core/vmx/vmx.h"

static const u32 switched_msrs[VMX_SWITCHED_MSRS] = {
	[SWITCHED_STAR] = IA32_STAR,       [SWITCHED_LSTAR] = IA32_LSTAR,
	[SWITCHED_CSTAR] = IA32_CSTAR,     [SWITCHED_FMASK] = IA32_FMASK,
	[SWITCHED_TSC_AUX] = IA32_TSC_AUX,
};

/* ---- per CPU ------------------------------------------------------------------------------- */

#define TSS_LIMIT_AFTER_EXIT 0x67u

/* The descriptor of the running task, if its limit is another than an exit leaves. */
static u64 *long_task(struct vmx_cpu *cpu)
{
	unsigned int index = x86_str() / 8;
	u64 *task = &cpu->gdt_copy[index];

	if (index + 1 >= ARRAY_SIZE(cpu->gdt_copy))
		return NULL;
	if ((*task & 0xffff) == TSS_LIMIT_AFTER_EXIT && !(*task >> 48 & 0xf))
		return NULL;
	return task;
}

void vmx_host_cpu_init(struct vmx_cpu *cpu)
{
	size_t size;

	for (unsigned int i = 0; i < VMX_SWITCHED_MSRS; i++)
		if (i != SWITCHED_TSC_AUX || vmx.has_tsc_aux)
			cpu->msr[i] = x86_rdmsr(switched_msrs[i]);
	cpu->gdt = x86_sgdt();
	cpu->idt = x86_sidt();
	size = (size_t)cpu->gdt.limit + 1;
	memset(cpu->gdt_copy, 0, sizeof(cpu->gdt_copy));
	memcpy(cpu->gdt_copy, (void *)(size_t)cpu->gdt.base,
	       size < sizeof(cpu->gdt_copy) ? size : sizeof(cpu->gdt_copy));
	cpu->task = long_task(cpu);
}

/* Base of a system descriptor in 64-bit mode (SDM vol. 3, 3.5.2, 7.2.3). */
static u64 descriptor_base(const u64 *d)
{
	return (d[0] >> 16 & 0xffffff) | (d[0] >> 56) << 24 | d[1] << 32;
}

u64 vmx_host_tr_base(void)
{
	return descriptor_base((u64 *)(size_t)(x86_sgdt().base + (x86_str() & ~7)));
}

void vmx_host_cpu_fields(struct vcpu *vcpu)
{
	struct vmx_cpu *cpu = &vmx.cpus[host_cpu()];

	vmcs_write_16(vcpu, HOST_CS_SELECTOR, x86_read_cs() & ~7);
	vmcs_write_16(vcpu, HOST_SS_SELECTOR, x86_read_ss() & ~7);
	vmcs_write_16(vcpu, HOST_TR_SELECTOR, x86_str() & ~7);
	vmcs_write_N(vcpu, HOST_CR0, x86_read_cr0());
	vmcs_write_N(vcpu, HOST_GS_BASE, x86_rdmsr(IA32_GS_BASE));
	vmcs_write_N(vcpu, HOST_GDTR_BASE, cpu->gdt.base);
	vmcs_write_N(vcpu, HOST_IDTR_BASE, cpu->idt.base);
	vmcs_write_N(vcpu, HOST_TR_BASE, vmx_host_tr_base());
	vmcs_write_32(vcpu, HOST_SYSENTER_CS, x86_rdmsr(IA32_SYSENTER_CS));
	vmcs_write_N(vcpu, HOST_SYSENTER_ESP, x86_rdmsr(IA32_SYSENTER_ESP));
	vmcs_write_N(vcpu, HOST_SYSENTER_EIP, x86_rdmsr(IA32_SYSENTER_EIP));
	vmcs_write_64(vcpu, HOST_PAT, x86_rdmsr(IA32_PAT));
	vmcs_write_64(vcpu, HOST_EFER, x86_rdmsr(IA32_EFER));
}

/* ---- MSRs ------------------------------------------------------------------------------------ */

/* The address with its upper bits as the processor wants them: WRMSR of another would fault. */
static u64 canonical(u64 address)
{
	return (u64)((s64)(address << vmx.canonical_shift) >> vmx.canonical_shift);
}

static inline void switch_msr(struct vmx_vcpu *v, enum vmx_switched_msr i, u64 value)
{
	if (v->msr[i] == value)
		return;
	v->msr[i] = value;
	x86_wrmsr(switched_msrs[i], value);
}

void vmx_load_msrs(struct vcpu *vcpu)
{
	const struct vcpu_state *s = &vcpu->state;
	struct vmx_vcpu *v = to_vmx(vcpu);

	switch_msr(v, SWITCHED_STAR, s->star);
	switch_msr(v, SWITCHED_LSTAR, canonical(s->lstar));
	switch_msr(v, SWITCHED_CSTAR, canonical(s->cstar));
	switch_msr(v, SWITCHED_FMASK, (u32)s->fmask);
	if (vmx.has_tsc_aux)
		switch_msr(v, SWITCHED_TSC_AUX, (u32)s->tsc_aux);
	x86_wrmsr(IA32_KERNEL_GS_BASE, canonical(s->kernel_gs_base));
}

/* ---- what exits lose ------------------------------------------------------------------------- */

void vmx_host_remember(struct vmx_host *h)
{
	h->ds = x86_read_ds();
	h->es = x86_read_es();
	h->fs = x86_read_fs();
	h->gs = x86_read_gs();
	h->ldtr = x86_sldt();
	h->fs_base = x86_rdmsr(IA32_FS_BASE);
	h->kernel_gs_base = x86_rdmsr(IA32_KERNEL_GS_BASE);
	h->dr7 = x86_read_dr(7);
	h->debugctl = x86_rdmsr(IA32_DEBUGCTL);
}

/*
 * Loading a selector faults where its descriptor is gone, and another thread of the process may
 * have taken it away. Such a register gets 0, as the system itself would do.
 */
static u16 loadable(u16 selector)
{
	u32 rights = x86_lar(selector);
	bool present = rights & 1u << 15, segment = rights & 1u << 12;
	bool readable = !(rights & 1u << 11) || rights & 1u << 9;

	return present && segment && readable ? selector : 0;
}

static void restore_selectors(const struct vmx_host *h)
{
	if (h->ldtr)
		x86_lldt(h->ldtr);
	if (h->ds)
		x86_load_ds(loadable(h->ds));
	if (h->es)
		x86_load_es(loadable(h->es));
	if (h->fs) {
		x86_load_fs(loadable(h->fs));
		x86_wrmsr(IA32_FS_BASE, h->fs_base);
	}
	if (h->gs)
		x86_load_gs_swapped(loadable(h->gs));
}

/*
 * Exits leave GDT and IDT limits of 0xffff and a task limit of 0x67. A task can only be loaded
 * while its descriptor says "available", and the system's own GDT may be read-only: so LTR is
 * done from a copy, of which nothing but that one descriptor is ever used.
 */
static void restore_tables(struct vmx_cpu *cpu)
{
	struct x86_table copy = { sizeof(cpu->gdt_copy) - 1, (size_t)cpu->gdt_copy };

	if (cpu->task) {
		*cpu->task &= ~(2ull << 40);
		x86_lgdt(&copy);
		x86_ltr(x86_str());
	}
	x86_lgdt(&cpu->gdt);
	x86_lidt(&cpu->idt);
}

void vmx_host_recover(struct vmx_cpu *cpu, const struct vmx_host *h)
{
	restore_tables(cpu);
	restore_selectors(h);
	x86_wrmsr(IA32_KERNEL_GS_BASE, h->kernel_gs_base);
}

/* ---- sections -------------------------------------------------------------------------------- */

void vmx_host_save(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);
	struct vmx_host *h = &v->host;
	u64 fs_base = h->fs_base;

	vmx_host_remember(h);
	if (fs_base != h->fs_base)
		vmcs_write_N(vcpu, HOST_FS_BASE, h->fs_base);
	if (vmx.mitigate.spec_ctrl) {
		h->spec_ctrl = x86_rdmsr(IA32_SPEC_CTRL);
		v->after &= ~VMX_AFTER_SPEC_CTRL;
		if (vmx.mitigate.legacy_ibrs && (h->spec_ctrl & SPEC_CTRL_IBRS))
			v->after |= VMX_AFTER_SPEC_CTRL;
	}
	if (vmx.mitigate.flush_l1d)
		v->before |= VMX_BEFORE_L1D;
	v->before &= ~VMX_BEFORE_HOST_DEBUG;
	if (h->dr7 != DR7_ONE || h->debugctl)
		v->before |= VMX_BEFORE_HOST_DEBUG;
	memcpy(v->msr, v->here->msr, sizeof(v->msr));

	live_begin(vcpu, &v->live);
	vmx_load_msrs(vcpu);
}

void vmx_host_restore(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = to_vmx(vcpu);

	/* A value that was not stored yet is newer than the processor's. */
	if (!(vcpu->valid & STATE_SYSCALL)) {
		vcpu->state.kernel_gs_base = x86_rdmsr(IA32_KERNEL_GS_BASE);
		vcpu->valid |= STATE_SYSCALL;
	}
	live_end(vcpu, &v->live);
	for (unsigned int i = 0; i < VMX_SWITCHED_MSRS; i++)
		switch_msr(v, i, v->here->msr[i]);
	x86_irq_off();
	vmx_host_recover(v->here, &v->host);
	x86_irq_on();
}
