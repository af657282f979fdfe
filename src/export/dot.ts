/** A retainer picture in the DOT language, for `dot -Tsvg` and every program that reads it. */
import type { PictureNode, RetainerPicture } from "../analysis/retainer-picture.ts";
import { noteOf, type PictureWords, remarksOn, shortened } from "./picture-words.ts";

/** Colours of the light theme. */
const STYLES: Readonly<Record<PictureNode["kind"], string>> = {
  root: 'fillcolor="#F3F1EB" color="#1E2126"',
  object: 'fillcolor="#CFE3DC" color="#1F7A68"',
  target: 'fillcolor="#FBFAF7" color="#1E2126" penwidth=2',
};

/** The picture as text of a DOT file, left to right. */
export function dotPicture(picture: RetainerPicture, words: PictureWords): string {
  const nodes = picture.nodes.map((node, index) => {
    const lines = [shortened(words.text(node.label)), noteOf(node, words)].filter((line) => line !== "");
    return `  n${index} [label=${quoted(lines)} ${STYLES[node.kind]}];`;
  });
  const edges = picture.nodes.flatMap(({ next, reference }, index) =>
    next < 0 ? [] : [`  n${index} -> n${next} [label=${quoted([shortened(words.text(reference))])}];`],
  );
  return [
    "digraph retainers {",
    '  graph [rankdir=LR bgcolor="#FBFAF7" fontname="sans-serif" fontsize=11 labelloc=b labeljust=l',
    `         label=${quoted(remarksOn(picture, words))}];`,
    '  node [shape=box style=filled fontname="sans-serif" fontsize=11 fontcolor="#1E2126"];',
    '  edge [fontname="monospace" fontsize=10 color="#565C64" fontcolor="#17614F" arrowsize=0.7];',
    ...nodes,
    ...edges,
    "}",
    "",
  ].join("\n");
}

/**
 * Lines as one quoted string. A backslash begins an escape such as \N, the name of the node, and & an entity of HTML (Graphviz,
 * "escString" and "lblString"): both are doubled or spelled out.
 */
function quoted(lines: readonly string[]): string {
  const escaped = lines.map((line) => line.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("&", "&amp;"));
  return `"${escaped.join("\\n")}"`;
}
