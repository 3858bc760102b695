// SPDX-License-Identifier: MIT OR GPL-2.0-only
// uses: $(MODEL)
/*
 * Several vCPUs with the interrupt chips, one at a time: starting by INIT and SIPI, halting, what
 * wakes, and that nothing is lost between two looks. Messages come as MSIs, which reach the local
 * APICs as a processor's own do.
 */
#include "model_test.h"
#include "core/irq/irqchip.h"
#include "core/x86/regs.h"

static int vm, vcpus[2];

static int setup(void **state)
{
	model_reset();
	vm = new_vm();
	assert_int_equal(model_ioctl(vm, KVM_CREATE_IRQCHIP, 0), 0);
	vcpus[0] = new_vcpu(vm, 0);
	vcpus[1] = new_vcpu(vm, 1);
	return 0;
}

/* Delivery modes (SDM vol. 3, 11.6.1). */
enum { FIXED = 0, NMI = 4, INIT = 5, SIPI = 6 };

static void send(unsigned int to, unsigned int mode, u8 vector)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000 | to << 12,
			       .data = 1u << 14 | mode << 8 | vector };

	assert_true(model_call(vm, KVM_SIGNAL_MSI, &msi) >= 0);
}

static u32 mp_state(int nr)
{
	struct kvm_mp_state m;

	assert_int_equal(model_call(vcpus[nr], KVM_GET_MP_STATE, &m), 0);
	return m.mp_state;
}

static void set_mp_state(int nr, u32 mp_state)
{
	struct kvm_mp_state m = { mp_state };

	assert_int_equal(model_call(vcpus[nr], KVM_SET_MP_STATE, &m), 0);
}

/* Until it would sleep, which the model ends with a signal. */
static void run_to_sleep(int nr)
{
	model_signal = false;
	assert_int_equal(model_ioctl(vcpus[nr], KVM_RUN, 0), -SWIVL_EINTR);
	model_signal = false;
}

static struct model_hw seen;

static void see(struct vcpu *v, struct model_hw *hw)
{
	seen = *hw;
	v->exit = (struct exit){ .kind = EXIT_HLT, .length = 1 };
}

static void waits_for_init_and_sipi(void **state)
{
	model_guest = see;
	assert_int_equal(mp_state(0), KVM_MP_STATE_RUNNABLE);
	assert_int_equal(mp_state(1), KVM_MP_STATE_UNINITIALIZED);
	run_to_sleep(1);
	send(1, SIPI, 0x12); /* nobody waits for it yet: dropped */
	run_to_sleep(1);
	assert_int_equal(model_entries, 0);
	assert_int_equal(mp_state(1), KVM_MP_STATE_UNINITIALIZED);
	send(1, INIT, 0);
	run_to_sleep(1);
	assert_int_equal(mp_state(1), KVM_MP_STATE_INIT_RECEIVED);
	send(1, NMI, 0); /* latched, but no reason to begin */
	run_to_sleep(1);
	assert_int_equal(model_entries, 0);
	send(1, SIPI, 0x9a);
	run_to_sleep(1);
	assert_true(model_entries > 0);
	assert_int_equal(mp_state(1), KVM_MP_STATE_HALTED);
	assert_int_equal(mp_state(0), KVM_MP_STATE_RUNNABLE);
}

static void starts_where_sipi_says(void **state)
{
	model_guest = see;
	send(1, INIT, 0);
	send(1, SIPI, 0x9a);
	send(1, SIPI, 0x9b); /* as systems do; it comes in time here */
	run_to_sleep(1);
	assert_int_equal(model_entries, 1);
	assert_int_equal(seen.state.seg[SEG_CS].selector, 0x9b00);
	assert_int_equal(seen.state.seg[SEG_CS].base, 0x9b000);
	assert_int_equal(seen.state.rip, 0);
	assert_int_equal(seen.state.cr0 & (CR0_PE | CR0_PG), 0);
}

/* The second SIPI comes while it runs, together with an exception of its own. */
static void late_sipi(struct vcpu *v, struct model_hw *hw)
{
	if (model_entries == 1) {
		send(1, SIPI, 0x55);
		v->exit = (struct exit){ .kind = EXIT_VIRTUALIZATION, .length = 3 };
	} else {
		see(v, hw);
	}
}

static void late_sipi_loses_nothing(void **state)
{
	model_guest = late_sipi;
	send(1, INIT, 0);
	send(1, SIPI, 0x10);
	run_to_sleep(1);
	assert_int_equal(model_entries, 2);
	assert_int_equal(seen.state.seg[SEG_CS].selector, 0x1000);
	assert_int_equal(seen.injected.type, EVENT_EXCEPTION);
	assert_int_equal(seen.injected.vector, VECTOR_UD);
}

static void init_while_it_runs(struct vcpu *v, struct model_hw *hw)
{
	if (model_entries == 1) {
		hw->state.rip = 0x1234;
		send(1, INIT, 0);
	}
	see(v, hw);
}

static void init_stops_a_running_one(void **state)
{
	model_guest = init_while_it_runs;
	send(1, INIT, 0);
	send(1, SIPI, 0x10);
	run_to_sleep(1);
	assert_int_equal(model_entries, 1);
	assert_int_equal(mp_state(1), KVM_MP_STATE_INIT_RECEIVED);
	send(1, SIPI, 0x20);
	run_to_sleep(1);
	assert_int_equal(seen.state.seg[SEG_CS].selector, 0x2000);
	assert_int_equal(seen.state.rip, 0);
}

/* To the boot processor INIT is a reset: it begins anew by itself. */
static void init_of_the_boot_processor(void **state)
{
	model_guest = see;
	send(0, INIT, 0);
	run_to_sleep(0);
	assert_int_equal(model_entries, 1);
	assert_int_equal(seen.state.rip, 0xfff0);
	assert_int_equal(seen.state.seg[SEG_CS].base, 0xffff0000);
}

static void enable_apic(int nr)
{
	static struct kvm_lapic_state l;
	struct kvm_regs regs;

	assert_int_equal(model_call(vcpus[nr], KVM_GET_LAPIC, &l), 0);
	l.regs[0xf1] |= 1; /* bit 8 of the spurious-vector register */
	assert_int_equal(model_call(vcpus[nr], KVM_SET_LAPIC, &l), 0);
	assert_int_equal(model_call(vcpus[nr], KVM_GET_REGS, &regs), 0);
	regs.rflags |= RFLAGS_IF;
	assert_int_equal(model_call(vcpus[nr], KVM_SET_REGS, &regs), 0);
}

static void halted_wakes_for_what_it_takes(void **state)
{
	struct kvm_regs regs;

	model_guest = see;
	enable_apic(0);
	set_mp_state(0, KVM_MP_STATE_HALTED);
	run_to_sleep(0);
	assert_int_equal(model_entries, 0);
	send(0, FIXED, 0x41);
	run_to_sleep(0);
	assert_int_equal(model_entries, 1);
	assert_int_equal(seen.injected.type, EVENT_INTERRUPT);
	assert_int_equal(seen.injected.vector, 0x41);
	/* One of lower priority waits for the end of the first. */
	send(0, FIXED, 0x31);
	run_to_sleep(0);
	assert_int_equal(model_entries, 1);
	send(0, FIXED, 0x51);
	run_to_sleep(0);
	assert_int_equal(seen.injected.vector, 0x51);
	/* With interrupts off only an NMI ends it. */
	assert_int_equal(model_call(vcpus[0], KVM_GET_REGS, &regs), 0);
	regs.rflags &= ~(u64)RFLAGS_IF;
	assert_int_equal(model_call(vcpus[0], KVM_SET_REGS, &regs), 0);
	model_entries = 0;
	send(0, FIXED, 0x61);
	run_to_sleep(0);
	assert_int_equal(model_entries, 0);
	send(0, NMI, 0);
	run_to_sleep(0);
	assert_int_equal(model_entries, 1);
	assert_int_equal(seen.injected.type, EVENT_NMI);
}

static void message_to_all(void **state)
{
	int nr;

	model_guest = see;
	send(1, INIT, 0);
	send(1, SIPI, 0);
	run_to_sleep(1);
	for (nr = 0; nr < 2; nr++) {
		enable_apic(nr);
		set_mp_state(nr, KVM_MP_STATE_HALTED);
	}
	send(0xff, FIXED, 0x77);
	for (nr = 0; nr < 2; nr++) {
		model_entries = 0;
		run_to_sleep(nr);
		assert_int_equal(model_entries, 1);
		assert_int_equal(seen.injected.vector, 0x77);
	}
}

/* A kick asks the home only for a vCPU that may be in its guest. */
static void kicks_only_into_the_guest(struct vcpu *v, struct model_hw *hw)
{
	if (model_entries == 1) {
		send(0, FIXED, 0x41);
		assert_int_equal(model_kicks, 1);
		send(0, FIXED, 0x51); /* it is on its way out already, but who knows how far */
	}
	see(v, hw);
}

static void kicks(void **state)
{
	model_guest = kicks_only_into_the_guest;
	enable_apic(0);
	send(0, FIXED, 0x31);
	assert_int_equal(model_kicks, 0);
	run_to_sleep(0);
}

/* What comes too late for a look at the events is seen before the entry all the same. */
static void memory_changes_keep_out(struct vcpu *v, struct model_hw *hw)
{
	assert_true(v->in_guest);
	see(v, hw);
}

static void slot_changes_find_nobody_inside(void **state)
{
	char *memory = caller_memory(PAGE);

	model_guest = memory_changes_keep_out;
	assert_int_equal(set_slot(vm, 0, 0, 0, PAGE, memory), 0);
	run_to_sleep(0);
	assert_false(model_vcpu(vcpus[0])->in_guest);
	assert_int_equal(set_slot(vm, 0, 0, 0, 0, memory), 0);
	assert_int_equal(model_kicks, 0);
	munmap(memory, PAGE);
}

static unsigned int messages;

static void another_message(void)
{
	assert_true(++messages < 10);
	model_signal = true;
	send(0, NMI, 0);
}

static void busy(struct vcpu *v, struct model_hw *hw)
{
	v->exit = (struct exit){ .kind = EXIT_INTERRUPT };
}

/* Other threads send faster than this one takes it: the section ends all the same. */
static void a_flood_of_messages_keeps_nobody_inside(void **state)
{
	model_guest = busy;
	messages = 0;
	send(0, NMI, 0);
	model_interrupt = another_message;
	assert_int_equal(model_ioctl(vcpus[0], KVM_RUN, 0), -SWIVL_EINTR);
	model_interrupt = NULL;
	assert_int_equal(messages, 1);
}

static void failed_creation_gives_its_index_back(void **state)
{
	int i;

	for (i = 1; i < 12; i++) {
		long r;

		model_fail_alloc = i;
		r = model_ioctl(vm, KVM_CREATE_VCPU, 2);
		if (r >= 0)
			break;
		assert_int_equal(r, -SWIVL_ENOMEM);
	}
	model_fail_alloc = 0;
	assert_in_range(i, 3, 11);
	assert_int_equal(model_vm(vm)->irqchip->nr_lapics, 3);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, model_teardown)
	const struct CMUnitTest tests[] = {
		TEST(waits_for_init_and_sipi),
		TEST(starts_where_sipi_says),
		TEST(late_sipi_loses_nothing),
		TEST(init_stops_a_running_one),
		TEST(init_of_the_boot_processor),
		TEST(halted_wakes_for_what_it_takes),
		TEST(message_to_all),
		TEST(kicks),
		TEST(slot_changes_find_nobody_inside),
		TEST(a_flood_of_messages_keeps_nobody_inside),
		TEST(failed_creation_gives_its_index_back),
	};

	return cmocka_run_group_tests_name("several", tests, NULL, NULL);
}
