/**
 * A retainer picture as SVG: drawn here, light and dark by the viewer's choice, self-contained. It has text nodes only: no script,
 * no foreign content, nothing that is fetched.
 */
import type { PictureNode, RetainerPicture } from "../analysis/retainer-picture.ts";
import { noteOf, type PictureWords, remarksOn, shortened } from "./picture-words.ts";
import { codeWidth, textWidth } from "./text-width.ts";
import { layOutTree, type TreeSpacing } from "./tree-layout.ts";

const MARGIN = 24;
const TITLE_HEIGHT = 56;
const REMARK_HEIGHT = 20;
const PADDING = 12;
const NOTE_LINE = 17;
const SPACING: TreeSpacing = { nodeHeight: 46, rowGap: 14, bend: 56, labelGap: 8 };
const TITLE_SIZE = 20;
const LABEL_SIZE = 13;
const NOTE_SIZE = 12;
const SMALL_SIZE = 11;
const BOLD = 1.12;
const ARROW = 7;

/** Tokens of the light and of the dark theme. */
const COLOURS = {
  paper: ["#FBFAF7", "#15171B"],
  ink: ["#1E2126", "#E9E7E2"],
  note: ["#565C64", "#AEB2B8"],
  line: ["#A9A498", "#5B636E"],
  object: ["#CFE3DC", "#1D3F38"],
  objectEdge: ["#1F7A68", "#38997F"],
  root: ["#F3F1EB", "#1B1E23"],
  reference: ["#17614F", "#62C2AB"],
} as const;

type Theme = 0 | 1;

/** The picture as text of an SVG file. */
export function svgPicture(picture: RetainerPicture, words: PictureWords): string {
  const boxes = picture.nodes.map((node) => boxOf(node, words));
  const tree = layOutTree(boxes, SPACING);
  const target = boxes[0];
  const title = `Who holds ${target.label}`;
  const remarks = remarksOn(picture, words);
  const textRoom = Math.max(textWidth(title, TITLE_SIZE, BOLD), ...remarks.map((remark) => textWidth(remark, NOTE_SIZE)));
  const width = Math.ceil(Math.max(tree.width, textRoom)) + 2 * MARGIN;
  const remarksTop = TITLE_HEIGHT + tree.height + 2 * MARGIN;
  const height = Math.ceil(remarksTop + remarks.length * REMARK_HEIGHT + MARGIN / 2);
  const place = (index: number) => ({ x: MARGIN + tree.x[index], y: TITLE_HEIGHT + MARGIN / 2 + tree.y[index] });
  const lines = boxes.flatMap((box, index) => (box.next < 0 ? [] : [lineOf(box, place(index), place(box.next))]));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(descriptionOf(boxes))}</desc>`,
    `<style>${styleSheet()}</style>`,
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="${ARROW}" markerHeight="${ARROW}" orient="auto"><path class="arrow" d="M0 0.5L8 4L0 7.5z"/></marker></defs>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text class="title" x="${MARGIN}" y="${MARGIN + TITLE_SIZE}">${escaped(title)}</text>`,
    ...lines,
    ...boxes.map((box, index) => drawnBox(box, place(index))),
    ...remarks.map(
      (remark, index) => `<text class="note" x="${MARGIN}" y="${remarksTop + index * REMARK_HEIGHT}">${escaped(remark)}</text>`,
    ),
    "</svg>",
    "",
  ].join("\n");
}

/** A node whose texts are safe, short and measured. */
interface Box {
  readonly kind: PictureNode["kind"];
  readonly label: string;
  readonly wholeLabel: string;
  readonly note: string;
  readonly reference: string;
  readonly wholeReference: string;
  readonly next: number;
  readonly width: number;
  /** Of the reference's name. */
  readonly labelWidth: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function boxOf(node: PictureNode, words: PictureWords): Box {
  const wholeLabel = words.text(node.label);
  const wholeReference = words.text(node.reference);
  const [label, reference, note] = [shortened(wholeLabel), shortened(wholeReference), noteOf(node, words)];
  const weight = node.kind === "object" ? 1 : BOLD;
  const width = Math.max(textWidth(label, LABEL_SIZE, weight), codeWidth(note, SMALL_SIZE)) + 2 * PADDING;
  const labelWidth = codeWidth(reference, NOTE_SIZE);
  return { kind: node.kind, label, wholeLabel, note, reference, wholeReference, next: node.next, width, labelWidth };
}

/** One box for the whole graph would not say which is which: the target has a frame, roots a bar at their left. */
function drawnBox({ kind, label, wholeLabel, note, width }: Box, { x, y }: Point): string {
  const top = y - SPACING.nodeHeight / 2;
  const first = note === "" ? y + LABEL_SIZE / 2 - 2 : y - 3;
  return [
    `<g><title>${escaped(wholeLabel)}</title>`,
    `<rect class="${kind}" x="${x}" y="${top}" width="${width}" height="${SPACING.nodeHeight}"/>`,
    kind === "target" ? "" : `<rect class="${kind}-bar" x="${x}" y="${top}" width="4" height="${SPACING.nodeHeight}"/>`,
    `<text class="label${kind === "object" ? "" : " strong"}" x="${x + PADDING}" y="${first}">${escaped(label)}</text>`,
    note === "" ? "" : `<text class="code note-small" x="${x + PADDING}" y="${first + NOTE_LINE}">${escaped(note)}</text>`,
    "</g>",
  ].join("");
}

/** Level to the end of its column, so that no line crosses what stands on another, then a bend to the next node. */
function lineOf({ width, reference, wholeReference }: Box, from: Point, to: Point): string {
  const start = from.x + width;
  const level = to.x - SPACING.bend;
  const bend = to.x - SPACING.bend / 2;
  const name = `<text class="code reference" x="${start + SPACING.labelGap}" y="${from.y - 5}">${escaped(reference)}</text>`;
  return [
    `<g><title>${escaped(wholeReference)}</title>`,
    `<path class="line" marker-end="url(#arrow)" d="M${start} ${from.y}H${level}C${bend} ${from.y} ${bend} ${to.y} ${to.x} ${to.y}"/>`,
    reference === "" ? "" : name,
    "</g>",
  ].join("");
}

/** The picture in words, for those who do not see it. */
function descriptionOf(boxes: readonly Box[]): string {
  return boxes
    .flatMap(({ next, wholeLabel, wholeReference }) =>
      next < 0 ? [] : [`${wholeLabel} refers to ${boxes[next].label} by ${wholeReference || "holding it"}.`],
    )
    .join(" ");
}

function styleSheet(): string {
  const font = `font-family:Inter,ui-sans-serif,system-ui,"Segoe UI","Noto Sans",sans-serif`;
  const code = `font-family:"JetBrains Mono",ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace`;
  return [
    `text{${font}}.title{font-size:${TITLE_SIZE}px;font-weight:600}.label{font-size:${LABEL_SIZE}px}.strong{font-weight:600}`,
    `.note{font-size:${NOTE_SIZE}px}.code{${code};font-variant-ligatures:none}.reference{font-size:${NOTE_SIZE}px}`,
    `.note-small{font-size:${SMALL_SIZE}px}.line{fill:none;stroke-width:1.5}.target{stroke-width:2}`,
    colourRules(0),
    `@media(prefers-color-scheme:dark){${colourRules(1)}}`,
  ].join("");
}

function colourRules(theme: Theme): string {
  const colour = (name: keyof typeof COLOURS) => COLOURS[name][theme];
  return [
    `.paper{fill:${colour("paper")}}.title,.label{fill:${colour("ink")}}.note,.note-small{fill:${colour("note")}}`,
    `.object{fill:${colour("object")}}.object-bar{fill:${colour("objectEdge")}}.root{fill:${colour("root")}}.root-bar{fill:${colour("ink")}}`,
    `.target{fill:${colour("object")};stroke:${colour("ink")}}.line{stroke:${colour("line")}}.arrow{fill:${colour("line")}}`,
    `.reference{fill:${colour("reference")}}`,
  ].join("");
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
