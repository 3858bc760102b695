/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Loader and hypervisor as one file for GRUB and others that load multiboot images, 1 and 2. What
 * they load at 1 MiB puts the loader where the boot record would, and jumps to it.
 */
#include "layout.h"

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x10000		/* addresses in the header */
#define MB2_MAGIC 0xe85250d6

	.section .header, "ax"
	.globl multiboot_start
	.balign 8
mb1:
	.long	MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
	.long	mb1, image_begin, image_end, memory_end, multiboot_start
	.balign 8
mb2:
	.long	MB2_MAGIC, 0, mb2_end - mb2, -(MB2_MAGIC + mb2_end - mb2)
	.short	2, 0			/* addresses */
	.long	24, mb2, image_begin, image_end, memory_end
	.short	3, 0			/* entry */
	.long	12, multiboot_start
	.balign 8
	.short	0, 0
	.long	8
mb2_end:

multiboot_start:
	cli
	cld
	mov	$stack_end, %esp
	push	%ebx
	push	%eax
	call	multiboot_main
	/* ESI: what it found out. */
	mov	%eax, %esi
	mov	$LOADER_AT + LOADER_ENTRY32, %eax
	jmp	*%eax

	.data
	.globl loader_image, loader_image_end, hypervisor_image, hypervisor_image_end
loader_image:
	.incbin	LOADER_IMAGE
loader_image_end:
	.balign	4096
hypervisor_image:
	.incbin	HYPERVISOR_IMAGE
hypervisor_image_end:

	.bss
	.skip	4096
stack_end:
