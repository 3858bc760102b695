// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(SVM_SRCS)
// flags: -DSWIVL_MODEL
/* core/svm over modelled processors: events into the guest, software interrupts, NMIs. */
#include "svm_test.h"

/* ---- events ---------------------------------------------------------------------------------- */

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

static void moving_guest(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	vmcb->save.rsp = 0x7777;
	vmcb->save.cr3 = 0x3000;
	vmcb->save.ds.base = 0x12340000;
}

/* Refused for the event alone, or not tried at all: the state is the guest's latest. */
static void refused_for_an_event(void **state)
{
	guest = moving_guest;
	exit_code = CODE_INTR;
	run_once(vcpu);
	vcpu->valid &= ~(STATE_RSP | STATE_CR3 | STATE_SEG);
	vcpu->event = (struct event){ EVENT_EXCEPTION, 31 };
	entry_refused = true;
	run_once(vcpu);
	assert_int_equal(vcpu->exit.kind, EXIT_FAIL_ENTRY);
	svm_vendor.load(vcpu, true);
	svm_vendor.fetch(vcpu, STATE_RSP | STATE_CR3 | STATE_SEG);
	svm_vendor.unload(vcpu);
	assert_int_equal(vcpu->gpr[RSP], 0x7777);
	assert_int_equal(vcpu->state.cr3, 0x3000);
	assert_int_equal(vcpu->state.seg[SEG_DS].base, 0x12340000);
}

/* The return address of a software interrupt is behind it, with next-RIP save and without. */
static void software_interrupts(void **state)
{
	assert_int_equal(inject((struct event){ EVENT_SOFT_INTERRUPT, 0x80, false, 2 }),
			 0x80000480);
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

/* ---- INT3, where the caller has breakpoints -------------------------------------------------- */

static void breakpoints_by_int3(bool on)
{
	vcpu->guest_debug = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP : 0;
	vcpu->dirty |= STATE_INTERCEPTS;
}

static void int3_is_an_exception(void **state)
{
	breakpoints_by_int3(true);
	CODE_IS(0xcc);
	exit_by(CODE_EXCEPTION + VECTOR_BP, 0, 0);
	assert_true(seen.control.exceptions & 1u << VECTOR_BP);
	assert_false(seen.control.intercepts & INTERCEPT_INTN);
}

/* All that QEMU's processor tells with the code of INT n. */
static void int3_where_it_is_a_software_interrupt(void **state)
{
	static const struct {
		u8 code[3];
		struct event event;
	} passed[] = {
		{ { 0xcd, 0x80 }, { EVENT_SOFT_INTERRUPT, 0x80, .length = 2 } },
		{ { 0x66, 0xcd, 0xff }, { EVENT_SOFT_INTERRUPT, 0xff, .length = 3 } },
		{ { 0xcd, 0x03 }, { EVENT_SOFT_INTERRUPT, 3, .length = 2 } },
		{ { 0xce }, { EVENT_SOFT_EXCEPTION, VECTOR_OF, .length = 1 } },
		/* Written over meanwhile. */
		{ { 0x90 } }, { { 0x0f, 0xcc } }, { { 0xcb } }, { { 0xcf } },
		{ { 0xc5, 0xf8, 0xcd } },
	};
	const struct exit *e;

	breakpoints_by_int3(true);
	vcpu->state.seg[SEG_CS].attr = 0xc09b; /* 32 bits: there is INTO */
	vcpu->dirty |= STATE_SEG;
	CODE_IS(0xcc);
	e = exit_by(CODE_SWINT, 0, 0);
	assert_true(seen.control.intercepts & INTERCEPT_INTN);
	assert_true(e->kind == EXIT_EXCEPTION && e->exception.vector == VECTOR_BP);
	assert_true(e->length == 1 && !e->exception.has_error);
	assert_int_equal(vcpu->event.type, EVENT_NONE);
	for (unsigned int i = 0; i < ARRAY_SIZE(passed); i++) {
		memset(code, 0x90, sizeof(code));
		memcpy(code, passed[i].code, sizeof(passed[i].code));
		vcpu->event.type = EVENT_NONE;
		assert_int_equal(exit_by(CODE_SWINT, 0, 0)->kind, EXIT_NONE);
		assert_int_equal(vcpu->event.type, passed[i].event.type);
		if (vcpu->event.type)
			assert_memory_equal(&vcpu->event, &passed[i].event, sizeof(vcpu->event));
	}
	breakpoints_by_int3(false);
	vcpu->event.type = EVENT_NONE;
	exit_by(CODE_HLT, 0, 0);
	assert_false(seen.control.intercepts & INTERCEPT_INTN);
	assert_false(seen.control.exceptions & 1u << VECTOR_BP);
}

/* ---- NMIs: masked from the delivery to the end of IRET --------------------------------------- */

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

/* It would stay in what PUSHF and its kind write, or fall out of what POPF reads. */
static void no_trap_flag_for_what_uses_flags(void **state)
{
	static const u8 list[][2] = { { 0x9c }, { 0x9d }, { 0xcc }, { 0xcd, 0x80 }, { 0xce },
				      { 0xcf }, { 0xf1 }, { 0x0f, 0x05 }, { 0x0f, 0x07 },
				      { 0x66, 0x9c } };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		unsigned int entries = CPU->entries;

		memcpy(code, list[i], 2);
		/* INTO is none in 64-bit mode. */
		vcpu->state.seg[SEG_CS].attr = list[i][0] == 0xce ? 0xc09b : 0xa09b;
		vcpu->state.shadow = SHADOW_MOV_SS;
		vcpu->dirty |= STATE_SHADOW | STATE_SEG;
		vcpu->want_nmi_window = true;
		run_once(vcpu);
		assert_int_equal(CPU->entries, entries);
		assert_int_equal(vcpu->exit.kind, EXIT_NMI_WINDOW);
		assert_int_equal(vcpu->state.shadow, 0);
		vcpu->want_nmi_window = false;
		exit_by(CODE_INTR, 0, 0);
		assert_int_equal(seen.control.interrupt_state, 0);
		assert_false(seen.save.rflags & RFLAGS_TF);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(events_are_injected),
		T(refused_for_an_event),
		T(software_interrupts),
		T(interrupted_deliveries),
		T(interrupt_windows),
		T(int3_is_an_exception),
		QEMU(int3_where_it_is_a_software_interrupt),
		T(iret_ends_the_masking),
		T(interrupted_iret_is_tried_again),
		T(faulting_iret_ends_the_masking),
		T(nmi_waits_for_the_end_of_a_shadow),
		T(no_trap_flag_for_what_uses_flags),
		T(stepping_guest_gets_its_trap),
	};

	return cmocka_run_group_tests_name("svm_events", tests, NULL, NULL);
}
