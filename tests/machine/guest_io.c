// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Port instructions: sizes, string forms, long repetitions, in the three kinds of code. */
#include "guest.h"

/* What left or is to enter the guest through ports, in the order of the accesses. */
struct stream {
	u8 out[8192], in[8192];
	u32 outs, ins; /* bytes */
	u32 accesses;
	u8 size; /* of the last access */
	u16 port;
};

/* Runs to the next HLT, ports served by the stream. */
static void serve(struct guest_cpu *c, struct stream *s)
{
	for (;;) {
		u32 bytes;

		if (guest_run(c) == KVM_EXIT_HLT)
			return;
		if (c->run->exit_reason != KVM_EXIT_IO)
			FAIL("wanted a port access, got %s", guest_exit_text(c));
		bytes = c->run->io.size * c->run->io.count;
		if (c->run->io.data_offset + bytes > c->guest->run_size)
			FAIL("%u bytes of data at %#llx do not fit", bytes, c->run->io.data_offset);
		if (s->ins + bytes > sizeof(s->in) || s->outs + bytes > sizeof(s->out))
			FAIL("too many bytes");
		s->size = c->run->io.size;
		s->port = c->run->io.port;
		s->accesses += c->run->io.count;
		if (c->run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(s->out + s->outs, guest_io_data(c), bytes);
			s->outs += bytes;
		} else {
			memcpy(guest_io_data(c), s->in + s->ins, bytes);
			s->ins += bytes;
		}
	}
}

static struct guest g;
static struct stream s;

/* A guest of its own, ready to run the code in a mode. */
static struct guest_cpu *setup(enum guest_mode mode, const u8 *code, const u8 *end)
{
	guest_new(&g, GUEST_SIZE, 0);
	guest_load(&g, GUEST_CODE, code, end);
	guest_mode(&g.cpu[0], mode);
	for (size_t i = 0; i < sizeof(s.in); i++)
		s.in[i] = i * 7 + (i >> 8) + 1;
	for (u32 i = 0; i < 0x10000; i++)
		g.mem[GUEST_DATA + i] = i * 5 + (i >> 8);
	return &g.cpu[0];
}

CODE64(outs, "mov $0x11223344, %eax\n mov $0x5678, %edx\n out %al, $0xe1\n"
	     "hlt\n out %ax, %dx\n hlt\n out %eax, %dx\n hlt\n"
	     "out %al, %dx\n hlt\n out %ax, $0xe1\n hlt\n out %eax, $0xff\n hlt\n");

TEST(out_sizes)
{
	static const struct {
		u16 port;
		u8 size;
	} want[] = { { 0xe1, 1 }, { 0x5678, 2 }, { 0x5678, 4 },
		     { 0x5678, 1 }, { 0xe1, 2 }, { 0xff, 4 } };
	struct guest_cpu *c = setup(MODE_LONG, outs, outs_end);
	static const u32 value = 0x11223344;

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		s.outs = s.accesses = 0;
		serve(c, &s);
		EQUAL(s.accesses, 1);
		EQUAL(s.size, want[i].size);
		EQUAL(s.port, want[i].port);
		CHECK(!memcmp(s.out, &value, want[i].size));
	}
}

CODE64(ins, "mov $-1, %rax\n mov $0x5678, %edx\n in $0xe1, %al\n hlt\n"
	    "mov $-1, %rax\n in %dx, %ax\n hlt\n"
	    "mov $-1, %rax\n in %dx, %eax\n hlt\n");

TEST(in_sizes)
{
	struct guest_cpu *c = setup(MODE_LONG, ins, ins_end);
	static const u64 want[] = { 0xffffffffffffff01, 0xffffffffffff0f08, 0x2b241d16 };
	struct kvm_regs regs;

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		serve(c, &s);
		guest_regs(c, &regs);
		EQUAL(regs.rax, want[i]);
	}
	EQUAL(s.ins, 7);
}

/* Ports at both ends of their space, and one that runs over its end. */
CODE64(far_ports, "xor %edx, %edx\n out %al, %dx\n hlt\n mov $0xffff, %edx\n out %al, %dx\n hlt\n"
		  "out %eax, %dx\n hlt\n");

TEST(port_limits)
{
	struct guest_cpu *c = setup(MODE_LONG, far_ports, far_ports_end);

	serve(c, &s);
	EQUAL(s.port, 0);
	serve(c, &s);
	EQUAL(s.port, 0xffff);
	EQUAL(s.size, 1);
	serve(c, &s);
	EQUAL(s.outs, 6);
}

/* RSI or RDI, RCX and the direction come from the test. */
CODE64(string_outb, "rep outsb\n hlt\n");
CODE64(string_outw, "rep outsw\n hlt\n");
CODE64(string_outl, "rep outsl\n hlt\n");
CODE64(string_inb, "rep insb\n hlt\n");
CODE64(string_inw, "rep insw\n hlt\n");
CODE64(string_inl, "rep insl\n hlt\n");
CODE64(string_one, "outsb\n insw\n hlt\n");

static void start(struct guest_cpu *c, u64 address, u64 count, bool down)
{
	struct kvm_regs regs = { .rip = GUEST_CODE,
				 .rsi = address,
				 .rdi = address,
				 .rcx = count,
				 .rdx = 0x5678,
				 .rsp = GUEST_STACK,
				 .rflags = RFLAGS_ONE | (down ? RFLAGS_DF : 0) };

	s.outs = s.ins = s.accesses = 0;
	guest_set_regs(c, &regs);
}

static void string_out(const u8 *code, const u8 *end, u8 size, u64 address, u32 count)
{
	struct guest_cpu *c = setup(MODE_LONG, code, end);
	struct kvm_regs regs;

	start(c, address, count, false);
	serve(c, &s);
	EQUAL(s.outs, size * count);
	if (count)
		EQUAL(s.size, size);
	EQUAL(s.accesses, count);
	CHECK(!memcmp(s.out, g.mem + address, size * count));
	guest_regs(c, &regs);
	EQUAL(regs.rcx, 0);
	EQUAL(regs.rsi, address + size * count);
	EQUAL(regs.rdi, address);
}

#define BLOB(name) name, name##_end

TEST(rep_outsb)
{
	string_out(BLOB(string_outb), 1, GUEST_DATA, 11);
}

TEST(rep_outsw)
{
	string_out(BLOB(string_outw), 2, GUEST_DATA + 1, 12);
}

TEST(rep_outsl)
{
	string_out(BLOB(string_outl), 4, GUEST_DATA + 3, 13);
}

TEST(rep_outs_of_nothing)
{
	string_out(BLOB(string_outb), 1, GUEST_DATA, 0);
}

TEST(rep_outs_over_pages)
{
	string_out(BLOB(string_outl), 4, GUEST_DATA + 0xffe, 1500);
}

static void string_in(const u8 *code, const u8 *end, u8 size, u64 address, u32 count)
{
	struct guest_cpu *c = setup(MODE_LONG, code, end);
	u8 after = g.mem[address + size * count];
	struct kvm_regs regs;

	start(c, address, count, false);
	serve(c, &s);
	EQUAL(s.ins, size * count);
	EQUAL(s.accesses, count);
	CHECK(!memcmp(s.in, g.mem + address, size * count));
	EQUAL(g.mem[address + size * count], after);
	guest_regs(c, &regs);
	EQUAL(regs.rcx, 0);
	EQUAL(regs.rdi, address + size * count);
}

TEST(rep_insb)
{
	string_in(BLOB(string_inb), 1, GUEST_DATA, 11);
}

TEST(rep_insw)
{
	string_in(BLOB(string_inw), 2, GUEST_DATA + 1, 12);
}

TEST(rep_insl)
{
	string_in(BLOB(string_inl), 4, GUEST_DATA + 3, 13);
}

TEST(rep_ins_over_pages)
{
	string_in(BLOB(string_inl), 4, GUEST_DATA + 0xffe, 1500);
}

TEST(outs_and_ins_once)
{
	struct guest_cpu *c = setup(MODE_LONG, string_one, string_one_end);
	struct kvm_regs regs;

	start(c, GUEST_DATA, 5, false);
	serve(c, &s);
	EQUAL(s.outs, 1);
	EQUAL(s.ins, 2);
	guest_regs(c, &regs);
	EQUAL(regs.rcx, 5);
	EQUAL(regs.rsi, GUEST_DATA + 1);
	EQUAL(regs.rdi, GUEST_DATA + 2);
}

TEST(string_downwards)
{
	struct guest_cpu *c = setup(MODE_LONG, string_outw, string_outw_end);
	struct kvm_regs regs;

	start(c, GUEST_DATA + 8, 5, true);
	serve(c, &s);
	EQUAL(s.outs, 10);
	for (int i = 0; i < 5; i++)
		CHECK(!memcmp(s.out + 2 * i, g.mem + GUEST_DATA + 8 - 2 * i, 2));
	guest_regs(c, &regs);
	EQUAL(regs.rsi, GUEST_DATA - 2);
	guest_load(&g, GUEST_CODE, string_inb, string_inb_end);
	start(c, GUEST_DATA + 8, 5, true);
	serve(c, &s);
	EQUAL(s.ins, 5);
	for (int i = 0; i < 5; i++)
		EQUAL(g.mem[GUEST_DATA + 8 - i], s.in[i]);
}

/* 16-bit addresses wrap at 64 KiB, and the segment's base counts. */
CODE16(real_string, "mov $0x1000, %ax\n mov %ax, %ds\n mov %ax, %es\n mov $0x5678, %dx\n"
		    "mov $3, %cx\n mov $0xfffe, %si\n rep outsb\n"
		    "mov $2, %cx\n mov $0x20, %di\n rep insw\n"
		    "mov $0x2000, %ax\n mov %ax, %fs\n mov $4, %si\n mov $1, %cx\n"
		    "rep outsl %fs:(%si), %dx\n hlt\n");

TEST(real_mode_strings)
{
	struct guest_cpu *c = setup(MODE_REAL, real_string, real_string_end);

	*(u32 *)(g.mem + 0x20004) = 0xcafe1234;
	serve(c, &s);
	EQUAL(s.outs, 7);
	EQUAL(s.out[0], g.mem[0x1fffe]);
	EQUAL(s.out[1], g.mem[0x1ffff]);
	EQUAL(s.out[2], g.mem[0x10000]);
	CHECK(!memcmp(s.out + 3, "\x34\x12\xfe\xca", 4));
	CHECK(!memcmp(g.mem + 0x10020, s.in, 4));
}

CODE32(string32, "mov $0x5678, %edx\n mov $0x10000, %esi\n mov $6, %ecx\n rep outsw\n"
		 "mov $0x10100, %edi\n mov $3, %ecx\n rep insb\n hlt\n");

TEST(protected_mode_strings)
{
	struct guest_cpu *c = setup(MODE_PAE, string32, string32_end);

	serve(c, &s);
	EQUAL(s.outs, 12);
	CHECK(!memcmp(s.out, g.mem + GUEST_DATA, 12));
	CHECK(!memcmp(g.mem + GUEST_DATA + 0x100, s.in, 3));
}

/*
 * A repetition that runs into a page that is not there faults with what was done so far done, and
 * goes on from there when the page is back (SDM vol. 2, REP).
 */
TEST(string_page_fault)
{
	struct guest_cpu *c = setup(MODE_LONG, string_outb, string_outb_end);
	struct kvm_regs regs;

	guest_small_pages(&g);
	*guest_pte(&g, GUEST_DATA + 0x1000) = 0;
	start(c, GUEST_DATA + 0xffc, 8, false);
	while (guest_run(c) == KVM_EXIT_IO && c->run->io.port == 0x5678)
		s.outs += c->run->io.size * c->run->io.count;
	if (c->run->exit_reason != KVM_EXIT_IO || c->run->io.port != GUEST_PORT_FAULT)
		FAIL("wanted a page fault, got %s", guest_exit_text(c));
	EQUAL(*(u8 *)guest_io_data(c), VECTOR_PF);
	if (!guest_bochs_amd) /* its VMRUN leaves the host's CR2 */
		EQUAL(guest_events(&g)->event[0].cr2, GUEST_DATA + 0x1000);
	EQUAL(guest_events(&g)->event[0].error, 0);
	EQUAL(guest_events(&g)->event[0].rip, GUEST_CODE);
	EQUAL(s.outs, 4);
	guest_regs(c, &regs);
	EQUAL(regs.rsi, GUEST_DATA + 0x1000);
}

/* Without the right in the I/O permission map of the TSS: #GP (SDM vol. 1, 19.5). */
CODE64(user_out, "mov $0x5678, %edx\n out %al, %dx\n hlt\n");

TEST(port_without_permission)
{
	struct guest_cpu *c = setup(MODE_LONG, user_out, user_out_end);
	struct kvm_sregs sregs;

	guest_sregs(c, &sregs);
	sregs.cs.selector = SEL_USER64;
	sregs.cs.dpl = 3;
	sregs.ss.selector = SEL_USER_DATA;
	sregs.ss.dpl = 3;
	guest_set_sregs(c, &sregs);
	guest_run_to(c, KVM_EXIT_IO);
	EQUAL(c->run->io.port, GUEST_PORT_FAULT);
	EQUAL(*(u8 *)guest_io_data(c), VECTOR_GP);
	EQUAL(guest_events(&g)->event[0].cs, SEL_USER64);
}
