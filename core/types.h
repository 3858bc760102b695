/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The few types and C library names that the core uses. The core includes no header of any
 * system: a home whose own headers define these names includes them first and defines
 * SWIVL_HAVE_TYPES.
 */
#ifndef SWIVL_CORE_TYPES_H
#define SWIVL_CORE_TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#ifndef SWIVL_HAVE_TYPES
typedef __SIZE_TYPE__ size_t;
#ifndef bool
#define bool _Bool
#define true 1
#define false 0
#endif
#ifndef NULL
#define NULL ((void *)0)
#endif
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#endif

/*
 * @index where it is below @size, else 0, by arithmetic: for an index from outside whose table
 * entry leads to another access. A processor that guesses the check before it wrongly would read
 * there for who asks (Spectre variant 1).
 */
static inline u64 guarded_index(u64 index, u64 size)
{
	u64 mask;

	__asm__ volatile("cmp %2, %1\n\tsbb %0, %0" : "=r"(mask) : "r"(index), "r"(size) : "cc");
	return index & mask;
}

/*
 * Kept out of the functions on every exit's road, which then need neither its saved registers nor
 * its stack with the compiler's check of it.
 */
#define COLD static __attribute__((__cold__, __noinline__))
/* On that road, also where it has several beginnings. */
#define HOT static inline __attribute__((__always_inline__))

#define SWIVL_PAGE_SHIFT 12
#define SWIVL_PAGE_SIZE 4096ull

/* Errors travel as negative Linux errno values on every system; they are part of the interface. */
#define SWIVL_ENOENT 2
#define SWIVL_EINTR 4
#define SWIVL_EIO 5
#define SWIVL_ENXIO 6
#define SWIVL_E2BIG 7
#define SWIVL_EBADF 9
#define SWIVL_EAGAIN 11
#define SWIVL_ENOMEM 12
#define SWIVL_EFAULT 14
#define SWIVL_EBUSY 16
#define SWIVL_EEXIST 17
#define SWIVL_EINVAL 22
#define SWIVL_ENOTTY 25
#define SWIVL_EOPNOTSUPP 95

#endif
