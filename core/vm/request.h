/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * One request on its way through the table of request.c. The table has copied and checked what
 * can be checked without knowing what the request means; a handler sees only kernel memory.
 */
#ifndef SWIVL_CORE_VM_REQUEST_H
#define SWIVL_CORE_VM_REQUEST_H

#include "core/vm/vm.h"

struct request {
	struct vm *vm; /* NULL for requests to the system */
	struct vcpu *vcpu; /* NULL but for requests to a vCPU; its lock is held (see RQ_UNLOCKED) */
	u64 arg; /* as the caller gave it: a number, or the address of what @data is a copy of */
	/*
	 * The structure: the caller's, or zeros where nothing is read. For lists the header and
	 * behind it room for @room entries, of which min(count, @room) are the caller's where
	 * entries are read.
	 */
	void *data;
	u32 room;
	u32 entries_out; /* lists: entries to be written back, set by the handler */
};

/* What KVM_SET_GUEST_DEBUG accepts. */
#define GUEST_DEBUG_VALID \
	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP | \
	 KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP | \
	 KVM_GUESTDBG_BLOCKIRQ)

typedef long request_fn(struct request *rq);

/* request.c: once, before requests come. */
void requests_start(void);

/* requests_system.c */
request_fn rq_create_vm, rq_check_extension, rq_get_version, rq_selftest;

/* requests_vm.c */
request_fn rq_create_vcpu, rq_set_tss_addr, rq_set_identity_map, rq_set_boot_cpu, rq_get_clock,
	rq_set_clock, rq_enable_cap, rq_get_stats, rq_get_tsc_khz, rq_set_nr_mmu_pages,
	rq_get_nr_mmu_pages;

/* memslot.c; vm->lock held */
request_fn rq_set_memory, rq_get_dirty_log, rq_clear_dirty_log;

/* requests_irq.c: the interrupt chips */
request_fn rq_create_irqchip, rq_irq_line, rq_irq_line_status, rq_get_irqchip, rq_set_irqchip,
	rq_create_pit, rq_create_pit2, rq_get_pit2, rq_set_pit2, rq_reinject, rq_get_lapic,
	rq_set_lapic, rq_set_routing, rq_signal_msi;

/* requests_vcpu.c: running, events, debugging */
request_fn rq_interrupt, rq_nmi, rq_set_sigmask, rq_get_mp_state, rq_set_mp_state,
	rq_get_events, rq_set_events, rq_get_debugregs, rq_set_debugregs, rq_guest_debug,
	rq_set_tsc_khz, rq_translate, rq_has_attr, rq_get_attr, rq_set_attr;

/* trace.c */
request_fn rq_set_trace, rq_get_trace;

/* failure.c */
request_fn rq_get_entry_failure;

/* requests_regs.c: registers, FPU */
request_fn rq_get_regs, rq_set_regs, rq_get_sregs, rq_set_sregs, rq_get_sregs2, rq_set_sregs2,
	rq_get_fpu, rq_set_fpu, rq_get_xsave, rq_set_xsave, rq_get_xcrs, rq_set_xcrs;

/* cpuid.c */
request_fn rq_get_supported_cpuid, rq_set_cpuid, rq_set_cpuid2, rq_get_cpuid2;

/* msr.c, msr_filter.c */
request_fn rq_get_msrs, rq_set_msrs, rq_msr_list, rq_msr_feature_list, rq_set_msr_filter;

#endif
