// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(VMX_SRCS)
// flags: -DSWIVL_MODEL
/* core/vmx over modelled processors: enabling, VMCSs that travel, state, the host. */
#include "vmx_test.h"

/* ---- enabling --------------------------------------------------------------------------------------- */

static void enabling_leaves_no_trace(void **state)
{
	u64 before = (processors_reset(), CPU->cr4);
	struct refusal_report why;

	assert_true(vmx_vendor.start(&why));
	assert_true(enable_all(&why));
	assert_true(CPU->root && (CPU->cr4 & CR4_VMXE));
	stop();
	assert_false(CPU->root);
	assert_int_equal(CPU->cr4, before);
}

static void refused(enum refusal reason)
{
	struct refusal_report why = { .why = REFUSE_NOTHING };
	bool ok = vmx_vendor.supported(&why) && vmx_vendor.start(&why);

	if (ok) {
		ok = enable_all(&why);
		assert_false(CPU->cr4 & CR4_VMXE && !CPU->root);
		stop();
	}
	assert_false(ok);
	assert_string_equal(refusal_text(why.why)->name, refusal_text(reason)->name);
}

static void refusals_have_their_names(void **state)
{
	processors_reset();
	cpuid_1_ecx &= ~CPUID_1_ECX_VMX;
	refused(REFUSE_VMX_CPUID);
	cpuid_1_ecx |= CPUID_1_ECX_VMX;
	*msr_of(IA32_FEATURE_CONTROL) = FEATURE_CONTROL_LOCKED;
	refused(REFUSE_VMX_LOCKED_OFF);
	processors_reset();
	CPU->cr4 |= CR4_VMXE;
	refused(REFUSE_VMX_HELD);
	processors_reset();
	CPU->cr0 &= ~CR0_NE;
	refused(REFUSE_CR0_FIXED);
	processors_reset();
	*msr_of(IA32_VMX_CR4_FIXED1) = 0x2fff;
	refused(REFUSE_CR4_FIXED);
	processors_reset();
	CPU->cr4 |= CR4_FRED;
	refused(REFUSE_FRED);
	processors_reset();
	cpus[1].msr_low[IA32_VMX_MISC] ^= 1;
	refused(REFUSE_MIXED_CPUS);
	processors_reset();
	*msr_of(IA32_VMX_BASIC) ^= 1; /* a revision that VMXON does not take */
	cpus[1].msr_low[IA32_VMX_BASIC] ^= 1;
	refused(REFUSE_VMXON_FAILED);
	assert_false(CPU->cr4 & CR4_VMXE);
	processors_reset();
	cr4_held = true;
	refused(REFUSE_CR4_HELD);
	cr4_held = false;
}

static void memory_may_run_out_anywhere(void **state)
{
	struct refusal_report why;
	bool started = false;

	for (long n = 1; !started; n++) {
		processors_reset();
		fail_alloc = n;
		started = vmx_vendor.start(&why);
		if (!started) {
			assert_int_equal(why.why, REFUSE_NO_MEMORY);
			assert_int_equal(allocations, 0);
		}
		assert_true(n < 20);
	}
	fail_alloc = 0;
	stop();
}

static void unlocked_feature_control_is_set_and_locked(void **state)
{
	struct refusal_report why;

	processors_reset();
	for (int i = 0; i < CPUS; i++)
		cpus[i].msr_low[IA32_FEATURE_CONTROL] = 0;
	assert_true(vmx_vendor.supported(&why));
	assert_true(vmx_vendor.start(&why));
	assert_true(enable_all(&why));
	assert_int_equal(*msr_of(IA32_FEATURE_CONTROL),
			 FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
	stop();
}

static void interrupted_guest(u64 *gpr)
{
	plain_guest(gpr);
	if (!CPU->int2s)
		guest_write(EXIT_REASON, REASON_EXCEPTION);
}

static void selftest_finds_nothing_wrong(void **state)
{
	struct swivl_selftest *t = calloc(1, sizeof(*t));

	start();
	guest = plain_guest;
	exit_reason = REASON_VMCALL;
	t->cpu = 1;
	assert_int_equal(vmx_vendor.selftest(t), 0);
	assert_true(t->nsteps > 25);
	for (u32 i = 0; i < t->nsteps; i++)
		if (!(t->steps[i].flags & SWIVL_SELFTEST_OK))
			fail_msg("%s: %s", t->steps[i].name, t->steps[i].answer);
	assert_true(cpus[1].root);
	/* The host's NMI may come first. */
	guest = interrupted_guest;
	assert_int_equal(vmx_vendor.selftest(t), 0);
	for (u32 i = 0; i < t->nsteps; i++)
		if (!(t->steps[i].flags & SWIVL_SELFTEST_OK))
			fail_msg("%s: %s", t->steps[i].name, t->steps[i].answer);
	assert_int_equal(cpus[1].int2s, 1);
	guest = plain_guest;
	/* A processor that gives a wrong answer is seen. */
	exit_reason = REASON_HLT;
	assert_int_equal(vmx_vendor.selftest(t), 0);
	assert_false(t->steps[t->nsteps - 4].flags & SWIVL_SELFTEST_OK);
	t->cpu = 2;
	assert_int_equal(vmx_vendor.selftest(t), -SWIVL_ENXIO);
	vmx_vendor.vm_create(&vm);
	t->cpu = 0;
	assert_int_equal(vmx_vendor.selftest(t), -SWIVL_EBUSY);
	vmx_vendor.vm_destroy(&vm);
	stop();
	free(t);
}

/* ---- VMCSs that travel ---------------------------------------------------------------------------------- */

static void first_entry_launches_later_ones_resume(void **state)
{
	exit_by(REASON_CPUID, 0);
	exit_by(REASON_CPUID, 0);
	assert_int_equal(CPU->entries, 2);
	assert_int_equal(CPU->launches, 1);
	assert_null(died);
}

static void on_another_cpu_it_is_cleared_flushed_and_launched(void **state)
{
	unsigned int flushes;

	exit_by(REASON_CPUID, 0);
	this_cpu = 1;
	flushes = CPU->invepts;
	exit_by(REASON_CPUID, 0);
	assert_int_equal(CPU->launches, 1);
	assert_int_equal(CPU->invepts, flushes + 1);
	assert_true(CPU->invvpids > 1);
	assert_int_equal(guest_read(HOST_GS_BASE), *msr_of(IA32_GS_BASE));
	assert_null(cpus[0].current);
	this_cpu = 0;
	exit_by(REASON_CPUID, 0);
	assert_int_equal(CPU->launches, 2);
	assert_int_equal(guest_read(HOST_GS_BASE), *msr_of(IA32_GS_BASE));
}

static void cpu_that_goes_takes_nothing_with_it(void **state)
{
	struct refusal_report why;

	exit_by(REASON_CPUID, 0);
	vmx_vendor.cpu_disable();
	online[0] = false;
	assert_int_equal(vcpu->cpu, -1);
	this_cpu = 1;
	exit_by(REASON_CPUID, 0);
	assert_int_equal(CPU->launches, 1);
	online[0] = true;
	this_cpu = 0;
	assert_true(vmx_vendor.cpu_enable(&why));
	exit_by(REASON_CPUID, 0);
	assert_null(died);
}

static void two_share_a_cpu(void **state)
{
	struct vcpu *other = new_vcpu();

	cpuid_7_edx = 0;
	exit_by(REASON_CPUID, 0);
	run_once(other);
	exit_by(REASON_CPUID, 0);
	run_once(other);
	assert_int_equal(CPU->launches, 2);
	assert_int_equal(CPU->entries, 4);
	free_vcpu(other);
	exit_by(REASON_CPUID, 0);
	assert_int_equal(CPU->launches, 2);
}

static void removed_translations_are_flushed_once(void **state)
{
	unsigned int before;

	exit_by(REASON_CPUID, 0);
	before = CPU->invepts;
	exit_by(REASON_CPUID, 0);
	assert_int_equal(CPU->invepts, before);
	vm.stage2.generation++;
	exit_by(REASON_CPUID, 0);
	exit_by(REASON_CPUID, 0);
	assert_int_equal(CPU->invepts, before + 1);
}

/* All MSRs exit while the caller has a filter; the bitmap is looked at when the generation is. */
static void a_filter_makes_all_msrs_exit(void **state)
{
	u64 usual, filtered;

	exit_by(REASON_CPUID, 0);
	usual = guest_read(MSR_BITMAP);
	assert_int_equal(usual, host_page_pa(vmx.msr_bitmap));
	vm.msr_filter = (struct msr_filter *)&vm; /* something */
	vm.stage2.generation++;
	exit_by(REASON_CPUID, 0);
	filtered = guest_read(MSR_BITMAP);
	for (unsigned int i = 0; i < SWIVL_PAGE_SIZE; i++)
		assert_int_equal(((u8 *)(size_t)filtered)[i], 0xff);
	vm.msr_filter = NULL;
	vm.stage2.generation++;
	exit_by(REASON_CPUID, 0);
	assert_int_equal(guest_read(MSR_BITMAP), usual);
}

static void vcpu_creation_may_run_out_of_memory(void **state)
{
	struct vcpu *v = calloc(1, sizeof(*v));
	long before = allocations;

	v->vm = &vm;
	for (long n = 1; n <= 2; n++) {
		fail_alloc = n;
		assert_int_equal(vmx_vendor.vcpu_create(v), -SWIVL_ENOMEM);
		assert_int_equal(allocations, before);
	}
	fail_alloc = 0;
	free(v);
}

/* ---- state --------------------------------------------------------------------------------------------------------- */

static void keep_guest(u64 *gpr)
{
	plain_guest(gpr);
}

/* What is stored comes back by fetching, whichever group. */
static void state_round_trip(void **state)
{
	struct vcpu_state *s = &vcpu->state, before;
	u64 rsp;

	for (unsigned int i = 0; i < SEGS; i++)
		s->seg[i] = (struct segment){ i * 0x1000, i * 16 + 15, 0x93 | SEG_ATTR_DB,
					      (u16)(i * 8) };
	s->seg[SEG_TR].attr = 0x8b;
	s->seg[SEG_GS].attr = SEG_ATTR_UNUSABLE;
	s->gdt = (struct table_reg){ 0x5000, 0x7f };
	s->idt = (struct table_reg){ 0x6000, 0xfff };
	s->rip = 0x1234;
	s->rflags = 0x202;
	vcpu->gpr[RSP] = rsp = 0x7000;
	s->cr3 = 0x8000;
	s->sysenter_cs = 8;
	s->sysenter_esp = 0x9000;
	s->sysenter_eip = 0xa000;
	s->kernel_gs_base = 0xb000;
	s->shadow = SHADOW_NMI;
	s->pending_debug = 1 << 14;
	for (unsigned int i = 0; i < 4; i++)
		s->pdptr[i] = i * 0x1000 + 1;
	s->cr0 |= CR0_TS | CR0_CD;
	s->cr4 |= CR4_OSFXSR;
	vcpu_overwrite(vcpu, STATE_ALL);
	before = *s;
	guest = keep_guest;
	exit_reason = REASON_CPUID;
	run_once(vcpu);
	memset(s->seg, 0, sizeof(s->seg));
	s->gdt.base = s->idt.base = s->rip = s->rflags = s->cr3 = s->sysenter_esp = 0xee;
	s->pdptr[2] = s->pending_debug = s->shadow = vcpu->gpr[RSP] = 0xee;
	vmx_vendor.load(vcpu, false);
	vmx_vendor.fetch(vcpu, STATE_ALL & ~STATE_SYSCALL);
	vmx_vendor.unload(vcpu);
	assert_memory_equal(s->seg, before.seg, sizeof(s->seg));
	assert_int_equal(s->cr0, before.cr0);
	assert_int_equal(s->cr4, before.cr4);
	assert_int_equal(s->gdt.base, before.gdt.base);
	assert_int_equal(s->idt.limit, before.idt.limit);
	assert_int_equal(s->rip, before.rip);
	assert_int_equal(s->cr3, before.cr3);
	assert_int_equal(s->sysenter_esp, before.sysenter_esp);
	assert_int_equal(s->kernel_gs_base, before.kernel_gs_base);
	assert_int_equal(s->shadow, before.shadow);
	assert_int_equal(s->pdptr[2], before.pdptr[2]);
	assert_int_equal(s->pending_debug, before.pending_debug);
	assert_int_equal(vcpu->gpr[RSP], rsp);
}

static void changing_guest(u64 *gpr)
{
	plain_guest(gpr);
	guest_write(GUEST_CR0, guest_read(GUEST_CR0) | CR0_TS | CR0_WP);
	guest_write(GUEST_CR4, guest_read(GUEST_CR4) | CR4_PGE);
	*msr_of(IA32_KERNEL_GS_BASE) = 0x5555000;
}

static void guest_owned_bits_come_back(void **state)
{
	guest = changing_guest;
	exit_reason = REASON_CPUID;
	run_once(vcpu);
	assert_int_equal(vcpu->state.kernel_gs_base, 0x5555000);
	vmx_vendor.load(vcpu, false);
	vmx_vendor.fetch(vcpu, STATE_CR);
	vmx_vendor.unload(vcpu);
	assert_int_equal(vcpu->state.cr0, CR0_PE | CR0_PG | CR0_NE | CR0_TS | CR0_WP);
	assert_int_equal(vcpu->state.cr4, CR4_PAE | CR4_PGE);
}

static void hardware_control_registers_keep_to_the_rules(void **state)
{
	vcpu->state.cr0 = CR0_CD | CR0_NW;
	vcpu->state.efer = 0;
	vcpu->state.cr4 = 0;
	vcpu_overwrite(vcpu, STATE_CR);
	exit_by(REASON_CPUID, 0);
	assert_int_equal(guest_read(GUEST_CR0), CR0_NE);
	assert_int_equal(guest_read(CR0_SHADOW), CR0_CD | CR0_NW);
	assert_int_equal(guest_read(GUEST_CR4), CR4_VMXE | CR4_MCE); /* MCE is the host's */
	assert_int_equal(guest_read(CR4_SHADOW), 0);
	assert_true(guest_read(CR0_MASK) & (CR0_PE | CR0_PG | CR0_NE | CR0_CD | CR0_NW));
	assert_true(guest_read(CR4_MASK) & CR4_VMXE);
	assert_false(guest_read(ENTRY_CONTROLS) & ENTRY_LONG_MODE);
}

/* All but VMX' own bits, what EFER.LMA follows, and what CPUID shows. */
static void the_machines_guest_owns_its_registers(void **state)
{
	vm.machine = (struct machine *)&vm;
	vcpu->state.cr0 = CR0_ET | CR0_CD;
	vcpu->state.cr4 = CR4_OSXSAVE;
	vmx_vendor.load(vcpu, false);
	vmcs_setup_masks(vcpu);
	assert_int_equal(guest_read(CR0_MASK) & (CR0_PE | CR0_TS | CR0_WP), 0);
	assert_int_equal(guest_read(CR0_MASK) & (CR0_PG | CR0_NE | CR0_CD | CR0_NW),
			 CR0_PG | CR0_NE | CR0_CD | CR0_NW);
	assert_int_equal(guest_read(CR4_MASK) & (CR4_PAE | CR4_PSE | CR4_SMEP | CR4_PGE), 0);
	assert_int_equal(guest_read(CR4_MASK) & (CR4_VMXE | CR4_SMXE | CR4_OSXSAVE | CR4_PKE),
			 CR4_VMXE | CR4_SMXE | CR4_OSXSAVE | CR4_PKE);
	guest_write(GUEST_CR0, CR0_PE | CR0_ET | CR0_NE);
	guest_write(GUEST_CR4, CR4_VMXE | CR4_PAE);
	vmx_vendor.fetch(vcpu, STATE_CR);
	vmx_vendor.unload(vcpu);
	vm.machine = NULL;
	assert_int_equal(vcpu->state.cr0, CR0_PE | CR0_ET | CR0_CD);
	assert_int_equal(vcpu->state.cr4, CR4_OSXSAVE | CR4_PAE);
}

static void long_mode_wants_a_long_task(void **state)
{
	vcpu->state.efer = EFER_LME;
	vcpu->state.cr0 = CR0_PE | CR0_NE;
	vcpu->state.seg[SEG_TR].attr = 0x83;
	vcpu_overwrite(vcpu, STATE_CR | STATE_SEG);
	exit_by(REASON_CR, 0);
	assert_int_equal(guest_read(GUEST_TR_ACCESS_RIGHTS), 0x83);
	vcpu->state.efer |= EFER_LMA;
	vcpu->state.cr0 |= CR0_PG;
	vcpu_overwrite(vcpu, STATE_CR);
	exit_by(REASON_CR, 0);
	assert_int_equal(guest_read(GUEST_TR_ACCESS_RIGHTS), 0x8b);
	assert_true(guest_read(ENTRY_CONTROLS) & ENTRY_LONG_MODE);
}

/* ---- the host --------------------------------------------------------------------------------------------------------- */

static u64 dr0_in_guest, pebs_in_guest;

static void busy_guest(u64 *gpr)
{
	plain_guest(gpr);
	*msr_of(IA32_KERNEL_GS_BASE) = 0x1111000;
	CPU->cr2 = 0x2222;
	dr0_in_guest = CPU->dr[0];
	pebs_in_guest = *msr_of(IA32_PEBS_ENABLE);
}

static void the_host_gets_back_what_it_had(void **state)
{
	struct cpu_model before;
	struct vcpu_state *s = &vcpu->state;

	CPU->ds = CPU->es = 0x2b;
	CPU->dr[0] = 0x1000;
	CPU->dr[7] = 0x401;
	*msr_of(IA32_DEBUGCTL) = 1;
	*msr_of(IA32_PEBS_ENABLE) = 5;
	before = *CPU;
	s->star = 1;
	s->lstar = 0x0000900000000000; /* not canonical: must never reach the processor */
	s->cstar = 0x7fffffffffffffff;
	s->fmask = ~0ull;
	s->tsc_aux = ~0ull;
	s->xcr0 = 1;
	s->dr[0] = 0x4444;
	s->dr7 = DR7_ONE | 1;
	vcpu_overwrite(vcpu, STATE_SYSCALL | STATE_DR7);
	guest = busy_guest;
	exit_reason = REASON_CPUID;
	vmx_vendor.load(vcpu, true);
	vmx_vendor.run(vcpu);
	assert_int_equal(CPU->xcr0, 1);
	assert_int_equal(dr0_in_guest, 0x4444);
	assert_int_equal(CPU->dr[0], 0x1000); /* before the host takes an interrupt */
	assert_int_equal(pebs_in_guest, 0);
	assert_int_equal(*msr_of(IA32_PEBS_ENABLE), 5);
	CPU->ldtr = 0x50; /* it made one */
	vmx_vendor.run(vcpu);
	before.ldtr = 0x50;
	assert_int_equal(*msr_of(IA32_STAR), 1);
	/* What was changed after the last exit does not stay in the processor either. */
	s->star = before.msr_high[IA32_STAR - 0xc0000000];
	vcpu->dirty |= STATE_SYSCALL;
	vmx_vendor.unload(vcpu);
	assert_memory_equal(CPU->msr_high, before.msr_high, sizeof(before.msr_high));
	assert_memory_equal(CPU->msr_low, before.msr_low, sizeof(before.msr_low));
	assert_memory_equal(CPU->dr, before.dr, sizeof(before.dr));
	assert_memory_equal(&CPU->gdt, &before.gdt, sizeof(before.gdt));
	assert_memory_equal(&CPU->idt, &before.idt, sizeof(before.idt));
	assert_int_equal(CPU->xcr0, before.xcr0);
	assert_int_equal(CPU->ds, 0x2b);
	assert_int_equal(CPU->es, 0x2b);
	assert_int_equal(CPU->ldtr, before.ldtr);
	assert_int_equal(task_limit[0], 0x2087);
	assert_int_equal(s->cr2, 0x2222);
}

/* They end by an interrupt, between two entries or after the last: then they do not come back. */
static void what_debugs_the_host_ends_in_a_section(void **state)
{
	u64 *debugctl = msr_of(IA32_DEBUGCTL);

	CPU->dr[7] = 0x401;
	*debugctl = 0xc1;
	exit_reason = REASON_CPUID;
	vmx_vendor.load(vcpu, true);
	vmx_vendor.run(vcpu);
	assert_int_equal(CPU->dr[7], 0x401);
	assert_int_equal(*debugctl, 0xc1);
	CPU->dr[7] = DR7_ONE;
	*debugctl = 1;
	vmx_vendor.run(vcpu);
	assert_int_equal(CPU->dr[7], DR7_ONE);
	assert_int_equal(*debugctl, 1);
	CPU->dr[7] = 0x402;
	vmx_vendor.run(vcpu);
	CPU->dr[7] = DR7_ONE;
	*debugctl = 0;
	vmx_vendor.unload(vcpu);
	assert_int_equal(CPU->dr[7], DR7_ONE);
	assert_int_equal(*debugctl, 0);
}

static void selector_that_is_gone_becomes_null(void **state)
{
	CPU->ds = 0x63; /* its descriptor is empty */
	CPU->fs = 0x2b;
	exit_by(REASON_CPUID, 0);
	assert_int_equal(CPU->ds, 0);
	assert_int_equal(CPU->fs, 0x2b);
	assert_int_equal(*msr_of(IA32_FS_BASE), 0x7f1234567000);
}

static void short_look_changes_nothing(void **state)
{
	struct cpu_model before;

	exit_by(REASON_CPUID, 0);
	before = *CPU;
	vmx_vendor.load(vcpu, false);
	vmx_vendor.fetch(vcpu, STATE_RIP | STATE_SEG);
	vmx_vendor.unload(vcpu);
	assert_memory_equal(CPU, &before, sizeof(before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enabling_leaves_no_trace),
		cmocka_unit_test(refusals_have_their_names),
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(unlocked_feature_control_is_set_and_locked),
		cmocka_unit_test(selftest_finds_nothing_wrong),
		TEST(first_entry_launches_later_ones_resume),
		TEST(on_another_cpu_it_is_cleared_flushed_and_launched),
		TEST(cpu_that_goes_takes_nothing_with_it),
		TEST(two_share_a_cpu),
		TEST(removed_translations_are_flushed_once),
		TEST(a_filter_makes_all_msrs_exit),
		TEST(vcpu_creation_may_run_out_of_memory),
		TEST(state_round_trip),
		TEST(guest_owned_bits_come_back),
		TEST(hardware_control_registers_keep_to_the_rules),
		TEST(the_machines_guest_owns_its_registers),
		TEST(long_mode_wants_a_long_task),
		TEST(the_host_gets_back_what_it_had),
		TEST(what_debugs_the_host_ends_in_a_section),
		TEST(selector_that_is_gone_becomes_null),
		TEST(short_look_changes_nothing),
	};

	return cmocka_run_group_tests_name("vmx_state", tests, NULL, NULL);
}
