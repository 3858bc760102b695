/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What programs on the bare machine share, of 32 and of 64 bits: ports, the serial port, the
 * emulators' ways out. The one file of a program that defines BARE_MEMORY has what compilers call.
 */
#ifndef SWIVL_TESTS_METAL_BARE_H
#define SWIVL_TESTS_METAL_BARE_H

#include "core/types.h"

#define COM1 0x3f8

static inline void outb(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 inb(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void serial_put(u16 port, char c)
{
	while (!(inb((u16)(port + 5)) & 0x20))
		;
	outb(port, (u8)c);
}

static inline void serial_text(const char *s)
{
	while (*s)
		serial_put(COM1, *s++);
}

/* Until all is sent. */
static inline void serial_drain(void)
{
	while (!(inb(COM1 + 5) & 0x40))
		;
}

/* QEMU's way out, then Bochs'. */
static inline void __attribute__((noreturn)) power_off(void)
{
	asm volatile("outw %0, %1" : : "a"((u16)0x2000), "Nd"((u16)0x604));
	for (const char *s = "Shutdown"; *s; s++)
		outb(0x8900, (u8)*s);
	for (;;)
		asm volatile("cli; hlt");
}

#ifdef BARE_MEMORY
void *memset(void *dst, int c, size_t n)
{
	void *d = dst;

	asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

/* Emulators count every turn of a REP. */
void *memcpy(void *dst, const void *src, size_t n)
{
	size_t words = n / 8;
	void *d = dst;

	asm volatile("rep movsq" : "+D"(d), "+S"(src), "+c"(words) : : "memory");
	n %= 8;
	asm volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
	return dst;
}
#endif

#endif
