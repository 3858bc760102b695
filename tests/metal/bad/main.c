// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A boot record that does what no system does, and tells on COM1 what comes of it. Run on the bare
 * machine and beneath swivl: what it tells has to be the same.
 */
#define BARE_MEMORY
#include "tests/metal/bad/bad.h"

bool beneath;

void put(const char *s)
{
	for (; *s; s++) {
		/* Bochs' port for this: it takes no time, and so the serial port would. */
		if (!lenient) {
			outb(0xe9, (u8)*s);
			continue;
		}
		serial_put(COM1, *s);
	}
}

void put_hex2(u8 v)
{
	static const char digits[] = "0123456789abcdef";
	char text[3] = { digits[v >> 4], digits[v & 15], 0 };

	put(text);
}

void put_hex(u64 v)
{
	char text[17], *at = text + 16;

	*at = 0;
	do {
		*--at = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v);
	put(at);
}

void begin(const char *name)
{
	put("P ");
	put(name);
}

void value(u64 v)
{
	put(" ");
	put_hex(v);
}

void end(void)
{
	put("\r\n");
}

void line(const char *name, u64 v)
{
	begin(name);
	value(v);
	end();
}

void line2(const char *name, u64 a, u64 b)
{
	begin(name);
	value(a);
	value(b);
	end();
}

void line3(const char *name, u64 a, u64 b, u64 c)
{
	begin(name);
	value(a);
	value(b);
	value(c);
	end();
}

SNIPPET(snippet_rdmsr, ".globl snippet_rdmsr\nrdmsr");
SNIPPET(snippet_wrmsr, ".globl snippet_wrmsr\nwrmsr");

/* ---- tables --------------------------------------------------------------------------------------- */

extern char vector_stubs[];
static u32 tss[26];

void fill_idt(void);
void unexpected(void);

void fill_idt(void)
{
	u64 base = (u64)tss;

	for (u64 i = 0; i < 256; i++) {
		u64 at = (u64)vector_stubs + i * 16;
		/* INT3 and what follows our own vectors is for user programs, too. */
		u64 dpl = i == 3 || i == 0x80 ? 0xee00 : 0x8e00;

		idt[i * 2] = (at & 0xffff) | SEL_CODE64 << 16 | dpl << 32 | (at >> 16 & 0xffff) << 48;
		idt[i * 2 + 1] = at >> 32;
	}
	*(u64 *)(tss + 1) = STACK_END - 0x3000;
	tss[25] = 104 << 16;
	gdt[SEL_TSS / 8] = 103 | (base & 0xffffff) << 16 | 0x89ull << 40 | base >> 24 << 56;
	gdt[SEL_TSS / 8 + 1] = 0;
	asm volatile("ltr %0" : : "r"((u16)SEL_TSS));
}

void load_tss(void)
{
	gdt[SEL_TSS / 8] &= ~(2ull << 40); /* not busy */
	asm volatile("ltr %0" : : "r"((u16)SEL_TSS));
}

void exceptions_have_stack(bool own)
{
	*(u64 *)(tss + 9) = STACK_END - 0x5000; /* IST1 */
	for (u32 i = 0; i < 256; i++)
		idt[i * 2] = (idt[i * 2] & ~(7ull << 32)) | (u64)own << 32;
}

u64 try_user(struct regs *r, const void *code)
{
	return enter_user(r, (u64)code + USER_ALIAS, STACK_END - 0x4000 + USER_ALIAS, 2);
}

void unexpected(void)
{
	line3("unexpected exception: vector, error, rip", fault.vector, fault.error, fault.rip);
	finish_now();
}

/* ---- what a BIOS hands over ------------------------------------------------------------------------ */

extern u32 handover[], map_count;
extern u16 handover_seg[];
extern u8 handover_tables[];

void probe_handover(void)
{
	static const char *const names[] = { "eax", "ebx", "ecx", "edx",    "esi",
					     "edi", "ebp", "esp", "eflags", "cr0" };
	static const char *const segs[] = { "cs", "ds", "es", "fs", "gs", "ss" };

	for (u32 i = 0; i < 10; i++)
		line(names[i], handover[i]);
	for (u32 i = 0; i < 6; i++)
		line(segs[i], handover_seg[i]);
	begin("tables");
	for (u32 i = 0; i < 12; i++)
		value(handover_tables[i]);
	end();
}

void probe_cpuid(void)
{
	static const u32 first[] = { 0, 0x40000000, 0x80000000, 0xc0000000 };

	for (u32 i = 0; i < 4; i++) {
		u32 last = i == 1 ? 0x4000000f : cpuid_reg(first[i], 0);

		if (last < first[i] || last > first[i] + 0x40)
			last = first[i];
		/* Two beyond the last. */
		for (u32 leaf = first[i]; leaf <= last + 2; leaf++)
			for (u32 sub = 0; sub < 5; sub++) {
				u32 r[4];

				cpuid(leaf, sub, r);
				begin("cpuid");
				for (u32 j = 0; j < 6; j++)
					value(j < 2 ? (j ? sub : leaf) : r[j - 2]);
				end();
			}
	}
	static const u32 odd[] = { 0x1000, 0x3fffffff, 0x7fffffff, 0x8fffffff, 0xffffffff };

	for (u32 i = 0; i < 5; i++) {
		u32 r[4];

		cpuid(odd[i], 0xffffffff, r);
		line3("cpuid odd", odd[i], (u64)r[0] << 32 | r[1], (u64)r[2] << 32 | r[3]);
	}
}

/* ---- the order ----------------------------------------------------------------------------------------- */

#define CALL_NAME 0x6c76697773ull

SNIPPET(snippet_vmcall, ".byte 0x0f, 0x01, 0xc1");
SNIPPET(snippet_vmmcall, ".byte 0x0f, 0x01, 0xd9");

/* The hypervisor answers, or the test's script misses this line. */
void still_there(void)
{
	struct regs r = { .rax = CALL_NAME };
	u32 c[4];

	cpuid(0x40000000, 0, c);
	if (try_regs(&r, is_amd() ? snippet_vmmcall : snippet_vmcall) == NONE && c[1] == 0x76697773)
		put("swivl is there\r\n");
}

static void (*const all[])(void) = {
	probe_handover, probe_cpuid, probe_msrs,  probe_msr_writes,   probe_control, probe_segments,
	probe_instructions, probe_protected, probe_real, probe_modes, probe_debug, probe_hidden,
	probe_chance, probe_apic, probe_cpus, probe_ports, probe_init, probe_x2apic, probe_resets,
};

int main(void);

int main(void)
{
	u32 c[4];

	/* 115200 baud, 8 bits */
	outb(COM1 + 3, 0x83);
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
	outb(COM1, '\n');
	cpuid(0x40000000, 0, c);
	beneath = c[1] == 0x76697773;
	put(beneath ? "\r\nbeneath\r\n" : "\r\nbare\r\n");
	if (resets_underway())
		probes = RESETS;
	for (u32 i = 0; i < ARRAY_SIZE(all); i++)
		if (probes & 1u << i) {
			put("part ");
			put_hex(i);
			put("\r\n");
			all[i]();
		}
	still_there();
	put("end\r\n");
	serial_drain();
	finish_now();
}
