// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * In the hypervisor's place, to test the loader alone: logs what it was handed, then refuses; or,
 * with "pass" as brand, goes back to real mode and starts the guest on the bare processor, so that
 * the guest's INT 15h can be looked at.
 */
#include "tests/metal/bare.h"

#include "host/metal/boot_info.h"

void stub_pass(const struct boot_info *info);

static u16 port;

static void text(const char *s)
{
	while (*s)
		serial_put(port, *s++);
}

static void hex(u64 value)
{
	int shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		serial_put(port, "0123456789abcdef"[value >> shift & 15]);
}

static void field(const char *name, u64 value)
{
	text(name);
	hex(value);
}

static void map(const char *who, const struct boot_memory *m, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		text(who);
		field(" ", m[i].base);
		field(" ", m[i].size);
		field(" ", m[i].type);
		field(" ", m[i].attributes);
		text("\r\n");
	}
}

static u8 bss[5000];
static u8 data[5000] = { 1, [4999] = 2 };

static bool image_is_whole(void)
{
	for (unsigned int i = 0; i < sizeof(bss); i++)
		if (((volatile u8 *)bss)[i])
			return false;
	return ((volatile u8 *)data)[0] == 1 && ((volatile u8 *)data)[4999] == 2;
}

static bool starts_with(const char *s, const char *with)
{
	while (*with)
		if (*s++ != *with++)
			return false;
	return true;
}

void stub_main(struct boot_info *info)
{
	const char *why = "the stub refuses";
	const struct boot_start *s = &info->start;
	u64 rsp;

	__asm__("mov %%rsp, %0" : "=r"(rsp));
	port = info->config.log_port;
	if (port) {
		text("stub:");
		field(" magic ", info->magic == BOOT_INFO_MAGIC);
		field(" version ", info->version);
		field(" size ", info->size);
		field(" way ", info->way);
		field(" drive ", info->drive);
		field(" range ", info->range_base);
		field(" + ", info->range_size);
		field(" image ", info->image_size);
		field(" whole ", image_is_whole());
		field(" hook ", info->hook_base);
		field(" + ", info->hook_size);
		field(" level ", info->config.log_level);
		field(" stack ", rsp >> 16);
		text(" brand ");
		text(info->config.brand);
		text("\r\nstub start:");
		field(" eax ", s->eax);
		field(" edx ", s->edx);
		field(" ss ", s->ss);
		field(" esp ", s->esp);
		field(" flags ", s->eflags);
		field(" at ", s->cs);
		field(":", s->ip);
		field(" cr0 ", s->cr0);
		field(" idt ", s->idt_limit);
		text("\r\n");
		map("stub bios", (void *)info->bios_memory, info->bios_memory_count);
		map("stub guest", (void *)info->guest_memory, info->guest_memory_count);
	}
	if (starts_with(info->config.brand, "pass"))
		stub_pass(info);
	for (char *to = info->refusal; (*to++ = *why++);)
		;
}
