/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The facts of tests/unit/abi_list.h as a table; each includer has chosen its header before. */
#include <stddef.h>

struct abi_fact {
	const char *name;
	unsigned long long a, b; /* value; or size; or offset and size */
};

#define VALUE(name) { #name, (unsigned long long)(name), 0 },
#define SIZE(type) { #type, sizeof(struct type), 0 },
#define MEMBER(type, member)                                                                       \
	{ #type "." #member, offsetof(struct type, member), sizeof(((struct type *)0)->member) },
#define OPEN(type, member)                                                                         \
	{ #type "." #member "[]", offsetof(struct type, member),                                   \
	  sizeof(((struct type *)0)->member[0]) },

extern const struct abi_fact abi_system[];
extern const unsigned int abi_system_count;
