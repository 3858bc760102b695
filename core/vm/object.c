// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Life of VMs and vCPUs, and of the hypervisor as a whole. */
#include "core/swivl.h"
#include "core/vm/request.h"
#include "core/x86/cpu.h"
#include "core/x86/regs.h"

const struct vendor *vendor;

static const struct vendor *const vendors[] = { &vmx_vendor, &svm_vendor };

/* What the CPUs say when they are asked together: the first "no" is kept. */
struct cpu_answers {
	struct host_spin lock;
	struct refusal_report why;
	bool refused;
};

static void collect_refusal(struct cpu_answers *answers, struct refusal_report *why)
{
	unsigned long flags = host_spin_lock(&answers->lock);

	if (!answers->refused) {
		answers->refused = true;
		answers->why = *why;
	}
	host_spin_unlock(&answers->lock, flags);
}

static void check_cpu(void *arg)
{
	struct refusal_report why = { .cpu = host_cpu() };

	if (!vendor->present()) {
		why.why = REFUSE_MIXED_CPUS;
		collect_refusal(arg, &why);
	} else if (!vendor->supported(&why)) {
		collect_refusal(arg, &why);
	}
}

static void enable_cpu(void *arg)
{
	struct refusal_report why = { .cpu = host_cpu() };

	if (!vendor->cpu_enable(&why))
		collect_refusal(arg, &why);
}

static void disable_cpu(void *arg)
{
	vendor->cpu_disable();
}

bool swivl_start(struct refusal_report *why)
{
	struct cpu_answers answers = { .refused = false };
	unsigned int i;

	*why = (struct refusal_report){ .why = REFUSE_NO_VENDOR };
	host_spin_init(&answers.lock);
	requests_start();
	vendor = NULL;
	for (i = 0; i < ARRAY_SIZE(vendors) && !vendor; i++) {
		if (vendors[i]->present())
			vendor = vendors[i];
	}
	if (!vendor)
		return false;

	host_on_each_cpu(check_cpu, &answers);
	if (!answers.refused) {
		if (!vendor->start(why))
			return false;
		host_on_each_cpu(enable_cpu, &answers);
		if (!answers.refused)
			return true;
		host_on_each_cpu(disable_cpu, NULL);
		vendor->stop();
	}
	*why = answers.why;
	return false;
}

void swivl_stop(void)
{
	host_on_each_cpu(disable_cpu, NULL);
	vendor->stop();
	vendor = NULL;
}

bool swivl_cpu_up(struct refusal_report *why)
{
	*why = (struct refusal_report){ .cpu = host_cpu() };
	if (!vendor->present()) {
		why->why = REFUSE_MIXED_CPUS;
		return false;
	}
	return vendor->supported(why) && vendor->cpu_enable(why);
}

void swivl_cpu_down(void)
{
	vendor->cpu_disable();
}

static void vcpu_free(struct vcpu *vcpu)
{
	vcpu_chips_free(vcpu);
	host_free(vcpu->trace);
	host_page_free(vcpu->failure);
	host_free(vcpu->mmio);
	host_free(vcpu->cpuid);
	host_page_free(vcpu->fpu);
	host_page_free(vcpu->pio);
	host_page_free(vcpu->run);
	host_free(vcpu);
}

/*
 * A vCPU lives as long as its VM: interrupt chips address vCPUs by index at any time. Closing
 * its last handle therefore only gives back its hold on the VM; the VM's end frees them all.
 */
static void vm_free_vcpus(struct vm *vm)
{
	u32 i;

	for (i = 0; i < vm->nvcpus; i++) {
		vendor->vcpu_destroy(vm->vcpus[i]);
		vcpu_free(vm->vcpus[i]);
	}
}

static void vm_put(struct vm *vm)
{
	if (__atomic_sub_fetch(&vm->refs, 1, __ATOMIC_ACQ_REL))
		return;
	vm_chips_stop(vm);
	vm_free_vcpus(vm);
	vm_chips_free(vm);
	vendor->vm_destroy(vm);
	vm_memory_free(vm);
	host_free(vm->msr_filter);
	host_free(vm);
}

int vm_create(struct vm **out)
{
	struct vm *vm = host_alloc(sizeof(*vm));
	int err;

	if (!vm)
		return -SWIVL_ENOMEM;
	vm->refs = 1;
	host_mutex_init(&vm->lock);
	host_rwlock_init(&vm->mem_lock);
	host_spin_init(&vm->irq_lock);
	err = vm_memory_init(vm);
	if (err)
		goto free_vm;
	err = vendor->vm_create(vm);
	if (err)
		goto free_memory;
	*out = vm;
	return 0;

free_memory:
	vm_memory_free(vm);
free_vm:
	host_free(vm);
	return err;
}

static int vcpu_alloc(struct vm *vm, u32 id, struct vcpu **out)
{
	struct vcpu *vcpu = host_alloc(sizeof(*vcpu));

	if (!vcpu)
		return -SWIVL_ENOMEM;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	vcpu->user_irq = -1;
	host_mutex_init(&vcpu->lock);
	host_wait_init(&vcpu->wait);
	host_wait_init(&vcpu->lock_wait);
	vcpu->run = host_page_alloc();
	vcpu->pio = host_page_alloc();
	vcpu->fpu = host_page_alloc();
	if (!vcpu->run || !vcpu->pio || !vcpu->fpu) {
		vcpu_free(vcpu);
		return -SWIVL_ENOMEM;
	}
	vcpu_msrs_init(vcpu);
	vcpu_derive_cr4(vcpu);
	*out = vcpu;
	return 0;
}

/* vm->lock held. The new vCPU is seen by others only when it is whole. */
static int vcpu_attach(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	int err;

	if (vm->nvcpus == VM_MAX_VCPUS)
		return -SWIVL_EINVAL;
	if (vm_find_vcpu(vm, vcpu->id))
		return -SWIVL_EEXIST;
	vcpu->index = vm->nvcpus;
	err = vcpu_chips_init(vcpu);
	if (err)
		return err;
	vcpu_reset(vcpu, false);
	err = vendor->vcpu_create(vcpu);
	if (err) {
		vcpu_chips_free(vcpu); /* while nobody else can be given the index */
		return err;
	}
	__atomic_add_fetch(&vm->refs, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&vm->vcpus[vcpu->index], vcpu, __ATOMIC_RELEASE);
	__atomic_store_n(&vm->nvcpus, vcpu->index + 1, __ATOMIC_RELEASE);
	return 0;
}

int vcpu_create(struct vm *vm, u32 id, struct vcpu **out)
{
	struct vcpu *vcpu;
	int err;

	if (id >= VM_MAX_VCPUS)
		return -SWIVL_EINVAL;
	err = vcpu_alloc(vm, id, &vcpu);
	if (err)
		return err;
	host_mutex_lock(&vm->lock);
	err = vcpu_attach(vcpu);
	host_mutex_unlock(&vm->lock);
	if (err) {
		vcpu_free(vcpu);
		return err;
	}
	*out = vcpu;
	return 0;
}

struct vcpu *vm_find_vcpu(struct vm *vm, u32 id)
{
	u32 i, n = __atomic_load_n(&vm->nvcpus, __ATOMIC_ACQUIRE);

	for (i = 0; i < n; i++) {
		if (vm->vcpus[i]->id == id)
			return vm->vcpus[i];
	}
	return NULL;
}

void swivl_object_put(enum object_kind kind, void *object)
{
	if (kind == OBJECT_VM)
		vm_put(object);
	else if (kind == OBJECT_VCPU)
		vm_put(((struct vcpu *)object)->vm);
}

void vm_die(struct vm *vm, const char *why)
{
	u32 i;

	if (__atomic_exchange_n(&vm->dead, true, __ATOMIC_ACQ_REL))
		return;
	__atomic_add_fetch(&vm->keep_out, 1, __ATOMIC_SEQ_CST);
	host_log(HOST_LOG_ERROR, "a virtual machine is stopped: %s", why);
	for (i = 0; i < __atomic_load_n(&vm->nvcpus, __ATOMIC_ACQUIRE); i++)
		vcpu_kick(vm->vcpus[i]);
}
