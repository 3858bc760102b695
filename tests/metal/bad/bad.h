/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef TESTS_METAL_BAD_BAD_H
#define TESTS_METAL_BAD_BAD_H

#include "tests/metal/bad/layout.h"
#include "tests/metal/bare.h"

struct regs {
	u64 rax, rbx, rcx, rdx, rsi, rdi;
};

struct fault {
	u64 vector, error, rip, cr2, dr6, count, cs, rflags;
};

extern volatile struct fault fault;
extern volatile u64 recover, nmis, interrupts, apic_eoi, steps_left;
extern u32 probes, seed, rounds, lenient, cpus;
extern u64 gdt[], idt[];
extern bool beneath; /* swivl is there */

#define NONE 0xff /* no exception */

/* Runs what ends with RET, with these registers: the exception's vector, or NONE. */
u64 try_regs(struct regs *r, const void *code);
/* At CPL 3, and what ends with INT 80h: the vector, which is 80h for none. */
u64 try_user(struct regs *r, const void *code);
u64 enter_user(struct regs *r, u64 rip, u64 rsp, u64 rflags);
void prot_call(u32 entry);
void real_call(u32 entry);
void finish_now(void) __attribute__((noreturn));

#define SNIPPET(name, text)                                                            \
	asm(".pushsection .text\n" #name ":\n" text "\nret\n.popsection");             \
	extern const char name[]

/* console.c: every line that begins with "P " has to be the same, bare and beneath. */
void put(const char *s);
void put_hex(u64 value);
void put_hex2(u8 value);
/* "P", a name and values. */
void begin(const char *name);
void value(u64 v);
void end(void);
void line(const char *name, u64 v);
void line2(const char *name, u64 a, u64 b);
void line3(const char *name, u64 a, u64 b, u64 c);
bool same(const char *a, const char *b);

/* Numbers of chance, the same for the same seed. */
u64 chance(void);
/* Ours again, after what had another. */
void load_tss(void);
/* A stack of their own, wherever the stack pointer is. */
void exceptions_have_stack(bool own);

/* What the probes are made of, by bit of the word in the image. */
#define RESETS (1u << 18)
void probe_handover(void);
void probe_cpuid(void);
void probe_msrs(void);
void probe_msr_writes(void);
void probe_control(void);
void probe_segments(void);
void probe_instructions(void);
void probe_protected(void);
void probe_real(void);
void probe_modes(void);
void probe_debug(void);
void probe_hidden(void);
void probe_apic(void);
void probe_cpus(void);
void probe_x2apic(void);
void probe_ports(void);
void probe_init(void);
void probe_resets(void);
void probe_chance(void);
/* The machine has begun again in the midst of that. */
bool resets_underway(void);
void still_there(void);
/* Where E820 shows that swivl is, or 0. */
u64 find_hidden(u64 *size);

void *memset(void *dst, int c, size_t n);
void *memcpy(void *dst, const void *src, size_t n);

static inline void cpuid(u32 leaf, u32 sub, u32 *r)
{
	asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}

static inline u32 cpuid_reg(u32 leaf, u32 n)
{
	u32 r[4];

	cpuid(leaf, 0, r);
	return r[n];
}

extern const char snippet_rdmsr[], snippet_wrmsr[];

static inline u64 try_rdmsr(u32 msr, u64 *v)
{
	struct regs r = { .rcx = msr };
	u64 vector = try_regs(&r, snippet_rdmsr);

	*v = (u32)r.rax | r.rdx << 32;
	return vector;
}

static inline u64 try_wrmsr(u32 msr, u64 v)
{
	struct regs r = { .rcx = msr, .rax = (u32)v, .rdx = v >> 32 };

	return try_regs(&r, snippet_wrmsr);
}

static inline bool is_amd(void)
{
	return cpuid_reg(0, 1) == 0x68747541;
}

#endif
