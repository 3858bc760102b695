/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * libswivl: virtual machines through swivl's device or, where only that is there, KVM's.
 *
 * Conventions, true for every function unless it says otherwise:
 * - Returns 0, or a number that its comment names, or a negative errno value (-ENOENT, ...).
 * - Guest-physical addresses and sizes are in bytes. Addresses and sizes of guest memory are
 *   multiples of 4096.
 * - Structures named kvm_* and numbers named KVM_* are those of abi.h, which are the ones of
 *   Linux <linux/kvm.h>. A program that wants more of that header than stands in abi.h includes
 *   it first.
 * - A handle may be used by several threads, but a vCPU's calls belong to one thread at a time;
 *   only swivl_vcpu_kick(), swivl_vcpu_counters() and swivl_vcpu_take_trace() may be called while
 *   another thread is inside swivl_vcpu_run().
 * - Close what was opened: vCPUs before their VM, VMs before their host.
 * - With NULL or a closed handle the behaviour is undefined; with NULL to a *_close or
 *   *_destroy function nothing happens.
 */
#ifndef SWIVL_SWIVL_H
#define SWIVL_SWIVL_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

struct swivl_host;
struct swivl_vm;
struct swivl_vcpu;

/* ---- the hypervisor ---- */

/*
 * Opens the hypervisor's device. path: the device, or NULL for the first of: $SWIVL_DEVICE (if
 * set, nothing else is tried), /dev/swivl, /dev/kvm.
 * Errors: -ENOENT none of them exists; -EACCES no permission; -ENODEV a device without a driver;
 * -ENOTTY not such a device; -EPROTO its API version is not 12; -ENOMEM.
 * On error the name of the device that failed is in swivl_open_failed().
 */
int swivl_open(const char *path, struct swivl_host **host);
void swivl_close(struct swivl_host *host);

/* The path of the device in use, valid until swivl_close(). */
const char *swivl_path(const struct swivl_host *host);

/* The path that this thread's last failed swivl_open() tried last. Never NULL. */
const char *swivl_open_failed(void);

/*
 * swivl's version and the processor extension in use. -ENOTTY: not swivl's own module, but
 * another that speaks the same interface, KVM's say.
 */
int swivl_get_version(struct swivl_host *host, struct swivl_version *version);

/* The value of a KVM_CAP_ number: 0 is "no"; some capabilities answer with a count. */
int swivl_extension(struct swivl_host *host, unsigned int cap);

/*
 * The CPUID leaves that a guest can be given. *cpuid: to be released by free().
 */
int swivl_supported_cpuid(struct swivl_host *host, struct kvm_cpuid2 **cpuid);

/* The MSRs that can be read and written from outside. *list: to be released by free(). */
int swivl_msr_index_list(struct swivl_host *host, struct kvm_msr_list **list);

/* Any other request on the hypervisor's device. The result is the request's. */
int swivl_request(struct swivl_host *host, unsigned long request, void *arg);

/* The file descriptor, for poll() and for requests this library does not wrap. */
int swivl_fd(const struct swivl_host *host);

/* ---- a virtual machine ---- */

int swivl_vm_create(struct swivl_host *host, struct swivl_vm **vm);
void swivl_vm_destroy(struct swivl_vm *vm);

/*
 * Lends memory of this process to the guest: size bytes at memory appear at guest-physical
 * address gpa. A slot that exists is replaced: moved, or given other flags.
 * slot: 0 .. swivl_extension(KVM_CAP_NR_MEMSLOTS) - 1. flags: KVM_MEM_LOG_DIRTY_PAGES,
 * KVM_MEM_READONLY. The memory must stay mapped until the slot is removed or the VM destroyed.
 * Errors: -EINVAL alignment, slot number, flags or wrap-around; -EEXIST it overlaps another slot.
 */
int swivl_vm_map(struct swivl_vm *vm, unsigned int slot, uint64_t gpa, void *memory,
		 uint64_t size, unsigned int flags);
int swivl_vm_unmap(struct swivl_vm *vm, unsigned int slot);

/*
 * The pages of a slot that were written since the last call: one bit a page, lowest first.
 * bitmap: room for (pages / 64 rounded up) 64-bit words.
 * Errors: -ENOENT the slot does not exist or keeps no log.
 */
int swivl_vm_dirty_log(struct swivl_vm *vm, unsigned int slot, uint64_t *bitmap);

/*
 * Interrupt chips inside the hypervisor: two 8259 PICs, an I/O APIC, and a local APIC in every
 * vCPU created afterwards. Before the first vCPU. Errors: -EEXIST they are there already.
 */
int swivl_vm_create_irqchip(struct swivl_vm *vm);

/* The 8254 timer and port 0x61. After swivl_vm_create_irqchip(). */
int swivl_vm_create_pit(struct swivl_vm *vm);

/* Sets an interrupt line, by the routing's number (0 .. 23 at first), to level 0 or 1. */
int swivl_vm_irq_line(struct swivl_vm *vm, unsigned int line, int level);

/*
 * Three pages (Intel, no unrestricted guest) and one page that the hypervisor may need in the
 * guest's physical address space, outside of memory. Before the first vCPU.
 */
int swivl_vm_set_tss_addr(struct swivl_vm *vm, uint32_t gpa);
int swivl_vm_set_identity_map_addr(struct swivl_vm *vm, uint64_t gpa);

int swivl_vm_request(struct swivl_vm *vm, unsigned long request, void *arg);
int swivl_vm_fd(const struct swivl_vm *vm);

/* ---- a virtual processor ---- */

/*
 * id: the vCPU's number, also its local APIC's, 0 .. swivl_extension(KVM_CAP_MAX_VCPU_ID) - 1.
 * It starts as a processor starts after reset; with interrupt chips all but id 0 wait for an
 * INIT and a start-up interrupt.
 */
int swivl_vcpu_create(struct swivl_vm *vm, unsigned int id, struct swivl_vcpu **vcpu);
void swivl_vcpu_destroy(struct swivl_vcpu *vcpu);

/*
 * What the vCPU shares with the hypervisor: exit_reason and its details after swivl_vcpu_run().
 * Valid until swivl_vcpu_destroy().
 */
struct kvm_run *swivl_vcpu_state(struct swivl_vcpu *vcpu);

/* Where the data of the present KVM_EXIT_IO lies: io.count items of io.size bytes. */
void *swivl_vcpu_io_data(struct swivl_vcpu *vcpu);

/*
 * Runs the guest until the next exit. 0: look at swivl_vcpu_state(). -EINTR: a signal or
 * swivl_vcpu_kick(); nothing happened that the caller must handle. -EAGAIN: this vCPU had no
 * work (it has just received INIT, say), or the records of its trace have to be taken first: call
 * again. Other errors mean that the vCPU cannot go on.
 */
int swivl_vcpu_run(struct swivl_vcpu *vcpu);

/*
 * Makes swivl_vcpu_run() return -EINTR: the one that another thread is inside of, or the next
 * one. swivl_vcpu_unkick(), by the vCPU's own thread, ends the effect: until then every run
 * returns at once.
 * Leaving a running guest needs a signal. swivl_kick_signal() chooses its number for the
 * process and installs an empty handler; 0 chooses SIGRTMIN + 3. Without that call a kick
 * only acts on the next run.
 */
int swivl_kick_signal(int signo);
void swivl_vcpu_kick(struct swivl_vcpu *vcpu);
void swivl_vcpu_unkick(struct swivl_vcpu *vcpu);

int swivl_vcpu_get_regs(struct swivl_vcpu *vcpu, struct kvm_regs *regs);
int swivl_vcpu_set_regs(struct swivl_vcpu *vcpu, const struct kvm_regs *regs);
int swivl_vcpu_get_sregs(struct swivl_vcpu *vcpu, struct kvm_sregs *sregs);
int swivl_vcpu_set_sregs(struct swivl_vcpu *vcpu, const struct kvm_sregs *sregs);
int swivl_vcpu_get_fpu(struct swivl_vcpu *vcpu, struct kvm_fpu *fpu);
int swivl_vcpu_set_fpu(struct swivl_vcpu *vcpu, const struct kvm_fpu *fpu);
int swivl_vcpu_get_mp_state(struct swivl_vcpu *vcpu, struct kvm_mp_state *state);
int swivl_vcpu_set_mp_state(struct swivl_vcpu *vcpu, const struct kvm_mp_state *state);
int swivl_vcpu_get_events(struct swivl_vcpu *vcpu, struct kvm_vcpu_events *events);
int swivl_vcpu_set_events(struct swivl_vcpu *vcpu, const struct kvm_vcpu_events *events);
int swivl_vcpu_get_debugregs(struct swivl_vcpu *vcpu, struct kvm_debugregs *debug);
int swivl_vcpu_set_debugregs(struct swivl_vcpu *vcpu, const struct kvm_debugregs *debug);
int swivl_vcpu_set_guest_debug(struct swivl_vcpu *vcpu, const struct kvm_guest_debug *debug);
int swivl_vcpu_get_lapic(struct swivl_vcpu *vcpu, struct kvm_lapic_state *lapic);
int swivl_vcpu_set_lapic(struct swivl_vcpu *vcpu, const struct kvm_lapic_state *lapic);

/*
 * Reads or writes count MSRs (at most 256): entries[i].index names them, entries[i].data is the
 * value. Returns how many were done; the first that was refused is entries[result].
 */
int swivl_vcpu_get_msrs(struct swivl_vcpu *vcpu, struct kvm_msr_entry *entries,
			unsigned int count);
int swivl_vcpu_set_msrs(struct swivl_vcpu *vcpu, const struct kvm_msr_entry *entries,
			unsigned int count);

/* What the guest's CPUID instruction answers. Before the vCPU's first run. */
int swivl_vcpu_set_cpuid(struct swivl_vcpu *vcpu, const struct kvm_cpuid2 *cpuid);

/* Injects vector (0 .. 255) as an external interrupt; only without interrupt chips. */
int swivl_vcpu_interrupt(struct swivl_vcpu *vcpu, unsigned int vector);
int swivl_vcpu_nmi(struct swivl_vcpu *vcpu);

/*
 * Counters that the hypervisor keeps of this vCPU, each with a name: exits by kind and others.
 * swivl's own (struct swivl_stats of abi.h), or those that KVM describes in its statistics file.
 * At most max of them are stored; returns how many there are. -ENOTTY: it keeps none.
 */
struct swivl_counter {
	char name[48];
	uint64_t value;
};
int swivl_vcpu_counters(struct swivl_vcpu *vcpu, struct swivl_counter *counters,
			unsigned int max);

/*
 * swivl's own module only: from now on (on: not 0) each exit of this vCPU leaves a record, also
 * those that the hypervisor handles by itself. -EINVAL: another hypervisor.
 * The vCPU keeps SWIVL_TRACE_ROOM records; when so many wait, swivl_vcpu_run() returns -EAGAIN
 * until some have been taken. swivl_vcpu_take_trace() takes at most room of them, the oldest
 * first, and returns how many.
 */
int swivl_vcpu_trace(struct swivl_vcpu *vcpu, int on);
int swivl_vcpu_take_trace(struct swivl_vcpu *vcpu, struct swivl_trace_record *records,
			  unsigned int room);

/*
 * swivl's own module only: why the last KVM_EXIT_FAIL_ENTRY of this vCPU was, as lines of text. First,
 * for people, the rules of the manual that the state broke, with the fields that they look at; from a
 * line that begins with "swivl dump" on the state itself, which `swivl explain` reads. It has nothing
 * that tells where the host's own memory lies.
 * As much as fits is stored, always ended by a zero; returns the length of all of it, without that.
 * -ENOENT: no entry failed. -EINVAL: another hypervisor.
 */
int swivl_vcpu_entry_failure(struct swivl_vcpu *vcpu, char *text, size_t size);

int swivl_vcpu_request(struct swivl_vcpu *vcpu, unsigned long request, void *arg);
int swivl_vcpu_fd(const struct swivl_vcpu *vcpu);

/* "KVM_EXIT_IO" for KVM_EXIT_IO; "unknown exit" for a number without a name. Never NULL. */
const char *swivl_exit_name(unsigned int exit_reason);

/* "I/O port" for SWIVL_EXIT_IO; "unknown" for a number without a name. Never NULL. */
const char *swivl_kind_name(unsigned int kind);

#ifdef __cplusplus
}
#endif

#endif
