/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* KVM's capabilities and requests by number. Included by <swivl/abi.h> alone. */
#ifndef SWIVL_ABI_REQUESTS_H
#define SWIVL_ABI_REQUESTS_H

/* ---- Capabilities (KVM_CHECK_EXTENSION returns 0 for what is not there) ---- */

#define KVM_CAP_IRQCHIP 0
#define KVM_CAP_HLT 1
#define KVM_CAP_MMU_SHADOW_CACHE_CONTROL 2
#define KVM_CAP_USER_MEMORY 3
#define KVM_CAP_SET_TSS_ADDR 4
#define KVM_CAP_VAPIC 6
#define KVM_CAP_EXT_CPUID 7
#define KVM_CAP_CLOCKSOURCE 8
#define KVM_CAP_NR_VCPUS 9 /* recommended number */
#define KVM_CAP_NR_MEMSLOTS 10
#define KVM_CAP_PIT 11
#define KVM_CAP_NOP_IO_DELAY 12
#define KVM_CAP_PV_MMU 13
#define KVM_CAP_MP_STATE 14
#define KVM_CAP_COALESCED_MMIO 15
#define KVM_CAP_SYNC_MMU 16
#define KVM_CAP_IOMMU 18
#define KVM_CAP_DESTROY_MEMORY_REGION_WORKS 21
#define KVM_CAP_USER_NMI 22
#define KVM_CAP_SET_GUEST_DEBUG 23
#define KVM_CAP_REINJECT_CONTROL 24
#define KVM_CAP_IRQ_ROUTING 25
#define KVM_CAP_IRQ_INJECT_STATUS 26
#define KVM_CAP_ASSIGN_DEV_IRQ 29
#define KVM_CAP_JOIN_MEMORY_REGIONS_WORKS 30
#define KVM_CAP_MCE 31
#define KVM_CAP_IRQFD 32
#define KVM_CAP_PIT2 33
#define KVM_CAP_SET_BOOT_CPU_ID 34
#define KVM_CAP_PIT_STATE2 35
#define KVM_CAP_IOEVENTFD 36
#define KVM_CAP_SET_IDENTITY_MAP_ADDR 37
#define KVM_CAP_XEN_HVM 38
#define KVM_CAP_ADJUST_CLOCK 39
#define KVM_CAP_INTERNAL_ERROR_DATA 40
#define KVM_CAP_VCPU_EVENTS 41
#define KVM_CAP_HYPERV 44
#define KVM_CAP_HYPERV_VAPIC 45
#define KVM_CAP_HYPERV_SPIN 46
#define KVM_CAP_PCI_SEGMENT 47
#define KVM_CAP_INTR_SHADOW 49
#define KVM_CAP_DEBUGREGS 50
#define KVM_CAP_X86_ROBUST_SINGLESTEP 51
#define KVM_CAP_ENABLE_CAP 54
#define KVM_CAP_XSAVE 55
#define KVM_CAP_XCRS 56
#define KVM_CAP_ASYNC_PF 59
#define KVM_CAP_TSC_CONTROL 60
#define KVM_CAP_GET_TSC_KHZ 61
#define KVM_CAP_MAX_VCPUS 66
#define KVM_CAP_ONE_REG 70
#define KVM_CAP_TSC_DEADLINE_TIMER 72
#define KVM_CAP_SYNC_REGS 74
#define KVM_CAP_KVMCLOCK_CTRL 76
#define KVM_CAP_SIGNAL_MSI 77
#define KVM_CAP_READONLY_MEM 81
#define KVM_CAP_IRQFD_RESAMPLE 82
#define KVM_CAP_DEVICE_CTRL 89
#define KVM_CAP_EXT_EMUL_CPUID 95
#define KVM_CAP_HYPERV_TIME 96
#define KVM_CAP_IOAPIC_POLARITY_IGNORED 97
#define KVM_CAP_ENABLE_CAP_VM 98
#define KVM_CAP_IOEVENTFD_NO_LENGTH 100
#define KVM_CAP_VM_ATTRIBUTES 101
#define KVM_CAP_CHECK_EXTENSION_VM 105
#define KVM_CAP_DISABLE_QUIRKS 116
#define KVM_CAP_X86_SMM 117
#define KVM_CAP_MULTI_ADDRESS_SPACE 118
#define KVM_CAP_GUEST_DEBUG_HW_BPS 119
#define KVM_CAP_GUEST_DEBUG_HW_WPS 120
#define KVM_CAP_SPLIT_IRQCHIP 121
#define KVM_CAP_IOEVENTFD_ANY_LENGTH 122
#define KVM_CAP_HYPERV_SYNIC 123
#define KVM_CAP_VCPU_ATTRIBUTES 127
#define KVM_CAP_MAX_VCPU_ID 128
#define KVM_CAP_X2APIC_API 129
#define KVM_CAP_MSI_DEVID 131
#define KVM_CAP_IMMEDIATE_EXIT 136
#define KVM_CAP_X86_DISABLE_EXITS 143
#define KVM_CAP_GET_MSR_FEATURES 153
#define KVM_CAP_NESTED_STATE 157
#define KVM_CAP_MSR_PLATFORM_INFO 159
#define KVM_CAP_COALESCED_PIO 162
#define KVM_CAP_EXCEPTION_PAYLOAD 164
#define KVM_CAP_MANUAL_DIRTY_LOG_PROTECT 166
#define KVM_CAP_HYPERV_CPUID 167
#define KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 168
#define KVM_CAP_PMU_EVENT_FILTER 173
#define KVM_CAP_HALT_POLL 182
#define KVM_CAP_ASYNC_PF_INT 183
#define KVM_CAP_LAST_CPU 184
#define KVM_CAP_SMALLER_MAXPHYADDR 185
#define KVM_CAP_STEAL_TIME 187
#define KVM_CAP_X86_USER_SPACE_MSR 188
#define KVM_CAP_X86_MSR_FILTER 189
#define KVM_CAP_ENFORCE_PV_FEATURE_CPUID 190
#define KVM_CAP_SYS_HYPERV_CPUID 191
#define KVM_CAP_DIRTY_LOG_RING 192
#define KVM_CAP_X86_BUS_LOCK_EXIT 193
#define KVM_CAP_SET_GUEST_DEBUG2 195
#define KVM_CAP_SGX_ATTRIBUTE 196
#define KVM_CAP_PTP_KVM 198
#define KVM_CAP_SREGS2 200
#define KVM_CAP_EXIT_HYPERCALL 201
#define KVM_CAP_BINARY_STATS_FD 203
#define KVM_CAP_EXIT_ON_EMULATION_FAILURE 204
#define KVM_CAP_VM_GPA_BITS 207
#define KVM_CAP_XSAVE2 208
#define KVM_CAP_SYS_ATTRIBUTES 209
#define KVM_CAP_PMU_CAPABILITY 212
#define KVM_CAP_DISABLE_QUIRKS2 213
#define KVM_CAP_VM_TSC_CONTROL 214
#define KVM_CAP_SYSTEM_EVENT_DATA 215
#define KVM_CAP_X86_TRIPLE_FAULT_EVENT 218
#define KVM_CAP_X86_NOTIFY_VMEXIT 219
#define KVM_CAP_VM_DISABLE_NX_HUGE_PAGES 220
#define KVM_CAP_DIRTY_LOG_RING_ACQ_REL 223

#define KVM_X2APIC_API_USE_32BIT_IDS (1ULL << 0)
#define KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK (1ULL << 1)
#define KVM_X86_DISABLE_EXITS_MWAIT (1 << 0)
#define KVM_X86_DISABLE_EXITS_HLT (1 << 1)
#define KVM_X86_DISABLE_EXITS_PAUSE (1 << 2)
#define KVM_X86_DISABLE_EXITS_CSTATE (1 << 3)
#define KVM_X86_QUIRK_LINT0_REENABLED (1 << 0)
#define KVM_X86_QUIRK_CD_NW_CLEARED (1 << 1)
#define KVM_X86_QUIRK_LAPIC_MMIO_HOLE (1 << 2)
#define KVM_X86_QUIRK_OUT_7E_INC_RIP (1 << 3)
#define KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT (1 << 4)
#define KVM_X86_QUIRK_FIX_HYPERCALL_INSN (1 << 5)
#define KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS (1 << 6)

/* ---- Requests to the device ---- */

#define KVM_GET_API_VERSION SWIVL_IO(0x00) /* 12 */
#define KVM_CREATE_VM SWIVL_IO(0x01) /* argument 0; the VM's descriptor */
#define KVM_GET_MSR_INDEX_LIST SWIVL_IOWR(0x02, struct kvm_msr_list)
#define KVM_CHECK_EXTENSION SWIVL_IO(0x03) /* argument KVM_CAP_*; also to a VM */
#define KVM_GET_VCPU_MMAP_SIZE SWIVL_IO(0x04) /* bytes to map of a vCPU */
#define KVM_GET_SUPPORTED_CPUID SWIVL_IOWR(0x05, struct kvm_cpuid2)
#define KVM_GET_EMULATED_CPUID SWIVL_IOWR(0x09, struct kvm_cpuid2)
#define KVM_GET_MSR_FEATURE_INDEX_LIST SWIVL_IOWR(0x0a, struct kvm_msr_list)

/* ---- Requests to a VM ---- */

#define KVM_CREATE_VCPU SWIVL_IO(0x41) /* argument: number; the vCPU's descriptor */
#define KVM_GET_DIRTY_LOG SWIVL_IOW(0x42, struct kvm_dirty_log)
#define KVM_SET_NR_MMU_PAGES SWIVL_IO(0x44)
#define KVM_GET_NR_MMU_PAGES SWIVL_IO(0x45)
#define KVM_SET_USER_MEMORY_REGION SWIVL_IOW(0x46, struct kvm_userspace_memory_region)
#define KVM_SET_TSS_ADDR SWIVL_IO(0x47)
#define KVM_SET_IDENTITY_MAP_ADDR SWIVL_IOW(0x48, swivl_u64)
#define KVM_CREATE_IRQCHIP SWIVL_IO(0x60)
#define KVM_IRQ_LINE SWIVL_IOW(0x61, struct kvm_irq_level)
#define KVM_GET_IRQCHIP SWIVL_IOWR(0x62, struct kvm_irqchip)
#define KVM_SET_IRQCHIP SWIVL_IOR(0x63, struct kvm_irqchip) /* reads, whatever the number says */
#define KVM_CREATE_PIT SWIVL_IO(0x64)
#define KVM_GET_PIT SWIVL_IOWR(0x65, struct kvm_pit_state)
#define KVM_SET_PIT SWIVL_IOR(0x66, struct kvm_pit_state) /* reads, whatever the number says */
#define KVM_IRQ_LINE_STATUS SWIVL_IOWR(0x67, struct kvm_irq_level)
#define KVM_REGISTER_COALESCED_MMIO SWIVL_IOW(0x67, struct kvm_coalesced_mmio_zone)
#define KVM_UNREGISTER_COALESCED_MMIO SWIVL_IOW(0x68, struct kvm_coalesced_mmio_zone)
#define KVM_SET_GSI_ROUTING SWIVL_IOW(0x6a, struct kvm_irq_routing)
#define KVM_REINJECT_CONTROL SWIVL_IO(0x71) /* argument: struct kvm_reinject_control * */
#define KVM_IRQFD SWIVL_IOW(0x76, struct kvm_irqfd)
#define KVM_CREATE_PIT2 SWIVL_IOW(0x77, struct kvm_pit_config)
#define KVM_SET_BOOT_CPU_ID SWIVL_IO(0x78)
#define KVM_IOEVENTFD SWIVL_IOW(0x79, struct kvm_ioeventfd)
#define KVM_SET_CLOCK SWIVL_IOW(0x7b, struct kvm_clock_data)
#define KVM_GET_CLOCK SWIVL_IOR(0x7c, struct kvm_clock_data)
#define KVM_GET_PIT2 SWIVL_IOR(0x9f, struct kvm_pit_state2)
#define KVM_SET_PIT2 SWIVL_IOW(0xa0, struct kvm_pit_state2)
#define KVM_SIGNAL_MSI SWIVL_IOW(0xa5, struct kvm_msi)
#define KVM_X86_SET_MSR_FILTER SWIVL_IOW(0xc6, struct kvm_msr_filter)
#define KVM_CLEAR_DIRTY_LOG SWIVL_IOWR(0xc0, struct kvm_clear_dirty_log)
#define KVM_RESET_DIRTY_RINGS SWIVL_IO(0xc7)
#define KVM_GET_STATS_FD SWIVL_IO(0xce)

/* ---- Requests to a vCPU ---- */

#define KVM_RUN SWIVL_IO(0x80) /* EINTR: a signal or immediate_exit; EAGAIN: not started yet */
#define KVM_GET_REGS SWIVL_IOR(0x81, struct kvm_regs)
#define KVM_SET_REGS SWIVL_IOW(0x82, struct kvm_regs)
#define KVM_GET_SREGS SWIVL_IOR(0x83, struct kvm_sregs)
#define KVM_SET_SREGS SWIVL_IOW(0x84, struct kvm_sregs)
#define KVM_TRANSLATE SWIVL_IOWR(0x85, struct kvm_translation)
#define KVM_INTERRUPT SWIVL_IOW(0x86, struct kvm_interrupt)
#define KVM_GET_MSRS SWIVL_IOWR(0x88, struct kvm_msrs) /* also to the device: feature MSRs */
#define KVM_SET_MSRS SWIVL_IOW(0x89, struct kvm_msrs)
#define KVM_SET_CPUID SWIVL_IOW(0x8a, struct kvm_cpuid)
#define KVM_SET_SIGNAL_MASK SWIVL_IOW(0x8b, struct kvm_signal_mask) /* argument 0: none */
#define KVM_GET_FPU SWIVL_IOR(0x8c, struct kvm_fpu)
#define KVM_SET_FPU SWIVL_IOW(0x8d, struct kvm_fpu)
#define KVM_GET_LAPIC SWIVL_IOR(0x8e, struct kvm_lapic_state)
#define KVM_SET_LAPIC SWIVL_IOW(0x8f, struct kvm_lapic_state)
#define KVM_SET_CPUID2 SWIVL_IOW(0x90, struct kvm_cpuid2)
#define KVM_GET_CPUID2 SWIVL_IOWR(0x91, struct kvm_cpuid2)
#define KVM_TPR_ACCESS_REPORTING SWIVL_IOWR(0x92, struct kvm_tpr_access_ctl)
#define KVM_SET_VAPIC_ADDR SWIVL_IOW(0x93, struct kvm_vapic_addr)
#define KVM_GET_MP_STATE SWIVL_IOR(0x98, struct kvm_mp_state)
#define KVM_SET_MP_STATE SWIVL_IOW(0x99, struct kvm_mp_state)
#define KVM_NMI SWIVL_IO(0x9a)
#define KVM_SET_GUEST_DEBUG SWIVL_IOW(0x9b, struct kvm_guest_debug)
#define KVM_X86_SETUP_MCE SWIVL_IOW(0x9c, swivl_u64)
#define KVM_X86_GET_MCE_CAP_SUPPORTED SWIVL_IOR(0x9d, swivl_u64)
#define KVM_X86_SET_MCE SWIVL_IOW(0x9e, struct kvm_x86_mce)
#define KVM_GET_VCPU_EVENTS SWIVL_IOR(0x9f, struct kvm_vcpu_events)
#define KVM_SET_VCPU_EVENTS SWIVL_IOW(0xa0, struct kvm_vcpu_events)
#define KVM_GET_DEBUGREGS SWIVL_IOR(0xa1, struct kvm_debugregs)
#define KVM_SET_DEBUGREGS SWIVL_IOW(0xa2, struct kvm_debugregs)
#define KVM_SET_TSC_KHZ SWIVL_IO(0xa2)
#define KVM_GET_TSC_KHZ SWIVL_IO(0xa3)
#define KVM_ENABLE_CAP SWIVL_IOW(0xa3, struct kvm_enable_cap) /* also to a VM */
#define KVM_GET_XSAVE SWIVL_IOR(0xa4, struct kvm_xsave)
#define KVM_SET_XSAVE SWIVL_IOW(0xa5, struct kvm_xsave)
#define KVM_GET_XCRS SWIVL_IOR(0xa6, struct kvm_xcrs)
#define KVM_SET_XCRS SWIVL_IOW(0xa7, struct kvm_xcrs)
#define KVM_KVMCLOCK_CTRL SWIVL_IO(0xad)
#define KVM_SMI SWIVL_IO(0xb7)
#define KVM_GET_SREGS2 SWIVL_IOR(0xcc, struct kvm_sregs2)
#define KVM_SET_SREGS2 SWIVL_IOW(0xcd, struct kvm_sregs2)
#define KVM_GET_XSAVE2 SWIVL_IOR(0xcf, struct kvm_xsave)
#define KVM_SET_DEVICE_ATTR SWIVL_IOW(0xe1, struct kvm_device_attr)
#define KVM_GET_DEVICE_ATTR SWIVL_IOW(0xe2, struct kvm_device_attr)
#define KVM_HAS_DEVICE_ATTR SWIVL_IOW(0xe3, struct kvm_device_attr)

#endif
