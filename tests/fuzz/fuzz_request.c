// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(FUZZ_MODEL)
/*
 * A caller and a guest that do anything: random requests with random arguments, and a guest that
 * leaves for random reasons with random state. Whatever happens, the host stays up, and at the
 * end nothing is left behind.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SWIVL_HAVE_TYPES
#include "host/model/model.h"

/* The caller's memory: the front is for arguments, the rest for the guest. */
#define ARENA_SIZE (4u << 20)
#define ARGUMENTS (64u << 10)
static u8 *arena;

static const u8 *data;
static size_t left;

static void take(void *p, size_t n)
{
	size_t have = n < left ? n : left;

	memset(p, 0, n);
	memcpy(p, data, have);
	data += have;
	left -= have;
}

static u8 take_u8(void)
{
	u8 v;

	take(&v, 1);
	return v;
}

static u64 take_u64(void)
{
	u64 v;

	take(&v, 8);
	return v;
}

/* An address of interest more often than any. */
static u64 take_address(void)
{
	switch (take_u8() % 8) {
	case 0:
		return take_u64();
	case 1:
		return (u64)arena + ARENA_SIZE - take_u8();
	case 2:
		return 0xfee00000 + (take_u8() << 4);
	case 3:
		return 0xfec00000 + take_u8();
	default:
		return take_u8() * 0x800ull;
	}
}

static const u32 requests[] = {
	KVM_RUN, KVM_RUN, KVM_RUN, KVM_RUN, KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS,
	KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS, KVM_SIGNAL_MSI, KVM_INTERRUPT, KVM_GET_MSRS, KVM_SET_MSRS,
	KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG, KVM_CHECK_EXTENSION, KVM_GET_SUPPORTED_CPUID,
	KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST, SWIVL_GET_VERSION, KVM_CREATE_VCPU,
	KVM_SET_USER_MEMORY_REGION, KVM_SET_USER_MEMORY_REGION, KVM_SET_TSS_ADDR,
	KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_BOOT_CPU_ID, KVM_GET_CLOCK, KVM_SET_CLOCK, KVM_ENABLE_CAP,
	SWIVL_GET_STATS, KVM_CREATE_IRQCHIP, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, KVM_CREATE_PIT,
	KVM_CREATE_PIT2, KVM_GET_PIT2, KVM_SET_PIT2, KVM_REINJECT_CONTROL, KVM_SET_GSI_ROUTING,
	KVM_GET_LAPIC, KVM_SET_LAPIC, KVM_GET_SREGS2, KVM_SET_SREGS2, KVM_GET_FPU, KVM_SET_FPU,
	KVM_GET_XSAVE, KVM_GET_XSAVE2, KVM_SET_XSAVE, KVM_GET_XCRS, KVM_SET_XCRS, KVM_SET_CPUID,
	KVM_SET_CPUID2, KVM_GET_CPUID2, KVM_GET_MP_STATE, KVM_SET_MP_STATE, KVM_GET_VCPU_EVENTS,
	KVM_SET_VCPU_EVENTS, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, KVM_SET_GUEST_DEBUG, KVM_NMI,
	KVM_SET_SIGNAL_MASK, KVM_GET_TSC_KHZ, KVM_SET_TSC_KHZ, KVM_TRANSLATE, KVM_HAS_DEVICE_ATTR,
	KVM_GET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR, KVM_SET_NR_MMU_PAGES, SWIVL_SET_TRACE,
	SWIVL_GET_TRACE, KVM_X86_SET_MSR_FILTER,
};

/* ---- the guest -------------------------------------------------------------------------------- */

static void random_state(struct model_hw *hw)
{
	struct vcpu_state *s = &hw->state;

	switch (take_u8() % 8) {
	case 0:
		s->rip = take_address();
		break;
	case 1:
		s->rflags = take_u64() | 2;
		break;
	case 2:
		s->cr3 = take_address();
		break;
	case 3:
		take(&s->seg[take_u8() % SEGS], sizeof(s->seg[0]));
		break;
	case 4:
		s->shadow = take_u8() & 0xf;
		break;
	case 5:
		hw->rsp = take_u64();
		break;
	}
}

static void random_exit(struct vcpu *vcpu, struct model_hw *hw)
{
	struct exit *e = &vcpu->exit;
	u8 fill[24];

	random_state(hw);
	memset(e, 0, sizeof(*e));
	e->kind = take_u8() % EXIT_KINDS;
	e->length = take_u8() & 15;
	take(fill, sizeof(fill));
	vcpu->gpr[take_u8() & 15] = take_address();
	switch (e->kind) {
	case EXIT_IO:
		e->io.port = fill[0] | fill[1] << 8;
		e->io.size = 1 << fill[2] % 3;
		e->io.in = fill[3] & 1;
		e->io.string = fill[4] & 1;
		e->io.rep = fill[5] & 1;
		break;
	case EXIT_NESTED_FAULT:
		e->fault.gpa = take_address() & ((1ull << 40) - 1);
		e->fault.gva = e->fault.gpa;
		e->fault.gva_valid = fill[0] & 1;
		e->fault.access = fill[1] & 15;
		break;
	case EXIT_EXCEPTION:
		e->exception.vector = fill[0] & 31;
		e->exception.has_error = fill[1] & 1;
		e->exception.error = fill[2];
		memcpy(&e->exception.info, fill + 8, 8);
		break;
	case EXIT_CR:
		e->cr.cr = (u8[]){ 0, 3, 4, 8 }[fill[0] & 3];
		e->cr.op = fill[1] & 3;
		e->cr.gpr = fill[2] & 15;
		e->cr.msw = fill[3];
		break;
	case EXIT_DR:
		e->dr.dr = fill[0] & 7;
		e->dr.gpr = fill[1] & 15;
		e->dr.read = fill[2] & 1;
		break;
	case EXIT_TASK_SWITCH:
		e->task.selector = fill[0] | fill[1] << 8;
		e->task.source = fill[2] & 3;
		break;
	case EXIT_MSR_READ:
	case EXIT_MSR_WRITE:
		if (fill[0] & 1)
			vcpu->gpr[RCX] = (u32[]){ 0, 0x200, 0x800, 0xc0000080 }[fill[1] & 3] +
					 (fill[2] & 63);
		break;
	}
	if (fill[6] % 16 == 0) /* the exit came in the middle of a delivery */
		vcpu->event = (struct event){ .type = fill[7] % 7, .vector = fill[8],
					      .has_error = fill[9] & 1, .length = fill[10] & 3 };
}

static void guest(struct vcpu *vcpu, struct model_hw *hw)
{
	if (left)
		random_exit(vcpu, hw);
	else
		model_signal = true;
}

/* ---- the caller --------------------------------------------------------------------------------- */

static int handles[8];
static unsigned int nhandles;

static u64 random_argument(u32 request)
{
	struct kvm_userspace_memory_region *r = (void *)arena;
	struct kvm_dirty_log *log = (void *)arena;
	struct swivl_trace *trace = (void *)arena;
	struct kvm_msr_filter *filter = (void *)arena;
	unsigned int n = take_u8() * 4;

	if (take_u8() % 16 == 0)
		return take_u64();
	if (request == SWIVL_SET_TRACE)
		return take_u8() % 4 != 0;
	if (!(request >> 30)) /* a number, or nothing */
		return take_u8() % 4 ? 0 : take_u8();
	take(arena, n);
	if (request == KVM_SET_USER_MEMORY_REGION && take_u8() % 8) {
		r->slot %= 8;
		r->flags &= 3;
		r->guest_phys_addr &= 0xfff000;
		r->memory_size &= 0x3ff000;
		r->userspace_addr = (u64)arena + (r->userspace_addr & 0x3ff000);
	} else if (request == KVM_SET_USER_MEMORY_REGION) {
		r->memory_size &= 0xffffffffffff; /* the log of more would be large */
		if (r->flags & KVM_MEM_LOG_DIRTY_PAGES)
			r->memory_size &= 0xffffffff;
	}
	if (request == KVM_GET_DIRTY_LOG) {
		log->slot %= 9;
		log->padding2 = (u64)arena + (log->padding2 & 0xffff);
	}
	if (request == SWIVL_GET_TRACE) {
		trace->records = (u64)arena + (trace->records & (ARENA_SIZE - 1));
		trace->reserved = 0;
	}
	if (request == KVM_X86_SET_MSR_FILTER && take_u8() % 8) {
		filter->flags &= 1;
		for (unsigned int i = 0; i < n / sizeof(filter->ranges[0]); i++) {
			filter->ranges[i].flags = 1 + filter->ranges[i].flags % 3;
			filter->ranges[i].nmsrs %= 0x4000;
			filter->ranges[i].bitmap = arena + (size_t)filter->ranges[i].bitmap % 0x4000;
		}
	}
	/* The end of the memory, too. */
	if (take_u8() % 16 == 0)
		return (u64)arena + ARENA_SIZE - n;
	return (u64)arena;
}

static void random_request(void)
{
	u32 request = requests[take_u8() % (sizeof(requests) / sizeof(requests[0]))];
	int handle = handles[take_u8() % nhandles];
	u64 arg;
	long ret;

	if (take_u8() % 32 == 0)
		request ^= 1u << (take_u8() & 31);
	if (request == KVM_RUN && nhandles > 2)
		handle = handles[2 + take_u8() % (nhandles - 2)];
	arg = random_argument(request);
	model_signal = false;
	ret = model_ioctl(handle, request, arg);
	if (request == SWIVL_GET_TRACE && ret > SWIVL_TRACE_ROOM)
		abort();
	if (request == KVM_CREATE_VCPU && ret >= 0 && nhandles < 8)
		handles[nhandles++] = ret;
}

static void setup(void)
{
	if (!arena) {
		arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		if (arena == MAP_FAILED)
			abort();
	}
	madvise(arena, ARENA_SIZE, MADV_DONTNEED); /* zeros again */
	model_reset();
	model_arena = (u64)arena;
	model_arena_size = ARENA_SIZE;
	model_guest = guest;
	handles[0] = MODEL_SYSTEM;
	handles[1] = model_ioctl(MODEL_SYSTEM, KVM_CREATE_VM, 0);
	if (take_u8() & 1)
		model_ioctl(handles[1], KVM_CREATE_IRQCHIP, 0);
	handles[2] = model_ioctl(handles[1], KVM_CREATE_VCPU, 0);
	nhandles = 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	data = bytes;
	left = size;
	setup();
	while (left) {
		u8 op = take_u8();

		if (op < 16)
			model_advance((u64)op << 16);
		else if (op < 20)
			model_fail_alloc = 1 + op % 4;
		else if (op < 22 && nhandles > 2)
			model_vcpu(handles[2])->run->immediate_exit = op & 1;
		else
			random_request();
	}
	model_fail_alloc = 0;
	model_finish();
	if (model_allocations || model_pins) {
		fprintf(stderr, "left behind: %ld allocations, %ld pins\n", model_allocations,
			model_pins);
		abort();
	}
	return 0;
}
