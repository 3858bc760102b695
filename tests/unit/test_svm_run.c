// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/svm/caps.c core/svm/enable.c core/svm/vcpu.c core/svm/state.c core/svm/run.c core/svm/exit.c core/svm/operand.c core/svm/npt.c core/svm/selftest.c core/svm/names.c core/emulate/decode.c core/emulate/emulate.c core/x86/fpu.c core/vm/live.c core/vm/refusal.c
// flags: -DSWIVL_MODEL
/* All of core/svm over modelled processors: enabling, ASIDs, entries, exits, the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdbool.h>
#define SWIVL_HAVE_TYPES
#include <cmocka.h>
#include "svm_processor.h"

static struct vm vm;
static struct vcpu *vcpu;

/* ---- around the tests -------------------------------------------------------------------------- */

static bool enable_all(struct refusal_report *why)
{
	bool ok = true;

	for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
		ok = ok && svm_vendor.cpu_enable(why);
	this_cpu = 0;
	return ok;
}

static void start(void)
{
	struct refusal_report why;

	assert_true(svm_vendor.present());
	assert_true(svm_vendor.supported(&why));
	assert_true(svm_vendor.start(&why));
	assert_true(enable_all(&why));
}

static void stop(void)
{
	for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
		svm_vendor.cpu_disable();
	this_cpu = 0;
	svm_vendor.stop();
	assert_int_equal(allocations, 0);
}

static struct vcpu *new_vcpu(void)
{
	struct vcpu *v = calloc(1, sizeof(*v));
	struct vcpu_state *s = &v->state;

	v->vm = &vm;
	v->cpu = -1;
	v->fpu = aligned_alloc(4096, 4096);
	memset(v->fpu, 0, 4096);
	s->cr0 = CR0_PE | CR0_PG | CR0_NE;
	s->cr4 = CR4_PAE | CR4_MCE;
	s->efer = EFER_LME | EFER_LMA;
	s->seg[SEG_CS].attr = 0xa09b;
	s->seg[SEG_SS].attr = 0xc093;
	s->rflags = RFLAGS_ONE;
	s->rip = CODE_AT;
	s->xcr0 = 7;
	s->dr7 = DR7_ONE;
	v->cpuid_xcr0 = 7;
	v->valid = v->dirty = STATE_ALL | STATE_INTERCEPTS;
	assert_int_equal(svm_vendor.vcpu_create(v), 0);
	return v;
}

static void free_vcpu(struct vcpu *v)
{
	svm_vendor.vcpu_destroy(v);
	free(v->fpu);
	free(v);
}

static int setup_with(u32 features)
{
	processors_reset();
	cpuid_8a_edx |= features;
	start();
	memset(&vm, 0, sizeof(vm));
	svm_vendor.vm_create(&vm);
	vcpu = new_vcpu();
	return 0;
}

static int setup(void **state)
{
	return setup_with(0);
}

static int setup_all_features(void **state)
{
	return setup_with(SVM_NEXT_RIP | SVM_DECODE_ASSISTS | SVM_FLUSH_BY_ASID | SVM_CLEAN_BITS);
}

static int teardown(void **state)
{
	assert_null(died);
	free_vcpu(vcpu);
	svm_vendor.vm_destroy(&vm);
	stop();
	return 0;
}

/* One entry in a section of its own. */
static void run_once(struct vcpu *v)
{
	svm_vendor.load(v, true);
	svm_vendor.run(v);
	svm_vendor.unload(v);
}

static u64 exit_code, exit_info[2], int_info, next_rip;
static struct vmcb seen; /* as VMRUN found it */

static void plain_guest(struct vmcb *vmcb, u64 *gpr)
{
	seen = *vmcb;
	vmcb->control.exit_code = exit_code;
	vmcb->control.exit_info[0] = exit_info[0];
	vmcb->control.exit_info[1] = exit_info[1];
	vmcb->control.exit_int_info = int_info;
	vmcb->control.next_rip = next_rip;
}

static const struct exit *exit_by(u64 number, u64 info0, u64 info1)
{
	guest = plain_guest;
	exit_code = number;
	exit_info[0] = info0;
	exit_info[1] = info1;
	int_info = 0;
	run_once(vcpu);
	return &vcpu->exit;
}

#define CODE_IS(...) memcpy(code, (u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }))

static struct vmcb *vmcb_of(struct vcpu *v)
{
	return to_svm(v)->vmcb;
}

/* ---- enabling --------------------------------------------------------------------------------------- */

static void enabling_leaves_no_trace(void **state)
{
	u64 before = (processors_reset(), CPU->efer);

	start();
	assert_int_equal(CPU->efer, before | EFER_SVME);
	assert_int_equal(CPU->save_pa & 0xfff, 0);
	stop();
	assert_int_equal(CPU->efer, before);
	assert_int_equal(CPU->save_pa, 0);
}

static void refused(enum refusal reason)
{
	struct refusal_report why = { .why = REFUSE_NOTHING };
	bool ok = svm_vendor.supported(&why) && svm_vendor.start(&why);

	if (ok) {
		ok = enable_all(&why);
		stop();
	}
	assert_false(ok);
	assert_string_equal(refusal_text(why.why)->name, refusal_text(reason)->name);
	processors_reset();
}

static void refusals_have_their_names(void **state)
{
	processors_reset();
	cpuid_x1_ecx = 0;
	refused(REFUSE_SVM_CPUID);
	CPU->vm_cr = 0x10;
	refused(REFUSE_SVM_DISABLED);
	CPU->vm_cr = 0x18;
	refused(REFUSE_SVM_LOCKED);
	CPU->efer |= EFER_SVME;
	refused(REFUSE_SVM_HELD);
	cpus[1].efer |= EFER_SVME;
	refused(REFUSE_SVM_HELD);
	cpuid_8a_edx = SVM_NEXT_RIP;
	refused(REFUSE_NO_NESTED_PAGING);
	cpuid_8a_ebx = 1;
	refused(REFUSE_NO_ASID);
	CPU->cr4 |= CR4_FRED;
	refused(REFUSE_FRED);
}

static void memory_may_run_out_anywhere(void **state)
{
	struct refusal_report why;
	bool started = false;

	for (long n = 1; !started; n++) {
		processors_reset();
		fail_alloc = n;
		started = svm_vendor.start(&why);
		if (!started) {
			assert_int_equal(why.why, REFUSE_NO_MEMORY);
			assert_int_equal(allocations, 0);
		}
		assert_true(n < 20);
	}
	fail_alloc = 0;
	stop();
}

static bool msr_exits(u32 msr, bool write)
{
	const u8 *map = svm.msrpm;
	u32 n = msr & 0x1fff;

	n += msr >= 0xc0010000 ? 0x4000 : msr >= 0xc0000000 ? 0x2000 : 0;
	return map[n / 4] >> (n % 4 * 2 + write) & 1;
}

static void all_exits_but_what_vmload_switches(void **state)
{
	static const u32 open[] = { 0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083,
				    0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102 };
	static const u32 shut[] = { 0x10, 0x1b, 0x48, 0x173, 0x177, 0x1d9, 0x277, 0xc0000080,
				    0xc0000085, 0xc00000ff, 0xc0000103, 0xc0010114, 0xc0010117 };
	unsigned int passed = 0;

	processors_reset();
	start();
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		assert_false(msr_exits(open[i], false) || msr_exits(open[i], true));
	for (size_t i = 0; i < ARRAY_SIZE(shut); i++)
		assert_true(msr_exits(shut[i], false) && msr_exits(shut[i], true));
	for (u32 i = 0; i < MSRPM_PAGES * 4096 * 8; i++)
		passed += !(((u8 *)svm.msrpm)[i / 8] >> i % 8 & 1);
	assert_int_equal(passed, 2 * ARRAY_SIZE(open));
	for (u32 i = 0; i < IOPM_PAGES * 4096; i++)
		assert_int_equal(((u8 *)svm.iopm)[i], 0xff);
	stop();
}

static void vmmcall_guest(struct vmcb *vmcb, u64 *gpr)
{
	vmcb->control.exit_code = exit_code;
}

static void guest_that_loses_lstar(struct vmcb *vmcb, u64 *gpr)
{
	vmcb->control.exit_code = exit_code;
	CPU->star++;
}

static void guest_that_moves(struct vmcb *vmcb, u64 *gpr)
{
	vmcb->control.exit_code = exit_code;
	vmcb->save.rip++;
}

static bool step_is_wrong(const struct swivl_selftest *t, const char *name)
{
	for (u32 i = 0; i < t->nsteps; i++)
		if (!strncmp(t->steps[i].name, name, strlen(name)))
			return !(t->steps[i].flags & SWIVL_SELFTEST_OK);
	fail_msg("no step \"%s\"", name);
	return false;
}

static void selftest_finds_nothing_wrong(void **state)
{
	struct swivl_selftest *t = calloc(1, sizeof(*t));

	processors_reset();
	start();
	guest = vmmcall_guest;
	exit_code = CODE_VMMCALL;
	t->cpu = 1;
	assert_int_equal(svm_vendor.selftest(t), 0);
	assert_int_equal(t->nsteps, 18);
	for (u32 i = 0; i < t->nsteps; i++)
		if (!(t->steps[i].flags & SWIVL_SELFTEST_OK))
			fail_msg("%s: %s", t->steps[i].name, t->steps[i].answer);
	assert_true(cpus[1].efer & EFER_SVME);
	/* A processor that gives a wrong answer is seen. */
	exit_code = CODE_HLT;
	assert_int_equal(svm_vendor.selftest(t), 0);
	assert_true(step_is_wrong(t, "VMRUN of a guest that mirrors"));
	assert_false(step_is_wrong(t, "the host's registers"));
	exit_code = CODE_VMMCALL;
	guest = guest_that_moves;
	assert_int_equal(svm_vendor.selftest(t), 0);
	assert_true(step_is_wrong(t, "VMRUN of a guest that mirrors"));
	guest = guest_that_loses_lstar;
	assert_int_equal(svm_vendor.selftest(t), 0);
	assert_true(step_is_wrong(t, "the host's registers"));
	t->cpu = 2;
	assert_int_equal(svm_vendor.selftest(t), -SWIVL_ENXIO);
	svm_vendor.vm_create(&vm);
	t->cpu = 0;
	assert_int_equal(svm_vendor.selftest(t), -SWIVL_EBUSY);
	svm_vendor.vm_destroy(&vm);
	stop();
	free(t);
}

/* ---- address space identifiers, clean bits ---------------------------------------------------------------- */

static void identifiers_are_given_out_in_turn(void **state)
{
	struct vcpu *other = new_vcpu(), *third = new_vcpu();

	CODE_IS(0x0f, 0xa2);
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.asid, 1);
	assert_int_equal(seen.control.tlb_control, TLB_FLUSH_ALL); /* what was here before us */
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.tlb_control, 0);
	run_once(other);
	assert_int_equal(seen.control.asid, 2);
	run_once(third);
	assert_int_equal(seen.control.asid, 3);
	assert_int_equal(CPU->flushes, 1);
	/* Four, and 0 is the host's: a new generation begins, and nobody keeps a number of the old. */
	vm.stage2.generation++;
	run_once(third);
	assert_int_equal(seen.control.asid, 1);
	assert_int_equal(seen.control.tlb_control, TLB_FLUSH_ALL);
	run_once(vcpu);
	assert_int_equal(seen.control.asid, 2);
	run_once(other);
	assert_int_equal(seen.control.asid, 3);
	assert_int_equal(CPU->flushes, 2);
	free_vcpu(other);
	free_vcpu(third);
}

static void one_guest_is_flushed_where_that_can_be(void **state)
{
	CODE_IS(0x0f, 0xa2);
	next_rip = CODE_AT + 2;
	exit_by(CODE_CPUID, 0, 0);
	vm.stage2.generation++;
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.asid, 1);
	assert_int_equal(seen.control.tlb_control, TLB_FLUSH_GUEST);
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.tlb_control, 0);
	next_rip = 0;
}

static void another_cpu_knows_nothing(void **state)
{
	CODE_IS(0x0f, 0xa2);
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.clean, 0);
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.clean, CLEAN_ALL);
	vcpu_overwrite(vcpu, STATE_SEG);
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.clean, CLEAN_ALL & ~CLEAN_SEG);
	vcpu->state.cr2 = 0x1234;
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.clean, CLEAN_ALL & ~CLEAN_CR2);
	this_cpu = 1;
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(seen.control.clean, 0);
	assert_int_equal(CPU->flushes, 1);
	assert_int_equal(CPU->ibpbs, 1);
}

/* ---- exits --------------------------------------------------------------------------------------------- */

static void lengths_by_the_decoder(void **state)
{
	const struct exit *e;

	CODE_IS(0x66, 0x0f, 0xa2);
	e = exit_by(CODE_CPUID, 0, 0);
	assert_true(e->kind == EXIT_CPUID && e->length == 3);
	CODE_IS(0xf4);
	e = exit_by(CODE_HLT, 0, 0);
	assert_true(e->kind == EXIT_HLT && e->length == 1);
	CODE_IS(0x0f, 0x01, 0xd9);
	e = exit_by(CODE_VMMCALL, 0, 0);
	assert_true(e->kind == EXIT_HYPERCALL && e->length == 3);
	CODE_IS(0x0f, 0x32);
	e = exit_by(CODE_MSR, 0, 0);
	assert_true(e->kind == EXIT_MSR_READ && e->length == 2);
	CODE_IS(0x0f, 0x30);
	e = exit_by(CODE_MSR, 1, 0);
	assert_true(e->kind == EXIT_MSR_WRITE && e->length == 2);
	/* From the page that is known already, and not what the slow way would say. */
	kept = (const u8[]){ 0x0f, 0x01, 0xd9 };
	CODE_IS(0x66, 0x0f, 0x01, 0xd9);
	e = exit_by(CODE_VMMCALL, 0, 0);
	assert_true(e->kind == EXIT_HYPERCALL && e->length == 3);
	kept = code;
	e = exit_by(CODE_VMMCALL, 0, 0);
	assert_true(e->kind == EXIT_HYPERCALL && e->length == 4);
	kept = NULL;
	CODE_IS(0xf3, 0x0f, 0x09);
	e = exit_by(CODE_WBINVD, 0, 0);
	assert_true(e->kind == EXIT_WBINVD && e->length == 3);
}

/* Another processor of the guest wrote there meanwhile, or took the page away. */
static void what_cannot_be_read_again_is_executed_again(void **state)
{
	CODE_IS(0x0f, 0xa3, 0xc0);
	assert_int_equal(exit_by(CODE_CPUID, 0, 0)->kind, EXIT_NONE);
	CODE_IS(0x0f, 0x01, 0xd8);
	assert_int_equal(exit_by(CODE_VMMCALL, 0, 0)->kind, EXIT_NONE);
	vcpu->state.rip = 0x9000;
	vcpu->dirty |= STATE_RIP;
	vcpu->state.cr2 = 0x77;
	assert_int_equal(exit_by(CODE_CPUID, 0, 0)->kind, EXIT_NONE);
	assert_int_equal(vcpu->exception.type, EVENT_NONE);
	assert_int_equal(vcpu->state.cr2, 0x77);
}

static void lengths_by_the_processor(void **state)
{
	const struct exit *e;

	next_rip = CODE_AT + 7; /* not what stands there, so it can only be this */
	e = exit_by(CODE_CPUID, 0, 0);
	assert_true(e->kind == EXIT_CPUID && e->length == 7);
	e = exit_by(CODE_MSR, 1, 0);
	assert_true(e->kind == EXIT_MSR_WRITE && e->length == 7);
	e = exit_by(CODE_WRITE_CR0 + 4, MOV_CR_DECODED | 9, 0);
	assert_true(e->kind == EXIT_CR && e->cr.cr == 4 && e->cr.op == CR_WRITE &&
		    e->cr.gpr == 9 && e->length == 7);
	e = exit_by(CODE_WRITE_DR0 + 7, 3, 0);
	assert_true(e->dr.dr == 7 && !e->dr.read && e->dr.gpr == 3 && e->length == 7);
	next_rip = 0;
	/* CLTS and LMSW are not decoded. */
	CODE_IS(0x0f, 0x06);
	e = exit_by(CODE_WRITE_CR0, 0, 0);
	assert_true(e->cr.op == CR_CLTS && e->length == 2);
}

static void ports(void **state)
{
	const struct exit *e = exit_by(CODE_IOIO, 0x03f80000 | 4 << 4 | IOIO_IN, CODE_AT + 2);

	assert_true(e->kind == EXIT_IO && e->io.port == 0x3f8 && e->io.size == 4 && e->io.in);
	assert_true(!e->io.string && !e->io.rep && e->length == 2);
	e = exit_by(CODE_IOIO, 0x00e90000 | 1 << 4 | IOIO_STRING | IOIO_REP, CODE_AT + 3);
	assert_true(!e->io.in && e->io.string && e->io.rep && e->io.size == 1 && e->length == 3);
}

static void control_registers(void **state)
{
	const struct exit *e;

	CODE_IS(0x41, 0x0f, 0x22, 0xe2); /* mov %r10, %cr4 */
	e = exit_by(CODE_WRITE_CR0 + 4, 0, 0);
	assert_true(e->cr.cr == 4 && e->cr.op == CR_WRITE && e->cr.gpr == 10 && e->length == 4);
	CODE_IS(0x44, 0x0f, 0x20, 0xc3); /* mov %cr8, %rbx */
	e = exit_by(CODE_READ_CR8, 0, 0);
	assert_true(e->cr.cr == 8 && e->cr.op == CR_READ && e->cr.gpr == RBX && e->length == 4);
	CODE_IS(0x0f, 0x01, 0xf1); /* lmsw %cx */
	vcpu->gpr[RCX] = 0x5abcd;
	e = exit_by(CODE_WRITE_CR0, 0, 0);
	assert_true(e->cr.op == CR_LMSW && e->cr.msw == 0xabcd && e->length == 3);
	CODE_IS(0x0f, 0x01, 0x37); /* lmsw (%rdi) */
	vcpu->gpr[RDI] = 8;
	memory[8] = 0x34;
	memory[9] = 0x12;
	e = exit_by(CODE_WRITE_CR0, 0, 0);
	assert_true(e->cr.op == CR_LMSW && e->cr.msw == 0x1234);
	vcpu->gpr[RDI] = 1ull << 62;
	assert_int_equal(exit_by(CODE_WRITE_CR0, 0, 0)->kind, EXIT_NONE);
	assert_int_equal(raised, VECTOR_GP);
	CODE_IS(0x0f, 0x21, 0xf8); /* mov %db7, %rax */
	e = exit_by(CODE_READ_DR0 + 7, 0, 0);
	assert_true(e->kind == EXIT_DR && e->dr.dr == 7 && e->dr.read && e->dr.gpr == RAX);
}

static void smsw_is_carried_out(void **state)
{
	vcpu->gpr[RCX] = ~0ull;
	CODE_IS(0x66, 0x0f, 0x01, 0xe1); /* smsw %cx */
	assert_int_equal(exit_by(CODE_READ_CR0, 0, 0)->kind, EXIT_NONE);
	assert_int_equal(vcpu->gpr[RCX], 0xffffffffffff0021);
	assert_int_equal(vcpu->state.rip, CODE_AT + 4);
	vcpu->state.rip = CODE_AT;
	vcpu->dirty |= STATE_RIP;
	CODE_IS(0x0f, 0x01, 0x27); /* smsw (%rdi) */
	vcpu->gpr[RDI] = 4;
	memory[6] = 0x99;
	exit_by(CODE_READ_CR0, 0, 0);
	assert_true(memory[4] == 0x21 && memory[5] == 0 && memory[6] == 0x99);
}

/* Where the processor has to have more than the guest sees, the guest's reads exit. */
static void hidden_bits_of_control_registers(void **state)
{
	CODE_IS(0xf4);
	exit_by(CODE_HLT, 0, 0);
	assert_int_equal(seen.control.read_cr, 1 << 8);
	vcpu->state.cr0 |= CR0_CD;
	vcpu->state.cr4 &= ~CR4_MCE;
	vcpu->dirty |= STATE_CR;
	exit_by(CODE_HLT, 0, 0);
	assert_int_equal(seen.control.read_cr, 1 << 8 | 1 << 4 | 1);
	assert_int_equal(seen.save.cr0, vcpu->state.cr0 & ~CR0_CD);
	assert_int_equal(seen.save.cr4, vcpu->state.cr4 | CR4_MCE);
	assert_int_equal(seen.save.efer, vcpu->state.efer | EFER_SVME);
	assert_true(seen.control.write_cr & 1 && seen.control.write_cr & 16);
}

static void nested_faults(void **state)
{
	const struct exit *e = exit_by(CODE_NESTED_FAULT, NPF_WRITE | 1 << 2, 0x123456);

	assert_true(e->kind == EXIT_NESTED_FAULT && e->fault.gpa == 0x123456);
	assert_int_equal(e->fault.access, ACCESS_WRITE);
	assert_false(e->fault.gva_valid);
	assert_int_equal(exit_by(CODE_NESTED_FAULT, NPF_FETCH, 0)->fault.access, ACCESS_EXEC);
	assert_int_equal(exit_by(CODE_NESTED_FAULT, 4, 0)->fault.access, ACCESS_READ);
	assert_int_equal(exit_by(CODE_NESTED_FAULT, NPF_RESERVED, 0)->kind, EXIT_NESTED_MISCONFIG);
}

static void breakpoint_guest(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	vmcb->save.dr6 |= 2;
}

static void exceptions_and_what_is_the_hosts(void **state)
{
	const struct exit *e;

	guest = breakpoint_guest;
	exit_code = CODE_EXCEPTION + VECTOR_DB;
	run_once(vcpu);
	assert_int_equal(vcpu->exit.exception.info, 2);
	assert_int_equal(vmcb_of(vcpu)->save.dr6, DR6_ONES);
	assert_int_equal(CPU->dr[6], DR6_ONES);
	e = exit_by(CODE_EXCEPTION + VECTOR_AC, 0, 0);
	assert_true(e->exception.vector == VECTOR_AC && e->exception.has_error);
	e = exit_by(CODE_EXCEPTION + VECTOR_PF, 5, 0xdead);
	assert_true(e->exception.error == 5 && e->exception.info == 0xdead);
	CODE_IS(0xcc);
	e = exit_by(CODE_EXCEPTION + VECTOR_BP, 0, 0);
	assert_true(e->kind == EXIT_EXCEPTION && e->length == 1);
	CODE_IS(0xf1);
	e = exit_by(CODE_ICEBP, 0, 0);
	assert_true(e->exception.vector == VECTOR_DB && !e->exception.info && e->length == 1);
	assert_int_equal(CPU->int18s, 0);
	assert_int_equal(exit_by(CODE_EXCEPTION + VECTOR_MC, 0, 0)->kind, EXIT_NONE);
	assert_int_equal(CPU->int18s, 1);
	assert_int_equal(exit_by(CODE_NMI, 0, 0)->kind, EXIT_NMI);
	assert_int_equal(exit_by(CODE_SHUTDOWN, 0, 0)->kind, EXIT_TRIPLE_FAULT);
	assert_int_equal(exit_by(CODE_FERR_FREEZE, 0, 0)->kind, EXIT_NONE);
}

static void svm_in_the_guest_is_undefined(void **state)
{
	for (u64 number = CODE_VMRUN; number <= CODE_SKINIT; number++)
		assert_int_equal(exit_by(number, 0, 0)->kind == EXIT_VIRTUALIZATION,
				 number != CODE_VMMCALL);
	assert_int_equal(exit_by(CODE_INVLPGA, 0, 0)->kind, EXIT_VIRTUALIZATION);
	assert_true(seen.control.intercepts & INTERCEPT_INVLPGA);
	assert_int_equal(seen.control.intercepts2 & 0x7f, 0x7f);
}

static void codes_without_a_handler_are_unknown(void **state)
{
	static const u64 codes[] = { 0x65, 0x66, 0x70, 0x75, 0x8c, 0x8f, 0x90, 0x3ff, 0x401, 0x10000 };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		const struct exit *e = exit_by(codes[i], 0x77, 0x78);

		assert_int_equal(e->kind, EXIT_UNKNOWN);
		assert_true(e->hw_reason == codes[i] && e->hw_info[0] == 0x77);
	}
}

/* ---- events ------------------------------------------------------------------------------------------------ */

static u64 inject(struct event event)
{
	vcpu->event = event;
	CODE_IS(0xf4);
	exit_by(CODE_HLT, 0, 0);
	assert_int_equal(vcpu->event.type, EVENT_NONE);
	return seen.control.event_inj;
}

static void events_are_injected(void **state)
{
	assert_int_equal(inject((struct event){ EVENT_NONE }), 0);
	assert_int_equal(inject((struct event){ EVENT_INTERRUPT, 0x31 }), 0x80000031);
	assert_int_equal(inject((struct event){ EVENT_NMI, VECTOR_NMI }), 0x80000202);
	assert_int_equal(inject((struct event){ EVENT_EXCEPTION, VECTOR_UD }), 0x80000306);
	assert_int_equal(inject((struct event){ EVENT_EXCEPTION, VECTOR_GP, true, 0, 0x18 }),
			 0x1880000b0d);
	vcpu->state.cr0 = CR0_ET;
	vcpu->dirty |= STATE_CR;
	assert_int_equal(inject((struct event){ EVENT_EXCEPTION, VECTOR_GP, true, 0, 0x18 }),
			 0x8000030d);
}

/* The return address of a software interrupt is behind it, with next-RIP save and without. */
static void software_interrupts(void **state)
{
	assert_int_equal(inject((struct event){ EVENT_SOFT_INTERRUPT, 0x80, false, 2 }), 0x80000480);
	assert_int_equal(seen.save.rip, CODE_AT + 2);
	assert_int_equal(seen.control.next_rip, CODE_AT + 2);
}

static void redelivered(u64 info)
{
	CODE_IS(0xf4);
	guest = plain_guest;
	exit_code = CODE_NESTED_FAULT;
	exit_info[0] = exit_info[1] = 0;
	int_info = EVENT_INJ_VALID | info;
	run_once(vcpu);
	int_info = 0;
}

static void interrupted_deliveries(void **state)
{
	redelivered(0x42);
	assert_true(vcpu->event.type == EVENT_INTERRUPT && vcpu->event.vector == 0x42);
	redelivered(0x30e | EVENT_INJ_ERROR | 5ull << 32);
	assert_true(vcpu->event.type == EVENT_EXCEPTION && vcpu->event.vector == VECTOR_PF &&
		    vcpu->event.has_error && vcpu->event.error == 5);
	vcpu->event = (struct event){ EVENT_NMI, VECTOR_NMI };
	redelivered(0x202);
	assert_int_equal(vcpu->event.type, EVENT_NMI);
	assert_int_equal(vcpu->state.shadow & SHADOW_NMI, 0);
	/* What an instruction began, it begins again. */
	redelivered(0x480);
	assert_int_equal(vcpu->event.type, EVENT_NONE);
	assert_int_equal(vcpu->state.rip, CODE_AT);
	redelivered(0x303);
	assert_int_equal(vcpu->event.type, EVENT_NONE);
	vcpu->event = (struct event){ EVENT_SOFT_EXCEPTION, VECTOR_BP, false, 1 };
	redelivered(0x303);
	assert_int_equal(seen.save.rip, CODE_AT + 1);
	assert_int_equal(vcpu->state.rip, CODE_AT);
	assert_true(vcpu->dirty & STATE_RIP);
}

static void interrupt_windows(void **state)
{
	vcpu->want_irq_window = true;
	assert_int_equal(exit_by(CODE_VINTR, 0, 0)->kind, EXIT_IRQ_WINDOW);
	assert_true(seen.control.virtual_interrupt & V_IRQ);
	assert_true(seen.control.virtual_interrupt & V_INTR_MASKING);
	assert_true(seen.control.intercepts & INTERCEPT_VINTR);
	vcpu->want_irq_window = false;
	CODE_IS(0xf4);
	exit_by(CODE_HLT, 0, 0);
	assert_false(seen.control.virtual_interrupt & V_IRQ);
	assert_false(seen.control.intercepts & INTERCEPT_VINTR);
}

/* ---- NMIs: masked from the delivery to the end of IRET ------------------------------------------------------- */

static void nmi_to_iret(void)
{
	inject((struct event){ EVENT_NMI, VECTOR_NMI });
	assert_true(seen.control.intercepts & INTERCEPT_IRET);
	assert_true(vcpu->state.shadow & SHADOW_NMI);
	assert_int_equal(exit_by(CODE_IRET, 0, 0)->kind, EXIT_NONE);
	assert_true(vcpu->state.shadow & SHADOW_NMI);
}

static void stepped_guest(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	vmcb->save.rip = 0x4000;
	vmcb->save.rflags = RFLAGS_ONE | RFLAGS_IF; /* from the stack */
	vmcb->save.dr6 |= DR6_BS;
}

static void iret_ends_the_masking(void **state)
{
	nmi_to_iret();
	guest = stepped_guest;
	exit_code = CODE_EXCEPTION + VECTOR_DB;
	run_once(vcpu);
	assert_true(seen.save.rflags & RFLAGS_TF);
	assert_false(seen.control.intercepts & INTERCEPT_IRET);
	assert_true(seen.control.exceptions & 1u << VECTOR_PF);
	assert_int_equal(vcpu->exit.kind, EXIT_NMI_WINDOW);
	assert_int_equal(vcpu->state.shadow & SHADOW_NMI, 0);
	assert_int_equal(vcpu->state.rflags, RFLAGS_ONE | RFLAGS_IF);
	CODE_IS(0xf4);
	vcpu->state.rip = CODE_AT;
	vcpu->dirty |= STATE_RIP;
	exit_by(CODE_HLT, 0, 0);
	assert_false(seen.control.exceptions & 1u << VECTOR_PF);
	assert_false(seen.control.intercepts & INTERCEPT_IRET);
}

static void interrupted_iret_is_tried_again(void **state)
{
	nmi_to_iret();
	assert_int_equal(exit_by(CODE_INTR, 0, 0)->kind, EXIT_INTERRUPT);
	assert_true(seen.save.rflags & RFLAGS_TF);
	assert_true(vcpu->state.shadow & SHADOW_NMI);
	assert_false(vcpu->state.rflags & RFLAGS_TF);
	exit_by(CODE_INTR, 0, 0);
	assert_true(seen.control.intercepts & INTERCEPT_IRET);
	assert_false(seen.save.rflags & RFLAGS_TF);
}

static void faulting_iret_ends_the_masking(void **state)
{
	const struct exit *e;

	nmi_to_iret();
	e = exit_by(CODE_EXCEPTION + VECTOR_GP, 0x10, 0);
	assert_true(e->kind == EXIT_EXCEPTION && e->exception.error == 0x10);
	assert_int_equal(vcpu->state.shadow & SHADOW_NMI, 0);
	assert_false(vcpu->state.rflags & RFLAGS_TF);
}

static void nmi_waits_for_the_end_of_a_shadow(void **state)
{
	vcpu->state.shadow = SHADOW_MOV_SS;
	vcpu->dirty |= STATE_SHADOW;
	vcpu->want_nmi_window = true;
	guest = stepped_guest;
	exit_code = CODE_EXCEPTION + VECTOR_DB;
	run_once(vcpu);
	assert_int_equal(seen.control.interrupt_state, 1);
	assert_true(seen.save.rflags & RFLAGS_TF);
	assert_int_equal(vcpu->exit.kind, EXIT_NMI_WINDOW);
	vcpu->want_nmi_window = false;
}

/* The trap flag of a guest that steps itself is the guest's. */
static void stepping_guest_gets_its_trap(void **state)
{
	nmi_to_iret();
	vcpu->state.rflags |= RFLAGS_TF;
	vcpu->dirty |= STATE_RFLAGS;
	guest = stepped_guest;
	exit_code = CODE_EXCEPTION + VECTOR_DB;
	run_once(vcpu);
	assert_int_equal(vcpu->exit.kind, EXIT_EXCEPTION);
	assert_int_equal(vcpu->exit.exception.info, DR6_BS);
	assert_int_equal(vcpu->state.shadow & SHADOW_NMI, 0);
}

/* ---- entries that fail ------------------------------------------------------------------------------------- */

static void failed_entry_shows_nothing_of_the_host(void **state)
{
	CODE_IS(0xf4);
	exit_by(CODE_HLT, 0, 0);
	vcpu->state.seg[SEG_FS].base = 0x1234;
	vcpu_overwrite(vcpu, STATE_SEG);
	vcpu->valid &= ~STATE_TABLES;
	entry_refused = true;
	run_once(vcpu);
	assert_int_equal(vcpu->exit.kind, EXIT_FAIL_ENTRY);
	assert_int_equal(vcpu->exit.fail_reason, 0xffffffff);
	vcpu->valid &= ~(STATE_SEG | STATE_TABLES);
	svm_vendor.load(vcpu, false);
	svm_vendor.fetch(vcpu, STATE_SEG | STATE_TABLES);
	svm_vendor.unload(vcpu);
	assert_int_equal(vcpu->state.seg[SEG_FS].base, 0x1234);
	assert_int_equal(vcpu->state.gdt.base, 0);
	entry_refused = false;
	assert_int_equal(exit_by(CODE_HLT, 0, 0)->kind, EXIT_HLT);
}

/* ---- the host around a section ------------------------------------------------------------------------------ */

static void xsetbv_guest(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	CPU->xcr0 = XCR0_X87 | XCR0_SSE;
}

/* QEMU's processor does not tell of XSETBV. */
static void xsetbv_that_did_not_exit(void **state)
{
	guest = xsetbv_guest;
	exit_code = CODE_INTR;
	run_once(vcpu);
	assert_int_equal(CPU->xcr0, 7);
	assert_int_equal(vcpu->state.xcr0, XCR0_X87 | XCR0_SSE);
}

static u64 seen_dr0, seen_tsc_aux, seen_xss;

static void debugged_guest(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	seen_dr0 = CPU->dr[0];
	seen_tsc_aux = CPU->tsc_aux;
	seen_xss = CPU->xss;
}

static void registers_of_the_host(void **state)
{
	CPU->dr[0] = 0xffffffff81000000;
	CPU->dr[7] = 0x401;
	vcpu->state.dr[0] = 0x4444;
	vcpu->state.dr7 = DR7_ONE | DR7_GD | 1;
	vcpu->state.tsc_aux = 0x55;
	vcpu->dirty |= STATE_DR7;
	guest = debugged_guest;
	exit_code = CODE_INTR;
	svm_vendor.load(vcpu, true);
	svm_vendor.run(vcpu);
	assert_int_equal(CPU->dr[0], 0xffffffff81000000); /* before the host takes an interrupt */
	svm_vendor.unload(vcpu);
	assert_int_equal(seen_dr0, 0x4444);
	assert_int_equal(seen.save.dr7, DR7_ONE | 1);
	assert_int_equal(seen_tsc_aux, 0x55);
	assert_int_equal(CPU->tsc_aux, 0);
	assert_int_equal(seen_xss, 0);
	assert_int_equal(CPU->xss, 0x1800);
	assert_int_equal(CPU->verws, 1);
	assert_int_equal(CPU->dr[7], 0x401);
}

static void filtered_msrs_all_exit(void **state)
{
	CODE_IS(0xf4);
	exit_by(CODE_HLT, 0, 0);
	assert_int_equal(seen.control.msrpm_pa, (size_t)svm.msrpm);
	vm.msr_filter = (void *)&vm;
	vm.stage2.generation++;
	exit_by(CODE_HLT, 0, 0);
	assert_int_equal(seen.control.msrpm_pa, (size_t)svm.msrpm_filtered);
	for (u32 i = 0; i < MSRPM_PAGES * 4096; i++)
		assert_int_equal(((u8 *)svm.msrpm_filtered)[i], 0xff);
	vm.msr_filter = NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ALL_FEATURES(name) cmocka_unit_test_setup_teardown(name, setup_all_features, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enabling_leaves_no_trace),
		cmocka_unit_test(refusals_have_their_names),
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(all_exits_but_what_vmload_switches),
		cmocka_unit_test(selftest_finds_nothing_wrong),
		T(identifiers_are_given_out_in_turn),
		ALL_FEATURES(one_guest_is_flushed_where_that_can_be),
		T(another_cpu_knows_nothing),
		T(lengths_by_the_decoder),
		T(what_cannot_be_read_again_is_executed_again),
		ALL_FEATURES(lengths_by_the_processor),
		T(ports),
		T(control_registers),
		T(smsw_is_carried_out),
		T(hidden_bits_of_control_registers),
		T(nested_faults),
		T(exceptions_and_what_is_the_hosts),
		T(svm_in_the_guest_is_undefined),
		T(codes_without_a_handler_are_unknown),
		T(events_are_injected),
		T(software_interrupts),
		T(interrupted_deliveries),
		T(interrupt_windows),
		T(iret_ends_the_masking),
		T(interrupted_iret_is_tried_again),
		T(faulting_iret_ends_the_masking),
		T(nmi_waits_for_the_end_of_a_shadow),
		T(stepping_guest_gets_its_trap),
		T(failed_entry_shows_nothing_of_the_host),
		T(xsetbv_that_did_not_exit),
		T(registers_of_the_host),
		T(filtered_msrs_all_exit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
