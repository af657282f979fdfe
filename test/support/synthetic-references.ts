import { type GraphTables, RootKind, SlotPart, TypeForm, UncountedKind } from "../../src/snapshot/graph-tables.ts";
import { NO_SLOT, packSlot, stepBetween, WIDE_STEP } from "../../src/snapshot/references.ts";
import { descriptorState, descriptorType } from "../../src/snapshot/states.ts";
import { ObjectState, type Snapshot } from "../../src/snapshot/tables.ts";

/** References of each object of the invented process: to a few objects behind it, by index, one of them far off. */
export function syntheticGraph(snapshot: Snapshot, withValues = false): GraphTables {
  const { objects, types } = snapshot;
  if (!objects) throw new Error("a graph needs objects");
  const places = Array.from({ length: objects.length }, (_, place) => place).filter(
    (place) => descriptorState(objects.descriptor[place]) === ObjectState.object,
  );
  const offsets = new Uint32Array(objects.length + 1);
  const targets: number[] = [];
  const steps: number[] = [];
  const wide: { reference: number; slot: number }[] = [];
  for (const [ordinal, place] of places.entries()) {
    let before = NO_SLOT;
    for (let index = 0; index < ordinal % 4; index++) {
      const slot = packSlot(SlotPart.item, index === 3 ? 100_000 : index * 2);
      const step = stepBetween(before, slot);
      if (step === WIDE_STEP) wide.push({ reference: targets.length, slot });
      steps.push(step);
      targets.push(places[(ordinal + index * 7 + 1) % places.length]);
      before = slot;
    }
    offsets[place + 1] = targets.length;
  }
  for (let place = 1; place <= objects.length; place++) offsets[place] = Math.max(offsets[place], offsets[place - 1]);
  const texts = places.filter((place) => descriptorType(objects.descriptor[place]) === 2);
  const named = texts.filter((_, index) => index % 5 === 0);
  const unnamed = texts.filter((_, index) => index % 5 !== 0);
  return {
    references: {
      length: targets.length,
      offsets,
      targets: Uint32Array.from(targets),
      steps: Uint8Array.from(steps),
      wideSlots: {
        length: wide.length,
        reference: Uint32Array.from(wide, ({ reference }) => reference),
        slot: Uint32Array.from(wide, ({ slot }) => slot),
      },
      uncounted: {
        length: 1,
        source: Uint32Array.of(places[0]),
        target: Uint32Array.of(places[1]),
        slot: Uint32Array.of(packSlot(SlotPart.field, 0)),
        kind: Uint8Array.of(UncountedKind.weak),
      },
    },
    roots: {
      length: 2,
      kind: Uint8Array.of(RootKind.module, RootKind.frame),
      target: Uint32Array.of(places[0], places[2]),
      owner: Int32Array.of(-1, 0),
      frame: Int32Array.of(-1, 0),
      name: ["__main__", "größe"],
      counted: Uint8Array.of(0, 1),
    },
    types: {
      object: Int32Array.from({ length: types.length }, (_, type) => (type === 0 ? -1 : places[type])),
      base: Int32Array.from({ length: types.length }, (_, type) => type - 1),
      form: new Uint8Array(types.length).fill(TypeForm.other),
      flags: new Uint8Array(types.length),
      inPlaceExtraBytes: new Uint32Array(types.length),
      fields: { length: 2, type: Uint32Array.of(1, 3), position: Uint32Array.of(0, 1), name: ["first", "second"] },
    },
    names: {
      length: named.length,
      object: Uint32Array.from(named),
      text: Uint32Array.from(named, (_, index) => index % 3),
      texts: ["alpha", "βήτα", "\udcff lone"],
    },
    contents: {
      length: unnamed.length,
      object: Uint32Array.from(unnamed),
      size: Uint32Array.from(unnamed, (place) => place % 100),
      hashLow: Uint32Array.from(unnamed, (place) => Math.imul(place, 2654435761) >>> 0),
      hashHigh: Uint32Array.from(unnamed, (place) => Math.imul(place, 40503) >>> 0),
    },
    codes: { length: 2, object: Uint32Array.from(places.slice(0, 2)), firstLine: Uint32Array.of(1, 212) },
    values: withValues
      ? {
          length: unnamed.length,
          object: Uint32Array.from(unnamed),
          repr: unnamed.map((place) => `'value ${place}'`),
          cut: new Uint8Array(unnamed.length),
        }
      : undefined,
  };
}
