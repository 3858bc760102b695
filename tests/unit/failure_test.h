/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the tests of both vendors ask of an entry that failed: see core/vm/failure.c. */
#ifndef SWIVL_TESTS_FAILURE_TEST_H
#define SWIVL_TESTS_FAILURE_TEST_H

#include "core/vm/request.h"

static char failure_room[16384];

static inline long failure_request(struct vcpu *v, u32 room)
{
	struct swivl_entry_failure k = { .text = (size_t)failure_room, .room = room };
	struct request rq = { .vm = v->vm, .vcpu = v, .data = &k };

	memset(failure_room, 0x7e, sizeof(failure_room));
	return rq_get_entry_failure(&rq);
}

static inline const char *failure_text(struct vcpu *v)
{
	long n = failure_request(v, sizeof(failure_room) - 1);

	assert_in_range(n, 500, sizeof(failure_room) - 1);
	failure_room[n] = 0;
	return failure_room;
}

/* No more than there is room for is written, and the length of all is told. */
static inline void failure_respects_room(struct vcpu *v)
{
	long whole = failure_request(v, sizeof(failure_room));

	for (u32 room = 0; room < 300; room += 7) {
		assert_int_equal(failure_request(v, room), whole);
		assert_int_equal(failure_room[room], 0x7e);
		if (room)
			assert_int_not_equal(failure_room[room - 1], 0x7e);
	}
}

/* The first is told, and others of the next moments only counted. */
static inline void failure_log_is_limited(struct vcpu *v)
{
	time_ns += 3600000000000ull;
	log_lines = 0;
	vcpu_failure_log(v);
	assert_in_range(log_lines, 2, 17);
	log_lines = 0;
	for (int i = 0; i < 1000; i++)
		vcpu_failure_log(v);
	assert_int_equal(log_lines, 0);
	time_ns += 5000000000ull;
	vcpu_failure_log(v);
	assert_in_range(log_lines, 2, 18);
	assert_non_null(strstr(log_first, "1000 entries"));
}

#endif
