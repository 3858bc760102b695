// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* An entry that the processor refused: what the hypervisor says of it, shown and saved. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "machine.h"

/* From here on it is the state, which swivl explain reads. */
static const char dump_begins[] = "swivl dump ";

void failure_take(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	int n = swivl_vcpu_entry_failure(cpu->vcpu, NULL, 0);

	if (n < 0 || m->failure)
		return;
	m->failure = malloc((size_t)n + 1);
	if (m->failure && swivl_vcpu_entry_failure(cpu->vcpu, m->failure, (size_t)n + 1) < 0) {
		free(m->failure);
		m->failure = NULL;
	}
	if (m->failure)
		trace_failure(cpu, m->failure);
}

const char *failure_line(const char *text, size_t *size)
{
	*size = strcspn(text, "\n");
	return *size && strncmp(text, dump_begins, sizeof(dump_begins) - 1) ? text : NULL;
}

static bool save(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return false;
	fputs(text, f);
	return !(ferror(f) | fclose(f));
}

void failure_report(struct machine *m)
{
	const char *path = m->opt->dump_failure, *line = m->failure;
	size_t n;

	if (!m->failure) {
		if (m->end_cpu && m->end_cpu->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
			fputs("  Why, this device does not tell. With kvm_intel's parameter "
			      "dump_invalid_vmcs=1 the kernel\n  log has the state, which swivl "
			      "explain reads.\n", stderr);
		return;
	}
	while (failure_line(line, &n)) {
		fprintf(stderr, "  %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	if (!path)
		fputs("  (--dump-failure FILE saves the state for swivl explain)\n", stderr);
	else if (save(path, m->failure))
		fprintf(stderr, "  (the state is in %s, for swivl explain)\n", path);
	else
		say("%s: %s", path, strerror(errno));
}
