import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openObjectGraph } from "../../../src/analysis/object-graph.ts";
import { type PictureNode, type RetainerPicture, retainerPicture } from "../../../src/analysis/retainer-picture.ts";
import { dotPicture } from "../../../src/export/dot.ts";
import { svgPicture } from "../../../src/export/svg.ts";
import { layOutTree } from "../../../src/export/tree-layout.ts";
import { parleyGraph } from "../../support/parley-graph.ts";
import { PICTURE_WORDS } from "../../support/picture-words.ts";
import { withGraph } from "../../support/synthetic-graph.ts";

function parleyPicture(object: string, mostNodes: number): RetainerPicture {
  const { snapshot, place } = withGraph(parleyGraph());
  const graph = openObjectGraph(snapshot);
  assert.ok(graph.ok);
  return retainerPicture(graph.value, place(object), mostNodes);
}

const HOSTILE = `a</title><script>alert(1)</script>"'&\\N\u001b[2J\u202e\n]]>`;

/** Trees of any shape, with texts of any kind. */
function pictures(): fc.Arbitrary<RetainerPicture> {
  const text = fc.oneof(fc.constant(HOSTILE), fc.string({ unit: "binary", maxLength: 90 }));
  const node = fc.record({
    label: text,
    reference: text,
    address: fc.option(fc.nat(2 ** 40), { nil: undefined }),
    parent: fc.nat(),
  });
  return fc.array(node, { minLength: 1, maxLength: 20 }).map((nodes) => ({
    nodes: nodes.map(
      ({ label, reference, address, parent }, index): PictureNode => ({
        label,
        reference,
        address,
        retainedBytes: address === undefined ? undefined : 4711,
        kind: index === 0 ? "target" : address === undefined ? "root" : "object",
        next: index === 0 ? -1 : parent % index,
      }),
    ),
    otherReferrers: 12_345,
    complete: false,
    lowerBound: true,
  }));
}

/** Texts and elements of an XML text that has nothing else; throws when it is not well formed. */
function parsedXml(xml: string): { readonly elements: readonly string[]; readonly texts: readonly string[] } {
  const elements: string[] = [];
  const texts: string[] = [];
  const open: string[] = [];
  let at = 0;
  const token = /<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  for (let match = token.exec(xml); match; match = token.exec(xml)) {
    at = token.lastIndex;
    const [, closes, name, , alone, text] = match;
    if (text !== undefined) {
      assert.doesNotMatch(text, /&(?!amp;|lt;|gt;|quot;|#39;)/);
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\ufffe\uffff]/);
      texts.push(text);
    } else if (closes) assert.equal(open.pop(), name);
    else {
      elements.push(name);
      if (!alone) open.push(name);
    }
  }
  assert.equal(at, xml.length, `no XML: ${xml.slice(at, at + 80)}`);
  assert.deepEqual(open, []);
  return { elements, texts };
}

test("the picture is a tree from roots to the object, with its direct referrers", () => {
  const { nodes, otherReferrers, complete } = parleyPicture("session0", 40);
  assert.equal(complete, true);
  assert.equal(otherReferrers, 0);
  assert.deepEqual(
    nodes.map(({ label, kind, next, reference }) => `${kind} ${label} ${reference} ${next}`),
    [
      "target parley.hub.Session  -1",
      "object list, 1 item [0] 0",
      "root frame Hub.fanout (parley/hub.py:212) targets 1",
      "object dict, 6 items [7000] 0",
      "object parley.hub.Hub .sessions 3",
      "root module parley.hub .HUB 4",
    ],
  );
});

test("what has no room is counted, not drawn", () => {
  const { nodes, otherReferrers } = parleyPicture("session0", 2);
  assert.equal(nodes.length, 2);
  assert.equal(otherReferrers, 1);
});

test("an SVG is well-formed text and shapes, whatever names it shows", () => {
  const allowed = new Set(["svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text", "g"]);
  fc.assert(
    fc.property(pictures(), (picture) => {
      const svg = svgPicture(picture, PICTURE_WORDS);
      const { elements, texts } = parsedXml(svg);
      for (const element of elements) assert.ok(allowed.has(element), element);
      assert.doesNotMatch(svg, /href|url\((?!#arrow\))|@import|https?:(?!\/\/www\.w3\.org\/2000\/svg")/);
      assert.ok(texts.some((text) => text.startsWith("Who holds ")));
      assert.ok(texts.includes("12,345 more objects refer to it."));
    }),
  );
});

test("an SVG has both themes, a title and a description in words", () => {
  const svg = svgPicture(parleyPicture("session0", 40), PICTURE_WORDS);
  assert.match(svg, /@media\(prefers-color-scheme:dark\)/);
  assert.match(svg, /role="img" aria-labelledby="title description"/);
  assert.match(svg, /module parley\.hub refers to parley\.hub\.Hub by \.HUB\./);
});

test("DOT strings end where they should, whatever names they hold", () => {
  fc.assert(
    fc.property(pictures(), (picture) => {
      const dot = dotPicture(picture, PICTURE_WORDS);
      const bare = dot.replace(/"(?:[^"\\\n]|\\[\\"n])*"/g, "S");
      assert.doesNotMatch(bare, /["\\]/);
      const edges = bare.match(/^ {2}n\d+ -> n\d+ \[label=S\];$/gm) ?? [];
      assert.equal(edges.length, picture.nodes.length - 1);
    }),
  );
});

test("boxes and names of references do not overlap", () => {
  const spacing = { nodeHeight: 46, rowGap: 14, bend: 56, labelGap: 8 };
  const tree = fc.array(fc.record({ parent: fc.nat(), width: fc.nat(300), labelWidth: fc.nat(200) }), {
    minLength: 1,
    maxLength: 25,
  });
  fc.assert(
    fc.property(tree, (items) => {
      const nodes = items.map(({ parent, width, labelWidth }, index) => ({
        next: index === 0 ? -1 : parent % index,
        width,
        labelWidth,
      }));
      const { x, y, width, height } = layOutTree(nodes, spacing);
      for (const [index, node] of nodes.entries()) {
        const right = x[index] + node.width + (node.next < 0 ? 0 : node.labelWidth + 2 * spacing.labelGap + spacing.bend);
        assert.ok(right <= width + 1e-6 && (node.next < 0 || right <= x[node.next] + 1e-6));
        assert.ok(y[index] - spacing.nodeHeight / 2 >= 0 && y[index] + spacing.nodeHeight / 2 <= height + 1e-6);
        for (const [other] of nodes.entries()) {
          const isSameColumn = other !== index && x[other] === x[index];
          if (isSameColumn) assert.ok(Math.abs(y[other] - y[index]) >= spacing.nodeHeight);
        }
      }
    }),
  );
});
