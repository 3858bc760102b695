// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A guest beneath which the hypervisor is: it starts its processors in all ways there are, sends
 * INIT to itself, and tells what it found.
 */
#include "tests/metal/bare.h"

#define APIC 0xfee00000
#define APIC_ID 0x20
#define APIC_TPR 0x80
#define APIC_LDR 0xd0
#define APIC_DFR 0xe0
#define APIC_SPURIOUS 0xf0
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310
#define FLAT 0xffffffff
#define CLUSTER 0x0fffffff

#define INTEL 0x756e6547 /* "Genu" */

#define NMI 0x4400
#define INIT 0x4500
#define INIT_END 0x8500
#define STARTUP 0x4609 /* see guest.S */
#define LOGICAL 0x800
#define TO_ITSELF 0x40000
#define TO_OTHERS 0xc0000

void guest_main(void);
void second_main(void);
void guest_resume(void);
void on_nmi(void);
void on_debug(void);

volatile u32 debug_at, debug_status;
volatile u32 nmis;
u64 idt[3];
static volatile u32 begun[256], second_ldr, second_dfr = FLAT;
static u32 phase, failures;

static void print_number(const char *what, u32 n)
{
	char text[12], *at = text + sizeof(text) - 1;

	*at = 0;
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	serial_text(what);
	serial_text(at);
	serial_text("\r\n");
}

static void check(bool ok, const char *what)
{
	failures += !ok;
	serial_text(ok ? "guest: ok: " : "guest: FAILED: ");
	serial_text(what);
	serial_text("\r\n");
}

static void __attribute__((noreturn)) finish(void)
{
	print_number("guest: end, failures: ", failures);
	serial_drain();
	power_off();
}

static void cpuid(u32 leaf, u32 r[4])
{
	asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

static u64 rdmsr(u32 msr)
{
	u64 value;

	asm volatile("rdmsr" : "=A"(value) : "c"(msr));
	return value;
}

static void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c"(msr), "A"(value) : "memory");
}

static u32 tsc(void)
{
	u32 low;

	asm volatile("rdtsc" : "=a"(low) : : "edx", "memory");
	return low;
}

static volatile u32 *apic(u32 offset)
{
	return (volatile u32 *)(APIC + offset);
}

static void command(u32 to, u32 command)
{
	*apic(APIC_ICR_HIGH) = to << 24;
	*apic(APIC_ICR_LOW) = command;
}

/* As Linux does, but faster: SIPI comes right behind INIT, twice. */
static void start_by(u32 to, u32 how)
{
	command(to, how | INIT);
	command(to, how | INIT_END);
	command(to, how | STARTUP);
	command(to, how | STARTUP);
}

static bool comes_to(u32 id, u32 n)
{
	for (u32 i = 0; i < 3000000 && begun[id] < n; i++)
		asm volatile("pause");
	/* And not once more. */
	for (u32 i = 0; i < 3000; i++)
		asm volatile("pause");
	return begun[id] == n;
}

void second_main(void)
{
	u32 id = *apic(APIC_ID) >> 24;

	/* INIT must have left nothing of what was here. */
	if (*apic(APIC_LDR) || *apic(APIC_SPURIOUS) != 0xff)
		check(false, "a processor that was sent INIT finds its local APIC as after it");
	*apic(APIC_SPURIOUS) = 0x1ff;
	*apic(APIC_DFR) = second_dfr;
	*apic(APIC_LDR) = second_ldr << 24;
	begun[id]++;
}

static u32 count(void)
{
	u32 n = 1;

	start_by(0, TO_OTHERS);
	comes_to(1, 1);
	for (u32 i = 0; i < 2000000; i++)
		asm volatile("pause");
	for (u32 i = 1; i < 256; i++)
		n += begun[i];
	return n;
}

static void destinations(void)
{
	bool ok = true;
	u32 n = 1;

	for (u32 i = 0; i < 50 && ok; i++)
		ok = (start_by(1, 0), comes_to(1, ++n));
	check(ok, "INIT and SIPI by its number, 50 times");

	second_ldr = 2;
	start_by(1, 0);
	comes_to(1, ++n);
	command(2, LOGICAL | INIT);
	command(1, STARTUP);
	check(comes_to(1, ++n), "INIT by logical number, flat");

	second_ldr = 0x31;
	second_dfr = CLUSTER;
	command(1, INIT);
	command(1, STARTUP);
	comes_to(1, ++n);
	command(0x21, LOGICAL | INIT);
	command(0x32, LOGICAL | INIT);
	command(1, STARTUP);
	check(comes_to(1, n), "INIT to other clusters and processors");
	command(0x33, LOGICAL | INIT);
	command(1, STARTUP);
	check(comes_to(1, ++n), "INIT by logical number, cluster");
	command(1, STARTUP);
	check(comes_to(1, n), "SIPI to a processor that runs");
	start_by(0, TO_OTHERS);
	check(comes_to(1, ++n), "INIT and SIPI to all others");
}

static void by_x2apic(void)
{
	u32 r[4], n = begun[1];

	cpuid(1, r);
	if (!(r[2] & 1u << 21)) {
		serial_text("guest: skipped: no x2APIC\r\n");
		return;
	}
	wrmsr(0x1b, rdmsr(0x1b) | 0xc00);
	wrmsr(0x830, 1ull << 32 | INIT);
	wrmsr(0x830, 1ull << 32 | STARTUP);
	check(comes_to(1, n + 1), "INIT and SIPI in x2APIC mode");
}

/* CPUID always exits: its trap is the hypervisor's to raise. */
static void step(void)
{
	u32 next;

	asm volatile("pushf\n\torl $0x100, (%%esp)\n\tpopf\n\tcpuid\n1:\tnop\n\tmov $1b, %0"
		     : "=r"(next)
		     : "a"(0)
		     : "ebx", "ecx", "edx", "memory");
	check(debug_at == next && (debug_status & 0x4000), "the trap after a stepped CPUID");
}

static void measure(void)
{
	u32 at = tsc(), r[4];

	for (u32 i = 0; i < 1000; i++)
		*apic(APIC_TPR) = 0;
	print_number("guest: ticks of a write to the local APIC: ", (tsc() - at) / 1000);
	at = tsc();
	for (u32 i = 0; i < 1000; i++)
		cpuid(1, r);
	print_number("guest: ticks of CPUID: ", (tsc() - at) / 1000);
}

/* The BIOS jumps to the address at 0x467 when CMOS says so. */
static void init_to_itself(void)
{
	phase = 1;
	asm volatile("movl %0, 0x467" : : "r"(guest_resume) : "memory");
	outb(0x70, 0x0f);
	outb(0x71, 0x0a);
	command(*apic(APIC_ID) >> 24, INIT);
	for (u32 i = 0; i < 3000000; i++)
		asm volatile("pause");
	check(false, "INIT of the first processor to itself");
	finish();
}

void guest_main(void)
{
	u32 n, r[4];

	if (phase) {
		check(true, "INIT of the first processor to itself");
		if (begun[1])
			by_x2apic();
		check(nmis == 1, "no NMI but its own");
		finish();
	}
	idt[1] = ((u32)on_debug & 0xffff) | 8 << 16 | 0x8e00ull << 32;
	idt[2] = ((u32)on_nmi & 0xffff) | 8 << 16 | 0x8e00ull << 32;
	cpuid(0x40000000, r);
	check(r[1] == 0x76697773, "CPUID tells of the hypervisor");
	cpuid(1, r);
	check(!(r[2] & 1u << 5), "CPUID tells of no VMX");
	*apic(APIC_SPURIOUS) = 0x1ff;
	step();
	measure();
	command(*apic(APIC_ID) >> 24, NMI);
	for (u32 i = 0; i < 3000 && !nmis; i++)
		asm volatile("pause");
	check(nmis == 1, "NMI to itself");
	command(0, TO_ITSELF | INIT);
	check(true, "INIT by the shorthand for itself does nothing");
	n = count();
	print_number("guest: processors: ", n);
	if (n > 1)
		destinations();
	cpuid(0, r);
	if (n == 1 && r[1] == INTEL) { /* Bochs: see lab/README.md */
		serial_text("guest: skipped: INIT of the only processor to itself\r\n");
		check(nmis == 1, "no NMI but its own");
		finish();
	}
	init_to_itself();
}
