/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Tables of the ACPI specification 6.5; sections as numbered there. */
#include <string.h>

#include "acpi.h"

struct header { /* 5.2.6 */
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct gas { /* 5.2.3.2 */
	uint8_t space, bits, offset, access;
	uint64_t address;
} __attribute__((packed));

#define SPACE_IO 1

struct rsdp { /* 5.2.5.3, revision 0 */
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
} __attribute__((packed));

struct rsdt { /* 5.2.7 */
	struct header h;
	uint32_t tables[2];
} __attribute__((packed));

struct facs { /* 5.2.10 */
	char signature[4];
	uint32_t length, hardware_signature, waking_vector, global_lock, flags;
	uint64_t x_waking_vector;
	uint8_t version, reserved[31];
} __attribute__((packed));

struct fadt { /* 5.2.9, as of revision 3 */
	struct header h;
	uint32_t facs, dsdt;
	uint8_t reserved0, profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
	uint32_t gpe0, gpe1;
	uint8_t pm1_event_len, pm1_control_len, pm2_control_len, pm_timer_len;
	uint8_t gpe0_len, gpe1_len, gpe1_base, cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct gas reset;
	uint8_t reset_value, reserved2[3];
	uint64_t x_facs, x_dsdt;
	struct gas x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control;
	struct gas x_pm_timer, x_gpe0, x_gpe1;
} __attribute__((packed));

/* 5.2.9 table 5.10: flags */
#define FADT_WBINVD (1u << 0)
#define FADT_PROC_C1 (1u << 2)
#define FADT_NO_POWER_BUTTON (1u << 4)
#define FADT_NO_SLEEP_BUTTON (1u << 5)
#define FADT_NO_FIXED_RTC (1u << 6)
#define FADT_RESET_REGISTER (1u << 10)
/* table 5.11: boot architecture */
#define BOOT_LEGACY_DEVICES 1
#define BOOT_NO_VGA 4

struct madt { /* 5.2.12 */
	struct header h;
	uint32_t local_apic, flags;
} __attribute__((packed));

#define MADT_HAS_PICS 1
#define LAPIC_BASE 0xfee00000u
#define IOAPIC_BASE 0xfec00000u

static void put_header(struct header *h, const char *signature, uint32_t length, uint8_t revision)
{
	memcpy(h->signature, signature, 4);
	h->length = length;
	h->revision = revision;
	memcpy(h->oem_id, "SWIVL ", 6);
	memcpy(h->oem_table_id, "SWIVLVM ", 8);
	h->oem_revision = 1;
	memcpy(h->creator_id, "SWVL", 4);
	h->creator_revision = 1;
}

static uint8_t checksum(const void *data, uint32_t size)
{
	const uint8_t *p = data;
	uint8_t sum = 0;

	while (size--)
		sum += *p++;
	return -sum;
}

/* Places to write at: tables follow each other, each 64-byte aligned (the FACS needs it). */
struct writer {
	uint8_t *base;
	uint32_t at, used;
};

static uint32_t put(struct writer *w, const void *table, uint32_t size)
{
	uint32_t off = w->used;

	memcpy(w->base + off, table, size);
	w->used = (off + size + 63) & ~63u;
	return w->at + off;
}

static uint32_t put_table(struct writer *w, void *table, uint32_t size)
{
	struct header *h = table;

	h->checksum = 0;
	h->checksum = checksum(table, size);
	return put(w, table, size);
}

static uint32_t put_dsdt(struct writer *w)
{
	/* Name (_S5, Package () { 5, 5, 0, 0 }): the sleep type that powers off (7.4.2). */
	static const uint8_t aml[] = { 0x08, '_', 'S',  '5',  '_',
				       0x12, 8,   4,    0x0a, ACPI_SLEEP_TYPE_S5,
				       0x0a, ACPI_SLEEP_TYPE_S5, 0,    0 };
	struct {
		struct header h;
		uint8_t aml[sizeof(aml)];
	} __attribute__((packed)) dsdt = { 0 };

	put_header(&dsdt.h, "DSDT", sizeof(dsdt), 2);
	memcpy(dsdt.aml, aml, sizeof(aml));
	return put_table(w, &dsdt, sizeof(dsdt));
}

static uint32_t put_fadt(struct writer *w)
{
	struct facs facs = { .signature = { 'F', 'A', 'C', 'S' }, .length = 64, .version = 1 };
	struct fadt f = {
		.sci = ACPI_SCI,
		.pm1a_event = ACPI_PM1_EVENT,
		.pm1a_control = ACPI_PM1_CONTROL,
		.pm1_event_len = 4,
		.pm1_control_len = 2,
		.c2_latency = 0xffff, /* no C2, no C3 */
		.c3_latency = 0xffff,
		.century = 0x32,
		.boot_arch = BOOT_LEGACY_DEVICES | BOOT_NO_VGA,
		.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_NO_POWER_BUTTON |
			 FADT_NO_SLEEP_BUTTON | FADT_NO_FIXED_RTC | FADT_RESET_REGISTER,
		.reset = { SPACE_IO, 8, 0, 1, ACPI_RESET_PORT },
		.reset_value = ACPI_RESET_VALUE,
		.x_pm1a_event = { SPACE_IO, 32, 0, 2, ACPI_PM1_EVENT },
		.x_pm1a_control = { SPACE_IO, 16, 0, 2, ACPI_PM1_CONTROL },
	};

	f.facs = put(w, &facs, sizeof(facs));
	f.dsdt = put_dsdt(w);
	f.x_facs = f.facs;
	f.x_dsdt = f.dsdt;
	put_header(&f.h, "FACP", sizeof(f), 3);
	return put_table(w, &f, sizeof(f));
}

static uint32_t put_madt(struct writer *w, unsigned int cpus)
{
	/*
	 * 5.2.12.3 I/O APIC; 5.2.12.5 override: SCI level and active high (none for the timer:
	 * the hypervisor's lines 0 - 15 go to pins of the same number); 5.2.12.7 NMI on LINT1
	 * of every processor.
	 */
	static const uint8_t rest[] = {
		1, 12, 0, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0,
		2, 10, 0, ACPI_SCI, ACPI_SCI, 0, 0, 0, 0x0d, 0,
		4, 6, 0xff, 0, 0, 1,
	};
	uint8_t buffer[sizeof(struct madt) + ACPI_MAX_CPUS * 8 + sizeof(rest)] = { 0 };
	struct madt *m = (struct madt *)buffer;
	uint32_t size = sizeof(*m);

	_Static_assert(IOAPIC_BASE == 0xfec00000u, "written out above");
	m->local_apic = LAPIC_BASE;
	m->flags = MADT_HAS_PICS;
	for (unsigned int i = 0; i < cpus && i < ACPI_MAX_CPUS; i++) {
		uint8_t entry[8] = { 0, 8, i, i, 1 }; /* 5.2.12.2: enabled */

		memcpy(buffer + size, entry, sizeof(entry));
		size += sizeof(entry);
	}
	memcpy(buffer + size, rest, sizeof(rest));
	size += sizeof(rest);
	put_header(&m->h, "APIC", size, 3);
	return put_table(w, m, size);
}

void acpi_build(uint8_t *to, uint32_t at, unsigned int cpus)
{
	struct writer w = { to, at, 64 }; /* the root pointer goes in front, last */
	struct rsdt rsdt = { 0 };
	struct rsdp rsdp = { .signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' } };

	memset(to, 0, ACPI_ROOM);
	rsdt.tables[0] = put_fadt(&w);
	rsdt.tables[1] = put_madt(&w, cpus);
	put_header(&rsdt.h, "RSDT", sizeof(rsdt), 1);
	memcpy(rsdp.oem_id, "SWIVL ", 6);
	rsdp.rsdt = put_table(&w, &rsdt, sizeof(rsdt));
	rsdp.checksum = checksum(&rsdp, sizeof(rsdp));
	memcpy(to, &rsdp, sizeof(rsdp));
}
