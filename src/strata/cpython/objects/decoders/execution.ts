/** Frames and what holds them: frame objects, generators, coroutines. Sizes follow each type's `__sizeof__`. */
import { fieldSlot, type ObjectContext } from "../object-context.ts";

/** FRAME_CLEARED of Include/internal/pycore_frame.h: from this state on a generator's frame is a shell. */
const FRAME_CLEARED = 4;
/** What an interpreter frame counts, as far as a release has it; its globals and builtins are its function's. */
const COUNTED_FRAME_FIELDS = ["f_func", "f_funcobj", "f_locals", "f_code", "f_executable", "frame_obj"] as const;

/** A generator holds its frame, not the other way round; the stack is read by its depth (up to 3.10). */
const BORROWED_FRAME_FIELDS = ["f_gen", "f_valuestack", "f_stacktop", "f_blockstack"];

/** Locals with cells and free variables, and all slots with the evaluation stack, of the code object at an address. */
export function frameSlots(context: ObjectContext, code: number): { readonly locals: number; readonly all: number } {
  const { image, layout } = context;
  if (!image.has(code)) return { locals: 0, all: 0 };
  const number = (name: string) => image.i32(code + layout.offset("PyCodeObject", name));
  const variables = (name: string) => image.u64(image.u64(code + layout.offset("PyCodeObject", name)) + 16);
  const locals = context.since(11)
    ? number("co_nlocalsplus")
    : number("co_nlocals") + variables("co_cellvars") + variables("co_freevars");
  return { locals, all: locals + number("co_stacksize") };
}

/** frame (Objects/frameobject.c frame_sizeof). */
export function decodeFrame(context: ObjectContext, address: number, _row: number, place: number): number {
  const { image, layout } = context;
  const field = (name: string) => address + layout.offset("PyFrameObject", name);
  if (!context.since(11)) {
    context.coverFields("PyFrameObject", BORROWED_FRAME_FIELDS);
    context.cover(layout.offset("PyFrameObject", "f_localsplus"), Number.POSITIVE_INFINITY);
    const { locals, all } = frameSlots(context, image.u64(field("f_code")));
    context.visitSlots(field("f_localsplus"), locals, place);
    const stack = field("f_localsplus") + locals * 8;
    context.visitSlots(stack, Math.min(stackDepth(context, address, stack), all - locals), place, locals);
    return layout.size("PyFrameObject") + (all - 1) * 8;
  }
  const frame = image.u64(field("f_frame"));
  const own = field("_f_frame_data");
  context.cover(own - address, Number.POSITIVE_INFINITY);
  const { all } = frameSlots(context, image.u64(frame + codeOffset(context)));
  if (frame === own) visitInterpreterFrame(context, address, own, place);
  return own - address + layout.offset("_PyInterpreterFrame", "localsplus") + all * 8;
}

/**
 * Values on a frame's evaluation stack. A frame that runs keeps no depth: what lies there is in use, or left over, and
 * nobody can tell (CPython Objects/frameobject.c frame_traverse, up to 3.10).
 */
function stackDepth({ image, layout }: ObjectContext, frame: number, stack: number): number {
  if (layout.has("PyFrameObject", "f_stackdepth"))
    return Math.max(0, image.i32(frame + layout.offset("PyFrameObject", "f_stackdepth")));
  const top = image.u64(frame + layout.offset("PyFrameObject", "f_stacktop"));
  return top < stack ? 0 : (top - stack) / 8;
}

/** Offset of the code object in an interpreter frame. */
function codeOffset({ layout }: ObjectContext): number {
  return layout.offset("_PyInterpreterFrame", layout.has("_PyInterpreterFrame", "f_executable") ? "f_executable" : "f_code");
}

/** generator from 3.11, which holds its frame (Objects/genobject.c gen_sizeof). */
export function decodeGenerator(context: ObjectContext, address: number, _row: number, place: number): number {
  // Coroutines and async generators alone set it.
  context.coverFields("PyGenObject", ["gi_origin_or_finalizer"]);
  return decodeFrameHolder(context, address, "PyGenObject", "gi", place);
}

/** coroutine from 3.11. */
export function decodeCoroutine(context: ObjectContext, address: number, _row: number, place: number): number {
  return decodeFrameHolder(context, address, "PyCoroObject", "cr", place);
}

/** async generator from 3.11. */
export function decodeAsyncGenerator(context: ObjectContext, address: number, _row: number, place: number): number {
  return decodeFrameHolder(context, address, "PyAsyncGenObject", "ag", place);
}

function decodeFrameHolder(context: ObjectContext, address: number, structure: string, prefix: string, place: number): number {
  const { image, layout } = context;
  const frame = address + layout.offset(structure, `${prefix}_iframe`);
  context.cover(frame - address, Number.POSITIVE_INFINITY);
  const code = frame + codeOffset(context);
  const state = image.u8(address + layout.offset(structure, `${prefix}_frame_state`));
  // States before "created" are negative.
  if (state < FRAME_CLEARED || state > 127) visitInterpreterFrame(context, address, frame, place);
  // From 3.12 the frame's code is the generator's, which keeps it to the end.
  else if (context.since(12)) context.visit(image.u64(code), fieldSlot(code - address));
  const { all } = frameSlots(context, image.u64(code));
  return frame - address + layout.offset("_PyInterpreterFrame", "localsplus") + all * 8;
}

/** Visits what an interpreter frame inside an object counts (Python/frame.c _PyFrame_Traverse, 3.11–3.13). */
function visitInterpreterFrame(context: ObjectContext, object: number, frame: number, place: number): void {
  const { image, layout } = context;
  const field = (name: string) => frame + layout.offset("_PyInterpreterFrame", name);
  for (const name of COUNTED_FRAME_FIELDS) {
    if (layout.has("_PyInterpreterFrame", name)) context.visit(image.u64(field(name)), fieldSlot(field(name) - object));
  }
  const { locals, all } = frameSlots(context, image.u64(frame + codeOffset(context)));
  // Of a running frame, which keeps no depth, the variables are known to be there.
  const top = image.i32(field("stacktop"));
  context.visitSlots(field("localsplus"), top < 0 ? locals : Math.min(top, all), place);
}
