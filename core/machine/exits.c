// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What stops the machine's guest, and what it gets. */
#include "core/machine/internal.h"

/* ---- CPUID ------------------------------------------------------------------------------------------ */

#define LEAF_TRACE 0x14u
#define LEAF_HYPERVISOR 0x40000000u /* "swivlmachine" */
#define CPUID_1_ECX_SMX (1u << 6)
#define CPUID_7_ECX_OSPKE (1u << 4)

static void copy_brand(const char *brand, u32 leaf, struct x86_cpuid *c)
{
	u32 words[4];

	if (!brand[0])
		return;
	memcpy(words, brand + (leaf - 0x80000002) * 16, sizeof(words));
	*c = (struct x86_cpuid){ words[0], words[1], words[2], words[3] };
}

void machine_cpuid(struct vcpu *vcpu)
{
	u32 leaf = (u32)vcpu->gpr[RAX];
	struct x86_cpuid c = x86_cpuid(leaf, (u32)vcpu->gpr[RCX]);

	switch (leaf) {
	case 1:
		c.ecx &= ~(CPUID_1_ECX_VMX | CPUID_1_ECX_SMX | CPUID_1_ECX_DTES64 |
			   CPUID_1_ECX_OSXSAVE);
		c.edx &= ~CPUID_1_EDX_DS;
		if (vcpu->state.cr4 & CR4_OSXSAVE)
			c.ecx |= CPUID_1_ECX_OSXSAVE;
		break;
	case 7:
		if (!(u32)vcpu->gpr[RCX]) {
			c.ebx &= ~CPUID_7_EBX_PT;
			c.ecx &= ~CPUID_7_ECX_OSPKE;
			if (vcpu->state.cr4 & CR4_PKE)
				c.ecx |= CPUID_7_ECX_OSPKE;
		}
		break;
	case LEAF_TRACE: /* beyond the last leaf it is another's */
		if (x86_cpuid(0, 0).eax >= leaf)
			c = (struct x86_cpuid){ 0 };
		break;
	case LEAF_HYPERVISOR:
		c = (struct x86_cpuid){ LEAF_HYPERVISOR, 0x76697773, 0x63616d6c, 0x656e6968 };
		break;
	case 0x80000001:
		c.ecx &= ~CPUID_X1_ECX_SVM;
		break;
	case 0x80000002 ... 0x80000004:
		copy_brand(machine_of(vcpu)->config.brand, leaf, &c);
		break;
	case 0x8000000a: /* the same */
		if (x86_cpuid(0x80000000, 0).eax >= leaf)
			c = (struct x86_cpuid){ 0 };
		break;
	}
	vcpu->gpr[RAX] = c.eax;
	vcpu->gpr[RBX] = c.ebx;
	vcpu->gpr[RCX] = c.ecx;
	vcpu->gpr[RDX] = c.edx;
}

/* ---- XSETBV: checked as the processor would (SDM vol. 1, 13.3), then executed ------------------------ */

static void on_xsetbv(struct vcpu *vcpu)
{
	u64 value = (u32)vcpu->gpr[RAX] | vcpu->gpr[RDX] << 32, kept = vcpu->state.xcr0;
	bool ok = !vcpu_cpl(vcpu) && !(u32)vcpu->gpr[RCX] && !vcpu_set_xcr0(vcpu, value);

	vcpu->state.xcr0 = kept;
	if (!ok) {
		vcpu_raise(vcpu, VECTOR_GP);
		return;
	}
	x86_xsetbv(value);
	vcpu_skip(vcpu);
}

/* ---- memory ------------------------------------------------------------------------------------------- */

/* The local APIC's registers, where writes to them are watched. */
static bool in_apic(const struct machine *m, u64 gpa)
{
	return m->apic && gpa - m->apic < SWIVL_PAGE_SIZE;
}

/* One access that memory did not take. */
static void settle(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct machine *m = machine_of(vcpu);
	u64 offset = run->mmio.phys_addr - m->apic;
	u32 value = 0;

	if (in_apic(m, run->mmio.phys_addr)) {
		memcpy(&value, run->mmio.data, run->mmio.len < 4 ? run->mmio.len : 4);
		if (run->mmio.is_write && !(offset & 3))
			machine_apic_write(vcpu, (u32)offset, value);
		return;
	}
	__atomic_add_fetch(&m->hidden, 1, __ATOMIC_RELAXED);
	if (!run->mmio.is_write)
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
}

static void on_nested_fault(struct vcpu *vcpu)
{
	struct machine *m = machine_of(vcpu);
	u64 gpa = vcpu->exit.fault.gpa;
	u32 value;
	int ret;

	if (in_apic(m, gpa) && mmio_plain_store(vcpu, gpa, &value)) {
		machine_apic_write(vcpu, (u32)(gpa - m->apic), value);
		vcpu_skip(vcpu);
		return;
	}
	host_read_lock(&vcpu->vm->mem_lock);
	if (!in_apic(m, gpa) && machine_map(m, gpa))
		ret = HANDLED_RESUME;
	else
		ret = exit_handlers[EXIT_NESTED_FAULT](vcpu);
	while (ret == HANDLED_USER && vcpu->run->exit_reason == KVM_EXIT_MMIO) {
		/* It may wait for another processor, which may wait for the lock. */
		host_read_unlock(&vcpu->vm->mem_lock);
		settle(vcpu);
		host_read_lock(&vcpu->vm->mem_lock);
		vcpu_need(vcpu, STATE_RIP);
		vcpu->pending_rip = vcpu->state.rip; /* nobody can have changed it */
		ret = vcpu_finish_pending(vcpu);
	}
	host_read_unlock(&vcpu->vm->mem_lock);
	/* Instructions among ones are none; what we cannot carry out had better be none, too. */
	if (ret != HANDLED_RESUME && vcpu->event.type) {
		machine_report(vcpu, "what delivers an event is in hidden memory");
	} else if (ret != HANDLED_RESUME) {
		__atomic_add_fetch(&m->hidden, 1, __ATOMIC_RELAXED);
		vcpu->pending = PENDING_NONE;
		vcpu_raise(vcpu, VECTOR_UD);
	}
}

/* As other guests have it; it may have to bring in the instruction's page. */
static void on_shared(struct vcpu *vcpu)
{
	int ret;

	host_read_lock(&vcpu->vm->mem_lock);
	ret = exit_handlers[vcpu->exit.kind](vcpu);
	host_read_unlock(&vcpu->vm->mem_lock);
	if (ret != HANDLED_RESUME)
		machine_report(vcpu, "an exit that cannot be served");
}

/* ---- the hypercall ------------------------------------------------------------------------------------ */

#define MACHINE_CALL 0x6c76697773ull /* in RAX: "swivl" */
enum { CALL_VERSION, CALL_EXITS, CALL_LOG };
#define MACHINE_VERSION 1

/*
 * RCX: which; RDX, RBX, RSI: its arguments. RAX: the answer. Any program may ask for version and
 * counts, as `swivl metal` does; the log names addresses and is for the kernel alone.
 */
static void on_hypercall(struct vcpu *vcpu)
{
	static char text[256];
	struct machine *m = machine_of(vcpu);
	u64 sum = 0, at;
	size_t n;

	if (vcpu->gpr[RAX] != MACHINE_CALL || vcpu->gpr[RCX] > CALL_LOG ||
	    (vcpu->gpr[RCX] == CALL_LOG && vcpu_cpl(vcpu))) {
		vcpu_raise(vcpu, VECTOR_UD);
		return;
	}
	switch (vcpu->gpr[RCX]) {
	case CALL_VERSION:
		sum = MACHINE_VERSION;
		break;
	case CALL_EXITS: /* RDX: of which kind; from there on, those of hidden memory */
		if (vcpu->gpr[RDX] >= EXIT_KINDS)
			sum = m->hidden;
		for (u32 i = 0; vcpu->gpr[RDX] < EXIT_KINDS && i < m->vm->nvcpus; i++)
			sum += m->vm->vcpus[i]->exits[vcpu->gpr[RDX]];
		break;
	case CALL_LOG: /* RDX: from where; RBX: physical address; RSI: room */
		at = vcpu->gpr[RDX];
		host_mutex_lock(&m->lock);
		host_read_lock(&m->vm->mem_lock);
		while (sum < vcpu->gpr[RSI]) {
			n = vcpu->gpr[RSI] - sum < sizeof(text) ? vcpu->gpr[RSI] - sum : sizeof(text);
			n = machine_home_log(&at, text, n);
			if (!n || vm_write_guest(m->vm, vcpu->gpr[RBX] + sum, text, n, true))
				break;
			sum += n;
		}
		host_read_unlock(&m->vm->mem_lock);
		host_mutex_unlock(&m->lock);
		vcpu->gpr[RDX] = at;
		break;
	}
	vcpu->gpr[RAX] = sum;
	vcpu_skip(vcpu);
}

/* ---- INIT and the end ---------------------------------------------------------------------------- */

void machine_report(struct vcpu *vcpu, const char *what)
{
	const struct vcpu_state *s = &vcpu->state;

	vcpu_need(vcpu, STATE_ALL & ~STATE_PDPTR);
	host_log(HOST_LOG_ERROR, "guest CPU %u: %s (exit %u, %llx, %llx, %llx)", vcpu->index, what,
		 vcpu->exit.kind, vcpu->exit.hw_reason, vcpu->exit.hw_info[0], vcpu->exit.hw_info[1]);
	host_log(HOST_LOG_ERROR, "  cs %x base %llx rip %llx rflags %llx ss %x rsp %llx",
		 s->seg[SEG_CS].selector, s->seg[SEG_CS].base, s->rip, s->rflags,
		 s->seg[SEG_SS].selector, vcpu->gpr[RSP]);
	host_log(HOST_LOG_ERROR, "  cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx", s->cr0, s->cr2,
		 s->cr3, s->cr4, s->efer);
	host_log(HOST_LOG_ERROR, "  gdt %llx %x idt %llx %x rax %llx rbx %llx rcx %llx rdx %llx",
		 s->gdt.base, s->gdt.limit, s->idt.base, s->idt.limit, vcpu->gpr[RAX],
		 vcpu->gpr[RBX], vcpu->gpr[RCX], vcpu->gpr[RDX]);
	machine_home_reset();
}

/* Nobody can ask afterwards: the log gets the rule, and the state for swivl explain. */
static void on_fail_entry(struct vcpu *vcpu)
{
	const struct rules_failure *f = vcpu->failure;
	char line[RULES_LINE];
	u32 at = 0;

	vcpu_failure_log(vcpu);
	while (f && f->vendor && rules_failure_state(f, &at, line, sizeof(line)))
		machine_home_last_words(line);
	machine_report(vcpu, "the processor refused to enter");
}

/*
 * The chipset sent it, as the keyboard controller can. Where it stays with the processor (APM vol. 2,
 * 15.21.8) that could not enter the guest any more.
 */
static void on_init(struct vcpu *vcpu)
{
	if (!vendor->init_exits) {
		host_log(HOST_LOG_INFO, "CPU %u: INIT from outside: reset", host_cpu());
		machine_home_reset();
	}
	machine_take_init(vcpu);
}

/* Without writing back, what is ours in the caches would be lost, too. */
static void on_invd(struct vcpu *vcpu)
{
	x86_wbinvd();
	vcpu_skip(vcpu);
}

void machine_exit(struct vcpu *vcpu)
{
	switch (vcpu->exit.kind) {
	case EXIT_NONE:
	case EXIT_INTERRUPT:
	case EXIT_NMI:
		break;
	case EXIT_CPUID:
		machine_cpuid(vcpu);
		vcpu_skip(vcpu);
		break;
	case EXIT_MSR_READ:
		machine_msr_read(vcpu);
		break;
	case EXIT_MSR_WRITE:
		machine_msr_write(vcpu);
		break;
	case EXIT_NESTED_FAULT:
		on_nested_fault(vcpu);
		break;
	case EXIT_XSETBV:
		on_xsetbv(vcpu);
		break;
	case EXIT_HYPERCALL:
		on_hypercall(vcpu);
		break;
	case EXIT_INIT:
		on_init(vcpu);
		break;
	case EXIT_INVD:
		on_invd(vcpu);
		break;
	case EXIT_CR:
	case EXIT_EXCEPTION:
	case EXIT_TASK_SWITCH:
	case EXIT_VIRTUALIZATION:
	case EXIT_IRQ_WINDOW:
	case EXIT_NMI_WINDOW:
		on_shared(vcpu);
		break;
	case EXIT_TRIPLE_FAULT:
		machine_report(vcpu, "triple fault");
		break;
	case EXIT_FAIL_ENTRY:
		on_fail_entry(vcpu);
		break;
	default:
		machine_report(vcpu, "an exit that nobody expects");
	}
}
