/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* --trace: a line for each exit to user space, before it is handled. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

static void print_io(struct cpu *cpu, char *to, size_t room)
{
	const struct kvm_run *run = cpu->run;
	bool out = run->io.direction == KVM_EXIT_IO_OUT;
	uint32_t v = 0;
	int n;

	n = snprintf(to, room, "%s %u byte%s port 0x%x (%s)", out ? "out" : "in", run->io.size,
		     run->io.size == 1 ? "" : "s", run->io.port, port_name(run->io.port));
	if (run->io.count != 1)
		n += snprintf(to + n, room - n, " %u times", run->io.count);
	if (!out)
		return;
	memcpy(&v, swivl_vcpu_io_data(cpu->vcpu), run->io.size & 7);
	n += snprintf(to + n, room - n, " = 0x%x", v);
	if (run->io.size == 1 && isprint(v))
		snprintf(to + n, room - n, " '%c'", v);
}

static void print_mmio(const struct kvm_run *run, char *to, size_t room)
{
	uint64_t v = 0;

	if (!run->mmio.is_write) {
		snprintf(to, room, "read %u bytes at 0x%llx", run->mmio.len,
			 (unsigned long long)run->mmio.phys_addr);
		return;
	}
	memcpy(&v, run->mmio.data, run->mmio.len <= 8 ? run->mmio.len : 8);
	snprintf(to, room, "write %u bytes at 0x%llx = 0x%llx", run->mmio.len,
		 (unsigned long long)run->mmio.phys_addr, (unsigned long long)v);
}

void trace_exit(struct cpu *cpu)
{
	const struct kvm_run *run = cpu->run;
	char what[160] = "", text[128] = "", bytes[64] = "";
	struct kvm_regs regs = { 0 };
	struct kvm_sregs sregs;

	if (run->exit_reason == KVM_EXIT_IO)
		print_io(cpu, what, sizeof(what));
	else if (run->exit_reason == KVM_EXIT_MMIO)
		print_mmio(run, what, sizeof(what));
	else
		snprintf(what, sizeof(what), "%s", swivl_exit_name(run->exit_reason));
	if (!swivl_vcpu_get_regs(cpu->vcpu, &regs) && !swivl_vcpu_get_sregs(cpu->vcpu, &sregs)) {
		uint8_t code[15];
		unsigned int n = guest_code(cpu->m, &sregs, &regs, code, sizeof(code)), at = 0;

		disassemble(code, n, regs.rip, code_bits(&sregs), text, sizeof(text));
		for (unsigned int i = 0; i < n && !*text && i < 8; i++)
			at += snprintf(bytes + at, sizeof(bytes) - at, " %02x", code[i]);
	}
	fprintf(stderr, "[cpu%u %016llx] %s%s%s%s\r\n", cpu->id, (unsigned long long)regs.rip, what,
		*text ? "  | " : *bytes ? "  |" : "", text, bytes);
}
