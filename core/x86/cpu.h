/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The processor's instructions as functions, one each, no policy. VMX has its own in
 * core/vmx/insn.h. With SWIVL_MODEL they are functions of the modelled processor instead.
 *
 * None of these catches a fault: read CPUID before touching an MSR that may not be there.
 */
#ifndef SWIVL_CORE_X86_CPU_H
#define SWIVL_CORE_X86_CPU_H

#include "core/types.h"

struct x86_cpuid {
	u32 eax, ebx, ecx, edx;
};

/* The operand of LGDT and LIDT in 64-bit mode. */
struct x86_table {
	u16 limit;
	u64 base;
} __attribute__((packed));

#ifdef SWIVL_MODEL

struct x86_cpuid x86_cpuid(u32 leaf, u32 subleaf);
u64 x86_rdmsr(u32 msr);
void x86_wrmsr(u32 msr, u64 value);
u64 x86_rdtsc(void);
u64 x86_read_cr0(void);
u64 x86_read_cr2(void);
u64 x86_read_cr3(void);
u64 x86_read_cr4(void);
void x86_write_cr2(u64 value);
u64 x86_read_dr(unsigned int n); /* 0..3, 6, 7 */
void x86_write_dr(unsigned int n, u64 value);
u64 x86_xgetbv(void);
void x86_xsetbv(u64 value);
void x86_xsave(void *area, u64 mask);
void x86_xrstor(const void *area, u64 mask);
void x86_fxsave(void *area);
void x86_fxrstor(const void *area);
struct x86_table x86_sgdt(void);
struct x86_table x86_sidt(void);
void x86_lgdt(const struct x86_table *table);
void x86_lidt(const struct x86_table *table);
u16 x86_sldt(void);
void x86_lldt(u16 selector);
u16 x86_str(void);
void x86_ltr(u16 selector);
u16 x86_read_cs(void);
u16 x86_read_ss(void);
u16 x86_read_ds(void);
u16 x86_read_es(void);
u16 x86_read_fs(void);
u16 x86_read_gs(void);
void x86_load_ds(u16 selector);
void x86_load_es(u16 selector);
void x86_load_fs(u16 selector);
void x86_load_gs_swapped(u16 selector);
u32 x86_lar(u16 selector);
u32 x86_lsl(u16 selector);
void x86_int2(void);
void x86_int18(void);
void x86_verw(void);
void x86_wbinvd(void);
void x86_irq_off(void);
void x86_irq_on(void);

#else

static inline struct x86_cpuid x86_cpuid(u32 leaf, u32 subleaf)
{
	struct x86_cpuid r;

	asm volatile("cpuid"
		     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
		     : "a"(leaf), "c"(subleaf));
	return r;
}

static inline u64 x86_rdmsr(u32 msr)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (u64)high << 32 | low;
}

static inline void x86_wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 x86_rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

#define X86_READ_REG(name, reg, type) \
	static inline type name(void) \
	{ \
		type value; \
		asm volatile("mov %%" #reg ", %0" : "=r"(value) : : "memory"); \
		return value; \
	}
X86_READ_REG(x86_read_cr0, cr0, u64)
X86_READ_REG(x86_read_cr2, cr2, u64)
X86_READ_REG(x86_read_cr3, cr3, u64)
X86_READ_REG(x86_read_cr4, cr4, u64)
X86_READ_REG(x86_read_cs, cs, u16)
X86_READ_REG(x86_read_ss, ss, u16)
X86_READ_REG(x86_read_ds, ds, u16)
X86_READ_REG(x86_read_es, es, u16)
X86_READ_REG(x86_read_fs, fs, u16)
X86_READ_REG(x86_read_gs, gs, u16)
#undef X86_READ_REG

static inline void x86_write_cr2(u64 value)
{
	asm volatile("mov %0, %%cr2" : : "r"(value) : "memory");
}

#define X86_DR_CASES(CASE) CASE(0) CASE(1) CASE(2) CASE(3) CASE(6) CASE(7)
#define X86_READ_DR(n) \
	case n: \
		asm volatile("mov %%dr" #n ", %0" : "=r"(value)); \
		break;
#define X86_WRITE_DR(n) \
	case n: \
		asm volatile("mov %0, %%dr" #n : : "r"(value)); \
		break;

static inline u64 x86_read_dr(unsigned int n)
{
	u64 value = 0;

	switch (n) {
		X86_DR_CASES(X86_READ_DR)
	}
	return value;
}

static inline void x86_write_dr(unsigned int n, u64 value)
{
	switch (n) {
		X86_DR_CASES(X86_WRITE_DR)
	}
}
#undef X86_DR_CASES
#undef X86_READ_DR
#undef X86_WRITE_DR

/* XCR0; CR4.OSXSAVE must be set. */
static inline u64 x86_xgetbv(void)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (u64)high << 32 | low;
}

static inline void x86_xsetbv(u64 value)
{
	asm volatile("xsetbv" : : "c"(0), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

/* Standard format, 64-bit form; @area is 64-byte aligned. */
static inline void x86_xsave(void *area, u64 mask)
{
	asm volatile("xsave64 (%0)"
		     :
		     : "r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
		     : "memory");
}

static inline void x86_xrstor(const void *area, u64 mask)
{
	asm volatile("xrstor64 (%0)"
		     :
		     : "r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
		     : "memory");
}

static inline void x86_fxsave(void *area)
{
	asm volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static inline void x86_fxrstor(const void *area)
{
	asm volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

#define X86_STORE(insn, type, constraint) \
	static inline type x86_##insn(void) \
	{ \
		type value; \
		asm volatile(#insn " %0" : constraint(value)); \
		return value; \
	}
X86_STORE(sgdt, struct x86_table, "=m")
X86_STORE(sidt, struct x86_table, "=m")
X86_STORE(sldt, u16, "=r")
X86_STORE(str, u16, "=r")
#undef X86_STORE

static inline void x86_lgdt(const struct x86_table *table)
{
	asm volatile("lgdt %0" : : "m"(*table) : "memory");
}

static inline void x86_lidt(const struct x86_table *table)
{
	asm volatile("lidt %0" : : "m"(*table) : "memory");
}

#define X86_LOAD(name, insn) \
	static inline void name(u16 selector) \
	{ \
		asm volatile(insn : : "r"(selector) : "memory"); \
	}
X86_LOAD(x86_lldt, "lldt %0")
/* The descriptor must be of an available TSS: LTR marks it busy. */
X86_LOAD(x86_ltr, "ltr %0")
/* These fault where the descriptor does not allow them: ask x86_lar(). */
X86_LOAD(x86_load_ds, "mov %0, %%ds")
X86_LOAD(x86_load_es, "mov %0, %%es")
X86_LOAD(x86_load_fs, "mov %0, %%fs")
/* The base in force stays and the one behind SWAPGS changes. Interrupts off. */
X86_LOAD(x86_load_gs_swapped, "swapgs\n\tmov %0, %%gs\n\tswapgs")
#undef X86_LOAD

/* Access rights of the descriptor, bits 23:8 as in its second word; 0: not visible. */
static inline u32 x86_lar(u16 selector)
{
	u32 rights;
	bool visible;

	asm volatile("lar %2, %0" : "=r"(rights), "=@ccz"(visible) : "r"((u32)selector));
	return visible ? rights : 0;
}

/* Limit of the segment in bytes; 0: not visible. */
static inline u32 x86_lsl(u16 selector)
{
	u32 limit;
	bool visible;

	asm volatile("lsl %2, %0" : "=r"(limit), "=@ccz"(visible) : "r"((u32)selector));
	return visible ? limit : 0;
}

/* Hand an NMI or a machine check that arrived in the guest to the system's own handler. */
static inline void x86_int2(void)
{
	asm volatile("int $2" : : : "memory");
}

static inline void x86_int18(void)
{
	asm volatile("int $18" : : : "memory");
}

/* Interrupts of this CPU. By the instruction: on the way into a guest a call is too much. */
static inline void x86_irq_off(void)
{
	asm volatile("cli" : : : "memory");
}

static inline void x86_irq_on(void)
{
#ifndef SWIVL_INTERRUPTS_OFF /* a home that takes none: they wait until the guest runs */
	asm volatile("sti" : : : "memory");
#endif
}

static inline void x86_wbinvd(void)
{
	asm volatile("wbinvd" : : : "memory");
}

/* Where CPUID announces MD_CLEAR: empties the buffers through which data leaks (MDS). */
static inline void x86_verw(void)
{
	u16 selector = x86_read_ss();

	asm volatile("verw %0" : : "m"(selector) : "cc", "memory");
}

#endif
#endif
