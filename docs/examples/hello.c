/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The smallest use of libswivl: a guest in real mode that adds two numbers and prints the result.
 *
 *   cc hello.c $(pkg-config --cflags --libs swivl) && ./a.out
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swivl/swivl.h>

#define SIZE 0x1000 /* bytes of guest memory */
#define LOAD 0x100 /* where in it the code lies */

static const unsigned char code[] = {
	0xba, 0xf8, 0x03, /* mov dx, 0x3f8 */
	0x00, 0xd8, /* add al, bl */
	0x04, '0', /* add al, '0' */
	0xee, /* out dx, al */
	0xb0, '\n', /* mov al, '\n' */
	0xee, /* out dx, al */
	0xf4, /* hlt */
};

static void check(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-result));
		exit(1);
	}
}

static void start_at(struct swivl_vcpu *cpu)
{
	struct kvm_regs regs = { .rip = LOAD, .rax = 2, .rbx = 3, .rflags = 2 };
	struct kvm_sregs sregs;

	check(swivl_vcpu_get_sregs(cpu, &sregs), "reading segments");
	sregs.cs.base = sregs.cs.selector = 0; /* after reset it is at the top of memory */
	check(swivl_vcpu_set_sregs(cpu, &sregs), "setting segments");
	check(swivl_vcpu_set_regs(cpu, &regs), "setting registers");
}

int main(void)
{
	struct swivl_vcpu *cpu;
	struct swivl_vm *vm;
	struct swivl_host *host;
	void *memory;
	int err = swivl_open(NULL, &host);

	check(err, swivl_open_failed());
	memory = aligned_alloc(4096, SIZE);
	if (!memory)
		check(-1, "memory");
	memset(memory, 0, SIZE);
	memcpy((char *)memory + LOAD, code, sizeof(code));

	check(swivl_vm_create(host, &vm), "creating a VM");
	check(swivl_vm_map(vm, 0, 0, memory, SIZE, 0), "giving it memory");
	check(swivl_vcpu_create(vm, 0, &cpu), "creating a vCPU");
	start_at(cpu);
	do {
		struct kvm_run *run = swivl_vcpu_state(cpu);

		check(swivl_vcpu_run(cpu), "running");
		if (run->exit_reason == KVM_EXIT_IO)
			putchar(*(char *)swivl_vcpu_io_data(cpu));
		else if (run->exit_reason != KVM_EXIT_HLT)
			check(-1, swivl_exit_name(run->exit_reason));
	} while (swivl_vcpu_state(cpu)->exit_reason != KVM_EXIT_HLT);

	swivl_vcpu_destroy(cpu);
	swivl_vm_destroy(vm);
	swivl_close(host);
	free(memory);
	return 0;
}
