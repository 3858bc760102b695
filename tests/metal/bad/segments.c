// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Descriptors, good and bad, of long mode. */
#include "tests/metal/bad/bad.h"

SNIPPET(load_ds, "mov %eax, %ds");
SNIPPET(load_es, "mov %eax, %es");
SNIPPET(load_fs, "mov %eax, %fs");
SNIPPET(load_gs, "mov %eax, %gs");
SNIPPET(load_ss, "mov %eax, %ss");
SNIPPET(load_cs, "pop %rbx\npush %rax\npush %rbx\nlretq");
SNIPPET(load_ldt, "lldt %ax");
SNIPPET(load_tr, "ltr %ax");
SNIPPET(load_gdt, "lgdt (%rax)");
SNIPPET(load_idt, "lidt (%rax)");
SNIPPET(do_lar, "lar %eax, %ebx\nmov $0, %ecx\nsetz %cl");
SNIPPET(do_lsl, "lsl %eax, %ebx\nmov $0, %ecx\nsetz %cl");
SNIPPET(do_verr, "mov $0, %ecx\nverr %ax\nsetz %cl");
SNIPPET(do_verw, "mov $0, %ecx\nverw %ax\nsetz %cl");
SNIPPET(do_iret, "mov %rsp, %rcx\npushq $0x10\npush %rcx\npushq $2\npush %rax\n"
		 "push $1f\niretq\n1:");
SNIPPET(int_soft, "int $0x90");
SNIPPET(int_gate, "int $0x91");
SNIPPET(user_int, "int $0x91\nint $0x80");

static const struct {
	const char *name, *code;
} loads[] = {
	{ "ds", load_ds }, { "es", load_es }, { "fs", load_fs }, { "gs", load_gs }, { "ss", load_ss },
	{ "cs", load_cs }, { "iret", do_iret }, { "ldt", load_ldt }, { "tr", load_tr },
};

/* One line: what each of 32 types gives. */
static void row(u32 n, u32 dpl, u32 rpl, u32 flags)
{
	begin(loads[n].name);
	value(dpl);
	value(rpl);
	value(flags);
	for (u32 type = 0; type < 32; type++) {
		struct regs r = { .rax = SEL_FREE | rpl };

		gdt[SEL_FREE / 8] = 0x0000000000000067 | (u64)SCRATCH_AT << 16 |
				    (u64)(type | dpl << 5) << 40 | (u64)(flags & 0xf0) << 48 |
				    (u64)(flags & 1) << 47;
		gdt[SEL_FREE / 8 + 1] = flags & 2 ? 1ull << 40 : 0;
		value(try_regs(&r, loads[n].code) | fault.error << 8);
	}
	end();
}

static void verifies(u32 dpl, u32 rpl)
{
	static const char *const codes[] = { do_lar, do_lsl, do_verr, do_verw };

	for (u32 i = 0; i < 4; i++) {
		begin("lar, lsl, verr, verw");
		for (u32 type = 0; type < 32; type++) {
			struct regs r = { .rax = SEL_FREE | rpl };

			gdt[SEL_FREE / 8] = 0x67 | (u64)(type | dpl << 5 | 0x80) << 40;
			try_regs(&r, codes[i]);
			value(r.rcx ? (u32)r.rbx | 1ull << 32 : 0);
		}
		end();
	}
}

/* Selectors at the end of the table, whose limit is wrong by each number of bytes. */
static void table_limits(void)
{
	static struct {
		u16 pad[3], limit;
		u64 base;
	} p;
	struct regs r;

	gdt[SEL_FREE / 8] = 0x00cf93000000ffff;
	gdt[SEL_FREE / 8 + 1] = 0x00cf93000000ffff;
	for (u32 n = 0; n < 10; n++) {
		p.limit = SEL_FREE + 15 - n;
		p.base = (u64)gdt;
		r = (struct regs){ .rax = (u64)&p.limit };
		try_regs(&r, load_gdt);
		r = (struct regs){ .rax = SEL_FREE + 8 };
		line3("gdt limit", n, try_regs(&r, load_es), fault.error);
	}
	p.limit = GDT_SIZE - 1;
	r = (struct regs){ .rax = (u64)&p.limit };
	try_regs(&r, load_gdt);
	p.base = 0x800000000000;
	if (lenient)
		goto idt_limits;
	r = (struct regs){ .rax = (u64)&p.limit };
	line2("gdt not canonical", try_regs(&r, load_gdt), fault.error);
	r = (struct regs){ .rax = (u64)&p.limit };
	line2("idt not canonical", try_regs(&r, load_idt), fault.error);
idt_limits:
	for (u32 n = 0; n < 18; n++) {
		p.limit = 0x90 * 16 + 15 - n;
		p.base = (u64)idt;
		r = (struct regs){ .rax = (u64)&p.limit };
		try_regs(&r, load_idt);
		line3("idt limit", n, try_regs(&r, int_soft), fault.error);
	}
	p.limit = 4095;
	r = (struct regs){ .rax = (u64)&p.limit };
	try_regs(&r, load_idt);
}

static void gates(void)
{
	u64 *gate = idt + 0x91 * 2, old[2] = { gate[0], gate[1] };

	for (u32 type = 0; type < 32; type++)
		for (u32 p = 0; p < 2; p++) {
			struct regs r = { 0 };
			u64 kernel, error;

			gate[0] = (old[0] & ~(0xffull << 40)) | (u64)(type | 0x60 | p << 7) << 40;
			kernel = try_regs(&r, int_gate);
			error = fault.error;
			r = (struct regs){ 0 };
			begin("gate");
			value(type | p << 7);
			value(kernel);
			value(error);
			value(try_user(&r, user_int));
			value(fault.error);
			end();
		}
	/* Its stack and code: selectors that are none, an address that is none. */
	for (u32 sel = 0; sel < 0x60; sel += 4) {
		struct regs r = { 0 };

		gate[0] = (old[0] & ~0xffff0000ull) | sel << 16;
		line3("gate's selector", sel, try_regs(&r, int_gate), fault.error);
	}
	gate[0] = old[0];
	gate[1] = 0x8000;
	struct regs r = { 0 };

	line2("gate not canonical", try_regs(&r, int_gate), fault.error);
	gate[1] = old[1];
}

void probe_segments(void)
{
	/* Whatever runs there where it should not stops. */
	memset((void *)SCRATCH_AT, 0xcc, 0x10000);
	for (u32 n = 0; n < ARRAY_SIZE(loads); n++)
		for (u32 dpl = 0; dpl < 4; dpl++)
			for (u32 rpl = 0; rpl < 4; rpl++) {
				if ((n > 6 && rpl) || (n < 6 && n && n != 4 && rpl == 2))
					continue;
				row(n, dpl, rpl, 0x01);
				if (rpl)
					continue;
				row(n, dpl, rpl, 0x00);
				row(n, dpl, rpl, 0x21);
				row(n, dpl, rpl, 0x61);
				/* Code there would run through nothing, or for ever. */
				if (n != 5 && n != 6)
					row(n, dpl, rpl, 0xf3);
			}
	for (u32 n = 0; n < ARRAY_SIZE(loads); n++)
		for (u32 sel = 0; sel < 8; sel++) {
			struct regs r = { .rax = sel };

			line3(loads[n].name, sel, try_regs(&r, loads[n].code), fault.error);
			r = (struct regs){ .rax = 0xfff8 + sel };
			line3(loads[n].name, 0xfff8 + sel, try_regs(&r, loads[n].code), fault.error);
		}
	for (u32 dpl = 0; dpl < 4; dpl++)
		verifies(dpl, 3 - dpl);
	table_limits();
	/* What is there again. */
	struct regs r = { .rax = 0 };

	try_regs(&r, load_ldt);
	gdt[SEL_TSS / 8] &= ~(2ull << 40);
	r = (struct regs){ .rax = SEL_TSS };
	line("tr at last", try_regs(&r, load_tr));
	gates();
}
