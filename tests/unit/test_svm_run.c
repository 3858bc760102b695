// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(SVM_SRCS)
// flags: -DSWIVL_MODEL
/* core/svm over modelled processors: exits; of the machine's guest, those answered on the way. */
#include "svm_test.h"

/* The walk that is kept leads to @bytes, for the state that the last exit left. */
static void keep_walk_to(const u8 *bytes)
{
	struct fetch *f = &to_svm(vcpu)->fetch;
	const struct vcpu_state *s = &vcpu->state;

	*f = (struct fetch){ .page = fetch_page(CODE_AT), .code = bytes - (CODE_AT & 0xfff),
			     .cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer,
			     .generation = vm.stage2.generation };
	for (int i = 0; i < 4; i++)
		f->entry[i].where = &f->entry[i].value;
}

/* ---- exits ----------------------------------------------------------------------------------- */

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
	keep_walk_to((const u8[]){ 0x0f, 0x01, 0xd9 });
	CODE_IS(0x66, 0x0f, 0x01, 0xd9);
	e = exit_by(CODE_VMMCALL, 0, 0);
	assert_true(e->kind == EXIT_HYPERCALL && e->length == 3);
	keep_walk_to(code);
	e = exit_by(CODE_VMMCALL, 0, 0);
	assert_true(e->kind == EXIT_HYPERCALL && e->length == 4);
	keep_walk_to((const u8[]){ 0x0f, 0x01, 0xd9 });
	vm.stage2.generation++;
	e = exit_by(CODE_VMMCALL, 0, 0);
	assert_true(e->kind == EXIT_HYPERCALL && e->length == 4);
	CODE_IS(0xf3, 0x0f, 0x09);
	e = exit_by(CODE_WBINVD, 0, 0);
	assert_true(e->kind == EXIT_WBINVD && e->length == 3);
}

static struct {
	u16 cs, ss;
	u8 cpl;
} guest_mode;

static void guest_in_mode(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	vmcb->save.cs.attr = guest_mode.cs;
	vmcb->save.ss.attr = guest_mode.ss;
	vmcb->save.cpl = guest_mode.cpl;
	vmcb->control.clean = 0;
}

static void run_in_mode(u16 cs, u16 ss, u8 cpl)
{
	guest_mode.cs = cs;
	guest_mode.ss = ss;
	guest_mode.cpl = cpl;
	guest = guest_in_mode;
	exit_code = CODE_NESTED_FAULT;
	run_once(vcpu);
	assert_true(vcpu->valid & STATE_MODE);
}

/* What is known of the code segment and the privilege is what this exit found, not one before. */
static void mode_is_that_of_the_exit(void **state)
{
	struct vcpu_state *s = &vcpu->state;

	run_in_mode(0x29b, 0xc93, 0);
	assert_int_equal(s->seg[SEG_CS].attr, 0x209b);
	assert_int_equal(s->seg[SEG_SS].attr & 0x60, 0);
	run_in_mode(0x49b, 0xc93, 0);
	assert_int_equal(s->seg[SEG_CS].attr, 0x409b);
	run_in_mode(0x49b, 0xc93, 3);
	assert_int_equal(s->seg[SEG_SS].attr & 0x60, 0x60);
	run_in_mode(0x49b, 0xc13, 3);
	assert_true(s->seg[SEG_SS].attr & SEG_ATTR_UNUSABLE);
	/* Somebody looked in between, at all segments or at these. */
	for (u32 groups = STATE_SEG; groups; groups = groups == STATE_SEG ? STATE_MODE : 0) {
		run_in_mode(0x29b, 0xc93, 0);
		exit_code = CODE_INTR;
		guest_mode.cs = 0x49b;
		run_once(vcpu);
		assert_false(vcpu->valid & STATE_MODE);
		vcpu_need_slow(vcpu, groups);
		assert_int_equal(s->seg[SEG_CS].attr & SEG_ATTR_L, 0);
		run_in_mode(0x29b, 0xc93, 0);
		assert_int_equal(s->seg[SEG_CS].attr & SEG_ATTR_L, SEG_ATTR_L);
		run_in_mode(0x49b, 0xc13, 3);
	}
	/* The caller sets what the processor shows as before. */
	vcpu_need_slow(vcpu, STATE_SEG);
	s->seg[SEG_SS].attr = 0xc013;
	vcpu_overwrite(vcpu, STATE_SEG);
	run_in_mode(0x49b, 0xc13, 3);
	assert_true(s->seg[SEG_SS].attr & SEG_ATTR_UNUSABLE);
	assert_int_equal(s->seg[SEG_SS].attr & 0x60, 0x60);
}

static u16 cs_attr;
static void guest_of_that_mode(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	vmcb->save.cs.attr = cs_attr;
}

/* What was looked at meanwhile for another reason is not taken for what an exit finds again. */
static void the_mode_is_that_of_the_last_exit(void **state)
{
	static const u16 attrs[] = { 0xc9b, 0xa9b, 0xc9b };
	static const u32 looks[] = { STATE_SEG, STATE_MODE };

	CODE_IS(0x0f, 0xa2);
	for (unsigned int look = 0; look < 2; look++) {
		for (unsigned int i = 0; i < 3; i++) {
			guest = guest_of_that_mode;
			cs_attr = attrs[i];
			exit_code = i == 1 ? CODE_INTR : CODE_CPUID;
			run_once(vcpu);
			if (i == 1)
				svm_vendor.fetch(vcpu, looks[look]);
			assert_int_equal(!!(vcpu->state.seg[SEG_CS].attr & SEG_ATTR_L), i == 1);
		}
	}
}

/* By what, with which error code, and RF, which is told apart (APM vol. 2, 15.14.1). */
static void task_switches(void **state)
{
	const struct exit *e = exit_by(CODE_TASK_SWITCH, 0x1238, TASK_BY_JUMP | TASK_RF);

	assert_int_equal(e->kind, EXIT_TASK_SWITCH);
	assert_true(e->task.selector == 0x1238 && e->task.source == 2 && !e->task.has_error);
	assert_true(vcpu->state.rflags & RFLAGS_RF);
	next_rip = vcpu->state.rip + 3; /* of an exit before */
	e = exit_by(CODE_TASK_SWITCH, 0x38, TASK_BY_IRET);
	assert_true(e->task.source == 1 && !e->length);
	assert_false(vcpu->state.rflags & RFLAGS_RF);
	next_rip = 0;
	e = exit_by(CODE_TASK_SWITCH, 0x38, 0);
	assert_int_equal(e->task.source, 0);
	int_info = EVENT_INJ_VALID | EVENT_INJ_ERROR | INJ_EXCEPTION << 8 | VECTOR_GP |
		   0x55ull << 32;
	exit_info[1] = TASK_HAS_ERROR | 0x55;
	run_once(vcpu);
	assert_true(e->task.source == 3 && e->task.has_error && e->task.error == 0x55);
	assert_true(vcpu->event.type == EVENT_EXCEPTION && vcpu->event.vector == VECTOR_GP);
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
	/* Nothing there is no answer. */
	CODE_IS(0x66, 0x0f, 0xa2);
	e = exit_by(CODE_CPUID, 0, 0);
	assert_true(e->kind == EXIT_CPUID && e->length == 3);
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
	e = exit_by(CODE_EXCEPTION + VECTOR_DB, 0, 0); /* Bochs' processor does not tell why */
	assert_int_equal(e->exception.info, DR6_BS);
	e = exit_by(CODE_EXCEPTION + VECTOR_AC, 0, 0);
	assert_true(e->exception.vector == VECTOR_AC && e->exception.has_error);
	e = exit_by(CODE_EXCEPTION + VECTOR_UD, 0, 0);
	assert_true(e->exception.vector == VECTOR_UD && !e->exception.has_error && !e->length);
	assert_int_equal(seen.control.exceptions,
			 1u << VECTOR_DB | 1u << VECTOR_UD | 1u << VECTOR_AC | 1u << VECTOR_MC);
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

/* Another vCPU may put anything where an instruction exited. */
static void any_bytes_for_any_exit(void **state)
{
	static const u64 codes[] = { CODE_READ_CR0, CODE_READ_CR0 + 4, CODE_READ_CR8,
				     CODE_WRITE_CR0, CODE_WRITE_CR0 + 4, CODE_WRITE_CR8,
				     CODE_READ_DR0 + 7, CODE_WRITE_DR0 + 15,
				     CODE_EXCEPTION + VECTOR_BP, CODE_CPUID, CODE_HLT, CODE_MSR,
				     CODE_VMMCALL, CODE_ICEBP, CODE_WBINVD, CODE_XSETBV };
	static const u8 likely[] = { 0x0f, 0x01, 0x06, 0x20, 0x22, 0x23, 0x66, 0x67, 0x48, 0x41,
				     0xcc, 0xf1, 0xf4, 0xa2, 0xe6, 0xf0, 0x30 };
	unsigned int understood = 0, x = 1;

	for (unsigned int i = 0; i < 500000; i++) {
		u64 number = codes[i % ARRAY_SIZE(codes)];
		const struct exit *e;

		for (unsigned int k = 0; k < 16; k++) {
			x = x * 1664525 + 1013904223;
			code[k] = x >> 29 == 7 ? x >> 20 : likely[(x >> 16) % sizeof(likely)];
		}
		vcpu->state.rip = CODE_AT + (x >> 28 ? 0 : sizeof(code) - 3);
		vcpu->dirty |= STATE_RIP;
		e = exit_by(number, x >> 30 & 1, 0);
		vcpu->event.type = EVENT_NONE;
		if (e->kind == EXIT_NONE)
			continue;
		understood++;
		assert_true(e->length && e->length <= 15);
		assert_true(e->kind != EXIT_CR || e->cr.gpr < 16);
		assert_true(e->kind != EXIT_DR || (e->dr.gpr < 16 && e->dr.dr < 8));
	}
	assert_true(understood > 1000);
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
	static const u64 codes[] = { 0x65, 0x66, 0x70, 0x77, 0x8c,
				     0x8f, 0x90, 0x3ff, 0x401, 0x10000 };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		const struct exit *e = exit_by(codes[i], 0x77, 0x78);

		assert_int_equal(e->kind, EXIT_UNKNOWN);
		assert_true(e->hw_reason == codes[i] && e->hw_info[0] == 0x77);
	}
}

/* ---- the machine as a guest ------------------------------------------------------------------ */

static unsigned int entries, answers;
static u32 wanted;
static void (*besides)(struct vmcb *vmcb);

static void answer(struct vcpu *v)
{
	assert_int_equal(v->gpr[RAX], entries);
	v->gpr[RAX] = 0x1000 + ++answers;
	x86_irq_off(); /* in its home they stay so */
}

static const struct vendor_way way = { answer, &wanted };

static void guest_stopped_in_smm(struct vmcb *vmcb, u64 *gpr)
{
	plain_guest(vmcb, gpr);
	vmcb->save.efer = 0;
}

/* Only the machine's guest is stopped by SMIs; QEMU's processor then takes EFER.SVME from it. */
static void smm_loses_svme(void **state)
{
	vm.machine = (struct machine *)&vm; /* anything: none is looked at */
	svm_vendor.load(vcpu, true);
	for (unsigned int i = 0; i < 2; i++) {
		guest = guest_stopped_in_smm;
		exit_code = CODE_NESTED_FAULT;
		x86_irq_off();
		svm_vendor.enter(vcpu, &way);
		assert_null(refused_for);
		assert_int_equal(vcpu->state.efer, 0);
	}
	svm_vendor.unload(vcpu);
	vm.machine = NULL;
}

/* CPUID thrice, and then an exit that ends it. */
static void cpuid_guest(struct vmcb *vmcb, u64 *gpr)
{
	seen = *vmcb;
	vmcb->control.exit_code = entries++ < 3 ? CODE_CPUID : CODE_NMI;
	vmcb->control.exit_int_info = 0;
	vmcb->control.next_rip = vmcb->save.rip + next_rip;
	vmcb->save.rax = entries;
	if (besides)
		besides(vmcb);
}

/* How many were answered on the way. */
static unsigned int cpuids(void)
{
	entries = answers = 0;
	vcpu->state.rip = CODE_AT;
	vcpu->state.rflags = RFLAGS_ONE;
	vcpu->state.shadow = 0;
	vcpu_overwrite(vcpu, STATE_RIP | STATE_RFLAGS | STATE_SHADOW);
	guest = cpuid_guest;
	svm_vendor.load(vcpu, true);
	x86_irq_off();
	svm_vendor.enter(vcpu, &way);
	x86_irq_on();
	svm_vendor.unload(vcpu);
	return answers;
}

static void become_machine(void)
{
	free_vcpu(vcpu);
	vm.machine = (struct machine *)&vm;
	vcpu = new_vcpu();
}

static void traps(struct vmcb *vmcb)
{
	vmcb->save.rflags |= RFLAGS_TF;
}

static void resumes(struct vmcb *vmcb)
{
	vmcb->save.rflags |= RFLAGS_RF;
}

static void in_shadow(struct vmcb *vmcb)
{
	vmcb->control.interrupt_state = 1;
}

static void delivers(struct vmcb *vmcb)
{
	vmcb->control.exit_int_info = EVENT_INJ_VALID | 0x20;
}

static void loses_svme(struct vmcb *vmcb)
{
	vmcb->save.efer &= ~(u64)EFER_SVME;
}

static void is_wanted(struct vmcb *vmcb)
{
	wanted = 1;
}

static void is_retyped(struct vmcb *vmcb)
{
	vm.stage2.generation++;
}

static void cpuid_on_the_way(void **state)
{
	static void (*const others[])(struct vmcb *) = { traps, resumes, in_shadow, delivers,
							 loses_svme, is_wanted, is_retyped };

	become_machine();
	next_rip = 3;
	assert_int_equal(cpuids(), 3);
	assert_int_equal(vcpu->exit.kind, EXIT_NMI);
	assert_int_equal(vcpu->exits[EXIT_CPUID], 3);
	assert_int_equal(seen.save.rax, 0x1003);
	assert_int_equal(seen.save.rip, CODE_AT + 9);
	/* With anything else besides, the whole road is taken. */
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		besides = others[i];
		assert_int_equal(cpuids(), 0);
		assert_int_equal(entries, 1);
		assert_int_equal(vcpu->exit.kind, EXIT_CPUID);
		assert_int_equal(vcpu->state.rip, CODE_AT);
		besides = NULL;
		wanted = 0;
		assert_int_equal(cpuids(), 3);
	}
	vcpu->state.efer = 0;
	vcpu->state.cr0 = CR0_PE;
	vcpu_overwrite(vcpu, STATE_CR);
	next_rip = 1ull << 32 | 3;
	assert_int_equal(cpuids(), 3);
	assert_int_equal(seen.save.rip, CODE_AT + 9);
	next_rip = 0;
}

/* Only the bytes that everybody writes, where the walk to them is known. */
static void cpuid_by_its_bytes(void **state)
{
	become_machine();
	CODE_IS(0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0xa2);
	assert_int_equal(cpuids(), 0);
	keep_walk_to(code);
	to_svm(vcpu)->fetch.cr3 = vmcb_of(vcpu)->save.cr3;
	assert_int_equal(cpuids(), 3);
	CODE_IS(0x0f, 0xa2, 0x66, 0x0f, 0xa2);
	assert_int_equal(cpuids(), 1);
	assert_true(vcpu->exit.kind == EXIT_CPUID && vcpu->exit.length == 3);
	CODE_IS(0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0xa2);
	to_svm(vcpu)->fetch.cr3 ^= 0x1000;
	assert_int_equal(cpuids(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(task_switches),
		T(lengths_by_the_decoder),
		T(mode_is_that_of_the_exit),
		T(the_mode_is_that_of_the_last_exit),
		T(what_cannot_be_read_again_is_executed_again),
		ALL_FEATURES(lengths_by_the_processor),
		T(ports),
		T(control_registers),
		T(smsw_is_carried_out),
		T(hidden_bits_of_control_registers),
		T(nested_faults),
		T(exceptions_and_what_is_the_hosts),
		T(any_bytes_for_any_exit),
		T(svm_in_the_guest_is_undefined),
		T(codes_without_a_handler_are_unknown),
		T(smm_loses_svme),
		ALL_FEATURES(cpuid_on_the_way),
		T(cpuid_by_its_bytes),
	};

	return cmocka_run_group_tests_name("svm_run", tests, NULL, NULL);
}
