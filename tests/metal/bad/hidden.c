// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Memory that is not there, and processors. */
#include "tests/metal/bad/bad.h"

struct range {
	u64 base, size;
	u32 type, attributes;
};

extern u32 map_count;

/* What E820 calls reserved in the middle of memory: only swivl does. */


u64 find_hidden(u64 *size)
{
	const struct range *map = (const void *)MAP_AT;

	for (u32 i = 0; i < map_count; i++)
		if (map[i].type == 2 && map[i].base >= 0x1000000 && map[i].base < 0xc0000000 &&
		    map[i].size >= 0x200000 && map[i].size <= 0x4000000) {
			*size = map[i].size;
			return map[i].base;
		}
	return 0;
}

SNIPPET(read1, "movzbl (%rbx), %eax");
SNIPPET(read2, "movzwl (%rbx), %eax");
SNIPPET(read4, "mov (%rbx), %eax");
SNIPPET(read8, "mov (%rbx), %rax");
SNIPPET(write1, "movb %al, (%rbx)");
SNIPPET(write2, "movw %ax, (%rbx)");
SNIPPET(write4, "movl %eax, (%rbx)");
SNIPPET(write8, "movq %rax, (%rbx)");
SNIPPET(add4, "lock addl %eax, (%rbx)");
SNIPPET(exchange, "xchg %rax, (%rbx)");
SNIPPET(compare, "mov $-1, %rax\nlock cmpxchg %rcx, (%rbx)\nsetz %al\nmovzbl %al, %eax");
SNIPPET(string_read, "mov %rbx, %rsi\nmov $buffer, %edi\nmov $8, %ecx\nrep movsq\nmov buffer, %rax");
SNIPPET(string_write, "mov %rbx, %rdi\nmov $buffer, %esi\nmov $8, %ecx\nrep movsb");
SNIPPET(string_fill, "mov %rbx, %rdi\nmov $100, %ecx\nrep stosl");
SNIPPET(string_scan, "mov %rbx, %rdi\nmov $0, %eax\nmov $16, %ecx\nrepe scasb\nmov %rcx, %rax");
SNIPPET(compare_string, "mov %rbx, %rdi\nmov $buffer, %esi\nmov $16, %ecx\nrepe cmpsb\nmov %rcx, %rax");
SNIPPET(addr32, "addr32 mov (%ebx), %eax");
SNIPPET(run_at, "call *%rbx");
SNIPPET(with_sse, "mov %cr4, %rcx\nor $0x200, %rcx\nmov %rcx, %cr4\nmovups (%rbx), %xmm0\n"
		  "movups %xmm0, (%rbx)\nmovq %xmm0, %rax");
SNIPPET(across, "mov -4(%rbx), %rax");
SNIPPET(fetch_add, "lock xadd %eax, (%rbx)");
SNIPPET(bit_set, "lock btsl $5, (%rbx)\nsetc %al\nmovzbl %al, %eax");
SNIPPET(port_string, "mov %rbx, %rsi\nmov $0x300, %edx\nmov $4, %ecx\nrep outsb");

SNIPPET(stack_there, "mov %rsp, %rdx\nlea 8(%rbx), %rsp\npush %rax\npop %rax\nmov %rdx, %rsp");
SNIPPET(call_there, "mov %rsp, %rdx\nlea 8(%rbx), %rsp\ncall 1f\n1: mov (%rsp), %rax\nmov %rdx, %rsp");
SNIPPET(flags_there, "mov %rsp, %rdx\nlea 8(%rbx), %rsp\npushfq\nmov (%rsp), %rax\nmov %rdx, %rsp");
SNIPPET(pop_to, "push %rax\npopq (%rbx)\nmov (%rbx), %rax");
SNIPPET(push_from, "pushq (%rbx)\npop %rax");
SNIPPET(copy_within, "mov %rbx, %rsi\nlea 64(%rbx), %rdi\nmov $64, %ecx\nrep movsb\nmov %rcx, %rax");
SNIPPET(copy_back, "std\nlea 7(%rbx), %rsi\nmov $buffer + 7, %edi\nmov $8, %ecx\nrep movsb\ncld\n"
		   "mov buffer, %rax");
SNIPPET(load_selector, "mov (%rbx), %es");
SNIPPET(load_table, "lgdt (%rbx)");
SNIPPET(descriptor_there, "mov $4, %eax\nmov %eax, %es");
SNIPPET(jump_there, "jmp *(%rbx)");
SNIPPET(wide_there, "lock cmpxchg16b (%rbx)");
SNIPPET(state_there, "fnsave (%rbx)");
SNIPPET(load_ldt_free, "lldt %ax");

static const struct {
	const char *name, *code;
	u64 want; /* in RAX: 0: whatever */
} accesses[] = {
	{ "read 1", read1, 0xff }, { "read 2", read2, 0xffff }, { "read 4", read4, 0xffffffff },
	{ "read 8", read8, ~0ull }, { "write 1", write1, 0 }, { "write 2", write2, 0 },
	{ "write 4", write4, 0 }, { "write 8", write8, 0 }, { "read 1 after", read1, 0xff },
	{ "add", add4, 0 }, { "xchg", exchange, ~0ull }, { "cmpxchg", compare, 1 },
	{ "xadd", fetch_add, 0xffffffff }, { "bts", bit_set, 1 },
	{ "movs from", string_read, ~0ull }, { "movs to", string_write, 0 }, { "stos", string_fill, 0 },
	{ "scas", string_scan, 0 }, { "cmps", compare_string, 0 }, { "32-bit address", addr32, 0xffffffff },
	{ "outs", port_string, 0 }, { "sse", with_sse, 0 }, { "across", across, 0 },
	{ "read 8 after", read8, ~0ull }, { "run", run_at, 0 },
	{ "push and pop", stack_there, 0 }, { "call", call_there, 0 },
	{ "pushf", flags_there, 0 }, { "pop to", pop_to, 0 }, { "push from", push_from, 0 },
	{ "movs within", copy_within, 0 }, { "movs backwards", copy_back, ~0ull },
	{ "selector", load_selector, 0 }, { "jmp", jump_there, 0 }, { "cmpxchg16b", wide_there, 0 },
	{ "fnsave", state_there, 0 }, { "read 4 after", read4, 0xffffffff },
};

u64 buffer[16];

static u64 hidden_count(void)
{
	struct regs r = { .rax = 0x6c76697773, .rcx = 1, .rdx = 0x1000 };
	static const u8 call[2][4] = { { 0x0f, 0x01, 0xc1, 0xc3 }, { 0x0f, 0x01, 0xd9, 0xc3 } };

	return try_regs(&r, call[is_amd()]) == NONE ? r.rax : 0;
}

/* A page table of any level that is hidden says all ones: reserved bits, so #PF, never what is there. */
static void hidden_tables(u64 base)
{
	u64 *pml4 = (u64 *)TABLES_AT, *levels = (u64 *)SCRATCH_AT;

	for (u32 level = 0; level < 3; level++) {
		struct regs r = { .rbx = 0x10000000000 };
		u64 vector;

		memset(levels, 0, 0x2000);
		pml4[2] = (level > 0 ? (u64)levels : base) | 3;
		levels[0] = (level > 1 ? (u64)levels + 0x1000 : base) | 3;
		levels[512] = base | 3;
		asm volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" : : : "rax", "memory");
		vector = try_regs(&r, read4);
		put("hidden page table: vector ");
		put_hex(vector);
		put(" error ");
		put_hex(fault.error);
		put(vector == 14 && fault.error == 9 ? "\r\n" : " BAD\r\n");
	}
	pml4[2] = 0;
	asm volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" : : : "rax", "memory");
}

static void hidden_result(const char *name, u64 vector)
{
	put(name);
	put_hex(vector);
	/* What cannot be carried out is #UD; else it is as bare ones would have it. */
	put(vector == 6 || vector == 13 || vector == NONE ? "\r\n" : " BAD\r\n");
}

static void hidden_descriptors(u64 base)
{
	struct regs r = { .rax = SEL_FREE };

	gdt[SEL_FREE / 8] = 0xffff | (base & 0xffffff) << 16 | 0x82ull << 40 | base >> 24 << 56;
	gdt[SEL_FREE / 8 + 1] = 0;
	hidden_result("hidden LDT ", try_regs(&r, load_ldt_free));
	hidden_result("  its descriptor ", try_regs(&r, descriptor_there));
	r = (struct regs){ 0 };
	try_regs(&r, load_ldt_free);
	r = (struct regs){ .rbx = base };
	hidden_result("LGDT of what is hidden ", try_regs(&r, load_table));
}

void probe_hidden(void)
{
	static const u64 places[] = { 0, 8, 0xffc, 0x1000, 0x3ffff8 };
	u64 size = 0, base = find_hidden(&size), before, cr4;

	if (!beneath)
		return;
	if (!base) {
		put("hidden memory not found BAD\r\n");
		return;
	}
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	before = hidden_count();
	exceptions_have_stack(true);
	for (u32 p = 0; p < ARRAY_SIZE(places); p++)
		for (u32 i = 0; i < ARRAY_SIZE(accesses); i++) {
			struct regs r = { .rax = 0x55, .rbx = base + places[p] };
			u64 vector = try_regs(&r, accesses[i].code), ax = r.rax;

			put("hidden ");
			put(accesses[i].name);
			put(" ");
			put_hex(places[p]);
			put(": vector ");
			put_hex(vector);
			put(" rax ");
			put_hex(ax);
			if (accesses[i].want && (vector != NONE || ax != accesses[i].want))
				put(" BAD");
			put("\r\n");
		}
	hidden_tables(base);
	hidden_descriptors(base);
	exceptions_have_stack(false);
	/* SSE may have been switched on. */
	asm volatile("mov %0, %%cr4" : : "r"(cr4));
	put("hidden accesses counted ");
	put_hex(hidden_count() - before);
	put(hidden_count() > before ? "\r\n" : " BAD\r\n");
}
