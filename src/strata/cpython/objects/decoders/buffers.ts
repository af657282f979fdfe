/** Objects that keep bytes in a buffer of their own. Sizes follow each type's `__sizeof__`. */
import { PAGE_BYTES, roundUp, USER_SPACE_END } from "../../../../base/units.ts";
import type { ObjectContext } from "../object-context.ts";

/** bytearray (Objects/bytearrayobject.c bytearray_sizeof): the allocation, used or not. */
export function decodeByteArray(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const allocated = image.u64(address + layout.offset("PyByteArrayObject", "ob_alloc"));
  context.claim(image.u64(address + layout.offset("PyByteArrayObject", "ob_bytes")), allocated, place);
  return context.basicBytes(row) + allocated;
}

/** array.array (Modules/arraymodule.c array_array___sizeof___impl). */
export function decodeArray(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const descriptor = image.u64(address + layout.offset("arrayobject", "ob_descr"));
  const itemAddress = descriptor + layout.offset("arraydescr", "itemsize");
  const itemBytes = image.has(descriptor) ? image.i32(itemAddress) : context.readOnly.i32(itemAddress);
  const bytes = image.u64(address + layout.offset("arrayobject", "allocated")) * itemBytes;
  context.claim(image.u64(address + layout.offset("arrayobject", "ob_item")), bytes, place);
  return context.basicBytes(row) + bytes;
}

/** io.BytesIO (Modules/_io/bytesio.c bytesio_sizeof): counts its bytes object unless that is shared. */
export function decodeBytesIO(context: ObjectContext, address: number, row: number): number {
  const { image, layout } = context;
  const buffer = image.u64(address + layout.offset("bytesio", "buf"));
  const shared = image.u64(buffer) !== 1;
  if (buffer === 0 || shared) return context.basicBytes(row);
  return context.basicBytes(row) + layout.offset("PyBytesObject", "ob_sval") + 1 + image.u64(buffer + 16);
}

/** io.BufferedReader, BufferedWriter, BufferedRandom (Modules/_io/bufferedio.c buffered_sizeof). */
export function decodeBuffered(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const buffer = image.u64(address + layout.offset("buffered", "buffer"));
  if (buffer === 0) return context.basicBytes(row);
  const bytes = image.u64(address + layout.offset("buffered", "buffer_size"));
  context.claim(buffer, bytes, place);
  return context.basicBytes(row) + bytes;
}

/** mmap.mmap (Modules/mmapmodule.c): sys.getsizeof leaves its mapping out. */
export function decodeMmap(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  const start = image.u64(address + layout.offset("mmap_object", "data"));
  const bytes = image.u64(address + layout.offset("mmap_object", "size"));
  if (start !== 0 && start % PAGE_BYTES === 0 && bytes < USER_SPACE_END) {
    context.mappedBuffers.push({ start, end: roundUp(start + bytes, PAGE_BYTES), place });
  }
  return context.basicBytes(row);
}
