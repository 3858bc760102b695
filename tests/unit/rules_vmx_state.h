/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Valid states of a guest on an invented processor, for the tests of Intel's rules. */
#ifndef SWIVL_TESTS_RULES_VMX_STATE_H
#define SWIVL_TESTS_RULES_VMX_STATE_H

#define SWIVL_HAVE_TYPES
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "core/rules/vmx.h"

enum base { LONG_MODE, V86, REAL_MODE, PAE };

static void put(struct rules_vmx_state *s, unsigned int field, u64 value)
{
	s->value[field] = rules_vmx_bytes(field) < 8 ? value & ~(ALL_ONES << 8 * rules_vmx_bytes(field)) :
						       value;
	s->present[field / 8] |= 1u << field % 8;
}
#define PUT(id, v) put(s, AT_##id, v)
#define PUT_FACT(fact, v) rules_vmx_set_fact(s, fact, v)
#define PUT_MSR(msr, v) rules_vmx_set_fact(s, RULES_VMX_MSR(msr), v)
#define MAY(must, may) ((u64)(may) << 32 | (must))

static void processor(struct rules_vmx_state *s)
{
	PUT_MSR(IA32_VMX_BASIC, 0x0018100000000012);
	PUT_MSR(IA32_VMX_PINBASED_CTLS, MAY(0x16, 0xff));
	PUT_MSR(IA32_VMX_PROCBASED_CTLS, MAY(0x0401e172, 0xfffbfffe));
	PUT_MSR(IA32_VMX_PROCBASED_CTLS2, MAY(0, 0xdfffffff));
	PUT_MSR(0x492, 0x9f);
	PUT_MSR(0x493, 0);
	PUT_MSR(IA32_VMX_EXIT_CTLS, MAY(0x36dff, 0xffffffff));
	PUT_MSR(IA32_VMX_ENTRY_CTLS, MAY(0x11ff, 0x7fffff));
	PUT_MSR(IA32_VMX_MISC, 4 << 16 | 3 << 6); /* HLT and shutdown, not wait-for-SIPI */
	PUT_MSR(IA32_VMX_CR0_FIXED0, 0x80000021);
	PUT_MSR(IA32_VMX_CR0_FIXED1, 0xffffffff);
	PUT_MSR(IA32_VMX_CR4_FIXED0, 0x2000);
	PUT_MSR(IA32_VMX_CR4_FIXED1, 0xf77fff);
	PUT_MSR(IA32_VMX_EPT_VPID_CAP, EPT_CAP_4_LEVELS | EPT_CAP_WB);
	PUT_MSR(0x491, 1);
	PUT_FACT(RULES_PHYSICAL_BITS, 39);
	PUT_FACT(RULES_LINEAR_BITS, 48);
	PUT_FACT(RULES_PERF_GLOBAL_BITS, 0x70000000f);
	PUT_FACT(RULES_HAS_RTM, 0);
	PUT_FACT(RULES_HAS_SGX, 0);
	PUT_FACT(RULES_ROOT_EFER, EFER_LMA | EFER_LME);
	PUT_FACT(RULES_IN_SMM, 0);
	PUT_FACT(RULES_VMCS_ADDRESS, 0x5000);
	PUT_FACT(RULES_LINKED_VMCS, 0x12);
	PUT_FACT(RULES_VIRTUAL_TPR, 0x20);
}

static void host(struct rules_vmx_state *s)
{
	PUT(HOST_CR0, 0x80050033);
	PUT(HOST_CR3, 0x1000);
	PUT(HOST_CR4, 0x2020);
	PUT(HOST_EFER, 0x501);
	PUT(HOST_CS_SELECTOR, 0x10);
	PUT(HOST_TR_SELECTOR, 0x40);
	PUT(HOST_PAT, PAT_RESET);
	PUT(HOST_RIP, 0xffffffff81000000);
	PUT(HOST_RSP, 0xffffffff82000000);
}

static void segments(struct rules_vmx_state *s, u32 code, u32 data)
{
	for (unsigned int i = 0; i < 6; i++) {
		put(s, AT_GUEST_ES_SELECTOR + i, 0x18);
		put(s, AT_GUEST_ES_LIMIT + i, 0xffffffff);
		put(s, AT_GUEST_ES_ACCESS_RIGHTS + i, data);
	}
	PUT(GUEST_CS_SELECTOR, 0x10);
	PUT(GUEST_CS_ACCESS_RIGHTS, code);
	PUT(GUEST_LDTR_ACCESS_RIGHTS, 0x82);
	PUT(GUEST_TR_ACCESS_RIGHTS, 0x8b);
	PUT(GUEST_TR_SELECTOR, 0x40);
	PUT(GUEST_TR_LIMIT, 0x67);
}

static void valid_state(struct rules_vmx_state *s, enum base base)
{
	memset(s, 0, sizeof(*s));
	for (unsigned int i = 0; i < VMX_FIELD_COUNT; i++)
		put(s, i, 0);
	processor(s);
	host(s);
	PUT(PIN_CONTROLS, 0x3f);
	PUT(PRIMARY_CONTROLS, 0x0401e172 | PRIMARY_SECONDARY);
	PUT(SECONDARY_CONTROLS, SECONDARY_EPT | SECONDARY_VPID);
	PUT(EXIT_CONTROLS, 0x36dff | EXITS_HOST_LONG_MODE | EXITS_LOAD_EFER);
	PUT(ENTRY_CONTROLS, 0x11ff | ENTRY_LONG_MODE | ENTRY_LOAD_EFER);
	PUT(VPID, 1);
	PUT(EPT_POINTER, 0x1000 | 3 << 3 | 6);
	PUT(VMCS_LINK_POINTER, ALL_ONES);
	PUT(GUEST_CR0, 0x80050033);
	PUT(GUEST_CR3, 0x1000);
	PUT(GUEST_CR4, 0x2020);
	PUT(GUEST_EFER, 0x500);
	PUT(GUEST_PAT, PAT_RESET);
	PUT(GUEST_DR7, 0x400);
	PUT(GUEST_RFLAGS, 2);
	PUT(GUEST_GDTR_LIMIT, 0xffff);
	PUT(GUEST_IDTR_LIMIT, 0xffff);
	segments(s, 0xa09b, 0xc093);
	if (base == LONG_MODE)
		return;
	PUT(ENTRY_CONTROLS, 0x11ff | ENTRY_LOAD_EFER);
	PUT(GUEST_EFER, 0);
	segments(s, 0xc09b, 0xc093);
	if (base == REAL_MODE) {
		PUT(SECONDARY_CONTROLS, SECONDARY_EPT | SECONDARY_VPID | SECONDARY_UNRESTRICTED);
		PUT(GUEST_CR0, 0x30);
		PUT(GUEST_CR4, 0x2000);
	}
	if (base == V86) {
		PUT(GUEST_CR4, 0x2000);
		PUT(GUEST_RFLAGS, 2 | RFLAGS_VM);
		for (unsigned int i = 0; i < 6; i++) {
			put(s, AT_GUEST_ES_BASE + i, 0x180);
			put(s, AT_GUEST_ES_LIMIT + i, 0xffff);
			put(s, AT_GUEST_ES_ACCESS_RIGHTS + i, 0xf3);
			put(s, AT_GUEST_ES_SELECTOR + i, 0x18);
		}
	}
}

#endif
