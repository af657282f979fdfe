import type { BlockAnswer, ChunkAnswer, Explanation, MappingAnswer, PageAnswer } from "../../analysis/explain.ts";
import type { ObjectFacts } from "../../analysis/places.ts";
import { qualifiedTypeName } from "../../analysis/types.ts";
import { formatAddress } from "../../base/units.ts";
import { UNTRACKED_GENERATION } from "../../snapshot/states.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { padEnd, wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { type Ink, paint, type Style } from "../format/style.ts";
import { formatBytes, formatCount } from "../format/units.ts";
import { closingLines } from "./closing.ts";
import { headingLines } from "./heading.ts";
import { unownedReason } from "./native-text.ts";

/** One stratum's answer. */
interface Layer {
  readonly ink: Ink;
  readonly name: string;
  readonly answer: string;
}

const NAME_CELLS = 10;

/** What lies at an address, from the object down to the page. */
export function explainText(snapshot: Snapshot, explanation: Explanation, style: Style): string[] {
  return [
    ...headingLines(formatAddress(explanation.address), [safeText(summary(snapshot, explanation))], style),
    "",
    ...whereItLies(snapshot, explanation, style),
    "",
    ...closingLines(snapshot.capture, snapshot.problems, [], style),
  ];
}

/** Every stratum's line, the object's first. */
export function whereItLies(snapshot: Snapshot, explanation: Explanation, style: Style): string[] {
  return [
    paint(style, "heading", "Where it lies"),
    ...layersOf(snapshot, explanation).flatMap((layer) => layerLines(layer, style)),
  ];
}

function layerLines(layer: Layer, style: Style): string[] {
  const prefix = `  ${style.glyphs.branch} ${padEnd(layer.name, NAME_CELLS)}`;
  const [first, ...others] = wrapIndented(prefix + safeText(layer.answer), style.width, prefix.length);
  return [`  ${paint(style, layer.ink, style.glyphs.branch)}${first.slice(3)}`, ...others];
}

/** The innermost answer in a few words. */
function summary(snapshot: Snapshot, { object, owner, unowned, pymalloc, malloc, mapping, page }: Explanation): string {
  if (object) return objectAnswer(snapshot, object);
  if (owner) return `buffer of ${qualifiedTypeName(snapshot.types, owner.type)} at ${formatAddress(owner.address)}`;
  if (unowned?.kind === "leaked") return isComplete(snapshot) ? "leaked native memory" : "possibly leaked native memory";
  if (pymalloc) return `pymalloc, ${pymalloc.state}`;
  if (malloc) return `malloc chunk, ${malloc.state}`;
  return mapping.claim ?? `${mappingName(mapping)}, ${pageAnswer(page)}`;
}

function layersOf(snapshot: Snapshot, explanation: Explanation): Layer[] {
  const { object, owner, unowned, pymalloc, malloc, mapping, page } = explanation;
  const objectsInk: Ink = "objects";
  return [
    ...(object ? [{ ink: objectsInk, name: "object", answer: insideObject(snapshot, object, explanation.address) }] : []),
    ...(owner ? [{ ink: objectsInk, name: "owner", answer: objectAnswer(snapshot, owner) }] : []),
    ...(unowned && unowned.kind !== "unknown"
      ? [{ ink: objectsInk, name: "owner", answer: `none: ${unownedReason(snapshot, unowned, isComplete(snapshot))}` }]
      : []),
    ...(pymalloc ? blockLayers(pymalloc) : []),
    ...(malloc ? [{ ink: "malloc" as const, name: "chunk", answer: chunkAnswer(malloc) }] : []),
    { ink: "mappings", name: "mapping", answer: mappingAnswer(mapping) },
    { ink: "pages", name: "page", answer: `${formatAddress(page.address)}, ${pageAnswer(page)}` },
  ];
}

/** False while pointers may lie in memory that was not read. */
function isComplete({ capture }: Snapshot): boolean {
  return capture.complete && capture.swappedBytesNotRead === 0;
}

function objectAnswer(snapshot: Snapshot, object: ObjectFacts): string {
  const references =
    object.referenceCount === undefined
      ? "immortal"
      : object.referenceCount === 1
        ? "1 reference"
        : `${formatCount(object.referenceCount)} references`;
  const generation = object.generation === UNTRACKED_GENERATION ? "not tracked" : `generation ${object.generation}`;
  const name = qualifiedTypeName(snapshot.types, object.type);
  return `${name} at ${formatAddress(object.address)}, ${formatBytes(object.shallowBytes)}, ${references}, ${generation}`;
}

function insideObject(snapshot: Snapshot, object: ObjectFacts, address: number): string {
  const offset = address - object.address;
  const where =
    offset === 0 ? "" : offset < 0 ? `, ${-offset} B before it, in its header` : `, ${formatCount(offset)} B into it`;
  return objectAnswer(snapshot, object) + where;
}

function blockLayers(answer: BlockAnswer): Layer[] {
  const { inPool, block, blockIndex } = answer;
  const ink: Ink = "pymalloc";
  const pool = inPool
    ? `${formatAddress(answer.pool)}, ${inPool.blockBytes} B blocks, ${inPool.usedBlocks} of ${inPool.blocks} in use`
    : `${formatAddress(answer.pool)}, empty`;
  const arena = `${formatAddress(answer.arena)}, ${formatBytes(answer.arenaBytes)}, interpreter ${answer.interpreter}`;
  const at =
    block === undefined || blockIndex === undefined ? undefined : `${formatAddress(block)}, number ${blockIndex} of its pool`;
  const layers: Layer[] = [
    { ink, name: "pool", answer: at === undefined && inPool ? `${pool}; ${answer.state}` : pool },
    { ink, name: "arena", answer: arena },
  ];
  return at === undefined ? layers : [{ ink, name: "block", answer: `${at}, ${answer.state}` }, ...layers];
}

function chunkAnswer(answer: ChunkAnswer): string {
  const arena = answer.arena === undefined ? "" : `, arena ${formatAddress(answer.arena)}`;
  const serves = answer.serves === undefined ? "" : `, for ${answer.library ?? answer.serves}`;
  return `${formatAddress(answer.chunk)}, ${formatBytes(answer.bytes)}, ${answer.state}${serves}${arena} of ${answer.allocator}`;
}

function mappingName(mapping: MappingAnswer): string {
  if (mapping.path !== "") return mapping.path;
  return mapping.library ?? mapping.kind;
}

function mappingAnswer(mapping: MappingAnswer): string {
  const facts = [
    `${formatAddress(mapping.start)}-${formatAddress(mapping.end)} ${mapping.permissions} ${mappingName(mapping)}`,
    ...(mapping.part ? [mapping.part] : []),
    ...(mapping.thread === undefined ? [] : [`stack of thread ${mapping.thread}`]),
    ...(mapping.claim && mapping.thread === undefined ? [mapping.claim] : []),
    `${formatBytes(mapping.residentBytes)} of ${formatBytes(mapping.end - mapping.start)} resident`,
  ];
  return facts.join(", ");
}

function pageAnswer(page: PageAnswer): string {
  switch (page.state) {
    case "resident":
      return [
        "resident",
        page.fileOrShared ? "of a file or shared" : "private",
        ...(page.huge ? ["part of a huge page"] : []),
      ].join(", ");
    case "zero":
      return "the shared zero page: read, never written, not resident";
    case "swapped":
      return "swapped out";
    case "guard":
      return "a guard page";
    case "uncounted":
      return "present, but not counted in Rss";
    case "untouched":
      return "never touched, or given back";
  }
}
