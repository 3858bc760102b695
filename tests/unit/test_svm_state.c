// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(SVM_SRCS) core/vm/state.c
// flags: -DSWIVL_MODEL
/* core/svm over modelled processors: enabling, ASIDs, clean bits, failed entries, the host. */
#include "svm_test.h"
#include "failure_test.h"

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
	cpus[1].vm_cr = 0x10;
	refused(REFUSE_SVM_DISABLED);
	cpuid_8a_edx = SVM_NEXT_RIP;
	refused(REFUSE_NO_NESTED_PAGING);
	cpuid_8a_ebx = 1;
	refused(REFUSE_NO_ASID);
	CPU->cr4 |= CR4_FRED;
	refused(REFUSE_FRED);
	cr3 |= 1ull << 47;
	refused(REFUSE_SME);
	cr3 = 0x1000;
}

/* Automatic IBRS is enough only where returns cannot be mistrained, either (SRSO_NO). */
static void returns_are_guarded(void **state)
{
	for (unsigned int i = 0; i < 8; i++) {
		processors_reset();
		cpuid_x21_eax = (i & 1 ? 1u << 8 : 0) | (i & 2 ? 1u << 29 : 0);
		CPU->efer |= i & 4 ? 1u << 21 : 0;
		start();
		assert_int_equal(svm_stuff_after_exit, i != 7);
		stop();
	}
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

/* Numbers given out after it were free of translations only if it had flushed. */
static void flush_that_failed_is_made_up_for(void **state)
{
	struct vcpu *other = new_vcpu(), *third = new_vcpu();

	CODE_IS(0x0f, 0xa2);
	next_rip = CODE_AT + 2;
	exit_by(CODE_CPUID, 0, 0);
	run_once(other);
	run_once(third);
	this_cpu = 1;
	run_once(third);
	this_cpu = 0;
	entry_refused = true;
	run_once(third); /* the first of a new generation */
	entry_refused = false;
	assert_int_equal(third->exit.kind, EXIT_FAIL_ENTRY);
	run_once(other);
	assert_int_equal(seen.control.tlb_control, TLB_FLUSH_ALL);
	run_once(third);
	exit_by(CODE_CPUID, 0, 0);
	assert_int_equal(CPU->flushes, 2);
	free_vcpu(other);
	free_vcpu(third);
	next_rip = 0;
}

static u32 dice(u32 sides)
{
	static u64 x = 1;

	x = x * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(x >> 33) % sides;
}

/* What a guest changes without an exit. */
static void restless_guest(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	vmcb->save.cr3 = dice(9) << 12;
	vmcb->save.cr2 = dice(3);
	vmcb->save.ds.base = dice(3);
	vmcb->save.gdtr.limit = dice(3);
	if (!dice(4))
		vmcb->control.exit_int_info = EVENT_INJ_VALID | 0x42;
}

/* Five on two CPUs with three numbers each: the model looks for stale translations and state. */
static void many_guests_by_chance(void **state)
{
	struct vcpu *v[5] = { vcpu };
	unsigned int i, failed = 0, entered = 0;

	for (i = 1; i < ARRAY_SIZE(v); i++)
		v[i] = new_vcpu();
	guest = restless_guest;
	exit_code = CODE_INTR;
	for (i = 0; i < 20000; i++) {
		struct vcpu *now = v[dice(ARRAY_SIZE(v))];

		this_cpu = dice(CPUS);
		entry_refused = !dice(8);
		if (!dice(16))
			vm.stage2.generation++;
		now->want_irq_window = !dice(4);
		now->want_nmi_window = !dice(8);
		if (!dice(4))
			now->event = (struct event){ EVENT_NMI, VECTOR_NMI };
		now->state.cr2 = dice(3);
		now->state.cr3 = now->state.tsc_offset = dice(7) << 12;
		now->state.pat = dice(2) * PAT_RESET;
		now->state.cr4 ^= dice(2) ? CR4_PGE : 0;
		now->state.dr7 ^= dice(2);
		now->guest_debug = dice(2) * KVM_GUESTDBG_USE_SW_BP;
		vcpu_overwrite(now, 1u << dice(16) | 1u << dice(16) | 1u << dice(16));
		run_once(now);
		assert_int_equal(now->exit.kind == EXIT_FAIL_ENTRY, entry_refused);
		failed += entry_refused;
		entered += !entry_refused;
		if (entry_refused) { /* as a caller that sets all registers anew */
			now->valid |= STATE_ALL;
			now->dirty |= STATE_ALL | STATE_INTERCEPTS;
		}
		now->event.type = EVENT_NONE;
	}
	assert_int_equal(cpus[0].entries + cpus[1].entries, entered);
	assert_true(failed > 1000 && entered > 1000);
	entry_refused = false;
	vcpu->want_irq_window = vcpu->want_nmi_window = false;
	for (i = 1; i < ARRAY_SIZE(v); i++)
		free_vcpu(v[i]);
	this_cpu = 0;
}

/* The processor reads as many levels as the host's own tables have. */
static void five_levels_where_the_host_has_five(void **state)
{
	const u64 *top;
	long before = allocations;

	CODE_IS(0xf4);
	exit_by(CODE_HLT, 0, 0);
	assert_int_equal(seen.control.nested_cr3, (size_t)root_table);
	free_vcpu(vcpu);
	svm_vendor.vm_destroy(&vm);
	cpus[0].cr4 |= CR4_LA57;
	fail_alloc = 1;
	assert_int_equal(svm_vendor.vm_create(&vm), -SWIVL_ENOMEM);
	assert_int_equal(svm_vendor.vm_create(&vm), 0);
	vcpu = new_vcpu();
	exit_by(CODE_HLT, 0, 0);
	top = (u64 *)(size_t)seen.control.nested_cr3;
	assert_ptr_not_equal(top, root_table);
	assert_int_equal(top[0], (size_t)root_table | npt_format.table);
	for (unsigned int i = 1; i < 512; i++)
		assert_int_equal(top[i], 0);
	assert_int_equal(allocations, before + 1);
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

/* ---- what VMRUN refuses ------------------------------------------------------------------------------------ */

bool vcpu_has_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, unsigned int reg, unsigned int bit)
{
	return true;
}

bool cpuid_offers(u32 leaf, u32 subleaf, unsigned int reg, unsigned int bit)
{
	return true;
}

/* Whatever a guest writes to its control registers, from whatever code segment. */
static void no_guest_gets_there(void **state)
{
	static const u64 cr0_bits[] = { CR0_PE, CR0_PG, CR0_CD, CR0_NW, CR0_WP, CR0_TS, 1ull << 32 };
	static const u64 cr4_bits[] = { CR4_PAE, CR4_PGE, CR4_PCIDE, CR4_LA57, CR4_SMEP, CR4_VMXE,
					CR4_PKE, 1ull << 23, 1ull << 63 };
	static const u64 efer_bits[] = { EFER_LME, EFER_LMA, EFER_NXE, EFER_SCE, EFER_SVME,
					 1ull << 14, 1ull << 40 };
	unsigned int taken[3] = { 0 };

	vcpu->guest_phys_bits = 40;
	vcpu_derive_cr4(vcpu);
	guest = plain_guest;
	exit_code = CODE_INTR;
	int_info = 0;
	for (unsigned int i = 0; i < 50000; i++) {
		struct vcpu_state *s = &vcpu->state;

		switch (dice(4)) {
		case 0:
			taken[0] += !vcpu_set_cr0(vcpu, s->cr0 ^ cr0_bits[dice(7)] ^
							(dice(2) ? cr0_bits[dice(7)] : 0));
			break;
		case 1:
			taken[1] += !vcpu_set_cr4(vcpu, s->cr4 ^ cr4_bits[dice(9)]);
			break;
		case 2:
			taken[2] += !vcpu_set_efer(vcpu, s->efer ^ efer_bits[dice(7)]);
			break;
		default: /* a processor takes no L with D in long mode, and no other L outside */
			vcpu_need(vcpu, STATE_SEG);
			s->seg[SEG_CS].attr = (s->efer & EFER_LMA) && dice(2) ? 0xa09b : 0xc09b;
			vcpu_overwrite(vcpu, STATE_SEG);
		}
		run_once(vcpu);
		if (refused_for)
			fail_msg("%s: CR0 %llx, CR4 %llx, EFER %llx, CS %x", refused_for, s->cr0,
				 s->cr4, s->efer, s->seg[SEG_CS].attr);
	}
	for (unsigned int i = 0; i < 3; i++)
		assert_true(taken[i] > 1000);
}

static void refused_by_the_caller(u32 groups)
{
	vcpu_overwrite(vcpu, groups);
	run_once(vcpu);
	assert_non_null(refused_for);
	assert_int_equal(vcpu->exit.kind, EXIT_FAIL_ENTRY);
	assert_null(died);
}

/* A caller gets there, and the guest goes on as soon as it is put right. */
static void callers_are_told(void **state)
{
	struct vcpu_state good = vcpu->state;

	guest = plain_guest;
	exit_code = CODE_INTR;
	vcpu->state.pat = 2;
	refused_by_the_caller(STATE_PAT);
	vcpu->state = good;
	vcpu->state.cr4 = CR4_MCE;
	refused_by_the_caller(STATE_CR | STATE_PAT);
	vcpu->state = good;
	vcpu->state.seg[SEG_CS].attr |= SEG_ATTR_DB;
	refused_by_the_caller(STATE_CR | STATE_SEG);
	vcpu->state = good;
	vcpu->event = (struct event){ EVENT_EXCEPTION, VECTOR_NMI };
	refused_by_the_caller(STATE_SEG);
	vcpu->event.type = EVENT_NONE;
	run_once(vcpu);
	assert_null(refused_for);
	assert_int_equal(seen.control.event_inj & EVENT_INJ_VALID, 0);
	assert_int_equal(seen.save.rip, CODE_AT);
}

/* Which rule it was, and the state for swivl explain; nothing of where the host lies. */
static void refusals_name_the_rule(void **state)
{
	const char *text;
	char number[32];

	guest = plain_guest;
	exit_code = CODE_INTR;
	run_once(vcpu);
	assert_int_equal(failure_request(vcpu, 100), -SWIVL_ENOENT);
	vcpu->state.seg[SEG_CS].attr |= SEG_ATTR_DB;
	refused_by_the_caller(STATE_SEG);
	text = failure_text(vcpu);
	assert_memory_equal(text, "the processor refused to enter: VMEXIT_INVALID; 1 rule of the manual is broken\n"
			    "has to be so: in long mode CS does not have both its L and its D bit "
			    "(APM vol. 2, 15.5.1; rule 714, svm.long.cs)\n"
			    "  EFER = 0x1500 (LME, LMA, SVME)\n", 200);
	assert_non_null(strstr(text, "\n  would satisfy it: "));
	assert_non_null(strstr(text, "\nswivl dump 1: VMCB\nvmcb 0 = 0x"));
	assert_non_null(strstr(text, "\nvmcb 412 = 0xe9b CS attributes\n"));
	assert_non_null(strstr(text, "\nswivl dump ends: "));
	assert_non_null(strstr(text, "\nfact CPUID 80000008h EAX = 0x3030\n"));
	assert_null(strstr(text, "\nvmcb 40 "));
	assert_null(strstr(text, "\nvmcb 48 "));
	assert_null(strstr(text, "\nvmcb b0 "));
	assert_null(strstr(text, "0x5555555555555555")); /* what that processor leaves of the host */
	snprintf(number, sizeof(number), "0x%llx", vmcb_of(vcpu)->control.nested_cr3);
	assert_null(strstr(text, number));
	failure_respects_room(vcpu);
	failure_log_is_limited(vcpu);
	/* The event counts as what VMRUN found. */
	vcpu->state.seg[SEG_CS].attr &= ~SEG_ATTR_DB;
	vcpu->event = (struct event){ EVENT_EXCEPTION, VECTOR_NMI };
	refused_by_the_caller(STATE_SEG);
	assert_non_null(strstr(failure_text(vcpu), "svm.event.vector)\n  EVENTINJ = 0x80000302 (exception 2)\n"));
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
	vcpu->state.cr4 |= CR4_OSXSAVE;
	vcpu->dirty |= STATE_CR;
	run_once(vcpu);
	assert_int_equal(CPU->xcr0, 7);
	assert_int_equal(vcpu->state.xcr0, XCR0_X87 | XCR0_SSE);

	/* It takes OSXSAVE away afterwards and goes on. */
	vcpu->state.xcr0 = 7;
	svm_vendor.load(vcpu, true);
	svm_vendor.run(vcpu);
	guest = plain_guest;
	vcpu->state.cr4 &= ~(u64)CR4_OSXSAVE;
	vcpu->dirty |= STATE_CR;
	svm_vendor.run(vcpu);
	svm_vendor.unload(vcpu);
	assert_int_equal(CPU->xcr0, 7);
	assert_int_equal(vcpu->state.xcr0, XCR0_X87 | XCR0_SSE);
}

static u64 seen_dr0, seen_dr7, seen_tsc_aux, seen_xss;

static void debugged_guest(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	seen_dr0 = CPU->dr[0];
	seen_dr7 = CPU->dr[7];
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
	assert_int_equal(CPU->dr[7], 0x401);
	svm_vendor.unload(vcpu);
	assert_int_equal(seen_dr0, 0x4444);
	assert_int_equal(seen.save.dr7, DR7_ONE | 1);
	/* Armed by hand where VMRUN does not. */
	assert_int_equal(seen_dr7, qemu ? DR7_ONE | 1 : DR7_ONE);
	assert_int_equal(seen_tsc_aux, 0x55);
	assert_int_equal(CPU->tsc_aux, 0);
	assert_int_equal(seen_xss, 0);
	assert_int_equal(CPU->xss, 0x1800);
	assert_int_equal(CPU->verws, 1);
	assert_int_equal(CPU->dr[7], 0x401);
}

/* It ends by an interrupt, between two entries or after the last: then it does not come back. */
static void breakpoint_of_the_host_ends_in_a_section(void **state)
{
	CPU->dr[7] = 0x401;
	exit_code = CODE_INTR;
	svm_vendor.load(vcpu, true);
	svm_vendor.run(vcpu);
	assert_int_equal(CPU->dr[7], 0x401);
	CPU->dr[7] = DR7_ONE;
	svm_vendor.run(vcpu);
	assert_int_equal(CPU->dr[7], DR7_ONE);
	CPU->dr[7] = 0x402;
	svm_vendor.run(vcpu);
	assert_int_equal(CPU->dr[7], 0x402);
	CPU->dr[7] = DR7_ONE;
	svm_vendor.unload(vcpu);
	assert_int_equal(CPU->dr[7], DR7_ONE);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enabling_leaves_no_trace),
		cmocka_unit_test(refusals_have_their_names),
		cmocka_unit_test(returns_are_guarded),
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(all_exits_but_what_vmload_switches),
		cmocka_unit_test(selftest_finds_nothing_wrong),
		T(identifiers_are_given_out_in_turn),
		ALL_FEATURES(one_guest_is_flushed_where_that_can_be),
		T(flush_that_failed_is_made_up_for),
		ALL_FEATURES(flush_that_failed_is_made_up_for),
		T(many_guests_by_chance),
		ALL_FEATURES(many_guests_by_chance),
		T(five_levels_where_the_host_has_five),
		T(another_cpu_knows_nothing),
		T(no_guest_gets_there),
		T(callers_are_told),
		T(refusals_name_the_rule),
		T(failed_entry_shows_nothing_of_the_host),
		T(xsetbv_that_did_not_exit),
		T(registers_of_the_host),
		QEMU(registers_of_the_host),
		T(breakpoint_of_the_host_ends_in_a_section),
		QEMU(breakpoint_of_the_host_ends_in_a_section),
		T(filtered_msrs_all_exit),
	};

	return cmocka_run_group_tests_name("svm_state", tests, NULL, NULL);
}
