/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The second contract: what a processor vendor provides to core/vm. Both vendors are always
 * built; swivl_start() picks one by what the processor says.
 */
#ifndef SWIVL_CORE_VENDOR_H
#define SWIVL_CORE_VENDOR_H

#include "core/types.h"
#include "core/vm/refusal.h"

struct vm;
struct vcpu;
struct swivl_selftest;

/*
 * Format of second-level page table entries (EPT: SDM vol. 3, 29.3; nested paging: APM vol. 2,
 * 15.25). core/vm/stage2.c builds and walks the tables with it; both formats share the 9-bit
 * levels and the address bits 51:12.
 */
struct stage2_format {
	u64 table; /* bits of an entry that points to a lower table */
	u64 leaf; /* bits of every leaf: present, readable, executable, memory type */
	u64 write; /* the bit that permits writing */
	u64 large; /* the bit that makes an entry of level 2 or 3 a leaf of 2 MiB or 1 GiB */
	u64 exec; /* the bit that permits execution; of every leaf, but see no_large_exec */
	u64 present; /* an entry is there if any of these is set */
	/* Where a leaf has the memory type, as MTRRs number them, in place of the MTRRs; 0: they hold. */
	u64 type;
	u8 type_shift;
};

/* Between an exit for CPUID and the next entry of the machine's guest. */
struct vendor_way {
	void (*cpuid)(struct vcpu *vcpu); /* from RAX and RCX to RAX, RBX, RCX and RDX */
	const u32 *wanted; /* where it is not 0, somebody has to look first */
};

struct vendor {
	const char *name; /* for people: "Intel VT-x" */
	u32 id; /* for programs: SWIVL_VENDOR_* of swivl/abi.h */
	const struct stage2_format *stage2;
	/* An INIT that makes the guest exit is gone then; otherwise it waits, to reset the processor. */
	bool init_exits;

	/* Is this CPU made by this vendor at all? */
	bool (*present)(void);
	/* Can this CPU run guests? Reads only. False: @why says what is missing. Atomic. */
	bool (*supported)(struct refusal_report *why);
	/* Called once before any CPU is enabled and after all are disabled. Task. */
	bool (*start)(struct refusal_report *why);
	void (*stop)(void);
	/* Switch the extension on and off on this CPU. Interrupts off. */
	bool (*cpu_enable)(struct refusal_report *why);
	void (*cpu_disable)(void);

	/* Task. 0 or error. The VM's stage2 root exists already. */
	int (*vm_create)(struct vm *vm);
	void (*vm_destroy)(struct vm *vm);
	int (*vcpu_create)(struct vcpu *vcpu);
	void (*vcpu_destroy)(struct vcpu *vcpu);

	/*
	 * The vCPU comes to this CPU, and leaves it. Within a section (or preemption off). Between
	 * load and unload the state in hardware can be fetched and stored; guest MSRs that are not
	 * switched by the processor are live only while `for_run` was true. A load for a run also
	 * forgets cached guest physical translations where vm->stage2.generation is another than
	 * vcpu->stage2_generation: some were removed or lost rights.
	 */
	void (*load)(struct vcpu *vcpu, bool for_run);
	void (*unload)(struct vcpu *vcpu);

	/*
	 * vcpu_loop() of core/vm/loop.h around what enters the guest once and comes back with the
	 * next exit in vcpu->exit: it stores vcpu->dirty state first and injects vcpu->event; after
	 * it vcpu->valid says which state is still good in memory.
	 */
	int (*run)(struct vcpu *vcpu);
	/*
	 * The machine's guest, in a home where interrupts stay off: until an exit that is not CPUID alone.
	 * That, nearly all of its exits, @way answers in between.
	 */
	void (*enter)(struct vcpu *vcpu, const struct vendor_way *way);

	/* Bring STATE_* groups from the hardware to vcpu->state. Loaded. */
	void (*fetch)(struct vcpu *vcpu, u32 groups);
	/* Write STATE_* groups to the hardware. Loaded. */
	void (*store)(struct vcpu *vcpu, u32 groups);

	/* Guest physical address width that the second level can translate. */
	unsigned int (*stage2_bits)(void);

	/*
	 * The road from nothing to the first exit on CPU @t->cpu, each step with what the processor
	 * answered. -SWIVL_EBUSY while VMs exist, -SWIVL_ENXIO where that CPU is not online. Task. NULL: none.
	 */
	int (*selftest)(struct swivl_selftest *t);
	/* VENDOR_*: instructions that a guest can use; CPUID offers them then. NULL: none. */
	u32 (*features)(void);
};

#define VENDOR_RDTSCP (1u << 0) /* and RDPID; IA32_TSC_AUX is the guest's while it runs */
#define VENDOR_INVPCID (1u << 1)
#define VENDOR_HUGE (1u << 2) /* no instruction: leaves of 1 GiB in the second level */

extern const struct vendor vmx_vendor;
extern const struct vendor svm_vendor;
/* The one in use; set by swivl_start(). */
extern const struct vendor *vendor;

#endif
