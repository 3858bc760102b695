// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Guest memory on demand: faults that bring pages in, and our own reads and writes. */
#include "core/vm/vm.h"
#include "core/x86/mtrr.h"

/*
 * A fault brings its neighbours along: up to this many pages of the aligned window around it.
 * Guests touch memory in runs, and a fault costs far more than a page.
 */
#define WINDOW_PAGES 16u
#define WINDOW_SIZE (WINDOW_PAGES * SWIVL_PAGE_SIZE)
#define LARGE_PAGES (STAGE2_LARGE_SIZE / SWIVL_PAGE_SIZE)

/* Give the guest the right to write, where that is only a matter of the log. */
static int upgrade(const struct memslot *slot, u64 *leaf, u64 value, u64 gpa)
{
	if (slot->flags & KVM_MEM_READONLY)
		return 1;
	if (!(value & STAGE2_PINNED_WRITE))
		return -SWIVL_EFAULT; /* the caller may not write its memory either */
	if (value & vendor->stage2->write)
		return 0;
	vm_mark_dirty(slot, gpa);
	stage2_allow_write(leaf);
	return 0;
}

/* Apart from vm_fault_fast(), which most MMIO goes through, for its place on the stack. */
static __attribute__((__noinline__)) int fault_in_slot(struct vm *vm, const struct memslot *slot,
						       u64 gpa, u8 access)
{
	unsigned int level;
	u64 value, *leaf = stage2_find(&vm->stage2, gpa, &level, &value);

	if (!leaf)
		return (access & ACCESS_WRITE) && (slot->flags & KVM_MEM_READONLY) ? 1 :
										   -SWIVL_EAGAIN;
	if ((access & ACCESS_EXEC) && !(value & vendor->stage2->exec))
		return -SWIVL_EAGAIN;
	/* Another vCPU may have been faster: then there is nothing left to do. */
	return (access & ACCESS_WRITE) ? upgrade(slot, leaf, value, gpa) : 0;
}

int vm_fault_fast(struct vm *vm, u64 gpa, u8 access)
{
	const struct memslot *slot = vm_find_slot(vm, gpa);

	return slot ? fault_in_slot(vm, slot, gpa, access) : 1;
}

/* A run of pages to be pinned and mapped. */
struct run {
	u64 gpa; /* first page */
	unsigned int n;
	bool write; /* pin for writing */
	u64 pa[WINDOW_PAGES];
};

static bool mapped(struct vm *vm, u64 gpa)
{
	unsigned int level;
	u64 value;

	return stage2_find(&vm->stage2, gpa, &level, &value) != NULL;
}

/* The pages around @gpa in its window that are the slot's and not there yet. */
static void choose_run(struct vm *vm, const struct memslot *slot, u64 gpa, struct run *run)
{
	u64 first = gpa & ~(WINDOW_SIZE - 1), last = first + WINDOW_SIZE, end;

	if (first < slot->gpa)
		first = slot->gpa;
	if (last > slot->gpa + slot->size)
		last = slot->gpa + slot->size;
	run->gpa = gpa & ~(SWIVL_PAGE_SIZE - 1);
	end = run->gpa + SWIVL_PAGE_SIZE;
	while (run->gpa > first && !mapped(vm, run->gpa - SWIVL_PAGE_SIZE))
		run->gpa -= SWIVL_PAGE_SIZE;
	while (end < last && !mapped(vm, end))
		end += SWIVL_PAGE_SIZE;
	run->n = (end - run->gpa) / SWIVL_PAGE_SIZE;
}

static void unpin_run(struct vm *vm, const struct run *run)
{
	for (unsigned int i = 0; i < run->n; i++)
		host_user_unpin(&vm->stage2.owner, run->pa[i], false);
}

static int pin_run(struct vm *vm, const struct memslot *slot, struct run *run)
{
	int got = host_user_pin(&vm->stage2.owner, slot->uaddr + (run->gpa - slot->gpa), run->n,
				run->write, run->pa);

	if (got > 0)
		run->n = got;
	return got < 0 ? got : 0;
}

/* Pin the run, or, where the neighbours cannot be had, @gpa's page alone. */
static int pin_around(struct vm *vm, const struct memslot *slot, u64 gpa, struct run *run)
{
	u64 page = gpa & ~(SWIVL_PAGE_SIZE - 1);
	int err = pin_run(vm, slot, run);

	if (!err && run->gpa + run->n * SWIVL_PAGE_SIZE > page)
		return 0;
	if (!err)
		unpin_run(vm, run);
	run->gpa = page;
	run->n = 1;
	return pin_run(vm, slot, run);
}

/* Do the first pages look like a piece of one large page that lies as the guest needs it? */
static bool looks_large(struct vm *vm, const struct memslot *slot, const struct run *run)
{
	u64 base = run->gpa & ~(STAGE2_LARGE_SIZE - 1);
	unsigned int i;

	if (slot->dirty || ((slot->uaddr ^ slot->gpa) & (STAGE2_LARGE_SIZE - 1)))
		return false;
	if (base < slot->gpa || base + STAGE2_LARGE_SIZE > slot->gpa + slot->size)
		return false;
	for (i = 0; i < run->n; i++)
		if (run->pa[i] - run->pa[0] != i * SWIVL_PAGE_SIZE)
			return false;
	if (vm->stage2.mtrrs && !mtrr_uniform(vm->stage2.mtrrs, base, STAGE2_LARGE_SIZE))
		return false;
	return run->n > 1 && !((run->pa[0] ^ run->gpa) & (STAGE2_LARGE_SIZE - 1));
}

static u32 map_flags(const struct memslot *slot, const struct run *run, bool wrote)
{
	u32 flags = run->write ? STAGE2_MAP_PINNED_WRITE : 0;

	/* A logged page may be written from the first write on, not before. */
	if (run->write && (!slot->dirty || wrote))
		flags |= STAGE2_MAP_WRITE;
	return flags;
}

/* All 512 pages as one leaf. False: they are not one large page, and nothing was kept. */
static bool map_large(struct vm *vm, const struct memslot *slot, const struct run *run)
{
	u64 gpa = run->gpa & ~(STAGE2_LARGE_SIZE - 1);
	bool ok = false;
	u64 *pa;
	int got, i;

	if (!stage2_large_free(&vm->stage2, gpa))
		return false;
	pa = host_page_alloc();
	if (!pa)
		return false;
	got = host_user_pin(&vm->stage2.owner, slot->uaddr + (gpa - slot->gpa), LARGE_PAGES,
			    run->write, pa);
	for (i = 1; i < got && pa[i] == pa[0] + i * SWIVL_PAGE_SIZE; i++)
		;
	if (i == (int)LARGE_PAGES && !(pa[0] & (STAGE2_LARGE_SIZE - 1)))
		ok = !stage2_map(&vm->stage2, gpa, pa[0], 2, map_flags(slot, run, false));
	for (i = 0; !ok && i < got; i++)
		host_user_unpin(&vm->stage2.owner, pa[i], false);
	host_page_free(pa);
	return ok;
}

static int map_run(struct vm *vm, const struct memslot *slot, const struct run *run, u64 gpa,
		   bool write)
{
	u64 page = gpa & ~(SWIVL_PAGE_SIZE - 1);
	int ret = 0, err;
	unsigned int i;

	for (i = 0; i < run->n; i++) {
		u64 at = run->gpa + i * SWIVL_PAGE_SIZE;
		bool wrote = write && at == page;

		if (wrote && run->write)
			vm_mark_dirty(slot, at);
		err = stage2_map(&vm->stage2, at, run->pa[i], 1, map_flags(slot, run, wrote));
		if (err)
			host_user_unpin(&vm->stage2.owner, run->pa[i], false);
		if (at == page && err != -SWIVL_EEXIST)
			ret = err;
	}
	return ret;
}

static int bring_in(struct vm *vm, const struct memslot *slot, u64 gpa, bool write)
{
	struct run run;
	int err;

	choose_run(vm, slot, gpa, &run);
	run.write = !(slot->flags & KVM_MEM_READONLY);
	err = pin_around(vm, slot, gpa, &run);
	if (err == -SWIVL_EFAULT && run.write && !write) {
		/* Memory that the caller itself may only read: the guest may, too. */
		run.write = false;
		err = pin_around(vm, slot, gpa, &run);
	}
	if (err)
		return err;
	if (looks_large(vm, slot, &run) && map_large(vm, slot, &run)) {
		unpin_run(vm, &run);
		return 0;
	}
	return map_run(vm, slot, &run, gpa, write);
}

int vm_fault_in(struct vm *vm, u64 gpa, u8 access)
{
	int ret = vm_fault_fast(vm, gpa, access);
	unsigned int level;
	u64 *leaf, value;

	if (ret != -SWIVL_EAGAIN)
		return ret;
	leaf = stage2_find(&vm->stage2, gpa, &level, &value);
	if (leaf)
		return level > 1 ? stage2_split(&vm->stage2, leaf, level, value) : 0;
	return bring_in(vm, vm_find_slot(vm, gpa), gpa, access & ACCESS_WRITE);
}

static u8 *leaf_pointer(u64 leaf, unsigned int level, u64 gpa)
{
	return (u8 *)host_page_va(stage2_leaf_pa(leaf, level, gpa & ~(SWIVL_PAGE_SIZE - 1))) +
	       (gpa & (SWIVL_PAGE_SIZE - 1));
}

const void *vm_guest_pointer(struct vm *vm, u64 gpa)
{
	unsigned int level;
	u64 leaf;

	return stage2_find(&vm->stage2, gpa, &level, &leaf) ? leaf_pointer(leaf, level, gpa) : NULL;
}

/* Our own access to the part of one page. */
static int touch_guest(struct vm *vm, u64 gpa, void *buf, size_t size, bool write, bool may_sleep)
{
	u8 access = write ? ACCESS_WRITE : ACCESS_READ;
	unsigned int level;
	u64 leaf;
	u8 *p;
	int ret;

	ret = may_sleep ? vm_fault_in(vm, gpa, access) : vm_fault_fast(vm, gpa, access);
	if (ret)
		return ret == 1 ? -SWIVL_EFAULT : ret;
	if (!stage2_find(&vm->stage2, gpa, &level, &leaf))
		return -SWIVL_EFAULT;
	p = leaf_pointer(leaf, level, gpa);
	if (write)
		memcpy(p, buf, size);
	else
		memcpy(buf, p, size);
	return 0;
}

static int touch_pages(struct vm *vm, u64 gpa, u8 *buf, size_t size, bool write, bool may_sleep)
{
	while (size) {
		size_t n = SWIVL_PAGE_SIZE - (gpa & (SWIVL_PAGE_SIZE - 1));
		int err;

		if (n > size)
			n = size;
		err = touch_guest(vm, gpa, buf, n, write, may_sleep);
		if (err)
			return err;
		gpa += n;
		buf += n;
		size -= n;
	}
	return 0;
}

int vm_read_guest(struct vm *vm, u64 gpa, void *dst, size_t size, bool may_sleep)
{
	return touch_pages(vm, gpa, dst, size, false, may_sleep);
}

int vm_write_guest(struct vm *vm, u64 gpa, const void *src, size_t size, bool may_sleep)
{
	return touch_pages(vm, gpa, (u8 *)src, size, true, may_sleep);
}
