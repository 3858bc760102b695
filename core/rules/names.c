// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Bits of registers by name (SDM vol. 3, 2.5, and vol. 4; APM vol. 2, 3.1). What one vendor alone has
 * is named for both: no bit means two things.
 */
#include "core/rules/names.h"

#define NAMES(name, ...) \
	static const struct rules_bit name##_bits[] = { __VA_ARGS__ }; \
	const struct rules_names rules_##name = { name##_bits, ARRAY_SIZE(name##_bits) }

NAMES(cr0, { 0, "PE" }, { 1, "MP" }, { 2, "EM" }, { 3, "TS" }, { 4, "ET" }, { 5, "NE" },
      { 16, "WP" }, { 18, "AM" }, { 29, "NW" }, { 30, "CD" }, { 31, "PG" });
NAMES(cr4, { 0, "VME" }, { 1, "PVI" }, { 2, "TSD" }, { 3, "DE" }, { 4, "PSE" }, { 5, "PAE" },
      { 6, "MCE" }, { 7, "PGE" }, { 8, "PCE" }, { 9, "OSFXSR" }, { 10, "OSXMMEXCPT" },
      { 11, "UMIP" }, { 12, "LA57" }, { 13, "VMXE" }, { 14, "SMXE" }, { 16, "FSGSBASE" },
      { 17, "PCIDE" }, { 18, "OSXSAVE" }, { 19, "KL" }, { 20, "SMEP" }, { 21, "SMAP" },
      { 22, "PKE" }, { 23, "CET" }, { 24, "PKS" }, { 25, "UINTR" }, { 28, "LAM_SUP" },
      { 32, "FRED" });
NAMES(efer, { 0, "SCE" }, { 8, "LME" }, { 10, "LMA" }, { 11, "NXE" }, { 12, "SVME" },
      { 13, "LMSLE" }, { 14, "FFXSR" }, { 15, "TCE" }, { 17, "MCOMMIT" }, { 18, "INTWB" },
      { 20, "UAIE" }, { 21, "AIBRSE" });
NAMES(rflags, { 0, "CF" }, { 1, "1" }, { 2, "PF" }, { 4, "AF" }, { 6, "ZF" }, { 7, "SF" },
      { 8, "TF" }, { 9, "IF" }, { 10, "DF" }, { 11, "OF" }, { 14, "NT" }, { 16, "RF" },
      { 17, "VM" }, { 18, "AC" }, { 19, "VIF" }, { 20, "VIP" }, { 21, "ID" });
NAMES(exceptions, { 0, "#DE" }, { 1, "#DB" }, { 3, "#BP" }, { 4, "#OF" }, { 5, "#BR" },
      { 6, "#UD" }, { 7, "#NM" }, { 8, "#DF" }, { 10, "#TS" }, { 11, "#NP" }, { 12, "#SS" },
      { 13, "#GP" }, { 14, "#PF" }, { 16, "#MF" }, { 17, "#AC" }, { 18, "#MC" }, { 19, "#XF" },
      { 20, "#VE" },      { 21, "#CP" }, { 28, "#HV" }, { 29, "#VC" }, { 30, "#SX" });
NAMES(debugctl, { 0, "LBR" }, { 1, "BTF" }, { 2, "BLD" }, { 6, "TR" }, { 7, "BTS" },
      { 8, "BTINT" }, { 9, "BTS_OFF_OS" }, { 10, "BTS_OFF_USR" }, { 11, "FREEZE_LBRS_ON_PMI" },
      { 12, "FREEZE_PERFMON_ON_PMI" }, { 13, "ENABLE_UNCORE_PMI" }, { 14, "FREEZE_WHILE_SMM" },
      { 15, "RTM_DEBUG" });

void rules_put_names(struct rules_text *t, u64 value, const struct rules_names *names)
{
	bool first = true;

	for (u32 bit = 0; bit < 64; bit++) {
		u32 n = 0;

		if (!(value >> bit & 1))
			continue;
		if (!first)
			rules_put(t, ", ");
		first = false;
		while (n < names->count && names->bits[n].bit != bit)
			n++;
		if (n < names->count)
			rules_put(t, names->bits[n].name);
		else
			rules_put_part(t, "bit ", bit);
	}
	if (first)
		rules_put(t, "none");
}

void rules_put_part(struct rules_text *t, const char *name, u64 value)
{
	rules_put(t, name);
	rules_put_number(t, (u32)value);
}

void rules_put_pat(struct rules_text *t, u64 pat)
{
	static const char *const types[8] = { "UC", "WC", "reserved", "reserved",
					      "WT", "WP", "WB", "UC-" };

	for (u32 i = 0; i < 64; i += 8) {
		rules_put_part(t, i ? ", PA" : "PA", i / 8);
		rules_put(t, " ");
		rules_put(t, (pat >> i & 0xff) < 8 ? types[pat >> i & 7] : "reserved");
	}
}
