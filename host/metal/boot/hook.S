/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * INT 15h of the guest: how much memory there is, without the hypervisor's. Runs in the guest's
 * real mode at any segment; the loader copies it and fills the data that it begins with
 * (struct hook_page in hook.c). All else goes to the BIOS.
 */
#define SMAP 0x534d4150
#define NOT_SUPPORTED 0x86

	.code16
	.globl hook_begin, hook_end
hook_begin:
entry_offset:
	.word	entry - hook_begin
table_offset:
	.word	hook_end - hook_begin
old:
	.long	0
count:
	.long	0
entry_size:
	.word	0
has_e801:
	.word	0
e801:
	.word	0, 0, 0, 0		/* AX, BX, CX, DX */
has_88:
	.word	0
value_88:
	.word	0
#define AT(x) %cs:(x - hook_begin)

entry:
	cmp	$0xe820, %ax
	je	map
	cmp	$0xe801, %ax
	je	sizes
	cmp	$0x88, %ah
	je	extended
	/* Two rare ways to ask the same: as BIOSes answer that do not know them. */
	cmp	$0xe881, %ax
	je	bad
	cmp	$0x8a, %ah
	je	bad
pass:
	ljmp	*AT(old)

extended:
	cmpw	$0, AT(has_88)
	je	pass
	mov	AT(value_88), %ax
	jmp	good

sizes:
	cmpw	$0, AT(has_e801)
	je	pass
	mov	AT(e801), %ax
	mov	AT(e801 + 2), %bx
	mov	AT(e801 + 4), %cx
	mov	AT(e801 + 6), %dx
	jmp	good

map:
	cmp	$SMAP, %edx
	jne	bad
	cmp	AT(count), %ebx
	jae	bad
	cmp	$20, %ecx
	jb	bad
	/* As many bytes as asked for, at most what the BIOS gave. */
	cmp	$24, %ecx
	mov	$20, %ecx
	jb	1f
	movzwl	AT(entry_size), %ecx
1:	push	%ds
	push	%si
	push	%di
	push	%ecx
	push	%cs
	pop	%ds
	imul	$24, %bx, %si
	add	AT(table_offset), %si
	cld
	rep movsb
	pop	%ecx
	pop	%di
	pop	%si
	pop	%ds
	inc	%ebx
	cmp	AT(count), %ebx
	jb	2f
	xor	%ebx, %ebx
2:	mov	$SMAP, %eax
good:
	push	%bp
	mov	%sp, %bp
	andb	$0xfe, 6(%bp)		/* the caller's carry */
	pop	%bp
	iret
bad:
	mov	$NOT_SUPPORTED, %ah
	push	%bp
	mov	%sp, %bp
	orb	$1, 6(%bp)
	pop	%bp
	iret
	.balign	8
hook_end:

	.section .note.GNU-stack, "", @progbits
