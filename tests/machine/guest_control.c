// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Control registers, EFER, XCR0 and debug registers: what is refused, what takes effect. */
#include "guest.h"

static struct guest g;

static struct guest_cpu *setup(enum guest_mode mode)
{
	guest_new(&g, GUEST_SIZE, 0);
	guest_mode(&g.cpu[0], mode);
	return &g.cpu[0];
}

CODE64(write_cr0, "mov %rax, %cr0\n");
CODE64(write_cr2, "mov %rax, %cr2\n");
CODE64(write_cr3, "mov %rax, %cr3\n");
CODE64(write_cr4, "mov %rax, %cr4\n");
CODE64(write_cr8, "mov %rax, %cr8\n");
CODE64(read_all, "mov %cr0, %rax\n mov %cr2, %rbx\n mov %cr3, %rcx\n mov %cr4, %rdx\n"
		 "mov %cr8, %rsi\n smsw %rdi\n");
CODE64(read_cr1, ".byte 0x0f, 0x20, 0xc8\n");
CODE64(write_cr5, ".byte 0x0f, 0x22, 0xe8\n");
CODE64(write_cr9, ".byte 0x44, 0x0f, 0x22, 0xc8\n");

static int write_cr(struct guest_cpu *c, unsigned int cr, u64 value)
{
	struct kvm_regs r = { .rax = value };

	switch (cr) {
	case 0:
		return TRY(c, write_cr0, &r);
	case 2:
		return TRY(c, write_cr2, &r);
	case 3:
		return TRY(c, write_cr3, &r);
	case 4:
		return TRY(c, write_cr4, &r);
	default:
		return TRY(c, write_cr8, &r);
	}
}

#define CR0_LONG (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_PG | CR0_WP)
#define CR4_LONG (CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT)

/* Values that fault with #GP(0) and change nothing (SDM vol. 2, MOV to control registers). */
TEST(nonsense_is_refused)
{
	static const struct {
		unsigned int cr;
		u64 value;
		const char *what;
	} bad[] = {
		{ 0, CR0_LONG & ~CR0_PE, "PG without PE" },
		{ 0, (CR0_LONG & ~CR0_CD) | CR0_NW, "NW without CD" },
		{ 0, CR0_LONG | 1ull << 32, "bit 32" },
		{ 0, CR0_LONG | 1ull << 63, "bit 63" },
		{ 0, CR0_LONG & ~CR0_PG, "no PG in 64-bit mode" },
		{ 0, 0, "zero" },
		{ 3, GUEST_PML4 | 1ull << 52, "bit 52" },
		{ 3, GUEST_PML4 | 1ull << 63, "bit 63 without PCIDE" },
		{ 4, CR4_LONG & ~CR4_PAE, "no PAE in long mode" },
		{ 4, CR4_LONG | CR4_VMXE, "VMXE" },
		{ 4, CR4_LONG | CR4_SMXE, "SMXE" },
		{ 4, CR4_LONG | 1ull << 15, "bit 15" },
		{ 4, CR4_LONG | 1ull << 31, "bit 31" },
		{ 4, CR4_LONG | 1ull << 32, "bit 32" },
		{ 4, CR4_LONG | 1ull << 63, "bit 63" },
		{ 4, ~0ull, "all ones" },
		{ 8, 16, "16" },
	};
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_sregs before, after;

	guest_sregs(c, &before);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int vector;

		/*
		 * On AMD, KVM leaves much of CR0 to the processor, and everybody CR3: QEMU checks
		 * neither. Of CR4 KVM looks at the lower half there.
		 */
		if (!guest_intel && (bad[i].cr == 3 || (guest_is_kvm(&g) && (bad[i].cr == 0 ||
									       bad[i].value >> 32))))
			continue;
		vector = write_cr(c, bad[i].cr, bad[i].value);
		if (vector != VECTOR_GP)
			FAIL("CR%u, %s: vector %d instead of #GP", bad[i].cr, bad[i].what, vector);
		EQUAL(guest_events(&g)->event[0].error, 0);
		EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE);
	}
	guest_sregs(c, &after);
	EQUAL(after.cr0, before.cr0);
	EQUAL(after.cr3, before.cr3);
	EQUAL(after.cr4, before.cr4);
	EQUAL(after.cr8, before.cr8);
	EQUAL(after.efer, before.efer);
}

TEST(what_takes_effect_reads_back)
{
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_regs r = { 0 };
	struct kvm_sregs s;

	EQUAL(write_cr(c, 0, CR0_LONG | CR0_TS | CR0_AM), NO_EXCEPTION);
	EQUAL(write_cr(c, 2, 0xffff123456789abc), NO_EXCEPTION);
	EQUAL(write_cr(c, 3, GUEST_PML4 | 0x18), NO_EXCEPTION);
	EQUAL(write_cr(c, 4, CR4_LONG | CR4_PGE | CR4_TSD | CR4_DE), NO_EXCEPTION);
	EQUAL(write_cr(c, 8, 5), NO_EXCEPTION);
	EQUAL(TRY(c, read_all, &r), NO_EXCEPTION);
	EQUAL(r.rax, CR0_LONG | CR0_TS | CR0_AM);
	EQUAL(r.rbx, 0xffff123456789abc);
	EQUAL(r.rcx, GUEST_PML4 | 0x18);
	EQUAL(r.rdx, CR4_LONG | CR4_PGE | CR4_TSD | CR4_DE);
	EQUAL(r.rsi, 5);
	EQUAL(r.rdi & 0xffff, (CR0_LONG | CR0_TS | CR0_AM) & 0xffff);
	guest_sregs(c, &s);
	EQUAL(s.cr0, CR0_LONG | CR0_TS | CR0_AM);
	EQUAL(s.cr2, 0xffff123456789abc);
	EQUAL(s.cr3, GUEST_PML4 | 0x18);
	EQUAL(s.cr4, CR4_LONG | CR4_PGE | CR4_TSD | CR4_DE);
	EQUAL(s.cr8, 5);
}

TEST(registers_that_do_not_exist)
{
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_regs r = { 0 };

	EQUAL(TRY(c, read_cr1, &r), VECTOR_UD);
	EQUAL(TRY(c, write_cr5, &r), VECTOR_UD);
	EQUAL(TRY(c, write_cr9, &r), VECTOR_UD);
}

CODE64(lmsw_clts, "mov $0xb, %eax\n lmsw %ax\n mov %cr0, %rbx\n clts\n mov %cr0, %rcx\n"
		  "xor %eax, %eax\n lmsw %ax\n mov %cr0, %rdx\n");

/* LMSW sets and clears MP, EM, TS, and sets PE, which it cannot clear. */
TEST(lmsw_and_clts)
{
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_regs r = { 0 };

	EQUAL(TRY(c, lmsw_clts, &r), NO_EXCEPTION);
	EQUAL(r.rbx, CR0_LONG | CR0_TS);
	EQUAL(r.rcx, CR0_LONG);
	EQUAL(r.rdx, (CR0_LONG & ~CR0_MP));
}

CODE64(use_fpu, "fninit\n");
CODE64(use_sse, "xorps %xmm0, %xmm0\n");

/* Device not available while TS or EM is set; SSE undefined without OSFXSR. */
TEST(ts_em_and_osfxsr)
{
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_regs r = { 0 };

	EQUAL(TRY(c, use_fpu, &r), NO_EXCEPTION);
	EQUAL(TRY(c, use_sse, &r), NO_EXCEPTION);
	EQUAL(write_cr(c, 0, CR0_LONG | CR0_TS), NO_EXCEPTION);
	EQUAL(TRY(c, use_fpu, &r), VECTOR_NM);
	EQUAL(TRY(c, use_sse, &r), VECTOR_NM);
	EQUAL(write_cr(c, 0, CR0_LONG | CR0_EM), NO_EXCEPTION);
	EQUAL(TRY(c, use_fpu, &r), VECTOR_NM);
	EQUAL(TRY(c, use_sse, &r), VECTOR_UD);
	EQUAL(write_cr(c, 0, CR0_LONG), NO_EXCEPTION);
	EQUAL(TRY(c, use_fpu, &r), NO_EXCEPTION);
	EQUAL(write_cr(c, 4, CR4_PAE), NO_EXCEPTION);
	EQUAL(TRY(c, use_sse, &r), VECTOR_UD);
}

CODE64(write_low, "movl $1, 0x9000\n");

/* WP: the supervisor's write to a read-only page faults only with it. */
TEST(write_protection)
{
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_regs r = { 0 };

	guest_small_pages(&g);
	*guest_pte(&g, 0x9000) &= ~2ull;
	EQUAL(TRY(c, write_low, &r), VECTOR_PF);
	EQUAL(guest_events(&g)->event[0].error, PF_PRESENT | PF_WRITE);
	EQUAL(guest_events(&g)->event[0].cr2, 0x9000);
	EQUAL(write_cr(c, 0, CR0_LONG & ~CR0_WP), NO_EXCEPTION);
	EQUAL(TRY(c, write_low, &r), NO_EXCEPTION);
	EQUAL(*(u32 *)(g.mem + 0x9000), 1);
}

CODE64(remap, "mov 0x9000, %eax\n movq $0xa007, 0x108048\n invlpg 0x9000\n mov 0x9000, %ebx\n"
	      "movq $0xb007, 0x108048\n mov %cr3, %rcx\n mov %rcx, %cr3\n mov 0x9000, %ecx\n");

/* INVLPG and a CR3 load make changed page tables count. */
TEST(page_tables_change)
{
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_regs r = { 0 };

	guest_small_pages(&g);
	g.mem[0x9000] = 1;
	g.mem[0xa000] = 2;
	g.mem[0xb000] = 3;
	EQUAL(TRY(c, remap, &r), NO_EXCEPTION);
	EQUAL(r.rax, 1);
	EQUAL(r.rbx, 2);
	EQUAL(r.rcx, 3);
}

/* Two sets of tables in turn, more switches than any cache of them holds. */
CODE64(two_tables, "mov $0x100000, %esi\n mov $0x200000, %edi\n mov $50, %ecx\n xor %ebx, %ebx\n"
		   "1: mov %rdi, %cr3\n add 0x600000, %rbx\n mov %rsi, %cr3\n add 0x600000, %rbx\n"
		   "dec %ecx\n jnz 1b\n");

TEST(cr3_switches)
{
	struct guest_cpu *c;
	struct kvm_regs r = { 0 };

	guest_new(&g, 0xa00000, 0);
	c = &g.cpu[0];
	guest_mode(c, MODE_LONG);
	/* A copy of the tables at 0x200000 in which 0x600000 is 0x800000. */
	memcpy(g.mem + 0x200000, g.mem + GUEST_TABLES, 0x8000);
	*(u64 *)(g.mem + 0x200000) = 0x201007;
	*(u64 *)(g.mem + 0x201000) = 0x202007;
	*(u64 *)(g.mem + 0x202000 + 8 * 3) = 0x800087;
	*(u64 *)(g.mem + 0x600000) = 1;
	*(u64 *)(g.mem + 0x800000) = 1000;
	EQUAL(TRY(c, two_tables, &r), NO_EXCEPTION);
	EQUAL(r.rbx, 50 * 1001);
}

/* A CPUID that announces what the processor has not: no such bit, and no entry that fails. */
TEST(cpuid_that_lies)
{
	static const struct {
		u32 leaf;
		u8 reg, bit; /* EBX is 1 */
		u64 cr4;
	} list[] = {
		{ 1, 2, 17, CR4_PCIDE }, { 7, 1, 0, CR4_FSGSBASE }, { 7, 1, 7, CR4_SMEP },
		{ 7, 1, 20, CR4_SMAP },	 { 7, 2, 2, CR4_UMIP },	    { 7, 2, 3, CR4_PKE },
		{ 7, 2, 16, CR4_LA57 },
	};
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_cpuid2 *cpuid = guest_supported_cpuid(&g);
	struct kvm_sregs good, s;
	unsigned int lies = 0;
	u64 missing = 0;

	if (guest_is_kvm(&g))
		SKIP("KVM on AMD leaves some of it to the processor");
	guest_sregs(c, &good);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		u32 *reg = &guest_cpuid_entry(cpuid, list[i].leaf)->ebx + (list[i].reg - 1);

		if (!(*reg >> list[i].bit & 1))
			missing |= list[i].cr4;
		*reg |= 1u << list[i].bit;
	}
	request(c->fd, KVM_SET_CPUID2, cpuid);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		if (!(missing & list[i].cr4))
			continue;
		lies++;
		s = good;
		s.cr4 |= list[i].cr4;
		if (try_request(c->fd, KVM_SET_SREGS, (u64)&s) != -1)
			FAIL("CR4 bit %#llx can be set by the caller", list[i].cr4);
		if (write_cr(c, 4, CR4_LONG | list[i].cr4) != VECTOR_GP)
			FAIL("CR4 bit %#llx can be set by the guest", list[i].cr4);
	}
	CHECK(lies);
}

/* ---- PAE: the page directory pointers are registers of the processor ---- */

CODE32(pae_reload, "movl $0, 0x107018\n movl $0xd0000000, %ebx\n"
		   "	movl $0x202001, 0x107000+8\n"
		   "	mov %cr3, %eax\n mov %eax, %cr3\n"
		   "	mov 0x40000000, %eax\n hlt\n");

TEST(pae_pointers)
{
	struct guest_cpu *c = setup(MODE_PAE);
	struct kvm_regs regs;

	/* The second GiB through a table of its own, whose first page is 2 MiB from 0x200000 on. */
	*(u64 *)(g.mem + 0x202000) = 0x200087;
	*(u32 *)(g.mem + 0x200000) = 0x13572468;
	LOAD(&g, pae_reload);
	guest_run_to(c, KVM_EXIT_HLT);
	guest_regs(c, &regs);
	EQUAL(regs.rax, 0x13572468);
}

/* ---- XCR0 ---- */

CODE64(do_xsetbv, "xsetbv\n xor %ecx, %ecx\n xgetbv\n");
CODE64(do_xgetbv, "xor %ecx, %ecx\n xgetbv\n");

static int xsetbv(struct guest_cpu *c, u32 index, u64 value)
{
	struct kvm_regs r = { .rcx = index, .rax = (u32)value, .rdx = value >> 32 };
	int vector = TRY(c, do_xsetbv, &r);

	if (vector == NO_EXCEPTION && (r.rax != (u32)value || r.rdx != value >> 32))
		FAIL("XCR0 is %#llx:%#llx, written was %#llx", r.rdx, r.rax, value);
	return vector;
}

static u64 host_xcr0(void)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (u64)high << 32 | low;
}

TEST(xsetbv_good_and_bad)
{
	static const u64 bad[] = { 0, 2, 4, 5, 6, 1ull << 63, 3 | 1ull << 40, ~0ull };
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_regs r = { 0 };
	u64 host;

	if (!guest_has_cpuid(1, 0, 'c', 27) ||
	    !(guest_cpuid_entry(guest_supported_cpuid(&g), 1)->ecx >> 26 & 1))
		SKIP("no XSAVE");
	host = host_xcr0();
	EQUAL(xsetbv(c, 0, 1), VECTOR_UD); /* CR4.OSXSAVE is clear */
	EQUAL(write_cr(c, 4, CR4_LONG | CR4_OSXSAVE), NO_EXCEPTION);
	EQUAL(TRY(c, do_xgetbv, &r), NO_EXCEPTION);
	EQUAL(r.rax, 1);
	EQUAL(xsetbv(c, 0, 3), NO_EXCEPTION);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (xsetbv(c, 0, bad[i]) != VECTOR_GP)
			FAIL("XCR0 = %#llx: no #GP", bad[i]);
	EQUAL(xsetbv(c, 1, 3), VECTOR_GP);
	if (host & XCR0_AVX)
		EQUAL(xsetbv(c, 0, 7), NO_EXCEPTION);
	EQUAL(xsetbv(c, 0, 1), NO_EXCEPTION);
	EQUAL(host_xcr0(), host);
}

/* The guest keeps its XCR0 over exits, the host its own. */
TEST(xcr0_over_exits)
{
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_regs r = { 0 };
	struct kvm_xcrs xcrs;
	u64 host;

	if (!guest_has_cpuid(1, 0, 'c', 27))
		SKIP("no XSAVE");
	if (!guest_intel && guest_is_kvm(&g))
		SKIP("QEMU lets XSETBV pass, KVM counts on its exit");
	host = host_xcr0();
	EQUAL(write_cr(c, 4, CR4_LONG | CR4_OSXSAVE), NO_EXCEPTION);
	EQUAL(xsetbv(c, 0, 3), NO_EXCEPTION);
	EQUAL(host_xcr0(), host);
	EQUAL(TRY(c, do_xgetbv, &r), NO_EXCEPTION);
	EQUAL(r.rax, 3);
	if (!guest_extension(&g, KVM_CAP_XCRS))
		return;
	request(c->fd, KVM_GET_XCRS, &xcrs);
	EQUAL(xcrs.nr_xcrs, 1);
	EQUAL(xcrs.xcrs[0].value, 3);
	xcrs.xcrs[0].value = 1;
	request(c->fd, KVM_SET_XCRS, &xcrs);
	EQUAL(TRY(c, do_xgetbv, &r), NO_EXCEPTION);
	EQUAL(r.rax, 1);
}

/* ---- What KVM_SET_SREGS takes ---- */

TEST(set_sregs_refuses_nonsense)
{
	struct guest_cpu *c = setup(MODE_LONG);
	struct kvm_sregs good, s;

	guest_sregs(c, &good);
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		s = good;                                                                          \
		change;                                                                            \
		if (try_request(c->fd, KVM_SET_SREGS, (u64)&s) != -1)                              \
			FAIL("accepted: %s", #change);                                             \
	} while (0)
	REFUSED(s.cr4 &= ~CR4_PAE);
	REFUSED(s.efer &= ~EFER_LMA);
	REFUSED(s.cr4 |= 1ull << 40);
	REFUSED(s.cr4 |= CR4_SMXE);
	REFUSED(s.cr0 |= 1ull << 40);
	REFUSED(s.cr0 &= ~CR0_PE);
	guest_sregs(c, &s);
	EQUAL(s.cr0, good.cr0);
	EQUAL(s.cr4, good.cr4);
	EQUAL(s.efer, good.efer);
}
