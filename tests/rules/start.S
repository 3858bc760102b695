/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A program on the bare machine, started by multiboot 1 (QEMU's -kernel): 64-bit mode, the first
 * 4 GiB mapped to themselves, a stack, interrupts off; then main(the command line).
 */
	.set FLAGS, 0x00010002 /* memory size, addresses below */
	.set MAGIC, 0x1badb002

	.section .head, "ax"
	.code32
	.balign 4
header:
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)
	.long header, start_begin, start_file_end, start_end, entry

	.globl header
entry:
	cli
	mov $stack_end, %esp
	xor %edi, %edi
	testl $4, (%ebx) /* is there a command line? */
	jz 1f
	mov 16(%ebx), %edi
1:
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
	call main
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

	.bss
	.balign 4096
	.globl pml4
pml4:
	.skip 4096
pdpt:
	.skip 4096
pd:
	.skip 4 * 4096
	.skip 65536
stack_end:

	.section .note.GNU-stack, "", @progbits
