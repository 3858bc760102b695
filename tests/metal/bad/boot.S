/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A boot record that loads the rest of itself, keeps what it found, goes to long mode and calls
 * main(). Also the ways between the modes, and the handlers of exceptions.
 */
#include "tests/metal/bad/layout.h"

#define COM1 0x3f8
#define SMAP 0x534d4150

	.section .boot, "ax"
	.code16
	.globl start
start:
	mov	%eax, %cs:handover
	mov	%ebx, %cs:handover + 4
	mov	%ecx, %cs:handover + 8
	mov	%edx, %cs:handover + 12
	mov	%esi, %cs:handover + 16
	mov	%edi, %cs:handover + 20
	mov	%ebp, %cs:handover + 24
	mov	%esp, %cs:handover + 28
	pushfl
	popl	%cs:handover + 32
	mov	%cr0, %eax
	mov	%eax, %cs:handover + 36
	mov	%cs, %cs:handover_seg
	mov	%ds, %cs:handover_seg + 2
	mov	%es, %cs:handover_seg + 4
	mov	%fs, %cs:handover_seg + 6
	mov	%gs, %cs:handover_seg + 8
	mov	%ss, %cs:handover_seg + 10
	sgdtl	%cs:handover_tables
	sidtl	%cs:handover_tables + 6
	cli
	cld
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$REAL_STACK, %sp
	mov	%dl, drive
	mov	$packet, %si
	mov	$0x42, %ah
	int	$0x13
	jc	stop
	jmp	real_main
stop:
	mov	$0xf4, %dx /* QEMU's way out, and Bochs' */
	xor	%al, %al
	out	%al, %dx
	mov	$0x8900, %dx
	mov	$shutdown, %si
1:	lodsb
	out	%al, %dx
	test	%al, %al
	jnz	1b
	cli
	hlt
shutdown:
	.asciz	"Shutdown"
packet:
	.byte	16, 0
	.word	rest_sectors, 0, REST_AT >> 4
	.quad	1
	.globl handover, handover_seg, handover_tables, drive
handover:
	.skip	40
handover_seg:
	.skip	12
handover_tables:
	.skip	12
drive:
	.byte	0
	.org	440
	.org	512

/* ---- what has to be in the first 64 KiB ------------------------------------------------------- */

	.section .low, "awx"
	.code16
	/* Words that the test's script may change: which probes. */
	.globl probes
	.ascii	"PROBES:"
	.byte	0
probes:
	.long	0xffffffff
seed:
	.globl seed, rounds
	.long	1
rounds:
	.long	0
	/* The processor takes what none takes: what would be its end is not asked. */
	.globl lenient
lenient:
	.long	0
cpus: /* that the machine has */
	.globl cpus
	.long	1

real_main:
	/* Memory as the BIOS tells it. */
	xor	%ebx, %ebx
	mov	$MAP_AT, %di
1:	mov	$0xe820, %eax
	mov	$SMAP, %edx
	mov	$24, %ecx
	int	$0x15
	jc	2f
	incl	map_count
	add	$24, %di
	test	%ebx, %ebx
	jnz	1b
2:	cli
	lgdtl	gdt_pointer
	call	page_tables
	mov	$STACK_END - 16, %eax
	mov	%eax, saved_rsp
	movl	$first_entry, back_to
	jmp	enter_long

/* 4 GiB to themselves in pages of 2 MiB; the first 2 MiB again for user programs. */
page_tables:
	mov	$TABLES_AT >> 4, %ax
	mov	%ax, %es
	xor	%di, %di
	xor	%eax, %eax
	mov	$12 * 1024, %cx
	rep stosl
	movl	$TABLES_AT + 0x1003, %es:0
	movl	$TABLES_AT + 0x6007, %es:8
	movl	$TABLES_AT + 0x2003, %es:0x1000
	movl	$TABLES_AT + 0x3003, %es:0x1008
	movl	$TABLES_AT + 0x4003, %es:0x1010
	movl	$TABLES_AT + 0x5003, %es:0x1018
	movl	$TABLES_AT + 0x7007, %es:0x6000
	movl	$0x87, %es:0x7000
	mov	$0x2000, %di
	mov	$0x83, %eax
	mov	$2048, %cx
1:	mov	%eax, %es:(%di)
	add	$0x200000, %eax
	add	$8, %di
	loop	1b
	xor	%ax, %ax
	mov	%ax, %es
	ret

/* From real mode or 32-bit protected mode to where back_to says. */
enter_long:
	lgdtl	gdt_pointer
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE32, $1f
	.code32
1:	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
enter_long_32:
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$TABLES_AT, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000001, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE64, $1f
	.code64
1:	mov	saved_rsp, %rsp
	lidt	idt_pointer
	mov	back_to, %eax
	jmp	*%rax

first_entry:
	call	fill_idt
	call	main
	jmp	finish_now

	/* Out of long mode; the caller's registers are on the stack. */
	.macro	leave_long to
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	pushfq
	cli
	mov	%edi, call_target
	mov	%rsp, saved_rsp
	movl	$from_call, back_to
	pushq	$SEL_CODE32
	pushq	$\to
	lretq
	.endm

/* void prot_call(u32 entry): in 32-bit protected mode without paging. */
	.globl prot_call
prot_call:
	leave_long 1f
	.code32
1:	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	and	$~0x100, %eax
	wrmsr
	mov	%cr4, %eax
	and	$~0x20, %eax
	mov	%eax, %cr4
	mov	$STACK_END - 0x8000, %esp
	mov	lenient, %edi
	and	$1, %edi
	call	*call_target
	lgdt	gdt_pointer
	ljmp	$SEL_CODE32, $2f
2:	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	jmp	enter_long_32

/* void real_call(u32 entry): in real mode. */
	.code64
	.globl real_call
real_call:
	leave_long 1f
	.code32
1:	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	and	$~0x100, %eax
	wrmsr
	mov	%cr4, %eax
	and	$~0x20, %eax
	mov	%eax, %cr4
	ljmp	$SEL_CODE16, $1f
	.code16
1:	mov	$SEL_DATA16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$0xfe, %al
	mov	%eax, %cr0
	ljmp	$0, $1f
	.globl real_return
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	$REAL_STACK, %sp
	lidtl	real_idt
	call	*call_target
real_return: /* also after a reset: DS and SS are nobody's */
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$REAL_STACK, %sp
	jmp	enter_long

	.code64
from_call:
	popfq
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/* To the emulator's end. */
	.globl finish_now
finish_now:
	mov	$0xf4, %dx
	xor	%al, %al
	out	%al, %dx
	mov	$0x8900, %dx
	mov	$shutdown, %esi
1:	lodsb
	out	%al, %dx
	test	%al, %al
	jnz	1b
1:	cli
	hlt
	jmp	1b

/* ---- real mode's probes ------------------------------------------------------------------------ */

	.code16
	.globl real_nothing, real_halt, real_a20, real_faults, real_words, real_flags
real_nothing:
	ret

/* The BIOS' timer ends it. */
real_halt:
	mov	$3, %cx
	mov	0x46c, %eax
1:	sti
	hlt
	loop	1b
	cli
	mov	0x46c, %edx
	sub	%eax, %edx
	mov	%edx, real_words
	ret

/* Is what is 1 MiB above another place, with A20 on and off? */
real_a20:
	mov	$real_words, %di
	mov	$2, %cx
1:	in	$0x92, %al
	and	$0xfc, %al
	cmp	$1, %cx
	je	2f
	or	$2, %al
2:	and	$0xfe, %al
	out	%al, $0x92
	mov	$0xffff, %ax
	mov	%ax, %fs
	movw	$0x1234, 0x5000
	movw	$0x4321, %fs:0x5010
	mov	0x5000, %ax
	mov	%ax, (%di)
	add	$2, %di
	loop	1b
	in	$0x92, %al
	or	$2, %al
	and	$0xfe, %al
	out	%al, $0x92
	ret

/* Exceptions of real mode: each leaves its number in the list, at its place. */
	.macro	real_try name, code
	movw	$1f, real_back
	mov	%sp, real_sp
	movb	$0xff, real_seen
	\code
1:	mov	real_sp, %sp
	mov	real_seen, %al
	mov	%al, (%di)
	inc	%di
	.endm
	.macro	real_handler n
real_vector_\n:
	movb	$\n, %cs:real_seen
	jmp	real_common
	.endm
	real_handler 0
	real_handler 1
	real_handler 3
	real_handler 4
	real_handler 5
	real_handler 6
	real_handler 7
	real_handler 12
	real_handler 13
real_common:
	push	%bp
	mov	%sp, %bp
	mov	%cs:real_back, %ax
	mov	%ax, 2(%bp)
	andw	$~0x100, 6(%bp)
	pop	%bp
	iret

real_faults:
	mov	$old_vectors, %di
	xor	%si, %si
	mov	$16 * 2, %cx
	rep movsw
	.macro	set_vector n
	movw	$real_vector_\n, \n * 4
	movw	$0, \n * 4 + 2
	.endm
	set_vector 0
	set_vector 1
	set_vector 3
	set_vector 4
	set_vector 5
	set_vector 6
	set_vector 7
	set_vector 12
	set_vector 13
	mov	$real_words, %di
	real_try divide, "xor %cx, %cx; div %cx"
	real_try step, "pushf; pop %ax; or $0x100, %ax; push %ax; popf; nop; nop"
	real_try int1, ".byte 0xf1"
	real_try int3, "int3"
	real_try into, "mov $0x7f, %al; add $1, %al; into"
	real_try bound, "mov $0x10, %ax; bound %ax, real_bounds"
	real_try ud2, "ud2"
	real_try above, "mov 0xffff, %ax"
	real_try above_stack, "mov $0xffff, %bp; mov (%bp), %ax"
	real_try lldt, "lldt %ax"
	real_try vmcall, ".byte 0x0f, 0x01, 0xc1"
	real_try vmmcall, ".byte 0x0f, 0x01, 0xd9"
	real_try arpl, "arpl %ax, %bx"
	real_try long, ".fill 15, 1, 0x66; nop"
	real_try cr0, "mov $0x80000000, %eax; mov %eax, %cr0"
	real_try cr0nw, "mov $0x20000010, %eax; mov %eax, %cr0"
	mov	$0x10, %eax
	mov	%eax, %cr0
	real_try far, "mov $0xffff, %ax; mov %ax, %gs; mov %gs:0xfffe, %ax"
	real_try big, "mov $0x10000, %ebx; mov (%ebx), %ax"
	real_try cpuid, "mov $1, %eax; cpuid"
	real_try idt, "call real_no_idt"
	lidtl	real_idt
	movw	$0x5000, %ax
	mov	%ax, %es
	movw	$0x0b0f, %es:0 /* UD2, where a processor without limits would go */
	real_try jump, ".byte 0x66, 0xea, 0, 0, 5, 0, 0, 0"
	xor	%ax, %ax
	mov	%ax, %gs
	mov	%ax, %es
	mov	%di, %dx
	mov	$old_vectors, %si
	xor	%di, %di
	mov	$16 * 2, %cx
	rep movsw
	sub	$real_words, %dx
	mov	%dx, real_count
	ret

/* A vector beyond the table's limit. */
real_no_idt:
	lidtl	real_short
	int	$0x40
	ret

/* Flags that stay. */
real_flags:
	pushl	$0x3f7fd7
	popfl
	pushfl
	popl	real_words
	pushl	$0x2
	popfl
	pushfl
	popl	real_words + 4
	pushl	$0x7000
	popfl
	pushfl
	popl	real_words + 8
	pushl	$2
	popfl
	smsw	real_words + 12
	ret

real_bounds:
	.word	1, 2
real_back:
	.word	0
real_sp:
	.word	0
real_seen:
	.byte	0
	.balign 4
	.globl real_count
real_count:
	.long	0
real_words:
	.skip	64
old_vectors:
	.skip	64
real_idt:
	.word	0x3ff
	.long	0
real_short:
	.word	0x7f
	.long	0

/* ---- other processors -------------------------------------------------------------------------- */

/* Copied to the page that SIPI names: it tells which one, that it came, and what RDX and CR0 are. */
	.globl ap_begin, ap_end, ap_where, ap_count, ap_edx, ap_cr0, ap_cr4, ap_dr6, ap_dr7, ap_go
	.globl ap_ldr, ap_dfr
ap_begin:
	cli
	mov	%cr0, %ebx
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%cs, ap_where
	mov	%edx, ap_edx
	mov	%ebx, ap_cr0
	mov	%cr4, %eax
	mov	%eax, ap_cr4
	mov	%dr6, %eax
	mov	%eax, ap_dr6
	mov	%dr7, %eax
	mov	%eax, ap_dr7
	/* What the next INIT has to take back. */
	mov	$8, %eax
	mov	%eax, %cr4
	mov	$0xffff0fff, %eax
	mov	%eax, %dr6
	mov	$0x700, %eax
	mov	%eax, %dr7
	cmpl	$0, ap_ldr
	je	3f
	/* Its logical number: a segment with all addresses, for the local APIC's. */
	lgdtl	gdt_pointer
	or	$1, %bl
	mov	%ebx, %cr0
	mov	$SEL_DATA, %ax
	mov	%ax, %fs
	and	$0xfe, %bl
	mov	%ebx, %cr0
	mov	ap_ldr, %eax
	mov	$0xfee000d0, %edi
	mov	%eax, %fs:(%edi)
	mov	ap_dfr, %eax
	mov	%eax, %fs:0x10(%edi)
3:	lock incl ap_count
	testl	$-1, ap_go
	jnz	2f
1:	hlt
	jmp	1b
2:	lock incl ap_go /* busy, until something stops it */
	jmp	2b
ap_end:
	.balign 4
ap_where:
	.long	0
ap_count:
	.long	0
ap_edx:
	.long	0
ap_cr0:
	.long	0
ap_cr4:
	.long	0
ap_dr6:
	.long	0
ap_dr7:
	.long	0
ap_ldr:
	.long	0
ap_dfr:
	.long	0
ap_go:
	.long	0

/* ---- tables -------------------------------------------------------------------------------------- */

	.globl gdt, gdt_pointer, idt_pointer, saved_rsp, back_to, map_count
	.balign 16
gdt:
	.quad	0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
	.quad	0x00cf9b000000ffff
	.quad	0x00009b000000ffff
	.quad	0x000093000000ffff
	.quad	0x00cff3000000ffff
	.quad	0x00affb000000ffff
	.skip	GDT_SIZE - 64
	.balign 4
	.word	0
gdt_pointer:
	.word	GDT_SIZE - 1
	.quad	gdt
	.balign 4
	.word	0
idt_pointer:
	.word	4095
	.quad	idt
saved_rsp:
	.quad	0
back_to:
	.long	0
call_target:
	.long	0
map_count:
	.long	0

/* ---- long mode's exceptions ----------------------------------------------------------------------- */

	.text
	.code64
	.globl vector_stubs
vector_stubs:
	.set	n, 0
	.rept	256
	.balign 16
	.if	(n == 8) || ((n >= 10) && (n <= 14)) || (n == 17) || (n == 21) || (n == 29) || (n == 30)
	.else
	push	$0
	.endif
	push	$n
	jmp	common
	.set	n, n + 1
	.endr

common:
	push	%rax
	push	%rcx
	mov	16(%rsp), %rax
	cmp	$1, %rax
	je	stepped
again:	cmp	$2, %rax
	je	nmi
	cmp	$0x20, %rax
	je	finger
	cmp	$0x21, %rax
	je	finger
	mov	%rax, fault
	mov	24(%rsp), %rcx
	mov	%rcx, fault + 8
	mov	32(%rsp), %rcx
	mov	%rcx, fault + 16
	mov	%cr2, %rcx
	mov	%rcx, fault + 24
	mov	%dr6, %rcx
	mov	%rcx, fault + 32
	incq	fault + 40
	mov	40(%rsp), %rcx
	mov	%rcx, fault + 48
	mov	48(%rsp), %rcx
	mov	%rcx, fault + 56
	mov	recover, %rcx
	test	%rcx, %rcx
	jz	1f
	mov	%rcx, 32(%rsp)
	movq	$SEL_CODE64, 40(%rsp)
	movq	$2, 48(%rsp)
	mov	recover_rsp, %rcx
	mov	%rcx, 56(%rsp)
	movq	$0, 64(%rsp)
	movq	$0, recover
2:	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq
1:	cmp	$1, %rax
	je	2b
	cmp	$3, %rax
	je	2b
	cmp	$0x80, %rax
	jae	2b
	call	unexpected
stepped: /* a program of chance may make some steps */
	cmpq	$0, steps_left
	je	again
	testb	$3, 40(%rsp)
	jz	again
	decq	steps_left
	jnz	2b
	jmp	again
nmi:
	incq	nmis
	jmp	2b
finger: /* the local APIC's own */
	incq	interrupts
	mov	apic_eoi, %rax
	movl	$0, (%rax)
	jmp	2b

/* u64 try_regs(struct regs *, const void *code): the vector, or ffh. */
	.globl try_regs, enter_user
try_regs:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	pushfq
	push	%rdi
	movq	$0xff, fault
	movq	$0, fault + 8
	mov	%rsp, recover_rsp
	movq	$1f, recover
	mov	%rsi, code_pointer
	mov	(%rdi), %rax
	mov	8(%rdi), %rbx
	mov	16(%rdi), %rcx
	mov	24(%rdi), %rdx
	mov	32(%rdi), %rsi
	mov	40(%rdi), %rdi
	call	*code_pointer
	movq	$0, recover
1:	mov	%rdi, rdi_after
	mov	recover_rsp, %rsp
	pop	%rdi
	mov	%rax, (%rdi)
	mov	%rbx, 8(%rdi)
	mov	%rcx, 16(%rdi)
	mov	%rdx, 24(%rdi)
	mov	%rsi, 32(%rdi)
	mov	rdi_after, %rax
	mov	%rax, 40(%rdi)
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	popfq
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	mov	fault, %rax
	ret

/* u64 enter_user(struct regs *, u64 rip, u64 rsp, u64 rflags): the same at CPL 3 */
enter_user:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	pushfq
	push	%rdi
	movq	$0xff, fault
	movq	$0, fault + 8
	mov	%rsp, recover_rsp
	movq	$1b, recover
	pushq	$SEL_USER_DATA
	push	%rdx
	push	%rcx
	pushq	$SEL_USER_CODE
	push	%rsi
	mov	(%rdi), %rax
	mov	8(%rdi), %rbx
	mov	16(%rdi), %rcx
	mov	24(%rdi), %rdx
	mov	32(%rdi), %rsi
	mov	40(%rdi), %rdi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	iretq

	.bss
	.globl fault, recover, recover_rsp, nmis, interrupts, apic_eoi, idt, steps_left
	.balign 4096
idt:
	.skip	4096
fault:
	.skip	64
recover:
	.skip	8
recover_rsp:
	.skip	8
code_pointer:
	.skip	8
rdi_after:
	.skip	8
nmis:
	.skip	8
steps_left:
	.skip	8
interrupts:
	.skip	8
apic_eoi:
	.skip	8

	.section .program32, "a"
	.incbin PROGRAM32
	.section .note.GNU-stack, "", @progbits
