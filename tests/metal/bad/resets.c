// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* INIT to oneself, and what resets the machine, beginning again each time. */
#include "tests/metal/bad/bad.h"

#define CMOS_SHUTDOWN 0x0f
#define CMOS_STEP 0x70 /* nobody's */

static u8 cmos_read(u8 at)
{
	outb(0x70, at | 0x80);
	return inb(0x71);
}

static void cmos_write(u8 at, u8 v)
{
	outb(0x70, at | 0x80);
	outb(0x71, v);
}

extern volatile u32 back_to;
extern u64 saved_rsp;
extern char real_return[];

static volatile u32 came_back;

/*
 * The local APIC resets its own processor. The BIOS finds a code in CMOS and goes on where the word
 * at 40:67 says (a relic of the 80286), in real mode.
 */
static void __attribute__((noinline)) reset_self(u32 command)
{
	volatile u32 *apic = (volatile u32 *)0xfee00000;

	cmos_write(CMOS_SHUTDOWN, 0x0a);
	*(volatile u32 *)0x467 = (u32)(u64)real_return;
	asm volatile("push %%rbx\n push %%rbp\n push %%r12\n push %%r13\n push %%r14\n push %%r15\n pushfq\n"
		     "cli\n movl $1f, back_to\n mov %%rsp, saved_rsp\n"
		     "mov %0, (%1)\n"
		     "mov $200000000, %%eax\n"
		     "2: pause\n dec %%eax\n jnz 2b\n"
		     "jmp 3f\n"
		     "1: incl came_back\n"
		     "3: popfq\n pop %%r15\n pop %%r14\n pop %%r13\n pop %%r12\n pop %%rbp\n pop %%rbx\n"
		     : : "b"(command), "c"(&apic[0xc0]) : "rax", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		       "r11", "memory");
	cmos_write(CMOS_SHUTDOWN, 0);
}

void probe_init(void)
{
	volatile u32 *apic = (volatile u32 *)0xfee00000;
	u64 dr6, dr7;

	asm volatile("mov %0, %%dr6\n mov %1, %%dr7" : : "r"(0xffff0fffull), "r"(0x700ull));
	for (u32 i = 0; i < 3; i++) {
		apic[0xc4] = apic[8]; /* to itself, by number */
		reset_self(0x4500);
		load_tss();
	}
	asm volatile("mov %%dr6, %0\n mov %%dr7, %1" : "=r"(dr6), "=r"(dr7));
	line3("INIT to itself, dr6, dr7", came_back, dr6, dr7);
}

/* ---- each of these ends the machine ------------------------------------------------------------------ */

static struct {
	u16 pad[3], limit;
	u64 base;
} pointer;

static void no_idt(void)
{
	asm volatile("lidt %0\n ud2" : : "m"(pointer.limit));
}

static void keyboard(void)
{
	outb(0x64, 0xfe);
}

static void port_92(void)
{
	outb(0x92, (inb(0x92) & ~2u) | 1);
}

static void chipset(void)
{
	outb(0xcf9, 2);
	outb(0xcf9, 6);
}

/*
 * What delivers an exception is hidden: a machine without memory there triple-faults, and so does this
 * one where nothing is hidden.
 */
static void hidden_table(bool idtr)
{
	u64 size;

	pointer.base = find_hidden(&size);
	pointer.limit = pointer.base ? 0xfff : 0;
	if (idtr || !pointer.base)
		no_idt();
	asm volatile("lgdt %0\n mov %1, %%es\n ud2" : : "m"(pointer.limit), "r"(SEL_DATA));
}

static void hidden_idt(void)
{
	hidden_table(true);
}

static void hidden_gdt(void)
{
	hidden_table(false);
}

static void hidden_stack(void)
{
	u64 size, base = find_hidden(&size);

	if (!base)
		no_idt();
	asm volatile("mov %0, %%rsp\n ud2" : : "r"(base + 0x800));
}

static void hidden_cr3(void)
{
	u64 size, base = find_hidden(&size);

	if (!base)
		no_idt();
	asm volatile("mov %0, %%cr3\n ud2" : : "r"(base));
}

static const struct {
	const char *name;
	void (*fn)(void);
} ways[] = {
	{ "triple fault", no_idt },
	{ "triple fault again", no_idt },
	{ "keyboard controller", keyboard },
	{ "port 92h", port_92 },
	{ "chipset", chipset },
	{ "hidden IDT", hidden_idt },
	{ "hidden GDT", hidden_gdt },
	{ "hidden stack", hidden_stack },
	{ "hidden page tables", hidden_cr3 },
};

bool resets_underway(void)
{
	return (probes & RESETS) && cmos_read(CMOS_STEP);
}

void probe_resets(void)
{
	u8 step = cmos_read(CMOS_STEP), last = rounds ? 2 : ARRAY_SIZE(ways);

	if (step)
		line("the machine began again after", step);
	if (step >= last) {
		cmos_write(CMOS_STEP, 0);
		return;
	}
	cmos_write(CMOS_STEP, step + 1);
	put("reset by ");
	put(ways[step].name);
	put("\r\n");
	serial_drain();
	ways[step].fn();
	for (volatile u32 i = 0; i < 500000000; i++)
		;
	put("no reset BAD\r\n");
	cmos_write(CMOS_STEP, 0);
}
