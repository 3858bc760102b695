/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The boot record: reads the loader, checks it and jumps to it. Where that fails it says why, on
 * the screen and the serial port, and runs the old boot record.
 *
 * Everything that the BIOS handed over lies on the BIOS' own stack meanwhile, in the order of
 * struct handed_over in loader.h.
 */
#include "layout.h"

	.code16
	.globl start
	.org 0
start:
	pushfl
	pushal
	push	%ds
	push	%es
	push	%fs
	push	%gs
	/* Out of the old boot record's way. */
	xor	%cx, %cx
	mov	%cx, %ds
	mov	%cx, %es
	mov	$BOOT_AT, %si
	mov	$RECORD_AT, %di
	mov	$256, %cx
	cld
	rep movsw
	ljmp	$0, $moved
moved:
	mov	%dl, drive

	mov	loader_lba, %eax
	mov	%eax, packet_lba
	mov	loader_sectors, %ax
	mov	%ax, packet_sectors
	movw	$LOADER_AT >> 4, packet_segment
	call	read
	mov	$cannot_read, %si
	jc	failed

	/* CRC-32, bit by bit. */
	movw	loader_sectors, %bx
	shl	$9, %bx
	mov	$LOADER_AT >> 4, %ax
	mov	%ax, %es
	xor	%di, %di
	mov	$-1, %eax
1:	xor	%es:(%di), %al
	mov	$8, %cx
2:	shr	$1, %eax
	jnc	3f
	xor	$0xedb88320, %eax
3:	loop	2b
	inc	%di
	cmp	%bx, %di
	jne	1b
	not	%eax
	mov	$damaged, %si
	cmp	loader_crc, %eax
	jne	failed

	mov	drive, %dl
	ljmp	$LOADER_AT >> 4, $LOADER_ENTRY16

failed:
	call	print
	mov	old_lba, %eax
	mov	%eax, packet_lba
	movw	$1, packet_sectors
	movw	$BOOT_AT >> 4, packet_segment
	call	read
	jc	nothing
	cmpw	$0xaa55, BOOT_AT + 510
	jne	nothing
	/* Signature and partition table as they are now, not as they were. */
	xor	%ax, %ax
	mov	%ax, %es
	mov	$RECORD_AT + BOOT_CODE, %si
	mov	$BOOT_AT + BOOT_CODE, %di
	mov	$512 - BOOT_CODE, %cx
	cld
	rep movsb
	pop	%gs
	pop	%fs
	pop	%es
	pop	%ds
	popal
	popfl
	ljmp	$0, $BOOT_AT
nothing:
	mov	$no_record, %si
	call	print
	int	$0x18
1:	hlt
	jmp	1b

/* What the packet says; carry: an error. */
read:
	mov	$packet, %si
	mov	drive, %dl
	mov	$0x42, %ah
	int	$0x13
	ret

/* The text at SI, on the screen and the serial port. */
print:
	cld
	lodsb
	test	%al, %al
	jz	3f
	push	%ax
	mov	$0x0e, %ah
	mov	$7, %bx
	int	$0x10
	pop	%bx
	mov	log_port, %dx
	test	%dx, %dx
	jz	print
	add	$5, %dx
	xor	%cx, %cx
1:	in	%dx, %al
	test	$0x20, %al		/* the transmitter is empty */
	loopz	1b
	sub	$5, %dx
	mov	%bl, %al
	out	%al, %dx
	jmp	print
3:	ret

cannot_read:
	.asciz "swivl: cannot read the loader\r\n"
damaged:
	.asciz "swivl: the loader is damaged\r\n"
no_record:
	.asciz "swivl: no old boot record\r\n"

packet:
	.byte	16, 0
packet_sectors:
	.word	0
	.word	0
packet_segment:
	.word	0
packet_lba:
	.quad	0
drive:
	.byte	0

	.org BOOT_CODE - RECORD_SIZE	/* struct load_record, which `swivl disk` fills */
record:
	.long	RECORD_MAGIC
	.long	0
old_lba:
	.long	0
loader_lba:
	.long	0
loader_crc:
	.long	0
loader_sectors:
	.word	0
log_port:
	.word	0
	.org BOOT_CODE
