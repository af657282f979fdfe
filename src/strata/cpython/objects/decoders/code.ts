/** Types, code, frames and generators: what the interpreter itself is made of. Sizes follow each type's `__sizeof__`. */
import { staticTypesCountHeader } from "../../rules/sizes.ts";
import type { ObjectContext } from "../object-context.ts";
import { TypeFlag } from "../type-flags.ts";

/** type (Objects/typeobject.c type___sizeof___impl): heap types count their shared keys. */
export function decodeType(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const flags = image.i32(address + layout.offset("PyTypeObject", "tp_flags"));
  if ((flags & TypeFlag.heapType) === 0) {
    // What lies behind it is another's.
    context.cover(layout.size("PyTypeObject"), Number.POSITIVE_INFINITY);
    const header = staticTypesCountHeader(context.runtime.version) ? 0 : layout.size("PyGC_Head");
    return layout.size("PyTypeObject") - header;
  }
  const keys = image.u64(address + layout.offset("PyHeapTypeObject", "ht_cached_keys"));
  context.visitFields(address, context.basicBytes(row), layout.size("PyHeapTypeObject"), place);
  return layout.size("PyHeapTypeObject") + context.decodeSharedKeys(keys, place);
}

/** code (Objects/codeobject.c code_sizeof). */
export function decodeCode(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const field = (name: string) => address + layout.offset("PyCodeObject", name);
  let bytes = context.basicBytes(row);
  const extra = image.u64(field("co_extra"));
  if (extra !== 0) {
    const size = layout.size("_PyCodeObjectExtra") + (image.u64(extra) - 1) * 8;
    if (context.claim(extra, size, place) > 0) bytes += size;
  }
  if (context.since(11)) return bytes + image.u64(address + 16) * 2;
  claimZombieFrame(context, address, place);
  const cells = image.u64(field("co_cell2arg"));
  if (cells !== 0) {
    const size = image.u64(image.u64(field("co_cellvars")) + 16) * 8;
    context.claim(cells, size, place);
    bytes += size;
  }
  if (layout.has("PyCodeObject", "co_opcache")) {
    const map = image.u64(field("co_opcache_map"));
    const instructions = image.u64(image.u64(field("co_code")) + 16) / 2;
    if (map !== 0) {
      context.claim(map, instructions, place);
      bytes += instructions;
    }
    const cache = image.u64(field("co_opcache"));
    if (cache !== 0) {
      const size = image.u8(field("co_opcache_size")) * layout.size("_PyOpcache");
      context.claim(cache, size, place);
      bytes += size;
    }
  }
  return bytes;
}

/** Up to 3.9 a code object keeps its last frame, dead, for the next call; sys.getsizeof leaves it out. */
function claimZombieFrame(context: ObjectContext, code: number, place: number): void {
  const { image, layout } = context;
  if (!layout.has("PyCodeObject", "co_zombieframe")) return;
  const frame = image.u64(code + layout.offset("PyCodeObject", "co_zombieframe"));
  if (frame === 0) return;
  const header = layout.size("PyGC_Head");
  const bytes = header + layout.size("PyFrameObject") + (frameSlots(context, code) - 1) * 8;
  context.claimExtra(frame - header, bytes, place);
}

/** Slots of a frame: locals, cells, free variables and evaluation stack of its code. */
function frameSlots(context: ObjectContext, code: number): number {
  const { image, layout } = context;
  if (!image.has(code)) return 0;
  const number = (name: string) => image.i32(code + layout.offset("PyCodeObject", name));
  const variables = (name: string) => image.u64(image.u64(code + layout.offset("PyCodeObject", name)) + 16);
  if (context.since(11)) return number("co_nlocalsplus") + number("co_stacksize");
  return number("co_nlocals") + number("co_stacksize") + variables("co_cellvars") + variables("co_freevars");
}

/** frame (Objects/frameobject.c frame_sizeof). */
export function decodeFrame(context: ObjectContext, address: number, _row: number, place: number): number {
  const { image, layout } = context;
  if (!context.since(11)) {
    const slots = frameSlots(context, image.u64(address + layout.offset("PyFrameObject", "f_code")));
    visitLocals(context, address, layout.offset("PyFrameObject", "f_localsplus"), slots, place);
    return layout.size("PyFrameObject") + (slots - 1) * 8;
  }
  const frame = image.u64(address + layout.offset("PyFrameObject", "f_frame"));
  const own = layout.offset("PyFrameObject", "_f_frame_data");
  const slots = frameSlots(context, image.u64(frame + codeOffset(context)));
  const locals = layout.offset("_PyInterpreterFrame", "localsplus");
  if (frame === address + own) visitOwnFrame(context, address, own, slots, place);
  return own + locals + slots * 8;
}

/** Offset of the code object in an interpreter frame. */
function codeOffset({ layout }: ObjectContext): number {
  return layout.offset("_PyInterpreterFrame", layout.has("_PyInterpreterFrame", "f_executable") ? "f_executable" : "f_code");
}

/** generator and coroutine from 3.11, which hold their frame (Objects/genobject.c gen_sizeof). */
export function decodeGenerator(context: ObjectContext, address: number, _row: number, place: number): number {
  return decodeFrameHolder(context, address, context.layout.offset("PyGenObject", "gi_iframe"), place);
}

/** async generator from 3.11. */
export function decodeAsyncGenerator(context: ObjectContext, address: number, _row: number, place: number): number {
  return decodeFrameHolder(context, address, context.layout.offset("PyAsyncGenObject", "ag_iframe"), place);
}

function decodeFrameHolder(context: ObjectContext, address: number, frameOffset: number, place: number): number {
  const { image, layout } = context;
  const frame = address + frameOffset;
  const slots = frameSlots(context, image.u64(frame + codeOffset(context)));
  const locals = layout.offset("_PyInterpreterFrame", "localsplus");
  visitOwnFrame(context, address, frameOffset, slots, place);
  return frameOffset + locals + slots * 8;
}

/** A frame that lies in an object: fields, then locals and temporaries. */
function visitOwnFrame(context: ObjectContext, object: number, frameOffset: number, slots: number, place: number): void {
  const locals = frameOffset + context.layout.offset("_PyInterpreterFrame", "localsplus");
  context.visitFields(object, frameOffset, locals, place);
  visitLocals(context, object, locals, slots, place);
}

function visitLocals(context: ObjectContext, object: number, offset: number, slots: number, place: number): void {
  context.visitSlots(object + offset, slots, place);
  context.cover(offset, offset + slots * 8);
}
