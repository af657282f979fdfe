import type { PymallocLocation } from "../../pymalloc/location.ts";
import type { Layout, PythonVersion } from "../layouts/layout.ts";

/** A CPython inside a process: what it is and where its state begins. Addresses stay valid as long as the process runs. */
export interface PythonRuntime {
  readonly module: PythonModule;
  readonly version: PythonVersion & { readonly text: string };
  readonly layout: Layout;
  /** Set when the table is another patch release's: says which, and that it verified. */
  readonly versionNote: string | undefined;
  /** Address of `PyType_Type`, the type of types. */
  readonly typeType: number;
  /** Address of `_PyRuntime`; undefined before 3.7, which has none. */
  readonly runtimeAddress: number | undefined;
  /** Address of the pointer to the first interpreter. */
  readonly interpretersHeadAddress: number;
  /** In the order of the list: the newest first, the main interpreter last. */
  readonly interpreters: readonly InterpreterLocation[];
  /** No states until the process stands still: `relocateInterpreters` finds them in the image. */
  readonly pymalloc: PymallocLocation;
  /** Bytes that a debug allocator (`PYTHONMALLOC=debug`, `-X dev`) puts before every block: 16, or 0 without one. */
  readonly debugBytes: 0 | 16;
  /** True for a build with Py_DEBUG. */
  readonly debugBuild: boolean;
  /**
   * Exported symbol of Python's module, or of the executable where that overrides it; undefined when nothing exports the name.
   * Where nothing is exported at all, the interpreter's own static types are found under their usual symbols.
   */
  symbol(name: string): number | undefined;
}

/** The executable or library that holds the interpreter. */
export interface PythonModule {
  /** As the memory map spells it; hostile text. */
  readonly path: string;
  /** Address of its ELF header. */
  readonly base: number;
  /** First and last address of its loadable segments. */
  readonly start: number;
  readonly end: number;
  /** Its writable static data (.data and .bss). */
  readonly dataRanges: readonly { readonly start: number; readonly end: number }[];
  /** The module's unique build in hexadecimal, where the linker wrote one. */
  readonly buildId: string | undefined;
}

export interface InterpreterLocation {
  readonly address: number;
  /** 0 for the main interpreter; before 3.7 the position in creation order. */
  readonly id: number;
  readonly gc: GcLocation;
}

/** Where the garbage collector of an interpreter keeps its state; up to 3.8 all interpreters share one. */
export interface GcLocation {
  /** Address of generations[0]: three structures of `headStride` bytes, each beginning with its list's head. */
  readonly generationsAddress: number;
  readonly headStride: number;
  /** Bytes of the header before each object of a collected type: 32 up to 3.7, then 16. */
  readonly gcHeadBytes: number;
  /** List head of what gc.freeze() set aside (3.7 and later). */
  readonly permanentAddress: number | undefined;
  /** Address of `struct _gc_runtime_state` (3.7 and later). */
  readonly stateAddress: number | undefined;
}
