import fc from "fast-check";
import { Home } from "./heap-writer.ts";

/** What an object refers to: a number that chooses one of the live objects, whatever they are. */
type Reference = number;

/** An object of a heap that never was, by what Python code would know of it. */
export type ObjectModel =
  | { readonly kind: "int"; readonly digits: number; readonly negative: boolean }
  | { readonly kind: "float" }
  | { readonly kind: "bytes"; readonly length: number }
  | {
      readonly kind: "str";
      readonly length: number;
      /** Bytes of a character. */
      readonly width: 1 | 2 | 4;
      readonly form: "ascii" | "compact" | "outside";
      readonly utf8Bytes: number;
      /** Keeps a wchar_t form, up to 3.11. */
      readonly wide: boolean;
    }
  | { readonly kind: "tuple"; readonly items: readonly Reference[] }
  | { readonly kind: "list"; readonly items: readonly Reference[]; readonly spare: number }
  | {
      readonly kind: "dict";
      readonly entries: readonly (readonly [Reference, Reference])[];
      /** Entries whose key was deleted, between the others. */
      readonly deleted: number;
      readonly spareBits: number;
      /** All keys are str: no hashes in the entries, from 3.11. */
      readonly strKeys: boolean;
    }
  | {
      readonly kind: "split";
      readonly class: number;
      readonly values: readonly Reference[];
      /** Has keys that its class no longer shares. */
      readonly alone: boolean;
    }
  | {
      readonly kind: "set";
      readonly keys: readonly Reference[];
      /** What the entries of removed keys point at. */
      readonly removed: readonly Reference[];
      readonly large: boolean;
    }
  | { readonly kind: "slots"; readonly class: number; readonly values: readonly Reference[] }
  | {
      /** An instance whose class gives it a dictionary. */
      readonly kind: "instance";
      readonly class: number;
      readonly values: readonly Reference[];
      readonly dict: Reference | undefined;
    }
  | { readonly kind: "native"; readonly words: readonly NativeWord[] };

/** A word of an object of a C type that nobody knows: a reference, a number, or a buffer that refers to others. */
export type NativeWord =
  | { readonly is: "reference"; readonly to: Reference }
  | { readonly is: "number"; readonly value: number }
  | { readonly is: "buffer"; readonly bytes: number; readonly to: readonly Reference[] };

/** An object and what its memory manager knows of it. */
export interface PlacedModel {
  readonly object: ObjectModel;
  /** `Home` */
  readonly home: number;
  readonly references: number;
  /** From 3.12. */
  readonly immortal: boolean;
  /** 0–2, 3 the permanent one, 4 not tracked. */
  readonly list: number;
}

/** A class of Python code. */
export interface ClassModel {
  readonly slots: number;
  readonly collected: boolean;
  readonly weakReferences: boolean;
  /** Attributes of instances that have a dictionary. */
  readonly names: readonly Reference[];
  readonly spareBits: number;
}

/** Memory in use that is no object although it may look like one. */
export const Junk = { zeros: 0, dead: 1, tooLarge: 2, torn: 3, text: 4, unlinked: 5 } as const;

export interface HeapModel {
  readonly classes: readonly ClassModel[];
  readonly objects: readonly PlacedModel[];
  /** Objects that were freed. */
  readonly released: readonly PlacedModel[];
  /** Dead objects that CPython keeps for reuse. */
  readonly kept: number;
  readonly junk: readonly { readonly kind: number; readonly bytes: number }[];
  /** Memory that only static data of the interpreter, or of a library, points at. */
  readonly runtimeBytes: readonly number[];
  readonly libraryBytes: readonly number[];
}

const reference = fc.nat();
const references = (maxLength: number) => fc.array(reference, { maxLength });
const length = fc.oneof(fc.nat(20), fc.nat(1500));

const object: fc.Arbitrary<ObjectModel> = fc.oneof(
  fc.record({ kind: fc.constant("int" as const), digits: fc.oneof(fc.nat(3), fc.nat(300)), negative: fc.boolean() }),
  fc.record({ kind: fc.constant("float" as const) }),
  fc.record({ kind: fc.constant("bytes" as const), length }),
  fc
    .record({
      kind: fc.constant("str" as const),
      length,
      width: fc.constantFrom(1 as const, 2 as const, 4 as const),
      form: fc.constantFrom("ascii" as const, "compact" as const, "outside" as const),
      utf8Bytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 900 })),
      wide: fc.boolean(),
    })
    .map((text) => (text.form === "ascii" ? { ...text, width: 1 as const, utf8Bytes: 0 } : text)),
  fc.record({ kind: fc.constant("tuple" as const), items: references(80) }),
  fc.record({ kind: fc.constant("list" as const), items: references(80), spare: fc.nat(20) }),
  fc.record({
    kind: fc.constant("dict" as const),
    entries: fc.array(fc.tuple(reference, reference), { maxLength: 200 }),
    deleted: fc.nat(4),
    spareBits: fc.nat(2),
    strKeys: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("split" as const), class: reference, values: references(8), alone: fc.boolean() }),
  fc.record({ kind: fc.constant("set" as const), keys: references(5), removed: references(3), large: fc.boolean() }),
  fc.record({ kind: fc.constant("slots" as const), class: reference, values: references(6) }),
  fc.record({
    kind: fc.constant("instance" as const),
    class: reference,
    values: references(8),
    dict: fc.option(reference, { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant("native" as const),
    words: fc.array(
      fc.oneof(
        fc.record({ is: fc.constant("reference" as const), to: reference }),
        fc.record({ is: fc.constant("number" as const), value: fc.nat(100_000) }),
        fc.record({ is: fc.constant("buffer" as const), bytes: fc.integer({ min: 16, max: 2000 }), to: references(2) }),
      ),
      { maxLength: 6 },
    ),
  }),
);

const placed: fc.Arbitrary<PlacedModel> = fc.record({
  object,
  home: fc.constantFrom(Home.pool, Home.pool, Home.pool, Home.chunk, Home.fixed),
  references: fc.integer({ min: 1, max: 100_000 }),
  immortal: fc.boolean(),
  list: fc.nat(4),
});

/** A heap of up to some hundred objects of every kind, and what lies between them. */
export const heapModel: fc.Arbitrary<HeapModel> = fc.record({
  classes: fc.array(
    fc.record({
      slots: fc.nat(6),
      collected: fc.boolean(),
      weakReferences: fc.boolean(),
      names: references(8),
      spareBits: fc.nat(1),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  objects: fc.array(placed, { minLength: 1, maxLength: 150, size: "max" }),
  released: fc.array(placed, { maxLength: 30, size: "max" }),
  kept: fc.nat(5),
  junk: fc.array(fc.record({ kind: fc.constantFrom(...Object.values(Junk)), bytes: fc.integer({ min: 1, max: 700 }) }), {
    maxLength: 20,
  }),
  runtimeBytes: fc.array(fc.integer({ min: 8, max: 3000 }), { maxLength: 4 }),
  libraryBytes: fc.array(fc.integer({ min: 8, max: 3000 }), { maxLength: 4 }),
});
