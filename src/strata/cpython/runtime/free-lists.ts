import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import { type FreeList, followDead, isDead, isPlausible } from "./dead-objects.ts";
import { findStaticFreeLists } from "./static-free-lists.ts";

export type { FreeList } from "./dead-objects.ts";

/** How a list in the interpreter's state is kept (CPython 3.10 to 3.13, Include/internal/pycore_interp.h, pycore_freelist.h). */
type Shape =
  /** An array of pointers, the first `count` of them valid. */
  | { readonly kind: "array" }
  /** One pointer to the first; each points to the next. */
  | { readonly kind: "linked"; readonly link: Field }
  /** An array of such pointers, one for each size. */
  | { readonly kind: "buckets"; readonly link: Field }
  /** A pointer to one, or none. */
  | { readonly kind: "single" };

type Field = readonly [structure: string, field: string];

interface FreeListForm {
  readonly name: string;
  readonly objects: boolean;
  readonly shape: Shape;
  /** Fields of `PyInterpreterState` that hold it: the first that the version has. */
  readonly items: readonly string[];
  /** Field with the number of entries, of arrays. */
  readonly counts: readonly string[];
}

const FORMS: readonly FreeListForm[] = [
  {
    name: "PyFloatObject",
    objects: true,
    // A dead float's type word is the link.
    shape: { kind: "linked", link: ["PyObject", "ob_type"] },
    items: ["object_state.freelists.floats.items", "float_state.free_list"],
    counts: [],
  },
  {
    name: "PyTupleObject",
    objects: true,
    shape: { kind: "buckets", link: ["PyTupleObject", "ob_item"] },
    items: ["object_state.freelists.tuples.items", "tuple.free_list"],
    counts: [],
  },
  {
    name: "PyListObject",
    objects: true,
    shape: { kind: "array" },
    items: ["object_state.freelists.lists.items", "list.free_list"],
    counts: ["object_state.freelists.lists.numfree", "list.numfree"],
  },
  {
    name: "PyDictObject",
    objects: true,
    shape: { kind: "array" },
    items: ["object_state.freelists.dicts.items", "dict_state.free_list"],
    counts: ["object_state.freelists.dicts.numfree", "dict_state.numfree"],
  },
  {
    name: "PyDictKeysObject",
    objects: false,
    shape: { kind: "array" },
    items: ["object_state.freelists.dictkeys.items", "dict_state.keys_free_list"],
    counts: ["object_state.freelists.dictkeys.numfree", "dict_state.keys_numfree"],
  },
  {
    name: "_PyAsyncGenWrappedValue",
    objects: true,
    shape: { kind: "array" },
    items: ["object_state.freelists.async_gens.items", "async_gen.value_freelist"],
    counts: ["object_state.freelists.async_gens.numfree", "async_gen.value_numfree"],
  },
  {
    name: "PyAsyncGenASend",
    objects: true,
    shape: { kind: "array" },
    items: ["object_state.freelists.async_gen_asends.items", "async_gen.asend_freelist"],
    counts: ["object_state.freelists.async_gen_asends.numfree", "async_gen.asend_numfree"],
  },
  {
    name: "PyContext",
    objects: true,
    shape: { kind: "linked", link: ["PyContext", "ctx_weakreflist"] },
    items: ["object_state.freelists.contexts.items", "context.freelist"],
    counts: [],
  },
  {
    name: "PyFrameObject",
    objects: true,
    shape: { kind: "linked", link: ["PyFrameObject", "f_back"] },
    items: ["frame.free_list"],
    counts: [],
  },
  {
    name: "PyBaseExceptionObject",
    objects: true,
    // MemoryErrors made in advance, linked by their dict.
    shape: { kind: "linked", link: ["PyBaseExceptionObject", "dict"] },
    items: ["exc_state.memerrors_freelist"],
    counts: [],
  },
  {
    name: "PySliceObject",
    objects: true,
    shape: { kind: "single" },
    items: ["object_state.freelists.slices.slice_cache", "slice_cache"],
    counts: [],
  },
];

/**
 * The free lists of all interpreters. Up to 3.9 they are static variables without symbols and are found by what they hold;
 * from 3.10 the interpreter's state has them.
 */
export function readFreeLists(runtime: PythonRuntime, reader: MemoryReader): FreeList[] {
  const { layout, interpreters } = runtime;
  const owned = interpreters.flatMap(({ address }, interpreter) => readInterpreterLists(reader, layout, address, interpreter));
  return owned.length > 0 ? owned : findStaticFreeLists(runtime, reader);
}

function readInterpreterLists(reader: MemoryReader, layout: Layout, state: number, interpreter: number): FreeList[] {
  return FORMS.flatMap((form) => {
    const field = (names: readonly string[]) => names.find((name) => layout.has("PyInterpreterState", name));
    const items = field(form.items);
    if (items === undefined) return [];
    const count = field(form.counts);
    const start = state + layout.offset("PyInterpreterState", items);
    const slots = layout.fieldSize("PyInterpreterState", items) / 8;
    const used = count === undefined ? slots : Math.min(slots, reader.u32(state + layout.offset("PyInterpreterState", count)));
    const found = readList(reader, layout, form, start, used);
    return [{ name: form.name, interpreter, objects: form.objects, addresses: found }];
  });
}

function readList(reader: MemoryReader, layout: Layout, form: FreeListForm, start: number, slots: number): number[] {
  const { shape } = form;
  const addresses: number[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const first = reader.u64(start + slot * 8);
    switch (shape.kind) {
      case "array":
      case "single":
        if (!form.objects ? isPlausible(reader, first) : isDead(reader, first)) addresses.push(first);
        break;
      case "linked":
      case "buckets":
        for (const address of followDead(reader, first, layout.offset(...shape.link))) addresses.push(address);
        break;
    }
  }
  return addresses;
}
