// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* x87, SSE and AVX state: the host's, and that of two vCPUs in turn, kept apart. */
#include <errno.h>
#include "guest.h"

static struct guest g;

/*
 * Fills all registers from memory at RSI: XMM0-15 or YMM0-15 (as RAX says), MXCSR at +512, the
 * x87 control word at +516, and pushes the value at +520 to the x87 stack.
 */
#define FILL                                                                                       \
	"	fninit\n"                                                                          \
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                                   \
	"	movups 32*\\n(%rsi), %xmm\\n\n"                                                    \
	"	.endr\n"                                                                           \
	"	cmp $7, %eax\n"                                                                    \
	"	jne 1f\n"                                                                          \
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                                   \
	"	vmovups 32*\\n(%rsi), %ymm\\n\n"                                                   \
	"	.endr\n"                                                                           \
	"1:	ldmxcsr 512(%rsi)\n"                                                              \
	"	fldcw 516(%rsi)\n"                                                                \
	"	fildq 520(%rsi)\n"
/* The same registers to memory at RDI. */
#define SPILL                                                                                      \
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                                   \
	"	movups %xmm\\n, 32*\\n(%rdi)\n"                                                    \
	"	.endr\n"                                                                           \
	"	cmp $7, %eax\n"                                                                    \
	"	jne 1f\n"                                                                          \
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"                                   \
	"	vmovups %ymm\\n, 32*\\n(%rdi)\n"                                                   \
	"	.endr\n"                                                                           \
	"1:	stmxcsr 512(%rdi)\n"                                                              \
	"	fnstcw 516(%rdi)\n"                                                               \
	"	fistpq 520(%rdi)\n"

struct area {
	u8 vector[16][32];
	u32 mxcsr;
	u16 control, pad;
	u64 x87;
};

CODE64(fill, FILL "	hlt\n	mov $0x11000, %edi\n" SPILL);

static void pattern(struct area *a, u8 seed, bool avx)
{
	memset(a, 0, sizeof(*a));
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < (avx ? 32 : 16); j++)
			a->vector[i][j] = seed + 16 * i + 3 * j;
	a->mxcsr = seed & 1 ? 0x1f80 : 0x3f80;
	a->control = seed & 1 ? 0x37f : 0xf7f;
	a->x87 = 0x1000000 + seed;
}

static bool avx_for_guest(void)
{
	return guest_has_cpuid(1, 0, 'c', 28) && guest_has_cpuid(1, 0, 'c', 27) &&
	       guest_cpuid_entry(guest_supported_cpuid(&g), 1)->ecx >> 28 & 1;
}

CODE64(enable, "mov %cr4, %rax\n or $0x40000, %rax\n mov %rax, %cr4\n xor %ecx, %ecx\n"
	       "mov $7, %eax\n xor %edx, %edx\n xsetbv\n");

/* A processor in long mode, AVX enabled where it has it. */
static void prepare(struct guest_cpu *c, bool avx)
{
	struct kvm_regs r = { 0 };

	guest_mode(c, MODE_LONG);
	if (avx)
		EQUAL(TRY(c, enable, &r), NO_EXCEPTION);
}

static void fill_in_guest(struct guest_cpu *c, const struct area *a, bool avx)
{
	struct kvm_regs r = { .rax = avx ? 7 : 3, .rsi = GUEST_DATA };

	memcpy(g.mem + GUEST_DATA, a, sizeof(*a));
	EQUAL(TRY(c, fill, &r), NO_EXCEPTION);
}

/* Goes on after the HLT of "fill": what the registers are now. */
static void spill_in_guest(struct guest_cpu *c, struct area *a)
{
	memset(g.mem + 0x11000, 0, sizeof(*a));
	guest_run_to(c, KVM_EXIT_HLT);
	memcpy(a, g.mem + 0x11000, sizeof(*a));
}

/* Two processors of one VM in one thread: what each has loaded it finds again. */
static void two_processors(bool avx)
{
	struct area want[2], got;
	struct guest_cpu *second;

	guest_new(&g, GUEST_SIZE, 0);
	if (avx && !avx_for_guest())
		SKIP("no AVX");
	second = guest_cpu_new(&g);
	prepare(&g.cpu[0], avx);
	prepare(second, avx);
	pattern(&want[0], 1, avx);
	pattern(&want[1], 100, avx);
	fill_in_guest(&g.cpu[0], &want[0], avx);
	fill_in_guest(second, &want[1], avx);
	spill_in_guest(&g.cpu[0], &got);
	CHECK(!memcmp(&got, &want[0], sizeof(got)));
	spill_in_guest(second, &got);
	CHECK(!memcmp(&got, &want[1], sizeof(got)));
}

TEST(sse_of_two_processors)
{
	two_processors(false);
}

TEST(avx_of_two_processors)
{
	if (!guest_intel) {
		guest_new(&g, GUEST_SIZE, 0);
		if (guest_is_kvm(&g))
			SKIP("QEMU lets XSETBV pass, KVM counts on its exit");
	}
	two_processors(true);
}

/* A request made with all registers of the calling thread full; *out is what they are afterwards. */
long request_with_registers(int fd, u64 nr, const struct area *in, struct area *out, int mode);
asm(".pushsection .text\n"
    "request_with_registers:\n"
    "	push %rbx\n"
    "	push %rbp\n"
    "	push %r12\n"
    "	push %r13\n"
    "	sub $16, %rsp\n"
    "	stmxcsr (%rsp)\n"
    "	fnstcw 4(%rsp)\n"
    "	mov %rdi, %rbx\n"
    "	mov %rsi, %rbp\n"
    "	mov %rcx, %r12\n"
    "	mov %r8d, %r13d\n"
    "	mov %rdx, %rsi\n"
    "	mov %r13d, %eax\n" FILL
    "	mov %rbx, %rdi\n"
    "	mov %rbp, %rsi\n"
    "	xor %edx, %edx\n"
    "	mov $16, %eax\n" /* ioctl */
    "	syscall\n"
    "	mov %rax, %rbx\n"
    "	mov %r12, %rdi\n"
    "	mov %r13d, %eax\n" SPILL
    "	ldmxcsr (%rsp)\n"
    "	fldcw 4(%rsp)\n"
    "	mov %rbx, %rax\n"
    "	add $16, %rsp\n"
    "	pop %r13\n"
    "	pop %r12\n"
    "	pop %rbp\n"
    "	pop %rbx\n"
    "	ret\n"
    ".popsection\n");

static void host_registers(bool avx)
{
	struct area host, mine, got;
	struct guest_cpu *c = &g.cpu[0];
	u64 xcr0 = 0;

	guest_new(&g, GUEST_SIZE, 0);
	if (avx && !avx_for_guest())
		SKIP("no AVX");
	prepare(c, avx);
	pattern(&mine, 33, avx);
	fill_in_guest(c, &mine, avx);
	pattern(&host, 200, avx);
	memset(&got, 0, sizeof(got));
	/* The guest goes on after its HLT, spills its registers and halts again. */
	memset(g.mem + 0x11000, 0, sizeof(got));
	EQUAL(request_with_registers(c->fd, KVM_RUN, &host, &got, avx ? 7 : 3), 0);
	EQUAL(c->run->exit_reason, KVM_EXIT_HLT);
	CHECK(!memcmp(&got, &host, sizeof(got)));
	CHECK(!memcmp(g.mem + 0x11000, &mine, sizeof(mine)));
	if (avx)
		asm volatile("xgetbv" : "=a"(xcr0) : "c"(0) : "rdx");
	CHECK(!avx || (xcr0 & 7) == 7);
}

TEST(sse_of_the_host)
{
	host_registers(false);
}

TEST(avx_of_the_host)
{
	if (!guest_intel) {
		guest_new(&g, GUEST_SIZE, 0);
		if (guest_is_kvm(&g))
			SKIP("QEMU lets XSETBV pass, KVM counts on its exit");
	}
	host_registers(true);
}

/* The host keeps its registers also when the guest has less of them enabled. */
TEST(avx_of_the_host_without_the_guests)
{
	struct area host, got;
	struct kvm_regs r = { .rax = 3, .rsi = GUEST_DATA };
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	if (!avx_for_guest())
		SKIP("no AVX");
	prepare(c, false);
	pattern(&got, 5, false);
	memcpy(g.mem + GUEST_DATA, &got, sizeof(got));
	EQUAL(TRY(c, fill, &r), NO_EXCEPTION);
	pattern(&host, 77, true);
	EQUAL(request_with_registers(c->fd, KVM_RUN, &host, &got, 7), 0);
	CHECK(!memcmp(&got, &host, sizeof(got)));
}

/* ---- Through the requests ---- */

TEST(get_and_set_fpu)
{
	struct area a, got;
	struct kvm_fpu fpu;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	prepare(c, false);
	pattern(&a, 9, false);
	fill_in_guest(c, &a, false);
	request(c->fd, KVM_GET_FPU, &fpu);
	for (int i = 0; i < 16; i++)
		CHECK(!memcmp(fpu.xmm[i], a.vector[i], 16));
	if (!guest_is_kvm(&g)) /* which leaves it out */
		EQUAL(fpu.mxcsr, a.mxcsr);
	EQUAL(fpu.fcw, a.control);
	EQUAL(fpu.fsw >> 11 & 7, 7); /* one register on the stack */
	EQUAL(fpu.ftwx, 0x80);
	pattern(&a, 50, false);
	for (int i = 0; i < 16; i++)
		memcpy(fpu.xmm[i], a.vector[i], 16);
	fpu.mxcsr = a.mxcsr;
	fpu.fcw = a.control;
	request(c->fd, KVM_SET_FPU, &fpu);
	spill_in_guest(c, &got);
	if (guest_is_kvm(&g))
		got.mxcsr = a.mxcsr;
	a.x87 = 0x1000000 + 9; /* the stack stayed */
	CHECK(!memcmp(&got, &a, sizeof(got)));
}

/* A processor just made: FPU as after FNINIT, MXCSR at its reset value (SDM vol. 3, 9.1.1). */
TEST(fpu_after_reset)
{
	struct kvm_fpu fpu;

	guest_new(&g, GUEST_SIZE, 0);
	request(g.cpu[0].fd, KVM_GET_FPU, &fpu);
	EQUAL(fpu.fcw, 0x37f);
	EQUAL(fpu.fsw, 0);
	EQUAL(fpu.ftwx, 0);
	if (!guest_is_kvm(&g))
		EQUAL(fpu.mxcsr, 0x1f80);
}

TEST(get_and_set_xsave)
{
	static struct kvm_xsave x;
	struct area a, got;
	struct guest_cpu *c = &g.cpu[0];

	guest_new(&g, GUEST_SIZE, 0);
	if (!guest_extension(&g, KVM_CAP_XSAVE))
		SKIP("no KVM_CAP_XSAVE");
	prepare(c, false);
	pattern(&a, 21, false);
	fill_in_guest(c, &a, false);
	request(c->fd, KVM_GET_XSAVE, &x);
	/* The layout of FXSAVE (SDM vol. 1, 10.5.1): MXCSR at 24, XMM from 160. */
	EQUAL(x.region[6], a.mxcsr);
	for (int i = 0; i < 16; i++)
		CHECK(!memcmp((u8 *)x.region + 160 + 16 * i, a.vector[i], 16));
	EQUAL(x.region[128] & 3, 3); /* XSTATE_BV: x87 and SSE are there */
	pattern(&a, 22, false);
	for (int i = 0; i < 16; i++)
		memcpy((u8 *)x.region + 160 + 16 * i, a.vector[i], 16);
	x.region[6] = a.mxcsr;
	request(c->fd, KVM_SET_XSAVE, &x);
	spill_in_guest(c, &got);
	for (int i = 0; i < 16; i++)
		CHECK(!memcmp(got.vector[i], a.vector[i], 16));
	/* A component that does not exist, and reserved bits of MXCSR. */
	x.region[129] = 0x80000000;
	EQUAL(try_request(c->fd, KVM_SET_XSAVE, (u64)&x), -1);
	EQUAL(errno, EINVAL);
	x.region[129] = 0;
	x.region[6] = 0xffffffff;
	EQUAL(try_request(c->fd, KVM_SET_XSAVE, (u64)&x), -1);
	EQUAL(errno, EINVAL);
}
