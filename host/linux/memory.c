// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Memory of the kernel and of the caller.
 */
#include <linux/backing-dev.h>
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "home.h"

void *host_alloc(size_t size)
{
	return kvzalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

void host_free(void *p)
{
	kvfree(p);
}

void *host_page_alloc(void)
{
	/* Where the kernel does not count preemption, preemptible() says no: then never sleep. */
	gfp_t gfp = preemptible() ? GFP_KERNEL : GFP_ATOMIC | __GFP_NOWARN;

	return (void *)get_zeroed_page(gfp | __GFP_ACCOUNT);
}

void host_page_free(void *page)
{
	free_page((unsigned long)page);
}

void *host_pages_alloc(unsigned int n)
{
	return alloc_pages_exact(n * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
}

void host_pages_free(void *pages, unsigned int n)
{
	if (pages)
		free_pages_exact(pages, n * PAGE_SIZE);
}

u64 host_page_pa(const void *page)
{
	return virt_to_phys((void *)page);
}

void *host_page_va(u64 pa)
{
	return phys_to_virt(pa);
}

/*
 * A page of a file that is written back to a disk: its file system has to be asked before each
 * time that it gets dirty, and a guest asks nobody. Some would bring the kernel down (BUG) at the
 * next write-back. From 6.5 on the kernel itself refuses to pin such pages for long.
 */
static bool belongs_to_file_system(struct page *page)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	struct folio *folio = page_folio(page);
	bool yes;

	if (folio_test_anon(folio) || folio_test_swapbacked(folio) || folio_test_hugetlb(folio))
		return false;
	folio_lock(folio);
	yes = folio->mapping && mapping_can_writeback(folio->mapping);
	folio_unlock(folio);
	return yes;
#else
	return false;
#endif
}

static int pin_for_writing(u64 uaddr, unsigned int n, struct page **pages)
{
	int got = pin_user_pages_fast(uaddr, n, FOLL_WRITE | FOLL_LONGTERM, pages), i;

	for (i = 0; i < got; i++) {
		if (!belongs_to_file_system(pages[i]))
			continue;
		unpin_user_pages(pages + i, got - i);
		return i ? i : -EFAULT;
	}
	return got;
}

/*
 * Pages for reading are pinned as for writing first: only that gives a private mapping its own
 * page, which stays the caller's when the caller writes to it later.
 */
static int pin(u64 uaddr, unsigned int n, bool write, struct page **pages)
{
	int got = pin_for_writing(uaddr, n, pages);

	if (got <= 0 && !write)
		got = pin_user_pages_fast(uaddr, n, FOLL_LONGTERM, pages);
	return got;
}

#define PIN_BATCH 32u

static int pin_batches(u64 uaddr, unsigned int n, bool write, u64 *pa)
{
	struct page *pages[PIN_BATCH];
	unsigned int done = 0;

	while (done < n) {
		unsigned int want = min(n - done, PIN_BATCH);
		int got = pin(uaddr + (u64)done * PAGE_SIZE, want, write, pages);
		int i;

		if (got <= 0) {
			if (done)
				break;
			return got == -ENOMEM ? -SWIVL_ENOMEM : -SWIVL_EFAULT;
		}
		for (i = 0; i < got; i++)
			pa[done++] = page_to_phys(pages[i]);
		if (got < want)
			break;
	}
	return done;
}

/*
 * What is pinned is the process's VmPin in /proc/PID/status. A limit there, as for other drivers
 * that pin, is the owner's of the machine to choose: most users' is 8 MiB.
 */
static bool memlock;
module_param(memlock, bool, 0644);
MODULE_PARM_DESC(memlock, "guest memory counts against RLIMIT_MEMLOCK, without CAP_IPC_LOCK");

static_assert(sizeof(struct mm_struct *) <= sizeof(struct host_owner));
#define OWNER(o) (*(struct mm_struct **)(o)->opaque)

void host_owner_init(struct host_owner *o)
{
	OWNER(o) = current->mm;
	mmgrab(current->mm);
}

void host_owner_free(struct host_owner *o)
{
	mmdrop(OWNER(o));
}

static bool count_pinned(struct host_owner *o, unsigned int n)
{
	u64 pages = atomic64_add_return(n, &OWNER(o)->pinned_vm);

	if (!READ_ONCE(memlock) || pages <= rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT ||
	    capable(CAP_IPC_LOCK))
		return true;
	atomic64_sub(n, &OWNER(o)->pinned_vm);
	return false;
}

int host_user_pin(struct host_owner *o, u64 uaddr, unsigned int n, bool write, u64 *pa)
{
	int got;

	if (!count_pinned(o, n))
		return -SWIVL_ENOMEM;
	got = pin_batches(uaddr, n, write, pa);
	atomic64_sub(n - max(got, 0), &OWNER(o)->pinned_vm);
	return got;
}

void host_user_unpin(struct host_owner *o, u64 pa, bool dirty)
{
	struct page *page = pfn_to_page(PHYS_PFN(pa));

	atomic64_dec(&OWNER(o)->pinned_vm);
	unpin_user_pages_dirty_lock(&page, 1, dirty);
}

bool host_user_range_ok(u64 uaddr, u64 size)
{
	return access_ok((void __user *)uaddr, size);
}

/* A 32-bit caller writes only half of the 64 bits that a structure keeps for a pointer. */
static void __user *user_ptr(u64 uaddr)
{
	if (in_compat_syscall())
		uaddr = (u32)uaddr;
	return (void __user *)uaddr;
}

int host_copy_from_caller(void *dst, u64 uaddr, size_t size)
{
	return copy_from_user(dst, user_ptr(uaddr), size) ? -SWIVL_EFAULT : 0;
}

int host_copy_to_caller(u64 uaddr, const void *src, size_t size)
{
	return copy_to_user(user_ptr(uaddr), src, size) ? -SWIVL_EFAULT : 0;
}
