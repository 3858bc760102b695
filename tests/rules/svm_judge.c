// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The processor judges the rules: each state is put to both, and they have to agree. See
 * tests/rules/judge.py for how to run it. Options on the command line:
 *
 *	seed=N states=N		which states, and how many
 *	from=N			the first of them
 *	bochs			it runs in Bochs, not in QEMU
 *	verbose			each state that is judged
 *	forget=N		as if there was no rule N: every disagreement must come out
 */
#include "tests/rules/svm_known.h"
#include "tests/rules/svm_states.h"

#include "core/x86/cpu.h"

#define MAX_RULES 64
#define MAX_FINDINGS 24
#define MAX_TOLD 20

static struct vmcb vmcb __attribute__((__aligned__(4096)));
static u8 host_save[4096] __attribute__((__aligned__(4096)));
static struct rules_svm_state facts; /* of this processor */
static u64 forgotten;
static u8 emulator = IN_QEMU;

static struct {
	u32 states, enters, invalid, explained, unexplained;
	u32 known[32]; /* bits of verdict.used */
	u32 broken[MAX_RULES], alone[MAX_RULES], seen[MAX_RULES];
	u32 other_exits;
	u32 most; /* cycles of the rules for one state */
} count;

/* ---- the processor ---------------------------------------------------------------------------------- */

/* Held back while GIF is 0; VMRUN sets GIF, and the NMI ends the guest before it begins. */
static void send_nmi(void)
{
	volatile u32 *apic = (volatile u32 *)0xfee00000;

	apic[0x310 / 4] = 0;
	apic[0x300 / 4] = 0x4400;
}

/* An NMI that reached a guest blocks others until an IRET. */
static void unblock_nmi(void)
{
	u64 scratch;

	asm volatile("mov %%rsp, %0\n\t"
		     "push $16\n\t"
		     "push %0\n\t"
		     "pushf\n\t"
		     "push $8\n\t"
		     "lea 1f(%%rip), %0\n\t"
		     "push %0\n\t"
		     "iretq\n"
		     "1:"
		     : "=&r"(scratch)
		     :
		     : "cc", "memory");
}

/* The exit code. */
static u32 execute(void)
{
	u64 rax = (size_t)&vmcb;

	send_nmi(); /* one that waits already is the same; Bochs' exit takes it away */
	vmcb.control.exit_code = 0x5eed;
	asm volatile("push %%rbp\n\tpush %%rbx\n\t"
		     "vmrun %%rax\n\t"
		     "pop %%rbx\n\tpop %%rbp"
		     : "+a"(rax)
		     :
		     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		       "r15", "cc", "memory");
	if ((u32)vmcb.control.exit_code != CODE_NMI &&
	    (u32)vmcb.control.exit_code != CODE_INVALID) {
		count.other_exits++;
		unblock_nmi();
	}
	return (u32)vmcb.control.exit_code;
}

static bool start(void)
{
	static const u32 leaves[] = { 1,          7,          0x80000001, 0x80000008,
				      0x8000000a, 0x8000001f, 0x80000021 };

	for (u32 i = 0; i < ARRAY_SIZE(leaves); i++) {
		struct x86_cpuid c = { 0, 0, 0, 0 };

		if (x86_cpuid(leaves[i] & 0x80000000, 0).eax >= leaves[i])
			c = x86_cpuid(leaves[i], 0);
		rules_svm_set_cpuid(&facts, leaves[i], (u32[]){ c.eax, c.ebx, c.ecx, c.edx });
	}
	rules_svm_set_fact(&facts, RULES_SVM_HOST_CR0, x86_read_cr0());
	rules_svm_set_fact(&facts, RULES_SVM_U_CET, 0);
	if (!(x86_cpuid(0x80000001, 0).ecx & CPUID_X1_ECX_SVM))
		return false;
	x86_wrmsr(IA32_EFER, x86_rdmsr(IA32_EFER) | EFER_SVME);
	x86_wrmsr(AMD_VM_HSAVE_PA, (size_t)host_save);
	*(volatile u32 *)0xfee000f0 = 0x1ff; /* the local APIC is on */
	asm volatile("clgi");
	return true;
}

/* ---- the rules ---------------------------------------------------------------------------------------- */

struct verdict {
	bool rules, known, actual; /* true: refused, as the rules say, and with what is known */
	bool perhaps; /* what is known leaves it open whether it is refused */
	struct rules_finding finding[MAX_FINDINGS];
	u32 findings, unknown;
	u32 used; /* bits: what is known that applied */
};

static bool is_known(const struct rules_svm_state *s, const struct rules_finding *f, u32 *used)
{
	for (u32 i = 0; i < svm_knowns; i++) {
		const struct known *k = &svm_known[i];

		if (k->where & emulator && k->rule == f->rule->number &&
		    (!k->instances || k->instances >> f->instance & 1) &&
		    (!k->when || k->when(s))) {
			*used |= 1u << i;
			return true;
		}
	}
	return false;
}

static void ask_rules(struct verdict *v)
{
	static struct rules_svm_state s;
	struct rules_result result;
	u32 kept = 0;
	u64 cycles;

	s = facts;
	cycles = x86_rdtsc();
	rules_svm_set_vmcb(&s, &vmcb);
	v->findings = rules_svm_judge(&s, v->finding, MAX_FINDINGS, &result);
	cycles = x86_rdtsc() - cycles;
	if (count.most < cycles)
		count.most = (u32)cycles;
	v->unknown = result.unknown;
	v->known = v->perhaps = false;
	v->used = 0;
	for (u32 i = 0; i < v->findings; i++) {
		if (v->finding[i].rule->number == forgotten)
			continue;
		v->finding[kept++] = v->finding[i];
		if (!is_known(&s, &v->finding[i], &v->used))
			v->known = true;
	}
	v->findings = kept;
	v->rules = kept != 0;
	for (u32 i = 0; i < svm_knowns; i++)
		if (svm_known[i].where & emulator && !svm_known[i].rule && svm_known[i].when(&s)) {
			v->used |= 1u << i;
			if (svm_known[i].perhaps)
				v->perhaps = true;
			else
				v->known = true;
		}
}

static void ask(struct verdict *v, const struct state *s, u32 which)
{
	build_state(&vmcb, s, which);
	ask_rules(v);
	v->actual = execute() == CODE_INVALID;
}

/* ---- what comes out ----------------------------------------------------------------------------------- */

static bool disagree(const struct verdict *v)
{
	return v->unknown ||
	       (v->rules != v->actual && v->known != v->actual && !(v->perhaps && v->actual));
}

/* The fewest changes that still disagree: none of them can be left out alone. */
static u32 reduce(struct verdict *v, const struct state *s)
{
	u32 which = (1u << s->changes) - 1;

	for (u32 again = 1; again;) {
		again = 0;
		for (u32 i = 0; i < s->changes; i++) {
			if (!(which >> i & 1))
				continue;
			ask(v, s, which & ~(1u << i));
			if (disagree(v)) {
				which &= ~(1u << i);
				again = 1;
			}
		}
	}
	ask(v, s, which);
	return which;
}

static void tell_state(const struct state *s, u32 which, u64 seed, u64 n)
{
	print("# seed %u state %u, from \"%s\"\n", (u32)seed, (u32)n, base_names[s->base]);
	for (u32 i = 0; i < s->changes; i++) {
		int field = rules_svm_field(s->change[i].offset);

		if (which >> i & 1)
			print("#   %llx %s = %llx\n", (u64)s->change[i].offset,
			      field < 0 ? "(no field)" : rules_svm_name((u32)field),
			      s->change[i].value);
	}
}

static void tell(const struct verdict *v, const struct state *s, u32 which, u64 seed, u64 n)
{
	tell_state(s, which, seed, n);
	print("#   rules say %s, processor says %s\n",
	      v->unknown ? "nothing"
	      : v->rules ? "invalid"
			 : "valid",
	      v->actual ? "invalid" : "valid");
	for (u32 i = 0; i < v->findings; i++)
		print("#   %s %u %s, section %s\n",
		      v->finding[i].verdict == RULES_BROKEN ? "breaks" : "cannot judge",
		      (u32)v->finding[i].rule->number, v->finding[i].rule->id,
		      v->finding[i].rule->section);
}

static u32 index_of(const struct rules_rule *rule)
{
	u32 n = 0;

	while (rules_svm_rule(n) != rule)
		n++;
	return n;
}

static void note(const struct verdict *v)
{
	count.states++;
	count.enters += !v->actual;
	count.invalid += v->actual;
	for (u32 i = 0; i < v->findings; i++) {
		u32 n = index_of(v->finding[i].rule);

		count.broken[n]++;
		count.alone[n] += v->findings == 1;
		count.seen[n] += v->findings == 1 && v->actual && !v->used;
	}
	if (v->rules == v->actual)
		return;
	count.explained++;
	for (u32 i = 0; i < svm_knowns; i++)
		count.known[i] += v->used >> i & 1;
}

static void report(void)
{
	const struct rules_rule *rule;

	for (u32 n = 0; (rule = rules_svm_rule(n)); n++)
		print("# rule %u %s: broken by %u states, alone by %u, of which refused %u\n",
		      (u32)rule->number, rule->id, count.broken[n], count.alone[n], count.seen[n]);
	for (u32 i = 0; i < svm_knowns; i++)
		if (svm_known[i].where & emulator)
			print("# known %s, section %s: %u states\n", svm_known[i].why,
			      svm_known[i].section, count.known[i]);
	print("# ended otherwise than by the NMI: %u\n", count.other_exits);
	print("# the rules took at most %u cycles for one state\n", count.most);
	print("judged %u states: %u entered, %u refused, %u explained, %u unexplained\n",
	      count.states, count.enters, count.invalid, count.explained, count.unexplained);
}

int main(const char *cmdline)
{
	u64 seed = option(cmdline, "seed", 1), from = option(cmdline, "from", 0);
	u64 states = option(cmdline, "states", 20000);
	bool verbose = has_word(cmdline, "verbose");
	static struct verdict v;
	u32 bits;

	if (has_word(cmdline, "bochs"))
		emulator = IN_BOCHS;
	forgotten = option(cmdline, "forget", 0);
	if (!start()) {
		print("no SVM\n");
		end();
	}
	bits = x86_cpuid(0x80000008, 0).eax & 0xff;
	for (u64 n = from; n < from + states; n++) {
		struct state s;
		u32 which;

		choose_state(&s, seed, n, bits);
		which = (1u << s.changes) - 1;
		if (verbose)
			tell_state(&s, which, seed, n);
		ask(&v, &s, which);
		if (!disagree(&v)) {
			note(&v);
			continue;
		}
		count.states++;
		if (count.unexplained++ >= MAX_TOLD)
			continue;
		which = reduce(&v, &s);
		tell(&v, &s, which, seed, n);
	}
	report();
	end();
}
