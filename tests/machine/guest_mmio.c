// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Memory that is not there: what the hypervisor makes of instructions that touch it. The judge is
 * the processor: each form runs once on RAM and once on MMIO that behaves like RAM; registers,
 * flags and memory must end the same.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "guest.h"

#define AREA 256 /* bytes that behave like RAM, from GUEST_MMIO on */
#define RAM GUEST_DATA /* the same for the judge */
#define OTHER (GUEST_DATA + 0x1000) /* RAM for the other operand of string instructions */

static u8 device[AREA];
static u32 accesses;

/* Runs to an exit that is no MMIO; the device answers in between. */
static u32 run_with_device(struct guest_cpu *c)
{
	for (;;) {
		u64 offset;

		if (guest_run(c) != KVM_EXIT_MMIO)
			return c->run->exit_reason;
		offset = c->run->mmio.phys_addr - GUEST_MMIO;
		if (offset + c->run->mmio.len > AREA || c->run->mmio.len > 8 || !c->run->mmio.len)
			FAIL("%s", guest_exit_text(c));
		if (c->run->mmio.is_write)
			memcpy(device + offset, c->run->mmio.data, c->run->mmio.len);
		else
			memcpy(c->run->mmio.data, device + offset, c->run->mmio.len);
		accesses++;
	}
}

/* ---- Forms of instructions ---- */

struct form {
	const u8 *begin, *end;
	const char *text;
};

/* RBX is the address under test, RSI OTHER; RAX, RCX, RDX and R9 hold numbers. */
#define FORM(text)                                                                                 \
	".pushsection .data.forms, \"aw\"\n .quad 1f, 2f, 3f\n .popsection\n"                      \
	".pushsection .rodata.str\n 3: .asciz \"" text "\"\n .popsection\n"                        \
	"1: " text "\n	hlt\n2:\n"
#define FORMS(list, bits, ...)                                                                     \
	asm(".pushsection .data.forms, \"aw\"\n " #list ": .popsection\n"                          \
	    ".pushsection .rodata\n .code" #bits "\n" __VA_ARGS__ ".code64\n.popsection\n"         \
	    ".pushsection .data.forms, \"aw\"\n " #list "_end: .popsection\n");                    \
	extern const struct form list[], list##_end[]

FORMS(forms_mov, 64,
	FORM("mov %al, 3(%rbx)") FORM("mov %ax, 2(%rbx)") FORM("mov %eax, 4(%rbx)")
	FORM("mov %rax, 8(%rbx)") FORM("mov %ah, 1(%rbx)") FORM("mov %r9, (%rbx)")
	FORM("mov %r9b, (%rbx)") FORM("mov %sil, (%rbx)")
	FORM("movb $0x12, 5(%rbx)") FORM("movw $0x1234, 6(%rbx)") FORM("movl $0x12345678, (%rbx)")
	FORM("movq $-5, 8(%rbx)")
	FORM("mov 3(%rbx), %al") FORM("mov 1(%rbx), %ah") FORM("mov 2(%rbx), %ax")
	FORM("mov 4(%rbx), %eax") FORM("mov 8(%rbx), %rax") FORM("mov 8(%rbx), %r9")
	FORM("mov 9(%rbx), %r9d") FORM("mov (%rbx,%r10,4), %edx") FORM("mov %edx, -4(%rbx,%r10,8)")
	FORM("mov 1(%rbx), %ebx")
	FORM("movzbl (%rbx), %eax") FORM("movzwl (%rbx), %eax") FORM("movzbw (%rbx), %ax")
	FORM("movzwq 2(%rbx), %rcx") FORM("movsbl (%rbx), %eax") FORM("movswl 1(%rbx), %eax")
	FORM("movsbq 5(%rbx), %r9") FORM("movswq 6(%rbx), %rdx") FORM("movslq 8(%rbx), %rax")
	FORM("movnti %eax, (%rbx)") FORM("movnti %rax, (%rbx)"));

FORMS(forms_alu, 64,
	FORM("add %eax, (%rbx)") FORM("add (%rbx), %rax") FORM("addb $7, (%rbx)")
	FORM("addl $0x1000000, (%rbx)") FORM("addq $-1, (%rbx)")
	FORM("or %al, (%rbx)") FORM("or (%rbx), %ax") FORM("orl $0x80, 4(%rbx)")
	FORM("and %ecx, (%rbx)") FORM("and (%rbx), %cl") FORM("andw $0xff, (%rbx)")
	FORM("xor %rdx, (%rbx)") FORM("xor (%rbx), %edx") FORM("xorb $0x55, 3(%rbx)")
	FORM("sub %eax, (%rbx)") FORM("sub (%rbx), %ax") FORM("subl $3, (%rbx)")
	FORM("stc; adc %eax, (%rbx)") FORM("stc; adcl $0, (%rbx)") FORM("stc; sbb %ecx, (%rbx)")
	FORM("cmp %eax, (%rbx)") FORM("cmp (%rbx), %rax") FORM("cmpb $0x21, (%rbx)")
	FORM("cmpl $0x7fffffff, (%rbx)") FORM("test %eax, (%rbx)") FORM("testb $0x80, (%rbx)")
	FORM("testl $1, 4(%rbx)") FORM("incl (%rbx)") FORM("decw (%rbx)") FORM("incb 7(%rbx)")
	FORM("notl (%rbx)") FORM("negl (%rbx)") FORM("lock orl $2, (%rbx)")
	FORM("lock addl $1, (%rbx)") FORM("lock decl (%rbx)"));

FORMS(forms_bits, 64,
	FORM("btl $3, (%rbx)") FORM("btsl $5, (%rbx)") FORM("btrl $1, (%rbx)")
	FORM("btcl $31, (%rbx)") FORM("lock btsl $6, (%rbx)")
	FORM("xchg %eax, (%rbx)") FORM("xchg %cl, 1(%rbx)") FORM("xchg %rdx, 8(%rbx)")
	FORM("cmpxchg %ecx, (%rbx)") FORM("mov (%rbx), %eax; cmpxchg %ecx, (%rbx)")
	FORM("xadd %eax, (%rbx)"));

/* What no driver does to a device. KVM knows them; who does not must say so. */
FORMS(forms_rare, 64,
	FORM("shll $3, (%rbx)") FORM("shrb $1, (%rbx)") FORM("push (%rbx)")
	FORM("push %rax; pop (%rbx)"));

FORMS(forms_string, 64,
	FORM("mov %rbx, %rdi; stosb") FORM("mov %rbx, %rdi; stosl") FORM("mov %rbx, %rdi; stosq")
	FORM("mov %rbx, %rdi; mov $7, %ecx; rep stosw")
	FORM("mov %rbx, %rdi; mov $5, %ecx; rep stosl")
	FORM("mov %rbx, %rdi; movsb") FORM("mov %rbx, %rdi; movsl")
	FORM("mov %rbx, %rdi; mov $9, %ecx; rep movsb")
	FORM("mov %rbx, %rdi; mov $6, %ecx; rep movsq")
	FORM("mov %rsi, %rdi; mov %rbx, %rsi; movsw")
	FORM("mov %rsi, %rdi; mov %rbx, %rsi; mov $9, %ecx; rep movsl")
	FORM("lea 40(%rbx), %rdi; std; mov $3, %ecx; rep movsb; cld")
	FORM("mov %rbx, %rsi; lodsb") FORM("mov %rbx, %rsi; lodsl")
	FORM("mov %rbx, %rsi; lea 64(%rbx), %rdi; mov $4, %ecx; rep movsl"));

FORMS(forms_32, 32,
	FORM("mov %al, 3(%ebx)") FORM("mov %ax, 2(%ebx)") FORM("mov %eax, 4(%ebx)")
	FORM("mov 4(%ebx), %eax") FORM("mov 1(%ebx), %ah") FORM("orl $0x100, (%ebx)")
	FORM("movzbl (%ebx), %eax") FORM("xchg %eax, (%ebx)") FORM("incl (%ebx)")
	FORM("mov %ebx, %edi; mov $5, %ecx; rep stosl")
	FORM("mov %esi, %edi; mov %ebx, %esi; mov $5, %ecx; rep movsw"));

/* Flags that instructions of the list leave undefined: AF after logic, OF after some shifts. */
#define FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF | RFLAGS_DF)

struct outcome {
	struct kvm_regs regs;
	u8 area[AREA], other[AREA];
	u64 stack; /* what a push left there */
};

static void fill(u8 *area, u8 seed)
{
	for (int i = 0; i < AREA; i++)
		area[i] = 0x21 + seed + i * 0x1d;
}

/* A register that may hold an address in the area counts by its distance from the base. */
static u64 relative(u64 value, u64 base)
{
	return value - base < AREA ? value - base : value;
}

/* Runs a form with RBX = base; false where it did not end with HLT. */
static bool run_form(struct guest_cpu *c, const struct form *f, u64 base, struct outcome *o)
{
	struct guest *g = c->guest;
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK,
				 .rflags = RFLAGS_ONE, .rax = 0x1122334455667788,
				 .rbx = base, .rcx = 0x99aabbccddeeff11,
				 .rdx = 0x8070605040302010, .rsi = OTHER,
				 .rdi = OTHER + 64, .r9 = 0xf1e2d3c4b5a69788, .r10 = 3 };

	guest_load(g, GUEST_CODE, f->begin, f->end);
	fill(g->mem + RAM, 0);
	fill(device, 0);
	fill(g->mem + OTHER, 99);
	guest_set_regs(c, &regs);
	if (run_with_device(c) != KVM_EXIT_HLT)
		return false;
	guest_regs(c, &o->regs);
	o->regs.rflags &= FLAGS;
	o->regs.rbx = relative(o->regs.rbx, base);
	o->regs.rsi = relative(o->regs.rsi, base);
	o->regs.rdi = relative(o->regs.rdi, base);
	memcpy(o->area, base == RAM ? g->mem + RAM : device, AREA);
	memcpy(o->other, g->mem + OTHER, AREA);
	o->stack = *(u64 *)(g->mem + GUEST_STACK - 8);
	return true;
}

/* The last exit says in full that the instruction is not known. */
static bool not_known(struct guest_cpu *c, const struct form *f)
{
	struct kvm_run *run = c->run;
	struct kvm_regs regs;

	guest_regs(c, &regs);
	return run->exit_reason == KVM_EXIT_INTERNAL_ERROR &&
	       run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION &&
	       (run->emulation_failure.flags &
		KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) &&
	       !memcmp(run->emulation_failure.insn_bytes, f->begin + (regs.rip - GUEST_CODE), 2);
}

static void run_forms(enum guest_mode mode, const struct form *list, const struct form *end)
{
	static struct outcome ram, mmio;
	struct guest_cpu *c;
	char bad[400] = "";
	struct guest g;
	int n = 0;

	guest_new(&g, GUEST_SIZE, 0);
	c = &g.cpu[0];
	for (const struct form *f = list; f < end; f++) {
		const char *why = "";

		guest_mode(c, mode);
		if (!run_form(c, f, RAM, &ram))
			FAIL("%s on RAM: %s", f->text, guest_exit_text(c));
		accesses = 0;
		if (!run_form(c, f, GUEST_MMIO, &mmio) && list == forms_rare && not_known(c, f))
			continue;
		if (c->run->exit_reason != KVM_EXIT_HLT)
			why = guest_exit_text(c);
		else if (!accesses)
			why = "no access was seen";
		else if (memcmp(ram.area, mmio.area, AREA))
			why = "wrong in memory";
		else if (memcmp(ram.other, mmio.other, AREA) || ram.stack != mmio.stack)
			why = "wrong in the other operand";
		else if (ram.regs.rflags != mmio.regs.rflags)
			why = "wrong flags";
		else if (memcmp(&ram.regs, &mmio.regs, sizeof(ram.regs)))
			why = "wrong registers";
		else
			continue;
		n += snprintf(bad + n, sizeof(bad) - n, "%s'%s' %s", n ? ", " : "", f->text, why);
		if (n >= (int)sizeof(bad))
			break;
	}
	if (n)
		FAIL("%s", bad);
	guest_end(&g);
}

TEST(move_forms)
{
	run_forms(MODE_LONG, forms_mov, forms_mov_end);
}

TEST(arithmetic_forms)
{
	run_forms(MODE_LONG, forms_alu, forms_alu_end);
}

TEST(bit_and_exchange_forms)
{
	run_forms(MODE_LONG, forms_bits, forms_bits_end);
}

TEST(rare_forms)
{
	run_forms(MODE_LONG, forms_rare, forms_rare_end);
}

TEST(string_forms)
{
	run_forms(MODE_LONG, forms_string, forms_string_end);
}

TEST(forms_32bit)
{
	run_forms(MODE_PAGED32, forms_32, forms_32_end);
	run_forms(MODE_PROTECTED, forms_32, forms_32_end);
	run_forms(MODE_PAE, forms_32, forms_32_end);
}

/* ---- What leaves, exactly ---- */

CODE64(sizes, "mov $0xd0000000, %ebx\n mov $0x1122334455667788, %rax\n"
	      "mov %al, 1(%rbx)\n mov %ax, 2(%rbx)\n mov %eax, 4(%rbx)\n mov %rax, 8(%rbx)\n"
	      "mov 1(%rbx), %al\n mov 2(%rbx), %ax\n mov 4(%rbx), %eax\n mov 8(%rbx), %rax\n hlt\n");

TEST(sizes_and_addresses)
{
	static const u64 value = 0x1122334455667788;
	struct kvm_regs regs;
	struct guest g;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, sizes);
	guest_mode(c, MODE_LONG);
	for (u32 i = 0; i < 8; i++) {
		u32 size = 1 << (i & 3);

		guest_run_to(c, KVM_EXIT_MMIO);
		EQUAL(c->run->mmio.phys_addr, GUEST_MMIO + size);
		EQUAL(c->run->mmio.len, size);
		EQUAL(c->run->mmio.is_write, i < 4);
		if (i < 4)
			CHECK(!memcmp(c->run->mmio.data, &value, size));
		else
			memset(c->run->mmio.data, 0xa0 + i, 8);
	}
	guest_run_to(c, KVM_EXIT_HLT);
	guest_regs(c, &regs);
	EQUAL(regs.rax, 0xa7a7a7a7a7a7a7a7);
	guest_end(&g);
}

/* The upper half of RAX when a 32-bit read completes: zero, as on a processor. */
CODE64(upper, "mov $0xd0000000, %ebx\n mov $-1, %rax\n mov (%rbx), %eax\n hlt\n"
	      "mov $-1, %rax\n mov (%rbx), %ax\n hlt\n");

TEST(read_completes)
{
	struct kvm_regs regs;
	struct guest g;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, upper);
	guest_mode(c, MODE_LONG);
	guest_run_to(c, KVM_EXIT_MMIO);
	memcpy(c->run->mmio.data, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	guest_run_to(c, KVM_EXIT_HLT);
	guest_regs(c, &regs);
	EQUAL(regs.rax, 0x04030201);
	guest_run_to(c, KVM_EXIT_MMIO);
	memcpy(c->run->mmio.data, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	guest_run_to(c, KVM_EXIT_HLT);
	guest_regs(c, &regs);
	EQUAL(regs.rax, 0xffffffffffff0201);
	guest_end(&g);
}

/* Half in memory, half behind its end. */
CODE64(straddle, "mov $0x3ffffe, %ebx\n mov $0x11223344, %eax\n mov %eax, (%rbx)\n hlt\n"
		 "mov (%rbx), %eax\n hlt\n");

TEST(access_over_the_end_of_memory)
{
	struct kvm_regs regs;
	struct guest g;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, straddle);
	guest_mode(c, MODE_LONG);
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, GUEST_SIZE);
	EQUAL(c->run->mmio.len, 2);
	CHECK(c->run->mmio.is_write);
	CHECK(!memcmp(c->run->mmio.data, "\x22\x11", 2));
	guest_run_to(c, KVM_EXIT_HLT);
	EQUAL(*(u16 *)(g.mem + GUEST_SIZE - 2), 0x3344);
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, GUEST_SIZE);
	EQUAL(c->run->mmio.len, 2);
	memcpy(c->run->mmio.data, "\x66\x55", 2);
	guest_run_to(c, KVM_EXIT_HLT);
	guest_regs(c, &regs);
	EQUAL(regs.rax, 0x55663344);
	guest_end(&g);
}

/* The hole from 640 KiB to 1 MiB, reached from real mode through a segment. */
CODE16(vga, "mov $0xb800, %ax\n mov %ax, %es\n mov $0x0741, %ax\n mov %ax, %es:(4)\n"
	    "mov %es:(8), %bx\n mov $0x10, %di\n stosw\n hlt\n");

TEST(real_mode)
{
	struct kvm_regs regs;
	struct guest g;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, vga);
	guest_mode(c, MODE_REAL);
	CHECK(!guest_slot(&g, 0, 0, 0, 0, g.mem));
	CHECK(!guest_slot(&g, 0, 0, 0, 0xa0000, g.mem));
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, 0xb8004);
	EQUAL(c->run->mmio.len, 2);
	CHECK(!memcmp(c->run->mmio.data, "\x41\x07", 2));
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, 0xb8008);
	CHECK(!c->run->mmio.is_write);
	memcpy(c->run->mmio.data, "\x34\x12", 2);
	guest_run_to(c, KVM_EXIT_MMIO);
	EQUAL(c->run->mmio.phys_addr, 0xb8010);
	guest_run_to(c, KVM_EXIT_HLT);
	guest_regs(c, &regs);
	EQUAL(regs.rbx, 0x1234);
	EQUAL(regs.rdi, 0x12);
	guest_end(&g);
}

/* ---- What cannot be done ---- */

CODE64(unknown, "mov $0xd0000000, %ebx\n pshufb (%rbx), %xmm0\n hlt\n");

/* The VM ends with the instruction's bytes, and the host goes on. */
TEST(unknown_instruction)
{
	static const u8 bytes[] = { 0x66, 0x0f, 0x38, 0x00, 0x03 };
	struct kvm_regs regs;
	struct guest g;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, unknown);
	guest_mode(c, MODE_LONG);
	guest_run_to(c, KVM_EXIT_INTERNAL_ERROR);
	EQUAL(c->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK(c->run->emulation_failure.flags &
	      KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	CHECK(c->run->emulation_failure.ndata >= 3);
	CHECK(c->run->emulation_failure.insn_size >= sizeof(bytes));
	CHECK(!memcmp(c->run->emulation_failure.insn_bytes, bytes, sizeof(bytes)));
	guest_regs(c, &regs);
	EQUAL(regs.rip, GUEST_CODE + 5);
	guest_end(&g);
}

CODE64(nowhere, "mov $0xd0000000, %eax\n jmp *%rax\n");

TEST(jump_to_nowhere)
{
	struct kvm_regs regs;
	struct guest g;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, nowhere);
	guest_mode(c, MODE_LONG);
	guest_run_to(c, KVM_EXIT_INTERNAL_ERROR);
	EQUAL(c->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	guest_regs(c, &regs);
	EQUAL(regs.rip, GUEST_MMIO);
	guest_end(&g);
}

/* Page tables where nothing is. KVM on AMD tries for ever. */
CODE64(lost_tables, "mov $0xd0000000, %eax\n mov %rax, %cr3\n nop\n hlt\n");

TEST(page_tables_nowhere)
{
	struct guest g;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, lost_tables);
	guest_mode(c, MODE_LONG);
	guest_interrupted_by(SIGALRM);
	alarm(2);
	if (try_request(c->fd, KVM_RUN, 0) < 0)
		SKIP("it runs for ever; a signal ends it");
	alarm(GUEST_SECONDS);
	if (c->run->exit_reason != KVM_EXIT_INTERNAL_ERROR &&
	    c->run->exit_reason != KVM_EXIT_SHUTDOWN)
		FAIL("%s", guest_exit_text(c));
	guest_end(&g);
}
