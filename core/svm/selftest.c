// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The road from nothing to the first exit (APM vol. 2, 15.4 to 15.7, 15.30), walked on one CPU and
 * told step by step: what was tried, what the processor answered. Roads that must fail are walked
 * too. The guest is this kernel itself, with its own registers, at a VMMCALL.
 *
 * SVM is on already when this starts: it is switched off first and on again at the end.
 */
#include "core/svm/svm.h"
#include "core/vm/selftest.h"

struct road {
	struct swivl_selftest *t;
	struct vmcb *vmcb;
	struct rules_failure *failure; /* a page */
	void *save, *host; /* pages: VMRUN's and VMSAVE's for the host */
	u64 *idt; /* page for an IDT of our own */
	u64 vmcb_pa, host_pa, rip; /* of the guest */
	int error;
};

/* ---- instructions that may fault ----------------------------------------------------------------- */

#ifdef SWIVL_MODEL

/* The vector that the instruction raised, 0 for none. */
u32 svm_try_vmrun(u64 pa, u64 *idt);
u32 svm_try_clgi(u64 *idt);

#else

/* What the handlers look at. One self-test at a time. */
struct svm_fault {
	u64 at, after; /* the instruction that is tried, and the one behind it */
	u64 ud, gp; /* the system's handlers */
	u64 vector; /* 0: none */
} svm_fault;
extern const u8 svm_fault_ud[], svm_fault_gp[];

/* @return: where the gate led to before. */
static u64 set_gate(u64 *idt, unsigned int vector, const u8 *handler)
{
	u64 *gate = &idt[2 * vector], address = (size_t)handler;
	u64 before = (gate[0] & 0xffff) | (gate[0] >> 48) << 16 | gate[1] << 32;

	gate[0] = (address & 0xffff) | (u64)x86_read_cs() << 16 | 0x8eull << 40 |
		  (address >> 16 & 0xffff) << 48;
	gate[1] = address >> 32;
	return before;
}

/* Interrupts off; an NMI finds the system's own handler in the copy. */
static struct x86_table own_idt(u64 *idt)
{
	struct x86_table old = x86_sidt(), ours = { SWIVL_PAGE_SIZE - 1, (size_t)idt };
	size_t size = (size_t)old.limit + 1;

	memcpy(idt, (void *)(size_t)old.base, size < SWIVL_PAGE_SIZE ? size : SWIVL_PAGE_SIZE);
	svm_fault.ud = set_gate(idt, VECTOR_UD, svm_fault_ud);
	svm_fault.gp = set_gate(idt, VECTOR_GP, svm_fault_gp);
	svm_fault.vector = 0;
	x86_lidt(&ours);
	return old;
}

/* @insn with @rax. If it does not fault, STGI comes after it: both that are tried leave GIF at 0. */
#define TRY(insn, rax) \
	do { \
		u64 address; \
		asm volatile("lea 1f(%%rip), %0\n\t" \
			     "mov %0, %1\n\t" \
			     "lea 2f(%%rip), %0\n\t" \
			     "mov %0, %2\n" \
			     "1:\n\t" insn "\n\t" \
			     "stgi\n" \
			     "2:" \
			     : "=&r"(address), "=m"(svm_fault.at), "=m"(svm_fault.after) \
			     : "a"(rax) \
			     : "cc", "memory"); \
	} while (0)

static u32 svm_try_vmrun(u64 pa, u64 *idt)
{
	struct x86_table old = own_idt(idt);

	TRY("vmrun %%rax", pa);
	x86_lidt(&old);
	return (u32)svm_fault.vector;
}

static u32 svm_try_clgi(u64 *idt)
{
	struct x86_table old = own_idt(idt);

	TRY("clgi", 0);
	x86_lidt(&old);
	return (u32)svm_fault.vector;
}

#endif

/* @wanted: the fault that must come, 0 for none. */
static bool faults(struct road *r, const char *name, u32 vector, u32 wanted)
{
	struct text t = selftest_step(r->t, name, vector == wanted,
				      wanted ? SWIVL_SELFTEST_MUST_FAIL : 0);

	text_put(&t, vector == VECTOR_UD   ? "#UD"
		     : vector == VECTOR_GP ? "#GP"
					   : "no exception");
	return vector == wanted;
}

/* ---- the guest that mirrors the host --------------------------------------------------------------- */

static void mirror_segment(struct vmcb_segment *s, u16 selector)
{
	u32 rights = x86_lar(selector);

	s->selector = selector;
	s->limit = rights ? x86_lsl(selector) : 0;
	s->attr = (rights >> 8 & 0xff) | (rights >> 12 & 0xf00);
}

/* The address of a VMMCALL that the host itself always jumps over. */
static u64 address_of_vmmcall(void)
{
	u64 address;

	asm volatile("lea 1f(%%rip), %0\n\t"
		     "test %0, %0\n\t"
		     "jnz 2f\n"
		     "1:\n\t"
		     "vmmcall\n"
		     "2:"
		     : "=r"(address)
		     :
		     : "cc");
	return address;
}

static void mirror(struct road *r)
{
	struct vmcb_save *s = &r->vmcb->save;
	struct x86_table gdt = x86_sgdt(), idt = x86_sidt();

	svm_vmsave(r->vmcb_pa); /* FS, GS, TR and LDTR as they are */
	mirror_segment(&s->es, x86_read_es());
	mirror_segment(&s->cs, x86_read_cs());
	mirror_segment(&s->ss, x86_read_ss());
	mirror_segment(&s->ds, x86_read_ds());
	s->gdtr = (struct vmcb_segment){ .limit = gdt.limit, .base = gdt.base };
	s->idtr = (struct vmcb_segment){ .limit = idt.limit, .base = idt.base };
	s->efer = x86_rdmsr(IA32_EFER);
	s->cr0 = x86_read_cr0();
	s->cr3 = x86_read_cr3();
	s->cr4 = x86_read_cr4();
	s->dr6 = x86_read_dr(6);
	s->dr7 = DR7_ONE;
	s->rflags = RFLAGS_ONE;
	s->rip = r->rip = address_of_vmmcall();
	s->rsp = (size_t)__builtin_frame_address(0);
}

/* No more than the processor demands. But NMIs exit: their handler could not end as a guest. */
static void set_controls(struct road *r)
{
	struct vmcb_control *c = &r->vmcb->control;

	c->intercepts = INTERCEPT_NMI | INTERCEPT_SHUTDOWN;
	c->intercepts2 = INTERCEPT2_VMRUN | INTERCEPT2_VMMCALL;
	c->asid = 1;
	c->tlb_control = TLB_FLUSH_ALL;
}

static __attribute__((__noinline__)) u64 enter_guest(struct road *r)
{
	u64 gpr[16] = { 0 };

	do {
		r->vmcb->control.clean = 0;
		svm_enter(gpr, r->vmcb_pa, r->host_pa);
		x86_irq_off();
		svm_stgi();
	} while (r->vmcb->control.exit_code == CODE_NMI);
	return (u32)r->vmcb->control.exit_code;
}

static bool enter(struct road *r, const char *name, u64 wanted)
{
	u32 flags = wanted == CODE_INVALID ? SWIVL_SELFTEST_MUST_FAIL : 0;
	struct text t;
	u64 code;
	bool ok;

	/* Before: QEMU's processor leaves something else there. */
	memset(r->failure, 0, sizeof(*r->failure));
	svm_judge(r->failure, r->vmcb);
	code = enter_guest(r);
	ok = code == wanted && (code == CODE_INVALID || r->vmcb->save.rip == r->rip);
	t = selftest_step(r->t, name, ok, flags);
	text_put(&t, "exit code ");
	text_number(&t, code, 16);
	text_put(&t, ": ");
	text_put(&t, svm_exit_name(code));
	if (code == CODE_INVALID)
		selftest_rule(&t, r->failure);
	if (code == CODE_VMMCALL && r->vmcb->control.next_rip) {
		text_put(&t, ", instruction length ");
		text_number(&t, r->vmcb->control.next_rip - r->vmcb->save.rip, 10);
	}
	if (code == wanted && !ok)
		text_put(&t, ", but at another instruction");
	return ok;
}

/* ---- the road ------------------------------------------------------------------------------------------ */

static bool check_processor(struct road *r)
{
	u32 ecx = x86_cpuid(0x80000001, 0).ecx;
	struct svm_caps caps = svm_read_caps();
	u64 vm_cr = x86_rdmsr(AMD_VM_CR), efer = x86_rdmsr(IA32_EFER);
	struct refusal_report why;

	return selftest_value(r->t, "CPUID.80000001h:ECX.SVM (bit 2)", ecx & CPUID_X1_ECX_SVM, ecx) &&
	       selftest_value(r->t, "CPUID.8000000Ah:EDX.NP (bit 0), nested paging",
			      caps.features & SVM_NESTED_PAGING, caps.features) &&
	       selftest_value(r->t, "CPUID.8000000Ah:EBX, number of ASIDs", caps.asids > 1,
			      caps.asids) &&
	       selftest_value(r->t, "VM_CR.SVMDIS (bit 4) is 0", svm_check_vm_cr(vm_cr, &why),
			      vm_cr) &&
	       selftest_value(r->t, "EFER.SVME (bit 12) is 0", !(efer & EFER_SVME), efer);
}

static bool switch_on(struct road *r, u64 efer)
{
	u64 save_pa = host_page_pa(r->save);

	faults(r, "CLGI with EFER.SVME clear", svm_try_clgi(r->idt), VECTOR_UD);
	faults(r, "VMRUN with EFER.SVME clear", svm_try_vmrun(r->vmcb_pa, r->idt), VECTOR_UD);
	x86_wrmsr(IA32_EFER, efer | EFER_SVME);
	x86_wrmsr(AMD_VM_HSAVE_PA, save_pa);
	return selftest_value(r->t, "EFER.SVME set", x86_rdmsr(IA32_EFER) & EFER_SVME,
			      x86_rdmsr(IA32_EFER)) &&
	       selftest_value(r->t, "VM_HSAVE_PA reads back",
			      x86_rdmsr(AMD_VM_HSAVE_PA) == save_pa, x86_rdmsr(AMD_VM_HSAVE_PA)) &&
	       faults(r, "CLGI, then STGI", svm_try_clgi(r->idt), 0);
}

static void to_first_exit(struct road *r)
{
	struct vmcb_control *c = &r->vmcb->control;

	/* All zero: a processor that took it would find no intercept of VMRUN, and refuse it. */
	faults(r, "VMRUN of a VMCB that is not page-aligned",
	       svm_try_vmrun(r->vmcb_pa + 8, r->idt), VECTOR_GP);
	set_controls(r);
	c->asid = 0;
	mirror(r);
	enter(r, "VMRUN with ASID 0, the host's", CODE_INVALID);
	set_controls(r);
	c->intercepts2 &= ~INTERCEPT2_VMRUN;
	mirror(r);
	enter(r, "VMRUN without the intercept of VMRUN", CODE_INVALID);
	set_controls(r);
	mirror(r);
	if (enter(r, "VMRUN of a guest that mirrors the host, at a VMMCALL", CODE_VMMCALL))
		enter(r, "VMRUN again", CODE_VMMCALL);
	c->clean = 0;
	r->vmcb->save.efer &= ~(u64)EFER_SVME;
	enter(r, "VMRUN with EFER.SVME of the guest clear", CODE_INVALID);
}

static void switch_off(struct road *r, u64 efer)
{
	x86_wrmsr(AMD_VM_HSAVE_PA, 0);
	x86_wrmsr(IA32_EFER, efer);
	selftest_value(r->t, "EFER is as it was", x86_rdmsr(IA32_EFER) == efer,
		       x86_rdmsr(IA32_EFER));
}

/* What the road could have lost of the host. */
#define HOST_REGISTERS 29

static void host_registers(u64 *to)
{
	static const u32 msrs[] = { IA32_FS_BASE,      IA32_GS_BASE,     IA32_KERNEL_GS_BASE,
				    IA32_STAR,         IA32_LSTAR,       IA32_CSTAR,
				    IA32_FMASK,        IA32_SYSENTER_CS, IA32_SYSENTER_ESP,
				    IA32_SYSENTER_EIP, IA32_PAT,         IA32_EFER };
	struct x86_table gdt = x86_sgdt(), idt = x86_sidt();
	const u64 others[] = {
		x86_read_cr0(), x86_read_cr3(), x86_read_cr4(), x86_read_dr(6), x86_read_dr(7),
		gdt.base,       gdt.limit,      idt.base,       idt.limit,      x86_str(),
		x86_sldt(),     x86_read_es(),  x86_read_cs(),  x86_read_ss(),  x86_read_ds(),
		x86_read_fs(),  x86_read_gs(),
	};

	_Static_assert(ARRAY_SIZE(msrs) + ARRAY_SIZE(others) == HOST_REGISTERS, "room");
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		*to++ = x86_rdmsr(msrs[i]);
	memcpy(to, others, sizeof(others));
}

static void check_host(struct road *r, const u64 *before)
{
	u64 now[HOST_REGISTERS];
	unsigned int good = 0;
	struct text t;

	host_registers(now);
	while (good < HOST_REGISTERS && now[good] == before[good])
		good++;
	t = selftest_step(r->t, "the host's registers are as they were", good == HOST_REGISTERS, 0);
	text_number(&t, good, 10);
	text_put(&t, " of ");
	text_number(&t, HOST_REGISTERS, 10);
	if (good == HOST_REGISTERS)
		return;
	text_put(&t, "; the next is ");
	text_number(&t, now[good], 16);
	text_put(&t, ", was ");
	text_number(&t, before[good], 16);
}

/* On the CPU, interrupts off. */
static void walk(void *arg)
{
	struct road *r = arg;
	struct refusal_report why;
	u64 before[HOST_REGISTERS], efer, dr7;

	if (!svm.cpus[host_cpu()].on) {
		r->error = -SWIVL_ENXIO;
		return;
	}
	svm_cpu_disable();
	host_registers(before);
	efer = x86_rdmsr(IA32_EFER);
	dr7 = x86_read_dr(7);
	if (check_processor(r)) {
		if (switch_on(r, efer))
			to_first_exit(r);
		switch_off(r, efer);
	}
	x86_write_dr(7, dr7);
	check_host(r, before);
	if (!svm_cpu_enable(&why)) {
		selftest_step(r->t, "swivl's own SVM again", false, 0);
		host_log(HOST_LOG_ERROR, "SVM could not be switched on again on CPU %u",
			 host_cpu());
	}
}

int svm_selftest(struct swivl_selftest *t)
{
	struct road r = { .t = t };
	int err = -SWIVL_ENOMEM;

	t->nsteps = 0;
	memset(t->steps, 0, sizeof(t->steps));
	r.vmcb = host_page_alloc();
	r.save = host_page_alloc();
	r.host = host_page_alloc();
	r.idt = host_page_alloc();
	r.failure = host_page_alloc();
	host_mutex_lock(&svm.vms_lock);
	if (svm.vms) {
		err = -SWIVL_EBUSY;
	} else if (r.vmcb && r.save && r.host && r.idt && r.failure) {
		r.vmcb_pa = host_page_pa(r.vmcb);
		r.host_pa = host_page_pa(r.host);
		err = host_on_cpu(t->cpu, walk, &r);
		if (!err)
			err = r.error;
	}
	host_mutex_unlock(&svm.vms_lock);
	host_page_free(r.vmcb);
	host_page_free(r.save);
	host_page_free(r.host);
	host_page_free(r.idt);
	host_page_free(r.failure);
	return err;
}
