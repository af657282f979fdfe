import type { MemoryImage } from "../../../target/memory-image.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import { TypeFlag } from "./type-flags.ts";

/** Enough classes to tell by: the interpreter alone has some hundred made by class statements, among the oldest objects. */
const ENOUGH_CLASSES = 100;
const MAX_OBJECTS_OF_LIST = 50_000;

/**
 * tp_dealloc of classes that Python code made (subtype_dealloc of Objects/typeobject.c, which is not exported): the most
 * frequent one among heap types whose metaclass is `type`, seen on the collector's oldest lists. Undefined when there is none.
 */
export function findSubtypeDealloc(image: MemoryImage, runtime: PythonRuntime): number | undefined {
  const { layout, typeType } = runtime;
  const flagsOffset = layout.offset("PyTypeObject", "tp_flags");
  const deallocOffset = layout.offset("PyTypeObject", "tp_dealloc");
  const counts = new Map<number, number>();
  let classes = 0;
  for (const { gc } of runtime.interpreters) {
    const heads = [2, 1, 0].map((generation) => gc.generationsAddress + generation * gc.headStride);
    if (gc.permanentAddress !== undefined) heads.push(gc.permanentAddress);
    for (const head of heads) {
      let objects = 0;
      for (let at = follow(image, head); at !== head && image.has(at); at = follow(image, at)) {
        if (++objects > MAX_OBJECTS_OF_LIST || classes >= ENOUGH_CLASSES) break;
        const object = at + gc.gcHeadBytes;
        if (image.u64(object + 8) !== typeType || (image.i32(object + flagsOffset) & TypeFlag.heapType) === 0) continue;
        const dealloc = image.u64(object + deallocOffset);
        counts.set(dealloc, (counts.get(dealloc) ?? 0) + 1);
        classes++;
      }
    }
  }
  let best: number | undefined;
  for (const [dealloc, count] of counts) if (best === undefined || count > (counts.get(best) ?? 0)) best = dealloc;
  return best;
}

/** Next list member; the low two bits of the link are the collector's. */
function follow(image: MemoryImage, head: number): number {
  const link = image.u64(head);
  return link - (link % 4);
}
