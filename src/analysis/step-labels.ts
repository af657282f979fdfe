/**
 * What leads to each object on a path from the one before, as a number: equal numbers look alike. Keys and indexes are left out;
 * a namespace counts as its owner, so that a list linked through attributes is one step that comes again and again.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import type { ShortestPaths } from "../graph/breadth-first.ts";
import { SlotPart, TypeForm } from "../snapshot/graph-tables.ts";
import { forEachReference, slotPart, slotPosition } from "../snapshot/references.ts";
import { referenceName } from "./expressions.ts";
import { codeOf } from "./field-names.ts";
import { formOf, isNamespaceSlot, nameRow, typeOf } from "./graph-lookups.ts";
import { holdersOf } from "./holders.ts";
import type { ObjectGraph } from "./object-graph.ts";
import { pythonString } from "./python-literals.ts";

export interface StepLabels {
  /** Of each object on a path; -1 for the others. */
  readonly labels: Int32Array;
  /** What leads there, `.store` or `[…]`; of a path's first object what holds it. */
  reference(label: number): string;
  /** Type index of the objects. */
  type(label: number): number;
  /** Whether such a step follows upon itself somewhere. */
  repeats(label: number): boolean;
}

const NONE = -1;
const ITEM = "[…]";
const KEY = "<key>";
/** A dictionary of few entries whose keys are names is a record, and the names say what is what; a larger one is a collection. */
const MOST_ENTRIES_OF_RECORD = 64;
const MOST_TYPES = 2 ** 24;
const MOST_POSITIONS = 2 ** 29;

/**
 * Labels of all objects on the shortest paths to the targets. O(places + references of the objects on the paths).
 *
 * @param joinsTargets true when a namespace has its owner's label although it is a target itself.
 */
export function labelSteps(graph: ObjectGraph, paths: ShortestPaths, targets: Uint32Array, joinsTargets = false): StepLabels {
  const labeller = new Labeller(graph, paths, targets, joinsTargets);
  labeller.run();
  return labeller;
}

class Labeller implements StepLabels {
  readonly labels: Int32Array;
  private readonly onPath: Uint32Array;
  /** Objects on a path that are not its last. */
  private readonly inner: Uint32Array;
  private readonly isTarget: Uint32Array;
  private readonly namespaces: Uint32Array;
  private readonly texts: string[] = [];
  private readonly textNumbers = new Map<string, number>();
  private readonly labelNumbers = new Map<number, number>();
  private readonly labelText: number[] = [];
  private readonly labelType: number[] = [];
  private readonly repeating = new Set<number>();
  /** Texts of what depends on type and slot alone, and of names by row and form of spelling. */
  private readonly slotTexts = new Map<number, number>();
  private readonly nameTexts = new Map<number, number>();
  private readonly item: number;
  private readonly key: number;

  constructor(
    private readonly graph: ObjectGraph,
    private readonly paths: ShortestPaths,
    targets: Uint32Array,
    private readonly joinsTargets: boolean,
  ) {
    const places = graph.objects.length;
    this.labels = new Int32Array(places).fill(NONE);
    this.onPath = newBits(places);
    this.inner = newBits(places);
    this.isTarget = newBits(places);
    this.namespaces = newBits(places);
    this.item = this.textNumber(ITEM);
    this.key = this.textNumber(KEY);
    for (let index = 0; index < targets.length; index++) {
      setBit(this.isTarget, targets[index]);
      if (paths.levels[targets[index]] >= 0) this.mark(targets[index]);
    }
  }

  reference(label: number): string {
    return this.texts[this.labelText[label]];
  }

  type(label: number): number {
    return this.labelType[label];
  }

  repeats(label: number): boolean {
    return this.repeating.has(label);
  }

  /** Marks the path to a target; stops at what is marked, so that each object is met once. */
  private mark(target: number): void {
    for (let node = target; node >= 0 && !hasBit(this.onPath, node); node = this.paths.parents[node]) {
      setBit(this.onPath, node);
      if (this.paths.parents[node] >= 0) setBit(this.inner, this.paths.parents[node]);
    }
  }

  /** Nearest first: whoever refers to an object has its label before it. */
  run(): void {
    const { order } = this.paths;
    for (let index = 0; index < order.length; index++) {
      const node = order[index];
      if (!hasBit(this.onPath, node)) continue;
      if (this.labels[node] === NONE) this.labels[node] = this.rootLabel(node);
      if (hasBit(this.inner, node)) this.labelTargets(node);
    }
  }

  private rootLabel(node: number): number {
    const holders = holdersOf(this.graph);
    const { expression, reference } = holders.rootOf(node);
    const module = holders.moduleOf.get(node);
    if (module !== undefined) setBit(this.namespaces, node);
    const text = reference === "" ? expression : `${expression} ${reference}`;
    return this.labelNumber(this.textNumber(text), typeOf(this.graph, module ?? node));
  }

  private labelTargets(source: number): void {
    const { graph, labels } = this;
    const { parents } = this.paths;
    const isDictionary = formOf(graph, source) === TypeForm.dict;
    let key = NONE;
    forEachReference(graph.tables.references, source, (target, slot) => {
      const isKey = isDictionary && slotPart(slot) === SlotPart.item && (slotPosition(slot) & 1) === 0;
      if (isKey) key = target;
      if (parents[target] !== source || labels[target] !== NONE || !hasBit(this.onPath, target)) return;
      if (this.isNamespace(source, slot, target)) {
        setBit(this.namespaces, target);
        labels[target] = labels[source];
        return;
      }
      const text = isKey ? this.key : this.textOf(source, slot, target, isDictionary ? key : NONE);
      labels[target] = this.labelNumber(text, typeOf(graph, target));
      if (labels[target] === labels[source]) this.repeating.add(labels[target]);
    });
  }

  /** A namespace that is wanted itself is a step of its own. */
  private isNamespace(source: number, slot: number, target: number): boolean {
    const isDictionary = formOf(this.graph, target) === TypeForm.dict && (this.joinsTargets || !hasBit(this.isTarget, target));
    return isDictionary && isNamespaceSlot(this.graph, source, slot);
  }

  private textOf(source: number, slot: number, target: number, key: number): number {
    const part = slotPart(slot);
    switch (part) {
      case SlotPart.item:
        if (formOf(this.graph, source) === TypeForm.dict) return this.valueText(source, key);
        return formOf(this.graph, source) === TypeForm.set ? this.textNumber("{…}") : this.item;
      case SlotPart.local:
        return this.cached(codeOf(this.graph, source), source, slot, target);
      case SlotPart.attribute:
        // The keys of a dictionary are shared by the type of its owner.
        if (formOf(this.graph, source) !== TypeForm.dict) return this.cached(typeOf(this.graph, source), source, slot, target);
        return this.attributeText(source, slot, target);
      default:
        return this.cached(typeOf(this.graph, source), source, slot, target);
    }
  }

  private attributeText(dictionary: number, slot: number, target: number): number {
    const owner = this.paths.parents[dictionary];
    if (!hasBit(this.namespaces, dictionary) || owner < 0)
      return this.textNumber(referenceName(this.graph, dictionary, slot, target).text);
    return this.cached(typeOf(this.graph, owner), owner, slot, target);
  }

  private valueText(dictionary: number, key: number): number {
    const { tables } = this.graph;
    const isNamespace = hasBit(this.namespaces, dictionary);
    const { offsets } = tables.references;
    if (!isNamespace && offsets[dictionary + 1] - offsets[dictionary] > 2 * MOST_ENTRIES_OF_RECORD) return this.item;
    const row = key < 0 ? NONE : nameRow(tables, key);
    if (row < 0) return this.item;
    const cacheKey = tables.names.text[row] * 2 + Number(isNamespace);
    const known = this.nameTexts.get(cacheKey);
    if (known !== undefined) return known;
    const name = tables.names.texts[tables.names.text[row]];
    const text = this.textNumber(isNamespace ? `.${name}` : `[${pythonString(name)}]`);
    this.nameTexts.set(cacheKey, text);
    return text;
  }

  /** The text of a slot that is the same for all objects of a scope: a type, or a frame's code. */
  private cached(scope: number, source: number, slot: number, target: number): number {
    const key = ((scope + 1) * 8 + slotPart(slot)) * MOST_POSITIONS + slotPosition(slot);
    const known = this.slotTexts.get(key);
    if (known !== undefined) return known;
    const text = this.textNumber(referenceName(this.graph, source, slot, target).text);
    this.slotTexts.set(key, text);
    return text;
  }

  private textNumber(text: string): number {
    const known = this.textNumbers.get(text);
    if (known !== undefined) return known;
    this.textNumbers.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }

  private labelNumber(text: number, type: number): number {
    const key = text * MOST_TYPES + type;
    const known = this.labelNumbers.get(key);
    if (known !== undefined) return known;
    this.labelNumbers.set(key, this.labelText.length);
    this.labelType.push(type);
    return this.labelText.push(text) - 1;
  }
}
