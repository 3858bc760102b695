// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(VMX_SRCS)
// flags: -DSWIVL_MODEL
/* core/vmx over modelled processors: exits, events, entries that fail. */
#include "vmx_test.h"
#include "failure_test.h"

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

/* With what was being delivered through a task gate. */
static void task_switches(void **state)
{
	const struct exit *e = &vcpu->exit;

	exit_by(REASON_TASK_SWITCH, 2ull << 30 | 0x1238);
	assert_int_equal(e->kind, EXIT_TASK_SWITCH);
	assert_true(e->task.selector == 0x1238 && e->task.source == 2 && !e->task.has_error);
	assert_int_equal(e->length, 3);
	assert_int_equal(vcpu->event.type, EVENT_NONE);
	exit_reason = REASON_TASK_SWITCH;
	exit_qualification = 3ull << 30 | 0x38;
	vectoring = INTR_INFO_VALID | INTR_INFO_ERROR_CODE | INTR_HARDWARE_EXCEPTION << 8 | VECTOR_GP;
	guest_write(IDT_VECTORING_ERROR_CODE, 0x55);
	run_once(vcpu);
	assert_true(e->task.source == 3 && e->task.has_error && e->task.error == 0x55);
	assert_true(vcpu->event.type == EVENT_EXCEPTION && vcpu->event.vector == VECTOR_GP);
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
	/* Bits above the basic reason leave it what it is. */
	exit_by(REASON_CPUID | 1u << 27, 0);
	assert_int_equal(vcpu->exit.kind, EXIT_CPUID);
	assert_int_equal(vcpu->exit.hw_reason, REASON_CPUID | 1u << 27);
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

static u32 seen_exceptions;

static void excepted_guest(u64 *gpr)
{
	seen_exceptions = guest_read(EXCEPTION_BITMAP);
	plain_guest(gpr);
}

static void exception(u32 info, u64 qualification)
{
	guest = excepted_guest;
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
	exception(INTR_HARDWARE_EXCEPTION << 8 | VECTOR_UD, 0);
	assert_true(e->exception.vector == VECTOR_UD && !e->exception.has_error && !e->length);
	assert_int_equal(seen_exceptions,
			 1u << VECTOR_DB | 1u << VECTOR_UD | 1u << VECTOR_AC | 1u << VECTOR_MC);
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

/* Which rule it was, and the state for swivl explain; nothing of where the host lies. */
static void failed_entries_name_the_rule(void **state)
{
	const char *text;
	char number[32];

	exit_by(REASON_CPUID, 0);
	assert_int_equal(failure_request(vcpu, 100), -SWIVL_ENOENT);
	vcpu->state.seg[SEG_LDTR] = (struct segment){ .attr = SEG_ATTR_P | 3, .limit = 0xf };
	vcpu_overwrite(vcpu, STATE_SEG);
	exit_by(EXIT_REASON_ENTRY_FAILED | REASON_BAD_GUEST_STATE, 0);
	text = failure_text(vcpu);
	assert_memory_equal(text, "the processor refused to enter: exit reason 0x80000021; ", 56);
	assert_non_null(strstr(text, "has to be so: "));
	assert_non_null(strstr(text, "(SDM vol. 3, 27.3.1.2; rule "));
	assert_non_null(strstr(text, "\n  guest "));
	assert_non_null(strstr(text, "\nswivl dump 1: VMCS\nvmcs 0 = 0x"));
	assert_non_null(strstr(text, "\nvmcs 4820 = 0x83 guest LDTR access rights\n"));
	assert_non_null(strstr(text, "\nswivl dump ends: "));
	assert_non_null(strstr(text, "\nfact IA32_VMX_CR0_FIXED0 = 0x"));
	assert_null(strstr(text, "\nvmcs 6c16 "));
	assert_null(strstr(text, "\nvmcs 6c02 "));
	assert_null(strstr(text, "\nvmcs 201a "));
	/* Nor anywhere else in it: this is a value that no other field has. */
	snprintf(number, sizeof(number), "0x%llx", guest_read(EPT_POINTER));
	assert_null(strstr(text, number));
	failure_respects_room(vcpu);
	failure_log_is_limited(vcpu);
	/* Another one takes its place. */
	entry_error = 7;
	exit_by(REASON_CPUID, 0);
	assert_memory_equal(failure_text(vcpu), "the processor refused to enter: VM-instruction error 7; ", 56);
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
	/* An exit of which half is known is none: what it was about is still of the one before. */
	assert_int_equal(vcpu->exit.kind, EXIT_NONE);
}

/* ---- the machine as a guest --------------------------------------------------------------------------- */

static unsigned int entries, answers;
static u32 wanted;
static void (*besides)(void);

static void answer(struct vcpu *v)
{
	answers++;
}

static const struct vendor_way way = { answer, &wanted };

/* CPUID thrice, and then an exit that ends it. */
static void cpuid_guest(u64 *gpr)
{
	guest_write(EXIT_REASON, entries++ < 3 ? REASON_CPUID : REASON_INIT);
	guest_write(EXIT_INSTRUCTION_LENGTH, 3);
	if (besides)
		besides();
}

/* How many were answered on the way. */
static unsigned int cpuids(void)
{
	entries = answers = 0;
	vcpu->state.rip = 0x1000;
	vcpu->state.rflags = RFLAGS_ONE;
	vcpu->state.shadow = 0;
	vcpu_overwrite(vcpu, STATE_RIP | STATE_RFLAGS | STATE_SHADOW);
	guest = cpuid_guest;
	vmx_vendor.load(vcpu, true);
	vmx_vendor.enter(vcpu, &way);
	vmx_vendor.unload(vcpu);
	return answers;
}

static void traps(void)
{
	guest_write(GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_TF);
}

static void resumes(void)
{
	guest_write(GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_RF);
}

static void in_shadow(void)
{
	guest_write(GUEST_INTERRUPTIBILITY, SHADOW_MOV_SS);
}

static void is_wanted(void)
{
	wanted = 1;
}

static void is_retyped(void)
{
	vm.stage2.generation++;
}

static void cpuid_on_the_way(void **state)
{
	static void (*const others[])(void) = { traps, resumes, in_shadow, is_wanted, is_retyped };

	free_vcpu(vcpu);
	vm.machine = (struct machine *)&vm;
	vcpu = new_vcpu();
	assert_int_equal(cpuids(), 0); /* the first entry is another one */
	assert_int_equal(cpuids(), 3);
	assert_int_equal(vcpu->exit.kind, EXIT_INIT);
	assert_int_equal(vcpu->exits[EXIT_CPUID], 3);
	assert_int_equal(guest_read(GUEST_RIP), 0x1009);
	/* With anything else besides, the whole road is taken. */
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		besides = others[i];
		assert_int_equal(cpuids(), 0);
		assert_int_equal(entries, 1);
		assert_int_equal(vcpu->exit.kind, EXIT_CPUID);
		assert_int_equal(vcpu->state.rip, 0x1000);
		besides = NULL;
		wanted = 0;
		assert_int_equal(cpuids(), 3);
	}
	vm.machine = NULL;
}

/* The machine's guest writes DR7 without an exit: it is looked at anew, and none of ours is armed. */
static void the_machines_dr7(void **state)
{
	free_vcpu(vcpu);
	vm.machine = (struct machine *)&vm;
	vcpu = new_vcpu();
	guest = plain_guest;
	exit_reason = REASON_INIT;
	vmx_vendor.load(vcpu, true);
	vmx_vendor.enter(vcpu, &way);
	assert_false(vcpu->valid & STATE_DR7);
	guest_write(GUEST_DR7, 0x755);
	guest_write(GUEST_DEBUGCTL, 0xc0);
	vmx_vendor.fetch(vcpu, STATE_DR7);
	assert_int_equal(vcpu->state.dr7, 0x755);
	vcpu->state.dr7 = 0x600;
	vmx_vendor.store(vcpu, STATE_DR7);
	assert_int_equal(guest_read(GUEST_DR7), 0x600);
	assert_int_equal(guest_read(GUEST_DEBUGCTL), 0xc0);
	assert_false(to_vmx(vcpu)->before & VMX_BEFORE_DEBUG);
	vmx_vendor.unload(vcpu);
	vm.machine = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpuid_costs_five_reads_and_one_write),
		TEST(exits_that_instructions_cause),
		TEST(task_switches),
		TEST(the_machines_dr7),
		TEST(no_guest_stays_for_long),
		TEST(reasons_without_a_handler_are_unknown),
		TEST(ept_violations),
		TEST(exceptions_and_what_is_the_hosts),
		TEST(machine_check_at_the_entry_is_the_hosts),
		TEST(cpuid_on_the_way),
		TEST(no_vmx_is_said_by_name),
		TEST(events_are_injected),
		TEST(real_mode_has_no_error_codes),
		TEST(windows_open_and_close),
		TEST(interrupted_deliveries_come_back),
		TEST(failed_entries_say_why),
		TEST(failed_entries_name_the_rule),
		TEST(failed_first_entry_launches_again),
		TEST(failed_accesses_are_never_silent),
	};

	return cmocka_run_group_tests_name("vmx_run", tests, NULL, NULL);
}
