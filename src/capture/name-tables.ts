import { hasBit, newBits, setBit } from "../base/bits.ts";
import { Uint32Column } from "../base/columns.ts";
import { type ContentTable, type NameTable, type ReferenceTables, SlotPart } from "../snapshot/graph-tables.ts";
import { forEachReference, slotPart, slotPosition } from "../snapshot/references.ts";
import { descriptorState, descriptorType } from "../snapshot/states.ts";
import { ObjectState, type ObjectTables } from "../snapshot/tables.ts";
import type { CollectedNames } from "../strata/cpython/runtime/names.ts";
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
 * Overwrites the columns of `contents`. O(places + references of dictionaries + contents + texts × log texts).
 */
export function splitContents(
  contents: ContentTable,
  found: Pick<CollectedNames, "names" | "constants">,
  question: KeyQuestion,
): { readonly names: NameTable; readonly contents: ContentTable } {
  const { length, object, size, hashLow, hashHigh } = contents;
  const known = textsByHash(contents, found);
  const keys = dictionaryKeys(question);
  const isName = newBits(question.objects.length);
  for (const place of found.names.places) setBit(isName, place);
  const nameObjects = new Uint32Column();
  const nameTexts = new Uint32Column();
  let kept = 0;
  for (let row = 0; row < length; row++) {
    const place = object[row];
    const text = hasBit(isName, place) || hasBit(keys, place) ? known.byHash.get(hashLow[row], hashHigh[row]) : -1;
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
  return {
    names: { length: nameObjects.length, object: nameObjects.view().slice(), ...onlyUsed(known.texts, nameTexts.view()) },
    contents: {
      length: kept,
      object: object.subarray(0, kept),
      size: size.subarray(0, kept),
      hashLow: hashLow.subarray(0, kept),
      hashHigh: hashHigh.subarray(0, kept),
    },
  };
}

/** The texts that were found, each once, and their numbers by hash: equal texts have equal hashes. */
function textsByHash(
  { length, object, hashLow, hashHigh }: ContentTable,
  { names, constants }: Pick<CollectedNames, "names" | "constants">,
): { readonly byHash: HashIndex; readonly texts: readonly string[] } {
  const count = names.places.length + constants.places.length;
  // By place, as the contents are; number and place in one double are sorted several times as fast as rows.
  const sorted = new Float64Array(count);
  for (const [number, place] of names.places.entries()) sorted[number] = place * count + number;
  for (const [number, place] of constants.places.entries())
    sorted[names.places.length + number] = place * count + names.places.length + number;
  sorted.sort();
  const byHash = new HashIndex(count);
  const texts: string[] = [];
  let row = 0;
  for (const packed of sorted) {
    const place = Math.floor(packed / count);
    while (row < length && object[row] < place) row++;
    if (row === length || object[row] !== place || byHash.get(hashLow[row], hashHigh[row]) >= 0) continue;
    const number = packed % count;
    byHash.set(hashLow[row], hashHigh[row], texts.length);
    texts.push(number < names.places.length ? names.texts[number] : constants.texts[number - names.places.length]);
  }
  return { byHash, texts };
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

/** Without the texts that nobody has: a literal that is no name must not stay. Renumbers `numbers` in a copy. */
function onlyUsed(all: readonly string[], numbers: Uint32Array): Pick<NameTable, "text" | "texts"> {
  const renumbered = new Int32Array(all.length).fill(-1);
  const texts: string[] = [];
  const text = numbers.map((number) => {
    if (renumbered[number] < 0) renumbered[number] = texts.push(all[number]) - 1;
    return renumbered[number];
  });
  return { text, texts };
}
