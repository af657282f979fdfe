/**
 * What a program was built for, told by the first bytes of its ELF file (System V ABI, "ELF Header").
 * pystrata decodes 64-bit x86 processes only; everything else is named, so that the refusal says what it is.
 */

/** Bytes of an ELF file that `architectureOf` looks at. */
export const ELF_HEAD_BYTES = 20;

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const CLASS_OFFSET = 4;
const CLASS_64 = 2;
const DATA_OFFSET = 5;
const DATA_BIG_ENDIAN = 2;
const MACHINE_OFFSET = 18;

const EM_X86_64 = 62;
/** e_machine (include/uapi/linux/elf-em.h), as users know them. */
const MACHINE_NAMES: ReadonlyMap<number, string> = new Map([
  [3, "x86"],
  [8, "MIPS"],
  [20, "PowerPC"],
  [21, "POWER"],
  [22, "s390x"],
  [40, "ARM"],
  [EM_X86_64, "x86-64"],
  [183, "AArch64"],
  [243, "RISC-V"],
  [258, "LoongArch"],
]);

export interface Architecture {
  /** Such as "x86-64" or "AArch64"; "machine 99" when not known by name. */
  readonly machine: string;
  readonly bits: 32 | 64;
  /** True for what pystrata can decode. x32 programs (64-bit machine, 32-bit pointers) are not. */
  readonly supported: boolean;
}

/** Architecture of a program by the head of its file, or undefined when that is no ELF file. */
export function architectureOf(head: Uint8Array): Architecture | undefined {
  if (head.length < ELF_HEAD_BYTES || ELF_MAGIC.some((byte, index) => head[index] !== byte)) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const machine = view.getUint16(MACHINE_OFFSET, head[DATA_OFFSET] !== DATA_BIG_ENDIAN);
  const bits = head[CLASS_OFFSET] === CLASS_64 ? 64 : 32;
  return {
    machine: MACHINE_NAMES.get(machine) ?? `machine ${machine}`,
    bits,
    supported: bits === 64 && machine === EM_X86_64,
  };
}
