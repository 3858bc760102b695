// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Memory slots: which memory of the caller is the guest's, and the log of what was written. */
#include "core/vm/request.h"

#define SLOT_MAX_PAGES ((1ull << 31) - 1)

int vm_memory_init(struct vm *vm)
{
	return stage2_init(&vm->stage2);
}

void vm_memory_free(struct vm *vm)
{
	u32 i;

	stage2_free(&vm->stage2);
	for (i = 0; i < vm->nslots; i++)
		host_free(vm->slots[i].dirty);
	host_free(vm->slots);
	vm->slots = NULL;
	vm->nslots = 0;
}

/* Index of the first slot that ends above @gpa; nslots if there is none. */
static u32 slot_position(struct vm *vm, u64 gpa)
{
	u32 low = 0, high = vm->nslots;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (vm->slots[mid].gpa + (vm->slots[mid].size - 1) >= gpa)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

const struct memslot *vm_find_slot(struct vm *vm, u64 gpa)
{
	u32 i = slot_position(vm, gpa);

	return i < vm->nslots && vm->slots[i].gpa <= gpa ? &vm->slots[i] : NULL;
}

static struct memslot *slot_by_id(struct vm *vm, u32 id)
{
	u32 i;

	for (i = 0; i < vm->nslots; i++)
		if (vm->slots[i].id == id)
			return &vm->slots[i];
	return NULL;
}

static void slot_remove(struct vm *vm, struct memslot *slot)
{
	u32 i = slot - vm->slots;

	memmove(slot, slot + 1, (vm->nslots - i - 1) * sizeof(*slot));
	vm->nslots--;
}

/* Most VMs have a handful of slots: room for them is made when they come. vm->lock held. */
static int slots_reserve(struct vm *vm)
{
	u32 room = vm->slots_room ? vm->slots_room * 2 : 8;
	struct memslot *slots, *old = vm->slots;

	if (vm->nslots < vm->slots_room)
		return 0;
	slots = host_alloc(room * sizeof(*slots));
	if (!slots)
		return -SWIVL_ENOMEM;
	vm_memory_lock(vm);
	if (vm->nslots)
		memcpy(slots, old, vm->nslots * sizeof(*slots));
	vm->slots = slots;
	vm->slots_room = room;
	vm_memory_unlock(vm);
	host_free(old);
	return 0;
}

static void slot_insert(struct vm *vm, const struct memslot *slot)
{
	u32 i = slot_position(vm, slot->gpa);

	memmove(&vm->slots[i + 1], &vm->slots[i], (vm->nslots - i) * sizeof(*slot));
	vm->slots[i] = *slot;
	vm->nslots++;
}

/* ---- KVM_SET_USER_MEMORY_REGION --------------------------------------------------------- */

static bool slot_id_ok(u32 id)
{
	return id < VM_MAX_SLOTS; /* the address space in bits 31:16 is 0 */
}

static bool region_is_valid(const struct kvm_userspace_memory_region *r)
{
	if (r->flags & ~(u32)(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return false;
	if ((r->memory_size | r->guest_phys_addr | r->userspace_addr) & (SWIVL_PAGE_SIZE - 1))
		return false;
	if (!slot_id_ok(r->slot) || r->memory_size / SWIVL_PAGE_SIZE > SLOT_MAX_PAGES)
		return false;
	if (r->guest_phys_addr + r->memory_size < r->guest_phys_addr)
		return false;
	return host_user_range_ok(r->userspace_addr, r->memory_size);
}

/* The part that adding and moving have in common: is there room at the new place? */
static int check_place(struct vm *vm, const struct kvm_userspace_memory_region *r,
		       const struct memslot *self)
{
	u64 limit = 1ull << vendor->stage2_bits();
	u64 end = r->guest_phys_addr + r->memory_size;
	u32 i;

	if (end > limit)
		return -SWIVL_EINVAL;
	for (i = 0; i < vm->nslots; i++) {
		const struct memslot *s = &vm->slots[i];

		if (s != self && s->gpa < end && r->guest_phys_addr < s->gpa + s->size)
			return -SWIVL_EEXIST;
	}
	return 0;
}

static size_t bitmap_bytes(u64 size)
{
	return (size / SWIVL_PAGE_SIZE + 63) / 64 * 8;
}

static int log_start(struct vm *vm, struct memslot *slot)
{
	slot->dirty = host_alloc(bitmap_bytes(slot->size));
	if (!slot->dirty)
		return -SWIVL_ENOMEM;
	if (vm->cap_flags & VM_CAP_DIRTY_INITIALLY_SET) {
		u64 pages = slot->size / SWIVL_PAGE_SIZE;

		memset(slot->dirty, 0xff, pages / 64 * 8);
		if (pages % 64)
			slot->dirty[pages / 64] = (1ull << (pages % 64)) - 1;
	}
	return 0;
}

static int region_add(struct vm *vm, const struct kvm_userspace_memory_region *r)
{
	struct memslot slot = { .gpa = r->guest_phys_addr, .size = r->memory_size,
				.uaddr = r->userspace_addr, .id = r->slot, .flags = r->flags };
	int err = check_place(vm, r, NULL);

	if (!err)
		err = slots_reserve(vm);
	if (!err && (r->flags & KVM_MEM_LOG_DIRTY_PAGES))
		err = log_start(vm, &slot);
	if (err)
		return err;
	vm_memory_lock(vm);
	slot_insert(vm, &slot);
	vm_memory_unlock(vm);
	return 0;
}

static int region_delete(struct vm *vm, struct memslot *slot)
{
	u64 *dirty = slot->dirty;

	vm_memory_lock(vm);
	stage2_unmap(&vm->stage2, slot->gpa, slot->size);
	slot_remove(vm, slot);
	vm_memory_unlock(vm);
	host_free(dirty);
	return 0;
}

/* Another place, other flags, or both; the same memory. */
static int region_change(struct vm *vm, struct memslot *slot,
			 const struct kvm_userspace_memory_region *r)
{
	bool move = r->guest_phys_addr != slot->gpa;
	struct memslot changed = *slot;
	u64 *forgotten = NULL;
	int err = move ? check_place(vm, r, slot) : 0;

	if (err)
		return err;
	changed.gpa = r->guest_phys_addr;
	changed.flags = r->flags;
	if (!(r->flags & KVM_MEM_LOG_DIRTY_PAGES)) {
		forgotten = slot->dirty;
		changed.dirty = NULL;
	} else if (!slot->dirty) {
		err = log_start(vm, &changed);
		if (err)
			return err;
	}

	vm_memory_lock(vm);
	/* The log knows single pages: a slot that begins to be logged must not keep large ones. */
	if (move || (changed.dirty && !slot->dirty))
		stage2_unmap(&vm->stage2, slot->gpa, slot->size);
	slot_remove(vm, slot);
	slot_insert(vm, &changed);
	vm_memory_unlock(vm);
	host_free(forgotten);
	return 0;
}

long rq_set_memory(struct request *rq)
{
	const struct kvm_userspace_memory_region *r = rq->data;
	struct vm *vm = rq->vm;
	struct memslot *slot = slot_by_id(vm, r->slot);

	if (!region_is_valid(r))
		return -SWIVL_EINVAL;
	if (!r->memory_size)
		return slot ? region_delete(vm, slot) : -SWIVL_EINVAL;
	if (!slot)
		return region_add(vm, r);
	if (r->memory_size != slot->size || r->userspace_addr != slot->uaddr ||
	    ((r->flags ^ slot->flags) & KVM_MEM_READONLY))
		return -SWIVL_EINVAL;
	if (r->guest_phys_addr == slot->gpa && r->flags == slot->flags)
		return 0;
	return region_change(vm, slot, r);
}

/* ---- dirty log --------------------------------------------------------------------------- */

void vm_mark_dirty(const struct memslot *slot, u64 gpa)
{
	u64 page = (gpa - slot->gpa) / SWIVL_PAGE_SIZE;

	if (slot->dirty)
		__atomic_fetch_or(&slot->dirty[page / 64], 1ull << (page % 64), __ATOMIC_RELAXED);
}

/* Words of a log that travel at a time: a page of them covers 128 MiB of the guest. */
#define LOG_WORDS (SWIVL_PAGE_SIZE / sizeof(u64))

/*
 * Forget the pages whose bits are set in @n words of @bits, from word @first on. Of @bits those
 * stay that were set in the log, too. The slot cannot go: vm->lock.
 */
static void log_clear(struct vm *vm, const struct memslot *slot, u64 first, u64 n, u64 *bits)
{
	u64 i, left, page;

	vm_memory_lock(vm);
	for (i = 0; i < n; i++) {
		bits[i] &= slot->dirty[first + i];
		slot->dirty[first + i] &= ~bits[i];
		for (left = bits[i]; left; left &= left - 1) {
			page = (first + i) * 64 + __builtin_ctzll(left);
			stage2_write_protect(&vm->stage2, slot->gpa + page * SWIVL_PAGE_SIZE,
					     SWIVL_PAGE_SIZE);
		}
	}
	vm_memory_unlock(vm);
}

static void log_copy(const struct memslot *slot, u64 first, u64 n, u64 *bits)
{
	for (u64 i = 0; i < n; i++)
		bits[i] = __atomic_load_n(&slot->dirty[first + i], __ATOMIC_RELAXED);
}

static int get_log(struct vm *vm, const struct memslot *slot, u64 uaddr, u64 *buf)
{
	u64 words = bitmap_bytes(slot->size) / 8, i, n;
	int err;

	for (i = 0; i < words; i += n) {
		n = words - i < LOG_WORDS ? words - i : LOG_WORDS;
		if (vm->cap_flags & VM_CAP_MANUAL_DIRTY) {
			log_copy(slot, i, n, buf);
		} else {
			memset(buf, 0xff, n * 8);
			log_clear(vm, slot, i, n, buf);
		}
		err = host_copy_to_caller(uaddr + i * 8, buf, n * 8);
		if (err)
			return err;
		host_yield();
	}
	return 0;
}

static int clear_log(struct vm *vm, const struct memslot *slot,
			    const struct kvm_clear_dirty_log *log, u64 *buf)
{
	u64 pages = slot->size / SWIVL_PAGE_SIZE, words, i, n;
	int err;

	if (log->first_page > pages || log->num_pages > pages - log->first_page)
		return -SWIVL_EINVAL;
	if (log->num_pages < pages - log->first_page && (log->num_pages & 63))
		return -SWIVL_EINVAL;
	words = ((u64)log->num_pages + 63) / 64;
	for (i = 0; i < words; i += n) {
		n = words - i < LOG_WORDS ? words - i : LOG_WORDS;
		err = host_copy_from_caller(buf, log->padding2 + i * 8, n * 8);
		if (err)
			return err;
		log_clear(vm, slot, log->first_page / 64 + i, n, buf);
		host_yield();
	}
	return 0;
}

/* What both requests share: the slot by its number, and a page to carry bits in. */
static int with_log(struct vm *vm, u32 id, const struct kvm_dirty_log *get,
		    const struct kvm_clear_dirty_log *clear)
{
	const struct memslot *slot = slot_by_id(vm, id);
	u64 *buf;
	int err;

	if (!slot_id_ok(id))
		return -SWIVL_EINVAL;
	if (!slot || !slot->dirty)
		return -SWIVL_ENOENT;
	buf = host_page_alloc();
	if (!buf)
		return -SWIVL_ENOMEM;
	if (get)
		err = get_log(vm, slot, get->padding2, buf);
	else
		err = clear_log(vm, slot, clear, buf);
	host_page_free(buf);
	return err;
}

long rq_get_dirty_log(struct request *rq)
{
	const struct kvm_dirty_log *log = rq->data;

	return with_log(rq->vm, log->slot, log, NULL);
}

long rq_clear_dirty_log(struct request *rq)
{
	const struct kvm_clear_dirty_log *log = rq->data;

	if (log->first_page & 63)
		return -SWIVL_EINVAL;
	return with_log(rq->vm, log->slot, NULL, log);
}
