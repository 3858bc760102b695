// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Restarts into another system without a reset, as kexec does: that works only on processors that
 * left VMX operation. CR4 cannot be set anew in it, and INIT is ignored (SDM vol. 3, 24.8). On AMD
 * the other system must find EFER.SVME clear, or it takes SVM for held.
 * The other system is a page of code that starts the other processors and tells how it went, on
 * the lab's channel for output.
 * usage: restart now|crash
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define TABLES 1 /* page of the image where its page tables begin: PML4, PDPT, four PDs */
#define IMAGE_PAGES 8

/*
 * Entered in 64-bit mode with paging as the old system left it. Lines are ended for the lab's
 * runner by what its own driver would have printed: the mark and "end", then the status.
 */
asm(".pushsection .data\n"
    ".balign 16\n"
    "image_start:\n"
    "	cli\n"
    "	lea image_start+4096(%rip), %rax\n"
    "	mov %rax, %cr3\n"
    "	lea image_start+0x7ff0(%rip), %rsp\n"
    "	lea reached(%rip), %rsi\n"
    "	call print\n"
    "	mov %cr4, %rax\n"
    "	bt $13, %rax\n" /* VMXE */
    "	lea still_on(%rip), %rsi\n"
    "	jc 1f\n"
    "	mov $0xc0000080, %ecx\n"
    "	rdmsr\n"
    "	bt $12, %eax\n" /* SVME */
    "	jc 1f\n"
    "	lea is_off(%rip), %rsi\n"
    "1:	call print\n"
    /* The other processors: INIT, then SIPI with vector 8. */
    "	lea alone(%rip), %rsi\n"
    "	cmpw $0, others(%rip)\n"
    "	jl 9f\n"
    "	je 4f\n"
    "	movw $0, 0x8ff0\n"
    "	mov $0x8000, %edi\n"
    "	lea other(%rip), %rsi\n"
    "	mov $other_end - other, %ecx\n"
    "	rep movsb\n"
    "	mov $0x1b, %ecx\n"
    "	rdmsr\n"
    "	and $0xfffff000, %eax\n"
    "	mov %rax, %rbx\n"
    "	movl $0xc4500, 0x300(%rbx)\n"
    "	mov $1000000, %ecx\n"
    "2:	pause\n"
    "	loop 2b\n"
    "	movl $0xc4608, 0x300(%rbx)\n"
    "	mov $5000000, %ecx\n"
    "	mov others(%rip), %dx\n"
    "3:	cmp %dx, 0x8ff0\n"
    "	lea started(%rip), %rsi\n"
    "	je 4f\n"
    "	pause\n"
    "	loop 3b\n"
    "	lea silent(%rip), %rsi\n"
    "4:	call print\n"
    "9:	lea ending(%rip), %rsi\n"
    "	call print\n"
    "	mov $0x8900, %dx\n"
    "	lea shutdown(%rip), %rsi\n"
    "5:	lodsb\n"
    "	out %al, %dx\n"
    "	test %al, %al\n"
    "	jnz 5b\n"
    "	mov $0xfe, %al\n" /* no such port: reset by the keyboard controller */
    "	out %al, $0x64\n"
    "6:	hlt\n"
    "	jmp 6b\n"
    "print:\n"
    "	lodsb\n"
    "	test %al, %al\n"
    "	jz 7f\n"
    "	out %al, $0xe9\n"
    "	jmp print\n"
    "7:	ret\n"
    ".code16\n"
    "other:\n"
    "	xor %ax, %ax\n"
    "	mov %ax, %ds\n"
    "	lock incw 0x8ff0\n"
    "8:	hlt\n"
    "	jmp 8b\n"
    "other_end:\n"
    ".code64\n"
    "reached: .asciz \"ok reached\\n\"\n"
    "still_on: .asciz \"not ok off - CR4.VMXE or EFER.SVME is set\\n\"\n"
    "is_off: .asciz \"ok off\\n\"\n"
    "started: .asciz \"ok others\\n\"\n"
    "silent: .asciz \"not ok others - the other processors do not start\\n\"\n"
    "alone: .asciz \"skip others - one processor\\n\"\n"
    "ending: .asciz \"\\036end restart 0\\n\\020E0\\n\"\n"
    "shutdown: .asciz \"Shutdown\"\n"
    "others: .word 0\n"
    "image_end:\n"
    ".popsection\n");

extern char image_start[], image_end[];
extern int16_t others; /* how many there are; negative: do not look */

/* One to one, 4 GiB in pages of 2 MiB. */
static void make_tables(uint64_t *image, uint64_t at)
{
	uint64_t *pml4 = image + TABLES * 512, *pdpt = pml4 + 512, *pd = pdpt + 512, i;

	pml4[0] = (at + (TABLES + 1) * PAGE) | 3;
	for (i = 0; i < 4; i++)
		pdpt[i] = (at + (TABLES + 2 + i) * PAGE) | 3;
	for (i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | 0x83;
}

/* Where the kernel keeps memory for a crash (crashkernel= on its command line). */
static unsigned long crash_memory(void)
{
	FILE *f = fopen("/proc/iomem", "r");
	unsigned long start, at = 0;
	char line[200];

	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, "Crash kernel") && sscanf(line, " %lx", &start) == 1)
			at = start;
	}
	if (f)
		fclose(f);
	return at;
}

int main(int argc, char **argv)
{
	bool crash = argc > 1 && !strcmp(argv[1], "crash");
	unsigned long at = crash ? crash_memory() : 0x2000000;
	void *image = mmap(NULL, IMAGE_PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kexec_segment segment = { image, IMAGE_PAGES * PAGE, (void *)at, IMAGE_PAGES * PAGE };

	if (!at) {
		puts("not ok restart - no memory is kept for a crash");
		return 1;
	}
	/* In a crash this may not be the first processor, and INIT would reset that one. */
	others = crash ? -1 : sysconf(_SC_NPROCESSORS_ONLN) - 1;
	memcpy(image, image_start, image_end - image_start);
	make_tables(image, at);
	if (syscall(SYS_kexec_load, at, 1, &segment,
		    KEXEC_ARCH_X86_64 | (crash ? KEXEC_ON_CRASH : 0))) {
		perror("not ok restart - kexec_load");
		return 1;
	}
	if (!crash)
		reboot(RB_KEXEC);
	else if (write(open("/proc/sysrq-trigger", O_WRONLY), "c", 1) != 1)
		perror("not ok restart - /proc/sysrq-trigger");
	return 1;
}
