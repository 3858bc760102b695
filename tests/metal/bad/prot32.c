// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The same in 32-bit protected mode: descriptors, gates, task switches, paging of two kinds. A
 * program of its own, called at its first byte, with its own tables.
 */
#include "tests/metal/bare.h"

#include "tests/metal/bad/layout.h"

asm(".section .head, \"ax\"\n"
    "mov %esp, back\n"
    "push %edi\n"
    "call main\n"
    "mov back, %esp\n"
    "ret\n"
    ".text\n"
    /* Exceptions: number and code are kept, then to recover. */
    "stubs:\n"
    ".set n, 0\n"
    ".rept 64\n"
    ".balign 16\n"
    ".if (n == 8) || ((n >= 10) && (n <= 14)) || (n == 17)\n"
    ".else\n push $0\n .endif\n"
    "push $n\n jmp common\n"
    ".set n, n + 1\n"
    ".endr\n"
    "common:\n"
    "mov %ss:(%esp), %eax\n mov %eax, %ss:vector\n"
    "mov %ss:4(%esp), %eax\n mov %eax, %ss:error\n"
    "mov %cr2, %eax\n mov %eax, %ss:fault_address\n"
    "1:\n"
    "task_left:\n"
    "mov $0x10, %eax\n mov %eax, %ds\n mov %eax, %es\n mov %eax, %ss\n"
    "mov recover_esp, %esp\n"
    "push $0x2\n popf\n"
    "ljmp $0x8, $2f\n"
    "2: mov $0x10, %eax\n"
    "3: mov recover_esp, %esp\n"
    "pop %edi\n pop %esi\n pop %ebp\n pop %ebx\n"
    "mov vector, %eax\n ret\n"
    /* u32 attempt(code, eax) */
    "attempt:\n"
    "push %ebx\n push %ebp\n push %esi\n push %edi\n"
    "movl $0xff, vector\n movl $0, error\n"
    "mov %esp, recover_esp\n"
    "mov 24(%esp), %eax\n"
    "call *20(%esp)\n"
    "mov %eax, eax_after\n"
    "jmp 1b\n"
    /* Tasks: each says that it ran, and goes back. */
    "task_iret:\n incl task_runs\n mov %esp, task_esp\n pushf\n pop task_flags\n str task_tr\n"
    "mov %cr0, %eax\n mov %eax, task_cr0\n iret\n jmp task_iret\n"
    /* By a task gate: where the interrupted task was, which is to go on behind that. */
    "task_gate:\n pop task_error\n"
    "task_plain:\n incl task_runs\n mov %esp, task_esp\n pushf\n pop task_flags\n str task_tr\n"
    "mov ours + 32, %eax\n mov %eax, task_eip\n mov ours + 36, %eax\n mov %eax, task_eflags\n"
    "movl $task_left, ours + 32\n iret\n jmp task_plain\n"
    /* The double fault's: what it interrupted is at its end. */
    "task_double:\n incl task_runs\n mov %esp, task_esp\n str task_tr\n pop task_error\n"
    "mov other + 32, %eax\n mov %eax, task_eip\n mov other + 36, %eax\n mov %eax, task_eflags\n"
    "movl $8, vector\n jmp task_left\n"
    /* After a jump there is no way back but another. */
    "task_jump:\n incl task_runs\n mov %esp, task_esp\n pushf\n pop task_flags\n str task_tr\n"
    "ljmp $0x30, $0\n jmp task_jump\n"
    "task_user:\n incl %ss:task_runs\n int $0x30\n");

extern u32 attempt(const void *code, u32 eax);
extern char stubs[], task_iret[], task_gate[], task_plain[], task_double[], task_jump[];

u32 back, vector, error, fault_address, recover_esp, eax_after;
u32 task_runs, task_esp, task_flags, task_tr, task_cr0, task_error, task_eip, task_eflags;

#define SNIPPET(name, text)                                             \
	asm(".text\n" #name ":\n" text "\nret\n");                       \
	extern const char name[]

static bool lenient; /* what main.c calls so */

static void put(const char *s)
{
	for (; *s; s++) {
		if (!lenient) {
			outb(0xe9, (u8)*s);
			continue;
		}
		serial_put(COM1, *s);
	}
}

static void value(u32 v)
{
	char text[10] = " ", *at = text + 9;

	*at = 0;
	do {
		*--at = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v);
	*--at = ' ';
	put(at);
}

static void line(const char *name, u32 a, u32 b, u32 c)
{
	put("P 32-bit ");
	put(name);
	value(a);
	value(b);
	value(c);
	put("\r\n");
}

/* 0x08 code, 0x10 data, 0x18, 0x20 for the probes, 0x28 task gate, 0x30 our TSS, 0x38 other TSS */
static u64 gdt[16] __attribute__((aligned(8))), idt[64] __attribute__((aligned(8)));
static struct {
	u16 limit;
	u32 base;
} __attribute__((packed)) gdtr, idtr;

struct tss {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi,
		edi, es, cs, ss, ds, fs, gs, ldt;
	u16 trap, map;
};

struct tss ours, other, last;
static u8 other_stack[1024] __attribute__((aligned(16)));

static u64 descriptor(u32 base, u32 limit, u32 access, u32 flags)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
	       (u64)(limit >> 16 & 15) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static void tables(void)
{
	gdt[1] = descriptor(0, 0xfffff, 0x9b, 0xc);
	gdt[2] = descriptor(0, 0xfffff, 0x93, 0xc);
	gdt[6] = descriptor((u32)&ours, 103, 0x89, 0);
	gdt[7] = descriptor((u32)&other, 103, 0x89, 0);
	gdt[5] = 0x38 << 16 | 0xe5ull << 40;
	gdt[8] = descriptor(0, 0xfffff, 0xfb, 0xc);
	gdt[9] = descriptor(0, 0xfffff, 0xf3, 0xc);
	for (u32 i = 0; i < 64; i++) {
		u32 at = (u32)stubs + i * 16;

		idt[i] = (at & 0xffff) | 8 << 16 | (u64)(i == 0x30 ? 0xee00 : 0x8e00) << 32 |
			 (u64)(at >> 16) << 48;
	}
	gdtr.limit = sizeof(gdt) - 1;
	gdtr.base = (u32)gdt;
	idtr.limit = sizeof(idt) - 1;
	idtr.base = (u32)idt;
	asm volatile("lgdt %0\n lidt %1\n ltr %w2\n lldt %w3" : : "m"(gdtr), "m"(idtr), "r"(0x30), "r"(0));
}

SNIPPET(load_ds, "mov %eax, %ds");
SNIPPET(load_ss, "mov %ss, %ecx\nmov %eax, %ss\nmov %ecx, %ss");
SNIPPET(load_gs, "mov %eax, %gs");
SNIPPET(load_cs, "pop %ebx\npush %eax\npush %ebx\nlret");
SNIPPET(load_ldt, "lldt %ax");
SNIPPET(load_tr, "ltr %ax");
SNIPPET(far_jump, "push %eax\npush $1f\nljmp *(%esp)\n1: add $8, %esp");
SNIPPET(far_call, "push %eax\npush $0\nlcall *(%esp)\nadd $8, %esp");
SNIPPET(call_task, "lcall $0x38, $0");
SNIPPET(jump_task, "ljmp $0x38, $0\nnop");
SNIPPET(call_gate, "lcall $0x28, $0");
SNIPPET(int_task, "int $0x31");
SNIPPET(ud2, "ud2");
SNIPPET(bad_gp, "mov $0xfff8, %eax\nmov %eax, %ds");
SNIPPET(nested_iret, "pushf\norl $0x4000, (%esp)\npopf\niret");
SNIPPET(read_there, "mov (%eax), %eax");
SNIPPET(set_pg, "mov %cr0, %ecx\nor $0x80000000, %ecx\nmov %ecx, %cr0\nmov %eax, %eax\n"
		"and $0x7fffffff, %ecx\nmov %ecx, %cr0");
SNIPPET(vmcall, ".byte 0x0f, 0x01, 0xc1");
SNIPPET(vmmcall, ".byte 0x0f, 0x01, 0xd9");
SNIPPET(virtual8086, "push $0\npush $0\npush $0\npush $0\npush $0\npush $0x7000\npush $0x20002\n"
		     "push $0x500\npush %eax\niret");

static void rows(void)
{
	static const struct {
		const char *name, *code;
	} loads[] = { { "ds", load_ds }, { "ss", load_ss },	 { "gs", load_gs },   { "cs", load_cs },
		      { "jmp", far_jump }, { "call", far_call }, { "ldt", load_ldt } };

	for (u32 n = 0; n < ARRAY_SIZE(loads); n++)
		for (u32 dpl = 0; dpl < 4; dpl++)
			for (u32 rpl = 0; rpl < 4; rpl += dpl == 1 ? 1 : 3) {
				put("P 32-bit ");
				put(loads[n].name);
				value(dpl);
				value(rpl);
				for (u32 type = 0; type < 64; type++) {
					u32 access = (type & 31) | dpl << 5 | (type & 32 ? 0x80 : 0);
					u32 got;

					/* What switches tasks is below; what runs code there is not asked. */
					if (n > 2 && n < 6 && type >= 32 &&
					    ((type & 0x1d) == 1 || (type & 0x1d) == 9 || (type & 31) == 5 ||
					     (type & 31) == 4 || (type & 31) == 12))
						continue;
					gdt[3] = descriptor(SCRATCH_AT, 0x67, access, 4);
					got = attempt(loads[n].code, 0x18 | rpl);
					value(got | error << 8);
				}
				put("\r\n");
			}
	asm volatile("lldt %w0" : : "r"(0));
	for (u32 type = 0; type < 64; type++) {
		gdt[3] = descriptor((u32)&other, 0x67, (type & 31) | (type & 32 ? 0x80 : 0), 0);
		line("ltr", type, attempt(load_tr, 0x18), error);
	}
	gdt[6] &= ~(2ull << 40);
	asm volatile("ltr %w0" : : "r"(0x30));
}

static void fresh(const void *code)
{
	u32 cr3;

	asm volatile("mov %%cr3, %0" : "=r"(cr3));
	other = (struct tss){ .cr3 = cr3, .eip = (u32)code, .eflags = 2, .esp = (u32)other_stack + 1024,
			      .esp0 = (u32)other_stack + 512, .ss0 = 0x10, .es = 0x10, .cs = 8, .ss = 0x10,
			      .ds = 0x10, .eax = 0x12345678, .map = 104 };
	ours = (struct tss){ .cr3 = cr3, .map = 104 };
	gdt[6] = descriptor((u32)&ours, 103, 0x8b, 0);
	gdt[7] = descriptor((u32)&other, 103, 0x89, 0);
	task_runs = task_esp = task_flags = task_tr = task_cr0 = task_error = task_eip = task_eflags = 0;
	asm volatile("clts");
}

/* Whatever it came to: our task again. */
static u32 end_task(void)
{
	u32 tr = 0;

	asm volatile("str %w0" : "+r"(tr));
	gdt[6] = descriptor((u32)&ours, 103, 0x89, 0);
	asm volatile("ltr %w0\n lldt %w1" : : "r"(0x30), "r"(0));
	return tr;
}

static void task(const char *name, const char *code)
{
	u32 got = attempt(code, 0x18), cr0;

	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	line(name, got, error, task_runs);
	line("  esp, flags, tr", (u32)other_stack + 1024 - task_esp, task_flags, task_tr);
	line("  link, busy", other.link, gdt[7] >> 40 & 0xff, gdt[6] >> 40 & 0xff);
	line("  cr0, then and now, error", task_cr0, cr0, task_error);
	line("  saved eip, esp, cs", other.eip - (u32)task_iret, (u32)other_stack + 1024 - other.esp,
	     other.cs);
	line("  saved eip, eflags of ours", ours.eip - (u32)code, ours.eflags, ours.ss);
	line("  seen by the gate's", task_eip ? task_eip - (u32)code : 0, task_eflags, 0);
	line("  tr now", end_task(), 0, 0);
}

/* Each descriptor in each register, as a task gets it. */
static void task_rows(void)
{
	u32 *const selectors[] = { &other.ds, &other.gs, &other.ss, &other.cs, &other.ldt };
	static const char *const names[] = { "ds", "gs", "ss", "cs", "ldt" };

	for (u32 n = 0; n < ARRAY_SIZE(names); n++)
		for (u32 dpl = 0; dpl < 4; dpl += n < 3 ? 1 : 3)
			for (u32 rpl = 0; rpl < 4; rpl += 3) {
				put("P 32-bit task's ");
				put(names[n]);
				value(dpl);
				value(rpl);
				for (u32 type = 0; type < 64; type++) {
					fresh(task_iret);
					*selectors[n] = 0x18 | rpl;
					/* Stacks, also those that expand down, are to be used. */
					gdt[3] = descriptor(0, (type & 0xc) == 4 ? 0 : 0xfffff,
							    (type & 31) | dpl << 5 | (type & 32 ? 0x80 : 0), 0xc);
					value(attempt(call_task, 0x18) | error << 8 | task_runs << 28);
					end_task();
				}
				put("\r\n");
			}
}

static void task_gates(void)
{
	u64 ud = idt[6], df = idt[8], gp = idt[13];

	fresh(task_plain);
	idt[0x31] = 0x38 << 16 | 0xe5ull << 40;
	task("INT of a task gate", int_task);
	/* An exception with a code, and one without, as tasks of their own. */
	fresh(task_gate);
	idt[13] = 0x38 << 16 | 0xe5ull << 40;
	task("#GP by a task gate", bad_gp);
	fresh(task_gate);
	gdt[3] = descriptor((u32)other_stack, 0x21, 0x93, 0); /* QEMU knows no limit */
	other.ss = 0x18;
	other.esp = 0x24;
	last = other;
	last.eip = (u32)task_double;
	last.ss = 0x10;
	last.esp = (u32)other_stack + 256;
	gdt[10] = descriptor((u32)&last, 103, 0x89, 0);
	idt[8] = 0x50 << 16 | 0xe5ull << 40;
	task("#GP by a task gate, no room for its code: #DF by another", bad_gp);
	line("  link, busy", last.link, gdt[10] >> 40 & 0xff, 0);
	idt[8] = df;
	fresh(task_gate);
	other.ds = 0xf8;
	task("#GP by a task gate, its data beyond the table", bad_gp);
	idt[13] = gp;
	fresh(task_plain);
	idt[6] = 0x38 << 16 | 0xe5ull << 40;
	task("#UD by a task gate", ud2);
	fresh(task_plain);
	other.ds = 0xf8;
	task("#UD by a task gate, its data beyond the table", ud2);
	fresh(task_plain);
	gdt[7] = descriptor((u32)&other, 103, 0x8b, 0);
	task("#UD by a task gate, busy", ud2);
	idt[6] = ud;
}

/* What is kept by the processor for a task, or not. */
static void task_debug(void)
{
	u32 dr6, dr7;

	asm volatile("mov %0, %%dr0\n mov %0, %%dr1\n mov %0, %%dr2\n mov %0, %%dr3" : : "r"(0xffffff00));
	asm volatile("mov %0, %%dr7\n mov %1, %%dr6" : : "r"(0x7ff), "r"(0xffff0ff0));
	fresh(task_iret);
	task("with breakpoints", call_task);
	asm volatile("mov %%dr6, %0\n mov %%dr7, %1" : "=r"(dr6), "=r"(dr7));
	line("  dr6, dr7", dr6, dr7, 0);
	asm volatile("mov %0, %%dr7" : : "r"(0x400));
	fresh(task_iret);
	other.trap = 1;
	task("with its trap bit", call_task);
	asm volatile("mov %%dr6, %0\n mov %%dr7, %1" : "=r"(dr6), "=r"(dr7));
	line("  dr6, dr7", dr6, dr7, 0);
	asm volatile("mov %0, %%dr6" : : "r"(0xffff0ff0));
}

static void task_sizes(void)
{
	u16 *small = (u16 *)&other;

	fresh(task_iret);
	gdt[7] = descriptor((u32)&other, 43, 0x81, 0);
	/* All of it runs, but where it is: code of 64 KiB from there. */
	gdt[3] = descriptor((u32)task_iret & ~15u, 0xffff, 0x9b, 4);
	gdt[4] = descriptor((u32)other_stack + 1024 - 0xf000, 0xffff, 0x93, 0);
	for (u32 i = 0; i < 22; i++)
		small[i] = 0;
	small[1] = 0xef00;
	small[2] = small[19] = 0x20;
	small[7] = (u32)task_iret & 15;
	small[13] = 0xf000;
	small[17] = small[20] = 0x10;
	small[18] = 0x18;
	task("16-bit", call_task);
	for (u32 i = 0; i < 22; i++)
		line("  16-bit", i, small[i], 0);
	fresh(task_iret);
	gdt[7] = descriptor((u32)&other, 42, 0x81, 0);
	task("16-bit, limit too small", call_task);
	/* Virtual-8086 mode, where HLT is #GP. */
	fresh(task_iret);
	*(u8 *)0x5000 = 0xf4;
	other.eflags = 0x20002;
	other.cs = 0x500;
	other.eip = 0;
	task("virtual-8086", call_task);
	fresh(task_iret);
	other.eip = 0x7000;
	gdt[3] = descriptor(0, 0x6fff, 0x9b, 4);
	other.cs = 0x18;
	task("beyond its code", call_task);
}

static void task_paging(u32 pae)
{
	u32 *directory = (u32 *)SCRATCH_AT, *table = (u32 *)(SCRATCH_AT + 0x3000), cr0, cr3, cr4, now;
	u64 *pointers = (u64 *)(SCRATCH_AT + 0x1000), *wide = (u64 *)(SCRATCH_AT + 0x2000);

	asm volatile("mov %%cr3, %0\n mov %%cr4, %1\n mov %%cr0, %2" : "=r"(cr3), "=r"(cr4), "=r"(cr0));
	for (u32 i = 0; i < 1024; i++) {
		directory[i] = i << 22 | 0x83;
		table[i] = i << 12 | 3;
	}
	directory[0] = (u32)table | 3;
	for (u32 i = 0; i < 512; i++)
		wide[i] = (u64)i << 21 | 0x83;
	for (u32 i = 0; i < 8; i++)
		pointers[i] = i & 3 ? 0 : (u32)wide | 1;
	asm volatile("mov %0, %%cr4\n mov %1, %%cr3\n mov %2, %%cr0"
		     : : "r"(cr4 | (pae ? 0x20 : 0x10)), "r"(pae ? (u32)pointers : (u32)directory),
		       "r"(cr0 | 0x80010000));
	fresh(task_iret);
	other.cr3 = pae ? (u32)(pointers + 4) : (u32)directory;
	task("with pages", call_task);
	asm volatile("mov %%cr3, %0" : "=r"(now));
	line("  cr3", now, other.cr3, ours.cr3);
	/* TSSs in the last pages of the table: not there, not to be written. */
	for (u32 n = 0; n < 4 && !pae; n++) {
		u32 page = SCRATCH_AT + 0x4000 + (n & 1) * 0x1000;

		fresh(task_iret);
		other.cr3 = (u32)directory;
		*(struct tss *)(SCRATCH_AT + 0x5000) = other;
		gdt[n & 1 ? 7 : 6] = descriptor(page, 103, n & 1 ? 0x89 : 0x8b, 0);
		if (!(n & 1)) {
			gdt[6] = descriptor(page, 103, 0x89, 0);
			asm volatile("ltr %w0" : : "r"(0x30));
		}
		table[page >> 12] = page | (n & 2 ? 1 : 0);
		asm volatile("mov %0, %%cr3" : : "r"(directory));
		task(n & 1 ? "TSS without its page" : "our TSS without its page", call_task);
		line("  cr2", fault_address, 0, 0);
		table[page >> 12] = page | 3;
		asm volatile("mov %0, %%cr3" : : "r"(directory));
	}
	asm volatile("mov %0, %%cr0\n mov %1, %%cr3\n mov %2, %%cr4" : : "r"(cr0), "r"(cr3), "r"(cr4));
}

static void tasks(void)
{
	fresh(task_iret);
	task("call of a task", call_task);
	fresh(task_jump);
	task("jump to a task", jump_task);
	fresh(task_iret);
	task("call of a task gate", call_gate);
	task_gates();
	/* Each thing that can be wrong with it. */
	fresh(task_iret);
	gdt[7] = descriptor((u32)&other, 102, 0x89, 0);
	task("limit too small", call_task);
	fresh(task_iret);
	gdt[7] = descriptor((u32)&other, 103, 0x8b, 0);
	task("busy", call_task);
	fresh(task_iret);
	gdt[7] = descriptor((u32)&other, 103, 0x09, 0);
	task("not present", call_task);
	fresh(task_iret);
	other.cs = 0x10;
	task("data as its code", call_task);
	fresh(task_iret);
	other.ss = 0;
	task("no stack", call_task);
	fresh(task_iret);
	other.ds = 0x48 + 0x80;
	task("data beyond the table", call_task);
	fresh(task_iret);
	other.ldt = 0x10;
	task("data as its LDT", call_task);
	fresh(task_iret);
	gdt[8] = descriptor(0, 0xfffff, 0x1b, 0xc);
	other.cs = 0x40;
	task("code not present", call_task);
	gdt[8] = descriptor(0, 0xfffff, 0xfb, 0xc);
	fresh(task_iret);
	ours.link = 0x10;
	task("IRET to what is none", nested_iret);
	fresh(task_iret);
	ours.link = 0x38;
	task("IRET to one that is not busy", nested_iret);
	fresh(task_iret);
	ours.link = 0x30;
	task("IRET to itself", nested_iret);
	task_rows();
	task_sizes();
	task_debug();
	task_paging(0);
	task_paging(1);
}

/* Paging without PAE: 4 MiB pages; with it: PDPTEs with reserved bits. */
static void paging(void)
{
	u32 *directory = (u32 *)SCRATCH_AT;
	u64 *pointers = (u64 *)(SCRATCH_AT + 0x1000), *pae = (u64 *)(SCRATCH_AT + 0x2000);
	u32 cr3, cr4;

	asm volatile("mov %%cr3, %0\n mov %%cr4, %1" : "=r"(cr3), "=r"(cr4));
	for (u32 i = 0; i < 1024; i++)
		directory[i] = i << 22 | 0x83;
	asm volatile("mov %0, %%cr4" : : "r"(cr4 | 0x10));
	asm volatile("mov %0, %%cr3" : : "r"(directory));
	for (u32 i = 0; i < 200; i++)
		attempt(set_pg, 0);
	line("paging", attempt(set_pg, 0), error, 0);
	for (u32 i = 0; i < 512; i++)
		pae[i] = (u64)i << 21 | 0x83;
	for (u32 bit = 0; bit < 64; bit++) {
		pointers[0] = (u32)pae | 1;
		pointers[1] = ((u32)pae | 1) ^ (bit >= 1 && (bit < 12 || bit > 35) ? 1ull << bit : 0);
		pointers[2] = 0;
		asm volatile("mov %0, %%cr4\n mov %1, %%cr3" : : "r"(cr4 | 0x30), "r"(pointers));
		line("PDPTE", bit, attempt(set_pg, 0), error);
		asm volatile("mov %0, %%cr4" : : "r"(cr4));
	}
	asm volatile("mov %0, %%cr3\n mov %1, %%cr4" : : "r"(cr3), "r"(cr4));
}

static void more(void)
{
	u8 *code = (u8 *)0x5000;

	line("vmcall", attempt(vmcall, 0x1234), error, 0);
	line("vmmcall", attempt(vmmcall, 0x1234), error, 0);
	ours.esp0 = SCRATCH_AT + 0x8000;
	ours.ss0 = 0x10;
	ours.map = 104;
	/* Virtual-8086 mode: what it does ends in our handlers. */
	for (u32 i = 0; i < 256; i++) {
		static const u8 two[] = { 0x00, 0x01, 0x20, 0x22, 0x30, 0x32, 0xa2, 0x0b };

		if (i != 0xf4 && i != 0xcd && i != 0xcc && i != 0xcf && i != 0x9c && i != 0x9d && i != 0xfa &&
		    i != 0xfb && i != 0xe4 && i != 0xec && i != 0x6e && i >= ARRAY_SIZE(two))
			continue;
		code[0] = i < ARRAY_SIZE(two) ? 0x0f : (u8)i;
		code[1] = i < ARRAY_SIZE(two) ? two[i] : 0x31;
		code[2] = code[1] == 0xa2 ? 0x90 : 0xd8; /* CPUID has no operand */
		code[3] = 0x0f;
		code[4] = 0x0b;
		line("virtual-8086", i, attempt(virtual8086, 0x0), error);
	}
}

int main(u32 flags);

int main(u32 flags)
{
	lenient = flags & 1;
	tables();
	rows();
	paging();
	more();
	tasks();
	return 0;
}
