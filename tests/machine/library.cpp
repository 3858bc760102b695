/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * libswivl on a real device, through the C++ classes and, where those have nothing, through C:
 * what each call promises, also when it fails. The device is $SWIVL_DEVICE's.
 */
#include <atomic>
#include <cstdio>
#include <cstring>
#include <chrono>
#include <functional>
#include <thread>

#include <swivl/swivl.hpp>

#include "ends.h"

static int wrong;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			std::printf("# wrong, line %d: %s\n", __LINE__, #condition);              \
			wrong++;                                                                   \
		}                                                                                  \
	} while (0)

static int error_of(const std::function<void()> &call)
{
	try {
		call();
	} catch (const swivl::error &e) {
		return e.code().value();
	}
	return 0;
}

/* Real-mode code at 0x1000 of 64 KiB, the interrupt flag on (Bochs 2.7 wants it for spinning). */
struct machine {
	swivl::hypervisor host;
	swivl::vm vm{ host };
	unsigned char *memory;

	machine(std::initializer_list<unsigned char> code, unsigned int flags = 0)
	{
		memory = vm.add_memory(0, 0x10000, flags);
		std::copy(code.begin(), code.end(), memory + 0x1000);
	}

	swivl::vcpu start()
	{
		swivl::vcpu cpu(vm, 0);
		kvm_sregs sregs = cpu.sregs();
		kvm_regs regs = {};

		sregs.cs.base = sregs.cs.selector = 0;
		cpu.sregs(sregs);
		regs.rip = 0x1000;
		regs.rflags = 0x202;
		cpu.regs(regs);
		return cpu;
	}
};

static void opening()
{
	CHECK(error_of([] { swivl::hypervisor("/dev/none"); }) == ENOENT);
	CHECK(!std::strcmp(swivl_open_failed(), "/dev/none"));
	CHECK(error_of([] { swivl::hypervisor("/dev/null"); }) == ENOTTY);
	CHECK(error_of([] { swivl::hypervisor(std::string(300, 'x')); }) == ENAMETOOLONG);

	swivl::hypervisor host;
	struct swivl_version version;
	kvm_msr_list *msrs = nullptr;

	CHECK(host.path() == std::getenv("SWIVL_DEVICE"));
	CHECK(host.extension(KVM_CAP_USER_MEMORY) == 1);
	CHECK(host.extension(100000) == 0);
	CHECK(host.supported_cpuid()->nent > 4);
	CHECK(swivl_msr_index_list(host.get(), &msrs) == 0 && msrs->nmsrs > 4);
	std::free(msrs);
	if (host.path() == "/dev/kvm")
		CHECK(swivl_get_version(host.get(), &version) == -ENOTTY);
	else
		CHECK(swivl_get_version(host.get(), &version) == 0 &&
		      version.vendor != SWIVL_VENDOR_NONE);
}

static void memory()
{
	machine m({});

	CHECK(error_of([&] { m.vm.map(1, 0x20001, m.memory, 0x1000); }) == EINVAL);
	CHECK(error_of([&] { m.vm.map(1, 0x20000, m.memory, 0x1001); }) == EINVAL);
	CHECK(error_of([&] { m.vm.map(1, 0xf000, m.memory, 0x1000); }) == EEXIST);
	CHECK(error_of([&] { m.vm.map(1u << 20, 0x20000, m.memory, 0x1000); }) == EINVAL);
	m.vm.map(1, 0x20000, m.memory, 0x1000);
	m.vm.map(1, 0x30000, m.memory, 0x1000); /* moves */
	m.vm.unmap(1);
	m.vm.map(2, 0x30000, m.memory, 0x1000);
}

static void dirty_log()
{
	/* mov byte [0x5123], 1; hlt */
	machine m({ 0xc6, 0x06, 0x23, 0x51, 1, 0xf4 }, KVM_MEM_LOG_DIRTY_PAGES);
	swivl::vcpu cpu = m.start();
	uint64_t bitmap = ~0ull;

	CHECK(swivl_vm_dirty_log(m.vm.get(), 0, &bitmap) == 0 && !(bitmap >> 5 & 1));
	CHECK(cpu.run() && cpu.state().exit_reason == KVM_EXIT_HLT);
	CHECK(swivl_vm_dirty_log(m.vm.get(), 0, &bitmap) == 0 && (bitmap >> 5 & 1));
	CHECK(swivl_vm_dirty_log(m.vm.get(), 0, &bitmap) == 0 && !(bitmap >> 5 & 1));
	CHECK(swivl_vm_dirty_log(m.vm.get(), 1, &bitmap) == -ENOENT);
	CHECK(m.memory[0x5123] == 1);
}

static void kicks()
{
	machine m({ 0xff, 0x06, 0x00, 0x20, 0xeb, 0xfa }); /* inc word [0x2000]; again */
	swivl::vcpu first = m.start(), cpu = std::move(first);
	std::atomic<bool> back{ false };
	volatile unsigned char *counter = m.memory + 0x2000;

	CHECK(swivl_kick_signal(0) == 0);
	cpu.kick();
	CHECK(!cpu.run() && !cpu.run()); /* one that comes before: until it is taken back */
	CHECK(!*counter);
	for (int i = 0; i < 20; i++) {
		std::thread kicker([&] {
			std::this_thread::sleep_for(std::chrono::milliseconds(i));
			while (!back) {
				cpu.kick();
				std::this_thread::sleep_for(std::chrono::milliseconds(10));
			}
		});

		back = false;
		cpu.unkick();
		CHECK(!cpu.run());
		back = true;
		kicker.join();
	}
	CHECK(counter[0] || counter[1]);
}

static void state_there_and_back()
{
	machine m({ 0xf4 });
	swivl::vcpu cpu = m.start();
	kvm_msr_entry msrs[2] = {};
	kvm_fpu fpu, fpu2;
	kvm_mp_state mp;
	kvm_vcpu_events events;
	kvm_debugregs debug;
	kvm_guest_debug guest_debug = {};
	kvm_regs regs = cpu.regs();

	regs.r15 = 0x123456789abcdef0;
	cpu.regs(regs);
	CHECK(cpu.regs().r15 == regs.r15 && cpu.regs().rip == 0x1000);
	cpu.msr(0x175, 0x4321); /* IA32_SYSENTER_ESP */
	CHECK(cpu.msr(0x175) == 0x4321);
	CHECK(error_of([&] { cpu.msr(0xdead); }) == EINVAL);
	msrs[0].index = 0x175;
	msrs[0].data = 5;
	msrs[1].index = 0xdead;
	CHECK(swivl_vcpu_set_msrs(cpu.get(), msrs, 2) == 1);
	CHECK(swivl_vcpu_set_msrs(cpu.get(), msrs, 257) == -E2BIG);
	CHECK(cpu.msr(0x175) == 5);
	CHECK(!swivl_vcpu_get_fpu(cpu.get(), &fpu));
	fpu.fcw = 0x27f;
	CHECK(!swivl_vcpu_set_fpu(cpu.get(), &fpu) && !swivl_vcpu_get_fpu(cpu.get(), &fpu2));
	CHECK(fpu2.fcw == 0x27f);
	CHECK(!swivl_vcpu_get_mp_state(cpu.get(), &mp) && mp.mp_state == KVM_MP_STATE_RUNNABLE);
	CHECK(!swivl_vcpu_set_mp_state(cpu.get(), &mp));
	CHECK(!swivl_vcpu_get_events(cpu.get(), &events) && !swivl_vcpu_set_events(cpu.get(), &events));
	CHECK(!swivl_vcpu_get_debugregs(cpu.get(), &debug));
	CHECK(!swivl_vcpu_set_debugregs(cpu.get(), &debug));
	CHECK(!swivl_vcpu_set_guest_debug(cpu.get(), &guest_debug));
	cpu.cpuid(*m.host.supported_cpuid());
}

static void interrupts()
{
	/* hlt; at vector 0x21: mov al, 7; out 0x10, al */
	machine m({ 0xf4, 0xeb, 0xfd, 0xb0, 7, 0xe6, 0x10 });
	swivl::vcpu cpu = m.start();
	kvm_regs regs = cpu.regs();

	m.memory[0x21 * 4] = 3;
	m.memory[0x21 * 4 + 1] = 0x10;
	regs.rsp = 0x8000;
	cpu.regs(regs);
	CHECK(cpu.run() && cpu.state().exit_reason == KVM_EXIT_HLT);
	CHECK(swivl_vcpu_interrupt(cpu.get(), 0x21) == 0);
	CHECK(swivl_vcpu_interrupt(cpu.get(), 256) == -EINVAL);
	CHECK(cpu.run() && cpu.state().exit_reason == KVM_EXIT_IO);
	CHECK(cpu.state().io.port == 0x10 && cpu.io<unsigned char>() == 7);
	CHECK(swivl_vm_irq_line(m.vm.get(), 4, 1) == -ENXIO);

	machine with({ 0xf4 });
	kvm_lapic_state lapic;

	with.vm.create_irqchip();
	CHECK(error_of([&] { with.vm.create_irqchip(); }) == EEXIST);
	with.vm.create_pit();
	with.vm.irq_line(4, true);
	with.vm.irq_line(4, false);
	swivl::vcpu other = with.start();
	CHECK(!swivl_vcpu_get_lapic(other.get(), &lapic));
	CHECK(!swivl_vcpu_set_lapic(other.get(), &lapic));
	CHECK(swivl_vcpu_interrupt(other.get(), 0x21) == -ENXIO);
}

static void counters()
{
	machine m({ 0xe6, 0x10, 0xe6, 0x10, 0xf4 }); /* out 0x10, al; again; hlt */
	swivl::vcpu cpu = m.start();
	static swivl_counter all[256];
	uint64_t exits = 0;
	int n;

	while (cpu.run() && cpu.state().exit_reason == KVM_EXIT_IO)
		;
	n = swivl_vcpu_counters(cpu.get(), all, 256);
	CHECK(n > 0 && n < 256);
	for (int i = 0; i < n; i++)
		if (!std::strcmp(all[i].name, "exits"))
			exits = all[i].value;
	CHECK(exits >= 3);
	CHECK(swivl_vcpu_counters(cpu.get(), all, 1) == n); /* how many there are */
	CHECK(!std::strcmp(swivl_exit_name(KVM_EXIT_MMIO), "KVM_EXIT_MMIO"));
	CHECK(!std::strcmp(swivl_exit_name(9999), "unknown exit"));
}

/* A local descriptor table of a type that is none; AMD: code that is 64-bit and 32-bit at once. */
static void entry_failure()
{
	machine m({ 0xf4 });
	swivl::vcpu cpu = m.start();
	swivl_version version;
	kvm_sregs s = cpu.sregs();
	char text[64];

	if (swivl_get_version(m.host.get(), &version) == -ENOTTY) {
		CHECK(swivl_vcpu_entry_failure(cpu.get(), text, sizeof(text)) == -EINVAL);
		return;
	}
	CHECK(cpu.entry_failure().empty());
	CHECK(swivl_vcpu_entry_failure(cpu.get(), text, sizeof(text)) == -ENOENT && !text[0]);
	if (version.vendor == SWIVL_VENDOR_VMX) {
		s.ldt = {};
		s.ldt.present = 1;
		s.ldt.type = 3;
	} else { /* long mode, never entered */
		s.cr0 = 0x80000011;
		s.cr4 = 0x20;
		s.efer = 0x500;
		s.cs.l = s.cs.db = 1;
	}
	cpu.sregs(s);
	CHECK(cpu.run() && cpu.state().exit_reason == KVM_EXIT_FAIL_ENTRY);
	std::string all = cpu.entry_failure();
	int n = swivl_vcpu_entry_failure(cpu.get(), text, sizeof(text));
	CHECK(all.rfind("the processor refused to enter: ", 0) == 0);
	CHECK(all.find("\nhas to be so: ") != all.npos && all.find("\nswivl dump 1: VMC") != all.npos);
	CHECK(n == (int)all.size() && std::strlen(text) == sizeof(text) - 1 &&
	      all.compare(0, sizeof(text) - 1, text) == 0);
	CHECK(swivl_vcpu_entry_failure(cpu.get(), nullptr, 0) == n);
}

int main()
{
	static const struct {
		const char *name;
		void (*run)();
	} tests[] = {
		{ "opening", opening },
		{ "memory", memory },
		{ "dirty-log", dirty_log },
		{ "kicks", kicks },
		{ "state", state_there_and_back },
		{ "interrupts", interrupts },
		{ "counters", counters },
		{ "entry-failure", entry_failure },
	};
	int bad = 0;

	for (const auto &t : tests) {
		wrong = 0;
		try {
			t.run();
		} catch (const std::exception &e) {
			std::printf("# thrown: %s\n", e.what());
			wrong++;
		}
		std::printf("%s %s\n", wrong ? "not ok" : "ok", t.name);
		std::fflush(stdout);
		bad += wrong != 0;
	}
	return bad != 0;
}
