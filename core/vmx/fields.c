// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "core/vmx/fields.h"

struct field_name {
	u32 encoding;
	const char *name;
};

const char *vmcs_field_name(u32 encoding)
{
#define NAME(width, id, number, text) { number, text },
	static const struct field_name names[] = { VMCS_FIELDS(NAME) };
#undef NAME

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].encoding == encoding)
			return names[i].name;
	return "unknown field";
}
