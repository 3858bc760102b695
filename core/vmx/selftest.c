// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The road from nothing to the first exit (SDM vol. 3, 24.5 to 24.8, 31.3), walked on one CPU and
 * told step by step: what was tried, what the processor answered. Roads that must fail are walked
 * too. The guest is this kernel itself, with its own registers, at a VMCALL.
 *
 * VMX is on already when this starts: it is switched off first and on again at the end.
 */
#include "core/rules/rules.h"
#include "core/vm/selftest.h"
#include "core/vmx/vmx.h"

struct road {
	struct swivl_selftest *t;
	u32 *vmxon, *vmcs, *wrong; /* pages: two with the revision, one with another */
	struct rules_failure *failure; /* a page */
	u64 vmxon_pa, vmcs_pa, wrong_pa;
	struct vmx_host host;
	bool in_vmx, has_vmcs;
	int error;
};

/* ---- telling ----------------------------------------------------------------------------------- */

static bool fixed(struct road *r, const char *name, u64 found, u64 fixed0, u64 fixed1)
{
	bool ok = vmx_fixed_ok(found, fixed0, fixed1);
	struct text t = selftest_step(r->t, name, ok, 0);

	text_number(&t, found, 16);
	text_put(&t, "; must be 1: ");
	text_number(&t, fixed0, 16);
	text_put(&t, ", may be 1: ");
	text_number(&t, fixed1, 16);
	return ok;
}

static u32 instruction_error(void)
{
	u64 error = 0;

	vmx_vmread(VM_INSTRUCTION_ERROR.encoding, &error);
	return (u32)error;
}

/* An instruction's way out. @error: the number it has to give, where it must fail with one. */
static bool insn(struct road *r, const char *name, enum vmx_result got, enum vmx_result wanted,
		 u32 error)
{
	u32 number = got == VMX_FAIL_VALID ? instruction_error() : 0;
	bool ok = got == wanted && number == error;
	u32 flags = wanted != VMX_SUCCEED ? SWIVL_SELFTEST_MUST_FAIL : 0;
	struct text t = selftest_step(r->t, name, ok, flags);

	text_put(&t, got == VMX_SUCCEED        ? "VMsucceed"
		     : got == VMX_FAIL_INVALID ? "VMfailInvalid"
					       : "VMfailValid, error ");
	if (got == VMX_FAIL_VALID) {
		r->t->steps[r->t->nsteps - 1].error = number;
		text_number(&t, number, 10);
		text_put(&t, ": ");
		text_put(&t, rules_vmx_error_name(number));
	}
	return ok;
}

static bool succeeds(struct road *r, const char *name, enum vmx_result got)
{
	return insn(r, name, got, VMX_SUCCEED, 0);
}

static void fails(struct road *r, const char *name, enum vmx_result got, u32 error)
{
	insn(r, name, got, VMX_FAIL_VALID, error);
}

static void fails_without_vmcs(struct road *r, const char *name, enum vmx_result got)
{
	insn(r, name, got, VMX_FAIL_INVALID, 0);
}

/* ---- the guest that mirrors the host --------------------------------------------------------------- */

struct field {
	u32 encoding;
	u64 value;
};

#define MIRROR_FIELDS 112

struct mirror {
	struct field fields[MIRROR_FIELDS];
	unsigned int n;
};

static void put(struct mirror *m, u32 encoding, u64 value)
{
	if (m->n < MIRROR_FIELDS)
		m->fields[m->n++] = (struct field){ encoding, value };
}
#define PUT(m, field, value) put(m, (field).encoding, value)

/* @n: its place in the rows of guest segment fields. */
static void put_segment(struct mirror *m, unsigned int n, u16 selector, u64 base)
{
	u32 rights = x86_lar(selector);

	put(m, GUEST_ES_SELECTOR.encoding + 2 * n, selector);
	put(m, GUEST_ES_BASE.encoding + 2 * n, base);
	put(m, GUEST_ES_LIMIT.encoding + 2 * n, rights ? x86_lsl(selector) : 0);
	put(m, GUEST_ES_ACCESS_RIGHTS.encoding + 2 * n,
	    rights ? (rights >> 8 & 0xf0ff) | 1 : SEG_ATTR_UNUSABLE);
}

static void put_segments(struct mirror *m, u64 tr_base)
{
	put_segment(m, SEG_ES, x86_read_es(), 0);
	put_segment(m, SEG_CS, x86_read_cs(), 0);
	put_segment(m, SEG_SS, x86_read_ss(), 0);
	put_segment(m, SEG_DS, x86_read_ds(), 0);
	put_segment(m, SEG_FS, x86_read_fs(), x86_rdmsr(IA32_FS_BASE));
	put_segment(m, SEG_GS, x86_read_gs(), x86_rdmsr(IA32_GS_BASE));
	put_segment(m, SEG_TR, x86_str(), tr_base);
	put(m, GUEST_LDTR_SELECTOR.encoding, 0);
	put(m, GUEST_LDTR_ACCESS_RIGHTS.encoding, SEG_ATTR_UNUSABLE);
}

static void put_guest(struct mirror *m, u64 tr_base, u64 rip)
{
	struct x86_table gdt = x86_sgdt(), idt = x86_sidt();

	put_segments(m, tr_base);
	PUT(m, GUEST_CR0, x86_read_cr0());
	PUT(m, GUEST_CR3, x86_read_cr3());
	PUT(m, GUEST_CR4, x86_read_cr4());
	PUT(m, GUEST_DR7, DR7_ONE);
	PUT(m, GUEST_RSP, (size_t)__builtin_frame_address(0));
	PUT(m, GUEST_RIP, rip);
	PUT(m, GUEST_RFLAGS, RFLAGS_ONE);
	PUT(m, GUEST_GDTR_BASE, gdt.base);
	PUT(m, GUEST_GDTR_LIMIT, gdt.limit);
	PUT(m, GUEST_IDTR_BASE, idt.base);
	PUT(m, GUEST_IDTR_LIMIT, idt.limit);
	PUT(m, GUEST_DEBUGCTL, 0);
	PUT(m, GUEST_SYSENTER_CS, (u32)x86_rdmsr(IA32_SYSENTER_CS));
	PUT(m, GUEST_SYSENTER_ESP, x86_rdmsr(IA32_SYSENTER_ESP));
	PUT(m, GUEST_SYSENTER_EIP, x86_rdmsr(IA32_SYSENTER_EIP));
	PUT(m, GUEST_ACTIVITY, 0);
	PUT(m, GUEST_INTERRUPTIBILITY, 0);
	PUT(m, GUEST_PENDING_DEBUG, 0);
	PUT(m, VMCS_LINK_POINTER, ~0ull);
}

static void put_host(struct mirror *m, u64 tr_base)
{
	PUT(m, HOST_CR0, x86_read_cr0());
	PUT(m, HOST_CR3, x86_read_cr3());
	PUT(m, HOST_CR4, x86_read_cr4());
	PUT(m, HOST_ES_SELECTOR, 0);
	PUT(m, HOST_CS_SELECTOR, x86_read_cs() & ~7);
	PUT(m, HOST_SS_SELECTOR, x86_read_ss() & ~7);
	PUT(m, HOST_DS_SELECTOR, 0);
	PUT(m, HOST_FS_SELECTOR, 0);
	PUT(m, HOST_GS_SELECTOR, 0);
	PUT(m, HOST_TR_SELECTOR, x86_str() & ~7);
	PUT(m, HOST_FS_BASE, x86_rdmsr(IA32_FS_BASE));
	PUT(m, HOST_GS_BASE, x86_rdmsr(IA32_GS_BASE));
	PUT(m, HOST_TR_BASE, tr_base);
	PUT(m, HOST_GDTR_BASE, x86_sgdt().base);
	PUT(m, HOST_IDTR_BASE, x86_sidt().base);
	PUT(m, HOST_SYSENTER_CS, (u32)x86_rdmsr(IA32_SYSENTER_CS));
	PUT(m, HOST_SYSENTER_ESP, x86_rdmsr(IA32_SYSENTER_ESP));
	PUT(m, HOST_SYSENTER_EIP, x86_rdmsr(IA32_SYSENTER_EIP));
}

/*
 * No more than the processor demands: no EPT, no MSR areas. But NMIs exit: the host's handler could
 * not run to its end as a guest.
 */
static void put_controls(struct mirror *m, const struct vmx_caps *caps)
{
	PUT(m, PIN_CONTROLS, (u32)caps->pin | ((u32)(caps->pin >> 32) & PIN_NMI));
	PUT(m, PRIMARY_CONTROLS, (u32)caps->primary);
	PUT(m, EXCEPTION_BITMAP, 0);
	PUT(m, PAGE_FAULT_ERROR_MASK, 0);
	PUT(m, PAGE_FAULT_ERROR_MATCH, 0);
	PUT(m, CR3_TARGET_COUNT, 0);
	PUT(m, CR0_MASK, 0);
	PUT(m, CR4_MASK, 0);
	PUT(m, EXIT_CONTROLS, (u32)caps->exit | EXITS_HOST_LONG_MODE);
	PUT(m, EXIT_MSR_STORE_COUNT, 0);
	PUT(m, EXIT_MSR_LOAD_COUNT, 0);
	PUT(m, ENTRY_CONTROLS, (u32)caps->entry | ENTRY_LONG_MODE);
	PUT(m, ENTRY_MSR_LOAD_COUNT, 0);
	PUT(m, ENTRY_INTERRUPTION_INFO, 0);
}

static bool write_all(struct road *r, const struct mirror *m)
{
	unsigned int i, good = 0;
	struct text t;
	u64 read;

	for (i = 0; i < m->n; i++) {
		const struct field *f = &m->fields[i];

		read = ~f->value;
		if (vmx_vmwrite(f->encoding, f->value) != VMX_SUCCEED ||
		    vmx_vmread(f->encoding, &read) != VMX_SUCCEED || read != f->value)
			break;
		good++;
	}
	t = selftest_step(r->t, "every VMWRITE read back by VMREAD", good == m->n, 0);
	text_number(&t, good, 10);
	text_put(&t, " of ");
	text_number(&t, m->n, 10);
	text_put(&t, " fields");
	if (good == m->n)
		return true;
	text_put(&t, "; not ");
	text_put(&t, vmcs_field_name(m->fields[good].encoding));
	return false;
}

static __attribute__((__noinline__)) bool enter_guest(struct vmx_switch *s)
{
	u64 gpr[16] = { 0 }, reason = 0;

	while (vmx_enter(gpr, s)) {
		vmx_vmread(EXIT_REASON.encoding, &reason);
		if (reason != REASON_EXCEPTION)
			return true;
		/* An NMI was faster. Nothing else can be the reason: no exception exits here. */
		x86_int2();
		s->launched = true;
	}
	return false;
}

static bool enter(struct road *r, const char *name, struct vmx_switch *s)
{
	u64 reason = 0, length = 0;
	struct text t;

	if (!enter_guest(s))
		return insn(r, name, VMX_FAIL_VALID, VMX_SUCCEED, 0);
	vmx_vmread(EXIT_REASON.encoding, &reason);
	vmx_vmread(EXIT_INSTRUCTION_LENGTH.encoding, &length);
	t = selftest_step(r->t, name, reason == REASON_VMCALL, 0);
	text_put(&t, "exit reason ");
	text_number(&t, reason, reason >> 31 ? 16 : 10);
	text_put(&t, ": ");
	text_put(&t, rules_vmx_exit_name(reason & 0xffff));
	text_put(&t, ", instruction length ");
	text_number(&t, length, 10);
	return reason == REASON_VMCALL;
}

/* The address of a VMCALL that the host itself always jumps over. */
static u64 address_of_vmcall(void)
{
	u64 address;

	asm volatile("lea 1f(%%rip), %0\n\t"
		     "test %0, %0\n\t"
		     "jnz 2f\n"
		     "1:\n\t"
		     "vmcall\n"
		     "2:"
		     : "=r"(address)
		     :
		     : "cc");
	return address;
}

/* ---- the road ------------------------------------------------------------------------------------------ */

static bool check_processor(struct road *r, const struct vmx_caps *caps)
{
	const u64 wanted = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX;
	u64 control = x86_rdmsr(IA32_FEATURE_CONTROL), cr4 = x86_read_cr4();
	u32 ecx = x86_cpuid(1, 0).ecx;

	return selftest_value(r->t, "CPUID.1:ECX.VMX (bit 5)", ecx & CPUID_1_ECX_VMX, ecx) &&
	       selftest_value(r->t, "IA32_FEATURE_CONTROL: locked, VMX outside SMX",
		     (control & wanted) == wanted, control) &&
	       fixed(r, "CR0 within its fixed bits", x86_read_cr0(), caps->cr0_fixed0,
		     caps->cr0_fixed1) &&
	       selftest_value(r->t, "CR4.VMXE is 0", !(cr4 & CR4_VMXE), cr4) &&
	       fixed(r, "CR4 with VMXE within its fixed bits", cr4 | CR4_VMXE, caps->cr4_fixed0,
		     caps->cr4_fixed1) &&
	       selftest_value(r->t, "VMCS revision identifier", true, BASIC_REVISION(caps->basic));
}

static bool enter_vmx(struct road *r)
{
	host_cr4_change(CR4_VMXE, 0);
	if (!selftest_value(r->t, "CR4.VMXE set", x86_read_cr4() & CR4_VMXE, x86_read_cr4()))
		return false;
	fails_without_vmcs(r, "VMXON with a region that is not page-aligned",
			   vmx_vmxon(r->vmxon_pa + 8));
	fails_without_vmcs(r, "VMXON with a wrong revision", vmx_vmxon(r->wrong_pa));
	r->in_vmx = succeeds(r, "VMXON", vmx_vmxon(r->vmxon_pa));
	return r->in_vmx;
}

static bool make_current(struct road *r)
{
	u64 pointer;

	fails_without_vmcs(r, "VMXON twice, with no current VMCS", vmx_vmxon(r->vmxon_pa));
	fails_without_vmcs(r, "VMPTRLD of the VMXON region, with no current VMCS",
			   vmx_vmptrld(r->vmxon_pa));
	if (!succeeds(r, "VMCLEAR", vmx_vmclear(r->vmcs_pa)) ||
	    !succeeds(r, "VMPTRLD", vmx_vmptrld(r->vmcs_pa)))
		return false;
	r->has_vmcs = true;
	pointer = vmx_vmptrst();
	return selftest_value(r->t, "VMPTRST reads the same pointer back", pointer == r->vmcs_pa,
			      pointer);
}

static void failing_roads(struct road *r, const struct vmx_caps *caps)
{
	bool writable = caps->misc & MISC_WRITE_READ_ONLY_FIELDS;
	struct vmx_invept what = { 0, 0 };
	u64 unused;

	fails(r, "VMXON twice", vmx_vmxon(r->vmxon_pa), 15);
	fails(r, "VMCLEAR of an address that is not page-aligned", vmx_vmclear(r->vmcs_pa + 8), 2);
	fails(r, "VMCLEAR of the VMXON region", vmx_vmclear(r->vmxon_pa), 3);
	fails(r, "VMPTRLD of an address that is not page-aligned", vmx_vmptrld(r->vmcs_pa + 8), 9);
	fails(r, "VMPTRLD of the VMXON region", vmx_vmptrld(r->vmxon_pa), 10);
	fails(r, "VMPTRLD with a wrong revision", vmx_vmptrld(r->wrong_pa), 11);
	fails(r, "VMREAD of a field that does not exist", vmx_vmread(0x4bfe, &unused), 12);
	/* Newer processors allow it, for hypervisors inside of guests (A.6). */
	if (writable)
		succeeds(r, "VMWRITE to a read-only field (allowed: IA32_VMX_MISC bit 29)",
			 vmx_vmwrite(EXIT_REASON.encoding, 0));
	else
		fails(r, "VMWRITE to a read-only field", vmx_vmwrite(EXIT_REASON.encoding, 0), 13);
	if (caps->ept_vpid & EPT_CAP_INVEPT)
		fails(r, "INVEPT of a type that does not exist", vmx_invept(99, &what), 28);
}

/*
 * One field otherwise than it should be, then VMRESUME: @reason, a VM-instruction error or an exit
 * reason, has to be the answer; and the rules had better name it.
 */
static void refused(struct road *r, struct vmx_switch *s, const char *name, u32 field, u64 change,
		    u64 reason)
{
	u64 good = 0, got = 0;
	struct text t;

	if (vmx_vmread(field, &good) == VMX_SUCCEED &&
	    vmx_vmwrite(field, good ^ change) == VMX_SUCCEED) {
		if (enter_guest(s))
			vmx_vmread(EXIT_REASON.encoding, &got);
		else
			got = instruction_error();
	}
	t = selftest_step(r->t, name, got == reason, SWIVL_SELFTEST_MUST_FAIL);
	text_put(&t, got >> 31 ? "exit reason " : "VMfailValid, error ");
	text_number(&t, got, got >> 31 ? 16 : 10);
	if (!(got >> 31))
		r->t->steps[r->t->nsteps - 1].error = (u32)got;
	memset(r->failure, 0, sizeof(*r->failure));
	vmx_judge(r->failure, got);
	selftest_rule(&t, r->failure);
	vmx_vmwrite(field, good);
}

static void refused_states(struct road *r, struct vmx_switch *s)
{
	refused(r, s, "VMRESUME with more CR3 targets than there are", CR3_TARGET_COUNT.encoding,
		0x8000, 7);
	refused(r, s, "VMRESUME with an RPL in the host's CS", HOST_CS_SELECTOR.encoding, 3, 8);
	refused(r, s, "VMRESUME with bit 1 of RFLAGS clear", GUEST_RFLAGS.encoding, RFLAGS_ONE,
		EXIT_REASON_ENTRY_FAILED | REASON_BAD_GUEST_STATE);
}

static bool to_first_exit(struct road *r, const struct vmx_caps *caps, struct mirror *m)
{
	u64 tr_base = vmx_host_tr_base();
	struct vmx_switch s = { .launched = false };

	put_controls(m, caps);
	put_guest(m, tr_base, address_of_vmcall());
	put_host(m, tr_base);
	if (!write_all(r, m))
		return false;
	s.launched = true;
	fails(r, "VMRESUME of a VMCS that was not launched",
	      enter_guest(&s) ? VMX_SUCCEED : VMX_FAIL_VALID, 5);
	s.launched = false;
	if (!enter(r, "VMLAUNCH of a guest that mirrors the host, at a VMCALL", &s))
		return false;
	s.launched = false;
	fails(r, "VMLAUNCH of a VMCS that is not clear",
	      enter_guest(&s) ? VMX_SUCCEED : VMX_FAIL_VALID, 4);
	s.launched = true;
	if (!enter(r, "VMRESUME", &s))
		return false;
	refused_states(r, &s);
	return enter(r, "VMRESUME of the good state again", &s);
}

static void leave_vmx(struct road *r, u64 cr4)
{
	if (r->has_vmcs)
		succeeds(r, "VMCLEAR at the end", vmx_vmclear(r->vmcs_pa));
	if (r->in_vmx)
		succeeds(r, "VMXOFF", vmx_vmxoff());
	host_cr4_change(0, CR4_VMXE);
	selftest_value(r->t, "CR4 is as it was", x86_read_cr4() == cr4, x86_read_cr4());
}

/* On the CPU, interrupts off. Static: an interrupt's stack is small. */
static void walk(void *arg)
{
	static struct mirror mirror; /* one walk at a time */
	struct road *r = arg;
	struct vmx_caps caps = vmx_read_caps();
	struct refusal_report why;
	u64 cr4;

	if (!vmx.cpus[host_cpu()].on) {
		r->error = -SWIVL_ENXIO;
		return;
	}
	vmx_cpu_disable();
	mirror.n = 0;
	vmx_host_remember(&r->host);
	cr4 = x86_read_cr4();
	if (check_processor(r, &caps) && enter_vmx(r) && make_current(r)) {
		failing_roads(r, &caps);
		to_first_exit(r, &caps, &mirror);
	}
	leave_vmx(r, cr4);
	vmx_host_recover(&vmx.cpus[host_cpu()], &r->host);
	if (r->host.dr7 != DR7_ONE)
		x86_write_dr(7, r->host.dr7);
	if (r->host.debugctl)
		x86_wrmsr(IA32_DEBUGCTL, r->host.debugctl);
	if (!vmx_cpu_enable(&why)) {
		selftest_step(r->t, "swivl's own VMX operation again", false, 0);
		host_log(HOST_LOG_ERROR, "VMX could not be switched on again on CPU %u",
			 host_cpu());
	}
}

static bool make_pages(struct road *r)
{
	u32 revision = BASIC_REVISION(vmx.caps.basic);

	r->vmxon = host_page_alloc();
	r->vmcs = host_page_alloc();
	r->wrong = host_page_alloc();
	r->failure = host_page_alloc();
	if (!r->vmxon || !r->vmcs || !r->wrong || !r->failure)
		return false;
	*r->vmxon = revision;
	*r->vmcs = revision;
	*r->wrong = revision ^ 1;
	r->vmxon_pa = host_page_pa(r->vmxon);
	r->vmcs_pa = host_page_pa(r->vmcs);
	r->wrong_pa = host_page_pa(r->wrong);
	return true;
}

int vmx_selftest(struct swivl_selftest *t)
{
	struct road r = { .t = t };
	int err = -SWIVL_ENOMEM;

	t->nsteps = 0;
	memset(t->steps, 0, sizeof(t->steps));
	host_mutex_lock(&vmx.vms_lock);
	if (vmx.vms) {
		err = -SWIVL_EBUSY;
	} else if (make_pages(&r)) {
		err = host_on_cpu(t->cpu, walk, &r);
		if (!err)
			err = r.error;
	}
	host_mutex_unlock(&vmx.vms_lock);
	host_page_free(r.vmxon);
	host_page_free(r.vmcs);
	host_page_free(r.wrong);
	host_page_free(r.failure);
	return err;
}
