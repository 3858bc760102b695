// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* swivl run --set REGISTER=VALUE: what the first processor starts with otherwise than it would. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "machine.h"

struct place {
	const char *name;
	uint16_t at;
	uint8_t bytes;
};

#define PLACE(type, member) { #member, offsetof(type, member), sizeof(((type *)0)->member) }
#define R(member) PLACE(struct kvm_regs, member)
#define S(member) PLACE(struct kvm_sregs, member)
#define SEGMENT(name) \
	S(name.base), S(name.limit), S(name.selector), S(name.type), S(name.present), S(name.dpl), \
		S(name.db), S(name.s), S(name.l), S(name.g), S(name.avl), S(name.unusable)

static const struct place regs_places[] = {
	R(rax), R(rbx), R(rcx), R(rdx), R(rsi), R(rdi), R(rsp), R(rbp), R(r8), R(r9), R(r10), R(r11),
	R(r12), R(r13), R(r14), R(r15), R(rip), R(rflags),
};
static const struct place sregs_places[] = {
	SEGMENT(cs), SEGMENT(ds), SEGMENT(es), SEGMENT(fs), SEGMENT(gs), SEGMENT(ss), SEGMENT(tr),
	SEGMENT(ldt), S(gdt.base), S(gdt.limit), S(idt.base), S(idt.limit), S(cr0), S(cr2), S(cr3),
	S(cr4), S(cr8), S(efer), S(apic_base),
};

static const struct place *find(const struct place *p, size_t count, const char *text)
{
	size_t n = strcspn(text, "=");

	for (; count; count--, p++)
		if (strlen(p->name) == n && !strncmp(p->name, text, n))
			return p;
	return NULL;
}

/* @to: the structure that the places are of. False: it is none of them. */
static bool set(const struct place *places, size_t count, const char *text, void *to)
{
	const struct place *p = find(places, count, text);
	uint64_t value = strtoull(text + strcspn(text, "=") + 1, NULL, 0);

	if (p && to)
		memcpy((char *)to + p->at, &value, p->bytes);
	return p;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool set_is_valid(const char *text)
{
	const char *value = strchr(text, '=');
	char *end;

	if (!value++ || *value < '0' || *value > '9')
		return false;
	errno = 0;
	strtoull(value, &end, 0);
	return !errno && !*end && (find(regs_places, COUNT(regs_places), text) ||
				   find(sregs_places, COUNT(sregs_places), text));
}

int cpu_set_registers(struct cpu *cpu, const struct options *opt)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int ret;

	if (!opt->sets)
		return 0;
	ret = swivl_vcpu_get_regs(cpu->vcpu, &regs);
	if (!ret)
		ret = swivl_vcpu_get_sregs(cpu->vcpu, &sregs);
	for (unsigned int i = 0; i < opt->sets && !ret; i++)
		if (!set(regs_places, COUNT(regs_places), opt->set[i], &regs))
			set(sregs_places, COUNT(sregs_places), opt->set[i], &sregs);
	if (!ret)
		ret = swivl_vcpu_set_sregs(cpu->vcpu, &sregs);
	return ret ? ret : swivl_vcpu_set_regs(cpu->vcpu, &regs);
}
