// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * VMX operation on and off on each CPU (SDM vol. 3, 24.7 and 24.8), and which VMCSs a CPU may
 * hold data of: those have to be cleared there before anybody else uses them (25.11.1).
 */
#include "core/vmx/vmx.h"
#include "core/x86/fpu.h"

struct vmx vmx;
bool vmx_stuff_after_exit;

bool vmx_supported(struct refusal_report *why)
{
	struct vmx_controls controls;
	struct vmx_caps caps;
	u64 control, ecx = x86_cpuid(1, 0).ecx;

	if (!(ecx & CPUID_1_ECX_VMX))
		return refuse(why, REFUSE_VMX_CPUID, "CPUID.1:ECX.VMX", CPUID_1_ECX_VMX, ecx);
	control = x86_rdmsr(IA32_FEATURE_CONTROL);
	if ((control & FEATURE_CONTROL_LOCKED) && !(control & FEATURE_CONTROL_VMX))
		return refuse(why, REFUSE_VMX_LOCKED_OFF, "IA32_FEATURE_CONTROL",
			      FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX, control);
	if (x86_read_cr4() & CR4_VMXE)
		return refuse(why, REFUSE_VMX_HELD, "CR4.VMXE", 0, x86_read_cr4());
	if (x86_read_cr4() & CR4_FRED)
		return refuse(why, REFUSE_FRED, "CR4.FRED", 0, x86_read_cr4());
	caps = vmx_read_caps();
	if (!vmx_fixed_ok(x86_read_cr0(), caps.cr0_fixed0, caps.cr0_fixed1))
		return refuse(why, REFUSE_CR0_FIXED, "CR0", caps.cr0_fixed0, x86_read_cr0());
	if (!vmx_fixed_ok(x86_read_cr4() | CR4_VMXE, caps.cr4_fixed0, caps.cr4_fixed1))
		return refuse(why, REFUSE_CR4_FIXED, "CR4", caps.cr4_fixed0, x86_read_cr4());
	return vmx_compute_controls(&caps, &controls, why);
}

/*
 * All MSRs exit but those that the processor switches with the VMCS, or that only read time.
 * SDM vol. 3, 25.6.9: reads of low MSRs, of high ones, writes of low ones, of high ones.
 */
static void fill_msr_bitmap(u8 *bitmap)
{
	static const u32 passed[] = { IA32_SYSENTER_CS, IA32_SYSENTER_ESP, IA32_SYSENTER_EIP,
				      IA32_FS_BASE,     IA32_GS_BASE,      IA32_KERNEL_GS_BASE };

	memset(bitmap, 0xff, SWIVL_PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(passed); i++) {
		u32 bit = (passed[i] & 0x1fff) + (passed[i] >= 0xc0000000 ? 0x2000 : 0);

		bitmap[bit / 8] &= ~(1u << bit % 8);
		bitmap[0x800 + bit / 8] &= ~(1u << bit % 8);
	}
	bitmap[IA32_TIME_STAMP_COUNTER / 8] &= ~(1u << IA32_TIME_STAMP_COUNTER % 8);
}

/*
 * The host's interrupts end a guest's stay, so this limit should never be met. It is for what holds
 * them back: Bochs 2.7 does while a guest runs that was entered with interrupts off, and one that
 * waits for another processor would keep this one for ever. The processor reloads the timer from
 * the VMCS at each entry (SDM vol. 3, 25.5.1), so it costs nothing.
 */
#define STAY_MS 10

static u32 longest_stay(void)
{
	u64 ticks = ((u64)host_tsc_khz() * STAY_MS) >> MISC_TIMER_SHIFT(vmx.caps.misc);

	return ticks < 0xffffffff ? (u32)ticks + 1 : 0xffffffff;
}

/*
 * What the machine's guest may not have as it is: VMX' own; what the VMCS switches and core/vm wants
 * to know; writes of MTRRs, in whose place EPT stands; commands that start processors. And what makes
 * the processor itself write to memory while the hypervisor runs: PEBS to linear addresses (20.4.4),
 * the trace to physical ones, past EPT (26.5.4).
 */
static void fill_msr_bitmap_machine(u8 *bitmap)
{
	static const struct {
		u32 first, last;
		bool read;
	} kept[] = {
		{ IA32_APIC_BASE, IA32_APIC_BASE, false },
		{ IA32_FEATURE_CONTROL, IA32_FEATURE_CONTROL, true },
		{ IA32_MTRR_PHYSBASE0, IA32_MTRR_FIX4K_C0000 + 7, false },
		{ IA32_MTRR_DEF_TYPE, IA32_MTRR_DEF_TYPE, false },
		{ IA32_PAT, IA32_PAT, true },
		{ IA32_PEBS_ENABLE, IA32_PEBS_ENABLE, true },
		{ IA32_VMX_BASIC, IA32_VMX_LAST, true },
		{ IA32_RTIT_FIRST, IA32_RTIT_LAST, true },
		{ IA32_DS_AREA, IA32_DS_AREA, true },
		{ IA32_X2APIC_ICR, IA32_X2APIC_ICR, false },
		{ IA32_EFER, IA32_EFER, true },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kept); i++)
		for (u32 msr = kept[i].first; msr <= kept[i].last; msr++) {
			u32 bit = (msr & 0x1fff) + (msr >= 0xc0000000 ? 0x2000 : 0);

			if (kept[i].read)
				bitmap[bit / 8] |= 1u << bit % 8;
			bitmap[0x800 + bit / 8] |= 1u << bit % 8;
		}
}

bool vmx_start(struct refusal_report *why)
{
	struct refusal_report machine;
	unsigned int i, n = host_cpu_limit();
	bool ok;

	memset(&vmx, 0, sizeof(vmx));
	vmx.caps = vmx_read_caps();
	if (!vmx_compute_controls(&vmx.caps, &vmx.controls, why))
		return false;
	/* Used only where the machine is made a guest, which asks whether they are there. */
	vmx.machine_possible = vmx_compute_machine_controls(&vmx.caps, &vmx.machine_controls, &machine);
	fpu_start();
	vmx.mitigate = vmx_mitigations();
	vmx_stuff_after_exit = vmx.mitigate.stuff_rsb;
	vmx.canonical_shift = x86_read_cr4() & CR4_LA57 ? 7 : 16;
	host_spin_init(&vmx.vpid_lock);
	host_mutex_init(&vmx.vms_lock);
	vmx.stay = longest_stay();
	vmx.has_tsc_aux = vmx.controls.secondary & SECONDARY_RDTSCP;
	vmx.msr_bitmap = host_page_alloc();
	vmx.msr_bitmap_filtered = host_page_alloc();
	vmx.msr_bitmap_machine = host_page_alloc();
	vmx.vpids = host_page_alloc();
	vmx.cpus = host_alloc(n * sizeof(*vmx.cpus));
	ok = vmx.msr_bitmap && vmx.msr_bitmap_filtered && vmx.msr_bitmap_machine && vmx.vpids &&
	     vmx.cpus;
	for (i = 0; ok && i < n; i++) {
		vmx.cpus[i].region = host_page_alloc();
		ok = vmx.cpus[i].region != NULL;
	}
	if (!ok) {
		vmx_stop();
		return refuse(why, REFUSE_NO_MEMORY, NULL, n + 3, 0);
	}
	fill_msr_bitmap(vmx.msr_bitmap);
	fill_msr_bitmap_machine(vmx.msr_bitmap_machine);
	memset(vmx.msr_bitmap_filtered, 0xff, SWIVL_PAGE_SIZE);
	return true;
}

void vmx_stop(void)
{
	for (unsigned int i = 0; vmx.cpus && i < host_cpu_limit(); i++)
		host_page_free(vmx.cpus[i].region);
	host_free(vmx.cpus);
	host_page_free(vmx.vpids);
	host_page_free(vmx.msr_bitmap);
	host_page_free(vmx.msr_bitmap_filtered);
	host_page_free(vmx.msr_bitmap_machine);
	memset(&vmx, 0, sizeof(vmx));
}

/* Nothing that an earlier hypervisor left in this CPU may be taken for ours. */
static void flush_all(void)
{
	struct vmx_invept ept = { 0, 0 };
	struct vmx_invvpid vpid = { 0, 0 };

	if (vmx.caps.ept_vpid & EPT_CAP_INVEPT_ALL)
		vmx_invept(INVEPT_ALL, &ept);
	if ((vmx.caps.ept_vpid & VPID_CAP_INVVPID) && (vmx.caps.ept_vpid & VPID_CAP_ALL))
		vmx_invvpid(INVVPID_ALL, &vpid);
}

bool vmx_cpu_enable(struct refusal_report *why)
{
	struct vmx_cpu *cpu = &vmx.cpus[host_cpu()];
	struct vmx_caps caps = vmx_read_caps();
	u32 revision = BASIC_REVISION(caps.basic);
	u64 control = x86_rdmsr(IA32_FEATURE_CONTROL), pa = host_page_pa(cpu->region);

	if (memcmp(&caps, &vmx.caps, sizeof(caps)))
		return refuse(why, REFUSE_MIXED_CPUS, "VMX capability MSRs", vmx.caps.basic,
			      caps.basic);
	if (x86_read_cr4() & CR4_VMXE)
		return refuse(why, REFUSE_VMX_HELD, "CR4.VMXE", 0, x86_read_cr4());
	if (!(control & FEATURE_CONTROL_LOCKED)) {
		/* Firmware left the choice to us; it holds until the next reset. */
		x86_wrmsr(IA32_FEATURE_CONTROL,
			  control | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
		control = x86_rdmsr(IA32_FEATURE_CONTROL);
		if (!(control & FEATURE_CONTROL_LOCKED) || !(control & FEATURE_CONTROL_VMX))
			return refuse(why, REFUSE_VMX_UNLOCKED_FAIL, "IA32_FEATURE_CONTROL",
				      FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX, control);
	}
	memcpy(cpu->region, &revision, sizeof(revision));
	if (!host_cr4_change(CR4_VMXE, 0))
		return refuse(why, REFUSE_CR4_HELD, "CR4.VMXE", CR4_VMXE, x86_read_cr4());
	if (vmx_vmxon(pa) != VMX_SUCCEED) {
		host_cr4_change(0, CR4_VMXE);
		return refuse(why, REFUSE_VMXON_FAILED, "VMXON", pa, revision);
	}
	cpu->on = true;
	cpu->current = NULL;
	cpu->active = NULL;
	vmx_host_cpu_init(cpu);
	flush_all();
	return true;
}

/* On the CPU where it is active, interrupts off. */
static void clear_here(void *arg)
{
	struct vmx_vcpu *v = arg;
	struct vmx_cpu *cpu = &vmx.cpus[host_cpu()];

	if (v->cpu != (int)host_cpu() || !cpu->on)
		return;
	if (vmx_vmclear(v->pa) != VMX_SUCCEED)
		vm_die(v->vcpu->vm, "VMCLEAR failed");
	v->sw.launched = false;
	v->after |= VMX_AFTER_LAUNCH;
	v->sw.host_rsp = 0;
	if (cpu->current == v)
		cpu->current = NULL;
	if (v->prev)
		v->prev->next = v->next;
	else
		cpu->active = v->next;
	if (v->next)
		v->next->prev = v->prev;
	v->next = v->prev = NULL;
	v->vcpu->cpu = -1;
	__atomic_store_n(&v->cpu, -1, __ATOMIC_RELEASE);
}

void vmx_cpu_disable(void)
{
	struct vmx_cpu *cpu = &vmx.cpus[host_cpu()];

	if (!cpu->on)
		return;
	while (cpu->active)
		clear_here(cpu->active);
	cpu->on = false;
	if (vmx_vmxoff() != VMX_SUCCEED)
		host_log(HOST_LOG_ERROR, "VMXOFF failed on CPU %u", host_cpu());
	host_cr4_change(0, CR4_VMXE);
}

void vmx_deactivate(struct vmx_vcpu *v)
{
	int cpu = __atomic_load_n(&v->cpu, __ATOMIC_ACQUIRE);

	/* A CPU that went offline meanwhile has cleared it on its way. */
	if (cpu >= 0)
		host_on_cpu(cpu, clear_here, v);
}

bool vmx_activate(struct vmx_vcpu *v)
{
	int here = (int)host_cpu();
	struct vmx_cpu *cpu = &vmx.cpus[here];
	bool moved = v->cpu != here;

	if (!cpu->on) {
		v->before |= VMX_BEFORE_FAILED;
		vm_die(v->vcpu->vm, "VMX is off on this CPU");
		return false;
	}
	if (moved) {
		v->cpu = here;
		v->vcpu->cpu = here;
		v->prev = NULL;
		v->next = cpu->active;
		if (v->next)
			v->next->prev = v;
		cpu->active = v;
	}
	v->here = cpu;
	if (cpu->current != v) {
		if (vmx_vmptrld(v->pa) != VMX_SUCCEED) {
			v->before |= VMX_BEFORE_FAILED;
			vm_die(v->vcpu->vm, "VMPTRLD failed");
		}
		if (vmx.mitigate.ibpb)
			x86_wrmsr(IA32_PRED_CMD, PRED_CMD_IBPB);
		cpu->current = v;
	}
	return moved;
}
