// SPDX-License-Identifier: MIT OR GPL-2.0-only
#define BARE_MEMORY
#include "tests/metal/bare.h"
#include "tests/rules/bare.h"

static void put(char c)
{
	outb(0xe9, (u8)c);
}

static void put_number(u64 value, u32 base)
{
	char digits[24];
	u32 n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while (value /= base);
	while (n)
		put(digits[--n]);
}

void print(const char *format, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			for (const char *s = __builtin_va_arg(args, const char *); *s; s++)
				put(*s);
			break;
		case 'u':
			put_number(__builtin_va_arg(args, u32), 10);
			break;
		case 'l': /* %llx: the whole 64 bits, in hexadecimal */
			format += 2;
			print("0x");
			put_number(__builtin_va_arg(args, u64), 16);
			break;
		}
	}
	__builtin_va_end(args);
}

void end(void)
{
	outb(0xf4, 0); /* QEMU's isa-debug-exit */
	power_off();
}

static const char *behind(const char *cmdline, const char *name)
{
	for (const char *s = cmdline; s && *s; s++) {
		u32 n = 0;

		if (s != cmdline && s[-1] != ' ')
			continue;
		while (name[n] && s[n] == name[n])
			n++;
		if (!name[n])
			return s + n;
	}
	return NULL;
}

u64 option(const char *cmdline, const char *name, u64 otherwise)
{
	const char *s = behind(cmdline, name);
	u64 value = 0;

	if (!s || *s++ != '=')
		return otherwise;
	for (; *s >= '0' && *s <= '9'; s++)
		value = value * 10 + (u64)(*s - '0');
	return value;
}

bool has_word(const char *cmdline, const char *word)
{
	const char *s = behind(cmdline, word);

	return s && (!*s || *s == ' ');
}

/* A Weyl sequence, mixed: every start gives another row of numbers. */
u64 random_next(struct random *r)
{
	u64 x = r->at += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
