/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A hypervisor's image for where there is none: it refuses. */
	.globl image
image:
	.ascii	"swvimage"
	.long	1, 48
	.quad	image, entry
	.long	end - image, end - image, 0x400000, 0
entry:
	lea	text(%rip), %rsi
	lea	624 - 384(%rdi), %rdi	/* boot_info.refusal */
	mov	$end - text, %ecx
	rep movsb
	ret
text:
	.asciz	"this build has no hypervisor"
end:
