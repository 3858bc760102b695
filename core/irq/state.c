// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Chips to KVM's layouts and back. */
#include "core/irq/state.h"

void pic_get_state(const struct pic *p, unsigned chip, struct kvm_pic_state *s)
{
	const struct pic_chip *c = &p->chip[chip & 1];

	memset(s, 0, sizeof(*s));
	s->last_irr = c->lines;
	s->irr = c->irr;
	s->imr = c->imr;
	s->isr = c->isr;
	s->priority_add = c->first;
	s->irq_base = c->base;
	s->read_reg_select = c->read_isr;
	s->poll = c->poll;
	s->special_mask = c->special_mask;
	s->init_state = c->init;
	s->auto_eoi = c->auto_eoi;
	s->rotate_on_auto_eoi = c->rotate_auto_eoi;
	s->special_fully_nested_mode = c->special_nested;
	s->init4 = c->icw4;
	s->elcr = c->elcr;
	s->elcr_mask = pic_elcr_mask(chip & 1);
}

void pic_set_state(struct pic *p, unsigned chip, const struct kvm_pic_state *s)
{
	struct pic_chip *c = &p->chip[chip & 1];

	c->lines = s->last_irr;
	if (!(chip & 1))
		c->lines &= ~(1 << PIC_CASCADE);
	c->irr = s->irr;
	c->imr = s->imr;
	c->isr = s->isr;
	c->first = s->priority_add & 7;
	c->base = s->irq_base & 0xf8;
	c->read_isr = s->read_reg_select;
	c->poll = s->poll;
	c->special_mask = s->special_mask;
	c->init = s->init_state & 3;
	c->auto_eoi = s->auto_eoi;
	c->rotate_auto_eoi = s->rotate_on_auto_eoi;
	c->special_nested = s->special_fully_nested_mode;
	c->icw4 = s->init4;
	c->elcr = s->elcr & pic_elcr_mask(chip & 1);
	pic_update(p);
}

void ioapic_get_state(const struct ioapic *io, struct kvm_ioapic_state *s)
{
	unsigned pin;

	memset(s, 0, sizeof(*s));
	s->base_address = io->base;
	s->ioregsel = io->select;
	s->id = io->id;
	s->irr = io->lines & ~io->sent;
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		s->redirtbl[pin].bits = io->entry[pin];
}

void ioapic_set_state(struct ioapic *io, const struct kvm_ioapic_state *s)
{
	unsigned pin;

	io->base = s->base_address;
	io->select = (u8)s->ioregsel;
	io->id = s->id & 15;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		u64 e = s->redirtbl[pin].bits & (IOAPIC_GUEST_BITS | IOAPIC_REMOTE_IRR);

		if (!(e & IOAPIC_LEVEL))
			e &= ~IOAPIC_REMOTE_IRR;
		io->entry[pin] = e;
	}
	ioapic_update(io, s->irr);
}

void lapic_get_state(struct lapic *l, struct kvm_lapic_state *s, u64 now)
{
	unsigned reg;
	u32 v;

	memset(s, 0, sizeof(*s));
	for (reg = 0; reg < LAPIC_REGS; reg++) {
		v = reg == LAPIC_TMCCT ? lapic_read(l, reg, now) : l->reg[reg];
		memcpy(s->regs + reg * 16, &v, sizeof(v));
	}
}

int lapic_set_state(struct lapic *l, const struct kvm_lapic_state *s, u64 now)
{
	unsigned reg;
	u32 v, count;

	memcpy(&v, s->regs + LAPIC_ID * 16, sizeof(v));
	if ((l->base & LAPIC_BASE_X2APIC) && v >> 24 != l->id)
		return -SWIVL_EINVAL;
	for (reg = 0; reg < LAPIC_REGS; reg++) {
		memcpy(&v, s->regs + reg * 16, sizeof(v));
		l->reg[reg] = lapic_possible(reg, v);
	}
	memcpy(&count, s->regs + LAPIC_TMCCT * 16, sizeof(count));
	lapic_update(l, count, now);
	return 0;
}

void pit_get_state(const struct pit *p, struct kvm_pit_state2 *s)
{
	unsigned i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < 3; i++) {
		const struct pit_channel *c = &p->ch[i];
		struct kvm_pit_channel_state *k = &s->channels[i];

		k->count = c->count;
		k->latched_count = c->latched_count;
		k->count_latched = c->count_latched;
		k->status_latched = c->status_latched;
		k->status = c->status;
		k->read_state = c->read_next;
		k->write_state = c->write_next;
		k->write_latch = c->write_low;
		k->rw_mode = c->access;
		k->mode = c->mode;
		k->bcd = c->bcd;
		k->gate = c->gate;
		k->count_load_time = (s64)c->loaded_at;
	}
	if (p->hpet_legacy)
		s->flags |= KVM_PIT_FLAGS_HPET_LEGACY;
	if (p->speaker_on)
		s->flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
}

void pit_set_state(struct pit *p, const struct kvm_pit_state2 *s, u64 now)
{
	unsigned i;

	for (i = 0; i < 3; i++) {
		struct pit_channel *c = &p->ch[i];
		const struct kvm_pit_channel_state *k = &s->channels[i];

		c->count = k->count > 65536 ? 65536 : k->count;
		c->latched_count = k->latched_count;
		c->count_latched = k->count_latched & 3;
		c->status_latched = k->status_latched;
		c->status = k->status;
		c->read_next = k->read_state & 7;
		c->write_next = k->write_state & 7;
		c->write_low = k->write_latch;
		c->access = k->rw_mode & 3;
		c->mode = k->mode > 5 ? PIT_NO_MODE : k->mode;
		c->bcd = k->bcd;
		c->gate = k->gate;
	}
	p->hpet_legacy = s->flags & KVM_PIT_FLAGS_HPET_LEGACY;
	p->speaker_on = s->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	pit_update(p, now);
}
