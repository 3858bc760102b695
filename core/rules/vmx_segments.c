// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Intel: the guest's segment registers (SDM vol. 3, 27.3.1.2). i is ES CS SS DS FS GS LDTR TR. */
#include "core/rules/vmx.h"

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };
#define CODE (1u << CS)
#define STACK (1u << SS)
#define DATA (1u << ES | 1u << DS | 1u << FS | 1u << GS)
#define LOW (1u << SS | 1u << DS | 1u << ES)

static u64 selector(struct rules_judge *j, unsigned int i)
{
	return rules_value(j, AT_GUEST_ES_SELECTOR + i);
}
static u64 base(struct rules_judge *j, unsigned int i)
{
	return rules_value(j, AT_GUEST_ES_BASE + i);
}
static u64 limit(struct rules_judge *j, unsigned int i)
{
	return rules_value(j, AT_GUEST_ES_LIMIT + i);
}
static u64 rights(struct rules_judge *j, unsigned int i)
{
	return rules_value(j, AT_GUEST_ES_ACCESS_RIGHTS + i);
}

static bool v86(struct rules_judge *j)
{
	return V(GUEST_RFLAGS) & RFLAGS_VM;
}
/* CS and TR are checked whether or not they say that they are usable. */
static bool usable(struct rules_judge *j, unsigned int i)
{
	return i == CS || i == TR || !AR_UNUSABLE(rights(j, i));
}
/* The checks of the access rights outside of virtual-8086 mode. */
static bool checked(struct rules_judge *j, unsigned int i)
{
	return (i >= LDTR || !v86(j)) && usable(j, i);
}

static bool code_type(struct rules_judge *j)
{
	u64 type = AR_TYPE(rights(j, CS));

	return (type & 9) == 9 || (type == 3 && unrestricted(j));
}

static bool code_dpl(struct rules_judge *j)
{
	u64 type = AR_TYPE(rights(j, CS)), dpl = AR_DPL(rights(j, CS));

	if (type == 3)
		return dpl == 0;
	if ((type & 9) != 9)
		return true; /* another rule's business */
	return type & 4 ? dpl <= AR_DPL(rights(j, SS)) : dpl == AR_DPL(rights(j, SS));
}

static bool data_type(struct rules_judge *j, unsigned int i)
{
	u64 type = AR_TYPE(rights(j, i));

	return (type & 1) && (!(type & 8) || (type & 2));
}

static bool data_dpl(struct rules_judge *j, unsigned int i)
{
	return AR_TYPE(rights(j, i)) > 11 || AR_DPL(rights(j, i)) >= (selector(j, i) & 3);
}

/* The limit counts bytes or pages: it cannot be both odd at the low end and high. */
static bool granularity(struct rules_judge *j, unsigned int i)
{
	u64 l = limit(j, i);

	return AR_G(rights(j, i)) ? (l & 0xfff) == 0xfff : !(l >> 20);
}

static bool task_type(struct rules_judge *j)
{
	u64 type = AR_TYPE(rights(j, TR));

	return type == 11 || (type == 3 && !long_guest(j));
}

#define BAD EXIT_BAD_STATE
#define FLAT (CODE | STACK | DATA)
#define SYSTEM (1u << LDTR | 1u << TR)

#define SEGMENT_RULES(R) \
	R(431, BAD, 1, "guest.tr-ti", "27.3.1.2", !(selector(j, TR) & 4), \
	  "TI of TR's selector is 0") \
	R(432, BAD, 1, "guest.ldtr-ti", "27.3.1.2", !usable(j, LDTR) || !(selector(j, LDTR) & 4), \
	  "TI of LDTR's selector is 0 where LDTR is usable") \
	R(433, BAD, 1, "guest.ss-rpl", "27.3.1.2", \
	  v86(j) || unrestricted(j) || (selector(j, SS) & 3) == (selector(j, CS) & 3), \
	  "RPL of SS's selector is that of CS's, without virtual-8086 mode and \"unrestricted " \
	  "guest\"") \
	R(434, BAD, FLAT, "guest.v86-base", "27.3.1.2", \
	  !v86(j) || base(j, i) == selector(j, i) << 4, \
	  "a segment's base in virtual-8086 mode is its selector times 16") \
	R(435, BAD, 1u << FS | 1u << GS | 1u << TR, "guest.base", "27.3.1.2", \
	  canonical(j, base(j, i)), "the bases of FS, GS and TR are canonical") \
	R(436, BAD, 1, "guest.ldtr-base", "27.3.1.2", \
	  !usable(j, LDTR) || canonical(j, base(j, LDTR)), \
	  "LDTR's base is canonical where LDTR is usable") \
	R(437, BAD, 1, "guest.cs-base", "27.3.1.2", !(base(j, CS) >> 32), \
	  "bits 63:32 of CS's base are 0") \
	R(438, BAD, LOW, "guest.base-32", "27.3.1.2", !usable(j, i) || !(base(j, i) >> 32), \
	  "bits 63:32 of the bases of SS, DS and ES are 0 where they are usable") \
	R(439, BAD, FLAT, "guest.v86-limit", "27.3.1.2", !v86(j) || limit(j, i) == 0xffff, \
	  "a segment's limit in virtual-8086 mode is FFFFh") \
	R(440, BAD, FLAT, "guest.v86-rights", "27.3.1.2", !v86(j) || rights(j, i) == 0xf3, \
	  "a segment's access rights in virtual-8086 mode are F3h") \
	R(441, BAD, 1, "guest.cs-type", "27.3.1.2", !checked(j, CS) || code_type(j), \
	  "CS's type is 9, 11, 13 or 15: accessed code; with \"unrestricted guest\" it may be 3") \
	R(442, BAD, 1, "guest.ss-type", "27.3.1.2", \
	  !checked(j, SS) || (AR_TYPE(rights(j, SS)) & 11) == 3, \
	  "SS's type is 3 or 7, accessed writable data, where SS is usable") \
	R(443, BAD, DATA, "guest.data-type", "27.3.1.2", !checked(j, i) || data_type(j, i), \
	  "the types of DS, ES, FS and GS are accessed, and readable if they are code, where they " \
	  "are usable") \
	R(444, BAD, FLAT, "guest.s", "27.3.1.2", !checked(j, i) || AR_S(rights(j, i)), \
	  "S of the access rights is 1 for code and data segments that are usable") \
	R(445, BAD, 1, "guest.cs-dpl", "27.3.1.2", !checked(j, CS) || code_dpl(j), \
	  "CS's DPL is 0 with type 3, that of SS where CS is not conforming, and not above it where it " \
	  "is") \
	R(446, BAD, 1, "guest.ss-dpl-rpl", "27.3.1.2", \
	  v86(j) || unrestricted(j) || AR_DPL(rights(j, SS)) == (selector(j, SS) & 3), \
	  "SS's DPL is the RPL of its selector, without \"unrestricted guest\"") \
	R(447, BAD, 1, "guest.ss-dpl", "27.3.1.2", \
	  v86(j) || !AR_DPL(rights(j, SS)) || \
		  (AR_TYPE(rights(j, CS)) != 3 && (V(GUEST_CR0) & CR0_PE)), \
	  "SS's DPL is 0 where CS's type is 3 or CR0.PE is 0") \
	R(448, BAD, DATA, "guest.data-dpl", "27.3.1.2", \
	  !checked(j, i) || unrestricted(j) || data_dpl(j, i), \
	  "the DPL of DS, ES, FS and GS is not below the RPL of their selectors where they are usable and not " \
	  "conforming code, without \"unrestricted guest\"") \
	R(449, BAD, FLAT, "guest.p", "27.3.1.2", !checked(j, i) || AR_P(rights(j, i)), \
	  "P of the access rights is 1 for segments that are usable") \
	R(450, BAD, FLAT, "guest.rights-11-8", "27.3.1.2", \
	  !checked(j, i) || !RANGE(rights(j, i), 8, 11), \
	  "bits 11:8 of the access rights are 0 for segments that are usable") \
	R(451, BAD, 1, "guest.cs-l-db", "27.3.1.2", \
	  !checked(j, CS) || !long_guest(j) || !AR_L(rights(j, CS)) || !AR_DB(rights(j, CS)), \
	  "CS's D/B is 0 in 64-bit code: \"IA-32e mode guest\" with CS's L") \
	R(452, BAD, FLAT, "guest.g", "27.3.1.2", !checked(j, i) || granularity(j, i), \
	  "G of the access rights fits the limit of a segment that is usable: 0 if any of bits 11:0 " \
	  "is 0, 1 if any of bits 31:20 is 1") \
	R(453, BAD, FLAT, "guest.rights-31-17", "27.3.1.2", \
	  !checked(j, i) || !(rights(j, i) >> 17), \
	  "bits 31:17 of the access rights are 0 for segments that are usable") \
	R(461, BAD, 1, "guest.tr-type", "27.3.1.2", task_type(j), \
	  "TR's type is 11, a busy 32-bit or 64-bit TSS, or 3, a busy 16-bit TSS, outside of IA-32e " \
	  "mode") \
	R(462, BAD, 1, "guest.tr-usable", "27.3.1.2", !AR_UNUSABLE(rights(j, TR)), \
	  "TR is usable: bit 16 of its access rights is 0") \
	R(463, BAD, 1, "guest.ldtr-type", "27.3.1.2", \
	  !usable(j, LDTR) || AR_TYPE(rights(j, LDTR)) == 2, \
	  "LDTR's type is 2, LDT, where LDTR is usable") \
	R(464, BAD, SYSTEM, "guest.system-s", "27.3.1.2", \
	  !checked(j, i) || !AR_S(rights(j, i)), \
	  "S of the access rights is 0 for TR, and for LDTR where it is usable") \
	R(465, BAD, SYSTEM, "guest.system-p", "27.3.1.2", !checked(j, i) || AR_P(rights(j, i)), \
	  "P of the access rights is 1 for TR, and for LDTR where it is usable") \
	R(466, BAD, SYSTEM, "guest.system-11-8", "27.3.1.2", \
	  !checked(j, i) || !RANGE(rights(j, i), 8, 11), \
	  "bits 11:8 of the access rights are 0 for TR, and for LDTR where it is usable") \
	R(467, BAD, SYSTEM, "guest.system-g", "27.3.1.2", !checked(j, i) || granularity(j, i), \
	  "G of the access rights fits the limit of TR, and of LDTR where it is usable: 0 if any of " \
	  "bits 11:0 is 0, 1 if any of bits 31:20 is 1") \
	R(468, BAD, SYSTEM, "guest.system-31-17", "27.3.1.2", \
	  !checked(j, i) || !(rights(j, i) >> 17), \
	  "bits 31:17 of the access rights are 0 for TR, and for LDTR where it is usable")

RULES_DEFINE(vmx_segment_rules, SEGMENT_RULES)
