/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* From where the hypervisor starts its guest, or SIPI its other processors, to flat 32-bit mode. */
	.section .head, "ax"
	.code16
	.globl guest_resume
	cli
	ljmp $0, $guest_resume
guest_resume:
	xor %ax, %ax
	mov %ax, %ds
	mov $0x7000, %esp
	mov $guest_main, %ebx
enter:
	lgdtl gdt_register
	lidtl idt_register
	mov $0x11, %eax
	mov %eax, %cr0
	ljmp $8, $1f
	.code32
1:
	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	cld
	call *%ebx
1:
	cli
	hlt
	jmp 1b

	/* The code behind an instruction that was stepped over, and DR6. */
	.globl on_debug
on_debug:
	push %eax
	mov %dr6, %eax
	mov %eax, debug_status
	mov 4(%esp), %eax
	mov %eax, debug_at
	andl $~0x100, 12(%esp)
	pop %eax
	iret

	.globl on_nmi
on_nmi:
	lock incl nmis
	iret

	.balign 8
gdt:
	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_register:
	.word . - gdt - 1
	.long gdt
idt_register:
	.word 3 * 8 - 1
	.long idt

	/* SIPI with vector 9. */
	.section .second, "ax"
	.code16
	xor %ax, %ax
	mov %ax, %ds
	mov $1, %eax
	cpuid
	shr $24, %ebx
	shl $9, %ebx
	lea 0x10200(%ebx), %esp
	mov $second_main, %ebx
	ljmp $0, $enter
