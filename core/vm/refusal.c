// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "core/swivl.h"
#include "core/vm/refusal.h"
#include "core/vm/text.h"

const struct refusal_text *refusal_text(enum refusal why)
{
#define TEXT(id, ...) { __VA_ARGS__ },
	static const struct refusal_text texts[REFUSALS] = { REFUSAL_LIST(TEXT) };
#undef TEXT
	static const struct refusal_text unknown = { "unknown", "Refused for no known reason",
						     "Report it", "" };

	if ((unsigned int)why >= REFUSALS)
		return &unknown;
	return &texts[why];
}

void swivl_refusal_line(const struct refusal_report *why, char *buf, size_t size)
{
	const struct refusal_text *text = refusal_text(why->why);
	struct text t;

	if (!size)
		return;
	t = text_start(buf, size);
	text_put(&t, "swivl: ");
	text_put(&t, text->what);
	text_put(&t, " (");
	text_put(&t, text->name);
	text_put(&t, ", CPU ");
	text_number(&t, why->cpu, 10);
	if (why->field) {
		text_put(&t, ", ");
		text_put(&t, why->field);
		text_put(&t, ": wanted ");
		text_number(&t, why->wanted, 16);
		text_put(&t, ", found ");
		text_number(&t, why->found, 16);
	}
	text_put(&t, "). ");
	text_put(&t, text->todo);
	if (*text->manual) {
		text_put(&t, " [");
		text_put(&t, text->manual);
		text_put(&t, "]");
	}
}
