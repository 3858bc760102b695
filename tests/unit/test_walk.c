// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The walker of guest page tables, on tables built by hand in a little memory. */
// uses: core/x86/walk.c
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#define SWIVL_HAVE_TYPES
#include "core/x86/walk.h"
#include "core/x86/regs.h"

#define P 1ull
#define W 2ull
#define U 4ull
#define A 0x20ull
#define D 0x40ull
#define PS 0x80ull
#define NX (1ull << 63)

#define MEMORY 0x10000

static u8 memory[MEMORY];
static u64 pdpte[4];
static int updates, racing;
static struct page_fault fault;

static int read_memory(void *arg, u64 gpa, void *entry, size_t size)
{
	assert_ptr_equal(arg, memory);
	if (gpa + size > MEMORY)
		return -SWIVL_EIO;
	memcpy(entry, memory + gpa, size);
	return 0;
}

static int update_memory(void *arg, u64 gpa, u64 old, u64 new_entry, size_t size)
{
	u64 now = 0;

	assert_true(gpa + size <= MEMORY);
	updates++;
	if (racing > 0) {
		racing--;
		memory[gpa + 1] ^= 0x02; /* an ignored bit */
	}
	memcpy(&now, memory + gpa, size);
	if (now != old)
		return 1;
	memcpy(memory + gpa, &new_entry, size);
	return 0;
}

static void put64(u64 gpa, u64 value)
{
	memcpy(memory + gpa, &value, 8);
}

static void put32(u64 gpa, u32 value)
{
	memcpy(memory + gpa, &value, 4);
}

static u64 get64(u64 gpa)
{
	u64 value;

	memcpy(&value, memory + gpa, 8);
	return value;
}

static struct walk_ctx context(u64 cr4, u64 efer)
{
	struct walk_ctx ctx = { .cr0 = CR0_PE | CR0_PG | CR0_WP,
				.cr3 = 0x1000,
				.cr4 = cr4,
				.efer = efer,
				.phys_bits = 39,
				.arg = memory,
				.read = read_memory };

	memset(memory, 0, sizeof(memory));
	updates = racing = 0;
	return ctx;
}

static void leads_to(const struct walk_ctx *ctx, u64 gva, unsigned int access, u64 expected)
{
	u64 gpa = ~0ull;

	assert_int_equal(guest_walk(ctx, gva, access, &gpa, &fault), 0);
	assert_int_equal(gpa, expected);
}

static void faults(const struct walk_ctx *ctx, u64 gva, unsigned int access, u32 error)
{
	u64 gpa;

	assert_int_equal(guest_walk(ctx, gva, access, &gpa, &fault), -SWIVL_EFAULT);
	assert_int_equal(fault.address, gva);
	assert_int_equal(fault.error, error);
}

static void test_no_paging(void **state)
{
	struct walk_ctx ctx = context(0, 0);

	ctx.cr0 = CR0_PE;
	leads_to(&ctx, 0x12345678, WALK_WRITE, 0x12345678);
	leads_to(&ctx, 0x112345678, WALK_EXEC | WALK_USER, 0x12345678);
}

static void test_32(void **state)
{
	struct walk_ctx ctx = context(CR4_PSE, 0);

	ctx.cr3 = 0x1fff; /* the low bits are no address */
	put32(0x1000 + 4 * 0x201, 0x2000 | P | W | U);
	put32(0x2000 + 4 * 0x345, 0xdeadb000 | P | W | U);
	leads_to(&ctx, 0x80745678, WALK_WRITE | WALK_USER, 0xdeadb678);
	faults(&ctx, 0x80744000, WALK_READ, 0);
	faults(&ctx, 0x80344000, WALK_WRITE | WALK_USER, 6);
	/* 4 MiB, with address bits 39:32 in 20:13; MAXPHYADDR is 39, so bit 20 is reserved */
	put32(0x1000 + 4 * 3, 0x00c00000 | 0x7fu << 13 | PS | P | W);
	leads_to(&ctx, 0x00f45678, WALK_READ, 0x7f00f45678);
	put32(0x1000 + 4 * 3, 0x00c00000 | 0x80u << 13 | PS | P | W);
	faults(&ctx, 0x00f45678, WALK_READ, 9);
	put32(0x1000 + 4 * 3, 0x00e00000 | PS | P | W);
	faults(&ctx, 0x00f45678, WALK_WRITE, 0xb);
	ctx.phys_bits = 40;
	put32(0x1000 + 4 * 3, 0x00c00000 | 0xffu << 13 | PS | P | W);
	leads_to(&ctx, 0x00f45678, WALK_READ, 0xff00f45678);
	/* without CR4.PSE the bit is ignored */
	ctx.cr4 = 0;
	put32(0x1000 + 4 * 3, 0x3000 | PS | P | W);
	put32(0x3000 + 4 * 0x345, 0x4000 | P);
	leads_to(&ctx, 0x00f45678, WALK_READ, 0x4678);
	/* no execute-disable here, whatever EFER says: neither the right nor the error bit */
	ctx.efer = EFER_NXE;
	leads_to(&ctx, 0x00f45678, WALK_EXEC, 0x4678);
	faults(&ctx, 0x00f46000, WALK_EXEC, 0);
	ctx.cr4 = CR4_SMEP;
	faults(&ctx, 0x00f46000, WALK_EXEC, 0x10);
}

static void test_pae(void **state)
{
	struct walk_ctx ctx = context(CR4_PAE, 0);

	ctx.cr3 = 0x1020;
	put64(0x1020 + 8 * 2, 0x2000 | P); /* no rights in this one: they are not asked */
	put64(0x2000 + 8 * 0x1a2, 0x3000 | P | W | U);
	put64(0x3000 + 8 * 0x134, 0x7000005000ull | P | W | U);
	leads_to(&ctx, 0xb4534567, WALK_WRITE | WALK_USER, 0x7000005567ull);
	put64(0x2000 + 8 * 0x1a3, 0x7000200000ull | PS | P);
	leads_to(&ctx, 0xb4734567, WALK_READ, 0x7000334567ull);
	put64(0x2000 + 8 * 0x1a3, 0x7000202000ull | PS | P); /* bit 13 of a 2 MiB page */
	faults(&ctx, 0xb4734567, WALK_READ, 9);
	put64(0x2000 + 8 * 0x1a3, 0x8000200000ull | PS | P); /* bit 39: above MAXPHYADDR */
	faults(&ctx, 0xb4734567, WALK_READ, 9);
	put64(0x2000 + 8 * 0x1a3, 1ull << 62 | PS | P); /* not ignored as in 4-level paging */
	faults(&ctx, 0xb4734567, WALK_READ, 9);
	put64(0x2000 + 8 * 0x1a3, NX | PS | P); /* without NXE */
	faults(&ctx, 0xb4734567, WALK_READ, 9);
	ctx.efer = EFER_NXE;
	leads_to(&ctx, 0xb4734567, WALK_READ, 0x134567);
	faults(&ctx, 0xb4734567, WALK_EXEC, 0x11);
	put64(0x1020 + 8 * 2, 0x2000 | P | PS);
	faults(&ctx, 0xb4734567, WALK_READ, 9);
	put64(0x1020 + 8 * 2, 0x2000 | P | 0x100);
	faults(&ctx, 0xb4734567, WALK_READ, 9);
	put64(0x1020 + 8 * 2, 0x2000 | P | W);
	faults(&ctx, 0xb4734567, WALK_READ, 9);
	/* the ones that the processor holds count, not those in memory */
	ctx.pdpte = pdpte;
	pdpte[2] = 0x2000 | P;
	leads_to(&ctx, 0xb4734567, WALK_READ, 0x134567);
	pdpte[2] = 0;
	faults(&ctx, 0xb4734567, WALK_READ, 0);
}

#define GVA 0xffff812345678abcull /* indices 0x102, 0x8d, 0x2b, 0x78 */

static void build_long(u64 l4, u64 l3, u64 l2, u64 l1)
{
	put64(0x1000 + 8 * 0x102, l4);
	put64(0x2000 + 8 * 0x8d, l3);
	put64(0x3000 + 8 * 0x2b, l2);
	put64(0x4000 + 8 * 0x78, l1);
}

#define ALL (P | W | U)
#define LONG_CR4 CR4_PAE
#define LONG_EFER (EFER_LME | EFER_LMA | EFER_NXE)

static void test_long(void **state)
{
	struct walk_ctx ctx = context(LONG_CR4, LONG_EFER);
	u64 gpa;

	ctx.cr3 |= 0xfff; /* PCID */
	build_long(0x2000 | ALL, 0x3000 | ALL, 0x4000 | ALL, 0x7123456000ull | ALL);
	leads_to(&ctx, GVA, WALK_WRITE | WALK_USER, 0x7123456abcull);
	build_long(0x2000 | ALL, 0x3000 | ALL, 0x4000 | ALL, 0x7ffull << 52 | ALL | 0x5000);
	leads_to(&ctx, GVA, WALK_READ, 0x5abc); /* bits 62:52 are ignored */
	build_long(0x2000 | ALL, 0x3000 | ALL, 0x7123400000ull | PS | ALL, 0);
	leads_to(&ctx, GVA, WALK_READ, 0x7123478abcull);
	build_long(0x2000 | ALL, 0x7100000000ull | PS | ALL, 0, 0);
	put64(0x2000 + 8 * 0x8d, 0x7140000000ull | PS | ALL);
	leads_to(&ctx, GVA, WALK_READ, 0x7145678abcull);
	ctx.no_1g = true;
	faults(&ctx, GVA, WALK_READ, 9);
	ctx.no_1g = false;
	put64(0x2000 + 8 * 0x8d, 0x7140000000ull | 1 << 29 | PS | ALL);
	faults(&ctx, GVA, WALK_READ, 9);
	build_long(0x2000 | ALL | PS, 0x7140000000ull | PS | ALL, 0, 0);
	faults(&ctx, GVA, WALK_READ, 9);
	build_long(0x2000 | ALL, 0x3000 | ALL, 0x4000 | ALL, 1ull << 39 | ALL);
	faults(&ctx, GVA, WALK_READ | WALK_USER, 0xd);
	assert_int_equal(guest_walk(&ctx, 1ull << 47, WALK_READ, &gpa, &fault), -SWIVL_EINVAL);
	ctx.cr4 |= CR4_LA57;
	assert_int_equal(guest_walk(&ctx, GVA, WALK_READ, &gpa, &fault), -SWIVL_EOPNOTSUPP);
	ctx.cr4 = LONG_CR4;
	build_long(0x7000000000ull | ALL, 0, 0,
		   0); /* no memory there: the callback's word counts */
	assert_int_equal(guest_walk(&ctx, GVA, WALK_READ, &gpa, &fault), -SWIVL_EIO);
	build_long(0, 0, 0, 0);
	faults(&ctx, GVA, WALK_EXEC | WALK_USER, 0x14);
	ctx.efer &= ~EFER_NXE;
	faults(&ctx, GVA, WALK_EXEC | WALK_USER, 4);
	build_long(0x2000 | ALL, 0x3000 | ALL | NX, 0x4000 | ALL, 0x5000 | ALL);
	faults(&ctx, GVA, WALK_READ, 9);
}

/* The rules of 4.6.1 one by one, as they stand there. */
static bool allowed(bool user, unsigned int access, bool user_page, bool writable, bool nx,
		    const struct walk_ctx *ctx, bool implicit)
{
	bool smap_stops = ctx->cr4 & CR4_SMAP && (implicit || !(ctx->rflags & RFLAGS_AC));

	if (!user) {
		if (access & WALK_EXEC)
			return user_page ? !(ctx->cr4 & CR4_SMEP) && !nx : !nx;
		if (user_page && smap_stops)
			return false;
		return access & WALK_WRITE ? !(ctx->cr0 & CR0_WP) || writable : true;
	}
	if (!user_page)
		return false;
	if (access & WALK_EXEC)
		return !nx;
	return access & WALK_WRITE ? writable : true;
}

/* Every combination of rights at two levels, of controls and of accesses. */
static void test_rights(void **state)
{
	static const unsigned int kinds[] = { WALK_READ, WALK_WRITE, WALK_EXEC };
	struct walk_ctx ctx = context(0, LONG_EFER);
	unsigned int i, access, error;
	u64 upper, leaf, gpa;
	bool user, implicit;
	int rc;

	for (i = 0; i < 1 << 13; i++) {
		upper = (i & 3) << 1 | (i & 4 ? NX : 0);
		leaf = (i >> 3 & 3) << 1 | (i & 0x20 ? NX : 0);
		ctx.cr0 = CR0_PE | CR0_PG | (i & 0x40 ? CR0_WP : 0);
		ctx.cr4 = CR4_PAE | (i & 0x80 ? CR4_SMEP : 0) | (i & 0x100 ? CR4_SMAP : 0);
		ctx.rflags = i & 0x200 ? RFLAGS_AC : 0;
		implicit = i & 0x400;
		if (i >> 11 == 3)
			continue;
		build_long(0x2000 | ALL, 0x3000 | P | upper, 0x4000 | ALL, 0x5000 | P | leaf);
		for (user = false;; user = true) {
			access = kinds[i >> 11] | (user ? WALK_USER : 0) |
				 (implicit ? WALK_IMPLICIT : 0);
			rc = guest_walk(&ctx, GVA, access, &gpa, &fault);
			if (allowed(user && !implicit, access, upper & leaf & U, upper & leaf & W,
				    (upper | leaf) & NX, &ctx, implicit)) {
				assert_int_equal(rc, 0);
			} else {
				error = 1 | (access & WALK_WRITE ? 2 : 0) |
					(user && !implicit ? 4 : 0) |
					(access & WALK_EXEC ? 0x10 : 0);
				assert_int_equal(rc, -SWIVL_EFAULT);
				assert_int_equal(fault.error, error);
			}
			assert_int_equal(guest_walk(&ctx, GVA, 0, &gpa, &fault), 0);
			if (user)
				break;
		}
	}
}

static void test_used_bits(void **state)
{
	struct walk_ctx ctx = context(LONG_CR4, LONG_EFER);
	u64 gpa;

	build_long(0x2000 | ALL, 0x3000 | ALL, 0x4000 | ALL, 0x5000 | P);
	leads_to(&ctx, GVA, WALK_READ, 0x5abc); /* without the callback nothing is set */
	ctx.update = update_memory;
	faults(&ctx, GVA, WALK_WRITE, 3);
	leads_to(&ctx, GVA, 0, 0x5abc);
	assert_int_equal(updates, 0);
	leads_to(&ctx, GVA, WALK_READ, 0x5abc);
	assert_int_equal(updates, 4);
	assert_int_equal(get64(0x1000 + 8 * 0x102), 0x2000 | ALL | A);
	assert_int_equal(get64(0x4000 + 8 * 0x78), 0x5000 | P | A);
	leads_to(&ctx, GVA, WALK_READ, 0x5abc);
	assert_int_equal(updates, 4);
	put64(0x4000 + 8 * 0x78, 0x5000 | P | W | A);
	leads_to(&ctx, GVA, WALK_WRITE, 0x5abc);
	assert_int_equal(updates, 5);
	assert_int_equal(get64(0x4000 + 8 * 0x78), 0x5000 | P | W | A | D);
	assert_int_equal(get64(0x3000 + 8 * 0x2b), 0x4000 | ALL | A);
	/* an entry that changes under the walk is walked again, but not for ever */
	build_long(0x2000 | ALL, 0x3000 | ALL, 0x4000 | ALL, 0x5000 | P | W);
	racing = 3;
	leads_to(&ctx, GVA, WALK_READ, 0x5abc);
	racing = 1000;
	build_long(0x2000 | ALL, 0x3000 | ALL, 0x4000 | ALL, 0x5000 | P | W);
	assert_int_equal(guest_walk(&ctx, GVA, WALK_READ, &gpa, &fault), -SWIVL_EAGAIN);
}

/* PAE: the first level has no accessed bit; 32-bit: entries are four bytes. */
static void test_used_bits_old(void **state)
{
	struct walk_ctx ctx = context(CR4_PAE, 0);

	ctx.update = update_memory;
	put64(0x1000, 0x2000 | P);
	put64(0x2000, PS | P | W);
	leads_to(&ctx, 0x1234, WALK_WRITE, 0x1234);
	assert_int_equal(get64(0x1000), 0x2000 | P);
	assert_int_equal(get64(0x2000), PS | P | W | A | D);
	ctx = context(0, 0);
	ctx.update = update_memory;
	put32(0x1000, 0x2000 | P | W);
	put32(0x1004, 0x11111111);
	put32(0x2004, 0x3000 | P | W);
	put32(0x2008, 0x22222222);
	leads_to(&ctx, 0x1234, WALK_WRITE, 0x3234);
	assert_int_equal(get64(0x1000), 0x1111111100002000 | P | W | A);
	assert_int_equal(get64(0x2004), 0x2222222200003000 | P | W | A | D);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_paging),     cmocka_unit_test(test_32),
		cmocka_unit_test(test_pae),           cmocka_unit_test(test_long),
		cmocka_unit_test(test_rights),        cmocka_unit_test(test_used_bits),
		cmocka_unit_test(test_used_bits_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
