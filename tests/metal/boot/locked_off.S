/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A floppy's boot record that plays the firmware which locks VT-x off, and then starts the disk. The
 * real firmware leaves IA32_FEATURE_CONTROL alone, and the VGA BIOS too.
 */
	.code16
	.globl _start
_start:
	ljmp $0, $1f
1:
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $0x7c00, %sp
	/* From here it makes room for the disk's. */
	mov %sp, %si
	mov $0x600, %di
	mov $256, %cx
	rep movsw
	ljmp $0, $0x600 + moved - _start
moved:
	/* That one is behind the firmware's empty shadow of it: PAM registers 5Ah and 5Bh of the 440FX. */
	mov $0xcf8, %dx
	mov $0x80000058, %eax
	out %eax, %dx
	mov $0xcfe, %dx
	xor %ax, %ax
	out %ax, %dx
	lcall $0xc000, $3
	mov $3, %ax
	int $0x10
	mov $0x3a, %ecx
	mov $1, %eax
	xor %edx, %edx
	wrmsr
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov $0x0201, %ax /* the first sector */
	mov $1, %cx
	mov $0x80, %dx
	mov $0x7c00, %bx
	int $0x13
	ljmp $0, $0x7c00
	.org 510
	.word 0xaa55
