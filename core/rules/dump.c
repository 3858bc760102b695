// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* A state written down as text, line by line, as docs/rules.md describes it. cli/dump.c reads it. */
#include "core/rules/judge.h"

/* What the two vendors' states have in common, for the lines. */
struct dump {
	const char *name, *word; /* "VMCS", "vmcs " */
	const u64 *value;
	const u8 *present;
	unsigned int fields, all; /* facts stand behind the fields */
	const struct rules_msr *loads;
	unsigned int load_count;
	const char *(*name_of)(unsigned int field);
	unsigned int (*number_of)(unsigned int field);
};

static bool present(const struct dump *d, unsigned int field)
{
	return d->present[field / 8] >> field % 8 & 1;
}

static void put_field(struct rules_text *t, const struct dump *d, unsigned int field)
{
	char number[19];
	struct rules_text hex = { number, number + sizeof(number) - 1 };

	if (field < d->fields) {
		rules_put(t, d->word);
		rules_put_hex(&hex, d->number_of(field));
		rules_put(t, number + 2); /* as manuals write it */
	} else {
		rules_put(t, "fact ");
		rules_put(t, d->name_of(field));
	}
	rules_put(t, " = ");
	rules_put_hex(t, d->value[field]);
	if (field < d->fields) {
		rules_put(t, " ");
		rules_put(t, d->name_of(field));
	}
}

static void put_load(struct rules_text *t, const struct rules_msr *m)
{
	rules_put(t, "load ");
	rules_put_hex(t, m->index);
	rules_put(t, " ");
	rules_put_hex(t, m->reserved);
	rules_put(t, " = ");
	rules_put_hex(t, m->value);
}

static void put_end(struct rules_text *t, const struct dump *d)
{
	unsigned int values = d->load_count;

	for (unsigned int i = 0; i < d->all; i++)
		values += present(d, i);
	rules_put(t, "swivl dump ends: ");
	rules_put_number(t, values);
	rules_put(t, " values");
}

/* *at counts: the first line, the fields and facts, the MSRs to load, the last line. */
static unsigned int put_line(const struct dump *d, unsigned int *at, char *line, unsigned int size)
{
	struct rules_text t = { line, size ? line + size - 1 : line };
	unsigned int n = *at;

	if (!size)
		return 0;
	*line = 0;
	while (n && n <= d->all && !present(d, n - 1))
		n++;
	*at = n + 1;
	if (!n) {
		rules_put(&t, "swivl dump 1: ");
		rules_put(&t, d->name);
	} else if (n <= d->all) {
		put_field(&t, d, n - 1);
	} else if (n - 1 - d->all < d->load_count) {
		put_load(&t, &d->loads[n - 1 - d->all]);
	} else if (n - 1 - d->all == d->load_count) {
		put_end(&t, d);
	} else {
		*at = n;
	}
	return (unsigned int)(t.at - line);
}

unsigned int rules_vmx_line(const struct rules_vmx_state *s, unsigned int *at, char *line,
			    unsigned int size)
{
	struct dump d = {
		.name = "VMCS", .word = "vmcs ", .value = s->value, .present = s->present,
		.fields = RULES_VMX_FIELDS, .all = RULES_VMX_FACT(RULES_VMX_FACTS),
		.loads = s->entry_load, .load_count = s->entry_load ? s->entry_loads : 0,
		.name_of = rules_vmx_name, .number_of = rules_vmx_encoding,
	};

	return put_line(&d, at, line, size);
}

unsigned int rules_svm_line(const struct rules_svm_state *s, unsigned int *at, char *line,
			    unsigned int size)
{
	struct dump d = {
		.name = "VMCB", .word = "vmcb ", .value = s->value, .present = s->present,
		.fields = RULES_SVM_FIELDS, .all = RULES_SVM_FACT(RULES_SVM_FACTS),
		.name_of = rules_svm_name, .number_of = rules_svm_offset,
	};

	return put_line(&d, at, line, size);
}
