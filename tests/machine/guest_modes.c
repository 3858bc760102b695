// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Every mode of the processor, set from outside and reached from inside. */
#include "guest.h"

/* 2 + 2, reported, then halted: the smallest guest, for 16-, 32- and 64-bit code alike. */
#define ADD_AND_HALT                                                                               \
	"	mov $2, %eax\n"                                                                    \
	"	add $2, %eax\n" REPORT                                                             \
	"	mov $0x1234, %eax\n"                                                               \
	"	mov %eax, 0x9000\n"                                                                \
	"	hlt\n"
CODE16(add16, ADD_AND_HALT);
CODE32(add32, ADD_AND_HALT);
CODE64(add64, ADD_AND_HALT);

static void add_and_halt(struct guest *g)
{
	struct kvm_regs regs;

	EQUAL(guest_report(&g->cpu[0]), 4);
	guest_run_to(&g->cpu[0], KVM_EXIT_HLT);
	EQUAL(*(u32 *)(g->mem + 0x9000), 0x1234);
	guest_regs(&g->cpu[0], &regs);
	EQUAL(regs.rax, 0x1234);
	EQUAL(regs.rsp, GUEST_STACK);
}

TEST(real_mode)
{
	struct guest g;

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, add16);
	guest_mode(&g.cpu[0], MODE_REAL);
	add_and_halt(&g);
	guest_end(&g);
}

static void run_32bit(enum guest_mode mode)
{
	struct guest g;

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, add32);
	guest_mode(&g.cpu[0], mode);
	add_and_halt(&g);
	guest_end(&g);
}

TEST(protected_mode_without_paging)
{
	run_32bit(MODE_PROTECTED);
}

TEST(paging_32bit)
{
	run_32bit(MODE_PAGED32);
}

TEST(paging_pae)
{
	run_32bit(MODE_PAE);
}

TEST(long_mode)
{
	struct guest g;

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, add64);
	guest_mode(&g.cpu[0], MODE_LONG);
	add_and_halt(&g);
	guest_end(&g);
}

/*
 * Real mode, protected mode, long mode and all the way back, three times (SDM vol. 3, 9.9). Each
 * stop reports its number. The tables are those that guest_mode() has built.
 */
CODE16(tour,
	"	mov $3, %bp\n"
	"again:	lgdt " AT(tour, gdtr) "\n"
	"	mov %cr0, %eax\n"
	"	or $1, %eax\n"
	"	mov %eax, %cr0\n"
	"	ljmpl $0x18, $" AT(tour, flat) "\n"
	"	.code32\n"
	"flat:	mov $0x10, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	mov %eax, %ss\n"
	"	mov $2, %eax\n" REPORT
	"	mov $0x100000, %eax\n"
	"	mov %eax, %cr3\n"
	"	mov %cr4, %eax\n"
	"	or $0x20, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov $0xc0000080, %ecx\n"
	"	rdmsr\n"
	"	or $0x100, %eax\n"
	"	wrmsr\n"
	"	mov %cr0, %eax\n"
	"	or $0x80000000, %eax\n"
	"	mov %eax, %cr0\n"
	"	ljmp $0x08, $" AT(tour, wide) "\n"
	"	.code64\n"
	"wide:	mov $0x1122334455667788, %rax\n"
	"	mov %rax, 0x9000\n"
	"	mov $3, %eax\n" REPORT
	"	ljmp *" AT(tour, narrow) "\n"
	"	.code32\n"
	"flat2:	mov %cr0, %eax\n"
	"	and $0x7fffffff, %eax\n"
	"	mov %eax, %cr0\n"
	"	mov $0xc0000080, %ecx\n"
	"	rdmsr\n"
	"	mov %eax, %ebx\n"
	"	and $~0x100, %eax\n"
	"	wrmsr\n"
	"	mov %cr4, %eax\n"
	"	and $~0x20, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov %ebx, %eax\n" REPORT
	"	ljmp $0x20, $" AT(tour, half) "\n"
	"	.code16\n"
	"half:	mov $0x28, %ax\n"
	"	mov %ax, %ds\n"
	"	mov %ax, %es\n"
	"	mov %ax, %ss\n"
	"	mov %cr0, %eax\n"
	"	and $~1, %eax\n"
	"	mov %eax, %cr0\n"
	"	ljmp $0, $" AT(tour, real) "\n"
	"real:	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	mov %ax, %es\n"
	"	mov %ax, %ss\n"
	"	mov $5, %eax\n" REPORT
	"	dec %bp\n"
	"	jnz again\n"
	"	int $0x21\n" /* the real-mode vector table works again */
	"	hlt\n"
	"	.balign 8\n"
	"gdtr:	.word 0x4f\n"
	"	.long 0x800\n"
	"	.balign 8\n"
	"narrow: .long " AT(tour, flat2) "\n"
	"	.word 0x18\n"
	"handler: mov $6, %eax\n" REPORT
	"	iret\n");
extern const u8 handler[];

TEST(real_to_long_and_back)
{
	struct kvm_sregs s;
	struct guest g;

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, tour);
	guest_mode(&g.cpu[0], MODE_REAL);
	*(u32 *)(g.mem + 4 * 0x21) = GUEST_CODE + (handler - tour);
	for (int round = 0; round < 3; round++) {
		EQUAL(guest_report(&g.cpu[0]), 2);
		guest_sregs(&g.cpu[0], &s);
		EQUAL(s.efer, 0);
		EQUAL(s.cr0 & (CR0_PE | CR0_PG), CR0_PE);
		EQUAL(s.cs.db, 1);
		EQUAL(guest_report(&g.cpu[0]), 3);
		guest_sregs(&g.cpu[0], &s);
		EQUAL(s.efer, EFER_LME | EFER_LMA);
		EQUAL(s.cs.l, 1);
		EQUAL(*(u64 *)(g.mem + 0x9000), 0x1122334455667788);
		/* What the guest saw in EFER after leaving paging: LMA is gone, LME not yet. */
		EQUAL(guest_report(&g.cpu[0]), EFER_LME);
		EQUAL(guest_report(&g.cpu[0]), 5);
		guest_sregs(&g.cpu[0], &s);
		EQUAL(s.cr0 & (CR0_PE | CR0_PG), 0);
		EQUAL(s.cs.base, 0);
	}
	EQUAL(guest_report(&g.cpu[0]), 6);
	guest_run_to(&g.cpu[0], KVM_EXIT_HLT);
	guest_end(&g);
}

/* A segment keeps the base and limit that it was loaded with: "unreal" mode. */
CODE16(unreal,
	"	lgdt " AT(unreal, gdtr2) "\n"
	"	mov %cr0, %eax\n"
	"	or $1, %eax\n"
	"	mov %eax, %cr0\n"
	"	mov $0x10, %bx\n"
	"	mov %bx, %fs\n"
	"	and $~1, %eax\n"
	"	mov %eax, %cr0\n"
	"	mov $0x200000, %ebx\n"
	"	movl $0x55aa1234, %fs:(%ebx)\n"
	"	hlt\n"
	"	.balign 8\n"
	"gdtr2:	.word 0x4f\n"
	"	.long 0x800\n");

TEST(real_mode_with_large_limit)
{
	struct guest g;

	guest_new(&g, GUEST_SIZE, 0);
	LOAD(&g, unreal);
	guest_mode(&g.cpu[0], MODE_REAL);
	guest_run_to(&g.cpu[0], KVM_EXIT_HLT);
	EQUAL(*(u32 *)(g.mem + GUEST_FREE), 0x55aa1234);
	guest_end(&g);
}

/* As a processor comes out of reset: at f000:fff0 with base 0xffff0000 (SDM vol. 3, 9.1). */
CODE16(reset_vector, "	mov $7, %eax\n" REPORT "	hlt\n");

TEST(reset_state)
{
	struct kvm_regs regs;
	struct kvm_sregs s;
	struct guest g;
	u8 *rom = guest_memory(0x1000);

	guest_new(&g, GUEST_SIZE, 0);
	guest_regs(&g.cpu[0], &regs);
	guest_sregs(&g.cpu[0], &s);
	EQUAL(regs.rip, 0xfff0);
	EQUAL(regs.rflags, 2);
	EQUAL(s.cs.base, 0xffff0000);
	EQUAL(s.cs.selector, 0xf000);
	EQUAL(s.cs.limit, 0xffff);
	EQUAL(s.cr0, CR0_CD | CR0_NW | CR0_ET);
	EQUAL(s.cr4, 0);
	EQUAL(s.efer, 0);
	EQUAL(s.tr.present, 1);
	EQUAL(s.idt.limit, 0xffff);
	EQUAL(s.gdt.limit, 0xffff);
	if (guest_slot(&g, 1, 0, 0xfffff000, 0x1000, rom) < 0)
		FAIL("no memory below 4 GiB");
	memcpy(rom + 0xff0, reset_vector, reset_vector_end - reset_vector);
	EQUAL(guest_report(&g.cpu[0]), 7);
	guest_run_to(&g.cpu[0], KVM_EXIT_HLT);
	guest_end(&g);
}
