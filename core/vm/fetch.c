// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The guest's addresses and instructions, for what we carry out ourselves. */
#include "core/vm/fetch.h"
#include "core/x86/regs.h"
#include "core/x86/walk.h"

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

COLD int translate_by_walk(struct vcpu *vcpu, u64 linear, u8 access, u64 *gpa)
{
	struct page_fault fault = { 0 };
	struct walk_ctx ctx;
	int err;

	vcpu_walk_ctx(vcpu, &ctx);
	err = guest_walk(&ctx, linear, with_user(vcpu, access), gpa, &fault);
	return err ? raise_for(vcpu, err, &fault) : SERVED;
}

int vcpu_translate(struct vcpu *vcpu, u64 linear, u8 access, u64 *gpa)
{
	const struct exit *e = &vcpu->exit;

	/* The processor has done the walk already and told the result. */
	if (e->kind == EXIT_NESTED_FAULT && e->fault.gva_valid && e->fault.gva == linear &&
	    (access & (ACCESS_READ | ACCESS_WRITE))) {
		*gpa = e->fault.gpa;
		return SERVED;
	}
	return translate_by_walk(vcpu, linear, access, gpa);
}

struct recorder {
	struct vcpu *vcpu;
	struct fetch *f;
};

static int read_and_record(void *arg, u64 gpa, void *entry, size_t size)
{
	struct recorder *r = arg;
	struct fetch *f = r->f;
	int err = vcpu_read_entry(r->vcpu, gpa, entry, size);

	if (err || size != sizeof(u64) || f->depth >= ARRAY_SIZE(f->entry))
		return err;
	f->entry[f->depth].where = vm_guest_pointer(r->vcpu->vm, gpa);
	memcpy(&f->entry[f->depth].value, entry, sizeof(u64));
	f->depth++;
	return 0;
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
	for (; i < ARRAY_SIZE(f->entry); i++)
		f->entry[i].where = &f->entry[i].value;
	f->code = vm_guest_pointer(vcpu->vm, gpa & ~(SWIVL_PAGE_SIZE - 1));
	f->page = fetch_page(linear);
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
	f->page = 0;
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

/* The bytes that are there to *insn. */
static enum decode_result decode_bytes(struct fetch *f, struct insn *insn, enum decode_mode mode)
{
	enum decode_result result = decode(insn, f->bytes, f->nbytes, mode);
	unsigned int length = insn->length;

	f->mode = mode;
	f->decoded = result == DECODE_OK;
	if (f->decoded) {
		f->mask[0] = length < 8 ? (1ull << 8 * length) - 1 : ~0ull;
		f->mask[1] = length > 8 ? (1ull << 8 * (length - 8)) - 1 : 0;
	}
	return result;
}

COLD int fetch_anew(struct vcpu *vcpu, struct fetch *f, struct insn *insn, enum decode_mode mode,
		    u64 linear, struct page_fault *fault)
{
	int err;

	f->mode = mode;
	f->decoded = false;
	err = fetch_bytes(vcpu, f, linear, fault);
	if (err == -SWIVL_EAGAIN && !f->nbytes)
		return err;
	switch (decode_bytes(f, insn, mode)) {
	case DECODE_OK:
		return SERVED;
	case DECODE_TRUNCATED:
		/* It goes on where nothing can be fetched, or not now. */
		return err ? err : -SWIVL_EOPNOTSUPP;
	default:
		return -SWIVL_EOPNOTSUPP;
	}
}

/* Another instruction in the page of the last one: no walk is needed. */
COLD bool decode_kept(struct fetch *f, struct insn *insn, enum decode_mode mode, u64 linear)
{
	u64 offset = linear & (SWIVL_PAGE_SIZE - 1), room = SWIVL_PAGE_SIZE - offset;

	f->nbytes = room < INSN_MAX_LENGTH ? room : INSN_MAX_LENGTH;
	memcpy(f->bytes, f->code + offset, f->nbytes);
	return decode_bytes(f, insn, mode) == DECODE_OK;
}

int vcpu_peek(struct vcpu *vcpu, struct fetch *f, struct insn *insn, enum decode_mode mode,
	      u64 linear, struct page_fault *fault)
{
	if (fetch_is_same(vcpu, f, linear, mode) ||
	    (fetch_leads_there(vcpu, f, linear) && decode_kept(f, insn, mode, linear)))
		return SERVED;
	return fetch_anew(vcpu, f, insn, mode, linear, fault);
}

int vcpu_fetch(struct vcpu *vcpu, struct fetch *f, struct insn *insn, enum decode_mode mode,
	       u64 linear)
{
	struct page_fault fault = { 0 };
	int ret = vcpu_peek(vcpu, f, insn, mode, linear, &fault);

	return ret == SERVED ? ret : raise_for(vcpu, ret, &fault);
}
