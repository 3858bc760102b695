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
