import { hasBit, newBits, setBit } from "../base/bits.ts";
import { type ContentTable, type NameTable, type ReferenceTables, SlotPart } from "../snapshot/graph-tables.ts";
import { forEachReference, slotPart, slotPosition } from "../snapshot/references.ts";
import { descriptorState, descriptorType } from "../snapshot/states.ts";
import { ObjectState, type ObjectTables } from "../snapshot/tables.ts";
import type { CollectedNames, FoundTexts } from "../strata/cpython/runtime/names.ts";
import { HashIndex } from "./hash-index.ts";

/** What tells whose strings are names: who is a dictionary, and which dictionaries do not count. */
export interface KeyQuestion {
  readonly objects: ObjectTables;
  readonly references: ReferenceTables;
  /** 1 for each type whose instances are dictionaries. */
  readonly dictionaries: Uint8Array;
  /** Tables of interned strings. */
  readonly interned: ReadonlySet<number>;
}

/**
 * Sorts the contents into names, whose text a snapshot keeps, and the rest, of which it keeps length and hash. A string is a name
 * in three ways: its object is one; or it is a plain dictionary's key and equal to a name; or to a literal of loaded code.
 *
 * Overwrites the columns of `contents`. O(places + references of dictionaries + contents).
 */
export function splitContents(
  contents: ContentTable,
  { names, constants }: CollectedNames,
  question: KeyQuestion,
): { readonly names: NameTable; readonly contents: ContentTable } {
  const { length, object, size, hashLow, hashHigh } = contents;
  const texts = new TextPool();
  const known = hashesOf(contents, names, constants, texts, question.objects.length);
  const keys = dictionaryKeys(question);
  const nameObjects: number[] = [];
  const nameTexts: number[] = [];
  let kept = 0;
  for (let row = 0; row < length; row++) {
    const place = object[row];
    const isName = hasBit(known.names, place);
    const text = isName || hasBit(keys, place) ? known.byHash.get(hashLow[row], hashHigh[row]) : -1;
    if (text >= 0) {
      nameObjects.push(place);
      nameTexts.push(text);
      continue;
    }
    object[kept] = place;
    size[kept] = size[row];
    hashLow[kept] = hashLow[row];
    hashHigh[kept] = hashHigh[row];
    kept++;
  }
  const used = texts.onlyUsed(nameTexts);
  return {
    names: {
      length: nameObjects.length,
      object: Uint32Array.from(nameObjects),
      text: Uint32Array.from(nameTexts, (text) => used.indexOf[text]),
      texts: used.texts,
    },
    contents: {
      length: kept,
      object: object.subarray(0, kept),
      size: size.subarray(0, kept),
      hashLow: hashLow.subarray(0, kept),
      hashHigh: hashHigh.subarray(0, kept),
    },
  };
}

/** Texts by hash, and a bit for each object that is a name itself. */
function hashesOf(
  { length, object, hashLow, hashHigh }: ContentTable,
  names: FoundTexts,
  constants: FoundTexts,
  texts: TextPool,
  places: number,
): { readonly byHash: HashIndex; readonly names: Uint32Array } {
  const nameBits = newBits(places);
  for (const place of names.places) setBit(nameBits, place);
  const eitherBits = nameBits.slice();
  const textOf = new Map<number, number>();
  // Names last: of an object that is both, the text is the same.
  for (const found of [constants, names]) {
    for (let row = 0; row < found.places.length; row++) {
      setBit(eitherBits, found.places[row]);
      textOf.set(found.places[row], texts.indexOf(found.texts[row]));
    }
  }
  const byHash = new HashIndex(textOf.size);
  for (let row = 0; row < length; row++) {
    if (hasBit(eitherBits, object[row])) byHash.set(hashLow[row], hashHigh[row], textOf.get(object[row]) ?? 0);
  }
  return { byHash, names: nameBits };
}

/** A bit for each object that is a key of some dictionary. */
function dictionaryKeys({ objects, references, dictionaries, interned }: KeyQuestion): Uint32Array {
  const keys = newBits(objects.length);
  const { descriptor } = objects;
  const mark = (target: number, slot: number): void => {
    if (slotPart(slot) === SlotPart.item && slotPosition(slot) % 2 === 0) setBit(keys, target);
  };
  for (let place = 0; place < objects.length; place++) {
    const about = descriptor[place];
    if (dictionaries[descriptorType(about)] !== 1 || descriptorState(about) !== ObjectState.object) continue;
    // All interned strings are keys there, values of a program among them.
    if (interned.has(place)) continue;
    forEachReference(references, place, mark);
  }
  return keys;
}

/** Texts by number; equal ones have the same. */
class TextPool {
  private readonly texts: string[] = [];
  private readonly numbers = new Map<string, number>();

  indexOf(text: string): number {
    let number = this.numbers.get(text);
    if (number === undefined) {
      number = this.texts.length;
      this.texts.push(text);
      this.numbers.set(text, number);
    }
    return number;
  }

  /** Without the texts that nobody has: a literal that is no name must not stay. */
  onlyUsed(numbers: readonly number[]): { readonly texts: readonly string[]; readonly indexOf: Uint32Array } {
    const used = new Uint8Array(this.texts.length);
    for (const number of numbers) used[number] = 1;
    const indexOf = new Uint32Array(this.texts.length);
    const texts: string[] = [];
    for (const [number, text] of this.texts.entries()) {
      indexOf[number] = texts.length;
      if (used[number] === 1) texts.push(text);
    }
    return { texts, indexOf };
  }
}
