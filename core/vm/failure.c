// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * An entry that the processor refused, named by the rule that its state breaks: for the log, and for
 * whoever runs the guest. The vendor fills and judges vcpu->failure when it happens; all else is here.
 */
#include "core/vm/request.h"

_Static_assert(sizeof(struct rules_failure) <= SWIVL_PAGE_SIZE, "one page: not on any stack");

struct rules_failure *vcpu_failure(struct vcpu *vcpu)
{
	if (!vcpu->failure)
		__atomic_store_n(&vcpu->failure, host_page_alloc(), __ATOMIC_RELEASE);
	if (vcpu->failure)
		memset(vcpu->failure, 0, SWIVL_PAGE_SIZE);
	return vcpu->failure;
}

/*
 * Whoever runs guests can make entries fail as often as they like, in as many VMs: one of them is
 * written every LOG_EVERY_NS, and how many were not.
 */
#define LOG_EVERY_NS 5000000000ull
#define LOG_LINES 16

static bool may_log(u32 *unsaid)
{
	static u64 last;
	static u32 left_out;
	u64 now = host_time_ns() | 1, before = __atomic_load_n(&last, __ATOMIC_RELAXED);

	if ((before && now - before < LOG_EVERY_NS) ||
	    !__atomic_compare_exchange_n(&last, &before, now, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED)) {
		__atomic_add_fetch(&left_out, 1, __ATOMIC_RELAXED);
		return false;
	}
	*unsaid = __atomic_exchange_n(&left_out, 0, __ATOMIC_RELAXED);
	return true;
}

void vcpu_failure_log(struct vcpu *vcpu)
{
	struct rules_failure *f = vcpu->failure;
	char line[RULES_SENTENCE];
	u32 unsaid, at = 0, lines = 0;

	if (!f || !f->vendor || !may_log(&unsaid))
		return;
	rules_failure_search(f);
	if (unsaid)
		host_log(HOST_LOG_ERROR, "%u entries that failed before are not told here", unsaid);
	while (lines++ < LOG_LINES && rules_failure_why(f, &at, line, sizeof(line)))
		host_log(HOST_LOG_ERROR, "%s%s", at == 1 ? "entry failed: " : "  ", line);
}

/* ---- SWIVL_GET_ENTRY_FAILURE -------------------------------------------------------------------- */

/* Where the caller wants the text: as much as there is room for, and how long all of it is. */
struct text {
	u64 to;
	u64 room, length;
	int error;
};

static void put(struct text *t, const char *bytes, u64 n)
{
	u64 fits = t->length >= t->room ? 0 : t->room - t->length;

	if (fits > n)
		fits = n;
	if (fits && !t->error)
		t->error = host_copy_to_caller(t->to + t->length, bytes, fits);
	t->length += n;
}

static void put_lines(struct text *t, const struct rules_failure *f,
		      unsigned int (*next)(const struct rules_failure *f, unsigned int *at,
					   char *line, unsigned int size))
{
	char line[RULES_SENTENCE + 1];
	u32 at = 0, n;

	while ((n = next(f, &at, line, RULES_SENTENCE))) {
		line[n] = '\n';
		put(t, line, n + 1);
	}
}

long rq_get_entry_failure(struct request *rq)
{
	struct rules_failure *f = rq->vcpu->failure;
	const struct swivl_entry_failure *k = rq->data;
	struct text t = { .to = k->text, .room = k->room };

	if (k->reserved)
		return -SWIVL_EINVAL;
	if (!f || !f->vendor)
		return -SWIVL_ENOENT;
	rules_failure_search(f);
	put_lines(&t, f, rules_failure_why);
	put_lines(&t, f, rules_failure_state);
	return t.error ? t.error : (long)t.length;
}
