// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Instructions that we carry out ourselves because they touch memory that is none: MMIO of the
 * interrupt chips and of the caller, and INS and OUTS.
 *
 * Until an instruction commits nothing of the guest has changed, so it may be given up at any
 * point (-SWIVL_EAGAIN) and begun again where one may sleep.
 */
#include "core/emulate/emulate.h"
#include "core/vm/events.h"
#include "core/vm/fetch.h"
#include "core/vm/vm.h"
#include "core/x86/regs.h"

struct mmio_work {
	struct emu_op op;
	struct emu_regs regs;
	struct fetch fetch; /* of op.insn */
	u64 gpa; /* of the piece that is being served */
	bool reading; /* the read access is under way, else the write access */
	u8 done; /* bytes of it that are served */
	u8 chunk; /* bytes of it that the caller serves now */
	struct emu_io_string io;
	u64 io_count; /* elements that the caller serves now */
};

/* KVM_EXIT_INTERNAL_ERROR with the bytes of the instruction that we cannot carry out. */
static int emulation_failed(struct vcpu *vcpu)
{
	const struct fetch *f = &vcpu->mmio->fetch;
	unsigned int len = f->decoded ? vcpu->mmio->op.insn.length : f->nbytes;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = len;
	memset(run->emulation_failure.insn_bytes, 0x90, INSN_MAX_LENGTH);
	memcpy(run->emulation_failure.insn_bytes, f->bytes, len);
	return HANDLED_USER;
}

/* An exit while an event was being delivered: the IDT or a stack lies in no memory. */
static int delivery_failed(struct vcpu *vcpu, u64 gpa)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	run->internal.ndata = 4;
	run->internal.data[0] = vcpu->event.vector | vcpu->event.type << 8;
	run->internal.data[1] = vcpu->exit.hw_reason;
	run->internal.data[2] = vcpu->exit.hw_info[0];
	run->internal.data[3] = gpa;
	return HANDLED_USER;
}

COLD void collect_segments(struct vcpu *vcpu, struct emu_regs *regs)
{
	static const u8 order[INSN_SEGS] = { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };
	unsigned int i;

	vcpu_need(vcpu, STATE_SEG);
	for (i = 0; i < INSN_SEGS; i++)
		regs->seg_base[i] = vcpu->state.seg[order[i]].base;
}

/* What every instruction needs; the code segment's mode. */
static enum decode_mode collect_regs(struct vcpu *vcpu, struct emu_regs *regs)
{
	enum decode_mode mode;

	vcpu_need(vcpu, STATE_RIP | STATE_RFLAGS | STATE_SHADOW | STATE_CR | STATE_CR3 |
			STATE_MODE);
	regs->gpr = vcpu->gpr;
	regs->rip = vcpu->state.rip;
	regs->rflags = vcpu->state.rflags;
	mode = vcpu_decode_mode(vcpu);
	if (mode != DECODE_64)
		collect_segments(vcpu, regs);
	return mode;
}

/* What few do: the two segments that have a base in 64-bit mode, too, and the stack pointer. */
static void collect_rare(struct vcpu *vcpu, struct emu_regs *regs, const struct insn *insn)
{
	if (insn->segment == INSN_FS || insn->segment == INSN_GS)
		collect_segments(vcpu, regs);
	if (insn->base == INSN_RSP || insn->reg == INSN_RSP)
		vcpu_need(vcpu, STATE_RSP);
}

static int ram(struct vcpu *vcpu, u64 gpa, void *data, size_t size, bool write)
{
	if (write)
		return vm_write_guest(vcpu->vm, gpa, data, size, !vcpu->in_section);
	return vm_read_guest(vcpu->vm, gpa, data, size, !vcpu->in_section);
}

static int to_user(struct vcpu *vcpu, u64 gpa, const void *data, unsigned int len, bool write)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = write;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (write)
		memcpy(run->mmio.data, data, len);
	return TO_USER;
}

/* Memory that is served here; the access that faulted has been looked up already. */
static bool is_ram(struct vcpu *vcpu, u64 gpa, bool write)
{
	const struct memslot *slot;

	if (vcpu->exit.kind == EXIT_NESTED_FAULT && vcpu->exit.fault.gpa == gpa &&
	    (write || !(vcpu->exit.fault.access & ACCESS_WRITE)))
		return false;
	slot = vm_find_slot(vcpu->vm, gpa);
	return slot && !(write && (slot->flags & KVM_MEM_READONLY));
}

/* A piece of an access, all in one page. */
static int serve_piece(struct vcpu *vcpu, struct emu_access *a, bool write)
{
	struct mmio_work *work = vcpu->mmio;
	unsigned int shift = 8 * work->done;
	u8 *data = (u8 *)&a->data + work->done;
	s64 in = -1;

	if (is_ram(vcpu, work->gpa, write))
		return ram(vcpu, work->gpa, data, work->chunk, write);
	if (vcpu->vm->irqchip)
		in = vm_chip_mmio(vcpu, work->gpa, work->chunk, write, (u32)(a->data >> shift));
	if (in < 0)
		return to_user(vcpu, work->gpa, data, work->chunk, write);
	if (!write)
		a->data = (a->data & ~(~0ull << shift)) | (u64)in << shift;
	return SERVED;
}

/* One access of the instruction, piece by piece where it crosses a page. */
static int serve(struct vcpu *vcpu, struct emu_access *a, bool write)
{
	struct mmio_work *work = vcpu->mmio;
	int err;

	while (work->done < a->size) {
		u64 linear = a->linear + work->done;
		u64 room = SWIVL_PAGE_SIZE - (linear & (SWIVL_PAGE_SIZE - 1));

		work->chunk = a->size - work->done;
		if (work->chunk > room)
			work->chunk = room;
		err = vcpu_translate(vcpu, linear, write ? ACCESS_WRITE : ACCESS_READ, &work->gpa);
		if (!err)
			err = serve_piece(vcpu, a, write);
		if (err)
			return err;
		work->done += work->chunk;
	}
	return SERVED;
}

static void commit(struct vcpu *vcpu)
{
	struct mmio_work *work = vcpu->mmio;
	u64 rsp = vcpu->gpr[RSP];

	emulate_commit(&work->op, &work->regs);
	if (vcpu->gpr[RSP] != rsp)
		vcpu->dirty |= STATE_RSP;
	if ((work->regs.rflags ^ vcpu->state.rflags) & ~(u64)RFLAGS_RF) {
		vcpu->state.rflags = work->regs.rflags;
		vcpu->dirty |= STATE_RFLAGS;
	}
	vcpu_instruction_done(vcpu, work->regs.rip);
}

/* Why an instruction stops before its end, to what the loop of exits understands. */
COLD int stopped(struct vcpu *vcpu, int err)
{
	if (err == TO_USER)
		return HANDLED_USER;
	if (err == RAISED)
		return HANDLED_RESUME;
	if (err == -SWIVL_EFAULT || err == -SWIVL_EOPNOTSUPP)
		return emulation_failed(vcpu);
	return err;
}

COLD int raise_not_canonical(struct vcpu *vcpu, u8 segment)
{
	vcpu_raise(vcpu, segment == INSN_SS ? VECTOR_SS : VECTOR_GP);
	return RAISED;
}

/* Take the instruction as far as it goes without the caller. */
static int advance(struct vcpu *vcpu)
{
	struct mmio_work *work = vcpu->mmio;
	struct emu_op *op = &work->op;
	int err;

	if (work->reading) {
		err = op->read.size ? serve(vcpu, &op->read, false) : SERVED;
		if (err == TO_USER)
			vcpu->pending = PENDING_MMIO_READ;
		if (err)
			return stopped(vcpu, err);
		emulate_execute(op, &work->regs);
		work->reading = false;
		work->done = 0;
	}
	err = op->write.size ? serve(vcpu, &op->write, true) : SERVED;
	if (err == TO_USER) {
		if (work->done + work->chunk < op->write.size)
			vcpu->pending = PENDING_MMIO_WRITE;
		else
			commit(vcpu); /* a write needs no answer */
	}
	if (err)
		return stopped(vcpu, err);
	commit(vcpu);
	return HANDLED_RESUME;
}

static int get_work(struct vcpu *vcpu)
{
	if (vcpu->mmio)
		return 0;
	if (vcpu->in_section)
		return -SWIVL_EAGAIN;
	vcpu->mmio = host_alloc(sizeof(*vcpu->mmio));
	return vcpu->mmio ? 0 : -SWIVL_ENOMEM;
}

/* The instruction at RIP, ready to be carried out: 0, RAISED or an error. */
static int get_instruction(struct vcpu *vcpu)
{
	struct mmio_work *work = vcpu->mmio;
	struct emu_regs *regs = &work->regs;
	struct insn *insn = &work->op.insn;
	enum decode_mode mode = collect_regs(vcpu, regs);
	u64 linear = mode == DECODE_64 ? regs->rip : (u32)(regs->rip + regs->seg_base[INSN_CS]);
	int err = vcpu_fetch(vcpu, &work->fetch, insn, mode, linear);

	if (!err)
		collect_rare(vcpu, regs, insn);
	return err;
}

/*
 * A processor that told no linear address has done the walk all the same: that of an instruction
 * with one operand in memory is known.
 */
static void complete_fault(struct exit *e, const struct emu_op *op)
{
	u64 linear = op->read.size ? op->read.linear : op->write.linear;

	if (op->read.size && op->write.size && op->read.linear != op->write.linear)
		return;
	e->fault.gva = linear;
	e->fault.gva_valid = !((linear ^ e->fault.gpa) & (SWIVL_PAGE_SIZE - 1));
}

/*
 * What a guest's drivers do all day: the same plain MOV as the last time, to a register of the local
 * APIC. The processor has told which one, so only what the instruction is has to be made sure of,
 * and that the address is the access' own, not the second page's of one that crosses into it.
 */
HOT bool is_plain_again(struct vcpu *vcpu, struct mmio_work *work, u64 gpa, bool write)
{
	const struct insn *insn = &work->op.insn;
	const struct exit *e = &vcpu->exit;
	u64 linear;

	if (!(insn->form & EMU_PLAIN) || !e->fault.own || vcpu->event.type != EVENT_NONE ||
	    (e->fault.access & ACCESS_EXEC) || write != !!(insn->form & EMU_WRITE))
		return false;
	vcpu_need(vcpu, STATE_RIP | STATE_RFLAGS | STATE_SHADOW | STATE_CR | STATE_CR3 |
			STATE_MODE);
	linear = emulate_plain_address(insn, vcpu->gpr);
	return !((linear ^ gpa) & (SWIVL_PAGE_SIZE - 1)) && !(gpa & 3) &&
	       fetch_is_same(vcpu, &work->fetch, vcpu->state.rip, vcpu_decode_mode(vcpu));
}

static inline bool serve_plain(struct vcpu *vcpu, struct mmio_work *work, u64 gpa)
{
	const struct insn *insn = &work->op.insn;
	bool write = vcpu->exit.fault.access & ACCESS_WRITE;
	s64 in;

	if (!is_plain_again(vcpu, work, gpa, write))
		return false;
	in = vm_chip_mmio(vcpu, gpa, sizeof(u32), write,
			  insn->form & EMU_IMM ? insn->imm : vcpu->gpr[insn->reg]);
	if (!write)
		vcpu->gpr[insn->reg] = (u32)in;
	vcpu_instruction_done(vcpu, vcpu->state.rip + insn->length);
	return true;
}

bool mmio_plain_store(struct vcpu *vcpu, u64 gpa, u32 *value)
{
	struct mmio_work *work = vcpu->mmio;
	const struct insn *insn;

	if (!work || !(vcpu->exit.fault.access & ACCESS_WRITE) || !is_plain_again(vcpu, work, gpa, true))
		return false;
	insn = &work->op.insn;
	*value = insn->form & EMU_IMM ? (u32)insn->imm : (u32)vcpu->gpr[insn->reg];
	vcpu->exit.length = insn->length;
	return true;
}

int handle_mmio(struct vcpu *vcpu, u64 gpa)
{
	struct mmio_work *work = vcpu->mmio;
	int err;

	if (work && vcpu_is_own_lapic(vcpu, gpa) && serve_plain(vcpu, work, gpa))
		return HANDLED_RESUME;
	err = get_work(vcpu);
	if (err)
		return err;
	work = vcpu->mmio;
	if (vcpu->event.type != EVENT_NONE)
		return delivery_failed(vcpu, gpa);
	if (vcpu->exit.fault.access & ACCESS_EXEC) {
		/* The guest jumped to where no memory is. */
		work->fetch.decoded = false;
		work->fetch.nbytes = 0;
		return emulation_failed(vcpu);
	}
	err = get_instruction(vcpu);
	if (!err) {
		err = emulate_prepare(&work->op, &work->regs);
		if (err == -SWIVL_EFAULT)
			err = raise_not_canonical(vcpu, work->op.insn.segment);
	}
	if (err)
		return stopped(vcpu, err);
	if (vcpu->exit.fault.own && !vcpu->exit.fault.gva_valid)
		complete_fault(&vcpu->exit, &work->op);
	work->reading = true;
	work->done = 0;
	return advance(vcpu);
}

int finish_mmio(struct vcpu *vcpu)
{
	struct mmio_work *work = vcpu->mmio;

	if (work->reading)
		memcpy((u8 *)&work->op.read.data + work->done, vcpu->run->mmio.data, work->chunk);
	work->done += work->chunk;
	return advance(vcpu);
}

/* ---- INS and OUTS ------------------------------------------------------------------------- */

/*
 * The string's memory side, between vcpu->pio and the guest. All elements lie in the page of the
 * first one; a single element may run over its end.
 */
static int string_memory(struct vcpu *vcpu, u64 n, bool write)
{
	struct emu_io_string *io = &vcpu->mmio->io;
	u64 room = SWIVL_PAGE_SIZE - (io->linear & (SWIVL_PAGE_SIZE - 1));
	u8 access = write ? ACCESS_WRITE : ACCESS_READ;
	unsigned int first = n == 1 && io->size > room ? room : io->size;
	u64 i, gpa;
	int err;

	err = vcpu_translate(vcpu, io->linear, access, &gpa);
	for (i = 0; i < n && !err; i++)
		err = ram(vcpu, gpa + i * io->step, vcpu->pio + i * io->size, first, write);
	if (err || first == io->size)
		return err;
	err = vcpu_translate(vcpu, io->linear + first, access, &gpa);
	return err ? err : ram(vcpu, gpa, vcpu->pio + first, io->size - first, write);
}

static void string_done(struct vcpu *vcpu, u64 n)
{
	struct mmio_work *work = vcpu->mmio;

	emulate_io_string_done(&work->io, &work->regs, n, vcpu->exit.length);
	vcpu_instruction_done(vcpu, work->regs.rip);
}

/* Prefixes that the processor does not tell are read from the instruction. */
static int string_question(struct vcpu *vcpu)
{
	struct mmio_work *work = vcpu->mmio;
	const struct exit *e = &vcpu->exit;
	int err = get_instruction(vcpu);

	if (err)
		return err;
	work->io = (struct emu_io_string){ .mode = vcpu_decode_mode(vcpu),
					   .size = e->io.size,
					   .address_size = work->op.insn.address_size,
					   .segment = work->op.insn.segment,
					   .in = e->io.in,
					   .rep = e->io.rep };
	return 0;
}

int handle_io_string(struct vcpu *vcpu)
{
	const struct exit *e = &vcpu->exit;
	struct kvm_run *run = vcpu->run;
	struct mmio_work *work;
	int err = get_work(vcpu);

	if (err)
		return err;
	work = vcpu->mmio;
	err = string_question(vcpu);
	if (!err && emulate_io_string(&work->io, &work->regs))
		err = raise_not_canonical(vcpu, work->io.segment);
	if (err)
		return stopped(vcpu, err);
	work->io_count = work->io.count;
	if (work->io_count > VCPU_PIO_SIZE / work->io.size)
		work->io_count = VCPU_PIO_SIZE / work->io.size;
	if (!work->io_count) {
		string_done(vcpu, 0);
		return HANDLED_RESUME;
	}
	err = string_memory(vcpu, work->io_count, false);
	if (err)
		return stopped(vcpu, err);
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = e->io.in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = e->io.size;
	run->io.port = e->io.port;
	run->io.count = work->io_count;
	run->io.data_offset = SWIVL_PAGE_SIZE;
	vcpu->pending = e->io.in ? PENDING_IO_IN : PENDING_IO_OUT;
	return HANDLED_USER;
}

/*
 * The caller may have changed the registers meanwhile, a count above all: what is done is what
 * they say now, and at most what the caller was asked for.
 */
int finish_io_string(struct vcpu *vcpu)
{
	struct mmio_work *work = vcpu->mmio;
	int err;

	collect_regs(vcpu, &work->regs);
	collect_rare(vcpu, &work->regs, &work->op.insn);
	if (emulate_io_string(&work->io, &work->regs))
		return stopped(vcpu, raise_not_canonical(vcpu, work->io.segment));
	if (work->io_count > work->io.count)
		work->io_count = work->io.count;
	if (vcpu->exit.io.in && work->io_count) {
		err = string_memory(vcpu, work->io_count, true);
		if (err)
			return stopped(vcpu, err);
	}
	string_done(vcpu, work->io_count);
	return HANDLED_RESUME;
}
