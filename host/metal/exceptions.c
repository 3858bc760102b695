// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * GDT, IDT and TSS of each processor, and what happens where something goes wrong on it: a report,
 * and this processor stops. The others go on with their guests.
 */
#include "core/x86/cpu.h"
#include "core/x86/regs.h"
#include "host/metal/metal.h"

/* ---- tables (SDM vol. 3, 3.4.5, 6.14.1, 7.2.3) -------------------------------------------------- */

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};

#define VECTORS 32
#define VECTOR_CODE_SIZE 16
#define GATE_INTERRUPT 0x8e /* present, DPL 0 */
#define DESCRIPTOR_CODE 0x00af9b000000ffffull
#define DESCRIPTOR_DATA 0x00cf93000000ffffull
#define DESCRIPTOR_TSS 0x0000890000000000ull

enum ist { IST_NONE, IST_NMI, IST_DF, IST_MC };

extern u8 metal_vectors[], metal_link[], metal_text[], metal_data[];

static struct gate idt[VECTORS];

static enum ist ist_of(unsigned int vector)
{
	switch (vector) {
	case VECTOR_NMI:
		return IST_NMI;
	case VECTOR_DF:
		return IST_DF;
	case VECTOR_MC:
		return IST_MC;
	}
	return IST_NONE;
}

/* The same for all processors, who may each write it. */
static void fill_idt(void)
{
	for (unsigned int i = 0; i < VECTORS; i++) {
		u64 at = (u64)metal_vectors + i * VECTOR_CODE_SIZE;

		idt[i] = (struct gate){ .offset_low = (u16)at,
					.selector = METAL_CS,
					.ist = ist_of(i),
					.type = GATE_INTERRUPT,
					.offset_middle = (u16)(at >> 16),
					.offset_high = (u32)(at >> 32) };
	}
}

static u64 stack_top(const struct metal_cpu *cpu, unsigned int page)
{
	return CPU_PAGE(cpu->index, page + 1);
}

static void fill_gdt(struct metal_cpu *cpu)
{
	u64 base = (u64)&cpu->tss;

	cpu->tss.ist[IST_NMI - 1] = stack_top(cpu, CPU_STACK_NMI);
	cpu->tss.ist[IST_DF - 1] = stack_top(cpu, CPU_STACK_DF);
	cpu->tss.ist[IST_MC - 1] = stack_top(cpu, CPU_STACK_MC);
	cpu->tss.io_map = sizeof(cpu->tss);
	cpu->gdt[METAL_CS / 8] = DESCRIPTOR_CODE;
	cpu->gdt[METAL_DS / 8] = DESCRIPTOR_DATA;
	cpu->gdt[METAL_TSS / 8] = DESCRIPTOR_TSS | (sizeof(cpu->tss) - 1) | (base & 0xffffff) << 16 |
				  (base >> 24 & 0xff) << 56;
	cpu->gdt[METAL_TSS / 8 + 1] = base >> 32;
}

static void load_segments(void)
{
	asm volatile("pushq %0\n\t"
		     "lea 1f(%%rip), %%rax\n\t"
		     "push %%rax\n\t"
		     "lretq\n"
		     "1:\n\t"
		     "mov %1, %%ss\n\t"
		     "mov %1, %%ds\n\t"
		     "mov %1, %%es\n\t"
		     "mov %2, %%fs\n\t"
		     "mov %2, %%gs"
		     :
		     : "i"(METAL_CS), "r"(METAL_DS), "r"(0)
		     : "rax", "memory");
}

static void set_control_registers(void)
{
	u64 cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (x86_cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE)
		cr4 |= CR4_OSXSAVE;
	if (x86_cpuid(0, 0).eax >= 7 && (x86_cpuid(7, 0).ebx & 1u << 7))
		cr4 |= CR4_SMEP;
	asm volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
	asm volatile("mov %0, %%cr0"
		     :
		     : "r"(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
		     : "memory");
}

void exceptions_cpu_start(struct metal_cpu *cpu)
{
	struct x86_table gdtr = { sizeof(cpu->gdt) - 1, (u64)cpu->gdt };
	struct x86_table idtr = { sizeof(idt) - 1, (u64)idt };

	fill_idt();
	fill_gdt(cpu);
	x86_lgdt(&gdtr);
	x86_lidt(&idtr);
	load_segments();
	x86_ltr(METAL_TSS);
	set_control_registers();
}

/* ---- the report -------------------------------------------------------------------------------- */

/* As vectors.S pushes it. */
struct frame {
	u64 rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

static const char *const vector_names[VECTORS] = {
	"#DE divide error",	   "#DB debug",		      "NMI",
	"#BP breakpoint",	   "#OF overflow",	      "#BR bound",
	"#UD invalid opcode",	   "#NM no FPU",	      "#DF double fault",
	"coprocessor overrun",	   "#TS invalid TSS",	      "#NP segment not present",
	"#SS stack fault",	   "#GP general protection",  "#PF page fault",
	NULL,			   "#MF FPU error",	      "#AC alignment",
	"#MC machine check",	   "#XM SIMD error",	      "#VE virtualization",
	"#CP control protection",  [30] = "#SX security",
};

static bool on_our_stacks(u64 rsp)
{
	return rsp >= CPU_MAP && rsp < CPU_PAGE(metal.ncpus, 0) && !(rsp & 7);
}

/* Words that look like places in our code, from the stack on: where it was called from. */
static void report_stack(const struct frame *f)
{
	u64 end = (f->rsp | (SWIVL_PAGE_SIZE - 1)) + 1;
	unsigned int shown = 0;

	if (!on_our_stacks(f->rsp))
		return;
	for (u64 at = f->rsp; at < end && shown < 16; at += 8) {
		u64 word = *(const u64 *)at;

		if (word < (u64)metal_text || word >= (u64)metal_data)
			continue;
		log_crash("  called from %llx (stack %llx)", word, at);
		shown++;
	}
}

static void report(const struct frame *f, const struct metal_cpu *cpu)
{
	const char *name = f->vector < VECTORS ? vector_names[f->vector] : NULL;

	log_crash("the hypervisor crashed on CPU %u (APIC %u): vector %llu, %s, error %llx", cpu->index,
		  cpu->apic_id, f->vector, name ? name : "reserved", f->error);
	log_crash("  rip %llx (image + %llx) cs %llx rflags %llx rsp %llx ss %llx", f->rip,
		  f->rip - (u64)metal_link, f->cs, f->rflags, f->rsp, f->ss);
	log_crash("  rax %016llx rbx %016llx rcx %016llx rdx %016llx", f->rax, f->rbx, f->rcx, f->rdx);
	log_crash("  rsi %016llx rdi %016llx rbp %016llx r8  %016llx", f->rsi, f->rdi, f->rbp, f->r8);
	log_crash("  r9  %016llx r10 %016llx r11 %016llx r12 %016llx", f->r9, f->r10, f->r11, f->r12);
	log_crash("  r13 %016llx r14 %016llx r15 %016llx", f->r13, f->r14, f->r15);
	log_crash("  cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx", x86_read_cr0(), x86_read_cr2(),
		  x86_read_cr3(), x86_read_cr4(), x86_rdmsr(IA32_EFER));
	report_stack(f);
	log_crash("  CPU %u stops here", cpu->index);
}

void metal_exception(struct frame *f)
{
	struct metal_cpu *cpu = metal_cpu(host_cpu());

	if (f->vector == VECTOR_NMI) {
		__atomic_add_fetch(&cpu->nmis, 1, __ATOMIC_RELAXED);
		/* Had it looked already and not yet halted, it would not see this one. */
		if (f->rip >= (u64)metal_rest && f->rip < (u64)metal_rest_end)
			f->rip = (u64)metal_rest_end;
		return;
	}
	if (!cpu->crashed) { /* else the report itself did */
		cpu->crashed = true;
		report(f, cpu);
	}
	metal_halt();
}
