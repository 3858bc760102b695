/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A guest of one hypercall, which the hypervisor of refused.c takes for the wish not to be entered. */
	.code16
	xor %eax, %eax
	cpuid
	cmp $0x756e6547, %ebx /* "Genu" */
	mov $0x5357, %eax
	je 1f
	vmmcall
1:
	vmcall
2:
	hlt
	jmp 2b
