// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Local APIC and processors. */
#include "tests/metal/bad/bad.h"

#define APIC_BASE 0x1b
#define X2APIC (1u << 10)
#define APIC_ON (1u << 11)
#define ICR 0x830

extern u32 ap_where, ap_edx, ap_cr0, ap_cr4, ap_dr6, ap_dr7, ap_go, ap_ldr, ap_dfr;
extern volatile u32 ap_count;
extern u8 ap_begin[], ap_end[];

static volatile u32 *const apic = (volatile u32 *)0xfee00000;
static bool x2apic;

static u64 tsc(void)
{
	u32 a, d;

	asm volatile("rdtsc" : "=a"(a), "=d"(d));
	return (u64)d << 32 | a;
}

/* As long as the interrupt command needs, and what it does. */
static void wait(u64 ticks)
{
	u64 until = tsc() + ticks;

	while (tsc() < until)
		asm volatile("pause");
}

static void send(u32 to, u32 command)
{
	if (x2apic) {
		try_wrmsr(ICR, (u64)to << 32 | command);
		return;
	}
	apic[0xc4] = to << 24;
	apic[0xc0] = command;
	for (u32 i = 0; i < 1000000 && (apic[0xc0] & 1 << 12); i++)
		;
}

/* Some ten seconds: emulated processors take turns on a busy machine, and a bound is only for what fails. */
#define PATIENCE (30000000000 / MOMENT)
#define MOMENT 20000ull

static bool comes(u32 old)
{
	for (u32 i = 0; i < PATIENCE && ap_count == old; i++)
		wait(MOMENT);
	wait(2 * MOMENT);
	return ap_count == old + 1;
}

/* Does the other processor's count stop? A busy emulator may stop it late, or seem to. */
static bool stands_still(void)
{
	u32 went;

	for (u32 i = 0; i < PATIENCE; i++) {
		went = *(volatile u32 *)&ap_go;
		wait(10 * MOMENT);
		if (went == *(volatile u32 *)&ap_go)
			return true;
	}
	return false;
}

void probe_apic(void)
{
	u64 before;

	apic_eoi = 0xfee000b0;
	line3("apic: id, version, spurious", apic[8], apic[0xc], apic[0x3c]);
	before = apic[0x3c];
	apic[0x3c] = before | 0x100;
	nmis = 0;
	interrupts = 0;
	apic[0xc4] = apic[8];
	apic[0xc0] = 0x4400; /* NMI to itself */
	wait(100000);
	line("NMI to itself", nmis);
	apic[0xc0] = 0x44400; /* by shorthand */
	wait(100000);
	line("NMI to itself by shorthand, not delivered as such", nmis);
	apic[0xc0] = 0x4020;
	wait(100000);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	asm volatile("sti; nop; nop; cli");
	line("interrupts", interrupts);
	apic[0xc0] = 0x44020;
	asm volatile("sti; nop; nop; cli");
	line("interrupts by shorthand", interrupts);
	for (u32 i = 0; i < 2000; i++) {
		apic[0xc0] = 0x4400;
		asm volatile("push %%rbx; cpuid; pop %%rbx" : : "a"(0) : "rcx", "rdx");
	}
	wait(100000);
	put("NMIs while there are exits: ");
	put_hex(nmis);
	put("\r\n");
	outb(0x21, 0xb8);
	outb(0xa1, 0x8f);
	apic[0x3c] = (u32)before;
}

/* The other processor has begun as after INIT, each time. */
static void begun(void)
{
	begin("it began with edx, cr0, cr4, dr6, dr7");
	value(ap_edx);
	value(ap_cr0);
	value(ap_cr4);
	value(ap_dr6);
	value(ap_dr7);
	end();
}

static bool start(u32 to, u32 flags, u32 vector)
{
	u32 old = ap_count;

	memcpy((void *)(u64)(vector << 12), ap_begin, (u64)(ap_end - ap_begin));
	/* INIT, its end, SIPI, SIPI; others by shorthand or by number. */
	send(to, flags | 0x4500);
	wait(MOMENT);
	if (vector & 2)
		send(to, flags | 0x8500);
	send(to, flags | 0x4600 | vector);
	/* QEMU keeps one that is not waited for until its processor's turn, past another INIT. */
	if ((vector & 4) && !lenient)
		send(to, flags | 0x4600 | vector);
	return comes(old) && (u16)ap_where == vector << 8;
}

/* INIT reaches those that are addressed, and no others. */
static void addresses(void)
{
	static const struct {
		u32 to, ldr, dfr;
		bool named;
	} logical[] = { { 0xff, 0, 0xf, false },   { 0xff, 1, 0xf, true }, { 0, 1, 0xf, false },
			{ 6, 2, 0xf, true },	   { 6, 8, 0xf, false },   { 0x22, 0x22, 0, true },
			{ 0x33, 0x22, 0, false },  { 0x24, 0x22, 0, false } };

	for (u32 i = 0; i < ARRAY_SIZE(logical); i++) {
		u32 old;

		/* The other one gives itself these. */
		ap_ldr = logical[i].ldr << 24;
		ap_dfr = logical[i].dfr << 28 | 0xfffffff;
		start(1, 0, VECTORS_AT >> 12);
		old = ap_count;
		send(logical[i].to, 0x4d00);
		wait(MOMENT);
		/* Who had no INIT does not notice. */
		send(1, 0x4600 | VECTORS_AT >> 12);
		if (logical[i].named)
			comes(old);
		else
			wait(20 * MOMENT);
		line3("INIT by logical number", logical[i].to, logical[i].ldr, ap_count - old);
	}
	ap_ldr = 0;
}

static void busy(void)
{
	u32 old, went, count = 0;

	/* SIPI to one that runs is lost (SDM vol. 3, 9.4.4.1); it had its turn when it has counted. */
	ap_go = 1;
	line("busy", start(1, 0, VECTORS_AT >> 12));
	old = ap_count;
	send(1, 0x4600 | VECTORS_AT >> 12);
	went = *(volatile u32 *)&ap_go;
	for (u32 i = 0; i < PATIENCE && *(volatile u32 *)&ap_go - went < 1000; i++)
		wait(10 * MOMENT);
	line("SIPI to one that runs", ap_count - old);
	/* INIT stops one that is busy, again and again. */
	for (u32 i = 0; i < 20; i++) {
		send(1, 0x4500);
		old = ap_count;
		if (!stands_still())
			continue;
		send(1, 0x4600 | VECTORS_AT >> 12);
		count += comes(old);
	}
	line("stopped by INIT", count);
	ap_go = 0;
	send(1, 0x4500);
	wait(100000);
}

void probe_cpus(void)
{
	u32 count = 0, was = apic[0x3c];

	apic[0x3c] = was | 0x100;
	/* To processors that are not there. */
	send(77, 0x4500);
	send(77, 0x4600);
	send(77, 0x4400);
	line("to nobody", 0);
	for (u32 vector = VECTORS_AT >> 12; cpus > 1 && vector < VECTORS_END >> 12; vector++)
		count += start(1, vector & 1 ? 0xc0000 : 0, vector);
	if (cpus > 1) {
		line("processors started", count);
		begun();
		busy();
		addresses();
	}
	apic[0x3c] = was;
}

/* ---- x2APIC mode ------------------------------------------------------------------------------------ */

static void commands(u64 id)
{
	static const u64 odd[] = { 0xc4500, 0x44500, 0x84600, 0x14020, 0x4300 };

	nmis = interrupts = 0;
	line2("x2APIC: NMI to itself", try_wrmsr(ICR, id << 32 | 0x4400), 0);
	wait(100000);
	line("  came", nmis);
	line2("x2APIC: interrupts to itself", try_wrmsr(ICR, id << 32 | 0x4020), try_wrmsr(0x83f, 0x21));
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	asm volatile("sti; nop; nop; cli");
	try_wrmsr(0x80b, 0);
	asm volatile("sti; nop; nop; cli");
	try_wrmsr(0x80b, 0);
	line("  came", interrupts);
	outb(0x21, 0xb8);
	outb(0xa1, 0x8f);
	/* To nobody: which bits are reserved. */
	for (u32 bit = 0; bit < 32; bit++)
		if (bit != 18 && bit != 19)
			line2("x2APIC: command with bit", bit, try_wrmsr(ICR, 77ull << 32 | 1ull << bit));
	for (u32 i = 1; i < ARRAY_SIZE(odd); i++)
		line2("x2APIC: command", odd[i], try_wrmsr(ICR, 77ull << 32 | odd[i]));
	line("x2APIC: registers that there are not", try_wrmsr(0x831, 0));
	line("x2APIC: EOI is 0 only", try_wrmsr(0x80b, 1));
	line("x2APIC: self IPI has 8 bits", try_wrmsr(0x83f, 0x100));
}

static void set_mode(const char *name, u64 v)
{
	u64 is;

	begin(name);
	value(try_wrmsr(APIC_BASE, v));
	try_rdmsr(APIC_BASE, &is);
	value(is);
	end();
}

void probe_x2apic(void)
{
	u64 base, id = 0, version = 0, ldr = 0;
	u32 was = apic[0x3c], count = 0;

	if (!(cpuid_reg(1, 2) & 1u << 21)) {
		put("no x2APIC\r\n");
		return;
	}
	try_rdmsr(APIC_BASE, &base);
	set_mode("x2APIC without APIC", (base & ~(u64)APIC_ON) | X2APIC);
	set_mode("x2APIC", base | X2APIC);
	x2apic = true;
	try_wrmsr(0x80f, 0x1ff);
	try_rdmsr(0x802, &id);
	try_rdmsr(0x803, &version);
	try_rdmsr(0x80d, &ldr);
	line3("x2APIC: id, version, logical", id, version, ldr);
	commands(id);
	if (cpus > 1) {
		for (u32 vector = VECTORS_AT >> 12; vector < (VECTORS_AT >> 12) + 8; vector++)
			count += start(1, vector & 1 ? 0xc0000 : 0, vector);
		line("x2APIC: processors started", count);
		begun();
		ap_go = 1;
		start(1, 0, VECTORS_AT >> 12);
		send(1, 0x4500);
		line("x2APIC: stopped by INIT", stands_still());
		ap_go = 0;
	}
	set_mode("x2APIC: straight back", base);
	set_mode("x2APIC: off", base & ~(u64)APIC_ON);
	set_mode("x2APIC: on, from off", base | X2APIC);
	set_mode("APIC", base);
	x2apic = false;
	/* Its reset has masked what the BIOS set up. */
	apic[0x3c] = 0x1ff;
	apic[0xd4] = 0x700;
	apic[0xd8] = 0x400;
	apic[0x3c] = was;
}
