// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Task switches (SDM vol. 3, chapter 8; APM vol. 2, 12.4), of which VMX makes none: it exits after
 * it has checked gate, privileges and the new TSS's descriptor (26.4.2). Until the commit point
 * nothing is written before all that can fail was looked at: a fault finds the old task as it was.
 * What fails later does so in the new task, which has its registers, and segments as far as they
 * were checked.
 *
 * Another processor may have changed anything since the exit: what was checked is checked again.
 */
#include "core/vm/events.h"
#include "core/vm/fetch.h"
#include "core/x86/walk.h"

/* As the processors number them in struct exit. */
enum { BY_CALL, BY_IRET, BY_JUMP, BY_GATE };

#define BEYOND 3 /* next to enum served: no such descriptor in its table */

#define TYPE_TSS 1u
#define TYPE_BUSY 2u
#define TYPE_TSS_32 8u
#define TYPE_LDT 2u
#define TYPE_CODE 8u
#define TYPE_CONFORMING 4u /* of code */
#define TYPE_DOWN 4u /* of data */
#define TYPE_RW 2u /* data: writable, code: readable */

#define USABLE_VM86 (3u | SEG_ATTR_S | 3u << SEG_ATTR_DPL_SHIFT | SEG_ATTR_P)

/*
 * A TSS is an array of words or doublewords: link, three stacks, CR3 (32-bit only), instruction
 * pointer, flags, eight general registers, segments, LDT; in a 32-bit one last the T flag and the
 * I/O map's place (8.2.1, 8.6).
 */
#define SLOTS 26
static const struct kind {
	u8 width; /* bytes of a slot */
	u8 ip; /* number of the first slot that a switch saves */
	u8 segs;
	u8 slots;
} kinds[] = { { 2, 7, 4, 22 }, { 4, 8, 6, SLOTS } };

#define SLOT_CR3 7
#define SLOT_TRAP 25
#define FLAGS(k) ((k)->ip + 1)
#define GPRS(k) ((k)->ip + 2)
#define SEGMENTS(k) ((k)->ip + 10)
#define LDT(k) (SEGMENTS(k) + (k)->segs)

struct task {
	struct vcpu *vcpu;
	struct walk_ctx ctx;
	const struct kind *old, *new;
	struct segment tss; /* of the new task */
	u32 descriptor; /* where that stands */
	u8 source, cpl;
	u8 ext; /* of error codes: the event came from outside of the program (6.13) */
};

static int fault(struct task *t, u8 vector, u16 selector)
{
	vcpu_raise_error(t->vcpu, vector, (selector & ~3u) | t->ext);
	return RAISED;
}

/*
 * Is it mapped, and may it be used so? @data: move it, too. Where no memory is, ones are read, and
 * what is written is lost.
 */
static int touch(struct task *t, u32 linear, void *data, u32 size, u8 access)
{
	struct vm *vm = t->vcpu->vm;
	struct page_fault pf = { 0 };
	u8 *p = data;
	u32 n;
	u64 gpa;
	int err;

	for (; size; size -= n, linear += n) {
		n = SWIVL_PAGE_SIZE - (linear & (SWIVL_PAGE_SIZE - 1));
		n = n < size ? n : size;
		err = guest_walk(&t->ctx, linear, access, &gpa, &pf);
		if (err == -SWIVL_EAGAIN) /* its tables do not stop changing */
			pf.address = linear;
		else if (err && err != -SWIVL_EFAULT)
			return err;
		if (err) {
			vcpu_raise_page_fault(t->vcpu, pf.address, pf.error);
			return RAISED;
		}
		if (!data)
			continue;
		err = access & ACCESS_WRITE ? vm_write_guest(vm, gpa, p, n, true) :
					      vm_read_guest(vm, gpa, p, n, true);
		if (err && err != -SWIVL_EFAULT)
			return err;
		if (err && !(access & ACCESS_WRITE))
			memset(p, 0xff, n);
		p += n;
	}
	return SERVED;
}

#define READ (ACCESS_READ | ACCESS_IMPLICIT)
#define WRITE (ACCESS_WRITE | ACCESS_IMPLICIT)

/* ---- descriptors ---------------------------------------------------------------------------- */

static int read_descriptor(struct task *t, u16 selector, struct segment *d, u32 *where)
{
	const struct vcpu_state *s = &t->vcpu->state;
	const struct segment *ldt = &s->seg[SEG_LDTR];
	u32 limit = selector & 4 ? ldt->limit : s->gdt.limit;
	u64 raw;
	int ret;

	if ((selector | 7u) > limit || (selector & 4 && ldt->attr & SEG_ATTR_UNUSABLE))
		return BEYOND;
	*where = (u32)(selector & 4 ? ldt->base : s->gdt.base) + (selector & ~7u);
	ret = touch(t, *where, &raw, sizeof(raw), READ);
	if (ret != SERVED)
		return ret;
	d->selector = selector;
	d->base = (u32)(raw >> 16 & 0xffffff) | (u32)(raw >> 32 & 0xff000000);
	d->limit = (raw & 0xffff) | (raw >> 32 & 0xf0000);
	d->attr = raw >> 40 & 0xf0ff;
	if (d->attr & SEG_ATTR_G)
		d->limit = d->limit << 12 | 0xfff;
	return SERVED;
}

/* Accessed, busy or not: the byte with the type. */
static int write_type(struct task *t, u32 where, u32 attr)
{
	u8 byte = attr;

	return touch(t, where + 5, &byte, 1, WRITE);
}

/* What may be wrong with the new TSS: table 8-1. */
static int check_tss(struct task *t, u16 selector)
{
	u8 bad = t->source == BY_IRET ? VECTOR_TS : VECTOR_GP;
	u32 want = TYPE_TSS | (t->source == BY_IRET ? TYPE_BUSY : 0);
	int ret = BEYOND;

	if (selector > 3 && !(selector & 4))
		ret = read_descriptor(t, selector, &t->tss, &t->descriptor);
	if (ret != SERVED && ret != BEYOND)
		return ret;
	if (ret == BEYOND || (t->tss.attr & (SEG_ATTR_S | 7)) != want)
		return fault(t, bad, selector);
	if (!(t->tss.attr & SEG_ATTR_P))
		return fault(t, VECTOR_NP, selector);
	t->new = &kinds[!!(t->tss.attr & TYPE_TSS_32)];
	/* T flag and I/O map are part of a 32-bit one. */
	if (t->tss.limit < t->new->width * t->new->slots - 1u)
		return fault(t, VECTOR_TS, selector);
	return SERVED;
}

/* ---- the old task --------------------------------------------------------------------------- */

static bool nests(const struct task *t)
{
	return t->source == BY_CALL || t->source == BY_GATE;
}

/* All that is touched up to the commit point, so that no page fault leaves it half done. */
static int reach_all(struct task *t, u32 saved, u32 nsaved, u32 old_descriptor)
{
	int ret = touch(t, t->tss.base, NULL, t->new->width * t->new->slots, READ);

	if (ret == SERVED && nests(t))
		ret = touch(t, t->tss.base, NULL, 2, WRITE);
	if (ret == SERVED)
		ret = touch(t, saved, NULL, nsaved, WRITE);
	if (ret == SERVED && !nests(t))
		ret = touch(t, old_descriptor + 5, NULL, 1, WRITE);
	if (ret == SERVED && t->source != BY_IRET)
		ret = touch(t, t->descriptor + 5, NULL, 1, WRITE);
	return ret;
}

static void put(const struct kind *k, u8 *at, u32 value)
{
	memcpy(at, &value, k->width);
}

/* @flags, @ip: as they are to be found again. */
static int save_old(struct task *t, u32 ip, u32 flags)
{
	struct vcpu_state *s = &t->vcpu->state;
	const struct kind *k = t->old;
	u32 n = (10u + k->segs) * k->width, saved = (u32)s->seg[SEG_TR].base + k->ip * k->width;
	u32 old_descriptor = (u32)s->gdt.base + (s->seg[SEG_TR].selector & ~7u);
	u8 image[4 * SLOTS], *at = image, type;
	int ret;

	if (s->seg[SEG_TR].limit < k->ip * k->width + n - 1u)
		return fault(t, VECTOR_TS, s->seg[SEG_TR].selector);
	ret = reach_all(t, saved, n, old_descriptor);
	if (ret != SERVED)
		return ret;
	put(k, at, ip);
	put(k, at += k->width, flags);
	for (unsigned int i = 0; i < 8; i++)
		put(k, at += k->width, t->vcpu->gpr[i]);
	for (unsigned int i = 0; i < k->segs; i++)
		put(k, at += k->width, s->seg[i].selector);
	ret = touch(t, saved, image, n, WRITE);
	if (ret == SERVED && nests(t))
		ret = touch(t, t->tss.base, &s->seg[SEG_TR].selector, 2, WRITE);
	if (ret == SERVED && !nests(t))
		ret = touch(t, old_descriptor + 5, &type, 1, READ);
	if (ret == SERVED && !nests(t))
		ret = write_type(t, old_descriptor, type & ~TYPE_BUSY);
	return ret;
}

/* ---- the new task --------------------------------------------------------------------------- */

/*
 * Where there is no descriptor yet: enough for an entry that delivers why (27.3.1.2). Processors
 * have the level in SS, an emulated one has it in the selector of CS.
 */
static void set_cpl(struct vcpu_state *s, unsigned int cpl)
{
	s->seg[SEG_CS].selector = (s->seg[SEG_CS].selector & ~3u) | cpl;
	s->seg[SEG_CS].limit = ~0u;
	s->seg[SEG_CS].attr = TYPE_CODE | 3 | SEG_ATTR_S | cpl << SEG_ATTR_DPL_SHIFT | SEG_ATTR_P |
			      SEG_ATTR_DB | SEG_ATTR_G;
	if (s->seg[SEG_SS].attr & SEG_ATTR_UNUSABLE)
		s->seg[SEG_SS].attr = SEG_ATTR_UNUSABLE | cpl << SEG_ATTR_DPL_SHIFT;
}

static u32 slot(const struct kind *k, const u8 *image, unsigned int n)
{
	u32 value = 0;

	memcpy(&value, image + n * k->width, k->width);
	return value;
}

/* Its registers, and selectors without their descriptors. */
static void load_registers(struct task *t, const u8 *image)
{
	struct vcpu *vcpu = t->vcpu;
	struct vcpu_state *s = &vcpu->state;
	const struct kind *k = t->new;
	bool vm86;

	s->rip = slot(k, image, k->ip);
	s->rflags = (slot(k, image, FLAGS(k)) & RFLAGS_DEFINED) | RFLAGS_ONE;
	if (nests(t))
		s->rflags |= RFLAGS_NT;
	vm86 = s->rflags & RFLAGS_VM;
	/* The upper halves that a 16-bit TSS does not have. */
	for (unsigned int i = 0; i < 8; i++)
		vcpu->gpr[i] = slot(k, image, GPRS(k) + i) | (k->width == 2 ? 0xffff0000 : 0);
	for (unsigned int i = SEG_ES; i <= SEG_GS; i++) {
		u16 selector = i < k->segs ? slot(k, image, SEGMENTS(k) + i) : 0;

		s->seg[i] = (struct segment){ .selector = selector, .attr = SEG_ATTR_UNUSABLE };
		if (vm86)
			s->seg[i] = (struct segment){ (u64)selector << 4, 0xffff, USABLE_VM86,
						      selector };
	}
	s->seg[SEG_LDTR] = (struct segment){ .selector = slot(k, image, LDT(k)),
					     .attr = SEG_ATTR_UNUSABLE };
	s->seg[SEG_TR] = t->tss;
	s->seg[SEG_TR].attr |= TYPE_BUSY;
	/* Until there is a stack, a handler of an inner level gets its own. */
	t->cpl = s->seg[SEG_CS].selector & 3;
	if (!vm86)
		set_cpl(s, 3);
	s->cr0 |= CR0_TS;
	s->dr7 &= ~(u64)DR7_LOCAL;
	s->pending_debug = 0;
	vcpu->dirty |= STATE_RIP | STATE_RSP | STATE_RFLAGS | STATE_CR | STATE_SEG | STATE_DR7 |
		       STATE_SHADOW;
	vcpu_overwrite(vcpu, STATE_PENDING_DEBUG);
}

static int load_ldt(struct task *t)
{
	struct segment *ldt = &t->vcpu->state.seg[SEG_LDTR], d;
	u16 selector = ldt->selector;
	u32 where;
	int ret = BEYOND;

	if (selector < 4)
		return SERVED;
	if (!(selector & 4))
		ret = read_descriptor(t, selector, &d, &where);
	if (ret == BEYOND || (ret == SERVED && (d.attr & (SEG_ATTR_S | SEG_ATTR_TYPE | SEG_ATTR_P)) !=
						       (TYPE_LDT | SEG_ATTR_P)))
		return fault(t, VECTOR_TS, selector);
	if (ret == SERVED)
		*ldt = d;
	return ret;
}

/* Is it a descriptor for this register at all? */
static bool right_type(u32 attr, unsigned int n)
{
	if (!(attr & SEG_ATTR_S))
		return false;
	if (n == SEG_CS)
		return attr & TYPE_CODE;
	if (n == SEG_SS)
		return !(attr & TYPE_CODE) && (attr & TYPE_RW);
	return !(attr & TYPE_CODE) || (attr & TYPE_RW);
}

static bool right_level(u32 attr, unsigned int n, unsigned int rpl, unsigned int cpl)
{
	unsigned int dpl = attr >> SEG_ATTR_DPL_SHIFT & 3;
	bool conforming = (attr & TYPE_CODE) && (attr & TYPE_CONFORMING);

	if (n == SEG_CS)
		return conforming ? dpl <= cpl : dpl == cpl;
	if (n == SEG_SS)
		return dpl == rpl && dpl == cpl;
	return conforming || (dpl >= rpl && dpl >= cpl);
}

static int load_segment(struct task *t, unsigned int n)
{
	struct segment *s = &t->vcpu->state.seg[n], d;
	u16 selector = s->selector;
	u32 where;
	int ret;

	if (selector < 4)
		return n == SEG_CS || n == SEG_SS ? fault(t, VECTOR_TS, selector) : SERVED;
	ret = read_descriptor(t, selector, &d, &where);
	if (ret == BEYOND || (ret == SERVED && !right_type(d.attr, n)))
		return fault(t, VECTOR_TS, selector);
	if (ret != SERVED)
		return ret;
	if (n == SEG_SS && !(d.attr & SEG_ATTR_P))
		return fault(t, VECTOR_SS, selector);
	if (!right_level(d.attr, n, selector & 3, t->cpl))
		return fault(t, VECTOR_TS, selector);
	if (!(d.attr & SEG_ATTR_P))
		return fault(t, VECTOR_NP, selector);
	if (!(d.attr & 1)) {
		d.attr |= 1;
		ret = write_type(t, where, d.attr);
	}
	if (ret == SERVED)
		*s = d;
	return ret;
}

static int load_segments(struct task *t)
{
	static const u8 order[] = { SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS, SEG_CS };
	struct vcpu_state *s = &t->vcpu->state;
	int ret = load_ldt(t);

	if (s->rflags & RFLAGS_VM)
		return ret;
	for (unsigned int i = 0; i < ARRAY_SIZE(order) && ret == SERVED; i++) {
		ret = load_segment(t, order[i]);
		if (!i && ret == SERVED)
			set_cpl(s, t->cpl);
	}
	return ret;
}

static int push_error(struct task *t, u32 error)
{
	struct vcpu *vcpu = t->vcpu;
	const struct segment *ss = &vcpu->state.seg[SEG_SS];
	u32 mask = ss->attr & SEG_ATTR_DB ? ~0u : 0xffff, last;
	u32 sp = (vcpu->gpr[RSP] - t->new->width) & mask;
	int ret;

	last = sp + t->new->width - 1;
	if (last < sp || last > mask || (ss->attr & TYPE_DOWN ? sp <= ss->limit : last > ss->limit))
		return fault(t, VECTOR_SS, 0);
	ret = touch(t, (u32)ss->base + sp, &error, t->new->width,
		    ACCESS_WRITE | (vcpu_cpl(vcpu) == 3 ? ACCESS_USER : 0));
	if (ret == SERVED)
		vcpu->gpr[RSP] = ((u32)vcpu->gpr[RSP] & ~mask) | sp;
	return ret;
}

static int load_new(struct task *t)
{
	struct vcpu *vcpu = t->vcpu;
	struct vcpu_state *s = &vcpu->state;
	u8 image[4 * SLOTS];
	int ret = touch(t, t->tss.base, image, t->new->width * t->new->slots, READ);

	if (ret == SERVED && t->source != BY_IRET)
		ret = write_type(t, t->descriptor, t->tss.attr | TYPE_BUSY);
	if (ret != SERVED)
		return ret;

	/* The commit point. */
	load_registers(t, image);
	if (t->new->width == 4 && (s->cr0 & CR0_PG) && slot(t->new, image, SLOT_CR3) != s->cr3 &&
	    vcpu_set_cr3(vcpu, slot(t->new, image, SLOT_CR3)))
		return fault(t, VECTOR_TS, 0);
	vcpu_walk_ctx(vcpu, &t->ctx);
	ret = load_segments(t);
	if (ret == SERVED && vcpu->exit.task.has_error)
		ret = push_error(t, vcpu->exit.task.error);
	if (ret == SERVED && s->rip > s->seg[SEG_CS].limit)
		ret = fault(t, VECTOR_GP, 0);
	if (ret == SERVED && t->new->width == 4 && (slot(t->new, image, SLOT_TRAP) & 1)) {
		vcpu->event.type = EVENT_NONE; /* it is delivered */
		vcpu_raise_debug(vcpu, DR6_BT);
	}
	return ret;
}

/* ---- the exit ------------------------------------------------------------------------------- */

/* Where the processor does not tell it. False: it is no longer there to be read. */
static bool find_length(struct vcpu *vcpu)
{
	struct fetch fetch = { 0 };
	struct page_fault pf;
	enum decode_mode mode;
	struct insn insn;
	u64 linear = vcpu_linear_rip(vcpu, &mode);

	if (vcpu_peek(vcpu, &fetch, &insn, mode, linear, &pf) != SERVED)
		return false;
	vcpu->exit.length = insn.length;
	return true;
}

/* What held back events ends with the instruction; NMIs are held back until an IRET. */
static void change_shadow(struct task *t, u8 event)
{
	struct vcpu_state *s = &t->vcpu->state;

	s->shadow &= ~(SHADOW_STI | SHADOW_MOV_SS | (t->source == BY_IRET ? SHADOW_NMI : 0));
	s->shadow |= t->source == BY_GATE && event == EVENT_NMI ? SHADOW_NMI : 0;
	t->vcpu->dirty |= STATE_SHADOW;
	t->vcpu->check_events = 1;
}

int handle_task_switch(struct vcpu *vcpu)
{
	struct vcpu_state *s = &vcpu->state;
	const struct exit *e = &vcpu->exit;
	struct task t = { .vcpu = vcpu, .source = e->task.source & 3 };
	u8 event = t.source == BY_GATE ? vcpu->event.type : EVENT_NONE;
	bool instruction = !event || event >= EVENT_SOFT_INTERRUPT, stepped;
	u32 flags;
	int ret;

	/* Rare, and it needs memory in many places: never in a section. */
	if (vcpu->in_section)
		return -SWIVL_EAGAIN;
	vcpu_need(vcpu, STATE_RIP | STATE_RSP | STATE_RFLAGS | STATE_CR | STATE_CR3 | STATE_SEG |
				STATE_TABLES | STATE_DR7 | STATE_SHADOW);
	if (instruction && !e->length && !find_length(vcpu))
		return HANDLED_RESUME;
	vcpu_walk_ctx(vcpu, &t.ctx);
	t.ext = !instruction || event == EVENT_PRIVILEGED_SOFT;
	t.old = &kinds[!!(s->seg[SEG_TR].attr & TYPE_TSS_32)];
	/* A fault takes its place, but for an exception, with which it may make another (6.15, #DF). */
	if (t.source == BY_GATE && event != EVENT_EXCEPTION)
		vcpu->event.type = EVENT_NONE;
	change_shadow(&t, event);

	/* The caller's single-stepping borrows the trap flag, in whichever task: see run.c. */
	stepped = vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP;
	flags = s->rflags & ~(stepped ? RFLAGS_TF : 0) & ~(t.source == BY_IRET ? RFLAGS_NT : 0);
	ret = check_tss(&t, e->task.selector);
	if (ret == SERVED)
		ret = save_old(&t, s->rip + (instruction ? e->length : 0), flags);
	if (ret == SERVED)
		ret = load_new(&t);
	if (stepped) {
		s->rflags |= RFLAGS_TF;
		vcpu->step_done |= ret == SERVED && instruction;
	}
	if (ret == SERVED && t.source == BY_GATE)
		vcpu->event.type = EVENT_NONE;
	return ret < 0 ? ret : HANDLED_RESUME;
}
