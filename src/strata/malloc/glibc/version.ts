import { ElfImage } from "../../../binary/elf-image.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";

/** File names of glibc's library: `libc.so.6`, or `libc-2.31.so` up to 2.33. */
const LIBRARY = /\/libc(\.so\.6|-2\.\d+\.so)$/;
const VERSION = /^\d+\.\d+(\.\d+)?$/;
const ENDBR64 = 0xfa1e0ff3;
/** `lea rax, [rip + displacement]`, 7 bytes, and `ret`. */
const LEA_RAX = [0x48, 0x8d, 0x05] as const;
const LEA_BYTES = 7;
const RETURN = 0xc3;

/**
 * Version of the glibc that a process runs, such as "2.36": what gnu_get_libc_version() returns (glibc csu/version.c), read
 * from its machine code, since the function only loads the address of a string. For people; layouts are detected without it.
 *
 * @returns undefined for another libc, a static program, or a build whose function looks different
 */
export function readGlibcVersion(reader: MemoryReader, mappings: readonly Mapping[]): string | undefined {
  const library = mappings.find(({ path, offset }) => offset === 0 && LIBRARY.test(path.replace(/ \(deleted\)$/, "")));
  let at = library && ElfImage.read(reader, library.start)?.symbolAddress("gnu_get_libc_version");
  if (at === undefined) return undefined;
  if (reader.u32(at) === ENDBR64) at += 4;
  for (const [index, byte] of LEA_RAX.entries()) if (reader.u8(at + index) !== byte) return undefined;
  if (reader.u8(at + LEA_BYTES) !== RETURN) return undefined;
  const text = reader.cString(at + LEA_BYTES + reader.i32(at + LEA_RAX.length), 16);
  return text !== undefined && VERSION.test(text) ? text : undefined;
}
