/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* --stats: exits to user space by reason, and what the hypervisor counted itself. */
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

#define MAX_LINES 48
#define MAX_STATS 256

struct line {
	uint64_t count;
	char text[64];
};

struct table {
	struct line lines[MAX_LINES];
	unsigned int n;
	uint64_t total;
};

static int by_count(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static void add(struct table *t, uint64_t count, const char *a, unsigned int port, const char *b)
{
	struct line *l;

	if (!count)
		return;
	t->total += count;
	if (t->n == MAX_LINES) { /* the last line gathers what has no room */
		t->lines[MAX_LINES - 1].count += count;
		snprintf(t->lines[MAX_LINES - 1].text, sizeof(l->text), "other ports");
		return;
	}
	l = &t->lines[t->n++];
	l->count = count;
	if (b)
		snprintf(l->text, sizeof(l->text), "%s 0x%x  %s", a, port, b);
	else
		snprintf(l->text, sizeof(l->text), "%s", a);
}

static void print(struct table *t, const char *title)
{
	qsort(t->lines, t->n, sizeof(t->lines[0]), by_count);
	fprintf(stderr, "%s\n", title);
	for (unsigned int i = 0; i < t->n; i++)
		fprintf(stderr, "%12llu  %s\n", (unsigned long long)t->lines[i].count,
			t->lines[i].text);
	fprintf(stderr, "%12llu  total\n", (unsigned long long)t->total);
}

static void user_exits(struct machine *m)
{
	struct table t = { .n = 0 };

	for (unsigned int i = 0; i < EXIT_REASONS; i++)
		if (i != KVM_EXIT_IO && i != KVM_EXIT_MMIO)
			add(&t, m->exits[i], swivl_exit_name(i), 0, NULL);
	add(&t, m->interrupted, "left by a signal", 0, NULL);
	add(&t, m->mmio[0], "memory read, no device", 0, NULL);
	add(&t, m->mmio[1], "memory write, no device", 0, NULL);
	for (unsigned int p = 0; m->ports && p < PORTS; p++) {
		add(&t, m->ports[p][0], "in ", p, port_name(p));
		add(&t, m->ports[p][1], "out", p, port_name(p));
	}
	print(&t, "exits to user space");
}

/* The sum of each counter over the processors; they all have the same ones. */
static void kernel_counters(struct machine *m)
{
	struct swivl_counter *sum = calloc(2 * MAX_STATS, sizeof(*sum)), *one = sum + MAX_STATS;
	struct table t = { .n = 0 };
	int n = 0;

	for (unsigned int c = 0; sum && c < m->ncpus; c++) {
		n = swivl_vcpu_counters(m->cpus[c].vcpu, c ? one : sum, MAX_STATS);
		for (int i = 0; c && i < n && i < MAX_STATS; i++)
			sum[i].value += one[i].value;
	}
	for (int i = 0; i < n && i < MAX_STATS; i++)
		add(&t, sum[i].value, sum[i].name, 0, NULL);
	if (t.n) {
		qsort(t.lines, t.n, sizeof(t.lines[0]), by_count);
		fprintf(stderr, "counted by the hypervisor (%s)\n", swivl_path(m->host));
		for (unsigned int i = 0; i < t.n; i++)
			fprintf(stderr, "%12llu  %s\n", (unsigned long long)t.lines[i].count,
				t.lines[i].text);
	}
	free(sum);
}

void stats_print(struct machine *m)
{
	user_exits(m);
	kernel_counters(m);
}
