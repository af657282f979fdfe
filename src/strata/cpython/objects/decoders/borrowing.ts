/**
 * Types whose body can be read word by word but for some of it: pointers that they do not count, memory that is another's, what
 * was never written. What counts and what does not is in each type's dealloc and traverse functions (CPython 3.6–3.13).
 */
import * as P from "../../kernels/parameters.ts";
import type { HostDecoder } from "../kinds.ts";
import { fieldSlot, type ObjectContext } from "../object-context.ts";

/** A decoder for instances of a structure whose named fields are no references of theirs. */
export function without(structure: string, ...fields: readonly string[]): HostDecoder {
  return (context, address, row) => {
    context.coverFields(structure, fields);
    return ownBytes(context, address, row);
  };
}

/** The same, and the memory that one of the fields points at refers to nothing. */
export function withOpaque(structure: string, opaque: string, ...fields: readonly string[]): HostDecoder {
  const decode = without(structure, opaque, ...fields);
  return (context, address, row, place) => {
    if (context.layout.has(structure, opaque)) context.ownOpaque(address + context.layout.offset(structure, opaque), place);
    return decode(context, address, row, place);
  };
}

/** Types that refer to nothing: numbers in their bodies may look as if they did. */
export function decodePlainData(context: ObjectContext, address: number, row: number): number {
  context.cover(0, Number.POSITIVE_INFINITY);
  return ownBytes(context, address, row);
}

/** Body and items, as object.__sizeof__ counts them. */
function ownBytes({ image, rows }: ObjectContext, address: number, row: number): number {
  const items = Math.abs(image.i32(address + 16));
  return rows.get(row, P.ROW_BASIC_BYTES) + items * rows.get(row, P.ROW_ITEM_BYTES);
}

/** datetime.datetime and datetime.time (Modules/_datetimemodule.c): naive ones are allocated without the last field. */
export function zoned(structure: string): HostDecoder {
  return (context, address, row) => {
    const { image, layout } = context;
    const zone = layout.offset(structure, "tzinfo");
    context.cover(0, Number.POSITIVE_INFINITY);
    if (image.u8(address + layout.offset(structure, "hastzinfo")) !== 0)
      context.visit(image.u64(address + zone), fieldSlot(zone));
    return context.basicBytes(row);
  };
}

/** itertools' shared data of tee (Modules/itertoolsmodule.c): values beyond those read so far were never written. */
export function decodeTeeData(context: ObjectContext, address: number, row: number): number {
  const { image, layout, kernels } = context;
  const values = layout.offset("teedataobject", "values");
  const room = layout.fieldSize("teedataobject", "values") / 8;
  const read = image.i32(address + layout.offset("teedataobject", "numread"));
  context.coverFields("teedataobject", ["values"]);
  if (read > 0 && read <= room) kernels.visitRun(image.wordOf(address + values), read, fieldSlot(values));
  return context.basicBytes(row);
}

/**
 * functools.lru_cache (Modules/_functoolsmodule.c): a ring of links that belong to the cache; they are values of its dictionary
 * as well. Links do not count their neighbours. What they hold is visited from the cache, as the collector does from 3.7 on.
 */
export function decodeLruCache(context: ObjectContext, address: number, row: number): number {
  const { image, layout } = context;
  const next = layout.offset("lru_list_elem", "next");
  const [key, result] = ["key", "result"].map((field) => layout.offset("lru_list_elem", field));
  context.coverFields("lru_cache_object", ["lru_list_elem_type"]);
  context.cover(0, layout.size("lru_list_elem"));
  const cache = image.u64(address + layout.offset("lru_cache_object", "cache"));
  const most = Math.min(
    image.u64(cache + layout.offset("PyDictObject", "ma_used")),
    context.most(layout.size("lru_list_elem")),
  );
  let link = image.u64(address + next);
  for (let links = 0; link !== address && image.has(link) && links < most; links++) {
    // The ring has a count of each link, as the dictionary has.
    context.visit(link, P.SLOT_MEMORY);
    if (context.since(7)) {
      context.visit(image.u64(link + key), P.SLOT_MEMORY);
      context.visit(image.u64(link + result), P.SLOT_MEMORY);
    }
    link = image.u64(link + next);
  }
  return context.basicBytes(row);
}

/** sqlite3's cache of statements up to 3.10 (Modules/_sqlite/cache.c): a list that counts its nodes, beside a dictionary of them. */
export function decodeStatementCache(context: ObjectContext, address: number, row: number): number {
  const { image, layout } = context;
  const next = layout.offset("pysqlite_Node", "next");
  const most = context.most(layout.size("pysqlite_Node"));
  // The connection is asked for statements, and not counted.
  context.coverFields("pysqlite_Cache", ["factory", "first", "last"]);
  const size = image.i32(address + layout.offset("pysqlite_Cache", "size"));
  let node = image.u64(address + layout.offset("pysqlite_Cache", "first"));
  for (let nodes = 0; image.has(node) && nodes < Math.min(size, most); nodes++) {
    context.visit(node, P.SLOT_MEMORY);
    node = image.u64(node + next);
  }
  return context.basicBytes(row);
}

/** A link of an lru_cache's ring. */
export function decodeLruLink(context: ObjectContext, _address: number, row: number): number {
  context.coverFields("lru_list_elem", context.since(7) ? ["prev", "next", "key", "result"] : ["prev", "next"]);
  return context.basicBytes(row);
}
