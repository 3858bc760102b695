// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The log: to a serial port of the 16550 kind, and to the ring. The port is the guest's as much as
 * ours: nothing of it is changed but speed and format, once, and no byte is waited for long.
 */
#include "core/machine/machine.h"
#include "host/metal/metal.h"

/* Registers of the port. */
#define UART_DATA 0
#define UART_INTERRUPTS 1
#define UART_FIFO 2
#define UART_LINE 3
#define UART_MODEM 4
#define UART_STATUS 5
#define UART_SCRATCH 7
#define LINE_8N1 3
#define LINE_DIVISOR 0x80
#define STATUS_ROOM 0x20

struct log_ring metal_log;
static u32 lock;
static u16 port;
static enum boot_log_level level;

static bool port_there(u16 p)
{
	metal_outb(p + UART_SCRATCH, 0x5a);
	return metal_inb(p + UART_SCRATCH) == 0x5a && metal_inb(p + UART_STATUS) != 0xff;
}

void log_start(void)
{
	u16 p = metal.info.config.log_port;

	level = metal.info.config.log_level;
	port = 0;
	if (!p || !port_there(p))
		return;
	metal_outb(p + UART_INTERRUPTS, 0);
	metal_outb(p + UART_LINE, LINE_DIVISOR);
	metal_outb(p + UART_DATA, 1); /* 115200 */
	metal_outb(p + UART_INTERRUPTS, 0);
	metal_outb(p + UART_LINE, LINE_8N1);
	metal_outb(p + UART_FIFO, 7);
	metal_outb(p + UART_MODEM, 3);
	port = p;
}

/* A byte takes 87 microseconds; a port whose other end has stopped it is not waited for. */
static void put_byte(char c)
{
	for (u32 i = 0; i < 100000 && !(metal_inb(port + UART_STATUS) & STATUS_ROOM); i++)
		metal_pause();
	metal_outb(port + UART_DATA, (u8)c);
}

static void put_line(const char *text, size_t size, bool shown)
{
	log_ring_put(&metal_log, text, size);
	if (!port || !shown)
		return;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			put_byte('\r');
		put_byte(text[i]);
	}
}

/* True: taken. Who writes its crash report does not wait for one that crashed in here. */
static bool take_lock(bool patient)
{
	for (u32 i = 0; patient || i < 10000000; i++) {
		if (!__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
			return true;
		metal_pause();
	}
	return false;
}

static size_t format_part(char *line, size_t size, const char *fmt, ...)
{
	va_list args;
	size_t n;

	va_start(args, fmt);
	n = format_text(line, size, fmt, args);
	va_end(args);
	return n;
}

static void write_line(enum boot_log_level l, const char *fmt, va_list args, bool patient)
{
	char line[64 + sizeof(metal.info.refusal)];
	u64 us = time_us();
	size_t n;
	bool taken;

	n = format_part(line, sizeof(line) - 1, "[%5llu.%06llu] swivl: %s", us / 1000000, us % 1000000,
			l == BOOT_LOG_ERRORS ? "error: " : "");
	n += format_text(line + n, sizeof(line) - 1 - n, fmt, args);
	line[n++] = '\n';
	taken = take_lock(patient);
	put_line(line, n, l <= level);
	if (taken)
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

void metal_logf(enum boot_log_level l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(l, fmt, args, true);
	va_end(args);
}

void log_crash(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(BOOT_LOG_ERRORS, fmt, args, false);
	va_end(args);
}

void machine_home_last_words(const char *line)
{
	log_crash("%s", line);
}

size_t machine_home_log(u64 *at, void *dst, size_t size)
{
	size_t n;

	take_lock(true);
	n = log_ring_read(&metal_log, at, dst, size);
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	return n;
}

/* What a guest can bring about must not fill the log: so many lines a second. */
#define LINES_A_SECOND 50u

static bool within_rate(void)
{
	static u64 second;
	static u32 lines;
	u64 now = time_us() / 1000000;

	if (__atomic_exchange_n(&second, now, __ATOMIC_RELAXED) != now)
		__atomic_store_n(&lines, 0, __ATOMIC_RELAXED);
	return __atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED) <= LINES_A_SECOND;
}

void host_log(enum host_log l, const char *fmt, ...)
{
	va_list args;

	if (!within_rate())
		return;
	va_start(args, fmt);
	write_line(l == HOST_LOG_ERROR ? BOOT_LOG_ERRORS : BOOT_LOG_INFO, fmt, args, true);
	va_end(args);
}
