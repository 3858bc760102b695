// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The walker of the guest's own page tables. Sections are those of SDM vol. 3. */
#include "core/x86/walk.h"
#include "core/x86/regs.h"

#define PTE_P (1ull << 0)
#define PTE_W (1ull << 1)
#define PTE_U (1ull << 2)
#define PTE_A (1ull << 5)
#define PTE_D (1ull << 6)
#define PTE_PS (1ull << 7)
#define PTE_NX (1ull << 63)

#define MAX_LEVELS 4
#define MAX_TRIES 8

enum paging { PAGING_32, PAGING_PAE, PAGING_4_LEVEL };

struct walk {
	const struct walk_ctx *ctx;
	u64 gva;
	unsigned int access;
	enum paging paging;
	unsigned int size; /* of an entry in bytes */
	u64 rights; /* PTE_W and PTE_U of all levels together, PTE_NX of any */
	/* Entries on the way that have accessed bits; the last is the leaf. */
	unsigned int n;
	struct {
		u64 gpa, entry;
	} seen[MAX_LEVELS];
};

static u64 bits(unsigned int low, unsigned int high)
{
	return low > high ? 0 : (~0ull >> (63 - high)) & (~0ull << low);
}

static unsigned int phys_bits(const struct walk_ctx *ctx)
{
	return ctx->phys_bits < 32 ? 32 : ctx->phys_bits > 52 ? 52 : ctx->phys_bits;
}

static unsigned int shift_of(const struct walk *w, unsigned int level)
{
	return 12 + (level - 1) * (w->paging == PAGING_32 ? 10 : 9);
}

static bool is_leaf(const struct walk *w, unsigned int level, u64 entry)
{
	if (level == 1 || !(entry & PTE_PS))
		return level == 1;
	if (w->paging == PAGING_32)
		return w->ctx->cr4 & CR4_PSE;
	return level == 2 || (level == 3 && w->paging == PAGING_4_LEVEL);
}

/* Tables 4-4 to 4-6, 4-8 to 4-11, 4-15 to 4-20. */
static u64 reserved_bits(const struct walk *w, unsigned int level, bool leaf)
{
	unsigned int phys = phys_bits(w->ctx);
	u64 reserved;

	if (w->paging == PAGING_32) /* bits 20:13 are 39:32 of the address, PSE-36 */
		return level == 2 && leaf ? bits(phys < 40 ? phys - 19 : 21, 21) : 0;
	if (w->paging == PAGING_PAE && level == 3)
		return bits(phys, 63) | bits(5, 8) | bits(1, 2);
	reserved = bits(phys, w->paging == PAGING_PAE ? 62 : 51);
	if (!(w->ctx->efer & EFER_NXE))
		reserved |= PTE_NX;
	if (level > 1)
		reserved |= leaf ? bits(13, shift_of(w, level) - 1) : PTE_PS;
	return reserved;
}

static int fail(const struct walk *w, u32 error, struct page_fault *fault)
{
	const struct walk_ctx *ctx = w->ctx;

	if (w->access & ACCESS_WRITE)
		error |= PF_WRITE;
	if (w->access & ACCESS_USER && !(w->access & ACCESS_IMPLICIT))
		error |= PF_USER;
	if (w->access & ACCESS_EXEC &&
	    (ctx->cr4 & CR4_SMEP || (ctx->cr4 & CR4_PAE && ctx->efer & EFER_NXE)))
		error |= PF_FETCH;
	fault->address = w->gva;
	fault->error = error;
	return -SWIVL_EFAULT;
}

/* 4.6.1: may this access use a translation with these rights? */
static bool permitted(const struct walk *w)
{
	const struct walk_ctx *ctx = w->ctx;
	bool user = w->access & ACCESS_USER && !(w->access & ACCESS_IMPLICIT);
	bool user_page = w->rights & PTE_U;

	if (!w->access)
		return true;
	if (user && !user_page)
		return false;
	if (w->access & ACCESS_WRITE && !(w->rights & PTE_W) && (user || ctx->cr0 & CR0_WP))
		return false;
	if (w->access & ACCESS_EXEC)
		return !(w->rights & PTE_NX) && (user || !user_page || !(ctx->cr4 & CR4_SMEP));
	if (!user && user_page && ctx->cr4 & CR4_SMAP)
		return ctx->rflags & RFLAGS_AC && !(w->access & ACCESS_IMPLICIT);
	return true;
}

/* 4.8: accessed in every entry used, dirty in the leaf of a write. 1: walk again. */
static int set_used(const struct walk *w)
{
	unsigned int i;
	u64 entry;
	int rc;

	if (!w->ctx->update || !w->access)
		return 0;
	for (i = 0; i < w->n; i++) {
		entry = w->seen[i].entry | PTE_A;
		if (i == w->n - 1 && w->access & ACCESS_WRITE)
			entry |= PTE_D;
		if (entry == w->seen[i].entry)
			continue;
		rc = w->ctx->update(w->ctx->arg, w->seen[i].gpa, w->seen[i].entry, entry, w->size);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_entry(struct walk *w, u64 table, unsigned int level, u64 *entry)
{
	unsigned int index = w->gva >> shift_of(w, level) &
			     (w->paging == PAGING_32 ? 0x3ff : 0x1ff);
	bool pdpte = w->paging == PAGING_PAE && level == 3;
	u64 gpa = table + index * w->size;
	int rc = 0;

	*entry = 0;
	if (pdpte && w->ctx->pdpte)
		*entry = w->ctx->pdpte[index];
	else
		rc = w->ctx->read(w->ctx->arg, gpa, entry, w->size);
	if (rc || pdpte) /* these have neither accessed bit nor rights */
		return rc;
	w->rights = (w->rights & (*entry | PTE_NX)) | (*entry & PTE_NX);
	w->seen[w->n].gpa = gpa;
	w->seen[w->n++].entry = *entry;
	return 0;
}

static int walk_once(struct walk *w, u64 *gpa, struct page_fault *fault)
{
	static const u64 alignment[] = { 0xfffff000, 0xffffffe0, ~0xfffull };
	u64 address = bits(12, phys_bits(w->ctx) - 1), entry, offset;
	u64 table = w->ctx->cr3 & alignment[w->paging] & bits(0, phys_bits(w->ctx) - 1);
	unsigned int level = w->paging + 2;
	bool leaf;
	int rc;

	w->n = 0;
	w->rights = PTE_W | PTE_U;
	for (;; level--) {
		rc = read_entry(w, table, level, &entry);
		if (rc)
			return rc;
		if (!(entry & PTE_P))
			return fail(w, 0, fault);
		leaf = is_leaf(w, level, entry);
		if (entry & reserved_bits(w, level, leaf))
			return fail(w, PF_PRESENT | PF_RESERVED, fault);
		if (leaf)
			break;
		table = entry & address;
	}
	if (!permitted(w))
		return fail(w, PF_PRESENT, fault);
	offset = bits(0, shift_of(w, level) - 1);
	*gpa = (entry & address & ~offset) | (w->gva & offset);
	if (w->paging == PAGING_32 && level == 2)
		*gpa |= (entry >> 13 & 0xff) << 32;
	return set_used(w);
}

int guest_walk(const struct walk_ctx *ctx, u64 gva, unsigned int access, u64 *gpa,
	       struct page_fault *fault)
{
	struct walk w = { .ctx = ctx, .gva = gva, .access = access, .size = 8 };
	int rc = 1, tries;

	if (!(ctx->efer & EFER_LMA))
		w.gva &= 0xffffffff;
	if (!(ctx->cr0 & CR0_PG)) {
		*gpa = w.gva;
		return 0;
	}
	if (ctx->efer & EFER_LMA) {
		if (ctx->cr4 & CR4_LA57)
			return -SWIVL_EOPNOTSUPP;
		if (!is_canonical(gva))
			return -SWIVL_EINVAL;
		w.paging = PAGING_4_LEVEL;
	} else if (ctx->cr4 & CR4_PAE) {
		w.paging = PAGING_PAE;
	} else {
		w.paging = PAGING_32;
		w.size = 4;
	}
	for (tries = 0; tries < MAX_TRIES && rc > 0; tries++)
		rc = walk_once(&w, gpa, fault);
	return rc > 0 ? -SWIVL_EAGAIN : rc;
}
