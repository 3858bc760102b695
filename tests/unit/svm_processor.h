/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Two modelled processors with SVM, as far as core/svm can tell: registers, MSRs, VMRUN with the
 * checks of APM vol. 2, 15.5.1 that tests need, and a guest that is a function. Whatever a real
 * processor would answer with a fault fails the test.
 */
#ifndef SVM_PROCESSOR_H
#define SVM_PROCESSOR_H

#include <stdlib.h>
#include "core/svm/svm.h"
#include "core/vm/events.h"

#define CPUS 2

struct cpu_model {
	u64 cr4, dr[8], xcr0;
	u64 efer, vm_cr, save_pa, tsc_aux, pat;
	u64 fs_base, star; /* for all of their kind */
	u64 xss;
	unsigned int entries, flushes, ibpbs, int18s, verws;
};

static struct cpu_model cpus[CPUS];
static int this_cpu;
#define CPU (&cpus[this_cpu])

/* ---- what tests set ------------------------------------------------------------------------ */

/* Called for each entry that is not refused; it sets the exit. */
static void (*guest)(struct vmcb *vmcb, u64 *gpr);
static u32 cpuid_x1_ecx, cpuid_8a_ebx, cpuid_8a_edx;
static u8 code[64]; /* the guest's instructions, at 0x1000 */
#define CODE_AT 0x1000u
static u8 memory[64]; /* the guest's, at guest physical 0 */
static bool entry_refused; /* VMRUN answers VMEXIT_INVALID, and leaves what QEMU leaves */

/* ---- registers ------------------------------------------------------------------------------ */

static u64 *msr_of(u32 msr)
{
	static u64 sink;

	switch (msr) {
	case IA32_EFER:
		return &CPU->efer;
	case AMD_VM_CR:
		return &CPU->vm_cr;
	case AMD_VM_HSAVE_PA:
		return &CPU->save_pa;
	case IA32_TSC_AUX:
		return &CPU->tsc_aux;
	case IA32_XSS:
		return &CPU->xss;
	case IA32_PAT:
		return &CPU->pat;
	case IA32_FS_BASE:
	case IA32_GS_BASE:
	case IA32_KERNEL_GS_BASE:
		return &CPU->fs_base;
	case IA32_STAR:
	case IA32_LSTAR:
	case IA32_CSTAR:
	case IA32_FMASK:
	case IA32_SYSENTER_CS:
	case IA32_SYSENTER_ESP:
	case IA32_SYSENTER_EIP:
		return &CPU->star;
	case IA32_PRED_CMD:
		CPU->ibpbs++;
		return &sink;
	}
	fail_msg("#GP: MSR %x", msr);
	return &sink;
}

u64 x86_rdmsr(u32 msr) { return *msr_of(msr); }
void x86_wrmsr(u32 msr, u64 value) { *msr_of(msr) = value; }

struct x86_cpuid x86_cpuid(u32 leaf, u32 subleaf)
{
	switch (leaf) {
	case 0:
		return (struct x86_cpuid){ .eax = 0xd, .ebx = 0x68747541 };
	case 1:
		return (struct x86_cpuid){ .ecx = CPUID_1_ECX_OSXSAVE };
	case 0xd:
		return (struct x86_cpuid){ .eax = CPUID_D1_EAX_XSAVES };
	case 0x80000000:
		return (struct x86_cpuid){ .eax = 0x80000021 };
	case 0x80000021:
		return (struct x86_cpuid){ .eax = 1u << 5 };
	case 0x80000001:
		return (struct x86_cpuid){ .ecx = cpuid_x1_ecx, .edx = CPUID_X1_EDX_RDTSCP };
	case 0x80000008:
		return (struct x86_cpuid){ .eax = 0x3030, .ebx = 1u << 12 };
	case 0x8000000a:
		return (struct x86_cpuid){ .eax = 1, .ebx = cpuid_8a_ebx, .edx = cpuid_8a_edx };
	}
	return (struct x86_cpuid){ 0 };
}

u64 x86_read_cr4(void) { return CPU->cr4; }
u64 x86_read_dr(unsigned int n) { return CPU->dr[n]; }
void x86_write_dr(unsigned int n, u64 value) { CPU->dr[n] = value; }
u64 x86_xgetbv(void) { return CPU->xcr0; }
void x86_xsetbv(u64 value) { CPU->xcr0 = value; }
void x86_xsave(void *area, u64 mask) { assert_int_equal(CPU->xcr0 & mask, mask); }
void x86_xrstor(const void *area, u64 mask) { assert_int_equal(CPU->xcr0 & mask, mask); }
void x86_fxsave(void *area) { }
void x86_fxrstor(const void *area) { }
void x86_int18(void) { CPU->int18s++; }
void x86_verw(void) { CPU->verws++; }

/* ---- SVM -------------------------------------------------------------------------------------- */

void svm_enter(u64 *gpr, u64 vmcb_pa, u64 host_pa)
{
	struct vmcb *vmcb = (struct vmcb *)(size_t)vmcb_pa;
	struct vmcb_control *c = &vmcb->control;

	if (!(CPU->efer & EFER_SVME))
		fail_msg("#UD: VMRUN with EFER.SVME clear");
	if ((vmcb_pa | host_pa | CPU->save_pa) & 0xfff || !CPU->save_pa || !host_pa)
		fail_msg("#GP: VMRUN with an address that is not page-aligned");
	if (entry_refused || !(c->intercepts2 & INTERCEPT2_VMRUN) || !c->asid ||
	    c->asid >= cpuid_8a_ebx || !(vmcb->save.efer & EFER_SVME)) {
		memset(&vmcb->save, 0x55, sizeof(vmcb->save));
		c->exit_code = ~0ull;
		return;
	}
	CPU->entries++;
	CPU->flushes += c->tlb_control != 0;
	c->exit_info[0] = c->exit_info[1] = c->exit_int_info = 0;
	guest(vmcb, gpr);
	c->event_inj &= ~EVENT_INJ_VALID;
	CPU->dr[7] = DR7_ONE;
}

/* What the instruction alone would raise; only where it raises something. */
u32 svm_try_vmrun(u64 pa, u64 *idt)
{
	if (!(CPU->efer & EFER_SVME))
		return VECTOR_UD;
	return pa & 0xfff ? VECTOR_GP : 0;
}

u32 svm_try_clgi(u64 *idt) { return CPU->efer & EFER_SVME ? 0 : VECTOR_UD; }
void svm_vmsave(u64 pa) { }
u64 x86_read_cr0(void) { return CR0_PE | CR0_PG; }
u64 x86_read_cr3(void) { return 0x1000; }
u16 x86_read_cs(void) { return 0x10; }
u16 x86_read_ss(void) { return 0x18; }
u16 x86_read_ds(void) { return 0; }
u16 x86_read_es(void) { return 0; }
u16 x86_read_fs(void) { return 0; }
u16 x86_read_gs(void) { return 0; }
u16 x86_str(void) { return 0x40; }
u16 x86_sldt(void) { return 0; }
u32 x86_lar(u16 selector) { return selector ? 0x00a09b00 : 0; }
u32 x86_lsl(u16 selector) { return 0xffffffff; }
struct x86_table x86_sgdt(void) { return (struct x86_table){ 0x7f, 0x1000 }; }
struct x86_table x86_sidt(void) { return (struct x86_table){ 0xfff, 0x2000 }; }

/* ---- the host, and what core/svm uses of core/vm ------------------------------------------------ */

static long allocations;
static long fail_alloc;
static const char *died;

static void *take(size_t size)
{
	if (fail_alloc && !--fail_alloc)
		return NULL;
	allocations++;
	return memset(aligned_alloc(4096, (size + 4095) & ~4095ul), 0, (size + 4095) & ~4095ul);
}

void *host_page_alloc(void) { return take(4096); }
void *host_pages_alloc(unsigned int n) { return take(n * 4096); }
void *host_alloc(size_t size) { return take(size); }
void host_free(void *p) { allocations -= p != NULL; free(p); }
void host_page_free(void *p) { host_free(p); }
void host_pages_free(void *p, unsigned int n) { host_free(p); }
u64 host_page_pa(const void *p) { return (size_t)p; }
unsigned int host_cpu(void) { return this_cpu; }
unsigned int host_cpu_limit(void) { return CPUS; }
int host_on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	int before = this_cpu;

	if (cpu >= CPUS)
		return -SWIVL_ENXIO;
	this_cpu = cpu;
	fn(arg);
	this_cpu = before;
	return 0;
}
void host_log(enum host_log level, const char *fmt, ...) { }
void host_mutex_init(struct host_mutex *m) { }
void host_mutex_lock(struct host_mutex *m) { }
void host_mutex_unlock(struct host_mutex *m) { }
void vm_die(struct vm *vm, const char *why) { died = why; }

void vcpu_need_slow(struct vcpu *vcpu, u32 groups)
{
	svm_vendor.fetch(vcpu, groups & ~vcpu->valid);
	vcpu->valid |= groups | (groups & STATE_SEG ? STATE_MODE : 0);
}

static const u8 *kept; /* the code, where the last walk is still good */
const u8 *vcpu_code_at(struct vcpu *vcpu, const struct fetch *f, u64 linear) { return kept; }

int vcpu_fetch(struct vcpu *vcpu, struct fetch *f, struct insn *insn, enum decode_mode mode,
	       u64 linear)
{
	if (linear < CODE_AT || linear >= CODE_AT + sizeof(code)) {
		vcpu->exception.type = EVENT_EXCEPTION;
		vcpu->state.cr2 = linear;
		return RAISED;
	}
	return decode(insn, code + linear - CODE_AT, sizeof(code) - (linear - CODE_AT), mode) ?
		       -SWIVL_EOPNOTSUPP : SERVED;
}

int vcpu_translate(struct vcpu *vcpu, u64 linear, u8 access, u64 *gpa)
{
	*gpa = linear;
	return linear < sizeof(memory) - 32 ? SERVED : RAISED;
}

int vm_read_guest(struct vm *vm, u64 gpa, void *dst, size_t size, bool may_sleep)
{
	memcpy(dst, memory + gpa, size);
	return 0;
}

int vm_write_guest(struct vm *vm, u64 gpa, const void *src, size_t size, bool may_sleep)
{
	memcpy(memory + gpa, src, size);
	return 0;
}

static u8 raised;
void vcpu_raise(struct vcpu *vcpu, u8 vector) { raised = vector; }

void vcpu_instruction_done_slow(struct vcpu *vcpu, u64 rip)
{
	fail_msg("no test here steps or has a shadow when it is carried out by us");
}

static void processors_reset(void)
{
	memset(cpus, 0, sizeof(cpus));
	for (int i = 0; i < CPUS; i++) {
		cpus[i].xcr0 = 7;
		cpus[i].xss = 0x1800; /* CET */
		cpus[i].cr4 = CR4_MCE | CR4_PAE;
		cpus[i].efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
		cpus[i].tsc_aux = i;
		cpus[i].dr[7] = DR7_ONE;
		cpus[i].dr[6] = DR6_ONES;
	}
	cpuid_x1_ecx = CPUID_X1_ECX_SVM;
	cpuid_8a_ebx = 4;
	cpuid_8a_edx = SVM_NESTED_PAGING;
	this_cpu = 0;
	entry_refused = false;
	died = NULL;
	raised = 0;
	memset(code, 0x90, sizeof(code));
}

#endif
