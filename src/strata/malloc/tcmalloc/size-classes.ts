import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { CLASS_TABLE } from "./layouts.ts";

/**
 * Finds tcmalloc's table of size classes in some library's static data: 0, 8, 16, ascending by multiples of 8 to 256 KiB. No other table
 * that is known of reads like this; it is what tells that a process has a tcmalloc at all.
 *
 * @returns bytes of a block by class, 0 for class 0, which is that of spans with one allocation; undefined when there is none
 */
export function findSizeClasses(image: MemoryImage, data: AddressRange, resident: PageSet): Uint32Array | undefined {
  const { memory } = image;
  for (let page = data.start; page < data.end; page += PAGE_BYTES) {
    if (!resident.has(page) || !image.has(page)) continue;
    const words = memory.int32(image.wordOf(page), PAGE_BYTES / CLASS_TABLE.entryBytes);
    for (let at = words.indexOf(CLASS_TABLE.first); at >= 0; at = words.indexOf(CLASS_TABLE.first, at + 1)) {
      const classes = readTable(image, page + (at - 1) * CLASS_TABLE.entryBytes);
      if (classes !== undefined) return classes;
    }
  }
  return undefined;
}

function readTable(image: MemoryImage, table: number): Uint32Array | undefined {
  const entry = (index: number) => image.u32(table + index * CLASS_TABLE.entryBytes);
  if (entry(0) !== 0 || entry(2) !== CLASS_TABLE.second) return undefined;
  const sizes = [0];
  for (let index = 1; index < CLASS_TABLE.most; index++) {
    const bytes = entry(index);
    if (bytes <= sizes[index - 1] || bytes % 8 !== 0) return undefined;
    sizes.push(bytes);
    if (bytes === CLASS_TABLE.last) return sizes.length >= CLASS_TABLE.fewest ? Uint32Array.from(sizes) : undefined;
  }
  return undefined;
}
