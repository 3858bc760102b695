/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Virtual machines and virtual processors, as core/vm and the vendors see them.
 *
 * Locks, outermost first:
 *   vcpu->lock      one request at a time for a vCPU; KVM_RUN holds it all the way
 *   vm->lock        creation of vCPUs and chips, slot changes against each other
 *   vm->mem_lock    read: somebody reads guest memory; a vCPU in its section holds it without
 *                   taking it; write: slots or second-level tables change (no vCPU is in a section)
 *   vm->irq_lock    the interrupt chips (spin; also taken by timers)
 */
#ifndef SWIVL_CORE_VM_VM_H
#define SWIVL_CORE_VM_VM_H

#include "core/host.h"
#include "core/rules/rules.h"
#include "core/vendor.h"
#include "core/vm/exit.h"
#include "core/vm/stage2.h"
#include "swivl/abi.h"

#define VM_MAX_VCPUS 64
#define VM_MAX_SLOTS 512
#define VCPU_MAX_CPUID 256
#define VCPU_CPUID_STARTS 64

/* Register numbers as instructions encode them. */
enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEGS };

/*
 * A segment register with its hidden part. @attr is laid out as descriptor bits 55:40 (type, S,
 * DPL, P, -, AVL, L, D/B, G) with bit 16 for "unusable"; the same as VMX access rights
 * (SDM vol. 3, 25.4.1).
 */
#define SEG_ATTR_TYPE 0xfu
#define SEG_ATTR_S (1u << 4)
#define SEG_ATTR_DPL_SHIFT 5
#define SEG_ATTR_P (1u << 7)
#define SEG_ATTR_AVL (1u << 12)
#define SEG_ATTR_L (1u << 13)
#define SEG_ATTR_DB (1u << 14)
#define SEG_ATTR_G (1u << 15)
#define SEG_ATTR_UNUSABLE (1u << 16)

struct segment {
	u64 base;
	u32 limit; /* in bytes, expanded */
	u32 attr;
	u16 selector;
};

struct table_reg {
	u64 base;
	u16 limit;
};

/*
 * Register state besides the general registers, in groups that travel together between memory
 * and hardware. vcpu->valid: the group in vcpu->state is good. vcpu->dirty: it has to be
 * stored before the next entry. Use vcpu_need() and vcpu_touch(), never the masks.
 */
#define STATE_RIP (1u << 0) /* rip */
#define STATE_RSP (1u << 1) /* vcpu->gpr[RSP] */
#define STATE_RFLAGS (1u << 2)
#define STATE_CR (1u << 3) /* cr0 cr4 efer (cr2 is always in memory) */
#define STATE_CR3 (1u << 4)
#define STATE_SEG (1u << 5) /* all of seg[] */
#define STATE_TABLES (1u << 6) /* gdt idt */
#define STATE_SYSENTER (1u << 7)
#define STATE_DR7 (1u << 8) /* dr7 debugctl */
#define STATE_SHADOW (1u << 9) /* interruptibility */
#define STATE_PDPTR (1u << 10)
#define STATE_PENDING_DEBUG (1u << 11)
#define STATE_SYSCALL (1u << 12) /* star lstar cstar fmask kernel_gs_base tsc_aux */
#define STATE_PAT (1u << 13)
#define STATE_TSC (1u << 14) /* tsc_offset */
#define STATE_INTERCEPTS (1u << 15) /* recompute exceptions, CR and DR intercepts (store only) */
#define STATE_MODE (1u << 16) /* attr of seg[CS] and seg[SS] only (fetch only; part of SEG) */
#define STATE_ALL 0x17fffu

/* vcpu->state.shadow: what holds back interrupts (SDM vol. 3, table 25-3). */
#define SHADOW_STI (1u << 0)
#define SHADOW_MOV_SS (1u << 1)
#define SHADOW_SMI (1u << 2)
#define SHADOW_NMI (1u << 3)

struct vcpu_state {
	u64 rip, rflags;
	/*
	 * As the guest sees them. Always good: cr2, cr8, efer, and PE and PG of cr0, which no guest
	 * changes without an exit; of the machine as a guest cr2, efer, OSXSAVE and PKE of cr4.
	 */
	u64 cr0, cr2, cr3, cr4, cr8, efer;
	struct segment seg[SEGS];
	struct table_reg gdt, idt;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
	u64 pat;
	u64 tsc_offset; /* guest TSC = host TSC + tsc_offset */
	u64 dr[4], dr6, dr7, debugctl;
	u64 pdptr[4];
	u64 pending_debug;
	u32 shadow;
	u64 xcr0;
	u64 apic_base;
};

/* MSRs that are memory and nothing else: the guest's view of caches and firmware. */
struct vcpu_msrs {
	u64 tsc_adjust;
	u64 misc_enable;
	u64 bios_sign;
	u64 mcg_status;
	u64 power_ctl;
	u64 mtrr_phys[16];
	u64 mtrr_fix64k, mtrr_fix16k[2], mtrr_fix4k[8];
	u64 mtrr_def;
};

/* An event to be delivered at the next entry, or whose delivery was interrupted by an exit. */
enum event_type { EVENT_NONE, EVENT_INTERRUPT, EVENT_NMI, EVENT_EXCEPTION, EVENT_SOFT_INTERRUPT,
		  EVENT_SOFT_EXCEPTION /* INT3, INTO */, EVENT_PRIVILEGED_SOFT /* INT1 */ };

struct event {
	u8 type; /* enum event_type */
	u8 vector;
	bool has_error;
	u8 length; /* of the software instruction */
	u32 error;
};

/* The caller's memory behind a range of guest physical addresses. */
struct memslot {
	u64 gpa; /* page-aligned, bytes */
	u64 size; /* in bytes, multiple of the page size; never 0 in the array */
	u64 uaddr;
	u32 id; /* address space << 16 | slot */
	u32 flags; /* KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY */
	u64 *dirty; /* one bit a page; NULL unless logged */
};

/* The last TSC that the caller set: vCPUs that are set alike get the same offset. */
struct tsc_sync {
	u64 value, at_ns, offset;
	bool any;
};

struct vm {
	u32 refs;
	struct host_mutex lock;
	struct host_rwlock mem_lock;
	u32 keep_out; /* somebody waits for mem_lock, or the VM is dead: no vCPU is in its section */
	struct memslot *slots; /* sorted by gpa; NULL at first */
	u32 nslots, slots_room; /* in use; that there is room for */
	struct stage2 stage2;
	struct vcpu *vcpus[VM_MAX_VCPUS]; /* by index; a slot is set once */
	u32 nvcpus;
	u64 boot_cpu_id;
	u32 max_vcpu_id; /* numbers of vCPUs are below; 0: VM_MAX_VCPUS */
	u32 nr_mmu_pages;

	struct host_spin irq_lock;
	struct irqchip *irqchip; /* NULL: interrupt chips are the caller's */
	struct host_timer pit_timer;
	u64 pit_armed; /* deadline that the timer is set to */

	struct machine *machine; /* NULL, but for the machine itself as a guest: core/machine */
	u64 machine_efer; /* bits that its guest may set */
	bool dead; /* our own bug was found: every KVM_RUN ends with KVM_EXIT_INTERNAL_ERROR */
	u64 cap_flags; /* capabilities switched on by KVM_ENABLE_CAP, VM_CAP_* */
	u32 user_msr_reasons; /* KVM_MSR_EXIT_REASON_*: refused MSRs that the caller settles */
	struct msr_filter *msr_filter; /* NULL: none. Changes under mem_lock, with stage2.generation */
	s64 clock_offset; /* of KVM_GET_CLOCK from host_time_ns() */
	struct tsc_sync tsc_sync;
	void *vendor_data;
};

#define VM_CAP_EXCEPTION_PAYLOAD (1u << 0)
#define VM_CAP_MANUAL_DIRTY (1u << 2)
#define VM_CAP_TRIPLE_FAULT (1u << 3)
#define VM_CAP_DIRTY_INITIALLY_SET (1u << 4)

/* What an exit left to be finished when the caller comes back with KVM_RUN. */
enum pending_io { PENDING_NONE, PENDING_IO_IN, PENDING_IO_OUT, PENDING_MMIO_READ,
		  PENDING_MMIO_WRITE, PENDING_MSR };

#define VCPU_PIO_SIZE 4096u
#define VCPU_PAGES 2u /* that the caller maps: struct kvm_run, the data of port accesses */

struct vcpu {
	u64 gpr[16]; /* first: the entry code addresses it from the vCPU's own address */
	struct vcpu_state state;
	u32 valid, dirty;
	struct exit exit;
	struct event event;
	bool want_irq_window, want_nmi_window;
	bool tracing; /* each exit leaves a record in trace */

	/* who and where */
	struct vm *vm;
	u32 id; /* as given to KVM_CREATE_VCPU; also the APIC ID */
	u32 index;
	u32 lock_word; /* see request.c */
	struct host_mutex lock; /* of those who wait for it */
	struct host_wait lock_wait;
	int cpu; /* CPU whose hardware may hold our state; -1: none */
	bool loaded;
	bool in_section; /* vm->keep_out is looked at behind it: see run.c */
	u64 home[16]; /* the home's own; see host_vcpu_kick() */

	/* leaving the guest: set check_events, then see in_guest, then interrupt that CPU */
	u32 in_guest;
	u32 check_events; /* something to deliver may be new: look before the next entry */
	struct host_wait wait;

	/* shared with the caller */
	struct kvm_run *run; /* one page */
	u8 *pio; /* VCPU_PIO_SIZE bytes, the next page */

	/* pending work */
	u8 pending; /* enum pending_io */
	u64 pending_rip; /* where: a caller that moved RIP meanwhile means to skip it */
	bool step_done; /* the caller's single step ended in our emulation; he is not told yet */
	struct mmio_work *mmio; /* of the emulator, NULL until first needed */
	u8 nmi_pending; /* 0 to 2: one in service may have one behind it */
	s16 user_irq; /* vector of KVM_INTERRUPT, -1: none */
	struct event held; /* interrupted delivery that waits behind an exception */
	bool triple_fault_pending;
	struct event exception; /* raised by emulation, not yet delivered */
	u32 mp_state; /* KVM_MP_STATE_* */

	/* caller's settings */
	u32 guest_debug; /* KVM_GUESTDBG_* */
	u64 debug_dr[4], debug_dr7;
	bool has_sigmask;
	u64 sigmask;
	u32 ncpuid;
	u8 cpuid_start[VCPU_CPUID_STARTS]; /* by a leaf's hash: its first entry */
	struct kvm_cpuid_entry2 *cpuid; /* ncpuid long, at most VCPU_MAX_CPUID */
	u64 cpuid_xcr0; /* features of XCR0 that the guest's CPUID permits */
	u64 guest_phys_bits; /* MAXPHYADDR of the guest's CPUID */
	u64 cr4_reserved; /* bits that the guest's CPUID and this processor leave reserved */

	struct fpu_area *fpu; /* XSAVE area, standard format, one page, 64-byte aligned */
	u8 last_msr; /* place in the table of msr.c */
	struct vcpu_msrs msrs;
	struct lapic *lapic; /* NULL without the in-kernel chip */
	struct host_timer lapic_timer;
	u64 lapic_armed;

	struct trace *trace; /* of trace.c; NULL until first asked for */
	struct rules_failure *failure; /* the last entry that was refused; one page, NULL: none was */
	u64 exits[EXIT_KINDS]; /* counted from the first day */
	u64 user_exits;
	u64 hardware_reads, hardware_writes; /* VMREAD, VMWRITE; VMCB traffic */
	u64 stage2_generation;
	void *vendor_data;
};

/* ---- state.c: state between memory and hardware ---------------------------------------------- */

/* Make groups good in vcpu->state; as need, and to be written back before the next entry. */
void vcpu_need_slow(struct vcpu *vcpu, u32 groups);
static inline void vcpu_need(struct vcpu *vcpu, u32 groups)
{
	if (groups & ~vcpu->valid)
		vcpu_need_slow(vcpu, groups);
}
static inline void vcpu_touch(struct vcpu *vcpu, u32 groups)
{
	vcpu_need(vcpu, groups);
	vcpu->dirty |= groups;
}
/* For whole groups that are about to be overwritten: no fetch. */
static inline void vcpu_overwrite(struct vcpu *vcpu, u32 groups)
{
	vcpu->valid |= groups | (groups & STATE_SEG ? STATE_MODE : 0);
	vcpu->dirty |= groups;
}

/*
 * The architecture's rules on control registers (SDM vol. 3, 2.5; APM vol. 2, 3.1): 0, or
 * -SWIVL_EINVAL where the processor would raise #GP(0). From the guest's side they also do what
 * goes with it: LMA, PDPTRs.
 */
int vcpu_set_cr0(struct vcpu *vcpu, u64 value);
int vcpu_set_cr3(struct vcpu *vcpu, u64 value);
int vcpu_set_cr4(struct vcpu *vcpu, u64 value);
int vcpu_set_efer(struct vcpu *vcpu, u64 value);
int vcpu_set_xcr0(struct vcpu *vcpu, u64 value);
/* vcpu->cr4_reserved, from CPUID. */
void vcpu_derive_cr4(struct vcpu *vcpu);
u64 vcpu_efer_reserved(struct vcpu *vcpu);
/* Architectural reset (SDM vol. 3, table 10-1); INIT keeps what INIT keeps. */
void vcpu_reset(struct vcpu *vcpu, bool init);
unsigned int vcpu_cpl(struct vcpu *vcpu);

/* translate.c: the guest's page tables for core/x86/walk.c. mem_lock held for reading. */
struct walk_ctx;
void vcpu_walk_ctx(struct vcpu *vcpu, struct walk_ctx *ctx);
/* An entry of them; where no memory is, ones, as a bus without anybody gives them. */
int vcpu_read_entry(struct vcpu *vcpu, u64 gpa, void *entry, size_t size);

/* ---- object.c: life of VMs and vCPUs --------------------------------------------------------- */

int vm_create(struct vm **out);
int vcpu_create(struct vm *vm, u32 id, struct vcpu **out);
struct vcpu *vm_find_vcpu(struct vm *vm, u32 id);
/* Our own bug: say it, stop this VM, keep the host alive. */
void vm_die(struct vm *vm, const char *why);

/* ---- run.c and exits.c ----------------------------------------------------------------------- */

long vcpu_run(struct vcpu *vcpu);
/* KVM_CAP_SYNC_REGS: registers through struct kvm_run (requests_vcpu.c). 0 or error. */
int vcpu_sync_regs_in_slow(struct vcpu *vcpu);
void vcpu_sync_regs_out_slow(struct vcpu *vcpu);
static inline int vcpu_sync_regs_in(struct vcpu *vcpu)
{
	return vcpu->run->kvm_dirty_regs | vcpu->run->kvm_valid_regs ? vcpu_sync_regs_in_slow(vcpu) : 0;
}
static inline void vcpu_sync_regs_out(struct vcpu *vcpu)
{
	if (vcpu->run->kvm_valid_regs)
		vcpu_sync_regs_out_slow(vcpu);
}
/* Take the vCPU out of the guest soon, or wake it; from any context. */
void vcpu_kick(struct vcpu *vcpu);
/* mem_lock for writing, with all vCPUs sent out of the guest. Task. */
void vm_memory_lock(struct vm *vm);
void vm_memory_unlock(struct vm *vm);

/* ---- trace.c ------------------------------------------------------------------------------ */

/* Handle the exit as its handler does, and leave a record of it. */
int vcpu_trace_exit(struct vcpu *vcpu);
bool vcpu_trace_is_full(const struct vcpu *vcpu);
/* No more of this guest until the caller has taken some records. */
static inline bool vcpu_trace_must_wait(const struct vcpu *vcpu)
{
	return vcpu->tracing && vcpu_trace_is_full(vcpu);
}
size_t vcpu_trace_size(const struct vcpu *vcpu);

/* ---- failure.c: an entry that the processor refused ------------------------------------------ */

/*
 * For the vendor, who fills it and lets the rules judge it; zeros, or NULL. Atomic. And its lines for
 * the log, not too often; in a section they would take their time.
 */
struct rules_failure *vcpu_failure(struct vcpu *vcpu);
void vcpu_failure_log(struct vcpu *vcpu);

/* ---- events.c -------------------------------------------------------------------------------- */

/* Two flags in one look: a vendor does, before each entry. */
static inline bool vcpu_wants_window(const struct vcpu *vcpu)
{
	u16 both;

	_Static_assert(offsetof(struct vcpu, want_nmi_window) ==
			       offsetof(struct vcpu, want_irq_window) + 1,
		       "next to each other");
	memcpy(&both, &vcpu->want_irq_window, sizeof(both));
	return both;
}

void vcpu_raise(struct vcpu *vcpu, u8 vector);
void vcpu_raise_error(struct vcpu *vcpu, u8 vector, u32 error);
void vcpu_raise_page_fault(struct vcpu *vcpu, u64 address, u32 error);
void vcpu_queue_nmi(struct vcpu *vcpu);

/* ---- memslot.c, memory.c ------------------------------------------------------------------ */

int vm_memory_init(struct vm *vm);
void vm_memory_free(struct vm *vm);
/* The slot that holds @gpa, or NULL. mem_lock held (read is enough). */
const struct memslot *vm_find_slot(struct vm *vm, u64 gpa);
/* Note in the log that the page at @gpa, which is in @slot, was written. mem_lock held. */
void vm_mark_dirty(const struct memslot *slot, u64 gpa);

/*
 * A guest physical access faulted. Pins and maps what is needed. Task (not in a section),
 * mem_lock held for reading. 0: mapped, enter again; 1: no memory there (MMIO); or the write
 * hits a read-only slot (also MMIO: 1); -SWIVL_EFAULT: the caller's memory is not there.
 */
int vm_fault_in(struct vm *vm, u64 gpa, u8 access);
/* As above for a section: maps only what needs no pinning; -SWIVL_EAGAIN: call vm_fault_in(). */
int vm_fault_fast(struct vm *vm, u64 gpa, u8 access);

/*
 * Guest memory by guest physical address, over any number of pages. Task, or within a section
 * (then only what is mapped already: -SWIVL_EAGAIN otherwise). mem_lock held for reading.
 * -SWIVL_EFAULT: no memory there. Writes mark pages dirty.
 */
int vm_read_guest(struct vm *vm, u64 gpa, void *dst, size_t size, bool may_sleep);
int vm_write_guest(struct vm *vm, u64 gpa, const void *src, size_t size, bool may_sleep);
/*
 * Where a page that is mapped lies for us, to look at again later: good as long as
 * vm->stage2.generation is the same. NULL: not mapped. mem_lock held for reading.
 */
const void *vm_guest_pointer(struct vm *vm, u64 gpa);

/* ---- cpuid.c, msr.c ------------------------------------------------------------------------ */

/* The guest executed CPUID: from RAX and RCX to RAX, RBX, RCX and RDX. */
void vcpu_cpuid(struct vcpu *vcpu);
/* Does the guest's CPUID have this? @reg 0..3: eax..edx. */
bool vcpu_has_cpuid(struct vcpu *vcpu, u32 leaf, u32 subleaf, unsigned int reg, unsigned int bit);
/* Can a guest have it at all, on this processor with this vendor? */
bool cpuid_offers(u32 leaf, u32 subleaf, unsigned int reg, unsigned int bit);
/* MAXPHYADDR of a guest whose CPUID does not say (SDM vol. 2, CPUID leaf 80000008H). */
#define GUEST_PHYS_BITS_DEFAULT 36
void vcpu_set_tsc_offset(struct vcpu *vcpu, u64 offset);
void vcpu_msrs_init(struct vcpu *vcpu);
/*
 * 0, or why the guest gets #GP and the caller of KVM_GET_MSRS an end of its list. A write may
 * also return -SWIVL_EAGAIN: again outside of the section.
 */
#define MSR_REFUSED KVM_MSR_EXIT_REASON_INVAL
#define MSR_UNKNOWN KVM_MSR_EXIT_REASON_UNKNOWN
int msr_read(struct vcpu *vcpu, u32 msr, u64 *value, bool from_guest);
int msr_write(struct vcpu *vcpu, u32 msr, u64 value, bool from_guest);

/* msr_filter.c: may the guest read (or write: KVM_MSR_FILTER_*) it? mem_lock held for reading. */
bool msr_filter_permits(const struct msr_filter *f, u32 msr, u32 way);
size_t msr_filter_size(const struct msr_filter *f);

/* ---- irqwire.c: the interrupt chips in this VM --------------------------------------------- */

/* Does an interrupt wait that this vCPU's chips would deliver? Takes no lock. */
bool vcpu_irq_pending(struct vcpu *vcpu);
/* It is being delivered: its vector, or -1 if it has gone. */
int vcpu_irq_ack(struct vcpu *vcpu);
/* The chips take the port access of vcpu->exit: what is read, or -1 if it is not theirs. */
s64 vm_chip_port(struct vcpu *vcpu);
/* Is this in the page of its own local APIC? Then vm_chip_mmio() takes it. */
bool vcpu_is_own_lapic(const struct vcpu *vcpu, u64 gpa);
/* The same with an access to guest physical memory. */
s64 vm_chip_mmio(struct vcpu *vcpu, u64 gpa, unsigned int size, bool write, u32 value);
/* Life of the chips: vCPU side (vm->lock held; nothing where the VM has no chips), VM side. */
int vcpu_chips_init(struct vcpu *vcpu);
void vcpu_chips_free(struct vcpu *vcpu);
/* No timer callback runs or comes any more. */
void vm_chips_stop(struct vm *vm);
void vm_chips_free(struct vm *vm);
/* Is there an interrupt, NMI or SIPI for a vCPU that waits? Any context. */
bool vcpu_chips_wake(struct vcpu *vcpu);
/* INIT and SIPI that arrived: true if the vCPU's state was changed by them. Task. */
bool vcpu_chips_init_sipi(struct vcpu *vcpu);
/* Did such arrive? And NMIs, which go on to vcpu_queue_nmi(). Atomic. */
bool vcpu_chips_want_init(struct vcpu *vcpu);
void vcpu_chips_take_nmi(struct vcpu *vcpu);
/* MSRs of the local APIC: 0, or -SWIVL_EINVAL for #GP. Only where _has_msr() says so. */
bool vcpu_chips_has_msr(struct vcpu *vcpu, u32 msr);
int vcpu_chips_rdmsr(struct vcpu *vcpu, u32 msr, u64 *value);
int vcpu_chips_wrmsr(struct vcpu *vcpu, u32 msr, u64 value, bool from_guest);
/* state.tsc_offset was changed. */
void vcpu_chips_tsc_changed(struct vcpu *vcpu);
/* The guest wrote CR8 (0 to 15); reads. */
void vcpu_chips_set_cr8(struct vcpu *vcpu, u64 cr8);
u64 vcpu_chips_cr8(struct vcpu *vcpu);

#endif
