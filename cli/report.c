/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A processor's state when it could not go on. */
#include <stdio.h>

#include "machine.h"

static void print_segment(const char *name, const struct kvm_segment *s)
{
	fprintf(stderr, "  %s %04x base %016llx limit %08x type %2u%s%s%s\n", name, s->selector,
		(unsigned long long)s->base, s->limit, s->type, s->unusable ? " unusable" : "",
		s->l ? " 64-bit" : s->db ? " 32-bit" : "", s->dpl ? " user" : "");
}

static void print_regs(const struct kvm_regs *r)
{
	const struct {
		const char *name;
		unsigned long long value;
	} regs[] = {
		{ "rax", r->rax }, { "rbx", r->rbx }, { "rcx", r->rcx },    { "rdx", r->rdx },
		{ "rsi", r->rsi }, { "rdi", r->rdi }, { "rbp", r->rbp },    { "rsp", r->rsp },
		{ " r8", r->r8 },  { " r9", r->r9 },  { "r10", r->r10 },    { "r11", r->r11 },
		{ "r12", r->r12 }, { "r13", r->r13 }, { "r14", r->r14 },    { "r15", r->r15 },
		{ "rip", r->rip }, { "rflags", r->rflags },
	};

	for (unsigned int i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		fprintf(stderr, "  %s %016llx%s", regs[i].name, regs[i].value,
			i % 4 == 3 || i == 17 ? "\n" : "");
}

static void print_code(struct cpu *cpu, const struct kvm_sregs *s, const struct kvm_regs *r)
{
	uint8_t code[15];
	unsigned int n = guest_code(cpu->m, s, r, code, sizeof(code));
	char text[128];

	if (!n) {
		fputs("  no memory is mapped where it executes\n", stderr);
		return;
	}
	fputs("  code at rip:", stderr);
	for (unsigned int i = 0; i < n; i++)
		fprintf(stderr, " %02x", code[i]);
	disassemble(code, n, r->rip, code_bits(s), text, sizeof(text));
	fprintf(stderr, "%s%s\n", *text ? "   " : "", text);
}

static const char *mp_state(struct cpu *cpu)
{
	struct kvm_mp_state mp;

	if (swivl_vcpu_get_mp_state(cpu->vcpu, &mp) || mp.mp_state == KVM_MP_STATE_RUNNABLE)
		return "";
	return mp.mp_state == KVM_MP_STATE_HALTED ? " (halted)" : " (waits to be started)";
}

void report_cpu(struct cpu *cpu)
{
	struct kvm_regs r;
	struct kvm_sregs s;

	if (swivl_vcpu_get_regs(cpu->vcpu, &r) || swivl_vcpu_get_sregs(cpu->vcpu, &s)) {
		fprintf(stderr, "  processor %u: its registers cannot be read\n", cpu->id);
		return;
	}
	fprintf(stderr, "  processor %u%s, last exit %s, %u-bit code\n", cpu->id, mp_state(cpu),
		swivl_exit_name(cpu->run->exit_reason), code_bits(&s));
	if (cpu->run->exit_reason == KVM_EXIT_SHUTDOWN && s.cs.base == 0xffff0000 && r.rip == 0xfff0)
		fputs("  (these are the values after a reset: the hypervisor did not keep the old ones)\n",
		      stderr);
	print_code(cpu, &s, &r);
	print_regs(&r);
	fprintf(stderr, "  cr0 %08llx  cr2 %016llx  cr3 %016llx  cr4 %08llx  efer %04llx\n",
		(unsigned long long)s.cr0, (unsigned long long)s.cr2, (unsigned long long)s.cr3,
		(unsigned long long)s.cr4, (unsigned long long)s.efer);
	print_segment("cs", &s.cs);
	print_segment("ss", &s.ss);
	print_segment("ds", &s.ds);
	print_segment("es", &s.es);
	print_segment("fs", &s.fs);
	print_segment("gs", &s.gs);
	print_segment("tr", &s.tr);
	fprintf(stderr, "  gdt %016llx limit %04x  idt %016llx limit %04x\n",
		(unsigned long long)s.gdt.base, s.gdt.limit, (unsigned long long)s.idt.base,
		s.idt.limit);
	if (cpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
		for (uint32_t i = 0; i < cpu->run->internal.ndata && i < 16; i++)
			fprintf(stderr, "  internal data %u: 0x%llx\n", i,
				(unsigned long long)cpu->run->internal.data[i]);
	}
}
