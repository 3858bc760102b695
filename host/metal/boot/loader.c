// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* From what the BIOS, or a multiboot loader, handed over to the hypervisor, or back. */
#include "host/metal/boot/loader.h"

#define MIB 0x100000u
#define FOUR_GIB 0x100000000ull
#define IMAGE_MAX (16 * MIB)

static struct boot_info info = {
	.magic = BOOT_INFO_MAGIC,
	.version = BOOT_INFO_VERSION,
	.size = sizeof(info),
};
static struct memory_map bios_map, guest_map;
static struct load_table table;
static u8 old_record[LOAD_SECTOR], sector[LOAD_SECTOR];
static const struct loader_from_multiboot *multiboot; /* NULL: from a disk */
static bool can_start; /* a boot record is at BOOT_AT */
static bool a20_was_off;
static char reason[256];

#define WHY(...) (text_format(reason, sizeof(reason), __VA_ARGS__), reason)

/* ---- the processor --------------------------------------------------------------------- */

static u32 cpuid(u32 leaf, u32 *edx)
{
	u32 eax = leaf, ebx, ecx = 0;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(*edx));
	return eax;
}

#define CPUID_LONG_MODE (1u << 29) /* 80000001h EDX */

/* Bits of a physical address; 0: no long mode. */
static u32 address_bits(void)
{
	u32 edx, last, eax;

	if (!cpu_has_cpuid())
		return 0;
	last = cpuid(0x80000000, &edx);
	if (last < 0x80000001 || last >> 16 != 0x8000)
		return 0;
	cpuid(0x80000001, &edx);
	if (!(edx & CPUID_LONG_MODE))
		return 0;
	if (last < 0x80000008)
		return 36;
	eax = cpuid(0x80000008, &edx) & 0xff;
	return eax < 32 ? 32 : eax > 52 ? 52 : eax;
}

static u64 rdtsc(void)
{
	u64 tsc;

	__asm__ volatile("rdtsc" : "=A"(tsc));
	return tsc;
}

/* Does bit 20 of addresses reach memory? An address above 1 MiB is then not one below. */
static bool a20_is_on(void)
{
	static volatile u32 here;
	volatile u32 *above = (volatile u32 *)((u32)&here + MIB);

	here = 0x5a5a1234;
	__asm__ volatile("" : : : "memory");
	if (*above != here)
		return true;
	here = ~here;
	__asm__ volatile("" : : : "memory");
	return *above != here;
}

static void a20_bios(bool on)
{
	struct bios_registers r = { .eax = 0x2400 | on };

	bios_call(0x15, &r);
}

static void a20_port(void)
{
	u8 value;

	__asm__ volatile("inb $0x92, %0" : "=a"(value));
	value = (value | 2) & ~1; /* bit 0 resets */
	__asm__ volatile("outb %0, $0x92" : : "a"(value));
}

static const char *check_machine(u32 *bits)
{
	*bits = address_bits();
	if (!*bits)
		return "the processor has no long mode";
	info.tsc = rdtsc();
	__asm__("mov %%cr3, %0" : "=r"(info.start.cr3));
	__asm__("mov %%cr4, %0" : "=r"(info.start.cr4));
	if (a20_is_on())
		return NULL;
	a20_was_off = true;
	a20_bios(true);
	if (!a20_is_on())
		a20_port();
	return a20_is_on() ? NULL : "address line A20 cannot be switched on";
}

/* ---- what is on the disk --------------------------------------------------------------- */

static const char *kind_name(u32 kind)
{
	static const char *const names[LOAD_KINDS] = {
		[LOAD_CONFIG] = "configuration block",
		[LOAD_OLD_RECORD] = "old boot record",
		[LOAD_LOADER] = "loader",
		[LOAD_HYPERVISOR] = "hypervisor",
	};

	return names[kind];
}

static const char *read_table(u32 lba)
{
	u32 crc, at = lba + 1;

	if (!disk_read(info.drive, lba, 1, &table))
		return WHY("disk 0x%x: cannot read the load table at sector %u", info.drive, lba);
	crc = table.crc;
	table.crc = 0;
	if (table.magic != LOAD_TABLE_MAGIC || crc != load_crc(0, &table, sizeof(table)))
		return "the load table is damaged: wrong checksum";
	if (table.version != LOAD_TABLE_VERSION || table.elements != LOAD_KINDS)
		return WHY("the load table is of another version, %u", table.version);
	for (u32 i = 0; i < LOAD_KINDS; i++) {
		const struct load_element *e = &table.element[i];

		if (e->kind != i || e->lba != at || !e->sectors || e->sectors > IMAGE_MAX / LOAD_SECTOR ||
		    e->size > e->sectors * LOAD_SECTOR || at + e->sectors < at)
			return WHY("the load table is damaged: %s", kind_name(i));
		at += e->sectors;
	}
	return NULL;
}

static const char *read_element(u32 kind, void *to, u32 room)
{
	const struct load_element *e = &table.element[kind];

	if (e->sectors * LOAD_SECTOR > room)
		return WHY("the %s is too large", kind_name(kind));
	if (!disk_read(info.drive, e->lba, e->sectors, to))
		return WHY("disk 0x%x: cannot read the %s at sector %u", info.drive, kind_name(kind),
			   e->lba);
	if (load_crc(0, to, e->size) != e->crc)
		return WHY("the %s is damaged: wrong checksum", kind_name(kind));
	return NULL;
}

/* The old code before the signature and partition table that the disk has now. */
static bool place_old_record(void)
{
	if (old_record[BOOT_RECORD_MAGIC] != 0x55 || old_record[BOOT_RECORD_MAGIC + 1] != 0xaa)
		return false;
	memcpy((void *)BOOT_AT, old_record, BOOT_RECORD_CODE);
	memcpy((void *)(BOOT_AT + BOOT_RECORD_CODE), (void *)(RECORD_AT + BOOT_RECORD_CODE),
	       LOAD_SECTOR - BOOT_RECORD_CODE);
	can_start = true;
	return true;
}

static const char *read_disk(void)
{
	const struct load_record *r =
		(const void *)(RECORD_AT + BOOT_RECORD_CODE - sizeof(struct load_record));
	const char *why = read_table(r->table_lba), *why_not_old;

	/* First what has to run whatever else is wrong. */
	if (why) {
		if (disk_read(info.drive, r->old_lba, 1, old_record))
			place_old_record();
		return why;
	}
	why_not_old = read_element(LOAD_OLD_RECORD, old_record, sizeof(old_record));
	if (!place_old_record() && !why_not_old)
		why_not_old = "the old boot record does not end with 55AA";
	if (why_not_old)
		return why_not_old;
	why = read_element(LOAD_CONFIG, sector, sizeof(sector));
	if (why)
		return why;
	memcpy(&info.config, sector, sizeof(info.config));
	return NULL;
}

/* ---- the image ------------------------------------------------------------------------- */

static const char *check_image(const struct metal_image *image, u32 size)
{
	u64 link = image->link_address;

	if (size < sizeof(*image) || image->magic != METAL_IMAGE_MAGIC ||
	    image->version != METAL_IMAGE_VERSION || image->size != sizeof(*image))
		return "the hypervisor's image is not one, or of another version";
	if (image->file_size != size || image->memory_size < size ||
	    image->range_size < image->memory_size || image->range_size > 64 * MIB ||
	    image->range_per_gib > MIB || link % GIB || link < 0xffff800000000000ull ||
	    image->entry < link || image->entry - link >= size)
		return "the header of the hypervisor's image is wrong";
	return NULL;
}

/* The range for it, which nothing but the hypervisor sees from then on. */
static const char *find_range(const struct metal_image *image, u32 bits)
{
	u64 from = multiboot ? multiboot->end : MIB, top = memory_top(&bios_map);
	u32 gib = (u32)(top >> 30) + 1;
	u64 size = image->range_size + (u64)image->range_per_gib * gib;

	size = (size + PAGE_4K - 1) & ~(u64)(PAGE_4K - 1);
	if (size > GIB)
		return "more memory than the hypervisor can have page tables for";
	info.range_base = memory_place(&bios_map, size, PAGE_2M, from, 1ull << bits);
	info.range_size = size;
	if (!info.range_base)
		return WHY("too little memory: %u KiB in one piece are not free", (u32)(size >> 10));
	return NULL;
}

/* Where the image is read to: its place, or where this mode reaches. */
static const char *fetch_image(const struct metal_image *image, u32 *at)
{
	u32 room = table.element[LOAD_HYPERVISOR].sectors * LOAD_SECTOR;

	if (multiboot) {
		*at = multiboot->image;
		return NULL;
	}
	if (info.range_base + info.range_size <= FOUR_GIB && room <= info.range_size)
		*at = info.range_base;
	else
		*at = memory_place(&bios_map, room, 4096, MIB, FOUR_GIB);
	if (!*at)
		return "too little memory below 4 GiB to read the hypervisor";
	if (*at < info.range_base + info.range_size && *at + (u64)room > info.range_base &&
	    *at != info.range_base)
		return "too little memory: no room beside the hypervisor to read it";
	return read_element(LOAD_HYPERVISOR, (void *)*at, room) ?:
	       memcmp((void *)*at, image, sizeof(*image)) ? "the disk changes under the loader" :
							    NULL;
}

static void fill_tables(u64 link)
{
	enum { PML4, LOW, LOW_PD, HIGH = LOW_PD + 4, HIGH_PD, PAGES };
	const u64 table_bits = 3, page_bits = 0x83; /* present, writable, and a 2 MiB page */
	u64(*t)[512] = (void *)TABLES_AT;

	memset(t, 0, PAGES * sizeof(*t));
	t[PML4][0] = (u32)t[LOW] | table_bits;
	t[PML4][(u32)(link >> 39) & 511] = (u32)t[HIGH] | table_bits;
	t[HIGH][(u32)(link >> 30) & 511] = (u32)t[HIGH_PD] | table_bits;
	for (u32 i = 0; i < 4; i++)
		t[LOW][i] = (u32)t[LOW_PD + i] | table_bits;
	for (u32 i = 0; i < 4 * 512; i++)
		t[LOW_PD + i / 512][i % 512] = (u64)i * PAGE_2M | page_bits;
	for (u32 i = 0; (u64)i * PAGE_2M < info.range_size; i++)
		t[HIGH_PD][i] = (info.range_base + (u64)i * PAGE_2M) | page_bits;
}

static const char *tell_guest_memory(void)
{
	const char *why = hook_place(&info.hook_base);

	if (why)
		return why;
	info.hook_size = HOOK_SIZE;
	guest_map = bios_map;
	if (!memory_reserve(&guest_map, info.hook_base, HOOK_SIZE) ||
	    !memory_reserve(&guest_map, info.range_base, info.range_size))
		return "the memory map has too many entries";
	info.bios_memory = (u32)bios_map.entry;
	info.bios_memory_count = bios_map.count;
	info.guest_memory = (u32)guest_map.entry;
	info.guest_memory_count = guest_map.count;
	return NULL;
}

/* Returns only if the hypervisor does: why. */
static const char *run_hypervisor(u32 at)
{
	const struct metal_image *image = (const void *)at;
	struct long_call call = {
		.to = image->link_address,
		.from = at,
		.size = image->file_size,
		.zero = image->memory_size - image->file_size,
		.entry = image->entry,
		.in_place = at == info.range_base,
		.info = (u32)&info,
	};

	info.image_size = image->memory_size;
	fill_tables(image->link_address);
	log_text(BOOT_LOG_INFO, "hypervisor at 0x%X to 0x%X, of it %u KiB image", info.range_base,
		 info.range_base + info.range_size - 1, (u32)info.image_size / 1024);
	hook_install(&guest_map, info.hook_base);
	call_long(&call);
	hook_remove();
	info.refusal[sizeof(info.refusal) - 1] = 0;
	return info.refusal[0] ? info.refusal : "the hypervisor gave no reason";
}

static void log_memory(const char *what, const struct memory_map *map)
{
	for (u32 i = 0; i < map->count; i++)
		log_text(BOOT_LOG_DEBUG, "%s memory: 0x%X to 0x%X, type %u", what, map->entry[i].base,
			 map->entry[i].base + map->entry[i].size - 1, map->entry[i].type);
}

static const char *go_on(void)
{
	static struct metal_image image;
	const struct load_element *e = &table.element[LOAD_HYPERVISOR];
	const char *why;
	u32 bits, at, size;

	console_port(info.config.log_port);
	console_level(info.config.log_level);
	log_text(BOOT_LOG_INFO, "loader " SWIVL_VERSION ", disk 0x%x%s", info.drive,
		 multiboot ? ", started by multiboot" : "");
	why = check_machine(&bits) ?: bios_memory_map(&bios_map);
	if (why)
		return why;
	if (multiboot)
		memcpy(&image, (void *)multiboot->image, sizeof(image));
	else if (disk_read(info.drive, e->lba, 1, sector))
		memcpy(&image, sector, sizeof(image));
	else
		return WHY("disk 0x%x: cannot read the hypervisor at sector %u", info.drive, e->lba);
	size = multiboot ? multiboot->image_size : e->size;
	why = check_image(&image, size) ?: find_range(&image, bits) ?: fetch_image(&image, &at) ?:
	      tell_guest_memory();
	if (why)
		return why;
	log_memory("BIOS'", &bios_map);
	log_memory("guest's", &guest_map);
	return run_hypervisor(at);
}

static void __attribute__((noreturn)) without(const char *why)
{
	tell_person("%s", why);
	if (a20_was_off)
		a20_bios(false);
	if (can_start) {
		tell_person("the disk's own boot record runs without it");
		start_guest(&info.start);
	}
	tell_person("there is no boot record to start");
	for (;;) {
		struct bios_registers r = { 0 };

		bios_call(0x18, &r);
	}
}

static void clear_bss(void)
{
	extern u8 bss_begin[], bss_end[];

	memset(bss_begin, 0, bss_end - bss_begin);
}

void loader_main(void)
{
	const struct handed_over *h =
		(const void *)((u32)handed_ss * 16 + (handed_esp & 0xffff));
	const struct load_record *r =
		(const void *)(RECORD_AT + BOOT_RECORD_CODE - sizeof(struct load_record));

	clear_bss();
	info.way = BOOT_FROM_DISK;
	info.drive = h->edx & 0xff;
	info.start = (struct boot_start){
		.eax = h->eax, .ebx = h->ebx, .ecx = h->ecx, .edx = h->edx,
		.esi = h->esi, .edi = h->edi, .ebp = h->ebp, .esp = h->esp + sizeof(h->eflags),
		.eflags = h->eflags, .ip = BOOT_AT,
		.ds = h->ds, .es = h->es, .fs = h->fs, .gs = h->gs, .ss = handed_ss,
		.gdt_limit = handed_gdt.limit, .gdt_base = handed_gdt.base,
		.idt_limit = handed_idt.limit, .idt_base = handed_idt.base,
		.cr0 = handed_cr0,
	};
	console_port(r->log_port);
	without(read_disk() ?: go_on());
}

static const char *read_boot_record(void)
{
	const u8 *at = (const void *)BOOT_AT;

	if (!disk_read(info.drive, 0, 1, (void *)BOOT_AT))
		return WHY("disk 0x%x: cannot read its boot record", info.drive);
	if (at[BOOT_RECORD_MAGIC] != 0x55 || at[BOOT_RECORD_MAGIC + 1] != 0xaa)
		return WHY("disk 0x%x: its boot record does not end with 55AA", info.drive);
	can_start = true;
	return NULL;
}

void loader_main_multiboot(const struct loader_from_multiboot *from)
{
	clear_bss();
	multiboot = from;
	info.way = from->way;
	info.drive = from->drive;
	info.config = from->config;
	info.start = (struct boot_start){
		.edx = from->drive,
		.esp = BOOT_AT,
		.eflags = 0x202, /* interrupts on */
		.ip = BOOT_AT,
		.idt_limit = 0x3ff,
		.cr0 = handed_cr0,
	};
	console_port(from->config.log_port);
	if (!from->has_bios) {
		log_text(BOOT_LOG_ERRORS, "no BIOS here: the hypervisor starts on machines that have one");
		for (;;)
			__asm__ volatile("hlt");
	}
	without(read_boot_record() ?: go_on());
}

/* ---- what the compiler wants ----------------------------------------------------------- */

void *memcpy(void *to, const void *from, size_t n)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

void *memset(void *to, int c, size_t n)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
