/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The smallest set of ACPI tables that lets a kernel find its processors and interrupt chips,
 * power off and reset.
 */
#ifndef SWIVL_CLI_ACPI_H
#define SWIVL_CLI_ACPI_H

#include <stdbool.h>
#include <stdint.h>

#define ACPI_SCI 9
#define ACPI_PM1_EVENT 0x600 /* port: status, enable: 2 bytes each */
#define ACPI_PM1_CONTROL 0x604 /* port: 2 bytes */
#define ACPI_SLEEP_TYPE_S5 5
#define ACPI_RESET_PORT 0xcf9
#define ACPI_RESET_VALUE 6
#define ACPI_MAX_CPUS 64
#define ACPI_ROOM 4096 /* bytes that the tables may take */

/*
 * Writes the tables at to (ACPI_ROOM bytes), which the guest sees at guest-physical address at
 * (a multiple of 64). The root pointer comes first.
 */
void acpi_build(uint8_t *to, uint32_t at, unsigned int cpus);

#endif
