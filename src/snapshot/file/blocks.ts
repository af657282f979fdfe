/**
 * The archive form of a column: blocks of 1 MiB, each made more regular and compressed with brotli on its own.
 *
 * Addresses and indexes grow steadily and their upper bytes hardly change: differences between neighbours and bytes sorted by
 * significance make them nearly as small as special codes would. Node has brotli; a zstd would be one more dependency, and after these
 * steps there is little left that it could do better.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { MIB } from "../../base/units.ts";
import { columnOver, ELEMENT_BYTES, type TypedColumn } from "./layout.ts";
import type { ElementType } from "./schema-nodes.ts";

/** Bytes of a column in one block; its last block may have fewer. */
export const BLOCK_BYTES = MIB;

/** First byte of a block: what was done before it was compressed. */
const Transform = { none: 0, planes: 1, differencePlanes: 2 } as const;
const TRANSFORMS: readonly number[] = Object.values(Transform);
/** So much of a block is tried out with every transform. */
const SAMPLE_BYTES = 32 * 1024;
const SAMPLE_QUALITY = 1;
const QUALITY = 5;

/** Compresses one block: the code of its transform, then brotli. */
export function compressBlock(type: ElementType, block: Uint8Array): Uint8Array {
  const transform = chooseTransform(type, block);
  const packed = compress(applyTransform(transform, type, block) ?? block, QUALITY);
  return Buffer.concat([Uint8Array.of(transform), packed]);
}

/** Restores one block. @param bytes that the block has; throws when it has others, or what came is no such block. */
export function decompressBlock(type: ElementType, packed: Uint8Array, bytes: number): Uint8Array {
  const block = brotliDecompressSync(packed.subarray(1), { maxOutputLength: Math.max(1, bytes) });
  if (block.length !== bytes) throw new Error("a block has another length");
  switch (packed[0]) {
    case Transform.none:
      return block;
    case Transform.planes:
      return fromPlanes(block, ELEMENT_BYTES[type]);
    case Transform.differencePlanes:
      return sums(type, fromPlanes(block, ELEMENT_BYTES[type]));
    default:
      throw new Error("a block has an unknown transform");
  }
}

function compress(bytes: Uint8Array, quality: number): Buffer {
  return brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
}

/** The transform that leaves the least of the block's beginning. */
function chooseTransform(type: ElementType, block: Uint8Array): number {
  const sample = block.subarray(0, SAMPLE_BYTES);
  let best: number = Transform.none;
  let least = Number.POSITIVE_INFINITY;
  for (const transform of TRANSFORMS) {
    const changed = applyTransform(transform, type, sample);
    // Differences of all doubles must be exact, not only those of the sample.
    if (!changed || (transform === Transform.differencePlanes && !hasExactDifferences(type, block))) continue;
    const { length } = compress(changed, SAMPLE_QUALITY);
    if (length < least) {
      least = length;
      best = transform;
    }
  }
  return best;
}

/** Undefined where a transform changes nothing. */
function applyTransform(transform: number, type: ElementType, block: Uint8Array): Uint8Array | undefined {
  const width = ELEMENT_BYTES[type];
  if (transform === Transform.none) return block;
  if (transform === Transform.planes) return width === 1 ? undefined : toPlanes(block, width);
  return toPlanes(differences(type, block), width);
}

/** All first bytes, then all second bytes, … */
function toPlanes(bytes: Uint8Array, width: number): Uint8Array {
  const rows = bytes.length / width;
  const planes = new Uint8Array(bytes.length);
  for (let plane = 0; plane < width; plane++) {
    for (let row = 0, from = plane, to = plane * rows; row < rows; row++, from += width, to++) planes[to] = bytes[from];
  }
  return planes;
}

function fromPlanes(planes: Uint8Array, width: number): Uint8Array {
  const rows = planes.length / width;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < width; plane++) {
    for (let row = 0, to = plane, from = plane * rows; row < rows; row++, to += width, from++) bytes[to] = planes[from];
  }
  return bytes;
}

/** Each entry less the one before; integers wrap around. */
function differences(type: ElementType, block: Uint8Array): Uint8Array {
  const values = copyOf(type, block);
  for (let row = values.length - 1; row > 0; row--) values[row] -= values[row - 1];
  return new Uint8Array(values.buffer);
}

function sums(type: ElementType, block: Uint8Array): Uint8Array {
  const values = copyOf(type, block);
  for (let row = 1; row < values.length; row++) values[row] += values[row - 1];
  return new Uint8Array(values.buffer);
}

function copyOf(type: ElementType, block: Uint8Array): TypedColumn {
  return columnOver(type, block.slice().buffer, block.length / ELEMENT_BYTES[type]);
}

/** Whole doubles below 2^53 (and no negative zero) come back from differences as they were. */
function hasExactDifferences(type: ElementType, block: Uint8Array): boolean {
  return (
    type !== "f64" || copyOf(type, block).every((value) => Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0))
  );
}
