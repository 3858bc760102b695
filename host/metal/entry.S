/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * How the home is entered and left: from the loader, as a function (boot_info.h), and by a
 * processor that was just started, in real mode (SDM vol. 3, 9.4.4 and 10.8.5).
 */
#include "host/metal/layout.h"

	.section .image, "a"
	/* struct metal_image */
	.quad 0x6567616d69767773
	.long 1, 48
	.quad metal_link, metal_main
	.long metal_file_size, metal_memory_size, 4 << 20, 8 << 10

	.set MSR_EFER, 0xc0000080

	.bss
	.balign 16
	.skip 16384
boot_stack:
/* The loader's, while we are not sure that we stay. */
loader_rsp:
	.skip 8
loader_cr0:
	.skip 8
loader_cr4:
	.skip 8
loader_efer:
	.skip 8
loader_gdt:
	.skip 16
loader_idt:
	.skip 16
loader_cs:
	.skip 8
loader_segments: /* DS ES FS GS SS */
	.skip 10

	.text
	.globl metal_main
	.type metal_main, @function
metal_main:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	pushf
	mov %rsp, loader_rsp
	mov %cr0, %rax
	mov %rax, loader_cr0
	mov %cr4, %rax
	mov %rax, loader_cr4
	mov $MSR_EFER, %ecx
	rdmsr
	mov %eax, loader_efer
	sgdt loader_gdt
	sidt loader_idt
	mov %cs, loader_cs
	mov %ds, loader_segments
	mov %es, loader_segments + 2
	mov %fs, loader_segments + 4
	mov %gs, loader_segments + 6
	mov %ss, loader_segments + 8
	mov $boot_stack, %rsp
	cld
	call metal_begin
	/* It refused. Tables and stack are the loader's and ours again; see metal_switch. */
	mov loader_rsp, %rsp
	mov loader_cr0, %rax
	mov %rax, %cr0
	mov loader_cr4, %rax
	mov %rax, %cr4
	mov loader_efer, %eax
	xor %edx, %edx
	mov $MSR_EFER, %ecx
	wrmsr
	lgdt loader_gdt
	lidt loader_idt
	mov loader_segments, %ds
	mov loader_segments + 2, %es
	mov loader_segments + 4, %fs
	mov loader_segments + 6, %gs
	mov loader_segments + 8, %ss
	mov loader_cs, %rax
	push %rax
	lea 1f(%rip), %rax
	push %rax
	lretq
1:
	popf
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size metal_main, . - metal_main

	.globl metal_switch
	.type metal_switch, @function
metal_switch:
	push %rbx
	push %rbp
	mov %rsp, %rbp
	mov %cr3, %rbx
	mov %rdi, %cr3
	mov %rsi, %rsp
	push %rbp
	push %rbx
	call *%rdx
	pop %rbx
	pop %rbp
	mov %rbp, %rsp
	mov %rbx, %cr3
	pop %rbp
	pop %rbx
	ret
	.size metal_switch, . - metal_switch

	.globl metal_rest, metal_rest_end
	.type metal_rest, @function
metal_rest:
	cmpl $0, (%rdi)
	jne metal_rest_end
	hlt
metal_rest_end:
	ret
	.size metal_rest, . - metal_rest

/*
 * This part is copied to a page of conventional memory, and the page behind it gets the top table:
 * CR3 has 32 bits here, and our own tables may be above 4 GiB. CS is the page, and so is every
 * address below: written as distances from the beginning. cpus.c fills in the words.
 */
	.section .rodata
	.globl trampoline, trampoline_end
	.set HERE, trampoline
	.code16
trampoline:
	jmp 1f
	.balign 8
	.quad 0 /* 8: our page tables */
	.quad 0 /* 16: stack */
	.quad 0 /* 24: the function to call */
	.quad 0 /* 32: bits of EFER */
	.long 0 /* 40: this page's address */
	.long 0
trampoline_gdt: /* 48 */
	.word trampoline_gdt_end - trampoline_gdt - 1
	.long 0 /* 50: its address */
	.word 0
	.quad 0x00af9b000000ffff /* METAL_CS */
	.quad 0x00cf93000000ffff /* METAL_DS */
trampoline_gdt_end:
trampoline_far: /* where 64-bit code begins */
	.long 0
	.word METAL_CS
1:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	mov 40 - 0, %ebx
	lea 4096(%ebx), %eax
	mov %eax, %cr3
	mov $0x20, %eax /* PAE */
	mov %eax, %cr4
	mov $MSR_EFER, %ecx
	mov 32, %eax
	xor %edx, %edx
	wrmsr
	lgdtl trampoline_gdt - HERE + 0
	mov $0x80000011, %eax /* PG ET PE */
	mov %eax, %cr0
	ljmpl *trampoline_far - HERE
	.code64
trampoline_64:
	mov $METAL_DS, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %eax, %es
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov %ebx, %ebx
	mov 8(%rbx), %rax
	mov 16(%rbx), %rsp
	mov 24(%rbx), %rdx
	/* This page is not in our own tables: the way goes by one that both have. */
	mov $trampoline_leave, %rcx
	jmp *%rcx
trampoline_end:

	.text
trampoline_leave:
	mov %rax, %cr3
	xor %ebp, %ebp
	call *%rdx
	ud2

	.globl trampoline_fixups
	.section .rodata
	.balign 4
/* For cpus.c: where the far pointer is, and where it leads. */
trampoline_fixups:
	.long trampoline_far - trampoline, trampoline_64 - trampoline

	.section .note.GNU-stack, "", @progbits
