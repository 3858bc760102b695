/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The small frame under the guest tests: a VM with memory, processors in any mode, and guest code
 * written as assembly in the test itself. Everything goes through the raw requests, so the same
 * program holds swivl and KVM to one behaviour.
 *
 * Each test runs in a process of its own, with a time limit, so one that dies costs only itself.
 */
#ifndef TESTS_MACHINE_GUEST_H
#define TESTS_MACHINE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#define SWIVL_HAVE_TYPES
#include "core/types.h"
#include "core/x86/regs.h"
#include "swivl/abi.h"

/* ---- Tests ---- */

struct guest_test {
	const char *name;
	void (*run)(void);
	unsigned int seconds; /* time limit of real time, 0: GUEST_SECONDS */
};

#define GUEST_SECONDS 10

#define TEST(test) TEST_LIMIT(test, 0)
#define TEST_LIMIT(test, limit)                                                                    \
	static void test(void);                                                                    \
	static const struct guest_test guest_test_##test = { #test, test, limit };                 \
	static const struct guest_test *const guest_entry_##test                                   \
		__attribute__((section("guest_tests"), used)) = &guest_test_##test;                \
	static void test(void)

/* End the test. The first prints where; both take printf's format. */
#define FAIL(...) guest_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(...) guest_skip(__VA_ARGS__)
_Noreturn void guest_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void guest_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			FAIL("%s", #condition);                                                    \
	} while (0)
#define EQUAL(got, want)                                                                           \
	do {                                                                                       \
		u64 got_ = (u64)(got), want_ = (u64)(want);                                        \
		if (got_ != want_)                                                                 \
			FAIL("%s is %#llx, not %#llx", #got, got_, want_);                         \
	} while (0)

/* The device under test: the program's first argument, /dev/swivl without one. */
extern const char *guest_device;
extern bool guest_intel; /* the processor's vendor */
extern bool guest_bochs_amd; /* what is wrong in that: lab/README.md */

/* ---- Guest code ---- */

/*
 * Code named NAME for a processor in 16-, 32- or 64-bit mode. It is copied to GUEST_CODE, so
 * jumps are relative; AT(label) is where a label of the code NAME will be.
 */
#define GUEST_CODE_BITS(bits, name, ...)                                                           \
	asm(".pushsection .rodata\n.code" #bits "\n.global " #name ", " #name "_end\n" #name       \
	    ":\n" __VA_ARGS__ "\n" #name "_end:\n.code64\n.popsection\n");                         \
	extern const u8 name[], name##_end[]
#define CODE16(name, ...) GUEST_CODE_BITS(16, name, __VA_ARGS__)
#define CODE32(name, ...) GUEST_CODE_BITS(32, name, __VA_ARGS__)
#define CODE64(name, ...) GUEST_CODE_BITS(64, name, __VA_ARGS__)
#define AT(name, label) "(" #label " - " #name " + 0x8000)"
#define LOAD(g, name) guest_load(g, GUEST_CODE, name, name##_end)

/* Tells the test a number: EAX, by a port that nobody serves. REPORT clobbers DX. */
#define GUEST_PORT 0xe0
#define REPORT "mov $0xe0, %dx\n out %eax, %dx\n"
/* An exception with nothing arranged for it leaves by this port; AL is the vector. */
#define GUEST_PORT_FAULT 0xe4

/* ---- The guest's memory ---- */

#define GUEST_GDT 0x0800
#define GUEST_TSS 0x1000
#define GUEST_IDT 0x2000 /* of long mode, 256 gates */
#define GUEST_STUBS 0x4000 /* what the gates point to */
#define GUEST_EVENTS 0x6000 /* struct guest_events */
#define GUEST_STACK 0x7ff0
#define GUEST_CODE 0x8000
#define GUEST_DATA 0x10000 /* free, to 0xfffff */
#define GUEST_TABLES 0x100000 /* page tables, each mapping 4 GiB one to one: */
#define GUEST_PML4 (GUEST_TABLES + 0x0000)
#define GUEST_PDPT (GUEST_TABLES + 0x1000)
#define GUEST_PD (GUEST_TABLES + 0x2000) /* four; 2 MiB pages */
#define GUEST_PD32 (GUEST_TABLES + 0x6000) /* 4 MiB pages */
#define GUEST_PDPT_PAE (GUEST_TABLES + 0x7000)
#define GUEST_PT (GUEST_TABLES + 0x8000) /* guest_small_pages(): the first 2 MiB in 4 KiB */
#define GUEST_FREE 0x200000 /* free, to the end */
#define GUEST_SIZE 0x400000
#define GUEST_MMIO 0xd0000000ull /* nothing is there */

/* Selectors. */
#define SEL_CODE64 0x08
#define SEL_DATA 0x10
#define SEL_CODE32 0x18
#define SEL_CODE16 0x20
#define SEL_DATA16 0x28
#define SEL_TSS 0x30 /* 16 bytes */
#define SEL_USER64 0x43
#define SEL_USER_DATA 0x4b

/* What the long-mode exception stubs note. */
struct guest_event {
	u64 vector, error, rip, cs, rflags, cr2, rsp, rax;
};
#define GUEST_EVENTS_MAX 32
struct guest_events {
	u64 count;
	/*
	 * After an exception: 0 leave by GUEST_PORT_FAULT, 1 return to where it happened, else go
	 * on there. Vectors from 32 on always return.
	 */
	u64 resume;
	u64 pad[6];
	struct guest_event event[GUEST_EVENTS_MAX];
};

/* ---- VMs ---- */

enum guest_mode { MODE_REAL, MODE_PROTECTED, MODE_PAGED32, MODE_PAE, MODE_LONG };

#define GUEST_CPUS 4

struct guest_cpu {
	int fd;
	unsigned int nr;
	struct kvm_run *run;
	struct guest *guest;
};

struct guest {
	int dev, vm;
	u8 *mem; /* the guest's memory from address 0 */
	size_t size; /* in bytes */
	size_t run_size;
	struct guest_cpu cpu[GUEST_CPUS];
	unsigned int cpus;
};

#define GUEST_IRQCHIP 1 /* interrupt chips in the kernel */
#define GUEST_PIT 2

/* Requests that must work (-1 with errno otherwise), and ones that may fail. */
#define request(fd, nr, arg) guest_request(fd, nr, (u64)(arg), #nr, __FILE__, __LINE__)
int guest_request(int fd, unsigned int nr, u64 arg, const char *name, const char *file, int line);
int try_request(int fd, unsigned int nr, u64 arg);
bool guest_is_kvm(struct guest *g); /* the device is KVM's */
int guest_extension(struct guest *g, unsigned int capability); /* 0: not there */

/* A VM with size bytes of memory in slot 0, flags, and one processor with all supported CPUID. */
void guest_new(struct guest *g, size_t size, unsigned int flags);
struct guest_cpu *guest_cpu_new(struct guest *g);
/* What the device supports, without VMX and SVM, which KVM would offer. Static memory. */
struct kvm_cpuid2 *guest_supported_cpuid(struct guest *g);
struct kvm_cpuid_entry2 *guest_cpuid_entry(struct kvm_cpuid2 *list, u32 leaf); /* or NULL */
void guest_end(struct guest *g);
int guest_slot(struct guest *g, u32 slot, u32 flags, u64 gpa, u64 size, void *memory);
void *guest_memory(size_t size); /* zeroed pages of the test's own, never huge */

void guest_load(struct guest *g, u64 gpa, const u8 *code, const u8 *end);
/* Registers and tables for MODE, RIP at GUEST_CODE, interrupts off. */
void guest_mode(struct guest_cpu *c, enum guest_mode mode);
void guest_small_pages(struct guest *g);
u64 *guest_pte(struct guest *g, u64 address); /* below 2 MiB, after guest_small_pages() */
void guest_gate(struct guest *g, u8 vector, u64 rip, u8 ist); /* long mode */
struct guest_events *guest_events(struct guest *g);

void guest_regs(struct guest_cpu *c, struct kvm_regs *regs);
void guest_set_regs(struct guest_cpu *c, const struct kvm_regs *regs);
void guest_sregs(struct guest_cpu *c, struct kvm_sregs *sregs);
void guest_set_sregs(struct guest_cpu *c, const struct kvm_sregs *sregs);
u64 guest_msr(struct guest_cpu *c, u32 index);
bool guest_set_msr(struct guest_cpu *c, u32 index, u64 value); /* false: refused */
bool guest_has_cpuid(u32 leaf, u32 subleaf, char reg, unsigned int bit); /* the host's; reg 'c' */

/* Runs until the guest leaves; the exit reason. KVM_RUN itself must work. */
u32 guest_run(struct guest_cpu *c);
/* Runs until an exit of this reason, else fails with what it was. */
void guest_run_to(struct guest_cpu *c, u32 reason);
/* Runs to the next REPORT and returns its number. */
u32 guest_report(struct guest_cpu *c);
/*
 * Runs a piece of code of the mode the processor is in, from GUEST_CODE on with these registers,
 * to the HLT that the frame puts behind it. Returns the vector of the exception that ended it, or
 * NO_EXCEPTION; REGS is what it left. Without interrupt chips; exceptions need long mode.
 */
#define NO_EXCEPTION (-1)
#define TRY(c, code, regs) guest_try(c, code, code##_end, regs)
int guest_try(struct guest_cpu *c, const u8 *code, const u8 *end, struct kvm_regs *regs);
/* This signal ends KVM_RUN with EINTR and does nothing else. */
void guest_interrupted_by(int signal);
void *guest_io_data(struct guest_cpu *c);
const char *guest_exit_text(struct guest_cpu *c); /* the last exit, in words */

#endif
