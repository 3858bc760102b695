/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The stub's header, and its way to the guest: back to real mode in a copy at 0x2000. */
	.section .header, "a"
	.ascii	"swvimage"
	.long	1, 48
	.quad	image, stub_main
	.long	image_file_size, image_memory_size, 0x400000, 0x1000

#define AT 0x2000
#define OFF(x) (AT + x - low)
#define START 0x2800			/* a copy of struct boot_start */

	.text
	.globl stub_pass
stub_pass:
	lea	624 - 384 - 80(%rdi), %rsi
	mov	$START, %edi
	mov	$80, %ecx
	cld
	rep movsb
	lea	low(%rip), %rsi
	mov	$AT, %edi
	mov	$low_end - low, %ecx
	rep movsb
	mov	$OFF(gdt_register), %eax
	lgdt	(%rax)
	mov	$OFF(idt_register), %eax
	lidt	(%rax)
	mov	$AT + 0xff0, %esp
	movl	$AT, (%rsp)
	movl	$8, 4(%rsp)
	lretl

low:
	.code32
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	and	$~0x100, %eax
	wrmsr
	xor	%eax, %eax
	mov	%eax, %cr3
	mov	%eax, %cr4
	ljmp	$0x18, $OFF(1f)
	.code16
1:	mov	$0x20, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	START + 64, %eax
	mov	%eax, %cr0
	ljmp	$0, $OFF(1f)
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	START + 50, %ax
	mov	%ax, START + 80
	mov	START + 56, %eax
	mov	%eax, START + 82
	mov	START + 28, %esp
	mov	START + 48, %ss
	lgdtl	START + 80
	pushl	START + 32
	pushl	$0
	pushl	$0x7c00
	mov	START + 0, %eax
	mov	START + 4, %ebx
	mov	START + 8, %ecx
	mov	START + 12, %edx
	mov	START + 16, %esi
	mov	START + 20, %edi
	mov	START + 24, %ebp
	mov	START + 42, %es
	mov	START + 44, %fs
	mov	START + 46, %gs
	mov	START + 40, %ds
	iretl
	.balign 8
gdt:
	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00009b000000ffff, 0x000093000000ffff
gdt_register:
	.word	gdt_register - gdt - 1
	.quad	OFF(gdt)
idt_register:
	.word	0x3ff
	.quad	0
low_end:
	.section .note.GNU-stack, "", @progbits
