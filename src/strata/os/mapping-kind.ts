/** What a mapping is. The values are those of the snapshot's mapping table. */
export const MappingKind = {
  /** Private memory of no file. */
  anonymous: 0,
  /** The brk heap. */
  heap: 1,
  /** A thread's stack (the main thread's included). */
  stack: 2,
  /** Executable or library: code, read-only data, data and bss. */
  library: 3,
  /** A file that is no library. */
  file: 4,
  /** Shared memory: memfd, /dev/shm, System V, shared anonymous. */
  shared: 5,
  /** vdso, vvar, vsyscall. */
  kernel: 6,
  /** Memory of a device. */
  device: 7,
} as const;
export type MappingKind = (typeof MappingKind)[keyof typeof MappingKind];

/** Part of a library that a mapping holds; empty where the mapping is of no library. */
export type LibraryPart = "" | "header" | "code" | "read-only data" | "relro" | "data" | "bss" | "gap";
