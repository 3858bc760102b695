/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The structures of KVM's requests, with their constants. Included by <swivl/abi.h> alone. */
#ifndef SWIVL_ABI_STATE_H
#define SWIVL_ABI_STATE_H

#define KVM_API_VERSION 12
#define KVMIO 0xAE

/* vCPU mapping: page 0 is struct kvm_run, the next the data of port accesses. */
#define KVM_PIO_PAGE_OFFSET 1
#define KVM_COALESCED_MMIO_PAGE_OFFSET 2
#define KVM_DIRTY_LOG_PAGE_OFFSET 64

/* Exception vectors. */
#define DE_VECTOR 0
#define DB_VECTOR 1
#define BP_VECTOR 3
#define OF_VECTOR 4
#define BR_VECTOR 5
#define UD_VECTOR 6
#define NM_VECTOR 7
#define DF_VECTOR 8
#define TS_VECTOR 10
#define NP_VECTOR 11
#define SS_VECTOR 12
#define GP_VECTOR 13
#define PF_VECTOR 14
#define MF_VECTOR 16
#define AC_VECTOR 17
#define MC_VECTOR 18
#define XM_VECTOR 19
#define VE_VECTOR 20

/* ---- Memory ---- */

/*
 * KVM_SET_USER_MEMORY_REGION. All three of address, size and userspace_addr are multiples of 4096.
 * memory_size 0 removes the slot. A known slot can be moved (same size, same memory) and its
 * dirty logging switched; its size, its memory and KVM_MEM_READONLY cannot change.
 * EINVAL: unaligned, wraps around, unknown slot number or flag, a change that is not allowed.
 * EEXIST: overlaps another slot.
 */
struct kvm_userspace_memory_region {
	swivl_u32 slot; /* bits 16-31: address space, always 0 here */
	swivl_u32 flags; /* KVM_MEM_* */
	swivl_u64 guest_phys_addr;
	swivl_u64 memory_size;
	swivl_u64 userspace_addr; /* the caller's memory that is the guest's */
};
#define KVM_MEM_LOG_DIRTY_PAGES (1UL << 0)
#define KVM_MEM_READONLY (1UL << 1)

/*
 * KVM_GET_DIRTY_LOG: one bit per page of the slot, page 0 in bit 0, rounded up to whole 64-bit
 * words. Reading clears the log unless KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 is enabled.
 * ENOENT: no such slot, or it is not logged.
 */
struct kvm_dirty_log {
	swivl_u32 slot;
	swivl_u32 padding1;
	SWIVL_EXT union {
		void *dirty_bitmap;
		swivl_u64 padding2;
	};
};

/*
 * KVM_CLEAR_DIRTY_LOG: forget the pages whose bit is set. first_page is a multiple of 64;
 * num_pages too, unless the range ends with the slot.
 */
struct kvm_clear_dirty_log {
	swivl_u32 slot;
	swivl_u32 num_pages;
	swivl_u64 first_page;
	SWIVL_EXT union {
		void *dirty_bitmap;
		swivl_u64 padding2;
	};
};
#define KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE (1 << 0)
#define KVM_DIRTY_LOG_INITIALLY_SET (1 << 1)

/* KVM_TRANSLATE: what the guest's page tables make of a linear address now. */
struct kvm_translation {
	swivl_u64 linear_address; /* in */
	swivl_u64 physical_address; /* out, all ones if not valid */
	swivl_u8 valid;
	swivl_u8 writeable;
	swivl_u8 usermode;
	swivl_u8 pad[5];
};

/* KVM_REGISTER_COALESCED_MMIO and its ring; not served (KVM_CAP_COALESCED_MMIO is 0). */
struct kvm_coalesced_mmio_zone {
	swivl_u64 addr;
	swivl_u32 size;
	SWIVL_EXT union {
		swivl_u32 pad;
		swivl_u32 pio;
	};
};
struct kvm_coalesced_mmio {
	swivl_u64 phys_addr;
	swivl_u32 len;
	SWIVL_EXT union {
		swivl_u32 pad;
		swivl_u32 pio;
	};
	swivl_u8 data[8];
};
struct kvm_coalesced_mmio_ring {
	swivl_u32 first, last;
	SWIVL_EXT struct kvm_coalesced_mmio coalesced_mmio[];
};

/* ---- Registers ---- */

/* KVM_GET_REGS, KVM_SET_REGS. Bit 1 of rflags is always set. */
struct kvm_regs {
	swivl_u64 rax, rbx, rcx, rdx;
	swivl_u64 rsi, rdi, rsp, rbp;
	swivl_u64 r8, r9, r10, r11;
	swivl_u64 r12, r13, r14, r15;
	swivl_u64 rip, rflags;
};

struct kvm_segment {
	swivl_u64 base;
	swivl_u32 limit; /* in bytes, whatever g says */
	swivl_u16 selector;
	swivl_u8 type;
	swivl_u8 present, dpl, db, s, l, g, avl; /* one bit each, dpl two */
	swivl_u8 unusable;
	swivl_u8 padding;
};

struct kvm_dtable {
	swivl_u64 base;
	swivl_u16 limit;
	swivl_u16 padding[3];
};

#define KVM_NR_INTERRUPTS 256
/*
 * KVM_GET_SREGS, KVM_SET_SREGS. interrupt_bitmap: at most one bit, the external interrupt that is
 * being delivered. EINVAL: control registers that no processor would accept together.
 */
struct kvm_sregs {
	struct kvm_segment cs, ds, es, fs, gs, ss;
	struct kvm_segment tr, ldt;
	struct kvm_dtable gdt, idt;
	swivl_u64 cr0, cr2, cr3, cr4, cr8;
	swivl_u64 efer;
	swivl_u64 apic_base;
	swivl_u64 interrupt_bitmap[(KVM_NR_INTERRUPTS + 63) / 64];
};

/* KVM_GET_SREGS2, KVM_SET_SREGS2: the same with the PAE page directory pointers. */
struct kvm_sregs2 {
	struct kvm_segment cs, ds, es, fs, gs, ss;
	struct kvm_segment tr, ldt;
	struct kvm_dtable gdt, idt;
	swivl_u64 cr0, cr2, cr3, cr4, cr8;
	swivl_u64 efer;
	swivl_u64 apic_base;
	swivl_u64 flags;
	swivl_u64 pdptrs[4];
};
#define KVM_SREGS2_FLAGS_PDPTRS_VALID 1

/* KVM_GET_FPU, KVM_SET_FPU: x87 and SSE. */
struct kvm_fpu {
	swivl_u8 fpr[8][16];
	swivl_u16 fcw;
	swivl_u16 fsw;
	swivl_u8 ftwx; /* one bit per register, as FXSAVE stores it */
	swivl_u8 pad1;
	swivl_u16 last_opcode;
	swivl_u64 last_ip;
	swivl_u64 last_dp;
	swivl_u8 xmm[16][16];
	swivl_u32 mxcsr;
	swivl_u32 pad2;
};

/* KVM_GET_XSAVE, KVM_SET_XSAVE: an XSAVE area in the standard format, offsets as in CPUID 0xD. */
struct kvm_xsave {
	swivl_u32 region[1024];
	SWIVL_EXT swivl_u32 extra[];
};

/* KVM_GET_XCRS, KVM_SET_XCRS. Only XCR0 exists. EINVAL: an unknown register, flag or value. */
#define KVM_MAX_XCRS 16
struct kvm_xcr {
	swivl_u32 xcr;
	swivl_u32 reserved;
	swivl_u64 value;
};
struct kvm_xcrs {
	swivl_u32 nr_xcrs;
	swivl_u32 flags;
	struct kvm_xcr xcrs[KVM_MAX_XCRS];
	swivl_u64 padding[16];
};

/*
 * KVM_GET_MSRS, KVM_SET_MSRS: handled one by one; the result is how many were done before the
 * first that was refused. E2BIG: more than 255.
 */
struct kvm_msr_entry {
	swivl_u32 index;
	swivl_u32 reserved;
	swivl_u64 data;
};
struct kvm_msrs {
	swivl_u32 nmsrs;
	swivl_u32 pad;
	SWIVL_EXT struct kvm_msr_entry entries[];
};

/*
 * KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST. nmsrs in: room; out: how many there are.
 * E2BIG: no room; nmsrs says how much is needed.
 */
struct kvm_msr_list {
	swivl_u32 nmsrs;
	SWIVL_EXT swivl_u32 indices[];
};

/* KVM_X86_SET_MSR_FILTER; not served. */
#define KVM_MSR_FILTER_MAX_BITMAP_SIZE 0x600
#define KVM_MSR_FILTER_READ (1 << 0)
#define KVM_MSR_FILTER_WRITE (1 << 1)
struct kvm_msr_filter_range {
	swivl_u32 flags;
	swivl_u32 nmsrs;
	swivl_u32 base;
	swivl_u8 *bitmap; /* one bit per MSR from base: 1 allows */
};
#define KVM_MSR_FILTER_MAX_RANGES 16
#define KVM_MSR_FILTER_DEFAULT_ALLOW (0 << 0)
#define KVM_MSR_FILTER_DEFAULT_DENY (1 << 0)
struct kvm_msr_filter {
	swivl_u32 flags;
	struct kvm_msr_filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

/*
 * KVM_SET_CPUID: the older form without sub-leaves. KVM_SET_CPUID2, KVM_GET_CPUID2,
 * KVM_GET_SUPPORTED_CPUID: nent in: entries there or room; out: entries written.
 * E2BIG: more entries than the vCPU can hold (256), or too little room.
 */
struct kvm_cpuid_entry {
	swivl_u32 function;
	swivl_u32 eax;
	swivl_u32 ebx;
	swivl_u32 ecx;
	swivl_u32 edx;
	swivl_u32 padding;
};
struct kvm_cpuid {
	swivl_u32 nent;
	swivl_u32 padding;
	SWIVL_EXT struct kvm_cpuid_entry entries[];
};
struct kvm_cpuid_entry2 {
	swivl_u32 function;
	swivl_u32 index; /* sub-leaf; counts where KVM_CPUID_FLAG_SIGNIFCANT_INDEX is set */
	swivl_u32 flags;
	swivl_u32 eax;
	swivl_u32 ebx;
	swivl_u32 ecx;
	swivl_u32 edx;
	swivl_u32 padding[3];
};
#define KVM_CPUID_FLAG_SIGNIFCANT_INDEX (1 << 0)
#define KVM_CPUID_FLAG_STATEFUL_FUNC (1 << 1)
#define KVM_CPUID_FLAG_STATE_READ_NEXT (1 << 2)
struct kvm_cpuid2 {
	swivl_u32 nent;
	swivl_u32 padding;
	SWIVL_EXT struct kvm_cpuid_entry2 entries[];
};

/* KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS. */
struct kvm_debugregs {
	swivl_u64 db[4];
	swivl_u64 dr6;
	swivl_u64 dr7;
	swivl_u64 flags; /* 0, else EINVAL */
	swivl_u64 reserved[9];
};

/* KVM_GET_MP_STATE, KVM_SET_MP_STATE. EINVAL: a state the vCPU cannot be in. */
struct kvm_mp_state {
	swivl_u32 mp_state;
};
#define KVM_MP_STATE_RUNNABLE 0
#define KVM_MP_STATE_UNINITIALIZED 1 /* an application processor before INIT */
#define KVM_MP_STATE_INIT_RECEIVED 2 /* waits for the startup interrupt */
#define KVM_MP_STATE_HALTED 3
#define KVM_MP_STATE_SIPI_RECEIVED 4
#define KVM_MP_STATE_AP_RESET_HOLD 9

/* KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS: what is being delivered or waits to be. */
struct kvm_vcpu_events {
	struct {
		swivl_u8 injected;
		swivl_u8 nr;
		swivl_u8 has_error_code;
		swivl_u8 pending;
		swivl_u32 error_code;
	} exception;
	struct {
		swivl_u8 injected;
		swivl_u8 nr;
		swivl_u8 soft; /* by INT n */
		swivl_u8 shadow; /* KVM_X86_SHADOW_INT_* */
	} interrupt;
	struct {
		swivl_u8 injected;
		swivl_u8 pending;
		swivl_u8 masked;
		swivl_u8 pad;
	} nmi;
	swivl_u32 sipi_vector;
	swivl_u32 flags; /* KVM_VCPUEVENT_VALID_*: which of the optional members count */
	struct {
		swivl_u8 smm;
		swivl_u8 pending;
		swivl_u8 smm_inside_nmi;
		swivl_u8 latched_init;
	} smi;
	struct {
		swivl_u8 pending;
	} triple_fault;
	swivl_u8 reserved[26];
	swivl_u8 exception_has_payload;
	swivl_u64 exception_payload;
};
#define KVM_VCPUEVENT_VALID_NMI_PENDING 0x00000001
#define KVM_VCPUEVENT_VALID_SIPI_VECTOR 0x00000002
#define KVM_VCPUEVENT_VALID_SHADOW 0x00000004
#define KVM_VCPUEVENT_VALID_SMM 0x00000008
#define KVM_VCPUEVENT_VALID_PAYLOAD 0x00000010
#define KVM_VCPUEVENT_VALID_TRIPLE_FAULT 0x00000020
#define KVM_X86_SHADOW_INT_MOV_SS 0x01
#define KVM_X86_SHADOW_INT_STI 0x02

/* KVM_SET_GUEST_DEBUG: debugreg[0-3] and [7] stand for the guest's with USE_HW_BP. */
struct kvm_guest_debug_arch {
	swivl_u64 debugreg[8];
};
struct kvm_guest_debug {
	swivl_u32 control; /* KVM_GUESTDBG_* */
	swivl_u32 pad;
	struct kvm_guest_debug_arch arch;
};
#define KVM_GUESTDBG_ENABLE 0x00000001
#define KVM_GUESTDBG_SINGLESTEP 0x00000002
#define KVM_GUESTDBG_USE_SW_BP 0x00010000
#define KVM_GUESTDBG_USE_HW_BP 0x00020000
#define KVM_GUESTDBG_INJECT_DB 0x00040000
#define KVM_GUESTDBG_INJECT_BP 0x00080000
#define KVM_GUESTDBG_BLOCKIRQ 0x00100000

/* KVM_INTERRUPT: vector 0-255, in place of one that waits. ENXIO: there are interrupt chips. */
struct kvm_interrupt {
	swivl_u32 irq;
};

/* KVM_SET_SIGNAL_MASK: len is 8, the Linux kernel's signal set. */
struct kvm_signal_mask {
	swivl_u32 len;
	SWIVL_EXT swivl_u8 sigset[];
};

/* KVM_TPR_ACCESS_REPORTING, KVM_SET_VAPIC_ADDR; not served. */
struct kvm_tpr_access_ctl {
	swivl_u32 enabled;
	swivl_u32 flags;
	swivl_u32 reserved[8];
};
struct kvm_vapic_addr {
	swivl_u64 vapic_addr;
};

/* KVM_X86_SET_MCE; not served. */
struct kvm_x86_mce {
	swivl_u64 status;
	swivl_u64 addr;
	swivl_u64 misc;
	swivl_u64 mcg_status;
	swivl_u8 bank;
	swivl_u8 pad1[7];
	swivl_u64 pad2[3];
};

/* KVM_ENABLE_CAP on a VM or a vCPU. EINVAL: not a capability that can be enabled here. */
struct kvm_enable_cap {
	swivl_u32 cap;
	swivl_u32 flags;
	swivl_u64 args[4];
	swivl_u8 pad[64];
};

/* KVM_GET_CLOCK, KVM_SET_CLOCK: nanoseconds since the VM was made. */
struct kvm_clock_data {
	swivl_u64 clock;
	swivl_u32 flags;
	swivl_u32 pad0;
	swivl_u64 realtime;
	swivl_u64 host_tsc;
	swivl_u32 pad[4];
};
#define KVM_CLOCK_TSC_STABLE 2
#define KVM_CLOCK_REALTIME (1 << 2)
#define KVM_CLOCK_HOST_TSC (1 << 3)

/* KVM_SET_DEVICE_ATTR and its like: a vCPU's TSC offset, a u64 at addr. ENXIO: none such. */
struct kvm_device_attr {
	swivl_u32 flags;
	swivl_u32 group;
	swivl_u64 attr;
	swivl_u64 addr;
};
#define KVM_VCPU_TSC_CTRL 0
#define KVM_VCPU_TSC_OFFSET 0
#define KVM_X86_XCOMP_GUEST_SUPP 0

/* ---- Interrupt chips ---- */

/* KVM_IRQ_LINE: level 0 or 1. KVM_IRQ_LINE_STATUS returns in status: 0 lost, 1 delivered... */
struct kvm_irq_level {
	SWIVL_EXT union {
		swivl_u32 irq; /* in: GSI */
		swivl_s32 status; /* out: -1 masked, 0 coalesced with one that waits, > 0 targets */
	};
	swivl_u32 level;
};

/* One 8259. */
struct kvm_pic_state {
	swivl_u8 last_irr; /* lines that were high, for edges */
	swivl_u8 irr;
	swivl_u8 imr;
	swivl_u8 isr;
	swivl_u8 priority_add; /* the line of highest priority */
	swivl_u8 irq_base; /* vector of line 0 */
	swivl_u8 read_reg_select;
	swivl_u8 poll;
	swivl_u8 special_mask;
	swivl_u8 init_state; /* the initialization word that comes next, 0: none */
	swivl_u8 auto_eoi;
	swivl_u8 rotate_on_auto_eoi;
	swivl_u8 special_fully_nested_mode;
	swivl_u8 init4; /* a fourth initialization word follows */
	swivl_u8 elcr; /* 1: level-triggered */
	swivl_u8 elcr_mask; /* bits of elcr that can be set */
};

#define KVM_IOAPIC_NUM_PINS 24
struct kvm_ioapic_state {
	swivl_u64 base_address;
	swivl_u32 ioregsel;
	swivl_u32 id;
	swivl_u32 irr;
	swivl_u32 pad;
	union {
		swivl_u64 bits;
		struct {
			swivl_u8 vector;
			swivl_u8 delivery_mode : 3;
			swivl_u8 dest_mode : 1;
			swivl_u8 delivery_status : 1;
			swivl_u8 polarity : 1;
			swivl_u8 remote_irr : 1;
			swivl_u8 trig_mode : 1;
			swivl_u8 mask : 1;
			swivl_u8 reserve : 7;
			swivl_u8 reserved[4];
			swivl_u8 dest_id;
		} fields;
	} redirtbl[KVM_IOAPIC_NUM_PINS];
};

/* KVM_GET_IRQCHIP, KVM_SET_IRQCHIP. ENXIO: no chips. EINVAL: unknown chip_id. */
struct kvm_irqchip {
	swivl_u32 chip_id; /* KVM_IRQCHIP_* */
	swivl_u32 pad;
	union {
		char dummy[512];
		struct kvm_pic_state pic;
		struct kvm_ioapic_state ioapic;
	} chip;
};
#define KVM_IRQCHIP_PIC_MASTER 0
#define KVM_IRQCHIP_PIC_SLAVE 1
#define KVM_IRQCHIP_IOAPIC 2
#define KVM_NR_IRQCHIPS 3

/* KVM_GET_LAPIC, KVM_SET_LAPIC: the register page, a register every 16 bytes. */
#define KVM_APIC_REG_SIZE 0x400
struct kvm_lapic_state {
	char regs[KVM_APIC_REG_SIZE];
};

/* KVM_CREATE_PIT2. EEXIST: there is one. ENOENT: needs KVM_CREATE_IRQCHIP first. */
struct kvm_pit_config {
	swivl_u32 flags; /* KVM_PIT_SPEAKER_DUMMY: port 0x61 is served too */
	swivl_u32 pad[15];
};
#define KVM_PIT_SPEAKER_DUMMY 1
struct kvm_pit_channel_state {
	swivl_u32 count; /* 1 to 65536 */
	swivl_u16 latched_count;
	swivl_u8 count_latched;
	swivl_u8 status_latched;
	swivl_u8 status;
	swivl_u8 read_state;
	swivl_u8 write_state;
	swivl_u8 write_latch;
	swivl_u8 rw_mode;
	swivl_u8 mode;
	swivl_u8 bcd;
	swivl_u8 gate;
	swivl_s64 count_load_time; /* nanoseconds */
};
struct kvm_pit_state {
	struct kvm_pit_channel_state channels[3];
};
struct kvm_pit_state2 {
	struct kvm_pit_channel_state channels[3];
	swivl_u32 flags; /* KVM_PIT_FLAGS_* */
	swivl_u32 reserved[9];
};
#define KVM_PIT_FLAGS_HPET_LEGACY 0x00000001
#define KVM_PIT_FLAGS_SPEAKER_DATA_ON 0x00000002
struct kvm_reinject_control {
	swivl_u8 pit_reinject;
	swivl_u8 reserved[31];
};

/* KVM_SET_GSI_ROUTING: replaces the whole table. EINVAL: more than 4096 entries, unknown type. */
struct kvm_irq_routing_irqchip {
	swivl_u32 irqchip;
	swivl_u32 pin;
};
struct kvm_irq_routing_msi {
	swivl_u32 address_lo;
	swivl_u32 address_hi;
	swivl_u32 data;
	SWIVL_EXT union {
		swivl_u32 pad;
		swivl_u32 devid;
	};
};
#define KVM_IRQ_ROUTING_IRQCHIP 1
#define KVM_IRQ_ROUTING_MSI 2
struct kvm_irq_routing_entry {
	swivl_u32 gsi;
	swivl_u32 type; /* KVM_IRQ_ROUTING_* */
	swivl_u32 flags;
	swivl_u32 pad;
	union {
		struct kvm_irq_routing_irqchip irqchip;
		struct kvm_irq_routing_msi msi;
		swivl_u32 pad[8];
	} u;
};
struct kvm_irq_routing {
	swivl_u32 nr;
	swivl_u32 flags;
	SWIVL_EXT struct kvm_irq_routing_entry entries[];
};

/* KVM_SIGNAL_MSI: > 0 delivered, 0 blocked by the guest. */
#define KVM_MSI_VALID_DEVID (1U << 0)
struct kvm_msi {
	swivl_u32 address_lo;
	swivl_u32 address_hi;
	swivl_u32 data;
	swivl_u32 flags;
	swivl_u32 devid;
	swivl_u8 pad[12];
};

/* KVM_IRQFD, KVM_IOEVENTFD. */
struct kvm_irqfd {
	swivl_u32 fd;
	swivl_u32 gsi;
	swivl_u32 flags;
	swivl_u32 resamplefd;
	swivl_u8 pad[16];
};
#define KVM_IRQFD_FLAG_DEASSIGN (1 << 0)
#define KVM_IRQFD_FLAG_RESAMPLE (1 << 1)
struct kvm_ioeventfd {
	swivl_u64 datamatch;
	swivl_u64 addr;
	swivl_u32 len; /* 0, 1, 2, 4 or 8 */
	swivl_s32 fd;
	swivl_u32 flags;
	swivl_u8 pad[36];
};
#define KVM_IOEVENTFD_FLAG_DATAMATCH (1 << 0)
#define KVM_IOEVENTFD_FLAG_PIO (1 << 1)
#define KVM_IOEVENTFD_FLAG_DEASSIGN (1 << 2)
#define KVM_IOEVENTFD_VALID_FLAG_MASK ((1 << 5) - 1)

/* ---- The page that KVM_RUN and its caller share ---- */

#define KVM_EXIT_UNKNOWN 0
#define KVM_EXIT_EXCEPTION 1
#define KVM_EXIT_IO 2
#define KVM_EXIT_HYPERCALL 3
#define KVM_EXIT_DEBUG 4
#define KVM_EXIT_HLT 5
#define KVM_EXIT_MMIO 6
#define KVM_EXIT_IRQ_WINDOW_OPEN 7
#define KVM_EXIT_SHUTDOWN 8
#define KVM_EXIT_FAIL_ENTRY 9
#define KVM_EXIT_INTR 10
#define KVM_EXIT_SET_TPR 11
#define KVM_EXIT_TPR_ACCESS 12
#define KVM_EXIT_NMI 16
#define KVM_EXIT_INTERNAL_ERROR 17
#define KVM_EXIT_WATCHDOG 21
#define KVM_EXIT_SYSTEM_EVENT 24
#define KVM_EXIT_IOAPIC_EOI 26
#define KVM_EXIT_HYPERV 27
#define KVM_EXIT_X86_RDMSR 29
#define KVM_EXIT_X86_WRMSR 30
#define KVM_EXIT_DIRTY_RING_FULL 31
#define KVM_EXIT_AP_RESET_HOLD 32
#define KVM_EXIT_X86_BUS_LOCK 33
#define KVM_EXIT_XEN 34
#define KVM_EXIT_NOTIFY 37

#define KVM_EXIT_IO_IN 0
#define KVM_EXIT_IO_OUT 1

#define KVM_INTERNAL_ERROR_EMULATION 1 /* an instruction that swivl does not know */
#define KVM_INTERNAL_ERROR_SIMUL_EX 2
#define KVM_INTERNAL_ERROR_DELIVERY_EV 3 /* an exit in the middle of delivering an event */
#define KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON 4
#define KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES (1ULL << 0)

#define KVM_SYSTEM_EVENT_SHUTDOWN 1
#define KVM_SYSTEM_EVENT_RESET 2
#define KVM_SYSTEM_EVENT_CRASH 3
#define KVM_SYSTEM_EVENT_WAKEUP 4
#define KVM_SYSTEM_EVENT_SUSPEND 5
#define KVM_SYSTEM_EVENT_SEV_TERM 6

#define KVM_MSR_EXIT_REASON_INVAL (1 << 0)
#define KVM_MSR_EXIT_REASON_UNKNOWN (1 << 1)
#define KVM_MSR_EXIT_REASON_FILTER (1 << 2)
#define KVM_NOTIFY_CONTEXT_INVALID (1 << 0)

#define KVM_RUN_X86_SMM (1 << 0)
#define KVM_RUN_X86_BUS_LOCK (1 << 1)

#define KVM_SYNC_X86_REGS (1UL << 0)
#define KVM_SYNC_X86_SREGS (1UL << 1)
#define KVM_SYNC_X86_EVENTS (1UL << 2)
#define KVM_SYNC_X86_VALID_FIELDS (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)
#define SYNC_REGS_SIZE_BYTES 2048

struct kvm_sync_regs {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
};

struct kvm_debug_exit_arch {
	swivl_u32 exception; /* DB_VECTOR or BP_VECTOR */
	swivl_u32 pad;
	swivl_u64 pc; /* linear address of the instruction */
	swivl_u64 dr6;
	swivl_u64 dr7;
};

struct kvm_run {
	/* The caller's. */
	swivl_u8 request_interrupt_window; /* leave when an interrupt could be injected */
	swivl_u8 immediate_exit; /* KVM_RUN returns EINTR before it enters the guest */
	swivl_u8 padding1[6];

	/* The answer. */
	swivl_u32 exit_reason; /* KVM_EXIT_* */
	swivl_u8 ready_for_interrupt_injection; /* KVM_INTERRUPT would be delivered now */
	swivl_u8 if_flag; /* the guest's RFLAGS.IF */
	swivl_u16 flags; /* KVM_RUN_X86_* */

	/* Both ways. Without interrupt chips cr8 is taken from here at every KVM_RUN. */
	swivl_u64 cr8;
	swivl_u64 apic_base;

	SWIVL_EXT union {
		struct {
			swivl_u64 hardware_exit_reason;
		} hw; /* KVM_EXIT_UNKNOWN */
		struct {
			swivl_u64 hardware_entry_failure_reason;
			swivl_u32 cpu;
		} fail_entry;
		struct {
			swivl_u32 exception;
			swivl_u32 error_code;
		} ex; /* KVM_EXIT_EXCEPTION */
		struct {
			swivl_u8 direction; /* KVM_EXIT_IO_* */
			swivl_u8 size; /* 1, 2 or 4 bytes an access */
			swivl_u16 port;
			swivl_u32 count; /* accesses, more than 1 for string instructions */
			swivl_u64 data_offset; /* from the start of this page, in bytes */
		} io;
		struct {
			struct kvm_debug_exit_arch arch;
		} debug;
		struct {
			swivl_u64 phys_addr;
			swivl_u8 data[8];
			swivl_u32 len; /* 1 to 8 */
			swivl_u8 is_write;
		} mmio;
		struct {
			swivl_u64 nr;
			swivl_u64 args[6];
			swivl_u64 ret;
			swivl_u32 longmode;
			swivl_u32 pad;
		} hypercall;
		struct {
			swivl_u64 rip;
			swivl_u32 is_write;
			swivl_u32 pad;
		} tpr_access;
		struct {
			swivl_u32 suberror; /* KVM_INTERNAL_ERROR_* */
			swivl_u32 ndata; /* members of data that are filled */
			swivl_u64 data[16];
		} internal;
		/* internal, read as KVM_INTERNAL_ERROR_EMULATION. */
		struct {
			swivl_u32 suberror;
			swivl_u32 ndata;
			swivl_u64 flags; /* ..._FLAG_INSTRUCTION_BYTES: the next two count */
			SWIVL_EXT union {
				SWIVL_EXT struct {
					swivl_u8 insn_size;
					swivl_u8 insn_bytes[15];
				};
			};
		} emulation_failure;
		struct {
			swivl_u32 type; /* KVM_SYSTEM_EVENT_* */
			swivl_u32 ndata;
			SWIVL_EXT union {
				swivl_u64 flags;
				swivl_u64 data[16];
			};
		} system_event;
		struct {
			swivl_u8 vector;
		} eoi; /* KVM_EXIT_IOAPIC_EOI */
		struct {
			swivl_u8 error; /* in: not 0 for #GP */
			swivl_u8 pad[7];
			swivl_u32 reason; /* KVM_MSR_EXIT_REASON_* */
			swivl_u32 index;
			swivl_u64 data;
		} msr; /* KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR */
		struct {
			swivl_u32 flags;
		} notify;
		char padding[256];
	};

	/* KVM_SYNC_X86_*: what KVM_RUN is to store on return, and to take before it enters. */
	swivl_u64 kvm_valid_regs;
	swivl_u64 kvm_dirty_regs;
	union {
		struct kvm_sync_regs regs;
		char padding[SYNC_REGS_SIZE_BYTES];
	} s;
};

#endif
