/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The devices outside of the hypervisor, all on I/O ports: the serial port, and as little as a
 * kernel can do with of everything else. What is not here reads as all ones.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "acpi.h"
#include "cli.h"

#define COM1 0x3f8
#define COM1_IRQ 4

static void write_stdout(struct machine *m, uint8_t byte)
{
	struct pollfd room = { .fd = STDOUT_FILENO, .events = POLLOUT };

	while (write(STDOUT_FILENO, &byte, 1) < 0 && !atomic_load(&m->stop)) {
		if (errno == EAGAIN) /* somebody made it non-blocking */
			poll(&room, 1, -1);
		else if (errno != EINTR)
			machine_end(m, NULL, errno == EPIPE ? END_QUIET : END_CRASH, STATUS_CANNOT,
				    "writing the guest's output: %s", strerror(errno));
	}
}

static void serial_transmit(void *opaque, uint8_t byte)
{
	write_stdout(opaque, byte);
}

static void serial_irq(void *opaque, bool level)
{
	struct machine *m = opaque;

	if (m->irqchip)
		swivl_vm_irq_line(m->vm, COM1_IRQ, level);
}

void devices_init(struct machine *m)
{
	m->serial.transmit = serial_transmit;
	m->serial.set_irq = serial_irq;
	m->serial.opaque = m;
	serial_reset(&m->serial);
}

/* Any access may make room for what main holds back. */
static void offer_room(struct machine *m)
{
	if (atomic_load(&m->input_waits) && serial_room(&m->serial))
		machine_wake(m);
}

static uint32_t serial_in(struct machine *m, uint16_t port)
{
	uint32_t v = serial_read(&m->serial, port - COM1);

	offer_room(m);
	return v;
}

static void serial_out(struct machine *m, uint16_t port, uint32_t value)
{
	serial_write(&m->serial, port - COM1, value);
	offer_room(m);
}

/* The clock: Motorola's MC146818, time of day only, BCD, 24 hours. */
static uint8_t bcd(unsigned int v)
{
	return v / 10 % 10 << 4 | v % 10;
}

static uint32_t cmos_in(struct machine *m, uint16_t port)
{
	time_t now = time(NULL);
	struct tm t;

	if (port == 0x70)
		return 0xff;
	gmtime_r(&now, &t);
	switch (m->cmos.index) {
	case 0x00:
		return bcd(t.tm_sec);
	case 0x02:
		return bcd(t.tm_min);
	case 0x04:
		return bcd(t.tm_hour);
	case 0x06:
		return bcd(t.tm_wday + 1);
	case 0x07:
		return bcd(t.tm_mday);
	case 0x08:
		return bcd(t.tm_mon + 1);
	case 0x09:
		return bcd(t.tm_year % 100);
	case 0x0a:
		return 0x26; /* 32768 Hz, no update in progress */
	case 0x0b:
		return 0x02; /* 24 hours, BCD */
	case 0x0d:
		return 0x80; /* the battery is good */
	case 0x32:
		return bcd((t.tm_year + 1900) / 100);
	}
	return 0;
}

static void cmos_out(struct machine *m, uint16_t port, uint32_t value)
{
	if (port == 0x70)
		m->cmos.index = value & 0x7f;
}

static void reset(struct machine *m)
{
	machine_end(m, NULL, END_QUIET, STATUS_OK, "the guest reset the machine");
}

/* The keyboard controller: no keyboard, ready for commands, one of which resets the machine. */
static uint32_t i8042_in(struct machine *m, uint16_t port)
{
	(void)m, (void)port;
	return 0;
}

static void i8042_out(struct machine *m, uint16_t port, uint32_t value)
{
	if (port == 0x64 && (value & 0xff) == 0xfe)
		reset(m);
}

static uint32_t port92_in(struct machine *m, uint16_t port)
{
	(void)m, (void)port;
	return 2; /* A20 is open */
}

static void port92_out(struct machine *m, uint16_t port, uint32_t value)
{
	(void)port;
	if (value & 1)
		reset(m);
}

/* 0xcf8 - 0xcff: no PCI; one byte to 0xcf9 is the reset control register of PCs. */
static void pci_out(struct machine *m, uint16_t port, uint32_t value)
{
	if (port == ACPI_RESET_PORT && value & 4)
		reset(m);
}

/* ACPI 6.5, 4.8.3: the PM1 registers. */
#define PM1_SCI_ENABLE 1
#define PM1_SLEEP_ENABLE (1 << 13)

static uint32_t acpi_in(struct machine *m, uint16_t port)
{
	switch (port) {
	case ACPI_PM1_EVENT + 2:
		return m->pm1_enable;
	case ACPI_PM1_CONTROL:
		return m->pm1_control | PM1_SCI_ENABLE;
	}
	return 0;
}

static void acpi_out(struct machine *m, uint16_t port, uint32_t value)
{
	if (port == ACPI_PM1_EVENT + 2)
		m->pm1_enable = value;
	if (port != ACPI_PM1_CONTROL)
		return;
	m->pm1_control = value & ~PM1_SLEEP_ENABLE;
	if (value & PM1_SLEEP_ENABLE && (value >> 10 & 7) == ACPI_SLEEP_TYPE_S5)
		machine_end(m, NULL, END_QUIET, STATUS_OK, "the guest powered off");
}

static void debug_exit_out(struct machine *m, uint16_t port, uint32_t value)
{
	(void)port;
	machine_end(m, NULL, END_QUIET, (value << 1 | 1) & 0xff,
		    "the guest ended with %u at port 0xf4", value);
}

static uint32_t debug_console_in(struct machine *m, uint16_t port)
{
	(void)m, (void)port;
	return 0xe9; /* how one knows that it is there */
}

static void debug_console_out(struct machine *m, uint16_t port, uint32_t value)
{
	(void)port;
	write_stdout(m, value);
}

static void ignore_out(struct machine *m, uint16_t port, uint32_t value)
{
	(void)m, (void)port, (void)value;
}

static const struct {
	uint16_t first, last;
	const char *name;
	uint32_t (*in)(struct machine *m, uint16_t port);
	void (*out)(struct machine *m, uint16_t port, uint32_t value);
	bool bytes; /* wider accesses are so many accesses to neighbouring ports */
} devices[] = {
	{ COM1, COM1 + 7, "serial port", serial_in, serial_out, true },
	{ 0x20, 0x21, "first PIC", NULL, NULL, true }, /* where the hypervisor has none */
	{ 0x40, 0x43, "timer", NULL, NULL, true },
	{ 0x60, 0x60, "keyboard controller", i8042_in, i8042_out, true },
	{ 0x64, 0x64, "keyboard controller", i8042_in, i8042_out, true },
	{ 0x70, 0x71, "clock", cmos_in, cmos_out, true },
	{ 0x80, 0x80, "POST code", NULL, ignore_out, true },
	{ 0x92, 0x92, "A20 and reset", port92_in, port92_out, true },
	{ 0xa0, 0xa1, "second PIC", NULL, NULL, true },
	{ 0xe9, 0xe9, "debug console", debug_console_in, debug_console_out, true },
	{ 0xf4, 0xf4, "debug exit", NULL, debug_exit_out, false },
	{ ACPI_PM1_EVENT, ACPI_PM1_CONTROL + 1, "ACPI power", acpi_in, acpi_out, false },
	{ 0xcf8, 0xcff, "PCI configuration", NULL, pci_out, false },
};

static int find_device(uint16_t port)
{
	for (unsigned int i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (port >= devices[i].first && port <= devices[i].last)
			return i;
	return -1;
}

const char *port_name(uint16_t port)
{
	int i = find_device(port);

	return i < 0 ? "no device" : devices[i].name;
}

static uint32_t in_one(struct machine *m, uint16_t port, unsigned int size)
{
	int i = find_device(port);

	if (i < 0 || !devices[i].in)
		return 0xffffffffu >> (32 - 8 * size);
	return devices[i].in(m, port);
}

uint32_t port_in(struct cpu *cpu, uint16_t port, unsigned int size)
{
	int i = find_device(port);
	uint32_t v = 0;

	if (i < 0 || !devices[i].bytes)
		return in_one(cpu->m, port, size);
	for (unsigned int n = 0; n < size; n++)
		v |= (in_one(cpu->m, port + n, 1) & 0xff) << 8 * n;
	return v;
}

void port_out(struct cpu *cpu, uint16_t port, unsigned int size, uint32_t value)
{
	int i = find_device(port);

	if (i < 0)
		return;
	for (unsigned int n = 0; n < (devices[i].bytes ? size : 1); n++) {
		i = find_device(port + n);
		if (i >= 0 && devices[i].out)
			devices[i].out(cpu->m, port + n,
				       devices[i].bytes ? value >> 8 * n & 0xff : value);
	}
}
