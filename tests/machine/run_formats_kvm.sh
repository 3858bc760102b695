# SPDX-License-Identifier: MIT OR GPL-2.0-only
# swivl run on KVM's device.
# module: kvm-intel kvm-amd
# add: build/guests/flat_hello build/guests/flat_halt build/guests/flat_triple build/guests/flat_spin
# add: build/guests/flat_echo build/guests/flat_status build/guests/mb_hello build/guests/elf_hello
# add: build/guests/elf_badmmio build/guests/flat_spam
# tests: flat multiboot elf halt halt-without-chips triple-fault unknown-mmio
# tests: status-0 status-65 status-255 two-processors
# tests: trace trace-each trace-json trace-no-file stats interrupts-and-input hang-up terminate
# tests: no-such-file no-kernel fifo too-large no-device wrong-usage wrong-option help
# tests: unread-output full-output terminal c-example c++-example
# timeout: 200
# programs: terminal example_c example_cpp
export SWIVL_DEVICE=/dev/kvm
. ./run_formats.inc
