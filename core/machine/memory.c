// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The machine's memory: all that an address can name, each at itself. */
#include "core/machine/internal.h"

#define MAX_RANGES 8

static void add_range(struct vm *vm, u64 from, u64 to, u32 flags)
{
	if (from >= to)
		return;
	vm->slots[vm->nslots] = (struct memslot){ .gpa = from, .size = to - from, .uaddr = from,
						  .id = vm->nslots, .flags = flags };
	vm->nslots++;
}

/* Between what is hidden and, where writes to it are looked at, the local APICs' page. */
int machine_memory_create(struct machine *m, unsigned int bits)
{
	struct vm *vm = m->vm;
	u64 end = 1ull << (bits < 46 ? bits : 46), at = 0;
	struct {
		u64 from, to;
		bool hidden;
	} hole[2] = { { m->config.hidden_base, m->config.hidden_base + m->config.hidden_size, true },
		      { m->apic, m->apic + (m->apic ? SWIVL_PAGE_SIZE : 0), false } };
	unsigned int first = hole[0].from > hole[1].from;

	m->largest = vendor->features && (vendor->features() & VENDOR_HUGE) ? 3 : 2;
	vm->slots = host_alloc(MAX_RANGES * sizeof(*vm->slots));
	if (!vm->slots)
		return -SWIVL_ENOMEM;
	vm->slots_room = MAX_RANGES;
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int h = i ^ first;

		add_range(vm, at, hole[h].from, 0);
		if (!hole[h].hidden)
			add_range(vm, hole[h].from, hole[h].to, KVM_MEM_READONLY);
		at = hole[h].to;
	}
	add_range(vm, at, end, 0);
	return 0;
}

static u64 leaf_size(unsigned int level)
{
	return SWIVL_PAGE_SIZE << 9 * (level - 1);
}

/* A leaf of @size around @gpa that is one slot's, with one memory type. */
static bool fits(const struct machine *m, const struct memslot *slot, u64 gpa, u64 size)
{
	u64 base = gpa & ~(size - 1);

	return base >= slot->gpa && base + size <= slot->gpa + slot->size &&
	       mtrr_uniform(&m->mtrrs, base, size);
}

/*
 * The largest leaf there can be: the guest's memory is what it is, so nothing has to be asked for it page
 * by page, as other guests' memory. That fails where a smaller one is there already.
 */
bool machine_map(struct machine *m, u64 gpa)
{
	const struct memslot *slot = vm_find_slot(m->vm, gpa);

	if (!slot || (slot->flags & KVM_MEM_READONLY))
		return false;
	for (unsigned int level = m->largest; level > 1; level--) {
		u64 size = leaf_size(level), base = gpa & ~(size - 1);

		if (!fits(m, slot, gpa, size))
			continue;
		if (!machine_home_memory(base, size))
			return false;
		if (!stage2_map(&m->vm->stage2, base, base, level,
				STAGE2_MAP_WRITE | STAGE2_MAP_PINNED_WRITE))
			return true;
	}
	return false;
}
