/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Hostile images: whatever the bytes, a loader stays within the image and the guest's memory.
 * The first byte chooses loader and memory size; the initrd is the image's second half.
 */
// uses: cli/load.c cli/load_detect.c cli/load_linux.c cli/load_multiboot.c cli/load_elf.c cli/load_flat.c cli/initrd.c
#include <stdlib.h>
#include <string.h>

#include "cli/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t sizes[] = { MIB, 2 * MIB, 5 * MIB, 32 * MIB };

static void check(const struct load *l)
{
	const struct boot *b = &l->boot;

	if (b->mode != BOOT_REAL && (!b->gdt || b->gdt + 4096 > l->ram_low))
		abort();
	if (b->mode == BOOT_LONG && b->cr3 + 6 * 4096 > l->ram_low)
		abort();
	for (unsigned int i = 0; i < l->nclaims; i++)
		for (unsigned int j = 0; j < i; j++)
			if (l->claims[i].start < l->claims[j].end &&
			    l->claims[j].start < l->claims[i].end)
				abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const loader_fn loaders[] = { NULL,	     load_linux, load_vmlinux,
					     load_multiboot, load_elf64, load_flat };
	static struct load l;
	loader_fn loader;
	static uint8_t *ram;

	if (size < 2)
		return 0;
	/* Once: what is left over in it does not matter, how far a loader writes does. */
	if (!ram)
		ram = calloc(1, sizes[3]);
	memset(&l, 0, sizeof(l));
	l.ram_low = sizes[data[0] >> 3 & 3];
	l.ram = ram + sizes[3] - l.ram_low; /* its end is the allocation's end */
	l.cmdline = "quiet";
	l.image = (struct blob){ "image", data + 2, size - 2 };
	if (data[0] & 0x20)
		l.initrd = (struct blob){ "initrd", data + size / 2, size - size / 2 };
	l.flat_load = data[1] * 0x1010ull;
	loader = loaders[(data[0] & 7) % 6];
	if (!loader)
		loader = load_detect(&l);
	if (loader && loader(&l))
		check(&l);
	else if (!l.error[0])
		abort(); /* refused without a reason */
	return 0;
}
