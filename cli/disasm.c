/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* One instruction as text, by Zydis where the build found it. */
#include <string.h>

#include "machine.h"

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>

void disassemble(const uint8_t *code, unsigned int size, uint64_t rip, unsigned int bits,
		 char *to, size_t room)
{
	ZydisMachineMode mode = bits == 64 ? ZYDIS_MACHINE_MODE_LONG_64 :
				bits == 32 ? ZYDIS_MACHINE_MODE_LONG_COMPAT_32 :
					     ZYDIS_MACHINE_MODE_LONG_COMPAT_16;
	ZydisDisassembledInstruction insn;

	to[0] = 0;
	if (size && ZYAN_SUCCESS(ZydisDisassembleIntel(mode, rip, code, size, &insn)))
		strncat(to, insn.text, room - 1);
}
#else
void disassemble(const uint8_t *code, unsigned int size, uint64_t rip, unsigned int bits,
		 char *to, size_t room)
{
	(void)code, (void)size, (void)rip, (void)bits, (void)room;
	to[0] = 0;
}
#endif
