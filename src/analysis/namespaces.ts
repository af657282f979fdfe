/** Dictionaries that are the `__dict__` of something: of an instance, a module, a class, a function. */

import { type GraphTables, SlotPart, TypeForm } from "../snapshot/graph-tables.ts";
import { forEachReference, packSlot } from "../snapshot/references.ts";
import { descriptorType } from "../snapshot/states.ts";
import { isObject, type ObjectGraph } from "./object-graph.ts";

const INSTANCE_DICT = packSlot(SlotPart.implicit, 1);
const DICT_FIELD = "__dict__";

/**
 * For each place the object whose `__dict__` it is, -1 for none; of several the last. O(places + references), 4 bytes a place.
 */
export function namespaceOwners({ objects, graph, tables }: ObjectGraph): Int32Array {
  const owners = new Int32Array(objects.length).fill(-1);
  const { form } = tables.types;
  const dictSlots = dictFieldSlots(tables);
  const isDict = (place: number) => form[descriptorType(objects.descriptor[place])] === TypeForm.dict;
  for (let place = 0; place < objects.length; place++) {
    // Few objects refer to a dictionary: only theirs are worth the slots.
    let refersToDict = false;
    for (let edge = graph.offsets[place]; edge < graph.offsets[place + 1] && !refersToDict; edge++) {
      refersToDict = isDict(graph.edges[edge]);
    }
    if (!refersToDict || !isObject(objects, place)) continue;
    const dictSlot = dictSlots[descriptorType(objects.descriptor[place])];
    forEachReference(tables.references, place, (target, slot) => {
      if ((slot === INSTANCE_DICT || slot === dictSlot) && isDict(target)) owners[target] = place;
    });
  }
  return owners;
}

/** For each type the slot of the field that is its instances' `__dict__`, -1 for none. */
function dictFieldSlots({ types }: GraphTables): Float64Array {
  const slots = new Float64Array(types.form.length).fill(-1);
  const { fields } = types;
  for (let row = 0; row < fields.length; row++) {
    if (fields.name[row] === DICT_FIELD) slots[fields.type[row]] = packSlot(SlotPart.field, fields.position[row]);
  }
  return slots;
}
