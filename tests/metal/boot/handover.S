/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A boot record of 440 bytes that loads the rest of itself from sector 1 and there tells, on COM1,
 * what the BIOS handed over, what the BIOS says about memory, and what is on the screen.
 */
#define COM1 0x3f8
#define SMAP 0x534d4150
#define BUFFER 0x5000
#define AT 0x7c00
#define STACK 0x7c00

	.code16
start:
	/* DS is not known. Below the stack of the BIOS it is free. */
	mov	%eax, %cs:saved_eax
	mov	%ds, %cs:saved_ds
	mov	%sp, %cs:saved_sp
	mov	%ss, %cs:saved_ss
	pushfl
	popl	%cs:saved_flags
	push	%cs
	pop	%ds
	mov	%ebx, saved_ebx
	mov	%ecx, saved_ecx
	mov	%edx, saved_edx
	mov	%esi, saved_esi
	mov	%edi, saved_edi
	mov	%ebp, saved_ebp
	mov	%esp, %eax
	mov	%eax, saved_esp
	mov	%es, saved_es
	mov	%fs, saved_fs
	mov	%gs, saved_gs
	mov	%cs, saved_cs
	sgdtl	saved_gdt
	sidtl	saved_idt
	mov	%cr0, %eax
	mov	%eax, saved_cr0
	xor	%ax, %ax
	mov	%ax, %es
	mov	%ax, %ss
	mov	$STACK, %sp
	mov	$packet, %si
	mov	$0x42, %ah
	int	$0x13
	jc	stop
	jmp	rest
stop:
	/* An end that each emulator understands. */
	mov	$0xf4, %dx
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
	.asciz "Shutdown"
packet:
	.byte	16, 0
	.word	3, AT + 512, 0
	.quad	1
saved:
saved_eax: .long 0
saved_ebx: .long 0
saved_ecx: .long 0
saved_edx: .long 0
saved_esi: .long 0
saved_edi: .long 0
saved_ebp: .long 0
saved_esp: .long 0
saved_flags: .long 0
saved_cr0: .long 0
saved_cs: .word 0
saved_ds: .word 0
saved_es: .word 0
saved_fs: .word 0
saved_gs: .word 0
saved_ss: .word 0
saved_sp: .word 0
saved_gdt: .word 0, 0, 0
saved_idt: .word 0, 0, 0
saved_end:
	.org 440
	.org 512
rest:
	cld
	mov	$COM1 + 3, %dx		/* 115200 baud, 8 bits */
	mov	$0x83, %al
	out	%al, %dx
	mov	$COM1, %dx
	mov	$1, %ax
	out	%ax, %dx
	mov	$COM1 + 3, %dx
	mov	$3, %al
	out	%al, %dx
	mov	$names, %si
	mov	$saved, %bp
	mov	$(saved_flags - saved) / 4 + 2, %cx
1:	call	puts			/* SI is behind the name then */
	mov	(%bp), %eax
	call	hex32
	add	$4, %bp
	loop	1b
	mov	$(saved_end - saved_cs) / 2, %cx
1:	call	puts
	mov	(%bp), %ax
	call	hex16
	add	$2, %bp
	loop	1b
	call	newline

	/* Is what is 1 MiB above another place? */
	mov	$t_a20, %si
	call	puts
	mov	$0xffff, %ax
	mov	%ax, %fs
	mov	$0, %al
	movw	$0x1234, BUFFER
	cmpw	$0x1234, %fs:BUFFER + 16
	jne	1f
	movw	$0x4321, BUFFER
	cmpw	$0x4321, %fs:BUFFER + 16
	je	2f
1:	mov	$1, %al
2:	call	hex8

	mov	$t_vectors, %si
	call	puts
	xor	%si, %si
	mov	$0x400, %cx
	call	sum
	mov	$t_bios_data, %si
	call	puts
	mov	$0x400, %si
	mov	$0x6c, %cx
	call	sum
	mov	$t_sector, %si
	call	puts
	mov	$AT + 440, %si
	mov	$72, %cx
	call	sum
	call	newline

	/* E820 with 20 and 24 bytes. */
	mov	$20, %ebp
1:	mov	$t_map, %si
	call	puts
	mov	%bp, %ax
	call	hex16
	call	newline
	xor	%ebx, %ebx
2:	mov	$BUFFER, %di
	mov	$12, %cx
	mov	$0xeeee, %ax
	rep stosw
	mov	$BUFFER, %di
	mov	$0xe820, %eax
	mov	$SMAP, %edx
	mov	%ebp, %ecx
	int	$0x15
	jc	3f
	push	%ebx
	push	%cx
	cmp	$SMAP, %eax
	mov	$t_bad, %si
	jne	4f
	mov	$t_entry, %si
4:	call	puts
	pop	%ax
	call	hex16
	mov	$BUFFER, %si
	mov	$6, %cx
4:	call	space
	lodsl
	call	hex32
	loop	4b
	call	newline
	pop	%ebx
	test	%ebx, %ebx
	jnz	2b
3:	add	$4, %ebp
	cmp	$28, %ebp
	jne	1b

	/* What must fail: no SMAP, a small buffer, an index behind the end. */
	mov	$t_errors, %si
	call	puts
	mov	$0xe820, %eax
	xor	%edx, %edx
	xor	%ebx, %ebx
	mov	$24, %ecx
	call	int15
	mov	$0xe820, %eax
	mov	$SMAP, %edx
	xor	%ebx, %ebx
	mov	$19, %ecx
	call	int15_carry
	mov	$0xe820, %eax
	mov	$SMAP, %edx
	mov	$1000, %ebx
	mov	$24, %ecx
	call	int15
	call	newline

	mov	$t_e801, %si
	call	puts
	mov	$0xe801, %ax
	call	int15_all
	mov	$t_88, %si
	call	puts
	mov	$0x88, %ah
	call	int15
	mov	$t_e881, %si
	call	puts
	mov	$0xe881, %eax
	call	int15_carry
	mov	$t_c0, %si
	call	puts
	mov	$0xc0, %ah
	call	int15_carry
	mov	$t_12, %si
	call	puts
	int	$0x12
	call	hex16
	call	newline

	/* The screen, lines that are not empty. */
	mov	$0xb800, %ax
	mov	%ax, %es
	xor	%di, %di
1:	mov	$t_screen, %si
	call	puts
	mov	$80, %cx
2:	mov	%es:(%di), %al
	cmp	$' ', %al
	jae	3f
	mov	$' ', %al
3:	call	putc
	add	$2, %di
	loop	2b
	call	newline
	cmp	$25 * 160, %di
	jb	1b
	mov	$t_end, %si
	call	puts
	call	newline
	/* An emulator that ends now may forget what its port has not sent. */
	mov	$COM1 + 5, %dx
1:	in	%dx, %al
	test	$0x40, %al
	jz	1b
	jmp	stop

int15_all:
	int	$0x15
	push	%dx
	push	%cx
	push	%bx
	pushf
	call	hex16
	pop	%ax
	and	$1, %al
	call	hex8
	pop	%ax
	call	hex16
	pop	%ax
	call	hex16
	pop	%ax
	jmp	hex16
int15:
	int	$0x15
	pushf
	call	hex16
	pop	%ax
	and	$1, %al
	jmp	hex8
int15_carry:
	int	$0x15
	pushf
	pop	%ax
	and	$1, %al
	jmp	hex8

/* Sum of CX bytes at SI, each rotated into it. */
sum:
	xor	%edx, %edx
1:	xor	%eax, %eax
	lodsb
	rol	$5, %edx
	xor	%eax, %edx
	loop	1b
	mov	%edx, %eax
	jmp	hex32

putc:
	push	%dx
	push	%ax
	mov	$COM1 + 5, %dx
1:	in	%dx, %al
	test	$0x20, %al
	jz	1b
	mov	$COM1, %dx
	pop	%ax
	out	%al, %dx
	pop	%dx
	ret
puts:
	push	%ax
1:	lodsb
	test	%al, %al
	jz	2f
	call	putc
	jmp	1b
2:	pop	%ax
	ret
newline:
	mov	$'\n', %al
	jmp	putc
space:
	push	%ax
	mov	$' ', %al
	call	putc
	pop	%ax
	ret
hex32:
	push	%eax
	shr	$16, %eax
	call	hex16
	pop	%eax
hex16:
	push	%ax
	mov	%ah, %al
	call	hex8
	pop	%ax
hex8:
	push	%ax
	shr	$4, %al
	call	1f
	pop	%ax
	and	$15, %al
1:	cmp	$10, %al
	sbb	$0x69, %al
	das
	jmp	putc

names:
	.asciz "state: eax=", " ebx=", " ecx=", " edx=", " esi=", " edi=", " ebp=", " esp=", " flags="
	.asciz " cr0=", " cs=", " ds=", " es=", " fs=", " gs=", " ss=", " sp=", " gdt=", ":", ":"
	.asciz " idt=", ":", ":"
t_a20:
	.asciz "a20: "
t_vectors:
	.asciz " vectors: "
t_bios_data:
	.asciz " bios data: "
t_sector:
	.asciz " sector: "
t_map:
	.asciz "map: "
t_entry:
	.asciz "entry: "
t_bad:
	.asciz "bad entry: "
t_errors:
	.asciz "errors: "
t_e801:
	.asciz "e801: "
t_88:
	.asciz " 88: "
t_e881:
	.asciz " e881: "
t_c0:
	.asciz " c0: "
t_12:
	.asciz " 12: "
t_screen:
	.asciz "screen: "
t_end:
	.asciz "end"
	.org 2048
