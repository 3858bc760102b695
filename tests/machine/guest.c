// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The frame under the guest tests: VMs, processors, memory. guest_main.c runs the tests. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "guest.h"

/* swivl/abi.h stands in for <linux/kvm.h>, and its numbers are unsigned. */
int try_request(int fd, unsigned int nr, u64 arg)
{
	return ioctl(fd, (unsigned long)nr, arg);
}

int guest_request(int fd, unsigned int nr, u64 arg, const char *name, const char *file, int line)
{
	int r = try_request(fd, nr, arg);

	if (r < 0)
		guest_fail(file, line, "%s: %s", name, strerror(errno));
	return r;
}

int guest_extension(struct guest *g, unsigned int capability)
{
	return request(g->dev, KVM_CHECK_EXTENSION, capability);
}

bool guest_is_kvm(struct guest *g)
{
	struct swivl_version version;

	return try_request(g->dev, SWIVL_GET_VERSION, (u64)&version) < 0;
}

/* ---- VMs ---- */

void *guest_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		FAIL("%zu bytes of memory: %s", size, strerror(errno));
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

int guest_slot(struct guest *g, u32 slot, u32 flags, u64 gpa, u64 size, void *memory)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (u64)memory,
	};

	return try_request(g->vm, KVM_SET_USER_MEMORY_REGION, (u64)&r);
}

struct kvm_cpuid_entry2 *guest_cpuid_entry(struct kvm_cpuid2 *list, u32 leaf)
{
	for (u32 i = 0; i < list->nent; i++)
		if (list->entries[i].function == leaf)
			return &list->entries[i];
	return NULL;
}

struct kvm_cpuid2 *guest_supported_cpuid(struct guest *g)
{
	static union {
		struct kvm_cpuid2 list;
		u8 room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
	} cpuid;
	struct kvm_cpuid_entry2 *e;

	memset(&cpuid, 0, sizeof(cpuid));
	cpuid.list.nent = 256;
	request(g->dev, KVM_GET_SUPPORTED_CPUID, &cpuid.list);
	e = guest_cpuid_entry(&cpuid.list, 1);
	if (e)
		e->ecx &= ~(1u << 5);
	e = guest_cpuid_entry(&cpuid.list, 0x80000001);
	if (e)
		e->ecx &= ~(1u << 2);
	return &cpuid.list;
}

struct guest_cpu *guest_cpu_new(struct guest *g)
{
	struct guest_cpu *c = &g->cpu[g->cpus];

	if (g->cpus == GUEST_CPUS)
		FAIL("too many processors");
	c->guest = g;
	c->nr = g->cpus++;
	c->fd = request(g->vm, KVM_CREATE_VCPU, c->nr);
	c->run = mmap(NULL, g->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (c->run == MAP_FAILED)
		FAIL("mapping a vCPU: %s", strerror(errno));
	request(c->fd, KVM_SET_CPUID2, guest_supported_cpuid(g));
	return c;
}

void guest_new(struct guest *g, size_t size, unsigned int flags)
{
	*g = (struct guest){ .size = size };
	g->dev = open(guest_device, O_RDWR | O_CLOEXEC);
	if (g->dev < 0)
		FAIL("%s: %s", guest_device, strerror(errno));
	EQUAL(request(g->dev, KVM_GET_API_VERSION, 0), KVM_API_VERSION);
	g->run_size = request(g->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	g->vm = request(g->dev, KVM_CREATE_VM, 0);
	/* Three pages and one that no slot covers: needed by KVM where real mode is played. */
	request(g->vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	if (flags & GUEST_IRQCHIP)
		request(g->vm, KVM_CREATE_IRQCHIP, 0);
	if (flags & GUEST_PIT) {
		struct kvm_pit_config config = { 0 };

		request(g->vm, KVM_CREATE_PIT2, &config);
	}
	g->mem = guest_memory(size);
	if (guest_slot(g, 0, 0, 0, size, g->mem) < 0)
		FAIL("memory slot 0: %s", strerror(errno));
	guest_cpu_new(g);
}

void guest_end(struct guest *g)
{
	for (unsigned int i = 0; i < g->cpus; i++) {
		munmap(g->cpu[i].run, g->run_size);
		close(g->cpu[i].fd);
	}
	close(g->vm);
	close(g->dev);
	munmap(g->mem, g->size);
}

void guest_load(struct guest *g, u64 gpa, const u8 *code, const u8 *end)
{
	if (gpa + (end - code) > g->size)
		FAIL("code of %zd bytes does not fit at %#llx", end - code, gpa);
	memcpy(g->mem + gpa, code, end - code);
}

/* ---- Tables ---- */

struct guest_events *guest_events(struct guest *g)
{
	return (struct guest_events *)(g->mem + GUEST_EVENTS);
}

/* A gate for long mode (SDM vol. 3, 6.14.1). */
void guest_gate(struct guest *g, u8 vector, u64 rip, u8 ist)
{
	u64 *gate = (u64 *)(g->mem + GUEST_IDT) + 2 * vector;

	gate[0] = (rip & 0xffff) | SEL_CODE64 << 16 | (u64)ist << 32 | 0x8eull << 40 |
		  (rip >> 16 & 0xffff) << 48;
	gate[1] = rip >> 32;
	if (vector == VECTOR_BP || vector == VECTOR_OF)
		gate[0] |= 3ull << 45;
}

/*
 * 256 stubs of 16 bytes that push a zero where the processor pushed no error code, then the
 * vector; behind them what they share: note the event in struct guest_events, then go by its
 * "resume".
 */
#define STUB_SIZE 16
CODE64(guest_stubs,
	".set vector, 0\n"
	".rept 256\n"
	".balign 16\n"
	".if !(vector < 32 && (0x227d00 >> (vector & 31) & 1))\n"
	"	push $0\n"
	".endif\n"
	"	push $vector\n"
	"	jmp 1f\n"
	".set vector, vector + 1\n"
	".endr\n"
	".balign 16\n"
	"1:	push %rax\n"
	"	push %rbx\n"
	"	push %rcx\n" /* rcx, rbx, rax, vector, error, rip, cs, rflags, rsp */
	"	mov $0x6000, %ebx\n"
	"	mov (%rbx), %rax\n"
	"	incq (%rbx)\n"
	"	and $31, %eax\n"
	"	shl $6, %eax\n"
	"	lea 64(%rbx, %rax), %rcx\n"
	"	mov 24(%rsp), %rax\n mov %rax, (%rcx)\n"
	"	mov 32(%rsp), %rax\n mov %rax, 8(%rcx)\n"
	"	mov 40(%rsp), %rax\n mov %rax, 16(%rcx)\n"
	"	mov 48(%rsp), %rax\n mov %rax, 24(%rcx)\n"
	"	mov 56(%rsp), %rax\n mov %rax, 32(%rcx)\n"
	"	mov %cr2, %rax\n mov %rax, 40(%rcx)\n"
	"	mov 64(%rsp), %rax\n mov %rax, 48(%rcx)\n"
	"	mov 16(%rsp), %rax\n mov %rax, 56(%rcx)\n"
	"	cmpq $32, 24(%rsp)\n"
	"	jae 3f\n"
	"	cmpq $2, 24(%rsp)\n"
	"	je 3f\n"
	"	mov 8(%rbx), %rax\n"
	"	cmp $1, %rax\n"
	"	je 3f\n"
	"	ja 2f\n"
	"	mov 24(%rsp), %rax\n"
	"	out %al, $0xe4\n"
	"	hlt\n"
	"2:	mov %rax, 40(%rsp)\n"
	"3:	pop %rcx\n"
	"	pop %rbx\n"
	"	pop %rax\n"
	"	add $16, %rsp\n"
	"	iretq\n");

static u64 descriptor(u32 base, u32 limit, u32 access, u32 flags)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
	       (u64)(limit >> 16 & 0xf) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

/* Descriptor tables (SDM vol. 3, 3.4.5) and page tables (4.3 to 4.5). */
static void build_tables(struct guest *g)
{
	u64 *gdt = (u64 *)(g->mem + GUEST_GDT);
	u64 *pml4 = (u64 *)(g->mem + GUEST_PML4), *pdpt = (u64 *)(g->mem + GUEST_PDPT);
	u64 *pdpt_pae = (u64 *)(g->mem + GUEST_PDPT_PAE), *pd = (u64 *)(g->mem + GUEST_PD);
	u32 *pd32 = (u32 *)(g->mem + GUEST_PD32);

	gdt[SEL_CODE64 / 8] = descriptor(0, 0xfffff, 0x9b, 0xa);
	gdt[SEL_DATA / 8] = descriptor(0, 0xfffff, 0x93, 0xc);
	gdt[SEL_CODE32 / 8] = descriptor(0, 0xfffff, 0x9b, 0xc);
	gdt[SEL_CODE16 / 8] = descriptor(0, 0xffff, 0x9b, 0);
	gdt[SEL_DATA16 / 8] = descriptor(0, 0xffff, 0x93, 0);
	gdt[SEL_TSS / 8] = descriptor(GUEST_TSS, 0x67, 0x8b, 0);
	gdt[SEL_USER64 / 8] = descriptor(0, 0xfffff, 0xfb, 0xa);
	gdt[SEL_USER_DATA / 8] = descriptor(0, 0xfffff, 0xf3, 0xc);
	*(u64 *)(g->mem + GUEST_TSS + 4) = GUEST_STACK; /* RSP0 */
	*(u64 *)(g->mem + GUEST_TSS + 36) = GUEST_STACK - 0x800; /* IST1 */
	for (int i = 0; i < 256; i++)
		guest_gate(g, i, GUEST_STUBS + i * STUB_SIZE, 0);
	guest_load(g, GUEST_STUBS, guest_stubs, guest_stubs_end);

	pml4[0] = GUEST_PDPT | 7;
	for (u64 i = 0; i < 4; i++) {
		pdpt[i] = (GUEST_PD + i * 4096) | 7;
		pdpt_pae[i] = (GUEST_PD + i * 4096) | 1;
	}
	for (u64 i = 0; i < 2048; i++)
		pd[i] = i << 21 | 0x87;
	for (u32 i = 0; i < 1024; i++)
		pd32[i] = i << 22 | 0x87;
}

void guest_small_pages(struct guest *g)
{
	u64 *pd = (u64 *)(g->mem + GUEST_PD), *pt = (u64 *)(g->mem + GUEST_PT);

	for (u64 i = 0; i < 512; i++)
		pt[i] = i << 12 | 7;
	pd[0] = GUEST_PT | 7;
}

u64 *guest_pte(struct guest *g, u64 address)
{
	if (address >= GUEST_FREE)
		FAIL("no small page at %#llx", address);
	return (u64 *)(g->mem + GUEST_PT) + (address >> 12);
}

/* ---- Registers ---- */

void guest_regs(struct guest_cpu *c, struct kvm_regs *regs)
{
	request(c->fd, KVM_GET_REGS, regs);
}

void guest_set_regs(struct guest_cpu *c, const struct kvm_regs *regs)
{
	request(c->fd, KVM_SET_REGS, regs);
}

void guest_sregs(struct guest_cpu *c, struct kvm_sregs *sregs)
{
	request(c->fd, KVM_GET_SREGS, sregs);
}

void guest_set_sregs(struct guest_cpu *c, const struct kvm_sregs *sregs)
{
	request(c->fd, KVM_SET_SREGS, sregs);
}

/* One MSR through KVM_GET_MSRS or KVM_SET_MSRS. */
static bool one_msr(struct guest_cpu *c, unsigned int nr, u32 index, u64 *value)
{
	union {
		struct kvm_msrs list;
		u8 room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} m;
	struct kvm_msr_entry *entry = m.list.entries;
	int done;

	memset(&m, 0, sizeof(m));
	m.list.nmsrs = 1;
	entry->index = index;
	entry->data = *value;
	done = request(c->fd, nr, &m.list);
	*value = entry->data;
	return done == 1;
}

u64 guest_msr(struct guest_cpu *c, u32 index)
{
	u64 value = 0;

	if (!one_msr(c, KVM_GET_MSRS, index, &value))
		FAIL("MSR %#x cannot be read", index);
	return value;
}

bool guest_set_msr(struct guest_cpu *c, u32 index, u64 value)
{
	return one_msr(c, KVM_SET_MSRS, index, &value);
}

static struct kvm_segment segment(u16 selector, u64 base, u32 limit, u8 type, bool s, u8 dbl)
{
	return (struct kvm_segment){
		.base = base,
		.limit = limit,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = s,
		.db = dbl >> 1 & 1,
		.l = dbl & 1,
		.g = limit > 0xfffff,
	};
}

static void real_segments(struct kvm_sregs *s)
{
	struct kvm_segment data = segment(0, 0, 0xffff, 3, 1, 0);

	s->cs = segment(0, 0, 0xffff, 11, 1, 0);
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->cr0 = CR0_ET;
	s->idt.base = 0;
	s->idt.limit = 0x3ff;
}

static void flat_segments(struct kvm_sregs *s, bool wide)
{
	struct kvm_segment data = segment(SEL_DATA, 0, 0xffffffff, 3, 1, 2);

	s->cs = segment(wide ? SEL_CODE64 : SEL_CODE32, 0, 0xffffffff, 11, 1, wide ? 1 : 2);
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = segment(SEL_TSS, GUEST_TSS, 0x67, 11, 0, 0);
	s->ldt = (struct kvm_segment){ .unusable = 1 };
	s->gdt.base = GUEST_GDT;
	s->gdt.limit = 0x4f;
	s->idt.base = GUEST_IDT;
	s->idt.limit = 0xfff;
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE;
}

void guest_mode(struct guest_cpu *c, enum guest_mode mode)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = RFLAGS_ONE };
	struct kvm_sregs s;

	build_tables(c->guest);
	guest_sregs(c, &s);
	s.cr4 = s.cr3 = s.efer = 0;
	if (mode == MODE_REAL)
		real_segments(&s);
	else
		flat_segments(&s, mode == MODE_LONG);
	switch (mode) {
	case MODE_PAGED32:
		s.cr0 |= CR0_PG | CR0_WP;
		s.cr3 = GUEST_PD32;
		s.cr4 = CR4_PSE;
		break;
	case MODE_PAE:
		s.cr0 |= CR0_PG | CR0_WP;
		s.cr3 = GUEST_PDPT_PAE;
		s.cr4 = CR4_PAE;
		break;
	case MODE_LONG:
		s.cr0 |= CR0_PG | CR0_WP;
		s.cr3 = GUEST_PML4;
		s.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
		s.efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
		break;
	default:
		break;
	}
	guest_set_sregs(c, &s);
	guest_set_regs(c, &regs);
}

bool guest_has_cpuid(u32 leaf, u32 subleaf, char reg, unsigned int bit)
{
	u32 a, b, c, d;

	asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(leaf & 0x80000000), "c"(0));
	if (a < leaf)
		return false;
	asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(leaf), "c"(subleaf));
	return (reg == 'a' ? a : reg == 'b' ? b : reg == 'c' ? c : d) >> bit & 1;
}

/* ---- Running ---- */

u32 guest_run(struct guest_cpu *c)
{
	request(c->fd, KVM_RUN, 0);
	return c->run->exit_reason;
}

void *guest_io_data(struct guest_cpu *c)
{
	return (u8 *)c->run + c->run->io.data_offset;
}

const char *guest_exit_text(struct guest_cpu *c)
{
	static char text[160];
	struct kvm_run *r = c->run;
	struct kvm_regs regs = { 0 };
	int n;

	try_request(c->fd, KVM_GET_REGS, (u64)&regs);
	n = snprintf(text, sizeof(text), "exit %u at %#llx", r->exit_reason, regs.rip);
	switch (r->exit_reason) {
	case KVM_EXIT_IO:
		snprintf(text + n, sizeof(text) - n, ": port %#x %s %u x %u, %#x", r->io.port,
			 r->io.direction == KVM_EXIT_IO_OUT ? "out" : "in", r->io.count, r->io.size,
			 *(u8 *)guest_io_data(c));
		break;
	case KVM_EXIT_MMIO:
		snprintf(text + n, sizeof(text) - n, ": MMIO %s %#llx, %u bytes",
			 r->mmio.is_write ? "write" : "read", r->mmio.phys_addr, r->mmio.len);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(text + n, sizeof(text) - n, ": entry failed, %#llx",
			 r->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		snprintf(text + n, sizeof(text) - n, ": internal error %u, %u: %#llx %#llx %#llx",
			 r->internal.suberror, r->internal.ndata, r->internal.data[0],
			 r->internal.data[1], r->internal.data[2]);
		break;
	}
	return text;
}

void guest_run_to(struct guest_cpu *c, u32 reason)
{
	if (guest_run(c) != reason)
		FAIL("wanted exit %u, got %s", reason, guest_exit_text(c));
}

int guest_try(struct guest_cpu *c, const u8 *code, const u8 *end, struct kvm_regs *regs)
{
	struct guest *g = c->guest;

	guest_load(g, GUEST_CODE, code, end);
	g->mem[GUEST_CODE + (end - code)] = 0xf4; /* HLT */
	memset(guest_events(g), 0, sizeof(struct guest_events));
	regs->rip = GUEST_CODE;
	regs->rsp = GUEST_STACK;
	regs->rflags |= RFLAGS_ONE;
	guest_set_regs(c, regs);
	guest_run(c);
	guest_regs(c, regs);
	if (c->run->exit_reason == KVM_EXIT_HLT)
		return NO_EXCEPTION;
	if (c->run->exit_reason == KVM_EXIT_IO && c->run->io.port == GUEST_PORT_FAULT)
		return guest_events(g)->event[0].vector;
	FAIL("%s", guest_exit_text(c));
}

static void nothing(int signal)
{
}

void guest_interrupted_by(int signal)
{
	struct sigaction action = { .sa_handler = nothing };

	sigaction(signal, &action, NULL);
}

u32 guest_report(struct guest_cpu *c)
{
	guest_run_to(c, KVM_EXIT_IO);
	if (c->run->io.port != GUEST_PORT || c->run->io.direction != KVM_EXIT_IO_OUT)
		FAIL("wanted a report, got %s", guest_exit_text(c));
	return *(u32 *)guest_io_data(c);
}
