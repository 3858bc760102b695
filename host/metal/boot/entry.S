/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The loader's ways between real mode, protected mode and long mode. The C part runs in protected
 * mode with flat segments; the BIOS is called through here.
 */
#include "layout.h"

#define CR0_PE 0x1
#define CR0_CD_NW 0x60000000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

	.section .entry, "awx"
	.globl loader_start
loader_start:
	.ascii	"swloader"

	/* LOADER_ENTRY16: from the boot record, with what the BIOS handed over on the stack. */
	.code16
	.org LOADER_ENTRY16
	jmp	entry16

	/* LOADER_ENTRY32: from the multiboot stub, ESI: its struct loader_from_multiboot. */
	.code32
	.org LOADER_ENTRY32
	jmp	entry32

	.code16
entry16:
	cli
	mov	$LOADER_AT >> 4, %ax
	mov	%ax, %ds
	mov	%esp, handed_esp - loader_start
	mov	%ss, handed_ss - loader_start
	sgdtl	handed_gdt - loader_start
	sidtl	handed_idt - loader_start
	mov	%cr0, %eax
	mov	%eax, handed_cr0 - loader_start
	movl	$loader_main, go32 - loader_start
	mov	%ds, %ax
	mov	%ax, %ss
	mov	$LOADER_END - LOADER_AT - 16, %esp
	jmp	to_protected

/* To go32 in protected mode, with the stack as it is. */
to_protected:
	lgdtl	gdt_register - loader_start
	mov	%cr0, %eax
	or	$CR0_PE, %al
	mov	%eax, %cr0
	ljmpl	$SEL_CODE32, $1f
	.code32
1:	mov	$SEL_DATA32, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	add	$LOADER_AT, %esp
	cld
	jmp	*go32

/* To go16 in real mode, DS and SS the loader's, with the stack as it is. Does not return. */
to_real:
	lidt	real_idt
	sub	$LOADER_AT, %esp
	ljmp	$SEL_CODE16, $1f - loader_start
	.code16
1:	mov	$SEL_DATA16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~CR0_PE, %al
	mov	%eax, %cr0
	ljmp	$LOADER_AT >> 4, $1f - loader_start
1:	mov	$LOADER_AT >> 4, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	jmp	*go16 - loader_start

/* void bios_call(unsigned int vector, struct bios_registers *r); */
	.code32
	.globl bios_call
bios_call:
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	mov	20(%esp), %eax
	mov	%al, interrupt + 1
	mov	24(%esp), %esi
	mov	$registers, %edi
	mov	$9, %ecx
	cld
	rep movsl
	movw	$call16 - loader_start, go16
	jmp	to_real
	.code16
call16:
	push	%ds
	/* On registers as on a stack: DS and ES last, in one. */
	mov	registers - loader_start + 0, %eax
	mov	registers - loader_start + 4, %ebx
	mov	registers - loader_start + 8, %ecx
	mov	registers - loader_start + 12, %edx
	mov	registers - loader_start + 16, %esi
	mov	registers - loader_start + 20, %edi
	mov	registers - loader_start + 24, %ebp
	mov	registers - loader_start + 28, %es
	mov	registers - loader_start + 30, %ds
	sti
interrupt:
	int	$0
	cli
	pushfl
	push	%ds
	/* The loader's DS is above flags (4) and the BIOS' DS (2). */
	push	%bp
	mov	%sp, %bp
	mov	8(%bp), %ds
	pop	%bp
	mov	%eax, registers - loader_start + 0
	mov	%ebx, registers - loader_start + 4
	mov	%ecx, registers - loader_start + 8
	mov	%edx, registers - loader_start + 12
	mov	%esi, registers - loader_start + 16
	mov	%edi, registers - loader_start + 20
	mov	%ebp, registers - loader_start + 24
	mov	%es, registers - loader_start + 28
	popw	registers - loader_start + 30
	popl	registers - loader_start + 32
	pop	%ax
	movl	$back32, go32 - loader_start
	movzwl	%sp, %esp
	jmp	to_protected
	.code32
back32:
	mov	24(%esp), %edi
	mov	$registers, %esi
	mov	$9, %ecx
	rep movsl
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	ret

/*
 * void start_guest(const struct boot_start *s): real mode as the BIOS handed it over, at BOOT_AT.
 * The stack of the BIOS has room for what is taken from it here: it had, when it was put there.
 */
	.globl start_guest
start_guest:
	mov	4(%esp), %esi
	mov	$start, %edi
	mov	$20, %ecx
	rep movsl
	movw	$start16 - loader_start, go16
	jmp	to_real
	.code16
#define START(offset) (start - loader_start + (offset))
start16:
	lgdtl	handed_gdt - loader_start
	lidtl	handed_idt - loader_start
	mov	START(64), %eax
	mov	%eax, %cr0
	jmp	1f
1:	mov	START(28), %esp
	mov	START(48), %ss		/* no interrupt between: they are off */
	pushl	START(32)		/* EFLAGS, CS, IP: for IRETD, which takes 32 bits each */
	pushw	$0
	pushw	START(36)
	pushw	$0
	pushw	START(38)
	mov	START(0), %eax
	mov	START(4), %ebx
	mov	START(8), %ecx
	mov	START(12), %edx
	mov	START(16), %esi
	mov	START(20), %edi
	mov	START(24), %ebp
	mov	START(42), %es
	mov	START(44), %fs
	mov	START(46), %gs
	mov	START(40), %ds
	iretl

/* bool cpu_has_cpuid(void): the processor lets bit 21 of EFLAGS be changed. */
	.code32
	.text
	.globl cpu_has_cpuid
cpu_has_cpuid:
	pushfl
	pushfl
	xorl	$0x200000, (%esp)
	popfl
	pushfl
	pop	%eax
	xor	(%esp), %eax
	popfl
	shr	$21, %eax
	and	$1, %eax
	ret

/*
 * void call_long(const struct long_call *c): into long mode, copy the image, zero what is behind
 * it, call its entry, come back.
 */
	.globl call_long
call_long:
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	mov	20(%esp), %ebp
	mov	%esp, long_esp
	mov	%cr3, %eax
	push	%eax
	mov	%cr4, %eax
	push	%eax
	mov	$MSR_EFER, %ecx
	rdmsr
	push	%eax
	push	%edx
	mov	%cr0, %eax
	push	%eax
	mov	%esp, long_esp

	mov	%cr4, %eax
	or	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$TABLES_AT, %eax
	mov	%eax, %cr3
	rdmsr
	or	$EFER_LME, %eax
	wrmsr
	mov	%cr0, %eax
	/* Caches on: one that the BIOS left off would slow the hypervisor beyond measure. */
	and	$~CR0_CD_NW, %eax
	or	$CR0_PG, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE64, $1f
	.code64
1:	mov	%ebp, %ebp
	mov	$LONG_STACK_END, %esp
	mov	0(%rbp), %rdi		/* where the image goes */
	mov	8(%rbp), %rsi		/* where it is */
	mov	16(%rbp), %rcx
	cmpl	$0, 40(%rbp)		/* it is there already */
	jne	2f
	cld
	rep movsb
	jmp	3f
2:	add	%rcx, %rdi
3:	mov	24(%rbp), %rcx
	xor	%eax, %eax
	rep stosb
	mov	48(%rbp), %rdi
	call	*32(%rbp)
	cli
	mov	$gdt_register, %eax
	lgdt	(%rax)
	mov	$SEL_DATA32, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	$LONG_STACK_END - 16, %esp
	movl	$4f, (%rsp)
	movl	$SEL_CODE32, 4(%rsp)
	lretl
	.code32
4:	mov	%cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	mov	long_esp, %esp
	pop	%ebx			/* CR0 */
	pop	%edx
	pop	%eax
	mov	$MSR_EFER, %ecx
	wrmsr
	pop	%eax
	mov	%eax, %cr4
	pop	%eax
	mov	%eax, %cr3
	mov	%ebx, %cr0
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	ret

/* From GRUB or another: protected mode, paging off. No BIOS state but the vectors. */
entry32:
	cli
	mov	$LOADER_END - 16, %esp
	push	%esi
	lgdt	gdt_register
	ljmp	$SEL_CODE32, $1f
1:	mov	$SEL_DATA32, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~(CR0_PG | CR0_PE), %eax
	mov	%eax, handed_cr0
	cld
	call	loader_main_multiboot
1:	hlt
	jmp	1b

	/* In one section with the 16-bit code, which so has their offsets in the segment. */
	.section .entry
	.balign 8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
	.quad	0x00009b010000ffff	/* base LOADER_AT */
	.quad	0x000093010000ffff
	.quad	0x00af9b000000ffff
	.word	0
gdt_register:
	.word	gdt_register - 2 - gdt - 1
	.long	gdt
	.long	0			/* in long mode the base has 64 bits */
	.word	0
real_idt:
	.word	0x3ff
	.long	0
	.globl handed_gdt, handed_idt, handed_cr0, handed_esp, handed_ss
handed_gdt:
	.word	0
	.long	0
	.word	0
handed_idt:
	.word	0x3ff
	.long	0
	.word	0
handed_cr0:
	.long	0
handed_esp:
	.long	0
handed_ss:
	.long	0
go32:
	.long	0
go16:
	.word	0
	.balign 4
long_esp:
	.long	0
registers:
	.fill	9, 4, 0
start:
	.fill	20, 4, 0

	.section .note.GNU-stack, "", @progbits
