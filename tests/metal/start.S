/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Starts the hypervisor without disk and loader, by multiboot 1 (QEMU's -kernel, or GRUB): as
 * boot_info.h describes it, from a flat file at 1 MiB. start.c does the rest.
 */
	.set FLAGS, 0x00010003 /* pages, memory map, addresses below */
	.set MAGIC, 0x1badb002

	.section .head, "ax"
	.code32
	.balign 4
header:
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)
	.long header, start_begin, start_file_end, start_end, entry

entry:
	cli
	mov %ebx, %edi
	mov $stack_end, %esp
	/* The first 4 GiB to themselves, in pages of 2 MiB. */
	mov $pd, %ecx
	mov $0x83, %eax
1:
	mov %eax, (%ecx)
	add $0x200000, %eax
	add $8, %ecx
	cmp $pd + 4 * 4096, %ecx
	jne 1b
	mov $pdpt, %ecx
	mov $pd + 3, %eax
1:
	mov %eax, (%ecx)
	add $4096, %eax
	add $8, %ecx
	cmp $pdpt + 32, %ecx
	jne 1b
	movl $pdpt + 3, pml4
	movl $link_pdpt + 3, pml4 + 511 * 8
	mov $pml4, %eax
	mov %eax, %cr3
	mov $0x20, %eax
	mov %eax, %cr4
	mov $0xc0000080, %ecx
	mov $0x100, %eax
	xor %edx, %edx
	wrmsr
	mov $0x80000011, %eax
	mov %eax, %cr0
	lgdt gdt
	ljmp $8, $1f
	.code64
1:
	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %edi, %edi
	call start
1:
	hlt
	jmp 1b

	.balign 8
gdt: /* its place for selector 0 holds what LGDT loads */
	.word 23
	.long gdt
	.word 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff

	.section .rodata
	.globl image, image_end
image:
	.incbin IMAGE
image_end:
	.globl guest, guest_end
guest:
	.incbin GUEST
guest_end:

	.bss
	.balign 4096
	.globl pml4, link_pdpt, link_pd
pml4:
	.skip 4096
pdpt:
	.skip 4096
pd:
	.skip 4 * 4096
link_pdpt:
	.skip 4096
link_pd:
	.skip 4096
	.skip 16384
stack_end:

	.section .note.GNU-stack, "", @progbits
