/** Types of extension modules whose `__sizeof__` counts memory outside the object. */
import * as P from "../../kernels/parameters.ts";
import { fieldSlot, type ObjectContext } from "../object-context.ts";

/** A struct format longer than this is taken for corrupt. */
const MAX_FORMAT_CODES = 1_000_000;

/** struct.Struct (Modules/_struct.c s_sizeof): its compiled format, with an end mark. */
export function decodeStruct(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const codeBytes = layout.size("formatcode");
  const codes = image.u64(address + layout.offset("PyStructObject", "s_codes"));
  let count = 1;
  for (let code = codes; image.u64(code) !== 0 && count < MAX_FORMAT_CODES; code += codeBytes) count++;
  context.claim(codes, count * codeBytes, place);
  return context.basicBytes(row) + count * codeBytes;
}

/** A module state larger than this is taken for corrupt. */
const MOST_STATE_BYTES = 1 << 20;

/** Memory of a module's state, as large as its definition says (Objects/moduleobject.c); 0 bytes when it has none. */
export function moduleState(
  { image, layout }: ObjectContext,
  module: number,
): { readonly address: number; readonly bytes: number } {
  const address = image.u64(module + layout.offset("PyModuleObject", "md_state"));
  const definition = image.u64(module + layout.offset("PyModuleObject", "md_def"));
  const bytes = address === 0 || !image.has(definition) ? 0 : image.u64(definition + layout.offset("PyModuleDef", "m_size"));
  return { address, bytes: bytes <= MOST_STATE_BYTES ? bytes : 0 };
}

/** module: its definition is static data, and not counted. */
export function decodeModule(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, kernels } = context;
  context.coverFields("PyModuleObject", ["md_def"]);
  const state = moduleState(context, address);
  if (state.bytes > 0 && context.claimExtra(state.address, state.bytes, place) > 0) {
    context.coverFields("PyModuleObject", ["md_state"]);
    for (let offset = 0; offset + 8 <= state.bytes; offset += 8) {
      kernels.visitWords(image.wordOf(state.address + offset), 1, P.SLOT_MEMORY, place);
    }
  }
  return context.basicBytes(row);
}

/** STATIC_CHILDREN of Modules/_elementtree.c. */
const INNER_CHILDREN = 4;

/** xml.etree.ElementTree.Element (Modules/_elementtree.c): children beyond four lie in a table. */
export function decodeElement(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout, kernels } = context;
  const extra = image.u64(address + layout.offset("ElementObject", "extra"));
  let bytes = context.basicBytes(row);
  // text and tail carry a flag in their lowest bit.
  for (const name of ["text", "tail"]) {
    const offset = layout.offset("ElementObject", name);
    const tagged = image.u64(address + offset);
    context.visit(tagged - (tagged % 2), fieldSlot(offset));
    context.cover(offset, offset + 8);
  }
  if (extra === 0 || context.claim(extra, layout.size("ElementObjectExtra"), place) === 0) return bytes;
  bytes += layout.size("ElementObjectExtra");
  const field = (name: string) => extra + layout.offset("ElementObjectExtra", name);
  const children = image.u64(field("children"));
  context.visit(image.u64(field("attrib")), P.SLOT_MEMORY);
  const inside = children === field("_children");
  const allocated = image.u64(field("allocated"));
  const known = inside ? INNER_CHILDREN * 8 : context.claim(children, allocated * 8, place);
  if (!inside && children !== 0) bytes += allocated * 8;
  if (known > 0)
    kernels.visitRun(image.wordOf(children), Math.min(image.u64(field("length")), allocated, known / 8), P.SLOT_ITEM);
  return bytes;
}

/** Bytes of a ParentLocator of Modules/_elementtree.c: an element, and which child comes next. */
const LOCATOR_BYTES = 16;

/** Element.iter() (Modules/_elementtree.c): a stack of elements; what was taken off it is still written there. */
export function decodeElementIterator(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const word = (name: string) => image.u64(address + layout.offset("ElementIterObject", name));
  const stack = word("parent_stack");
  const capacity = context.claimExtra(stack, word("parent_stack_size") * LOCATOR_BYTES, place);
  const end = Math.min(word("parent_stack_used") * LOCATOR_BYTES, capacity);
  for (let at = 0; at < end; at += LOCATOR_BYTES) context.visit(image.u64(stack + at), P.SLOT_MEMORY);
  context.coverFields("ElementIterObject", ["parent_stack"]);
  return context.basicBytes(row);
}

/** A memo larger than this is taken for corrupt. */
const MOST_MEMO_BYTES = 1 << 30;

/** Stack of an unpickler (Modules/_pickle.c Pdata): what was taken off it is still written there. */
export function decodePickleStack(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout, kernels } = context;
  const data = image.u64(address + layout.offset("Pdata", "data"));
  const capacity = context.claimExtra(data, image.u64(address + layout.offset("Pdata", "allocated")) * 8, place);
  const count = image.i32(address + 16);
  context.coverFields("Pdata", ["data"]);
  if (count > 0 && count * 8 <= capacity) kernels.visitRun(image.wordOf(data), count, P.SLOT_ITEM);
  return context.basicBytes(row);
}

/** _pickle.Pickler (Modules/_pickle.c): memo table and output buffer. */
export function decodePickler(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  let bytes = context.basicBytes(row);
  context.coverFields("PicklerObject", ["pers_func_self"]);
  const memo = image.u64(address + layout.offset("PicklerObject", "memo"));
  if (memo !== 0) {
    const tableBytes = image.u64(memo + layout.offset("PyMemoTable", "mt_allocated")) * layout.size("PyMemoEntry");
    bytes += context.claimCounted(memo, layout.size("PyMemoTable"), place);
    const table = image.u64(memo + layout.offset("PyMemoTable", "mt_table"));
    bytes += context.claimCounted(table, tableBytes, place);
    // Keys are the objects that were pickled; free entries have none.
    const key = table + layout.offset("PyMemoEntry", "me_key");
    for (let at = 0; at < Math.min(tableBytes, MOST_MEMO_BYTES); at += layout.size("PyMemoEntry")) {
      context.visit(image.u64(key + at), P.SLOT_MEMORY);
    }
  }
  const output = image.u64(address + layout.offset("PicklerObject", "output_buffer"));
  return output === 0 ? bytes : bytes + layout.offset("PyBytesObject", "ob_sval") + 1 + image.u64(output + 16);
}

/** _pickle.Unpickler (Modules/_pickle.c): memo, marks, and three strings of C. */
export function decodeUnpickler(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const word = (name: string) => image.u64(address + layout.offset("UnpicklerObject", name));
  let bytes = context.basicBytes(row);
  context.coverFields("UnpicklerObject", ["pers_func_self"]);
  bytes += context.claimCounted(word("memo"), word("memo_size") * 8, place);
  for (let at = 0; at < Math.min(word("memo_size") * 8, MOST_MEMO_BYTES); at += 8) {
    context.visit(image.u64(word("memo") + at), P.SLOT_MEMORY);
  }
  bytes += context.claimCounted(word("marks"), word("marks_size") * 8, place);
  for (const name of ["input_line", "encoding", "errors"]) {
    const text = word(name);
    if (text !== 0) bytes += context.claimCounted(text, (image.cString(text, 1 << 20)?.length ?? 0) + 1, place);
  }
  return bytes;
}

/** itertools.product (Modules/itertoolsmodule.c): one index a pool. */
export function decodeProduct(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const pools = image.u64(image.u64(address + layout.offset("productobject", "pools")) + 16);
  return (
    context.basicBytes(row) +
    context.claimCounted(image.u64(address + layout.offset("productobject", "indices")), pools * 8, place)
  );
}

export function decodeCombinations(context: ObjectContext, address: number, row: number, place: number): number {
  return decodeSelection(context, "combinationsobject", address, row, place);
}

export function decodeCombinationsWithReplacement(context: ObjectContext, address: number, row: number, place: number): number {
  return decodeSelection(context, "cwrobject", address, row, place);
}

function decodeSelection(context: ObjectContext, structure: string, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const bytes = image.u64(address + layout.offset(structure, "r")) * 8;
  return context.basicBytes(row) + context.claimCounted(image.u64(address + layout.offset(structure, "indices")), bytes, place);
}

/** itertools.permutations: an index for each item of the pool, a cycle for each position. */
export function decodePermutations(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const word = (name: string) => image.u64(address + layout.offset("permutationsobject", name));
  const items = image.u64(word("pool") + 16);
  return (
    context.basicBytes(row) +
    context.claimCounted(word("indices"), items * 8, place) +
    context.claimCounted(word("cycles"), word("r") * 8, place)
  );
}

/** decimal.Decimal (Modules/_decimal/_decimal.c dec_sizeof): long coefficients lie outside. */
export function decodeDecimal(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const data = image.u64(address + layout.offset("PyDecObject", "dec.data"));
  context.cover(0, Number.POSITIVE_INFINITY);
  if (data === address + layout.offset("PyDecObject", "data")) return context.basicBytes(row);
  const bytes = image.u64(address + layout.offset("PyDecObject", "dec.alloc")) * 8;
  return context.basicBytes(row) + context.claimCounted(data, bytes, place);
}
