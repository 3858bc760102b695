/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * hello.c once more, in C++: a guest in real mode that adds two numbers and prints the result.
 *
 *   c++ -std=c++17 hello.cpp $(pkg-config --cflags --libs swivl) && ./a.out
 */
#include <algorithm>
#include <iostream>
#include <swivl/swivl.hpp>

static const unsigned char code[] = {
	0xba, 0xf8, 0x03, /* mov dx, 0x3f8 */
	0x00, 0xd8, /* add al, bl */
	0x04, '0', /* add al, '0' */
	0xee, /* out dx, al */
	0xb0, '\n', /* mov al, '\n' */
	0xee, /* out dx, al */
	0xf4, /* hlt */
};

int main()
try {
	swivl::hypervisor host;
	swivl::vm vm(host);
	unsigned char *memory = vm.add_memory(0, 0x1000);

	std::copy(std::begin(code), std::end(code), memory + 0x100);

	swivl::vcpu cpu(vm, 0);
	kvm_sregs sregs = cpu.sregs();
	sregs.cs.base = sregs.cs.selector = 0; /* after reset it is at the top of memory */
	cpu.sregs(sregs);
	kvm_regs regs = {};
	regs.rip = 0x100;
	regs.rax = 2;
	regs.rbx = 3;
	regs.rflags = 2;
	cpu.regs(regs);

	for (;;) {
		if (!cpu.run())
			continue;
		if (cpu.state().exit_reason == KVM_EXIT_HLT)
			return 0;
		if (cpu.state().exit_reason != KVM_EXIT_IO)
			throw std::runtime_error(swivl_exit_name(cpu.state().exit_reason));
		std::cout << cpu.io<char>();
	}
} catch (const std::exception &e) {
	std::cerr << e.what() << '\n';
	return 1;
}
