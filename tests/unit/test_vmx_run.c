// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/vmx/caps.c core/vmx/enable.c core/vmx/vmcs.c core/vmx/host.c core/vmx/state.c core/vmx/run.c core/vmx/exit.c core/vmx/ept.c core/vmx/fields.c core/vmx/selftest.c core/x86/fpu.c core/vm/refusal.c
// flags: -DSWIVL_MODEL
/* All of core/vmx over modelled processors: enabling, VMCSs that travel, entries, exits, the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdbool.h>
#define SWIVL_HAVE_TYPES
#include <cmocka.h>
#include "vmx_processor.h"

static struct vm vm;
static struct vcpu *vcpu;
static u64 root_table[512] __attribute__((aligned(4096)));

/* ---- around the tests -------------------------------------------------------------------------- */

static bool enable_all(struct refusal_report *why)
{
	bool ok = true;

	for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
		ok = ok && vmx_vendor.cpu_enable(why);
	this_cpu = 0;
	return ok;
}

static void start(void)
{
	struct refusal_report why;

	processors_reset();
	assert_true(vmx_vendor.present());
	assert_true(vmx_vendor.supported(&why));
	assert_true(vmx_vendor.start(&why));
	assert_true(enable_all(&why));
}

static void stop(void)
{
	for (this_cpu = 0; this_cpu < CPUS; this_cpu++)
		vmx_vendor.cpu_disable();
	this_cpu = 0;
	vmx_vendor.stop();
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
	s->cr4 = CR4_PAE;
	s->efer = EFER_LME | EFER_LMA;
	s->rflags = RFLAGS_ONE;
	s->xcr0 = 7;
	s->lstar = 0xffffffff81000000;
	v->valid = v->dirty = STATE_ALL | STATE_INTERCEPTS;
	assert_int_equal(vmx_vendor.vcpu_create(v), 0);
	return v;
}

static void free_vcpu(struct vcpu *v)
{
	vmx_vendor.vcpu_destroy(v);
	free(v->fpu);
	free(v);
}

static int setup(void **state)
{
	start();
	memset(&vm, 0, sizeof(vm));
	vm.stage2.root = root_table;
	vm.stage2.root_pa = (size_t)root_table;
	assert_int_equal(vmx_vendor.vm_create(&vm), 0);
	vcpu = new_vcpu();
	return 0;
}

static int teardown(void **state)
{
	free_vcpu(vcpu);
	vmx_vendor.vm_destroy(&vm);
	stop();
	return 0;
}

/* One entry in a section of its own. */
static void run_once(struct vcpu *v)
{
	vmx_vendor.load(v, true);
	vmx_vendor.run(v);
	vmx_vendor.unload(v);
}

static u64 exit_reason, exit_qualification, exit_info, vectoring;

static void plain_guest(u64 *gpr)
{
	guest_write(EXIT_REASON, exit_reason);
	guest_write(EXIT_QUALIFICATION, exit_qualification);
	guest_write(EXIT_INTERRUPTION_INFO, exit_info);
	guest_write(IDT_VECTORING_INFO, vectoring);
	guest_write(EXIT_INSTRUCTION_LENGTH, 3);
}

static void exit_by(u64 reason, u64 qualification)
{
	guest = plain_guest;
	exit_reason = reason;
	exit_qualification = qualification;
	exit_info = vectoring = 0;
	run_once(vcpu);
}

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

/* ---- exits --------------------------------------------------------------------------------------------- */

static void cpuid_costs_five_reads_and_one_write(void **state)
{
	u64 reads, writes;

	exit_by(REASON_CPUID, 0);
	vmx_vendor.load(vcpu, true);
	reads = vcpu->hardware_reads;
	writes = vcpu->hardware_writes;
	vcpu_overwrite(vcpu, STATE_RIP);
	vmx_vendor.run(vcpu);
	vmx_vendor.unload(vcpu);
	assert_int_equal(vcpu->hardware_reads - reads, 5);
	assert_int_equal(vcpu->hardware_writes - writes, 1);
	assert_int_equal(vcpu->exit.kind, EXIT_CPUID);
	assert_int_equal(vcpu->exit.length, 3);
	assert_true(vcpu->valid & STATE_RIP);
	assert_false(vcpu->valid & (STATE_SEG | STATE_CR | STATE_CR3 | STATE_RSP));
}

static void exits_that_instructions_cause(void **state)
{
	const struct exit *e = &vcpu->exit;

	exit_by(REASON_IO, 0x03f80000 | 1 << 3 | 3);
	assert_int_equal(e->kind, EXIT_IO);
	assert_int_equal(e->io.port, 0x3f8);
	assert_int_equal(e->io.size, 4);
	assert_true(e->io.in && !e->io.string && !e->io.rep);
	exit_by(REASON_IO, 0x00e90000 | 1 << 4 | 1 << 5);
	assert_true(!e->io.in && e->io.string && e->io.rep && e->io.size == 1);
	exit_by(REASON_CR, 4 | 1 << 4 | 10 << 8);
	assert_true(e->kind == EXIT_CR && e->cr.cr == 4 && e->cr.op == CR_READ && e->cr.gpr == 10);
	exit_by(REASON_CR, 3 << 4 | 0xabcdull << 16);
	assert_true(e->cr.op == CR_LMSW && e->cr.msw == 0xabcd);
	exit_by(REASON_CR, 2 << 4);
	assert_int_equal(e->cr.op, CR_CLTS);
	exit_by(REASON_DR, 7 | 1 << 4 | 2 << 8);
	assert_true(e->kind == EXIT_DR && e->dr.dr == 7 && e->dr.read && e->dr.gpr == 2);
	exit_by(REASON_VMCALL, 0);
	assert_int_equal(e->kind, EXIT_HYPERCALL);
	exit_by(REASON_VMXON, 0);
	assert_int_equal(e->kind, EXIT_VIRTUALIZATION);
	exit_by(REASON_HLT, 0);
	assert_int_equal(e->kind, EXIT_HLT);
}

/* 10 ms of a TSC at 2 GHz that the timer counts in units of 32. */
static void no_guest_stays_for_long(void **state)
{
	exit_by(REASON_PREEMPTION_TIMER, 0);
	assert_int_equal(vcpu->exit.kind, EXIT_INTERRUPT);
	assert_true(guest_read(PIN_CONTROLS) & PIN_PREEMPTION_TIMER);
	assert_int_equal(guest_read(PREEMPTION_TIMER), 10 * 2000000 / 32 + 1);
}

static void reasons_without_a_handler_are_unknown(void **state)
{
	static const u64 reasons[] = { 5, 35, 44, 57, 64, 65, 1000, 0xffff };

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		exit_by(reasons[i], 0x77);
		assert_int_equal(vcpu->exit.kind, EXIT_UNKNOWN);
		assert_int_equal(vcpu->exit.hw_reason, reasons[i]);
		assert_int_equal(vcpu->exit.hw_info[0], 0x77);
	}
	assert_null(died);
}

static void faulting_guest(u64 *gpr)
{
	plain_guest(gpr);
	guest_write(GUEST_PHYSICAL_ADDRESS, 0x123456);
	guest_write(GUEST_LINEAR_ADDRESS, 0xffff8000);
}

static void ept_violation(u64 qualification)
{
	guest = faulting_guest;
	exit_reason = REASON_EPT_VIOLATION;
	exit_qualification = qualification;
	vectoring = 0;
	run_once(vcpu);
	assert_int_equal(vcpu->exit.kind, EXIT_NESTED_FAULT);
	assert_int_equal(vcpu->exit.fault.gpa, 0x123456);
}

static void ept_violations(void **state)
{
	ept_violation(0x181);
	assert_int_equal(vcpu->exit.fault.access, ACCESS_READ);
	assert_true(vcpu->exit.fault.gva_valid && vcpu->exit.fault.gva == 0xffff8000);
	ept_violation(0x182);
	assert_int_equal(vcpu->exit.fault.access, ACCESS_WRITE);
	ept_violation(0x84); /* the linear address is the one whose tables were walked */
	assert_int_equal(vcpu->exit.fault.access, ACCESS_EXEC);
	assert_false(vcpu->exit.fault.gva_valid);
	/* The IRET that faulted had ended NMI blocking (bit 12). */
	ept_violation(0x1181);
	assert_int_equal(vcpu->state.shadow, SHADOW_NMI);
	assert_true(vcpu->dirty & STATE_SHADOW);
}

static void exception(u32 info, u64 qualification)
{
	guest = plain_guest;
	exit_reason = REASON_EXCEPTION;
	exit_qualification = qualification;
	exit_info = INTR_INFO_VALID | info;
	vectoring = 0;
	run_once(vcpu);
}

static void exceptions_and_what_is_the_hosts(void **state)
{
	const struct exit *e = &vcpu->exit;

	exception(INTR_HARDWARE_EXCEPTION << 8 | VECTOR_DB, 0x4001);
	assert_int_equal(e->kind, EXIT_EXCEPTION);
	assert_true(e->exception.vector == VECTOR_DB && e->exception.info == 0x4001);
	assert_int_equal(e->length, 0);
	exception(INTR_SOFTWARE_EXCEPTION << 8 | VECTOR_BP, 0);
	assert_true(e->exception.vector == VECTOR_BP && e->length == 3);
	exception(INTR_HARDWARE_EXCEPTION << 8 | INTR_INFO_ERROR_CODE | VECTOR_AC, 0);
	assert_true(e->exception.vector == VECTOR_AC && e->exception.has_error);
	assert_int_equal(CPU->int2s + CPU->int18s, 0);
	exception(INTR_NMI << 8 | VECTOR_NMI, 0);
	assert_true(e->kind == EXIT_NMI && CPU->int2s == 1);
	exception(INTR_HARDWARE_EXCEPTION << 8 | VECTOR_MC, 0);
	assert_true(e->kind == EXIT_NONE && CPU->int18s == 1);
}

/* ---- events ------------------------------------------------------------------------------------------------ */

static u64 seen_info, seen_error, seen_length, seen_primary, seen_shadow;

static void watching_guest(u64 *gpr)
{
	seen_info = guest_read(ENTRY_INTERRUPTION_INFO);
	seen_error = guest_read(ENTRY_EXCEPTION_ERROR_CODE);
	seen_length = guest_read(ENTRY_INSTRUCTION_LENGTH);
	seen_primary = guest_read(PRIMARY_CONTROLS);
	seen_shadow = guest_read(GUEST_INTERRUPTIBILITY);
	plain_guest(gpr);
}

static void inject(struct event event)
{
	guest = watching_guest;
	exit_reason = REASON_CPUID;
	vectoring = 0;
	vcpu->event = event;
	run_once(vcpu);
	assert_int_equal(vcpu->event.type, EVENT_NONE);
}

static void events_are_injected(void **state)
{
	inject((struct event){ EVENT_NONE });
	assert_false(seen_info & INTR_INFO_VALID);
	inject((struct event){ EVENT_INTERRUPT, 0x31 });
	assert_int_equal(seen_info, 0x80000031);
	inject((struct event){ EVENT_NMI, VECTOR_NMI });
	assert_int_equal(seen_info, 0x80000202);
	inject((struct event){ EVENT_EXCEPTION, VECTOR_PF, true, 0, 0x12 });
	assert_int_equal(seen_info, 0x80000b0e);
	assert_int_equal(seen_error, 0x12);
	inject((struct event){ EVENT_EXCEPTION, VECTOR_UD });
	assert_int_equal(seen_info, 0x80000306);
	inject((struct event){ EVENT_SOFT_INTERRUPT, 0x80, false, 2 });
	assert_int_equal(seen_info, 0x80000480);
	assert_int_equal(seen_length, 2);
	inject((struct event){ EVENT_SOFT_EXCEPTION, VECTOR_BP, false, 1 });
	assert_int_equal(seen_info, 0x80000603);
	inject((struct event){ EVENT_PRIVILEGED_SOFT, VECTOR_DB, false, 1 });
	assert_int_equal(seen_info, 0x80000501);
}

static void real_mode_has_no_error_codes(void **state)
{
	vcpu->state.cr0 = CR0_NE;
	vcpu->state.efer = 0;
	vcpu_overwrite(vcpu, STATE_CR);
	inject((struct event){ EVENT_EXCEPTION, VECTOR_GP, true, 0, 0 });
	assert_int_equal(seen_info, 0x8000030d);
}

static void windows_open_and_close(void **state)
{
	vcpu->want_irq_window = true;
	inject((struct event){ EVENT_NONE });
	assert_int_equal(seen_primary & (PRIMARY_INTERRUPT_WINDOW | PRIMARY_NMI_WINDOW),
			 PRIMARY_INTERRUPT_WINDOW);
	vcpu->want_nmi_window = true;
	inject((struct event){ EVENT_NONE });
	assert_true(seen_primary & PRIMARY_NMI_WINDOW);
	vcpu->want_irq_window = vcpu->want_nmi_window = false;
	inject((struct event){ EVENT_NONE });
	assert_false(seen_primary & (PRIMARY_INTERRUPT_WINDOW | PRIMARY_NMI_WINDOW));
	assert_int_equal(CPU->entries, 3);
}

static void interrupted_delivery(u32 info)
{
	guest = faulting_guest;
	exit_reason = REASON_EPT_VIOLATION;
	exit_qualification = 0x181;
	vectoring = INTR_INFO_VALID | info;
	run_once(vcpu);
}

static void interrupted_deliveries_come_back(void **state)
{
	interrupted_delivery(INTR_EXTERNAL << 8 | 0x31);
	assert_true(vcpu->event.type == EVENT_INTERRUPT && vcpu->event.vector == 0x31);
	interrupted_delivery(INTR_HARDWARE_EXCEPTION << 8 | INTR_INFO_ERROR_CODE | VECTOR_PF);
	assert_true(vcpu->event.type == EVENT_EXCEPTION && vcpu->event.has_error);
	interrupted_delivery(INTR_SOFTWARE << 8 | 0x80);
	assert_true(vcpu->event.type == EVENT_SOFT_INTERRUPT && vcpu->event.length == 3);
	vcpu->state.shadow = SHADOW_NMI;
	vcpu_overwrite(vcpu, STATE_SHADOW);
	interrupted_delivery(INTR_NMI << 8 | VECTOR_NMI);
	assert_int_equal(vcpu->event.type, EVENT_NMI);
	/* To be injected again it must not be blocked. */
	inject(vcpu->event);
	assert_int_equal(seen_info, 0x80000202);
	assert_false(seen_shadow & SHADOW_NMI);
}

/* ---- entries that fail ------------------------------------------------------------------------------------------ */

static void failed_entries_say_why(void **state)
{
	exit_by(REASON_CPUID, 0);
	entry_error = 7;
	vcpu->event = (struct event){ EVENT_INTERRUPT, 0x31 };
	exit_by(REASON_CPUID, 0);
	assert_int_equal(vcpu->exit.kind, EXIT_FAIL_ENTRY);
	assert_int_equal(vcpu->exit.fail_reason, 7);
	entry_error = 0;
	vcpu->event.type = EVENT_NONE;
	guest = watching_guest;
	exit_by(EXIT_REASON_ENTRY_FAILED | REASON_BAD_GUEST_STATE, 4);
	assert_int_equal(vcpu->exit.kind, EXIT_FAIL_ENTRY);
	assert_int_equal(vcpu->exit.fail_reason, 0x80000021);
	assert_int_equal(vcpu->exit.hw_info[0], 4);
	/* A state that is put right enters, and what was to be injected is not by accident. */
	inject((struct event){ EVENT_NONE });
	assert_false(seen_info & INTR_INFO_VALID);
	assert_int_equal(vcpu->exit.kind, EXIT_CPUID);
	assert_null(died);
}

static void failed_first_entry_launches_again(void **state)
{
	exit_by(EXIT_REASON_ENTRY_FAILED | REASON_BAD_GUEST_STATE, 0);
	exit_by(REASON_CPUID, 0);
	assert_int_equal(vcpu->exit.kind, EXIT_CPUID);
	assert_int_equal(CPU->launches, 2);
}

static void machine_check_at_the_entry_is_the_hosts(void **state)
{
	exit_by(EXIT_REASON_ENTRY_FAILED | REASON_MACHINE_CHECK_ENTRY, 0);
	assert_int_equal(vcpu->exit.kind, EXIT_FAIL_ENTRY);
	assert_int_equal(CPU->int18s, 1);
}

/* After sleep a processor may refuse: who comes there is told, without an instruction of VMX. */
static void no_vmx_is_said_by_name(void **state)
{
	struct refusal_report why;
	struct vcpu *second;

	exit_by(REASON_CPUID, 0);
	vmx_vendor.cpu_disable();
	vmx_vendor.load(vcpu, true);
	assert_string_equal(died, "VMX is off on this CPU");
	vmx_vendor.fetch(vcpu, STATE_ALL);
	vmx_vendor.unload(vcpu);
	second = calloc(1, sizeof(*second));
	second->vm = &vm;
	second->cpu = -1;
	assert_int_equal(vmx_vendor.vcpu_create(second), -SWIVL_EIO);
	free(second);
	died = NULL;
	assert_true(vmx_vendor.cpu_enable(&why));
}

static void broken_access(struct vmcs_field_N field, u32 groups)
{
	vm.dead = false;
	died = NULL;
	to_vmx(vcpu)->before = 0;
	broken_field = field.encoding;
	vcpu_overwrite(vcpu, groups);
	exit_by(REASON_CPUID, 0);
	broken_field = ~0u;
	assert_true(vm.dead);
	assert_non_null(died);
}

static void failed_accesses_are_never_silent(void **state)
{
	broken_access(GUEST_CR3, STATE_CR3);
	assert_string_equal(log_line, "VMWRITE of the VMCS field 6802 (guest CR3) failed: error 12 "
				      "(VMREAD/VMWRITE from/to unsupported VMCS component)");
	assert_int_equal(vcpu->exit.kind, EXIT_FAIL_ENTRY);
	assert_int_equal(CPU->entries, 0);
	broken_access(GUEST_RIP, 0);
	assert_non_null(strstr(log_line, "VMREAD of the VMCS field 681e (guest RIP)"));
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
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
		TEST(cpuid_costs_five_reads_and_one_write),
		TEST(exits_that_instructions_cause),
		TEST(no_guest_stays_for_long),
		TEST(reasons_without_a_handler_are_unknown),
		TEST(ept_violations),
		TEST(exceptions_and_what_is_the_hosts),
		TEST(machine_check_at_the_entry_is_the_hosts),
		TEST(no_vmx_is_said_by_name),
		TEST(events_are_injected),
		TEST(real_mode_has_no_error_codes),
		TEST(windows_open_and_close),
		TEST(interrupted_deliveries_come_back),
		TEST(failed_entries_say_why),
		TEST(failed_first_entry_launches_again),
		TEST(failed_accesses_are_never_silent),
		TEST(state_round_trip),
		TEST(guest_owned_bits_come_back),
		TEST(hardware_control_registers_keep_to_the_rules),
		TEST(long_mode_wants_a_long_task),
		TEST(the_host_gets_back_what_it_had),
		TEST(selector_that_is_gone_becomes_null),
		TEST(short_look_changes_nothing),
	};

	return cmocka_run_group_tests_name("vmx_run", tests, NULL, NULL);
}
