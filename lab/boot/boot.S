/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * An option ROM that enters an uncompressed Linux kernel at its 64-bit entry.
 *
 * The emulator puts kernel, initramfs and a block of parameters straight into memory before the
 * first instruction, so nothing is read from a disk and nothing is unpacked. The firmware calls
 * this ROM last, when it has set up memory map, tables and interrupt routing.
 *
 * Bochs reads one image file into its host memory in one piece, but hands that memory to the
 * machine in blocks of 128 KiB in the order in which the machine touches them. So this ROM touches
 * memory in the order in which the image holds it, and kernel and initramfs are where they belong
 * without having been copied. The firmware has touched a few blocks before: the image has blocks
 * of padding for these, the last one with a mark, and the ROM uses up what is left of them first.
 *
 * The block of parameters is made by lab/machine/bochs.py, its layout is:
 *	+0x0000	the kernel's boot_params ("zero page"); the memory map in it is filled in here
 *	+0x2000	page tables: PML4, PDPT, four page directories, 4 GiB one to one
 *	+0x8000	the GDT that the 64-bit boot protocol asks for (0x10 code, 0x18 data)
 *	+0x8100	u32: address of memory where padding can be used up
 *	+0x8104	u32: blocks of the kernel and the initramfs, from the kernel's address on
 *	+0x8108	u32: 0; set here, to tell a reset from the first start
 */
#define PARAMS		0x00f00000
#define PAGE_TABLES	(PARAMS + 0x2000)
#define GDT		(PARAMS + 0x8000)
#define SCRATCH		(PARAMS + 0x8100)
#define BLOCKS		(PARAMS + 0x8104)
#define STARTED		(PARAMS + 0x8108)
#define KERNEL		0x01000000
#define BLOCK_SIZE	0x00020000
#define PADDING_MARK	0x44415042	/* in every block of padding... */
#define PADDING_LAST	0x5453414c	/* ...but the last has this */

#define PORT_OUTPUT	0xe9
#define PORT_SHUTDOWN	0x8900
#define DLE		0x10

#define BP_E820_ENTRIES	0x1e8
#define BP_E820_TABLE	0x2d0
#define E820_MAX	128

#define MSR_EFER	0xc0000080
#define EFER_LME	(1 << 8)
#define CR0_PE		(1 << 0)
#define CR0_PG		(1 << 31)
#define CR4_PAE		(1 << 5)

	.code16
	.globl _start
_start:
	.byte 0x55, 0xaa, 1		/* option ROM of one 512-byte block */
	cli
	cld

	/* The firmware's memory map, 20 bytes an entry, to 0x8000. */
	xor %ax, %ax
	mov %ax, %es
	mov %ax, %ss
	mov $0x7000, %sp
	mov $0x8000, %di
	xor %ebx, %ebx
	xor %bp, %bp
next_entry:
	mov $0xe820, %eax
	mov $0x534d4150, %edx
	mov $20, %ecx
	int $0x15
	jc map_done
	inc %bp
	add $20, %di
	cmp $E820_MAX, %bp
	jae map_done
	test %ebx, %ebx
	jnz next_entry
map_done:
	cli
	/* A20: port 0x92, the fast gate. */
	in $0x92, %al
	or $2, %al
	out %al, $0x92

	mov %cs, %ax			/* the firmware calls the ROM at segment:0003 */
	mov %ax, %ds
	lgdtl gdt_pointer
	mov %cr0, %eax
	or $CR0_PE, %al
	mov %eax, %cr0

	mov $0x18, %ax			/* flat data: the zero page is above 1 MiB */
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	addr32 incl (STARTED)
	addr32 cmpl $1, (STARTED)
	mov $'R', %bl			/* the machine was reset: the kernel is no longer whole */
	jne end_machine

	addr32 mov (SCRATCH), %edi
use_up:
	addr32 mov (%edi), %eax
	add $BLOCK_SIZE, %edi
	cmp $PADDING_MARK, %eax
	je use_up
	cmp $PADDING_LAST, %eax
	mov $'P', %bl			/* the firmware touched more blocks than there is padding */
	jne end_machine
	mov $KERNEL, %edi
	addr32 mov (BLOCKS), %ecx
touch:
	addr32 mov (%edi), %eax
	add $BLOCK_SIZE, %edi
	addr32 loop touch

	mov $0x8000, %esi
	mov $(PARAMS + BP_E820_TABLE), %edi
	mov %bp, %ax
	addr32 movb %al, (PARAMS + BP_E820_ENTRIES)
	movzwl %bp, %ecx
	imul $5, %ecx
	addr32 rep movsl

	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov $PAGE_TABLES, %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME, %eax
	wrmsr
	mov %cr0, %eax
	or $CR0_PG, %eax
	mov %eax, %cr0

	/* SDM vol. 3, 9.8.5: the far jump that follows switches to 64-bit code. */
	mov $PARAMS, %esi
	ljmpl $0x10, $KERNEL

/* Says why in the framing of lab/machine/channel.py: DLE and the letter in %bl. */
end_machine:
	mov $DLE, %al
	out %al, $PORT_OUTPUT
	mov %bl, %al
	out %al, $PORT_OUTPUT
	xor %si, %si
	mov $PORT_SHUTDOWN, %dx
next_letter:
	mov %cs:shutdown_word(%si), %al
	out %al, %dx
	inc %si
	jmp next_letter

shutdown_word:
	.ascii "Shutdown"
gdt_pointer:
	.word 4 * 8 - 1
	.long GDT
