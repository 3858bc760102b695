// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: core/vm/refusal.c
/*
 * From capability MSRs to control fields: the values of five real models as Bochs has them, and
 * each requirement taken away, one at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SWIVL_MODEL
#include "core/vmx/caps.c"

/* ---- the modelled processor: nothing but MSRs ------------------------------------------------- */

#define VMX_MSRS 18
static u64 msrs[VMX_MSRS]; /* from IA32_VMX_BASIC on */
static u32 present; /* bits of those that exist */
static bool faulted;
static u32 cpuid_7_ebx, cpuid_7_edx, cpuid_max = 7;
static u64 arch_capabilities;

struct x86_cpuid x86_cpuid(u32 leaf, u32 subleaf)
{
	if (leaf == 0)
		return (struct x86_cpuid){ .eax = cpuid_max };
	assert_int_equal(leaf, 7);
	assert_true(cpuid_max >= 7);
	return (struct x86_cpuid){ .ebx = cpuid_7_ebx, .edx = cpuid_7_edx };
}

u64 x86_rdmsr(u32 msr)
{
	u32 n = msr - IA32_VMX_BASIC;

	if (msr == IA32_ARCH_CAPABILITIES && (cpuid_7_edx & CPUID_7_EDX_ARCH_CAP))
		return arch_capabilities;
	if (n >= VMX_MSRS || !(present >> n & 1)) {
		faulted = true; /* a #GP, with which no kernel would live */
		return 0;
	}
	return msrs[n];
}

struct model {
	const char *name;
	u64 msr[VMX_MSRS];
	u32 present;
};

#define BASE(misc, cr4, secondary, ept) \
	{ 0x00d810000000002b, 0x0000007f00000016, 0xf7f9fffe0401e172, 0x007fffff00036dff, \
	  0x0000ffff000011ff, misc, 0x80000021, 0xffffffff, 0x2000, cr4, 0x34, secondary, ept, \
	  0x0000007f00000016, 0xf7f9fffe04006172, 0x007fffff00036dfb, 0x0000ffff000011fb, 1 }

static const struct model penryn = {
	"core2_penryn_t9600",
	{ 0x00d810000000002b, 0x0000003f00000016, 0xf7f9fffe0401e172, 0x0003ffff00036dff,
	  0x00003fff000011ff, 0x401e0, 0x80000021, 0xffffffff, 0x2000, 0x467ff, 0x34,
	  0x0000004100000000, 0, 0x0000003f00000016, 0xf7f9fffe04006172, 0x0003ffff00036dfb,
	  0x00003fff000011fb },
	0x1efff,
};
static const struct model lynnfield = { "corei5_lynnfield_750",
	BASE(0x401e0, 0x67ff, 0x0000007f00000000, 0x00000f0106114141), 0x1ffff };
static const struct model arrandale = { "corei5_arrandale_m520",
	BASE(0x401e0, 0x67ff, 0x000000ff00000000, 0x00000f0106114141), 0x1ffff };
static const struct model haswell = { "corei7_haswell_4770",
	BASE(0x200401e0, 0x1727ff, 0x00047fff00000000, 0x00000f0106334141), 0x3ffff };
static const struct model skylake = { "corei7_skylake_x",
	BASE(0x600401e0, 0x3727ff, 0x02177fff00000000, 0x00000f0106334141), 0x3ffff };

static struct vmx_caps load(const struct model *m)
{
	struct vmx_caps caps;

	memcpy(msrs, m->msr, sizeof(msrs));
	present = m->present;
	faulted = false;
	caps = vmx_read_caps();
	assert_false(faulted);
	return caps;
}

static void refused(const struct vmx_caps *caps, enum refusal reason, const char *field)
{
	struct refusal_report why = { .why = REFUSE_NOTHING };
	struct vmx_controls c;

	assert_false(vmx_compute_controls(caps, &c, &why));
	assert_string_equal(refusal_text(why.why)->name, refusal_text(reason)->name);
	if (field)
		assert_string_equal(why.field, field);
}

/* ---- models ------------------------------------------------------------------------------------- */

static void old_models_are_refused_by_name(void **state)
{
	struct vmx_caps caps = load(&penryn);

	refused(&caps, REFUSE_NO_EPT, "enable EPT");
	caps = load(&lynnfield);
	refused(&caps, REFUSE_NO_UNRESTRICTED, "unrestricted guest");
}

static void check_pair(u32 value, u64 cap)
{
	assert_int_equal(value & (u32)cap, (u32)cap);
	assert_int_equal(value & ~(u32)(cap >> 32), 0);
}

static void controls_of(const struct model *m, struct vmx_controls *c)
{
	struct vmx_caps caps = load(m);
	struct refusal_report why;

	assert_true(vmx_compute_controls(&caps, c, &why));
	check_pair(c->pin, caps.pin);
	check_pair(c->primary, caps.primary);
	check_pair(c->secondary, caps.secondary);
	check_pair(c->exit, caps.exit);
	check_pair(c->entry, caps.entry);
}

static void newer_models_get_exactly_these_controls(void **state)
{
	struct vmx_controls c;

	controls_of(&arrandale, &c);
	assert_int_equal(c.pin, 0x16 | 0x69);
	assert_int_equal(c.primary, 0x04006172 | 0xb1980c88);
	assert_int_equal(c.secondary, SECONDARY_EPT | SECONDARY_UNRESTRICTED | SECONDARY_WBINVD |
					      SECONDARY_VPID | SECONDARY_RDTSCP);
	assert_int_equal(c.exit, 0x00036dfb | 0x00280200);
	assert_int_equal(c.entry, 0x000011fb | 0x0000c004);
	controls_of(&haswell, &c);
	assert_true(c.secondary & SECONDARY_INVPCID);
	assert_false(c.secondary & (SECONDARY_VMFUNC | SECONDARY_SHADOWING));
	controls_of(&skylake, &c);
	assert_false(c.secondary & (SECONDARY_PML | SECONDARY_XSAVES));
}

static void windows_and_long_mode_start_closed(void **state)
{
	struct vmx_controls c;

	controls_of(&haswell, &c);
	assert_false(c.primary & (PRIMARY_INTERRUPT_WINDOW | PRIMARY_NMI_WINDOW));
	assert_false(c.entry & ENTRY_LONG_MODE);
}

static void msrs_that_may_not_exist_are_not_read(void **state)
{
	struct model m = haswell;

	/* No secondary controls: neither they nor EPT's capabilities have an MSR. */
	m.msr[IA32_VMX_TRUE_PROCBASED_CTLS - IA32_VMX_BASIC] &= ~((u64)PRIMARY_SECONDARY << 32);
	m.present &= ~(3u << (IA32_VMX_PROCBASED_CTLS2 - IA32_VMX_BASIC));
	load(&m);
	/* No TRUE_ MSRs. */
	m = haswell;
	m.msr[0] &= ~BASIC_TRUE_CONTROLS;
	m.present &= ~(15u << (IA32_VMX_TRUE_PINBASED_CTLS - IA32_VMX_BASIC));
	load(&m);
}

static void without_true_controls_cr3_would_exit(void **state)
{
	struct model m = haswell;
	struct vmx_caps caps;

	m.msr[0] &= ~BASIC_TRUE_CONTROLS;
	caps = load(&m);
	assert_int_equal(caps.primary, 0xf7f9fffe0401e172);
	refused(&caps, REFUSE_PRIMARY_CONTROL, "CR3-load exiting");
}

/* ---- one requirement at a time ------------------------------------------------------------------- */

static void each_required_bit(const struct control_wish *wish, size_t offset)
{
	for (u32 bit = 1; bit; bit <<= 1) {
		struct vmx_caps caps = load(&haswell);
		u64 *cap = (u64 *)((char *)&caps + offset);
		struct refusal_report why = { .why = REFUSE_NOTHING };
		struct vmx_controls c;

		if (!(wish->required & bit))
			continue;
		*cap &= ~((u64)bit << 32 | bit);
		assert_false(vmx_compute_controls(&caps, &c, &why));
		assert_int_not_equal(why.why, REFUSE_NOTHING);
		assert_string_equal(why.field, wish->name(bit));
		assert_string_not_equal(why.field, "unnamed control");
		assert_true(why.wanted & bit);
		assert_false(why.found & bit);
	}
}

static void each_required_control_is_missed_by_name(void **state)
{
	each_required_bit(&pin_wish, offsetof(struct vmx_caps, pin));
	each_required_bit(&primary_wish, offsetof(struct vmx_caps, primary));
	each_required_bit(&secondary_wish, offsetof(struct vmx_caps, secondary));
	each_required_bit(&exit_wish, offsetof(struct vmx_caps, exit));
	each_required_bit(&entry_wish, offsetof(struct vmx_caps, entry));
}

static void demanded_bits_are_set_unless_forbidden(void **state)
{
	struct vmx_caps caps = load(&haswell);
	struct refusal_report why;
	struct vmx_controls c;

	caps.secondary |= SECONDARY_PAUSE_LOOP; /* not wanted, but harmless */
	assert_true(vmx_compute_controls(&caps, &c, &why));
	assert_true(c.secondary & SECONDARY_PAUSE_LOOP);
	caps.exit |= EXITS_ACK_INTERRUPT;
	refused(&caps, REFUSE_EXIT_CONTROL, "acknowledge interrupt on exit");
}

static void features_have_their_own_reasons(void **state)
{
	static const struct {
		u64 bit;
		enum refusal why;
	} ept[] = {
		{ EPT_CAP_4_LEVELS, REFUSE_EPT_LEVELS }, { EPT_CAP_2M, REFUSE_EPT_LEVELS },
		{ EPT_CAP_WB, REFUSE_EPT_MEMORY_TYPE }, { EPT_CAP_INVEPT, REFUSE_NO_INVEPT },
		{ EPT_CAP_INVEPT_SINGLE, REFUSE_NO_INVEPT },
	};
	struct vmx_caps caps;

	for (unsigned int i = 0; i < ARRAY_SIZE(ept); i++) {
		caps = load(&haswell);
		caps.ept_vpid &= ~ept[i].bit;
		refused(&caps, ept[i].why, NULL);
	}
	caps = load(&haswell);
	caps.primary &= ~((u64)PRIMARY_SECONDARY << 32);
	refused(&caps, REFUSE_NO_SECONDARY, "activate secondary controls");
	caps = load(&haswell);
	caps.primary &= ~((u64)PRIMARY_MSR_BITMAPS << 32);
	refused(&caps, REFUSE_NO_MSR_BITMAP, "use MSR bitmaps");
	caps = load(&haswell);
	caps.basic &= ~(15ull << 50);
	refused(&caps, REFUSE_VMX_MEMORY_TYPE, "IA32_VMX_BASIC");
	caps = load(&haswell);
	caps.basic |= 0x1fffull << 32;
	refused(&caps, REFUSE_VMX_REGION_SIZE, "IA32_VMX_BASIC");
}

static void vpid_needs_a_way_to_flush_it(void **state)
{
	struct vmx_caps caps = load(&haswell);
	struct refusal_report why;
	struct vmx_controls c;

	caps.ept_vpid &= ~VPID_CAP_SINGLE;
	assert_true(vmx_compute_controls(&caps, &c, &why));
	assert_false(c.secondary & SECONDARY_VPID);
}

static void fixed_bits(void **state)
{
	assert_true(vmx_fixed_ok(0x80000021, 0x80000021, 0xffffffff));
	assert_false(vmx_fixed_ok(0x80000020, 0x80000021, 0xffffffff));
	assert_false(vmx_fixed_ok(0x180000021, 0x80000021, 0xffffffff));
}

/* ---- speculation --------------------------------------------------------------------------------- */

static struct vmx_mitigations mitigations_of(u32 max, u32 edx, u64 arch)
{
	cpuid_max = max;
	cpuid_7_edx = edx;
	arch_capabilities = arch;
	faulted = false;
	return vmx_mitigations();
}

static void mitigations_follow_cpuid(void **state)
{
	const u32 all = CPUID_7_EDX_MD_CLEAR | CPUID_7_EDX_SPEC_CTRL | CPUID_7_EDX_L1D_FLUSH |
			CPUID_7_EDX_ARCH_CAP;
	struct vmx_mitigations m = mitigations_of(6, all, ~0ull);

	/* An old processor says nothing: it gets what needs no MSR. */
	assert_true(m.stuff_rsb);
	assert_false(m.verw || m.flush_l1d || m.ibpb || m.spec_ctrl);
	m = mitigations_of(7, all & ~CPUID_7_EDX_ARCH_CAP, 0);
	assert_true(m.stuff_rsb && m.verw && m.flush_l1d && m.ibpb && m.spec_ctrl);
	m = mitigations_of(7, all, ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_MDS_NO);
	assert_false(m.legacy_ibrs || m.verw || m.flush_l1d);
	assert_true(m.stuff_rsb); /* PBRSB */
	m = mitigations_of(7, all, ARCH_CAP_IBRS_ALL | ARCH_CAP_PBRSB_NO);
	assert_false(m.stuff_rsb || m.legacy_ibrs);
	m = mitigations_of(7, all, ARCH_CAP_MDS_NO | ARCH_CAP_FB_CLEAR);
	assert_true(m.verw);
	m = mitigations_of(7, all, ARCH_CAP_MDS_NO | ARCH_CAP_FB_CLEAR | ARCH_CAP_MMIO_NO);
	assert_false(m.verw);
	m = mitigations_of(7, all, ARCH_CAP_MDS_NO | ARCH_CAP_RFDS_CLEAR);
	assert_true(m.verw);
	m = mitigations_of(7, all, ARCH_CAP_MDS_NO | ARCH_CAP_RFDS_CLEAR | ARCH_CAP_RFDS_NO);
	assert_false(m.verw);
	cpuid_7_ebx = CPUID_7_EBX_RTM;
	m = mitigations_of(7, all, ARCH_CAP_MDS_NO);
	assert_true(m.verw);
	m = mitigations_of(7, all, ARCH_CAP_MDS_NO | ARCH_CAP_TAA_NO);
	assert_false(m.verw);
	cpuid_7_ebx = 0;
	m = mitigations_of(7, all, ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_MDS_NO);
	assert_true(m.ibpb && m.spec_ctrl && m.no_large_exec);
	m = mitigations_of(7, all, ARCH_CAP_PSCHANGE_MC_NO);
	assert_false(m.no_large_exec);
	m = mitigations_of(7, all, ARCH_CAP_SKIP_L1DFL_VMENTRY);
	assert_true(m.stuff_rsb && m.verw);
	assert_false(m.flush_l1d);
	assert_false(faulted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_models_are_refused_by_name),
		cmocka_unit_test(newer_models_get_exactly_these_controls),
		cmocka_unit_test(windows_and_long_mode_start_closed),
		cmocka_unit_test(msrs_that_may_not_exist_are_not_read),
		cmocka_unit_test(without_true_controls_cr3_would_exit),
		cmocka_unit_test(each_required_control_is_missed_by_name),
		cmocka_unit_test(demanded_bits_are_set_unless_forbidden),
		cmocka_unit_test(features_have_their_own_reasons),
		cmocka_unit_test(vpid_needs_a_way_to_flush_it),
		cmocka_unit_test(fixed_bits),
		cmocka_unit_test(mitigations_follow_cpuid),
	};

	return cmocka_run_group_tests_name("vmx_caps", tests, NULL, NULL);
}
