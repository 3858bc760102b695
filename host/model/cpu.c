// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The modelled processor's instructions, and a vendor whose hardware is a structure. */
#include "host/model/model.h"
#include "core/vm/loop.h"
#include "core/x86/fpu.h"
#include "core/x86/regs.h"

void (*model_guest)(struct vcpu *vcpu, struct model_hw *hw);
unsigned long model_entries, model_loads;
u32 model_features;

/* ---- instructions --------------------------------------------------------------------------------- */

#define CPUIDS 64
static struct {
	u32 leaf, subleaf;
	struct x86_cpuid answer;
} cpuids[CPUIDS];
static unsigned int ncpuids;

void model_cpuid_set(u32 leaf, u32 subleaf, struct x86_cpuid answer)
{
	unsigned int i;

	for (i = 0; i < ncpuids; i++)
		if (cpuids[i].leaf == leaf && cpuids[i].subleaf == subleaf)
			break;
	if (i == CPUIDS)
		return;
	if (i == ncpuids)
		ncpuids++;
	cpuids[i].leaf = leaf;
	cpuids[i].subleaf = subleaf;
	cpuids[i].answer = answer;
}

struct x86_cpuid x86_cpuid(u32 leaf, u32 subleaf)
{
	struct x86_cpuid none = { 0 };
	unsigned int i;

	for (i = 0; i < ncpuids; i++)
		if (cpuids[i].leaf == leaf && cpuids[i].subleaf == subleaf)
			return cpuids[i].answer;
	return none;
}

/* An Intel processor that has everything that its leaves can say, VMX and MONITOR included. */
static void all_features(void)
{
	const u32 all = 0xffffffff;
	u32 i;

	model_cpuid_set(0, 0, (struct x86_cpuid){ 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69 });
	model_cpuid_set(1, 0, (struct x86_cpuid){ 0x306c3, 0x05100800, all, all });
	model_cpuid_set(2, 0, (struct x86_cpuid){ 0x76036301, 0xf0b5ff, 0, 0xc10000 });
	for (i = 0; i < 4; i++)
		model_cpuid_set(4, i, (struct x86_cpuid){ 0x1c004121 + i, 0x1c0003f, 0x3f, 0 });
	model_cpuid_set(5, 0, (struct x86_cpuid){ 0x40, 0x40, 3, 0x42120 });
	model_cpuid_set(6, 0, (struct x86_cpuid){ 0x77, 2, 9, 0 });
	model_cpuid_set(7, 0, (struct x86_cpuid){ 2, all, all, all });
	model_cpuid_set(7, 1, (struct x86_cpuid){ all, all, all, all });
	model_cpuid_set(0xa, 0, (struct x86_cpuid){ 0x07300403, 0, 0, 0x603 });
	model_cpuid_set(0xb, 0, (struct x86_cpuid){ 1, 2, 0x100, 5 });
	model_cpuid_set(0xd, 0, (struct x86_cpuid){ 0x2ff, 2696, 2696, 0 });
	model_cpuid_set(0xd, 1, (struct x86_cpuid){ 0xf, 2440, 0x100, 0 });
	model_cpuid_set(0xd, 2, (struct x86_cpuid){ 256, 576, 0, 0 });
	model_cpuid_set(0xd, 5, (struct x86_cpuid){ 64, 1088, 0, 0 });
	model_cpuid_set(0xd, 6, (struct x86_cpuid){ 500, 1152, 0, 0 });
	model_cpuid_set(0xd, 7, (struct x86_cpuid){ 1024, 1664, 2, 0 });
	model_cpuid_set(0xd, 9, (struct x86_cpuid){ 8, 2688, 0, 0 });
	model_cpuid_set(0x80000000, 0, (struct x86_cpuid){ 0x80000008, 0, 0, 0 });
	model_cpuid_set(0x80000001, 0, (struct x86_cpuid){ 0, 0, all, all });
	model_cpuid_set(0x80000007, 0, (struct x86_cpuid){ 0, 0, 0, 0x100 });
	model_cpuid_set(0x80000008, 0, (struct x86_cpuid){ 0x3030, all, all, all });
}

u64 x86_rdtsc(void)
{
	return model_time_ns / 1000 * (model_tsc_khz / 1000);
}

u64 x86_xgetbv(void)
{
	return XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU;
}

/* MXCSR_MASK is what the core asks FXSAVE for. */
void x86_fxsave(void *area)
{
	u32 mask = 0xffff;

	memcpy((u8 *)area + 28, &mask, sizeof(mask));
}

void x86_fxrstor(const void *area)
{
}

void x86_xsave(void *area, u64 mask)
{
}

void x86_xrstor(const void *area, u64 mask)
{
}

/* Weak: a test may have MSRs of its own. */
__attribute__((weak)) u64 x86_rdmsr(u32 msr)
{
	return 0;
}

__attribute__((weak)) void x86_wrmsr(u32 msr, u64 value)
{
}

/* ---- the vendor ------------------------------------------------------------------------------------ */

#define GROUP(bit, member) \
	if (groups & (bit)) \
	to->member = from->member

static void copy_groups(struct vcpu_state *to, const struct vcpu_state *from, u32 groups)
{
	GROUP(STATE_RIP, rip);
	GROUP(STATE_RFLAGS, rflags);
	GROUP(STATE_CR, cr0);
	GROUP(STATE_CR, cr4);
	GROUP(STATE_CR, efer);
	GROUP(STATE_CR3, cr3);
	if (groups & STATE_SEG)
		memcpy(to->seg, from->seg, sizeof(to->seg));
	GROUP(STATE_MODE, seg[SEG_CS].attr);
	GROUP(STATE_MODE, seg[SEG_SS].attr);
	GROUP(STATE_TABLES, gdt);
	GROUP(STATE_TABLES, idt);
	GROUP(STATE_SYSENTER, sysenter_cs);
	GROUP(STATE_SYSENTER, sysenter_esp);
	GROUP(STATE_SYSENTER, sysenter_eip);
	GROUP(STATE_DR7, dr7);
	GROUP(STATE_DR7, debugctl);
	GROUP(STATE_SHADOW, shadow);
	if (groups & STATE_PDPTR)
		memcpy(to->pdptr, from->pdptr, sizeof(to->pdptr));
	GROUP(STATE_PENDING_DEBUG, pending_debug);
	GROUP(STATE_SYSCALL, star);
	GROUP(STATE_SYSCALL, lstar);
	GROUP(STATE_SYSCALL, cstar);
	GROUP(STATE_SYSCALL, fmask);
	GROUP(STATE_SYSCALL, kernel_gs_base);
	GROUP(STATE_SYSCALL, tsc_aux);
	GROUP(STATE_PAT, pat);
	GROUP(STATE_TSC, tsc_offset);
}

/* Make every use of state that was not asked for visible; EFER is promised to be good always. */
static void poison(struct vcpu *vcpu)
{
	struct vcpu_state bad;
	u64 efer = vcpu->state.efer;

	memset(&bad, 0xa5, sizeof(bad));
	copy_groups(&vcpu->state, &bad, STATE_ALL);
	vcpu->state.efer = efer;
	vcpu->gpr[RSP] = bad.rip;
}

static void model_fetch(struct vcpu *vcpu, u32 groups)
{
	struct model_hw *hw = vcpu->vendor_data;

	/* A vendor may have to read them from the guest's memory. */
	if ((groups & STATE_PDPTR) && !vcpu->in_section)
		model_must_hold(&vcpu->vm->mem_lock);
	copy_groups(&vcpu->state, &hw->state, groups);
	if (groups & STATE_RSP)
		vcpu->gpr[RSP] = hw->rsp;
}

static void model_store(struct vcpu *vcpu, u32 groups)
{
	struct model_hw *hw = vcpu->vendor_data;

	copy_groups(&hw->state, &vcpu->state, groups);
	if (groups & STATE_RSP)
		hw->rsp = vcpu->gpr[RSP];
}

/* Nothing interrupts a model, unless a test wants it. */
void (*model_interrupt)(void);

void x86_irq_off(void)
{
}

void x86_irq_on(void)
{
	if (model_interrupt)
		model_interrupt();
}

static void model_enter(struct vcpu *vcpu)
{
	struct model_hw *hw = vcpu->vendor_data;

	model_store(vcpu, vcpu->dirty);
	vcpu->dirty = 0;
	hw->injected = vcpu->event;
	vcpu->event.type = EVENT_NONE;
	model_entries++;
	vcpu->exit = (struct exit){ .kind = EXIT_HLT, .length = 1 };
	poison(vcpu);
	if (model_guest)
		model_guest(vcpu, hw);
	vcpu->state.efer = hw->state.efer;
	vcpu->valid = 0;
}

static int model_run(struct vcpu *vcpu)
{
	return vcpu_loop(vcpu, model_enter);
}

static bool model_present(void)
{
	return true;
}

static bool model_ok(struct refusal_report *why)
{
	return true;
}

static void model_nothing(void)
{
}

static bool model_start(struct refusal_report *why)
{
	fpu_start();
	return true;
}

static int model_vm_create(struct vm *vm)
{
	return 0;
}

static void model_vm_destroy(struct vm *vm)
{
}

static int model_vcpu_create(struct vcpu *vcpu)
{
	vcpu->vendor_data = host_alloc(sizeof(struct model_hw));
	return vcpu->vendor_data ? 0 : -SWIVL_ENOMEM;
}

static void model_vcpu_destroy(struct vcpu *vcpu)
{
	host_free(vcpu->vendor_data);
}

static void model_load(struct vcpu *vcpu, bool for_run)
{
	vcpu->loaded = true;
	model_loads += for_run;
}

static void model_unload(struct vcpu *vcpu)
{
	vcpu->loaded = false;
}

static unsigned int model_stage2_bits(void)
{
	return 40;
}

static u32 model_vendor_features(void)
{
	return model_features;
}

/* Bits of its own, so that nothing works by the accident of one vendor's numbers. */
static const struct stage2_format format = {
	.table = 0x1 | 0x40, .leaf = 0x1 | 0x400, .write = 0x2, .large = 0x100, .present = 0x1,
	.exec = 0x400, .type = 7ull << 52, .type_shift = 52,
};

static bool model_absent(void)
{
	return false;
}

const struct vendor vmx_vendor = {
	.name = "model",
	.id = SWIVL_VENDOR_VMX,
	.stage2 = &format,
	.present = model_present,
	.supported = model_ok,
	.start = model_start,
	.stop = model_nothing,
	.cpu_enable = model_ok,
	.cpu_disable = model_nothing,
	.vm_create = model_vm_create,
	.vm_destroy = model_vm_destroy,
	.vcpu_create = model_vcpu_create,
	.vcpu_destroy = model_vcpu_destroy,
	.load = model_load,
	.unload = model_unload,
	.run = model_run,
	.fetch = model_fetch,
	.store = model_store,
	.stage2_bits = model_stage2_bits,
	.features = model_vendor_features,
};
const struct vendor svm_vendor = { .name = "none", .present = model_absent };

void model_cpu_reset(void)
{
	ncpuids = 0;
	all_features();
	model_guest = NULL;
	model_interrupt = NULL;
	model_entries = model_loads = 0;
	model_features = VENDOR_RDTSCP | VENDOR_INVPCID;
}
