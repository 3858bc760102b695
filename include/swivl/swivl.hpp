/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * libswivl for C++17: a hypervisor, a VM and a vCPU as classes that clean up after themselves.
 * Only this header, over the C library (swivl.h says more about each call). A call that fails
 * throws swivl::error. Objects move and do not copy; a VM must outlive its vCPUs, and memory
 * added to it lives as long as the VM.
 */
#ifndef SWIVL_SWIVL_HPP
#define SWIVL_SWIVL_HPP

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include "swivl.h"

namespace swivl
{

/* code().value() is the errno value. */
class error : public std::system_error
{
public:
	error(int negative, const std::string &what)
		: std::system_error(-negative, std::generic_category(), what)
	{
	}
};

/* What a call returned, if it is no error. */
inline int check(int result, const char *what)
{
	if (result < 0)
		throw error(result, what);
	return result;
}

namespace detail
{
template <typename T, void (*close)(T *)> struct closer {
	void operator()(T *object) const
	{
		close(object);
	}
};
template <typename T, void (*close)(T *)> using handle = std::unique_ptr<T, closer<T, close>>;

struct freer {
	void operator()(void *p) const
	{
		std::free(p);
	}
};
} // namespace detail

using cpuid_list = std::unique_ptr<kvm_cpuid2, detail::freer>;

class hypervisor
{
public:
	/* An empty path: the usual devices, as swivl_open() says. */
	explicit hypervisor(const std::string &path = "")
	{
		struct swivl_host *h = nullptr;
		int err = swivl_open(path.empty() ? nullptr : path.c_str(), &h);

		if (err < 0)
			throw error(err, swivl_open_failed());
		handle_.reset(h);
	}

	std::string path() const
	{
		return swivl_path(get());
	}

	int extension(unsigned int cap) const
	{
		return check(swivl_extension(get(), cap), "KVM_CHECK_EXTENSION");
	}

	cpuid_list supported_cpuid() const
	{
		kvm_cpuid2 *list = nullptr;

		check(swivl_supported_cpuid(get(), &list), "KVM_GET_SUPPORTED_CPUID");
		return cpuid_list(list);
	}

	struct swivl_host *get() const
	{
		return handle_.get();
	}

private:
	detail::handle<struct swivl_host, swivl_close> handle_;
};

class vm
{
public:
	explicit vm(const hypervisor &host)
	{
		swivl_vm *v = nullptr;

		check(swivl_vm_create(host.get(), &v), "KVM_CREATE_VM");
		handle_.reset(v);
	}

	/*
	 * Gives the guest size bytes of fresh, zeroed memory at gpa (both multiples of 4096), in
	 * the next free slot. Returns where this process sees them.
	 */
	unsigned char *add_memory(uint64_t gpa, uint64_t size, unsigned int flags = 0)
	{
		void *p = mmap(nullptr, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			throw error(-errno, "guest memory");
		memory_.emplace_back(p, unmapper{ size });
		map(memory_.size() - 1, gpa, p, size, flags);
		return static_cast<unsigned char *>(p);
	}

	/* The caller's own memory, in a slot of the caller's choice. */
	void map(unsigned int slot, uint64_t gpa, void *memory, uint64_t size,
		 unsigned int flags = 0)
	{
		check(swivl_vm_map(get(), slot, gpa, memory, size, flags),
		      "KVM_SET_USER_MEMORY_REGION");
	}

	void unmap(unsigned int slot)
	{
		check(swivl_vm_unmap(get(), slot), "KVM_SET_USER_MEMORY_REGION");
	}

	void create_irqchip()
	{
		check(swivl_vm_create_irqchip(get()), "KVM_CREATE_IRQCHIP");
	}

	void create_pit()
	{
		check(swivl_vm_create_pit(get()), "KVM_CREATE_PIT2");
	}

	void irq_line(unsigned int line, bool level)
	{
		check(swivl_vm_irq_line(get(), line, level), "KVM_IRQ_LINE");
	}

	int request(unsigned long number, void *argument)
	{
		return check(swivl_vm_request(get(), number, argument), "request to a VM");
	}

	swivl_vm *get() const
	{
		return handle_.get();
	}

private:
	struct unmapper {
		uint64_t size;
		void operator()(void *p) const
		{
			munmap(p, size);
		}
	};

	/* Declared first, so destroyed last: the VM goes before its memory. */
	std::vector<std::unique_ptr<void, unmapper>> memory_;
	detail::handle<swivl_vm, swivl_vm_destroy> handle_;
};

class vcpu
{
public:
	vcpu(const vm &machine, unsigned int id)
	{
		swivl_vcpu *v = nullptr;

		check(swivl_vcpu_create(machine.get(), id, &v), "KVM_CREATE_VCPU");
		handle_.reset(v);
	}

	/* False: interrupted by a signal or kick(); true: an exit, described by state(). */
	bool run()
	{
		int ret = swivl_vcpu_run(get());

		if (ret == -EINTR || ret == -EAGAIN)
			return false;
		check(ret, "KVM_RUN");
		return true;
	}

	kvm_run &state() const
	{
		return *swivl_vcpu_state(get());
	}

	/* Of the present KVM_EXIT_IO: item i, its size given by the type. */
	template <typename T> T &io(unsigned int i = 0) const
	{
		return static_cast<T *>(swivl_vcpu_io_data(get()))[i];
	}

	void kick()
	{
		swivl_vcpu_kick(get());
	}

	void unkick()
	{
		swivl_vcpu_unkick(get());
	}

	kvm_regs regs() const
	{
		kvm_regs r;

		check(swivl_vcpu_get_regs(get(), &r), "KVM_GET_REGS");
		return r;
	}

	void regs(const kvm_regs &r)
	{
		check(swivl_vcpu_set_regs(get(), &r), "KVM_SET_REGS");
	}

	kvm_sregs sregs() const
	{
		kvm_sregs s;

		check(swivl_vcpu_get_sregs(get(), &s), "KVM_GET_SREGS");
		return s;
	}

	void sregs(const kvm_sregs &s)
	{
		check(swivl_vcpu_set_sregs(get(), &s), "KVM_SET_SREGS");
	}

	void cpuid(const kvm_cpuid2 &list)
	{
		check(swivl_vcpu_set_cpuid(get(), &list), "KVM_SET_CPUID2");
	}

	uint64_t msr(uint32_t index) const
	{
		kvm_msr_entry e = {};

		e.index = index;
		if (check(swivl_vcpu_get_msrs(get(), &e, 1), "KVM_GET_MSRS") != 1)
			throw error(-EINVAL, "reading an MSR");
		return e.data;
	}

	void msr(uint32_t index, uint64_t value)
	{
		kvm_msr_entry e = {};

		e.index = index;
		e.data = value;
		if (check(swivl_vcpu_set_msrs(get(), &e, 1), "KVM_SET_MSRS") != 1)
			throw error(-EINVAL, "writing an MSR");
	}

	/* Why the last KVM_EXIT_FAIL_ENTRY was, as text; empty: there was none. */
	std::string entry_failure() const
	{
		int n = swivl_vcpu_entry_failure(get(), nullptr, 0);

		if (n == -ENOENT)
			return {};
		std::string text(check(n, "SWIVL_GET_ENTRY_FAILURE"), '\0');
		check(swivl_vcpu_entry_failure(get(), &text[0], text.size() + 1),
		      "SWIVL_GET_ENTRY_FAILURE");
		return text;
	}

	int request(unsigned long number, void *argument)
	{
		return check(swivl_vcpu_request(get(), number, argument), "request to a vCPU");
	}

	swivl_vcpu *get() const
	{
		return handle_.get();
	}

private:
	detail::handle<swivl_vcpu, swivl_vcpu_destroy> handle_;
};

} // namespace swivl

#endif
