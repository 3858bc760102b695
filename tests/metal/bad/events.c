// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Instructions that a guest has not, debugging, modes, ports, and what ends a program. */
#include "tests/metal/bad/bad.h"

/* ---- instructions ----------------------------------------------------------------------------------- */

/* Each with an operand at RAX, at CPL 0 and 3. */
static const struct {
	const char *name;
	u8 length, code[8];
} instructions[] = {
	{ "vmclear", 4, { 0x66, 0x0f, 0xc7, 0x30 } }, { "vmptrld", 3, { 0x0f, 0xc7, 0x30 } },
	{ "vmptrst", 3, { 0x0f, 0xc7, 0x38 } },	      { "vmxon", 4, { 0xf3, 0x0f, 0xc7, 0x30 } },
	{ "vmlaunch", 3, { 0x0f, 0x01, 0xc2 } },      { "vmresume", 3, { 0x0f, 0x01, 0xc3 } },
	{ "vmxoff", 3, { 0x0f, 0x01, 0xc4 } },	      { "vmread", 3, { 0x0f, 0x78, 0xc3 } },
	{ "vmwrite", 3, { 0x0f, 0x79, 0xc3 } },	      { "vmfunc", 3, { 0x0f, 0x01, 0xd4 } },
	{ "invept", 5, { 0x66, 0x0f, 0x38, 0x80, 0x08 } },
	{ "invvpid", 5, { 0x66, 0x0f, 0x38, 0x81, 0x08 } },
	{ "vmrun", 3, { 0x0f, 0x01, 0xd8 } },	      { "vmload", 3, { 0x0f, 0x01, 0xda } },
	{ "vmsave", 3, { 0x0f, 0x01, 0xdb } },	      { "stgi", 3, { 0x0f, 0x01, 0xdc } },
	{ "clgi", 3, { 0x0f, 0x01, 0xdd } },	      { "skinit", 3, { 0x0f, 0x01, 0xde } },
	{ "invlpga", 3, { 0x0f, 0x01, 0xdf } },	      { "vmcall", 3, { 0x0f, 0x01, 0xc1 } },
	{ "vmmcall", 3, { 0x0f, 0x01, 0xd9 } },	      { "rsm", 2, { 0x0f, 0xaa } },
	{ "getsec", 2, { 0x0f, 0x37 } },	      { "invpcid", 5, { 0x66, 0x0f, 0x38, 0x82, 0x08 } },
	{ "xsaves", 4, { 0x48, 0x0f, 0xc7, 0x28 } },  { "xrstors", 4, { 0x48, 0x0f, 0xc7, 0x18 } },
	{ "rdtscp", 3, { 0x0f, 0x01, 0xf9 } },	      { "monitor", 3, { 0x0f, 0x01, 0xc8 } },
	{ "wbinvd", 2, { 0x0f, 0x09 } },	      { "wbnoinvd", 3, { 0xf3, 0x0f, 0x09 } },
	{ "rdpmc", 2, { 0x0f, 0x33 } },		      { "rdpru", 3, { 0x0f, 0x01, 0xfd } },
	{ "pconfig", 3, { 0x0f, 0x01, 0xc5 } },	      { "encls", 3, { 0x0f, 0x01, 0xcf } },
	{ "enclu", 3, { 0x0f, 0x01, 0xd7 } },	      { "enclv", 3, { 0x0f, 0x01, 0xc0 } },
	{ "clac", 3, { 0x0f, 0x01, 0xca } },	      { "stac", 3, { 0x0f, 0x01, 0xcb } },
	{ "swapgs twice", 6, { 0x0f, 0x01, 0xf8, 0x0f, 0x01, 0xf8 } },
	{ "ud2", 2, { 0x0f, 0x0b } },		      { "ud0", 3, { 0x0f, 0xff, 0xc0 } },
	{ "ud1", 3, { 0x0f, 0xb9, 0xc0 } },	      { "tpause", 4, { 0x66, 0x0f, 0xae, 0xf3 } },
	{ "umwait", 4, { 0xf2, 0x0f, 0xae, 0xf3 } },  { "invlpg", 3, { 0x0f, 0x01, 0x38 } },
	{ "syscall", 2, { 0x0f, 0x05 } },	      { "sysenter", 2, { 0x0f, 0x34 } },
	{ "sysexit", 2, { 0x0f, 0x35 } },	      { "hlt", 1, { 0xf4 } },
	{ "cli", 1, { 0xfa } },			      { "in", 2, { 0xe4, 0x61 } },
	{ "rdmsr", 2, { 0x0f, 0x32 } },		      { "cr3", 3, { 0x0f, 0x20, 0xd8 } },
	{ "cr4", 3, { 0x0f, 0x20, 0xe0 } },	      { "dr7", 3, { 0x0f, 0x21, 0xf8 } },
	{ "lldt", 3, { 0x0f, 0x00, 0xd1 } },	      { "sldt", 3, { 0x0f, 0x00, 0xc0 } },
	{ "sgdt", 3, { 0x0f, 0x01, 0x00 } },	      { "smsw", 3, { 0x0f, 0x01, 0xe0 } },
	{ "long", 8, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66 } },
};

static u8 code_page[64], operand[4096] __attribute__((aligned(4096)));

static void place(u32 i, bool user)
{
	u8 *at = code_page;

	memcpy(at, instructions[i].code, instructions[i].length);
	at += instructions[i].length;
	if (instructions[i].length == 8) {
		memset(at, 0x66, 7);
		at[7] = 0x90;
		at += 8;
	}
	at[0] = user ? 0xcd : 0xc3;
	at[1] = 0x80;
}

void probe_instructions(void)
{
	static const u64 calls[] = { 0, 1, 2, 0x6c76697773, 0x6c76697774, 0x4b4d564b, ~0ull };

	for (u32 i = 0; i < ARRAY_SIZE(instructions); i++) {
		u64 kernel, error, user, at = (u64)operand;
		struct regs r = { .rax = at, .rbx = at, .rcx = 9, .rdx = 0, .rsi = at, .rdi = at };
		const char *name = instructions[i].name;

		place(i, false);
		/* These leave to where nothing is, or wait for what does not come. */
		kernel = same(name, "hlt") || same(name, "sysexit") || same(name, "syscall") ||
			 same(name, "sysenter") ? 0 : try_regs(&r, code_page);
		error = fault.error;
		place(i, true);
		r = (struct regs){ .rax = at + USER_ALIAS, .rbx = at, .rcx = 9, .rdx = 0 };
		user = try_user(&r, code_page);
		begin(name);
		value(kernel);
		value(error);
		value(user);
		value(fault.error);
		end();
	}
	/* Calls of a hypervisor, of which none is known at CPL 3. */
	for (u32 i = 0; i < ARRAY_SIZE(calls); i++)
		for (u32 n = 0; n < 6; n++) {
			u32 which = is_amd() ? 20 : 19;
			struct regs r = { .rax = calls[i], .rcx = n * 0x55555555ull };
			u64 kernel = 0, user;

			place(which, false);
			/* The one that exists is looked at elsewhere. */
			if (calls[i] != 0x6c76697773)
				kernel = try_regs(&r, code_page);
			place(which, true);
			r = (struct regs){ .rax = calls[i], .rcx = n };
			user = try_user(&r, code_page);
			line3("call", calls[i], kernel, user);
		}
}

bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* ---- debug registers and single steps -------------------------------------------------------------- */

SNIPPET(get_dr6, "mov %dr6, %rax");
SNIPPET(get_dr7, "mov %dr7, %rax");
SNIPPET(get_dr4, ".byte 0x0f, 0x21, 0xe0");
SNIPPET(set_dr6, "mov %rax, %dr6");
SNIPPET(set_dr7, "mov %rax, %dr7");
SNIPPET(set_dr0, "mov %rax, %dr0");
SNIPPET(toggle_de, "mov %cr4, %rax\nxor $8, %rax\nmov %rax, %cr4");
SNIPPET(step, "pushfq\norq $0x100, (%rsp)\npopfq\nnop\nnop\nnop\npushfq\nandq $~0x100, (%rsp)\npopfq");
SNIPPET(step_cpuid, "pushfq\norq $0x100, (%rsp)\npopfq\ncpuid\nnop\npushfq\nandq $~0x100, (%rsp)\npopfq");
SNIPPET(step_cr0, "mov %cr0, %rcx\npushfq\norq $0x100, (%rsp)\npopfq\nmov %rcx, %cr0\nnop\npushfq\n"
		  "andq $~0x100, (%rsp)\npopfq");
SNIPPET(step_msr, "mov $0xc0000080, %ecx\npushfq\norq $0x100, (%rsp)\npopfq\nrdmsr\nwrmsr\nnop\n"
		  "pushfq\nandq $~0x100, (%rsp)\npopfq");
SNIPPET(step_io, "pushfq\norq $0x100, (%rsp)\npopfq\nin $0x61, %al\nnop\npushfq\nandq $~0x100, (%rsp)\n"
		 "popfq");
SNIPPET(step_ss, "mov %ss, %ecx\npushfq\norq $0x100, (%rsp)\npopfq\nmov %ecx, %ss\ncpuid\nnop\npushfq\n"
		 "andq $~0x100, (%rsp)\npopfq");
SNIPPET(write_there, "movl $1, (%rax)");
SNIPPET(run_there, "nop\nnop");
SNIPPET(icebp, ".byte 0xf1");
SNIPPET(int3, "int3");
SNIPPET(read_port, "in $0x61, %al");

static u64 seen(const char *code, u64 rax)
{
	struct regs r = { .rax = rax };

	return try_regs(&r, code);
}

static u64 dr(const char *code)
{
	struct regs r = { 0 };

	return try_regs(&r, code) == NONE ? r.rax : 0xbad;
}

/* Counts the steps of one: its first #DB ends it, so that TF is off again. */
static void steps(const char *name, const char *code)
{
	struct regs r = { 0 };
	u64 vector;

	seen(set_dr6, 0xffff0ff0);
	vector = try_regs(&r, code);
	line3(name, vector, fault.rip - (u64)code, fault.dr6);
}

void probe_debug(void)
{
	steps("step", step);
	steps("step cpuid", step_cpuid);
	steps("step mov cr0", step_cr0);
	steps("step msr", step_msr);
	steps("step in", step_io);
	steps("step mov ss", step_ss);
	steps("icebp", icebp);
	steps("int3", int3);
	for (u32 i = 0; i < 64; i++) {
		seen(set_dr6, 0xffff0ff0);
		/* Without the breakpoints themselves, which are armed below. */
		line3("dr7", i, seen(set_dr7, 0x400 | (i < 8 ? 0 : 1ull << i)), 0);
		if (i != 13)
			line("dr7 is", dr(get_dr7));
		seen(set_dr7, 0x400);
		line3("dr6", i, seen(set_dr6, 1ull << i), dr(get_dr6));
	}
	seen(set_dr7, 0x400);
	seen(set_dr7, 0x400);
	line2("dr4", dr(get_dr4), dr(get_dr6));
	dr(toggle_de);
	line2("dr4 with DE", seen(get_dr4, 0), fault.error);
	dr(toggle_de);
	line("dr0 not canonical", seen(set_dr0, 0x800000000000));
	/* Breakpoints on a write, on code and, with DE, on a port; and DR7.GD. */
	seen(set_dr6, 0xffff0ff0);
	seen(set_dr0, (u64)operand);
	seen(set_dr7, 0xd0402);
	line2("break on write", seen(write_there, (u64)operand), fault.dr6);
	seen(set_dr6, 0xffff0ff0);
	seen(set_dr0, (u64)run_there);
	seen(set_dr7, 0x402);
	line2("break on code", seen(run_there, 0), fault.dr6);
	seen(set_dr6, 0xffff0ff0);
	dr(toggle_de);
	seen(set_dr0, 0x61);
	seen(set_dr7, 0x20402);
	line2("break on port", seen(read_port, 0), fault.dr6);
	dr(toggle_de);
	seen(set_dr7, 0x400);
	seen(set_dr6, 0xffff0ff0);
	seen(set_dr7, 0x2400);
	line3("general detect", seen(get_dr7, 0), fault.dr6, dr(get_dr7));
	seen(set_dr7, 0x400);
	seen(set_dr6, 0xffff0ff0);
}

/* ---- modes -------------------------------------------------------------------------------------------- */

extern char real_nothing[], real_halt[], real_a20[], real_faults[], real_flags[], real_return[];
extern u8 real_words[];
extern u32 real_count;

void probe_real(void)
{
	const u32 *words = (const u32 *)real_words;

	/* A busy emulator gives ticks late and several at once: how many is not asked. */
	real_call((u32)(u64)real_halt);
	line("halt", words[0] != 0);
	real_call((u32)(u64)real_a20);
	line("a20", words[0]);
	real_call((u32)(u64)real_flags);
	line3("flags", words[0], words[1], words[2]);
	line("machine status word", words[3] & 0xffff);
	/* QEMU takes paging without protection, and knows no limits of segments there. */
	if (lenient)
		return;
	real_call((u32)(u64)real_faults);
	begin("real mode's exceptions");
	for (u32 i = 0; i < real_count; i++)
		value(real_words[i]);
	end();
}

void probe_modes(void)
{
	u32 times = rounds ? rounds : 1000;

	for (u32 i = 0; i < times; i++)
		real_call((u32)(u64)real_nothing);
	line("real and long mode, times", times);
}

void probe_protected(void)
{
	extern const u8 program32[], program32_end[];

	memset((void *)PROGRAM32_AT, 0, VECTORS_AT - PROGRAM32_AT);
	memcpy((void *)PROGRAM32_AT, program32, (u64)(program32_end - program32));
	prot_call(PROGRAM32_AT);
}

/* ---- ports ----------------------------------------------------------------------------------------------- */

void probe_ports(void)
{
	u32 n = seed | 1;

	/* Nothing is at these; DMA's page registers and POST codes take what they get. */
	for (u32 i = 0; i < 2000; i++) {
		static const u16 ports[] = { 0x80, 0x84, 0x85, 0x86, 0x88, 0x8c, 0xed, 0x300, 0x310, 0x22e,
					     0x2e8 };
		u16 port = ports[n >> 8 & 0x7ff ? (n >> 8) % ARRAY_SIZE(ports) : 0];

		n = n * 1664525 + 1013904223;
		if (n & 1u << 30)
			outb(port, (u8)(n >> 16));
		else
			asm volatile("outl %0, %1" : : "a"(n), "Nd"((u16)(0x300 + (n >> 20 & 0xc))));
	}
	begin("ports");
	for (u32 port = 0x300; port < 0x310; port++)
		value(inb((u16)port));
	end();
}

/* ---- what resets --------------------------------------------------------------------------------------- */

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
extern char idt_pointer[];

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

	apic[0xc4] = apic[8]; /* to itself, by number */
	reset_self(0x4500);
	asm volatile("ltr %0" : : "r"((u16)(gdt[SEL_TSS / 8] &= ~(2ull << 40), SEL_TSS)));
	line("INIT to itself", came_back);
}

SNIPPET(triple, "movw $0, idt_pointer\nlidt idt_pointer\nud2");

void probe_triple(void)
{
	u8 step = cmos_read(CMOS_STEP);

	put("triple faults before ");
	put_hex(step);
	put("\r\n");
	if (step >= 3) {
		cmos_write(CMOS_STEP, 0);
		line("triple faults", step);
		return;
	}
	cmos_write(CMOS_STEP, step + 1);
	while (!(inb(0x3f8 + 5) & 0x40))
		;
	asm volatile("movw $0, idt_pointer\n lidt idt_pointer\n ud2");
}

/* ---- bytes of chance ------------------------------------------------------------------------------------ */

static u64 state;

static u64 chance(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* At CPL 0, with registers of chance; what halts, resets or never ends is not asked. */
static bool harmless(const u8 *b)
{
	for (u32 i = 0; i < 14; i++) {
		if (b[i] == 0xf4 || b[i] == 0xfa || b[i] == 0xfb || (b[i] & 0xf0) == 0xe0 ||
		    (b[i] & 0xf0) == 0x70 || b[i] == 0xcf || (b[i] >= 0x6c && b[i] <= 0x6f))
			return false;
		if (b[i] == 0x0f && (b[i + 1] == 0x22 || b[i + 1] == 0x23 || b[i + 1] == 0x30 ||
				     (b[i + 1] & 0xf0) == 0x80 || b[i + 1] == 0x01 || b[i + 1] == 0x00 ||
				     b[i + 1] == 0x07 || b[i + 1] == 0x35 || b[i + 1] == 0x05))
			return false;
		if (b[i] == 0x9d || b[i] == 0xff || b[i] == 0xc2 || b[i] == 0xca || b[i] == 0xcb ||
		    b[i] == 0x8e || b[i] == 0xf1 || b[i] == 0xcc || b[i] == 0xcd)
			return false;
	}
	return true;
}

/* What exits, with registers of chance: CPUID, MSRs' reads, calls, memory that is not there. */
static void place_exit(u8 *at, struct regs *r, u64 hidden)
{
	static const u8 codes[][4] = { { 0x0f, 0xa2, 0x90, 0x90 }, { 0x0f, 0x32, 0x90, 0x90 },
				       { 0x0f, 0x01, 0xc1, 0x90 }, { 0x0f, 0x01, 0xd9, 0x90 },
				       { 0x0f, 0x01, 0xd1, 0x90 } };
	u64 n = chance();

	if (n % 3 == 0) {
		memcpy(at, codes[n / 3 % ARRAY_SIZE(codes)], 4);
		if (n & 1u << 20)
			r->rcx = (u32[]){ 0, 0xc0000080, 0x277, 0x1b, 0x3a, 0x480, 0xc0010114,
					  0xc0010117 }[n >> 24 & 7];
		if (n & 1u << 21)
			r->rax = 0x6c76697773;
		/* The log is not written to memory of chance. */
		if ((u32)r->rcx == 2)
			r->rcx = 3;
	} else {
		r->rax = hidden + (n >> 8 & 0x1fffff);
		r->rbx = r->rdi = r->rsi = r->rax;
		r->rcx &= 15;
		/* An opcode of chance with (%rax) or (%rbx) as its operand. */
		u32 i = 0;

		if (n & 1u << 30)
			at[i++] = 0x66;
		if (n & 1u << 31)
			at[i++] = 0x48;
		if (n & 1ull << 32)
			at[i++] = 0x0f;
		at[i++] = (u8)(n >> 40);
		at[i++] = (u8)(n >> 48 & 0x3b);
	}
}



void probe_nonsense(void)
{
	u32 count = rounds ? rounds * 4 : 20000;
	u64 size = 0, hidden = find_hidden(&size);
	u8 old[64];

	if (!beneath || !hidden)
		return;
	state = seed * 0x9e3779b97f4a7c15ull | 1;
	memcpy(old, code_page, sizeof(old));
	for (u32 i = 0; i < count; i++) {
		struct regs r = { chance(), chance(), chance(), chance(), chance(), chance() };

		do {
			memset(code_page, 0x90, 48);
			/* At CPL 3 whatever it is; at CPL 0 what exits. */
			for (u32 j = 0; j < 16; j++)
				code_page[j] = (u8)chance();
			if (i & 1)
				place_exit(code_page, &r, hidden);
			code_page[48] = i & 1 ? 0xc3 : 0xcd;
			code_page[49] = 0x80;
		} while (!harmless(code_page));
		if (i & 1)
			try_regs(&r, code_page);
		else
			try_user(&r, code_page);
	}
	put("nonsense, rounds ");
	put_hex(count);
	put("\r\n");
}
