// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What --json prints. */
#include "cli.h"

void json_string(FILE *f, const char *key, const char *value, size_t max)
{
	fprintf(f, "\"%s\": ", key);
	json_text(f, value, max);
}

void json_text(FILE *f, const char *value, size_t max)
{
	fputc('"', f);
	for (; max && *value; value++, max--) {
		if (*value == '"' || *value == '\\')
			fprintf(f, "\\%c", *value);
		else if ((unsigned char)*value < ' ')
			fprintf(f, "\\u%04x", *value);
		else
			fputc(*value, f);
	}
	fputc('"', f);
}
