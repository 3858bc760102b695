// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Time is the TSC. How fast that counts, CPUID says, or ACPI's timer, which is only read: the
 * other timers are as the BIOS left them, for the guest.
 */
#include "core/x86/cpu.h"
#include "host/metal/acpi.h"
#include "host/metal/metal.h"

#define TSC_GUESS_KHZ 1000000u
#define TSC_FASTEST_KHZ 6000000u
/*
 * A quarter of a millisecond: a reading takes about one microsecond, so this is good to half a
 * percent, for timestamps and the pauses of a processor's start. The owner waits for nothing longer.
 */
#define MEASURE_TICKS (ACPI_TIMER_HZ / 4000)

static u32 tsc_khz = TSC_GUESS_KHZ;
static bool known;

/* SDM vol. 2, CPUID leaf 15H. */
static u32 khz_by_cpuid(void)
{
	struct x86_cpuid c;

	if (x86_cpuid(0, 0).eax < 0x15)
		return 0;
	c = x86_cpuid(0x15, 0);
	if (!c.eax || !c.ebx || !c.ecx)
		return 0;
	return (u32)((u64)c.ecx * c.ebx / c.eax / 1000);
}

/* A timer that stands still is given up after @patience readings. */
static u32 khz_by_timer(u16 port)
{
	u32 first = metal_inl(port), ticks = 0;
	u64 tsc = x86_rdtsc();

	for (u32 patience = 0; ticks < MEASURE_TICKS; patience++) {
		if (patience > 1000000 && !ticks)
			return 0;
		ticks = (metal_inl(port) - first) & ACPI_TIMER_MASK;
	}
	return (u32)((x86_rdtsc() - tsc) * ACPI_TIMER_HZ / ticks / 1000);
}

void time_start(void)
{
	struct acpi_memory m = { .at = paging_firmware };
	u16 port = metal.acpi_root ? fadt_timer(acpi_find(&m, metal.acpi_root, "FACP")) : 0;
	u32 khz = khz_by_cpuid();

	if (!khz && port)
		khz = khz_by_timer(port);
	known = khz != 0;
	if (known)
		tsc_khz = khz;
	metal_logf(BOOT_LOG_INFO, "time stamp counter: %u kHz%s", tsc_khz,
		   known ? "" : " (a guess: neither CPUID nor ACPI tells)");
}

static u64 ticks_since_start(void)
{
	return x86_rdtsc() - metal.info.tsc;
}

u64 host_time_ns(void)
{
	u64 t = ticks_since_start();

	return t / tsc_khz * 1000000 + t % tsc_khz * 1000000 / tsc_khz;
}

u64 time_us(void)
{
	return host_time_ns() / 1000;
}

u32 host_tsc_khz(void)
{
	return tsc_khz;
}

void time_delay_us(u32 us)
{
	u64 until = x86_rdtsc() + (u64)us * (known ? tsc_khz : TSC_FASTEST_KHZ) / 1000;

	while (x86_rdtsc() < until)
		metal_pause();
}
