// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(FUZZ_MODEL)
/*
 * Task switches among descriptors, TSSs and page tables that hold anything, one after the other.
 * Whatever they hold, the processor would enter the guest again.
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
#include "tests/unit/task_test.h"

#define SIZE (2u << 20)

static u8 *memory;
static const u8 *data;
static size_t left;
static int vcpu_handle;

static void take(void *p, size_t n)
{
	size_t have = n < left ? n : left;

	memset(p, 0, n);
	memcpy(p, data, have);
	data += have;
	left -= have;
}

static void check(const struct vcpu_state *s)
{
	const char *why = refused(s);

	if (why) {
		fprintf(stderr, "the entry would be refused: %s\n", why);
		abort();
	}
}

/* A few bytes of what the switches look at. */
static void scribble(void)
{
	static const u16 places[] = { GDT + NEW, GDT + OWN, GDT + CODE0, GDT + DATA0, GDT + LDT,
				      LDT_AT,    NEW_TSS,   OLD_TSS,     DIRECTORY,   PAGE_TABLE };
	u8 b[3];

	take(b, sizeof(b));
	take(memory + places[b[0] % ARRAY_SIZE(places)] + (b[1] & 127), b[2] & 15);
}

static void guest(struct vcpu *vcpu, struct model_hw *hw)
{
	static const u16 selectors[] = { NEW, OLD, OWN, OWN | 4 };
	u8 b[6];

	check(&hw->state);
	if (!left) {
		model_signal = true;
		return;
	}
	take(b, sizeof(b));
	for (unsigned int i = 0; i < (b[0] & 3); i++)
		scribble();
	vcpu->exit = (struct exit){ .kind = EXIT_TASK_SWITCH, .length = b[1] & 7 };
	vcpu->exit.task.selector = b[2] & 0x80 ? b[2] << 3 | (b[3] & 7) : selectors[b[2] & 3];
	vcpu->exit.task.source = b[4] & 3;
	if (vcpu->exit.task.source != GATE)
		return;
	vcpu->event = (struct event){ .type = (b[4] >> 2) % 7, .vector = b[5] & 31, .length = 2 };
	if (vcpu->event.type == EVENT_EXCEPTION && VECTORS_WITH_ERROR >> vcpu->event.vector & 1) {
		vcpu->event.has_error = vcpu->exit.task.has_error = true;
		vcpu->event.error = vcpu->exit.task.error = b[3];
	}
}

static struct kvm_segment flat(u16 selector, u8 type)
{
	return (struct kvm_segment){ .limit = ~0u,
				     .selector = selector,
				     .type = type,
				     .present = 1,
				     .db = 1,
				     .s = 1,
				     .g = 1 };
}

static void fresh(u8 how)
{
	struct kvm_regs r = { .rip = CODE, .rflags = RFLAGS_ONE, .rsp = OLD_STACK };
	struct tss *tss = (struct tss *)(memory + NEW_TSS);
	u64 *gdt = (u64 *)(memory + GDT);
	struct kvm_sregs s;

	memset(memory, 0, 0x10000);
	gdt[CODE0 / 8] = descriptor(0, 0xfffff, FLAT_CODE);
	gdt[DATA0 / 8] = descriptor(0, 0xfffff, FLAT_DATA);
	gdt[CODE3 / 8] = descriptor(0, 0xfffff, FLAT_CODE | DPL3);
	gdt[DATA3 / 8] = descriptor(0, 0xfffff, FLAT_DATA | DPL3);
	gdt[OLD / 8] = descriptor(OLD_TSS, 103, TSS_BUSY);
	gdt[NEW / 8] = descriptor(NEW_TSS, 103, how & 2 ? 0x81 : TSS_FREE);
	gdt[LDT / 8] = descriptor(LDT_AT, 63, 0x82);
	gdt[OWN / 8] = gdt[NEW / 8];
	*tss = (struct tss){ .cr3 = DIRECTORY,
			     .eip = CODE,
			     .esp = NEW_STACK,
			     .es = DATA0,
			     .cs = CODE0,
			     .ss = DATA0,
			     .ds = DATA0,
			     .ldt = LDT };
	if (how & 4)
		for (u32 i = 0; i < 512; i++)
			((u64 *)(memory + PAGE_TABLE))[i] = (u64)i << 21 | 0x83;
	else
		for (u32 i = 0; i < 512; i++)
			((u32 *)(memory + PAGE_TABLE))[i] = i << 12 | 7;
	*(u64 *)(memory + DIRECTORY) = PAGE_TABLE | (how & 4 ? 1 : 7);
	model_call(vcpu_handle, KVM_GET_SREGS, &s);
	s.cr0 = CR0_PE | CR0_ET | (how & 1 ? CR0_PG | CR0_WP : 0);
	s.cr3 = DIRECTORY;
	s.cr4 = how & 4 ? CR4_PAE : 0;
	s.cs = flat(CODE0, 11);
	s.ss = s.ds = s.es = s.fs = s.gs = flat(DATA0, 3);
	s.gdt = (struct kvm_dtable){ .base = GDT, .limit = GDT_ENTRIES * 8 - 1 };
	s.tr = (struct kvm_segment){
		.base = OLD_TSS, .limit = 103, .selector = OLD, .type = 11, .present = 1
	};
	s.ldt = (struct kvm_segment){ .unusable = 1 };
	if (model_call(vcpu_handle, KVM_SET_SREGS, &s) || model_call(vcpu_handle, KVM_SET_REGS, &r))
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *input, size_t size);

int LLVMFuzzerTestOneInput(const u8 *input, size_t size)
{
	struct kvm_userspace_memory_region r = { .memory_size = SIZE };
	int vm;
	u8 how;

	if (!memory)
		memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);
	data = input;
	left = size;
	model_reset();
	vm = model_ioctl(MODEL_SYSTEM, KVM_CREATE_VM, 0);
	r.userspace_addr = (u64)memory;
	model_call(vm, KVM_SET_USER_MEMORY_REGION, &r);
	vcpu_handle = model_ioctl(vm, KVM_CREATE_VCPU, 0);
	take(&how, 1);
	fresh(how);
	model_guest = guest;
	while (left)
		model_ioctl(vcpu_handle, KVM_RUN, 0);
	model_finish();
	if (model_allocations || model_pins)
		abort();
	return 0;
}
