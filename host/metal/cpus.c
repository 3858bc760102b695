// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * All processors: found by ACPI's MADT, started by INIT and SIPI (SDM vol. 3, 9.4.4), and told what
 * to do by a word in memory that each looks at until its guest runs.
 */
#include "core/machine/machine.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"
#include "host/metal/acpi.h"
#include "host/metal/metal.h"

static struct host_spin job_lock;

/* ---- who is where -------------------------------------------------------------------------------- */

/* Each stack is in its processor's slot, the ones for exceptions, too. */
unsigned int host_cpu(void)
{
	u64 rsp;

	asm volatile("mov %%rsp, %0" : "=r"(rsp));
	return (unsigned int)((rsp - CPU_MAP) >> CPU_SLOT_SHIFT);
}

unsigned int host_cpu_limit(void)
{
	return metal.ncpus;
}

static bool slot_pages(u32 index, unsigned int page, unsigned int n)
{
	void *pages = host_pages_alloc(n);

	return pages && paging_map(CPU_PAGE(index, page), host_page_pa(pages), n * SWIVL_PAGE_SIZE,
				   MAP_WRITE);
}

bool cpus_slot(u32 index, u32 apic_id)
{
	_Static_assert(sizeof(struct metal_cpu) <= SWIVL_PAGE_SIZE, "one page");
	struct metal_cpu *data = host_page_alloc();

	if (!data)
		return false;
	data->index = index;
	data->apic_id = apic_id;
	return slot_pages(index, CPU_STACK, CPU_STACK_PAGES) && slot_pages(index, CPU_STACK_NMI, 1) &&
	       slot_pages(index, CPU_STACK_DF, 1) && slot_pages(index, CPU_STACK_MC, 1) &&
	       paging_map(CPU_PAGE(index, CPU_DATA), host_page_pa(data), SWIVL_PAGE_SIZE, MAP_WRITE);
}

/* ---- jobs ---------------------------------------------------------------------------------------- */

static void serve(struct metal_cpu *cpu)
{
	__atomic_store_n(&cpu->here, 1, __ATOMIC_RELEASE);
	for (;;) {
		void (*job)(void *arg) = __atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE);

		if (job) {
			job(cpu->job_arg);
			__atomic_store_n(&cpu->job, NULL, __ATOMIC_RELEASE);
		}
		metal_pause();
	}
}

static void post(struct metal_cpu *cpu, void (*fn)(void *arg), void *arg)
{
	cpu->job_arg = arg;
	__atomic_store_n(&cpu->job, fn, __ATOMIC_RELEASE);
}

/* A processor that crashes on it finishes nothing more. */
static void await(struct metal_cpu *cpu)
{
	while (__atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&cpu->crashed, __ATOMIC_RELAXED))
		metal_pause();
}

static bool listens(const struct metal_cpu *cpu)
{
	return __atomic_load_n(&cpu->here, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&cpu->crashed, __ATOMIC_RELAXED);
}

void host_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	unsigned int self = host_cpu();
	unsigned long flags = host_spin_lock(&job_lock);

	for (unsigned int i = 0; i < metal.ncpus; i++)
		if (i != self && listens(metal_cpu(i)))
			post(metal_cpu(i), fn, arg);
	fn(arg);
	for (unsigned int i = 0; i < metal.ncpus; i++)
		if (i != self && listens(metal_cpu(i)))
			await(metal_cpu(i));
	host_spin_unlock(&job_lock, flags);
}

int host_on_cpu(unsigned int cpu, void (*fn)(void *arg), void *arg)
{
	unsigned long flags;

	if (cpu == host_cpu()) {
		fn(arg);
		return 0;
	}
	if (cpu >= metal.ncpus || !listens(metal_cpu(cpu)))
		return -SWIVL_ENXIO;
	flags = host_spin_lock(&job_lock);
	post(metal_cpu(cpu), fn, arg);
	await(metal_cpu(cpu));
	host_spin_unlock(&job_lock, flags);
	return 0;
}

bool host_cr4_change(u64 set, u64 clear)
{
	asm volatile("mov %0, %%cr4" : : "r"((x86_read_cr4() & ~clear) | set) : "memory");
	return true;
}

void cpus_run(void (*fn)(void *arg), void *arg)
{
	for (unsigned int i = 1; i < metal.ncpus; i++) {
		metal_cpu(i)->here = 0;
		post(metal_cpu(i), fn, arg);
	}
	metal_cpu(0)->here = 0;
	fn(arg);
}

/* ---- the local APIC: only its interrupt command (SDM vol. 3, 11.6.1) ----------------------------- */

#define APIC_ID 0x20
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define ICR_PENDING 0x1000u
#define X2APIC_ID 0x802
#define X2APIC_ICR 0x830

static volatile u32 *apic;

static bool apic_start(void)
{
	u64 base = x86_rdmsr(IA32_APIC_BASE);

	if (!(base & APIC_BASE_ENABLED))
		return metal_refuse("the local APIC is switched off (IA32_APIC_BASE %llx)", base);
	apic = paging_map_device(base & 0x000ffffffffff000ull, SWIVL_PAGE_SIZE);
	if (!apic)
		return metal_refuse("too little memory for page tables");
	metal.apic_id = machine_home_apic() ? apic[APIC_ID / 4] >> 24 : (u32)x86_rdmsr(X2APIC_ID);
	return true;
}

/* The guest may change the mode. */
volatile u32 *machine_home_apic(void)
{
	return x86_rdmsr(IA32_APIC_BASE) & APIC_BASE_X2APIC ? NULL : apic;
}

static void send(u32 apic_id, u32 command)
{
	if (!machine_home_apic()) {
		x86_wrmsr(X2APIC_ICR, (u64)apic_id << 32 | command);
		return;
	}
	apic[APIC_ICR_HIGH / 4] = apic_id << 24;
	apic[APIC_ICR_LOW / 4] = command;
	for (u32 i = 0; i < 1000000 && (apic[APIC_ICR_LOW / 4] & ICR_PENDING); i++)
		metal_pause();
}

void machine_home_ipi(u32 apic_id, u32 command)
{
	send(apic_id, command);
}

u32 machine_home_nmis(void)
{
	struct metal_cpu *cpu = metal_cpu(host_cpu());

	return __atomic_load_n(&cpu->nmis, __ATOMIC_RELAXED) ?
		       __atomic_exchange_n(&cpu->nmis, 0, __ATOMIC_RELAXED) :
		       0;
}

const u32 *machine_home_nmi_count(void)
{
	return &metal_cpu(host_cpu())->nmis;
}

void machine_home_wait(void)
{
	metal_rest(&metal_cpu(host_cpu())->nmis);
}

/* By the chipset; by the keyboard controller; and, where nothing helps, by a triple fault. */
void machine_home_reset(void)
{
	struct x86_table none = { 0, 0 };

	metal_outb(0xcf9, 2);
	metal_outb(0xcf9, 6);
	time_delay_us(50000);
	metal_outb(0x64, 0xfe);
	time_delay_us(50000);
	x86_lidt(&none);
	asm volatile("int3");
	metal_halt();
}

/* ---- starting ------------------------------------------------------------------------------------ */

/* See entry.S. */
struct trampoline {
	u64 jump;
	u64 cr3, rsp, function, efer;
	u32 page, reserved;
	u16 gdt_limit;
	u32 gdt_base;
} __attribute__((packed));

extern const u32 trampoline_fixups[2];

static struct {
	u64 page; /* two of conventional memory, borrowed */
	u8 *saved;
	void *identity; /* tables that map them to themselves */
} borrowed;

static void cpu_begin(void)
{
	struct metal_cpu *cpu = metal_cpu(host_cpu());

	exceptions_cpu_start(cpu);
	serve(cpu);
}

/* Two pages that the BIOS calls usable, clear of its own at the bottom and near the top. */
static u64 conventional_pages(void)
{
	const u64 size = 2 * SWIVL_PAGE_SIZE;

	for (u64 pa = 0x8000; pa + size <= 0x80000; pa += SWIVL_PAGE_SIZE)
		for (u32 i = 0; i < metal.memory_count; i++) {
			const struct boot_memory *m = &metal.memory[i];

			if (m->type == BOOT_MEMORY_USABLE && pa >= m->base &&
			    pa + size - m->base <= m->size)
				return pa;
		}
	return 0;
}

/* The top table of ours with the first 2 MiB to themselves: present, writable, large. */
static bool make_identity(u64 *top)
{
	u64 *tables = host_pages_alloc(2);

	if (!tables)
		return false;
	borrowed.identity = tables;
	tables[0] = (host_page_pa(tables) + SWIVL_PAGE_SIZE) | 3;
	tables[512] = 0x83;
	memcpy(top, host_page_va(metal_cr3), SWIVL_PAGE_SIZE);
	top[0] = host_page_pa(tables) | 3;
	return true;
}

static bool borrow(void)
{
	struct trampoline *t;
	u32 *far;

	borrowed.page = conventional_pages();
	if (!borrowed.page)
		return metal_refuse("no conventional memory to start other processors with");
	borrowed.saved = host_pages_alloc(2);
	t = host_page_va(borrowed.page);
	if (!borrowed.saved)
		return metal_refuse("too little memory to start other processors");
	memcpy(borrowed.saved, t, 2 * SWIVL_PAGE_SIZE);
	memcpy(t, trampoline, (size_t)(trampoline_end - trampoline));
	if (!make_identity((u64 *)((u8 *)t + SWIVL_PAGE_SIZE)))
		return metal_refuse("too little memory to start other processors");
	t->cr3 = metal_cr3;
	t->function = (u64)cpu_begin;
	t->efer = x86_rdmsr(IA32_EFER) & (EFER_LME | EFER_NXE);
	t->page = (u32)borrowed.page;
	t->gdt_base = (u32)borrowed.page + offsetof(struct trampoline, gdt_limit);
	far = (u32 *)((u8 *)t + trampoline_fixups[0]);
	*far = (u32)borrowed.page + trampoline_fixups[1];
	return true;
}

static void give_back(void)
{
	if (borrowed.saved)
		memcpy(host_page_va(borrowed.page), borrowed.saved, 2 * SWIVL_PAGE_SIZE);
	host_pages_free(borrowed.saved, 2);
	host_pages_free(borrowed.identity, 2);
	memset(&borrowed, 0, sizeof(borrowed));
}

#define START_MS 500

static bool start_cpu(u32 index, u32 apic_id)
{
	struct trampoline *t = host_page_va(borrowed.page);
	struct metal_cpu *cpu = metal_cpu(index);

	t->rsp = CPU_PAGE(index, CPU_STACK + CPU_STACK_PAGES);
	send(apic_id, ICR_INIT);
	time_delay_us(10000);
	for (u32 i = 0; i < 2 && !listens(cpu); i++) {
		send(apic_id, ICR_STARTUP | (u32)(borrowed.page >> SWIVL_PAGE_SHIFT));
		time_delay_us(200);
	}
	for (u32 ms = 0; ms < START_MS && !listens(cpu); ms++)
		time_delay_us(1000);
	return listens(cpu);
}

static bool start_one(u32 apic_id)
{
	u32 index = metal.ncpus;

	if (machine_home_apic() && apic_id > 0xfe)
		return metal_refuse("a processor's APIC ID %u is out of reach without x2APIC", apic_id);
	if (!cpus_slot(index, apic_id))
		return metal_refuse("too little memory for processor %u", index);
	metal.ncpus = index + 1;
	if (start_cpu(index, apic_id))
		return true;
	send(apic_id, ICR_INIT);
	metal.ncpus = index;
	/* Left alone, it could be started by the guest, and run beneath nobody. */
	return metal_refuse("the processor with APIC ID %u does not start", apic_id);
}

/* Their numbers, and how many; to be given back. NULL: @n says why, 0: no table. */
static u32 *list_cpus(u32 *n)
{
	struct acpi_memory m = { .at = paging_firmware };
	struct acpi_table madt = { NULL, 0 };
	u32 *ids;

	if (metal.acpi_root)
		madt = acpi_find(&m, metal.acpi_root, "APIC");
	*n = madt_cpus(madt, NULL, 0);
	if (!*n)
		return NULL;
	ids = host_alloc(*n * sizeof(*ids));
	if (ids)
		*n = madt_cpus(madt, ids, *n);
	return ids;
}

bool cpus_start(void)
{
	bool ok = apic_start();
	u32 n, *ids;

	metal_cpu(0)->apic_id = metal.apic_id;
	if (!ok)
		return false;
	ids = list_cpus(&n);
	if (!ids) {
		if (n)
			return metal_refuse("too little memory for %u processors", n);
		metal_logf(BOOT_LOG_INFO, "ACPI names no processors: this one is alone");
		return true;
	}
	ok = n < 2 || borrow();
	for (u32 i = 0; ok && i < n; i++)
		if (ids[i] != metal.apic_id)
			ok = start_one(ids[i]);
	give_back();
	host_free(ids);
	return ok;
}

void cpus_stop(void)
{
	for (u32 i = 1; i < metal.ncpus; i++)
		send(metal_cpu(i)->apic_id, ICR_INIT);
	if (metal.ncpus > 1)
		time_delay_us(10000);
	metal.ncpus = 1;
}
