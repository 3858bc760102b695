/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * For the assembly files of the core: how this kernel makes calls, jumps and returns safe, and what
 * it does after an exit of a guest that may have trained the prediction of returns (retbleed, SRSO;
 * AMD's and Hygon's processors): the kernel's own functions, where it has chosen one for this
 * processor and lets modules call it. UNTRAIN changes flags only. Before the first return.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>

#define SAFE_JUMP ANNOTATE_RETPOLINE_SAFE
#define INTRA_FUNCTION_CALL ANNOTATE_INTRA_FUNCTION_CALL
#define RETURN RET

#ifdef SWIVL_UNTRAIN
	.macro swivl_untrain
	ALTERNATIVE_2 "", "call entry_untrain_ret", X86_FEATURE_UNRET, \
			  "call srso_alias_untrain_ret", X86_FEATURE_SRSO_ALIAS
	ALTERNATIVE_2 "", "call swivl_ibpb", X86_FEATURE_ENTRY_IBPB, \
			  "call swivl_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
	.endm
#define UNTRAIN swivl_untrain

	/* The kernel's changes AX, CX and DX. */
	.macro swivl_define_ibpb
SYM_FUNC_START_LOCAL(swivl_ibpb)
	push %rax
	push %rcx
	push %rdx
	call entry_ibpb
	pop %rdx
	pop %rcx
	pop %rax
	RET
SYM_FUNC_END(swivl_ibpb)
	.endm
#define UNTRAIN_CODE swivl_define_ibpb
#endif
