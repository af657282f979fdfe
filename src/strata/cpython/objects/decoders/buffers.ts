/** Objects that keep bytes in a buffer of their own. Sizes follow each type's `__sizeof__`. */
import { PAGE_BYTES, roundUp, USER_SPACE_END } from "../../../../base/units.ts";
import * as P from "../../kernels/parameters.ts";
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

/** PyArrayObject_fields and PyArray_Descr (numpy core/include/numpy/ndarraytypes.h): public, and the same in numpy 1 and 2. */
const NDARRAY = { data: 16, dimensionCount: 24, dimensions: 32, strides: 40, descriptor: 56, flags: 64 } as const;
const NDARRAY_KIND = 24;
/** NPY_ARRAY_OWNDATA. */
const NDARRAY_OWNS_DATA = 4;
/** NPY_MAXDIMS of numpy 2. */
const NDARRAY_MOST_DIMENSIONS = 64;
const [OBJECT_KIND, RECORD_KIND] = ["O", "V"].map((letter) => letter.charCodeAt(0));

/**
 * numpy.ndarray: data that it owns comes on top of its body; a view's belongs to the base that it refers to. What sys.getsizeof says is
 * the body alone here. Records may hold objects anywhere: their data is followed like any native memory.
 */
export function decodeNdarray(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, kernels } = context;
  const kind = image.u8(image.u64(address + NDARRAY.descriptor) + NDARRAY_KIND);
  const owns = (image.i32(address + NDARRAY.flags) & NDARRAY_OWNS_DATA) !== 0;
  if (owns && kind === RECORD_KIND) return context.basicBytes(row);
  const data = image.u64(address + NDARRAY.data);
  const bytes = owns ? ndarrayBytes(context, address) : 0;
  if (owns && context.claimExtra(data, bytes, place) === 0) return context.basicBytes(row);
  if (owns && kind === OBJECT_KIND) kernels.visitRun(image.wordOf(data) | 0, Math.floor(bytes / 8), P.SLOT_MEMORY);
  context.cover(NDARRAY.data, NDARRAY.data + 8);
  return context.basicBytes(row);
}

/** Bytes of an array without gaps: those of its longest stride. */
function ndarrayBytes({ image }: ObjectContext, address: number): number {
  const count = image.i32(address + NDARRAY.dimensionCount);
  const dimensions = image.u64(address + NDARRAY.dimensions);
  const strides = image.u64(address + NDARRAY.strides);
  let bytes = 0;
  for (let at = 0; at < Math.min(count, NDARRAY_MOST_DIMENSIONS) * 8; at += 8) {
    bytes = Math.max(bytes, image.u64(dimensions + at) * Math.abs(image.i64(strides + at)));
  }
  return bytes;
}
