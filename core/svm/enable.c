// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* SVM on and off on each CPU (APM vol. 2, 15.4 and 15.30), and the permission maps. */
#include "core/svm/svm.h"
#include "core/x86/fpu.h"

struct svm svm;
bool svm_stuff_after_exit;

bool svm_present(void)
{
	u32 ebx = x86_cpuid(0, 0).ebx;

	return ebx == 0x68747541 || ebx == 0x6f677948; /* "Auth" enticAMD, "Hygo" nGenuine */
}

#define CPUID_X1F_EAX_SME (1u << 0)

static u32 extended(u32 leaf, struct x86_cpuid *c)
{
	*c = (struct x86_cpuid){ 0 };
	if (x86_cpuid(0x80000000, 0).eax >= leaf)
		*c = x86_cpuid(leaf, 0);
	return c->eax;
}

/*
 * With SME the system's page tables mark what is encrypted by an address bit, the root included
 * (APM vol. 2, 7.10.3). Physical addresses in a VMCB and in nested tables would need it, too.
 */
static bool encrypts_memory(void)
{
	struct x86_cpuid c;

	return (extended(0x8000001f, &c) & CPUID_X1F_EAX_SME) &&
	       (x86_read_cr3() >> (c.ebx & 63) & 1);
}

bool svm_supported(struct refusal_report *why)
{
	struct x86_cpuid c;
	struct svm_caps caps;
	u64 efer;

	extended(0x80000001, &c);
	if (!(c.ecx & CPUID_X1_ECX_SVM))
		return refuse(why, REFUSE_SVM_CPUID, "CPUID.80000001h:ECX.SVM", CPUID_X1_ECX_SVM,
			      c.ecx);
	if (!svm_check_vm_cr(x86_rdmsr(AMD_VM_CR), why))
		return false;
	efer = x86_rdmsr(IA32_EFER);
	if (efer & EFER_SVME)
		return refuse(why, REFUSE_SVM_HELD, "EFER.SVME", 0, efer);
	if (x86_read_cr4() & CR4_FRED)
		return refuse(why, REFUSE_FRED, "CR4.FRED", 0, x86_read_cr4());
	if (encrypts_memory())
		return refuse(why, REFUSE_SME, "CR3, its encryption bit", 0, 1);
	caps = svm_read_caps();
	return svm_check_caps(&caps, why);
}

/*
 * All MSRs exit but those that VMLOAD and VMSAVE switch. 15.11: two bits each, for reads and for
 * writes; 2 KiB for low MSRs, 2 KiB for those from C0000000h, 2 KiB from C0010000h.
 */
static void fill_msrpm(u8 *map)
{
	static const u32 passed[] = { IA32_SYSENTER_CS, IA32_SYSENTER_ESP, IA32_SYSENTER_EIP,
				      IA32_STAR,        IA32_LSTAR,        IA32_CSTAR,
				      IA32_FMASK,       IA32_FS_BASE,      IA32_GS_BASE,
				      IA32_KERNEL_GS_BASE };

	memset(map, 0xff, MSRPM_PAGES * SWIVL_PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(passed); i++) {
		u32 n = (passed[i] & 0x1fff) + (passed[i] >= 0xc0000000 ? 0x2000 : 0);

		map[n / 4] &= ~(3u << n % 4 * 2);
	}
}

/*
 * The machine's guest has all MSRs but SVM's own; with the local APIC it could start processors of
 * which nobody knows. The processor itself combines nested paging's memory types with the MTRRs, but
 * a large page must not have several of them.
 */
static void fill_msrpm_machine(u8 *map)
{
	static const u32 low[] = { IA32_APIC_BASE, IA32_X2APIC_ICR, IA32_MTRR_DEF_TYPE };
	static const u32 high[] = { AMD_VM_CR, AMD_VM_HSAVE_PA, AMD_SVM_KEY };
	const u32 efer = (IA32_EFER & 0x1fff) + 0x2000;

	memset(map, 0, MSRPM_PAGES * SWIVL_PAGE_SIZE);
	map[efer / 4] |= 3u << efer % 4 * 2;
	for (unsigned int i = 0; i < ARRAY_SIZE(low); i++)
		map[low[i] / 4] |= 2u << low[i] % 4 * 2;
	for (unsigned int i = 0; i < ARRAY_SIZE(high); i++) {
		u32 n = (high[i] & 0x1fff) + 0x4000;

		map[n / 4] |= 3u << n % 4 * 2;
	}
}

/*
 * Automatic IBRS also keeps the return stack buffer the host's (CPUID 8000_0021, EFER). But where
 * returns can be mistrained (SRSO), the home has something to do at the end of x86_stuff_rsb.
 */
#define CPUID_X21_EAX_AUTO_IBRS (1u << 8)
#define EFER_AUTO_IBRS (1ull << 21)
#define CPUID_X21_EAX_SRSO_NO (1u << 29)
#define CPUID_X21_EAX_VERW_CLEAR (1u << 5)
#define CPUID_X21_ECX_TSA_NO (1u << 1 | 1u << 2) /* neither of its two kinds */
#define CPUID_X8_EBX_IBPB (1u << 12)

static void choose_mitigations(void)
{
	struct x86_cpuid c;
	bool automatic = (extended(0x80000021, &c) & CPUID_X21_EAX_AUTO_IBRS) &&
			 (x86_rdmsr(IA32_EFER) & EFER_AUTO_IBRS);

	svm_stuff_after_exit = !automatic || !(c.eax & CPUID_X21_EAX_SRSO_NO);
	svm.verw = (c.eax & CPUID_X21_EAX_VERW_CLEAR) &&
		   (c.ecx & CPUID_X21_ECX_TSA_NO) != CPUID_X21_ECX_TSA_NO;
	extended(0x80000008, &c);
	svm.ibpb = c.ebx & CPUID_X8_EBX_IBPB;
}

#define CPUID_HYPERVISOR 0x40000000u

/* "TCGTCGTCGTCG" */
static bool is_qemu(void)
{
	return (x86_cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) &&
	       x86_cpuid(CPUID_HYPERVISOR, 0).ebx == 0x54474354;
}

static bool alloc_cpus(void)
{
	unsigned int i, n = host_cpu_limit();

	svm.cpus = host_alloc(n * sizeof(*svm.cpus));
	for (i = 0; svm.cpus && i < n; i++) {
		svm.cpus[i].save = host_page_alloc();
		svm.cpus[i].host = host_page_alloc();
		if (!svm.cpus[i].save || !svm.cpus[i].host)
			return false;
		svm.cpus[i].host_pa = host_page_pa(svm.cpus[i].host);
	}
	return svm.cpus;
}

bool svm_start(struct refusal_report *why)
{
	struct x86_cpuid c;

	memset(&svm, 0, sizeof(svm));
	svm.caps = svm_read_caps();
	if (!svm_check_caps(&svm.caps, why))
		return false;
	fpu_start();
	choose_mitigations();
	host_mutex_init(&svm.vms_lock);
	extended(0x80000001, &c);
	svm.has_tsc_aux = c.edx & CPUID_X1_EDX_RDTSCP;
	svm.has_xss = x86_cpuid(0, 0).eax >= 0xd &&
		      (x86_cpuid(0xd, 1).eax & CPUID_D1_EAX_XSAVES);
	svm.qemu = is_qemu();
	svm.iopm = host_pages_alloc(IOPM_PAGES);
	svm.msrpm = host_pages_alloc(MSRPM_PAGES);
	svm.msrpm_filtered = host_pages_alloc(MSRPM_PAGES);
	svm.msrpm_machine = host_pages_alloc(MSRPM_PAGES);
	if (!svm.iopm || !svm.msrpm || !svm.msrpm_filtered || !svm.msrpm_machine || !alloc_cpus()) {
		svm_stop();
		return refuse(why, REFUSE_NO_MEMORY, NULL, 2 * host_cpu_limit() + 8, 0);
	}
	memset(svm.iopm, 0xff, IOPM_PAGES * SWIVL_PAGE_SIZE);
	fill_msrpm(svm.msrpm);
	memset(svm.msrpm_filtered, 0xff, MSRPM_PAGES * SWIVL_PAGE_SIZE);
	fill_msrpm_machine(svm.msrpm_machine);
	return true;
}

void svm_stop(void)
{
	for (unsigned int i = 0; svm.cpus && i < host_cpu_limit(); i++) {
		host_page_free(svm.cpus[i].save);
		host_page_free(svm.cpus[i].host);
	}
	host_free(svm.cpus);
	host_pages_free(svm.iopm, IOPM_PAGES);
	host_pages_free(svm.msrpm, MSRPM_PAGES);
	host_pages_free(svm.msrpm_filtered, MSRPM_PAGES);
	host_pages_free(svm.msrpm_machine, MSRPM_PAGES);
	memset(&svm, 0, sizeof(svm));
}

bool svm_cpu_enable(struct refusal_report *why)
{
	struct svm_cpu *cpu = &svm.cpus[host_cpu()];
	struct svm_caps caps = svm_read_caps();
	u64 efer = x86_rdmsr(IA32_EFER);

	if (memcmp(&caps, &svm.caps, sizeof(caps)))
		return refuse(why, REFUSE_MIXED_CPUS, "CPUID.8000000Ah", svm.caps.features,
			      caps.features);
	/* Firmware may treat CPUs differently: where it is disabled, setting SVME faults. */
	if (!svm_check_vm_cr(x86_rdmsr(AMD_VM_CR), why))
		return false;
	if (efer & EFER_SVME)
		return refuse(why, REFUSE_SVM_HELD, "EFER.SVME", 0, efer);
	x86_wrmsr(IA32_EFER, efer | EFER_SVME);
	x86_wrmsr(AMD_VM_HSAVE_PA, host_page_pa(cpu->save));
	cpu->on = true;
	cpu->last = 0;
	/* Nothing that was cached here before may be taken for ours: the first entry flushes. */
	cpu->generation++;
	cpu->next_asid = svm.caps.asids;
	if (svm.has_tsc_aux)
		cpu->tsc_aux = x86_rdmsr(IA32_TSC_AUX);
	cpu->xss = svm.has_xss ? x86_rdmsr(IA32_XSS) : 0;
	return true;
}

void svm_cpu_disable(void)
{
	struct svm_cpu *cpu = &svm.cpus[host_cpu()];

	if (!cpu->on)
		return;
	cpu->on = false;
	x86_wrmsr(AMD_VM_HSAVE_PA, 0);
	x86_wrmsr(IA32_EFER, x86_rdmsr(IA32_EFER) & ~(u64)EFER_SVME);
}
