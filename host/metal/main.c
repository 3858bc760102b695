// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The order in which the home comes up, and its way back to the loader where it cannot. */
#include "core/machine/machine.h"
#include "core/vendor.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"
#include "host/metal/acpi.h"
#include "host/metal/metal.h"

struct metal metal;

bool metal_refuse(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format_text(metal.info.refusal, sizeof(metal.info.refusal), fmt, args);
	va_end(args);
	metal_logf(BOOT_LOG_ERRORS, "%s", metal.info.refusal);
	return false;
}

/* More than any BIOS tells: a number beyond is none. */
#define MAX_MEMORY 512u

static bool copy_memory(void)
{
	u32 n = metal.info.bios_memory_count;

	if (!n || n > MAX_MEMORY)
		return metal_refuse("the loader names %u ranges of memory", n);
	metal.memory = host_alloc(n * sizeof(*metal.memory));
	if (!metal.memory)
		return metal_refuse("too little memory for the list of memory");
	memcpy(metal.memory, (const void *)metal.info.bios_memory, n * sizeof(*metal.memory));
	metal.memory_count = n;
	return true;
}

static const void *rom_at(void *arg, u64 pa, u32 size)
{
	return pa + size <= 0x100000 ? host_page_va(pa) : NULL;
}

static void find_acpi(void)
{
	struct acpi_memory m = { .at = rom_at };
	u16 ebda;

	memcpy(&ebda, host_page_va(0x40e), sizeof(ebda));
	metal.acpi_root = acpi_find_root(&m, (u64)ebda << 4);
}

static bool start_core(void)
{
	char line[sizeof(metal.info.refusal)];
	struct refusal_report why;

	if (swivl_start(&why))
		return true;
	swivl_refusal_line(&why, line, sizeof(line));
	/* Who it is that speaks, log and loader say, too. */
	return metal_refuse("%s", line + (memcmp(line, "swivl: ", 7) ? 0 : 7));
}

static struct machine *machine;
static int create_error;

static void configure(struct machine_config *c)
{
	const struct boot_start *s = &metal.info.start;

	*c = (struct machine_config){
		.hidden_base = metal.info.range_base,
		.hidden_size = metal.info.range_size,
		.ncpus = metal.ncpus,
		.start = { .eax = s->eax, .ebx = s->ebx, .ecx = s->ecx, .edx = s->edx, .esi = s->esi,
			   .edi = s->edi, .ebp = s->ebp, .esp = s->esp, .eflags = s->eflags,
			   .cs = s->cs, .ip = s->ip, .ds = s->ds, .es = s->es, .fs = s->fs,
			   .gs = s->gs, .ss = s->ss, .gdt_limit = s->gdt_limit,
			   .idt_limit = s->idt_limit, .gdt_base = s->gdt_base,
			   .idt_base = s->idt_base, .cr0 = s->cr0 },
	};
	_Static_assert(MACHINE_BRAND_SIZE == BOOT_BRAND_SIZE, "the brand");
	memcpy(c->brand, metal.info.config.brand, sizeof(c->brand));
}

static void create_cpu(void *arg)
{
	struct metal_cpu *cpu = metal_cpu(host_cpu());
	int err = machine_cpu_create(machine, cpu->apic_id, cpu->index == 0, &cpu->vcpu);

	if (!err)
		metal_logf(BOOT_LOG_INFO, "CPU %u, local APIC %u: %s is on", cpu->index,
			   cpu->apic_id, vendor->name);
	else
		__atomic_store_n(&create_error, err, __ATOMIC_RELEASE);
}

static void run_cpu(void *arg)
{
	machine_run(metal_cpu(host_cpu())->vcpu);
}

/* The boot processor's first: it is number 0 of the guest, too. */
static bool start_machine(void)
{
	struct machine_config config;
	int err;

	configure(&config);
	err = machine_create(&config, &machine);
	if (!err) {
		for (u32 i = 0; i < metal.ncpus && !create_error; i++)
			host_on_cpu(i, create_cpu, NULL);
		err = create_error;
	}
	if (!err)
		return true;
	if (machine)
		machine_destroy(machine);
	return metal_refuse("the machine cannot become a guest: error %d", err);
}

/* What the whole takes of the machine's memory: the same on each, and page tables for what it has. */
static void tell_place(void)
{
	extern const struct metal_image metal_link;
	const struct boot_info *i = &metal.info;

	metal_logf(BOOT_LOG_INFO,
		   "version " SWIVL_VERSION ", at %llx, %u KiB and %llu KiB for page tables, image %llu KiB",
		   i->range_base, metal_link.range_size >> 10,
		   (i->range_size - metal_link.range_size) >> 10, i->image_size >> 10);
}

/* On our own tables and stack. Returns: refused. */
static void run(void)
{
	memory_direct();
	exceptions_cpu_start(metal_cpu(0));
	metal_cpu(0)->here = 1;
	find_acpi();
	time_start();
	tell_place();
	if (cpus_start() && start_core()) {
		if (start_machine()) {
			metal_logf(BOOT_LOG_INFO, "%u processors, %u KiB free", metal.ncpus,
				   memory_pages_free() * 4);
			metal_logf(BOOT_LOG_INFO, "the guest starts at %x:%x, drive %x",
				   metal.info.start.cs, metal.info.start.ip, metal.info.drive);
			cpus_run(run_cpu, NULL);
		}
		swivl_stop();
	}
	cpus_stop();
}

static bool begin(void)
{
	u64 cr3 = 0;

	memory_start();
	if (!copy_memory())
		return false;
	x86_wrmsr(IA32_EFER, x86_rdmsr(IA32_EFER) |
				     (x86_cpuid(0x80000001, 0).edx & 1u << 20 ? EFER_NXE : 0));
	metal.ncpus = 1;
	if (!paging_create(&cr3) || !cpus_slot(0, 0))
		return metal_refuse("too little memory for page tables");
	metal_switch(cr3, CPU_PAGE(0, CPU_STACK + CPU_STACK_PAGES), run);
	return false;
}

/* From entry.S, for the loader. */
void metal_begin(struct boot_info *info)
{
	if (info->magic != BOOT_INFO_MAGIC || info->version != BOOT_INFO_VERSION ||
	    info->size < sizeof(*info))
		return;
	metal.info = *info;
	log_start();
	begin();
	memcpy(info->refusal, metal.info.refusal, sizeof(info->refusal));
	info->refusal[sizeof(info->refusal) - 1] = 0;
}
