import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import type { PythonFrame } from "./frames.ts";
import type { RootPointer } from "./root-pointer.ts";
import { readStr } from "./text.ts";
import type { PythonThread } from "./threads.ts";

const POINTER_BYTES = 8;
/** Variables and evaluation stack of the largest frame that is believed. */
const MOST_SLOTS = 1 << 16;
/** FRAME_OWNED_BY_GENERATOR, 3.11 and later: generator or coroutine hold what the frame holds. */
const OWNED_BY_GENERATOR = 1;

/**
 * Fields of `PyThreadState` that own a reference, in all versions; those of `exc_info` behind the thread's own `exc_state`
 * belong to generators. Frames are read apart.
 */
const OWNING_FIELDS: readonly (readonly [field: string, name: string])[] = [
  ["c_profileobj", "profile function"],
  ["c_traceobj", "trace function"],
  ["curexc_type", "raised exception"],
  ["curexc_value", "raised exception"],
  ["curexc_traceback", "raised exception"],
  ["current_exception", "raised exception"],
  ["exc_type", "handled exception"],
  ["exc_value", "handled exception"],
  ["exc_traceback", "handled exception"],
  ["exc_state.exc_type", "handled exception"],
  ["exc_state.exc_value", "handled exception"],
  ["exc_state.exc_traceback", "handled exception"],
  ["dict", "thread dictionary"],
  ["async_exc", "asynchronous exception"],
  ["on_delete_data", "lock of the thread's end"],
  ["coroutine_wrapper", "coroutine wrapper"],
  ["async_gen_firstiter", "hook of asynchronous generators"],
  ["async_gen_finalizer", "hook of asynchronous generators"],
  ["context", "context"],
  ["previous_executor", "executor"],
  ["threading_local_key", "thread-local data"],
  ["threading_local_sentinel", "thread-local data"],
];

/** What a thread holds: fields of its state, and its Python frames. */
export function threadRoots(runtime: PythonRuntime, reader: MemoryReader, thread: PythonThread, owner: number): RootPointer[] {
  const { layout } = runtime;
  const roots: RootPointer[] = [];
  for (const [field, name] of OWNING_FIELDS) {
    if (!layout.has("PyThreadState", field)) continue;
    const address = reader.u64(thread.address + layout.offset("PyThreadState", field));
    if (address !== 0) roots.push({ kind: "thread", address, owner, frame: -1, name, counted: true });
  }
  const read = layout.has("_PyInterpreterFrame") ? lightFrame : frameObject;
  for (const [index, frame] of thread.frames.entries()) {
    for (const pointer of read(reader, layout, frame)) roots.push({ kind: "frame", owner, frame: index, ...pointer });
  }
  return roots;
}

type FramePointer = Pick<RootPointer, "address" | "name" | "counted">;

/**
 * Up to 3.10 a frame is an object, which the C stack of its call owns; a generator owns its own. Its variables are the
 * object's references.
 */
function frameObject(reader: MemoryReader, layout: Layout, { address }: PythonFrame): FramePointer[] {
  const ofGenerator = reader.u64(address + layout.offset("PyFrameObject", "f_gen")) !== 0;
  return [{ address, name: "", counted: !ofGenerator }];
}

/**
 * From 3.11 a frame lies on the thread's own stack and owns function, code, variables, evaluation stack and, where somebody asked for
 * it, the frame object; globals and builtins are borrowed (Include/internal/pycore_frame.h).
 */
function lightFrame(reader: MemoryReader, layout: Layout, { address, code }: PythonFrame): FramePointer[] {
  const offset = (field: string) => layout.offset("_PyInterpreterFrame", field);
  const counted = reader.u8(address + offset("owner")) !== OWNED_BY_GENERATOR;
  const pointers: FramePointer[] = [];
  for (const field of ["f_executable", "f_code", "f_func", "f_funcobj", "f_locals", "frame_obj"]) {
    if (!layout.has("_PyInterpreterFrame", field)) continue;
    pointers.push({ address: reader.u64(address + offset(field)), name: "", counted });
  }
  const names = reader.u64(code + layout.offset("PyCodeObject", "co_localsplusnames"));
  const variables = reader.i32(code + layout.offset("PyCodeObject", "co_nlocalsplus"));
  // A frame that executes keeps the top of its evaluation stack in a register: -1.
  const slots = Math.max(variables, reader.i32(address + offset("stacktop")));
  for (let slot = 0; slot < Math.min(slots, MOST_SLOTS); slot++) {
    const name =
      slot < variables
        ? readStr(reader, layout, reader.u64(names + layout.offset("PyTupleObject", "ob_item") + slot * POINTER_BYTES))
        : undefined;
    pointers.push({
      address: reader.u64(address + offset("localsplus") + slot * POINTER_BYTES),
      name: name ?? "",
      counted,
    });
  }
  return pointers.filter((pointer) => pointer.address !== 0);
}
