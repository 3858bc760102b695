/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A boot record that switches address line A20 off and then starts the second disk: what some old
 * BIOSes hand over. Only the 440 bytes of code.
 */
	.code16
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	$0x2400, %ax
	int	$0x15
	in	$0x92, %al
	and	$0xfc, %al
	out	%al, $0x92
	/* From behind what is read over this. */
	mov	$0x7c00, %si
	mov	$0x600, %di
	mov	$256, %cx
	cld
	rep movsw
	ljmp	$0, $moved

moved:
	mov	$packet, %si
	mov	$0x42, %ah
	mov	$0x81, %dl
	int	$0x13
	mov	$0x81, %edx
	ljmp	$0, $0x7c00
packet:
	.byte	16, 0
	.word	1, 0x7c00, 0
	.quad	0
	.org	440
