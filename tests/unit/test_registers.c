// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/* A vCPU's registers and FPU through the requests. */
#include "request_test.h"

/* ---- registers ---------------------------------------------------------------------------------------- */

static void scramble(void *p, size_t n)
{
	while (n--)
		((u8 *)p)[n] = rand();
}

static void general_registers(void **state)
{
	struct kvm_regs a, b;

	model_guest = look;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	scramble(&a, sizeof(a));
	assert_int_equal(call(KVM_SET_REGS, &a), 0);
	a.rflags |= 2;
	assert_int_equal(call(KVM_GET_REGS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(model_vcpu(vcpu)->gpr[RBX], a.rbx);
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(at_entry.rip, a.rip);
	assert_int_equal(at_entry.rflags, a.rflags);
	assert_int_equal(rsp_at_entry, a.rsp);
	assert_int_equal(call(KVM_GET_REGS, &b), 0);
	assert_int_equal(b.rsp, a.rsp);
	assert_int_equal(b.r15, a.r15);
}

static void scramble_segment(struct kvm_segment *s)
{
	*s = (struct kvm_segment){ .base = rand(), .limit = rand(), .selector = rand(),
				   .type = rand() & 15, .present = 1, .dpl = rand() & 3,
				   .db = rand() & 1, .s = rand() & 1, .l = 0, .g = rand() & 1,
				   .avl = rand() & 1 };
}

static void good_sregs(struct kvm_sregs *s)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < 8; i++)
		scramble_segment(&s->cs + i);
	s->gdt.base = 0x1000;
	s->gdt.limit = 0x27;
	s->idt.base = 0x2000;
	s->idt.limit = 0xfff;
	s->cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_NE;
	s->cr2 = 0x3333;
	s->cr3 = 0x4000;
	s->cr4 = CR4_PAE;
	s->cr8 = 5;
	s->efer = EFER_LME | EFER_LMA;
	s->apic_base = 0xfee00900;
}

static void system_registers(void **state)
{
	struct kvm_sregs a, b;

	model_guest = look;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	good_sregs(&a);
	a.cs.l = 1;
	a.ldt.unusable = 1;
	a.ldt.present = 0;
	a.interrupt_bitmap[2] = 1ull << 3;
	assert_int_equal(call(KVM_SET_SREGS, &a), 0);
	assert_int_equal(call(KVM_GET_SREGS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	/* CR8 comes from struct kvm_run at each entry. */
	model_vcpu(vcpu)->run->cr8 = 5;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(at_entry.cr3, a.cr3);
	assert_int_equal(at_entry.seg[SEG_CS].base, a.cs.base);
	assert_int_equal(at_entry.idt.base, a.idt.base);
	assert_int_equal(at_entry.cr4, a.cr4);
	a.interrupt_bitmap[2] = 0;
	assert_int_equal(call(KVM_GET_SREGS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* A segment that is not present is unusable, whichever way it is said. */
static void unusable_segments(void **state)
{
	struct kvm_sregs s;

	good_sregs(&s);
	s.fs.present = 0;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_GET_SREGS, &s), 0);
	assert_int_equal(s.fs.unusable, 1);
	good_sregs(&s);
	s.gs.unusable = 1;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_GET_SREGS, &s), 0);
	assert_int_equal(s.gs.present, 0);
}

#define BAD_SREGS(change) \
	do { \
		good_sregs(&s); \
		change; \
		assert_int_equal(call(KVM_SET_SREGS, &s), -SWIVL_EINVAL); \
	} while (0)

static void sregs_that_no_processor_has(void **state)
{
	struct kvm_sregs s, before, after;

	assert_int_equal(call(KVM_GET_SREGS, &before), 0);
	BAD_SREGS(s.cr0 |= 1ull << 32);
	BAD_SREGS(s.cr0 |= 1ull << 8);
	BAD_SREGS(s.cr0 &= ~CR0_PE);
	BAD_SREGS(s.cr0 |= CR0_NW);
	BAD_SREGS(s.cr4 |= CR4_VMXE);
	BAD_SREGS(s.cr4 |= 1ull << 63);
	BAD_SREGS(s.cr4 = 0);
	BAD_SREGS(s.cr8 = 16);
	BAD_SREGS(s.efer = EFER_LME);
	BAD_SREGS(s.efer = EFER_LMA);
	BAD_SREGS(s.efer |= EFER_SVME);
	BAD_SREGS(s.efer |= 1ull << 63);
	BAD_SREGS(s.cr3 = 1ull << 36);
	BAD_SREGS(s.apic_base |= 1);
	BAD_SREGS(s.apic_base |= 1ull << 50);
	BAD_SREGS((s.cr0 &= ~CR0_PG, s.efer = 0, s.cs.l = 1));
	BAD_SREGS((s.cr0 &= ~CR0_PG));
	/* Nothing changed by all that. */
	assert_int_equal(call(KVM_GET_SREGS, &after), 0);
	assert_memory_equal(&before, &after, sizeof(after));
}

static void sregs2_and_pae(void **state)
{
	u64 *pdpt = caller_memory(LARGE);
	struct kvm_sregs2 a = { 0 }, b;
	struct kvm_sregs s;

	assert_int_equal(set_slot(vm, 0, 0, 0, LARGE, pdpt), 0);
	good_sregs(&s);
	s.efer = 0;
	s.cr3 = 0x1020;
	pdpt[0x1020 / 8] = 0x5001;
	pdpt[0x1038 / 8] = 0x6001;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_GET_SREGS2, &a), 0);
	assert_int_equal(a.flags, KVM_SREGS2_FLAGS_PDPTRS_VALID);
	assert_int_equal(a.pdptrs[0], 0x5001);
	assert_int_equal(a.pdptrs[3], 0x6001);
	assert_int_equal(a.cr3, 0x1020);
	/* Where a vendor fetches them, memory is held meanwhile. */
	model_vcpu(vcpu)->valid &= ~STATE_PDPTR;
	((struct model_hw *)model_vcpu(vcpu)->vendor_data)->state.pdptr[3] = 0x8001;
	assert_int_equal(call(KVM_GET_SREGS2, &b), 0);
	assert_int_equal(b.pdptrs[3], 0x8001);
	/* Given along, they are not read from memory. */
	a.pdptrs[1] = 0x7001;
	assert_int_equal(call(KVM_SET_SREGS2, &a), 0);
	assert_int_equal(call(KVM_GET_SREGS2, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	a.flags = 0;
	assert_int_equal(call(KVM_SET_SREGS2, &a), 0);
	assert_int_equal(call(KVM_GET_SREGS2, &b), 0);
	assert_int_equal(b.pdptrs[1], 0);
	a.flags = 2;
	assert_int_equal(call(KVM_SET_SREGS2, &a), -SWIVL_EINVAL);
	a.flags = 1;
	a.cr4 = 0;
	assert_int_equal(call(KVM_SET_SREGS2, &a), -SWIVL_EINVAL);
	munmap(pdpt, LARGE);
}

static void debug_registers(void **state)
{
	struct kvm_debugregs a = { .db = { 1, 2, 3, ~0ull }, .dr6 = 0xffff0ff1, .dr7 = 0x455 }, b;
	struct kvm_guest_debug g = { 0 };

	assert_int_equal(call(KVM_SET_DEBUGREGS, &a), 0);
	assert_int_equal(call(KVM_GET_DEBUGREGS, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	a.flags = 1;
	assert_int_equal(call(KVM_SET_DEBUGREGS, &a), -SWIVL_EINVAL);
	a.flags = 0;
	a.dr6 = 1ull << 32;
	assert_int_equal(call(KVM_SET_DEBUGREGS, &a), -SWIVL_EINVAL);
	a.dr6 = 0;
	a.dr7 = 1ull << 32;
	assert_int_equal(call(KVM_SET_DEBUGREGS, &a), -SWIVL_EINVAL);

	g.control = 1u << 31;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), -SWIVL_EINVAL);
	g.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	g.arch.debugreg[0] = 0x1234;
	g.arch.debugreg[7] = 0x2;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_vcpu(vcpu)->debug_dr[0], 0x1234);
	assert_int_equal(model_vcpu(vcpu)->debug_dr7, 0x402);
	/* The guest's own stay what they were. */
	assert_int_equal(call(KVM_GET_DEBUGREGS, &b), 0);
	assert_int_equal(b.dr7, 0x455);
	g.control = KVM_GUESTDBG_SINGLESTEP; /* without ENABLE: off */
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(model_vcpu(vcpu)->guest_debug, 0);
	g.control = KVM_GUESTDBG_INJECT_DB;
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), 0);
	assert_int_equal(call(KVM_SET_GUEST_DEBUG, &g), -SWIVL_EBUSY);
}

/* ---- FPU ------------------------------------------------------------------------------------------------ */

static void fpu(void **state)
{
	struct kvm_fpu a, b;

	assert_int_equal(call(KVM_GET_FPU, &b), 0);
	assert_int_equal(b.fcw, 0x37f);
	assert_int_equal(b.mxcsr, 0x1f80);
	scramble(&a, sizeof(a));
	a.mxcsr = 0x1f80;
	a.pad1 = 0;
	a.pad2 = 0;
	assert_int_equal(call(KVM_SET_FPU, &a), 0);
	assert_int_equal(call(KVM_GET_FPU, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	a.mxcsr = 0x10000;
	assert_int_equal(call(KVM_SET_FPU, &a), -SWIVL_EINVAL);
}

#define XSTATE_BV(x) (*(u64 *)((u8 *)(x) + 512))

static void xsave(void **state)
{
	static struct kvm_xsave a, b;
	struct kvm_fpu f;
	unsigned int i;

	assert_int_equal(call(KVM_GET_XSAVE, &a), 0);
	assert_int_equal(XSTATE_BV(&a) & 3, 3);
	assert_int_equal(a.region[0] & 0xffff, 0x37f);
	assert_int_equal(a.region[6], 0x1f80);
	for (i = 8; i < 104; i++) /* ST and XMM */
		a.region[i] = i * 0x1010101;
	for (i = 144; i < 2688 / 4; i++)
		a.region[i] = i;
	XSTATE_BV(&a) = 0xe7;
	assert_int_equal(call(KVM_SET_XSAVE, &a), 0);
	assert_int_equal(call(KVM_GET_XSAVE2, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	/* What it says is initial reads as initial. */
	XSTATE_BV(&a) = 0;
	assert_int_equal(call(KVM_SET_XSAVE, &a), 0);
	assert_int_equal(call(KVM_GET_FPU, &f), 0);
	assert_int_equal(f.fcw, 0x37f);
	assert_int_equal(f.xmm[3][3], 0);
	/* What XRSTOR would fault on. */
	XSTATE_BV(&a) = 1 << 9;
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	XSTATE_BV(&a) = 1ull << 63;
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	XSTATE_BV(&a) = 3;
	a.region[130] = 1; /* XCOMP_BV */
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	a.region[130] = 0;
	a.region[143] = 1; /* the end of the header */
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	a.region[143] = 0;
	a.region[6] = 0xffffffff;
	assert_int_equal(call(KVM_SET_XSAVE, &a), -SWIVL_EINVAL);
	a.region[6] = 0x1f80;
	assert_int_equal(call(KVM_SET_XSAVE, &a), 0);
}

static void xcrs(void **state)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} cpuid = { .head.nent = 256 };
	struct kvm_xcrs x = { .nr_xcrs = 1 };

	x.xcrs[0].value = 7;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL); /* no CPUID yet */
	model_call(MODEL_SYSTEM, KVM_GET_SUPPORTED_CPUID, &cpuid);
	assert_int_equal(call(KVM_SET_CPUID2, &cpuid), 0);
	assert_int_equal(call(KVM_SET_XCRS, &x), 0);
	memset(&x, 0, sizeof(x));
	assert_int_equal(call(KVM_GET_XCRS, &x), 0);
	assert_int_equal(x.nr_xcrs, 1);
	assert_int_equal(x.xcrs[0].value, 7);
	x.xcrs[0].value = 6;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
	x.xcrs[0].value = 0x207;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
	x.xcrs[0].value = 0x27;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
	x.nr_xcrs = 17;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
	x.nr_xcrs = 1;
	x.flags = 1;
	assert_int_equal(call(KVM_SET_XCRS, &x), -SWIVL_EINVAL);
}

/* ---- with struct kvm_run, and through page tables ------------------------------------------------- */

static void registers_through_the_run_page(void **state)
{
	struct kvm_run *run = model_vcpu(vcpu)->run;

	model_guest = look;
	run->kvm_valid_regs = 8;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINVAL);
	run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	run->kvm_dirty_regs = 1ull << 63;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINVAL);
	run->kvm_dirty_regs = 0;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->s.regs.regs.rip, 0xfff1); /* past HLT */
	assert_int_equal(run->s.regs.sregs.cs.base, 0xffff0000);
	run->s.regs.regs.rbx = 0xbeef;
	run->s.regs.regs.rip = 0x100;
	run->s.regs.sregs.cr3 = 0x9000;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->kvm_dirty_regs, 0);
	assert_int_equal(at_entry.rip, 0x100);
	assert_int_equal(at_entry.cr3, 0x9000);
	assert_int_equal(run->s.regs.regs.rbx, 0xbeef);
	run->s.regs.sregs.cr0 = 1ull << 40;
	run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINVAL);
	run->s.regs.events.flags = 1u << 30;
	run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), -SWIVL_EINVAL);
}

static void translation(void **state)
{
	struct kvm_translation t = { .linear_address = 0x1234 };
	u64 *memory = caller_memory(LARGE);
	struct kvm_sregs s;

	assert_int_equal(call(KVM_TRANSLATE, &t), 0);
	assert_int_equal(t.valid, 1);
	assert_int_equal(t.physical_address, 0x1234);
	set_slot(vm, 0, 0, 0, LARGE, memory);
	good_sregs(&s);
	s.cr3 = 0x1000;
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_TRANSLATE, &t), 0);
	assert_int_equal(t.valid, 0);
	assert_int_equal(t.physical_address, ~0ull);
	memory[0x1000 / 8] = 0x2003;
	memory[0x2000 / 8] = 0x3003;
	memory[0x3000 / 8] = 0x4003;
	memory[0x4008 / 8] = 0x55003;
	assert_int_equal(call(KVM_TRANSLATE, &t), 0);
	assert_int_equal(t.valid, 1);
	assert_int_equal(t.physical_address, 0x55234);
	munmap(memory, LARGE);
}

/* The guest reads a byte from a port into its memory, and halts. */
static void ins_then_hlt(struct vcpu *v, struct model_hw *hw)
{
	v->exit = (struct exit){ .kind = EXIT_HLT, .length = 1 };
	if (hw->state.rip == 0x4000)
		v->exit = (struct exit){ .kind = EXIT_IO, .length = 1,
					 .io = { .port = 0x99, .size = 1, .in = true,
						 .string = true } };
}

/* What we do to memory for the guest leaves the marks that the processor would (SDM 4.8). */
static void accessed_and_dirty_bits(void **state)
{
	const struct kvm_segment code = { .type = 0xb, .s = 1, .present = 1, .l = 1, .g = 1 };
	const struct kvm_segment data = { .type = 0x3, .s = 1, .present = 1, .g = 1 };
	struct kvm_sregs s = { .cs = code, .ss = data, .ds = data, .es = data, .cr3 = 0x1000,
			       .cr0 = CR0_PE | CR0_PG | CR0_ET, .cr4 = CR4_PAE,
			       .efer = EFER_LME | EFER_LMA, .apic_base = 0xfee00900 };
	struct kvm_regs r = { .rip = 0x4000, .rdi = 0x5000, .rflags = RFLAGS_ONE };
	u64 *memory = caller_memory(LARGE);
	struct kvm_run *run = model_vcpu(vcpu)->run;

	set_slot(vm, 0, 0, 0, LARGE, memory);
	memory[0x1000 / 8] = 0x2003;
	memory[0x2000 / 8] = 0x3003;
	memory[0x3000 / 8] = 0x6003;
	memory[0x6020 / 8] = 0x4003;
	memory[0x6028 / 8] = 0x5003;
	*(u8 *)&memory[0x4000 / 8] = 0x6c; /* INSB */
	assert_int_equal(call(KVM_SET_SREGS, &s), 0);
	assert_int_equal(call(KVM_SET_REGS, &r), 0);
	model_guest = ins_then_hlt;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_IO);
	model_vcpu(vcpu)->pio[0] = 0x5a;
	assert_int_equal(model_ioctl(vcpu, KVM_RUN, 0), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	assert_int_equal(memory[0x5000 / 8], 0x5a);
	assert_int_equal(memory[0x1000 / 8], 0x2023);
	assert_int_equal(memory[0x6020 / 8], 0x4003); /* the fetch was the processor's */
	assert_int_equal(memory[0x6028 / 8], 0x5063);
	munmap(memory, LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(general_registers),
		TEST(system_registers),
		TEST(unusable_segments),
		TEST(sregs_that_no_processor_has),
		TEST(sregs2_and_pae),
		TEST(debug_registers),
		TEST(fpu),
		TEST(xsave),
		TEST(xcrs),
		TEST(registers_through_the_run_page),
		TEST(translation),
		TEST(accessed_and_dirty_bits),
	};

	return cmocka_run_group_tests_name("registers", tests, NULL, NULL);
}
