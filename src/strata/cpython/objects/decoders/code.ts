/** Types and code objects: what programs are made of. Sizes follow each type's `__sizeof__`. */
import { staticTypesCountHeader } from "../../rules/sizes.ts";
import type { ObjectContext } from "../object-context.ts";
import { TypeFlag } from "../type-flags.ts";
import { frameSlots } from "./execution.ts";

/** A documentation longer than this is taken for corrupt. */
const MOST_TEXT_BYTES = 1 << 20;

/** What specialised instructions found in a class: borrowed, and valid for a version of the class only (from 3.11). */
const SPECIALISATION = ["_spec_cache"];

function claimText(context: ObjectContext, pointer: number, place: number): void {
  const text = context.image.u64(pointer);
  if (text !== 0) context.claimExtra(text, (context.image.cString(text, MOST_TEXT_BYTES)?.length ?? 0) + 1, place);
}

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
  // Text of its own: there is nothing to be found in it.
  claimText(context, address + layout.offset("PyTypeObject", "tp_doc"), place);
  if (layout.has("PyHeapTypeObject", "_ht_tpname")) {
    claimText(context, address + layout.offset("PyHeapTypeObject", "_ht_tpname"), place);
  }
  context.coverFields("PyHeapTypeObject", SPECIALISATION);
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
  const bytes = header + layout.size("PyFrameObject") + (frameSlots(context, code).all - 1) * 8;
  context.claimExtra(frame - header, bytes, place);
}
