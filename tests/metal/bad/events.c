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
	for (u32 i = 0; i < (rounds ? 20 : 200); i++) {
		u64 n = chance(), v = i & 1 ? (u32)n : n & chance() & chance();

		seen(set_dr0, chance());
		line3("dr7 garbage", v, seen(set_dr7, v), dr(get_dr7));
		seen(set_dr7, 0x400);
		seen(set_dr7, 0x400); /* the first one may have met DR7.GD */
		line3("dr6 garbage", v, seen(set_dr6, v), dr(get_dr6));
		seen(set_dr6, 0xffff0ff0);
	}
}

/* ---- modes -------------------------------------------------------------------------------------------- */

extern char real_nothing[], real_halt[], real_a20[], real_faults[], real_flags[];
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
	load_tss();
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
