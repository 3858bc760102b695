// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The guest's addresses and instructions, for what we carry out ourselves. */
#include "core/vm/fetch.h"
#include "core/x86/regs.h"
#include "core/x86/walk.h"

enum decode_mode vcpu_decode_mode(const struct vcpu *vcpu)
{
	u32 attr = vcpu->state.seg[SEG_CS].attr;

	if (!(vcpu->state.cr0 & CR0_PE) || (vcpu->state.rflags & RFLAGS_VM))
		return DECODE_16;
	if ((vcpu->state.efer & EFER_LMA) && (attr & SEG_ATTR_L))
		return DECODE_64;
	return attr & SEG_ATTR_DB ? DECODE_32 : DECODE_16;
}

static int raise_for(struct vcpu *vcpu, int err, const struct page_fault *fault)
{
	if (err == -SWIVL_EFAULT)
		vcpu_raise_page_fault(vcpu, fault->address, fault->error);
	else if (err == -SWIVL_EINVAL) /* not canonical */
		vcpu_raise(vcpu, VECTOR_GP);
	else
		return err;
	return RAISED;
}

static u8 with_user(struct vcpu *vcpu, u8 access)
{
	return access | (vcpu_cpl(vcpu) == 3 ? ACCESS_USER : 0);
}

int vcpu_translate(struct vcpu *vcpu, u64 linear, u8 access, u64 *gpa)
{
	const struct exit *e = &vcpu->exit;
	struct page_fault fault;
	struct walk_ctx ctx;
	int err;

	/* The processor has done the walk already and told the result. */
	if (e->kind == EXIT_NESTED_FAULT && e->fault.gva_valid && e->fault.gva == linear &&
	    (access & (ACCESS_READ | ACCESS_WRITE))) {
		*gpa = e->fault.gpa;
		return SERVED;
	}
	vcpu_walk_ctx(vcpu, &ctx);
	err = guest_walk(&ctx, linear, with_user(vcpu, access), gpa, &fault);
	return err ? raise_for(vcpu, err, &fault) : SERVED;
}

struct recorder {
	struct vcpu *vcpu;
	struct fetch *f;
};

static int read_and_record(void *arg, u64 gpa, void *entry, size_t size)
{
	struct recorder *r = arg;
	struct fetch *f = r->f;
	int err = vm_read_guest(r->vcpu->vm, gpa, entry, size, !r->vcpu->in_section);

	if (err || size != sizeof(u64) || f->depth >= ARRAY_SIZE(f->entry))
		return err;
	f->entry[f->depth].where = vm_guest_pointer(r->vcpu->vm, gpa);
	memcpy(&f->entry[f->depth].value, entry, sizeof(u64));
	f->depth++;
	return 0;
}

/* Would the same walk lead to the same place? */
static bool still_good(struct vcpu *vcpu, const struct fetch *f, u64 linear)
{
	const struct vcpu_state *s = &vcpu->state;
	unsigned int i;

	if (!f->code || f->page != (linear & ~(SWIVL_PAGE_SIZE - 1)) || f->cr3 != s->cr3 ||
	    f->cr0 != s->cr0 || f->cr4 != s->cr4 || f->efer != s->efer ||
	    f->generation != vcpu->vm->stage2.generation || f->cpl != vcpu_cpl(vcpu))
		return false;
	for (i = 0; i < f->depth; i++) {
		if (__atomic_load_n(f->entry[i].where, __ATOMIC_RELAXED) != f->entry[i].value)
			return false;
	}
	return true;
}

/* After a walk to the first byte: may it be kept? */
static void keep_walk(struct vcpu *vcpu, struct fetch *f, u64 linear, u64 gpa)
{
	const struct vcpu_state *s = &vcpu->state;
	unsigned int i;

	if ((s->cr0 & CR0_PG) && !(s->efer & EFER_LMA))
		return;
	for (i = 0; i < f->depth; i++) {
		if (!f->entry[i].where)
			return;
	}
	f->code = vm_guest_pointer(vcpu->vm, gpa & ~(SWIVL_PAGE_SIZE - 1));
	f->page = linear & ~(SWIVL_PAGE_SIZE - 1);
	f->cr0 = s->cr0;
	f->cr3 = s->cr3;
	f->cr4 = s->cr4;
	f->efer = s->efer;
	f->generation = vcpu->vm->stage2.generation;
	f->cpl = vcpu_cpl(vcpu);
}

/* Up to 15 bytes; fewer where what follows cannot be fetched: then why. */
static int fetch_bytes(struct vcpu *vcpu, struct fetch *f, u64 linear, struct page_fault *fault)
{
	struct recorder recorder = { vcpu, f };
	struct walk_ctx plain, recording;
	unsigned int chunk;
	u64 gpa;
	int err;

	vcpu_walk_ctx(vcpu, &plain);
	plain.update = NULL; /* the processor has fetched there and set its bits */
	recording = plain;
	recording.arg = &recorder;
	recording.read = read_and_record;
	f->code = NULL;
	f->depth = 0;
	for (f->nbytes = 0; f->nbytes < INSN_MAX_LENGTH; f->nbytes += chunk) {
		u64 at = linear + f->nbytes;

		if (f->mode != DECODE_64)
			at = (u32)at;
		chunk = SWIVL_PAGE_SIZE - (at & (SWIVL_PAGE_SIZE - 1));
		if (chunk > (unsigned int)INSN_MAX_LENGTH - f->nbytes)
			chunk = INSN_MAX_LENGTH - f->nbytes;
		err = guest_walk(f->nbytes ? &plain : &recording, at, with_user(vcpu, ACCESS_EXEC),
				 &gpa, fault);
		if (err)
			return err;
		err = vm_read_guest(vcpu->vm, gpa, f->bytes + f->nbytes, chunk, !vcpu->in_section);
		if (err)
			return err == -SWIVL_EFAULT ? -SWIVL_EOPNOTSUPP : err;
		if (!f->nbytes)
			keep_walk(vcpu, f, at, gpa);
	}
	return 0;
}

static bool same_as_last(const struct fetch *f, u64 linear, enum decode_mode mode)
{
	u64 offset = linear & (SWIVL_PAGE_SIZE - 1);

	return f->decoded && f->mode == mode && offset + f->insn.length <= SWIVL_PAGE_SIZE &&
	       !memcmp(f->code + offset, f->bytes, f->insn.length);
}

int vcpu_fetch(struct vcpu *vcpu, struct fetch *f, u64 rip, u64 cs_base)
{
	enum decode_mode mode = vcpu_decode_mode(vcpu);
	u64 linear = mode == DECODE_64 ? rip : (u32)(rip + cs_base);
	struct page_fault fault;
	int err;

	if (still_good(vcpu, f, linear) && same_as_last(f, linear, mode))
		return SERVED;
	f->mode = mode;
	f->decoded = false;
	err = fetch_bytes(vcpu, f, linear, &fault);
	if (err == -SWIVL_EAGAIN)
		return err;
	switch (decode(&f->insn, f->bytes, f->nbytes, mode)) {
	case DECODE_OK:
		f->decoded = true;
		return SERVED;
	case DECODE_TRUNCATED:
		/* It goes on where nothing can be fetched. */
		return err ? raise_for(vcpu, err, &fault) : -SWIVL_EOPNOTSUPP;
	default:
		return -SWIVL_EOPNOTSUPP;
	}
}
