import { createRequire } from "node:module";

/** Memory over a file that is mapped, not read. */
export interface MappedFile {
  /** The bytes from `offset` on; writing to them changes a page of our own and never the file. */
  view(offset: number, bytes: number): ArrayBuffer;
}

interface Calls {
  readonly map: (address: number, bytes: number, protection: number, flags: number, fd: number, offset: number) => number;
  readonly view: (address: number, bytes: number) => ArrayBuffer;
}

/** include/uapi/asm-generic/mman-common.h and mman.h. */
const PROTECTION_READ_WRITE = 3;
const MAP_PRIVATE = 0x02;
const MAP_NORESERVE = 0x4000;

let calls: Calls | undefined;
let tried = false;

/**
 * Maps the first `bytes` bytes of an open file, until this process ends; the file may be closed. Undefined where that cannot be:
 * koffi is not there, PYSTRATA_NO_NATIVE=1 asks to do without, or the file system maps nothing.
 *
 * Only for files that nobody cuts short: touching a page beyond the end of the file kills us (SIGBUS).
 */
export function mapFile(fd: number, bytes: number): MappedFile | undefined {
  const native = process.env.PYSTRATA_NO_NATIVE === "1" ? undefined : loadCalls();
  if (!native || bytes === 0) return undefined;
  // Private and writable: an analysis that writes by mistake gets a copy of the page instead of a fatal signal.
  const address = native.map(0, bytes, PROTECTION_READ_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  return address === -1 ? undefined : { view: (offset, length) => native.view(address + offset, length) };
}

function loadCalls(): Calls | undefined {
  if (tried) return calls;
  tried = true;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
    const map = koffi
      .load(null)
      .func("intptr_t mmap(uintptr_t address, size_t bytes, int protection, int flags, int fd, long offset)");
    calls = { map: (...parameters) => Number(map(...parameters)), view: (address, bytes) => koffi.view(address, bytes) };
  } catch {
    calls = undefined;
  }
  return calls;
}
