/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The VMX instructions (SDM vol. 3, chapter 31), one function each. They answer with the
 * manual's three ways out. With SWIVL_MODEL they belong to the modelled processor.
 */
#ifndef SWIVL_CORE_VMX_INSN_H
#define SWIVL_CORE_VMX_INSN_H

#include "core/types.h"

enum vmx_result {
	VMX_SUCCEED,
	VMX_FAIL_INVALID, /* CF: there is no current VMCS to hold an error number */
	VMX_FAIL_VALID, /* ZF: the error number is in the current VMCS */
};

struct vmx_invept {
	u64 eptp, zero;
};
struct vmx_invvpid {
	u64 vpid, address;
};

#ifdef SWIVL_MODEL

enum vmx_result vmx_vmxon(u64 pa);
enum vmx_result vmx_vmxoff(void);
enum vmx_result vmx_vmclear(u64 pa);
enum vmx_result vmx_vmptrld(u64 pa);
u64 vmx_vmptrst(void);
enum vmx_result vmx_vmread(u64 field, u64 *value);
enum vmx_result vmx_vmwrite(u64 field, u64 value);
enum vmx_result vmx_invept(u64 type, struct vmx_invept *what);
enum vmx_result vmx_invvpid(u64 type, struct vmx_invvpid *what);

#else

#define VMX_RESULT(cf, zf) ((cf) ? VMX_FAIL_INVALID : (zf) ? VMX_FAIL_VALID : VMX_SUCCEED)

#define VMX_ADDRESS_INSN(insn) \
	static inline enum vmx_result vmx_##insn(u64 pa) \
	{ \
		bool cf, zf; \
		asm volatile(#insn " %2" : "=@ccc"(cf), "=@ccz"(zf) : "m"(pa) : "memory"); \
		return VMX_RESULT(cf, zf); \
	}
VMX_ADDRESS_INSN(vmxon)
VMX_ADDRESS_INSN(vmclear)
VMX_ADDRESS_INSN(vmptrld)

static inline enum vmx_result vmx_vmxoff(void)
{
	bool cf, zf;

	asm volatile("vmxoff" : "=@ccc"(cf), "=@ccz"(zf) : : "memory");
	return VMX_RESULT(cf, zf);
}

#define VMX_INVALIDATE_INSN(insn) \
	static inline enum vmx_result vmx_##insn(u64 type, struct vmx_##insn *what) \
	{ \
		bool cf, zf; \
		asm volatile(#insn " %2, %3" \
			     : "=@ccc"(cf), "=@ccz"(zf) \
			     : "m"(*what), "r"(type) \
			     : "memory"); \
		return VMX_RESULT(cf, zf); \
	}
VMX_INVALIDATE_INSN(invept)
VMX_INVALIDATE_INSN(invvpid)

static inline u64 vmx_vmptrst(void)
{
	u64 pa;

	asm volatile("vmptrst %0" : "=m"(pa) : : "memory");
	return pa;
}

/* Both ways of failing leave in one jump: these two are on the road of every exit. */
static inline enum vmx_result vmx_vmread(u64 field, u64 *value)
{
	bool failed;

	asm volatile("vmread %2, %0" : "=r"(*value), "=@ccbe"(failed) : "r"(field));
	return failed ? VMX_FAIL_VALID : VMX_SUCCEED;
}

static inline enum vmx_result vmx_vmwrite(u64 field, u64 value)
{
	bool failed;

	asm volatile("vmwrite %1, %2" : "=@ccbe"(failed) : "r"(value), "r"(field) : "memory");
	return failed ? VMX_FAIL_VALID : VMX_SUCCEED;
}

#endif
#endif
