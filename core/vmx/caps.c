// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What this processor's VMX can do (SDM vol. 3, appendix A) and the one place in which every
 * control is decided: wanted and allowed, plus what the processor demands.
 */
#include "core/vmx/vmx.h"

struct vmx_caps vmx_gather_caps(u64 (*read)(u32 msr))
{
	struct vmx_caps caps = { .basic = read(IA32_VMX_BASIC) };
	bool t = caps.basic & BASIC_TRUE_CONTROLS;

	caps.pin = read(t ? IA32_VMX_TRUE_PINBASED_CTLS : IA32_VMX_PINBASED_CTLS);
	caps.primary = read(t ? IA32_VMX_TRUE_PROCBASED_CTLS : IA32_VMX_PROCBASED_CTLS);
	caps.exit = read(t ? IA32_VMX_TRUE_EXIT_CTLS : IA32_VMX_EXIT_CTLS);
	caps.entry = read(t ? IA32_VMX_TRUE_ENTRY_CTLS : IA32_VMX_ENTRY_CTLS);
	caps.misc = read(IA32_VMX_MISC);
	caps.cr0_fixed0 = read(IA32_VMX_CR0_FIXED0);
	caps.cr0_fixed1 = read(IA32_VMX_CR0_FIXED1);
	caps.cr4_fixed0 = read(IA32_VMX_CR4_FIXED0);
	caps.cr4_fixed1 = read(IA32_VMX_CR4_FIXED1);
	if (caps.primary >> 32 & PRIMARY_SECONDARY)
		caps.secondary = read(IA32_VMX_PROCBASED_CTLS2);
	/* The MSR exists only with one of these two (A.10). */
	if (caps.secondary >> 32 & (SECONDARY_EPT | SECONDARY_VPID))
		caps.ept_vpid = read(IA32_VMX_EPT_VPID_CAP);
	return caps;
}

static u64 read_here(u32 msr)
{
	return x86_rdmsr(msr);
}

struct vmx_caps vmx_read_caps(void)
{
	return vmx_gather_caps(read_here);
}

bool vmx_fixed_ok(u64 value, u64 fixed0, u64 fixed1)
{
	return (value & fixed0) == fixed0 && !(value & ~fixed1);
}

/* What swivl asks of each control field. */
struct control_wish {
	u32 required, optional, forbidden;
	enum refusal why;
	const char *(*name)(u32 bit);
};

#define VMX_NAME_BIT(id, bit, name) \
	case 1u << (bit):           \
		return name;
#define VMX_BIT_NAMES(function, LIST)        \
	static const char *function(u32 bit) \
	{                                    \
		switch (bit) {               \
			LIST(VMX_NAME_BIT)   \
		}                            \
		return "unnamed control";    \
	}
VMX_BIT_NAMES(pin_name, VMX_PIN_BITS)
VMX_BIT_NAMES(primary_name, VMX_PRIMARY_BITS)
VMX_BIT_NAMES(secondary_name, VMX_SECONDARY_BITS)
VMX_BIT_NAMES(exit_name, VMX_EXIT_BITS)
VMX_BIT_NAMES(entry_name, VMX_ENTRY_BITS)

static const struct control_wish pin_wish = {
	.required = PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMIS,
	.optional = PIN_PREEMPTION_TIMER,
	.forbidden = PIN_POSTED_INTERRUPTS,
	.why = REFUSE_PIN_CONTROL,
	.name = pin_name,
};

/* Windows are opened in run.c: they have to be allowed, but start closed. */
#define PRIMARY_WINDOWS (PRIMARY_INTERRUPT_WINDOW | PRIMARY_NMI_WINDOW)

static const struct control_wish primary_wish = {
	.required = PRIMARY_TSC_OFFSETTING | PRIMARY_HLT | PRIMARY_MWAIT | PRIMARY_RDPMC |
		    PRIMARY_CR8_LOAD | PRIMARY_CR8_STORE | PRIMARY_MOV_DR |
		    PRIMARY_UNCONDITIONAL_IO | PRIMARY_MSR_BITMAPS | PRIMARY_MONITOR |
		    PRIMARY_SECONDARY | PRIMARY_WINDOWS,
	/* With EPT the guest owns CR3; without the TRUE_ MSRs these two could not be off. */
	.forbidden = PRIMARY_CR3_LOAD | PRIMARY_CR3_STORE | PRIMARY_INVLPG | PRIMARY_RDTSC,
	.why = REFUSE_PRIMARY_CONTROL,
	.name = primary_name,
};

static const struct control_wish secondary_wish = {
	.required = SECONDARY_EPT | SECONDARY_UNRESTRICTED | SECONDARY_WBINVD,
	.optional = SECONDARY_VPID | SECONDARY_RDTSCP | SECONDARY_INVPCID | SECONDARY_ENCLS,
	.why = REFUSE_SECONDARY_CONTROL,
	.name = secondary_name,
};

static const struct control_wish exit_wish = {
	.required = EXITS_HOST_LONG_MODE | EXITS_LOAD_PAT | EXITS_LOAD_EFER,
	.forbidden = EXITS_ACK_INTERRUPT,
	.why = REFUSE_EXIT_CONTROL,
	.name = exit_name,
};

static const struct control_wish entry_wish = {
	.required = ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER | ENTRY_LONG_MODE,
	.forbidden = ENTRY_SMM | ENTRY_NO_DUAL_MONITOR,
	.why = REFUSE_ENTRY_CONTROL,
	.name = entry_name,
};

static bool decide(const struct control_wish *wish, u64 cap, u32 *out, struct refusal_report *why)
{
	u32 demanded = (u32)cap, allowed = (u32)(cap >> 32);
	u32 bad = (wish->required & ~allowed) | (wish->forbidden & demanded);

	if (bad)
		return refuse(why, wish->why, wish->name(bad & -bad), wish->required, allowed);
	*out = ((wish->required | wish->optional) & allowed) | demanded;
	return true;
}

/* The requirements that people meet most have their own reasons, the old processors first. */
static bool check_features(const struct vmx_caps *caps, struct refusal_report *why)
{
	static const struct {
		u64 bit;
		enum refusal why;
		const char *name;
	} ept[] = {
		{ EPT_CAP_4_LEVELS, REFUSE_EPT_LEVELS, "EPT page-walk length 4" },
		{ EPT_CAP_2M, REFUSE_EPT_LEVELS, "EPT 2-MByte pages" },
		{ EPT_CAP_WB, REFUSE_EPT_MEMORY_TYPE, "EPT memory type write-back" },
		{ EPT_CAP_INVEPT, REFUSE_NO_INVEPT, "INVEPT" },
		{ EPT_CAP_INVEPT_SINGLE, REFUSE_NO_INVEPT, "single-context INVEPT" },
	};
	u32 primary = caps->primary >> 32, secondary = caps->secondary >> 32;

	if (BASIC_MEMORY_TYPE(caps->basic) != MEMORY_TYPE_WB)
		return refuse(why, REFUSE_VMX_MEMORY_TYPE, "IA32_VMX_BASIC", MEMORY_TYPE_WB,
			      BASIC_MEMORY_TYPE(caps->basic));
	if (!BASIC_REGION_SIZE(caps->basic) || BASIC_REGION_SIZE(caps->basic) > SWIVL_PAGE_SIZE)
		return refuse(why, REFUSE_VMX_REGION_SIZE, "IA32_VMX_BASIC", SWIVL_PAGE_SIZE,
			      BASIC_REGION_SIZE(caps->basic));
	if (!(primary & PRIMARY_SECONDARY))
		return refuse(why, REFUSE_NO_SECONDARY, "activate secondary controls",
			      PRIMARY_SECONDARY, primary);
	if (!(secondary & SECONDARY_EPT))
		return refuse(why, REFUSE_NO_EPT, "enable EPT", SECONDARY_EPT, secondary);
	for (unsigned int i = 0; i < ARRAY_SIZE(ept); i++)
		if (!(caps->ept_vpid & ept[i].bit))
			return refuse(why, ept[i].why, ept[i].name, ept[i].bit, caps->ept_vpid);
	if (!(secondary & SECONDARY_UNRESTRICTED))
		return refuse(why, REFUSE_NO_UNRESTRICTED, "unrestricted guest",
			      SECONDARY_UNRESTRICTED, secondary);
	if (!(primary & PRIMARY_MSR_BITMAPS))
		return refuse(why, REFUSE_NO_MSR_BITMAP, "use MSR bitmaps", PRIMARY_MSR_BITMAPS,
			      primary);
	return true;
}

/* A VPID is only of use with a way to flush it. */
static void without_useless_vpid(const struct vmx_caps *caps, struct vmx_controls *c)
{
	const u64 vpid = VPID_CAP_INVVPID | VPID_CAP_SINGLE;

	if ((caps->ept_vpid & vpid) != vpid)
		c->secondary &= ~(u32)SECONDARY_VPID;
}

bool vmx_compute_controls(const struct vmx_caps *caps, struct vmx_controls *c,
			  struct refusal_report *why)
{
	if (!check_features(caps, why) || !decide(&pin_wish, caps->pin, &c->pin, why) ||
	    !decide(&primary_wish, caps->primary, &c->primary, why) ||
	    !decide(&secondary_wish, caps->secondary, &c->secondary, why) ||
	    !decide(&exit_wish, caps->exit, &c->exit, why) ||
	    !decide(&entry_wish, caps->entry, &c->entry, why))
		return false;
	c->primary &= ~(u32)PRIMARY_WINDOWS | (u32)caps->primary;
	c->entry &= ~(u32)ENTRY_LONG_MODE;
	without_useless_vpid(caps, c);
	return true;
}

/* Nothing exits that can be left to the guest. */
static const struct control_wish machine_pin = {
	.required = PIN_NMI | PIN_VIRTUAL_NMIS, /* by which its processors call each other */
	.forbidden = PIN_EXTERNAL_INTERRUPT | PIN_PREEMPTION_TIMER | PIN_POSTED_INTERRUPTS,
	.why = REFUSE_PIN_CONTROL,
	.name = pin_name,
};

static const struct control_wish machine_primary = {
	.required = PRIMARY_MSR_BITMAPS | PRIMARY_SECONDARY,
	.forbidden = PRIMARY_WINDOWS | PRIMARY_HLT | PRIMARY_INVLPG | PRIMARY_MWAIT | PRIMARY_RDPMC |
		     PRIMARY_RDTSC | PRIMARY_CR3_LOAD | PRIMARY_CR3_STORE | PRIMARY_CR8_LOAD |
		     PRIMARY_CR8_STORE | PRIMARY_MOV_DR | PRIMARY_UNCONDITIONAL_IO |
		     PRIMARY_MONITOR,
	.why = REFUSE_PRIMARY_CONTROL,
	.name = primary_name,
};

static const struct control_wish machine_secondary = {
	.required = SECONDARY_EPT | SECONDARY_UNRESTRICTED,
	.optional = SECONDARY_VPID | SECONDARY_RDTSCP | SECONDARY_INVPCID | SECONDARY_XSAVES |
		    SECONDARY_USER_WAIT,
	.why = REFUSE_SECONDARY_CONTROL,
	.name = secondary_name,
};

static const struct control_wish machine_exit = {
	.required = EXITS_HOST_LONG_MODE | EXITS_LOAD_PAT | EXITS_LOAD_EFER | EXITS_SAVE_DEBUG,
	.forbidden = EXITS_ACK_INTERRUPT,
	.why = REFUSE_EXIT_CONTROL,
	.name = exit_name,
};

bool vmx_compute_machine_controls(const struct vmx_caps *caps, struct vmx_controls *c,
				  struct refusal_report *why)
{
	if (!decide(&machine_pin, caps->pin, &c->pin, why) ||
	    !decide(&machine_primary, caps->primary, &c->primary, why) ||
	    !decide(&machine_secondary, caps->secondary, &c->secondary, why) ||
	    !decide(&machine_exit, caps->exit, &c->exit, why) ||
	    !decide(&entry_wish, caps->entry, &c->entry, why))
		return false;
	c->entry &= ~(u32)ENTRY_LONG_MODE;
	without_useless_vpid(caps, c);
	return true;
}

struct vmx_mitigations vmx_mitigations(void)
{
	struct vmx_mitigations m = { 0 };
	u64 arch = 0;
	u32 edx = 0;
	bool rtm = false, buffers;

	if (x86_cpuid(0, 0).eax >= 7) {
		edx = x86_cpuid(7, 0).edx;
		rtm = x86_cpuid(7, 0).ebx & CPUID_7_EBX_RTM;
	}
	if (edx & CPUID_7_EDX_ARCH_CAP)
		arch = x86_rdmsr(IA32_ARCH_CAPABILITIES);
	m.no_large_exec = !(arch & ARCH_CAP_PSCHANGE_MC_NO);
	m.legacy_ibrs = !(arch & ARCH_CAP_IBRS_ALL);
	m.stuff_rsb = m.legacy_ibrs || !(arch & ARCH_CAP_PBRSB_NO);
	/* MDS; TAA, which needs transactions; MMIO stale data; RFDS: VERW empties what each leaks. */
	buffers = (edx & CPUID_7_EDX_MD_CLEAR) &&
		  (!(arch & ARCH_CAP_MDS_NO) || (rtm && !(arch & ARCH_CAP_TAA_NO)));
	m.verw = buffers ||
		 ((arch & ARCH_CAP_FB_CLEAR) && (arch & ARCH_CAP_MMIO_NO) != ARCH_CAP_MMIO_NO) ||
		 ((arch & ARCH_CAP_RFDS_CLEAR) && !(arch & ARCH_CAP_RFDS_NO));
	m.flush_l1d = (edx & CPUID_7_EDX_L1D_FLUSH) &&
		      !(arch & (ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DFL_VMENTRY));
	m.ibpb = m.spec_ctrl = edx & CPUID_7_EDX_SPEC_CTRL;
	return m;
}
