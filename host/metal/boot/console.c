// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The loader's log: a serial port, and the screen for what a person must know. */
#include "host/metal/boot/loader.h"

#define UART_DIVISOR_LOW 0
#define UART_DIVISOR_HIGH 1
#define UART_INTERRUPTS 1
#define UART_LINE 3
#define UART_LINE_DIVISOR 0x80
#define UART_LINE_8N1 3
#define UART_STATUS 5
#define UART_STATUS_EMPTY 0x20

static u16 serial_port;
static u8 serial_level = BOOT_LOG_INFO;

static inline u8 in8(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void out8(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void console_port(u16 port)
{
	serial_port = port;
	if (!port)
		return;
	if (in8(port + UART_STATUS) == 0xff) { /* nobody there */
		serial_port = 0;
		return;
	}
	/* 115200 baud */
	out8(port + UART_LINE, UART_LINE_DIVISOR | UART_LINE_8N1);
	out8(port + UART_DIVISOR_LOW, 1);
	out8(port + UART_DIVISOR_HIGH, 0);
	out8(port + UART_LINE, UART_LINE_8N1);
	out8(port + UART_INTERRUPTS, 0);
}

void console_level(u8 level)
{
	serial_level = level;
}

static void serial_char(char c)
{
	if (!serial_port)
		return;
	if (c == '\n')
		serial_char('\r');
	for (u32 i = 0; i < 100000; i++)
		if (in8(serial_port + UART_STATUS) & UART_STATUS_EMPTY)
			break;
	out8(serial_port, c);
}

static void screen_char(char c)
{
	struct bios_registers r = { .eax = 0x0e00 | (u8)c, .ebx = 7 };

	if (c == '\n')
		screen_char('\r');
	bios_call(0x10, &r);
}

struct text {
	char *to;
	size_t size, at;
};

static void put(struct text *t, char c)
{
	if (t->at + 1 < t->size)
		t->to[t->at++] = c;
}

static void put_hex(struct text *t, u64 value)
{
	int shift = 60;

	while (shift && !(value >> shift & 15))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put(t, "0123456789abcdef"[value >> shift & 15]);
}

static void put_decimal(struct text *t, u32 value)
{
	char digits[10];
	int n = 0;

	do
		digits[n++] = '0' + value % 10;
	while (value /= 10);
	while (n)
		put(t, digits[--n]);
}

static void format(char *to, size_t size, const char *fmt, __builtin_va_list ap)
{
	struct text t = { to, size, 0 };

	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(&t, *fmt);
			continue;
		}
		switch (*++fmt) {
		case 's':
			for (const char *s = __builtin_va_arg(ap, const char *); *s; s++)
				put(&t, *s);
			break;
		case 'u':
			put_decimal(&t, __builtin_va_arg(ap, u32));
			break;
		case 'x':
			put_hex(&t, __builtin_va_arg(ap, u32));
			break;
		case 'X':
			put_hex(&t, __builtin_va_arg(ap, u64));
			break;
		}
	}
	to[t.at] = 0;
}

void text_format(char *to, size_t size, const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	format(to, size, fmt, ap);
	__builtin_va_end(ap);
}

static void say(const char *text, bool screen)
{
	static const char who[] = "swivl: ";

	for (const char *s = who; *s; s++)
		serial_char(*s);
	for (const char *s = text; *s; s++)
		serial_char(*s);
	serial_char('\n');
	if (!screen)
		return;
	for (const char *s = who; *s; s++)
		screen_char(*s);
	for (const char *s = text; *s; s++)
		screen_char(*s);
	screen_char('\n');
}

static char line[512];

void log_text(enum boot_log_level level, const char *fmt, ...)
{
	__builtin_va_list ap;

	if (level > serial_level)
		return;
	__builtin_va_start(ap, fmt);
	format(line, sizeof(line), fmt, ap);
	__builtin_va_end(ap);
	say(line, false);
}

void tell_person(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	format(line, sizeof(line), fmt, ap);
	__builtin_va_end(ap);
	say(line, true);
}
