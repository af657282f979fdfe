import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { explainAddress, placeCovering } from "../../src/analysis/explain.ts";
import { buildLedger } from "../../src/analysis/ledger.ts";
import { ownedBytesOfPlaces } from "../../src/analysis/owned-bytes.ts";
import { placeBytes } from "../../src/analysis/places.ts";
import { OwnerKind, type Snapshot } from "../../src/snapshot/tables.ts";
import { assertExactLedger, captured } from "../support/captured.ts";
import { distributionPython } from "../support/pythons.ts";
import { startTarget } from "../support/spawn.ts";

const PROGRAM = fileURLToPath(new URL("../support/programs/native-owners.py", import.meta.url));
/** sizeof(xmlNode) of libxml2 2.9; an attribute is a node of 96 bytes with a text node of its own. */
const XML_NODE_BYTES = 120;

interface Said {
  readonly arrays: readonly (readonly [array: number, bytes: number])[];
  readonly views: readonly number[];
  readonly objects: readonly [array: number, items: readonly number[]];
  readonly entries: number;
  readonly database: readonly [connection: number, bytes: number];
}

test("arrays, documents and databases own their native memory", async (t) => {
  if (lacks(t, "numpy", "lxml")) return;
  const target = startTarget(t, distributionPython(), { script: PROGRAM });
  const said = JSON.parse(await target.line()) as Said;
  const snapshot = await captured(target.pid, { references: true });
  const { objects, graph } = snapshot;
  assert.ok(objects && graph);
  const owned = ownedBytesOfPlaces(objects, graph.types.inPlaceExtraBytes);
  const extra = (address: number) => {
    const place = placeCovering(snapshot, address);
    return owned[place] - placeBytes(objects, place);
  };

  for (const [array, bytes] of said.arrays) {
    // Its shape, as chunks of their own, is all that comes to the data.
    const shape = extra(array) - bytes;
    assert.ok(shape >= 0 && shape <= 256, `${extra(array)} bytes owned by an array of ${bytes}`);
  }
  for (const view of said.views) assert.ok(extra(view) <= 256, `${extra(view)} bytes owned by a view`);
  const itemsOf = placeCovering(snapshot, said.objects[0]);
  const referred = new Set(
    graph.references.targets.subarray(graph.references.offsets[itemsOf], graph.references.offsets[itemsOf + 1]),
  );
  for (const item of said.objects[1]) assert.ok(referred.has(placeCovering(snapshot, item)));

  const [connection, databaseBytes] = said.database;
  t.diagnostic(`${extra(connection)} bytes owned by a connection with ${databaseBytes} bytes of pages`);
  assert.ok(extra(connection) >= databaseBytes && extra(connection) < 1.2 * databaseBytes);
  const ofDocument = ownedByType(snapshot, /^lxml\.etree\._?(Document|Element)$/);
  // Two elements and a text a entry, an attribute and its text.
  const least = said.entries * 5 * 96;
  t.diagnostic(`${ofDocument} bytes owned by a document of ${said.entries} entries`);
  assert.ok(ofDocument >= least && ofDocument < said.entries * 5 * 2 * XML_NODE_BYTES, `${ofDocument} bytes`);
  assertExactLedger(snapshot);
  const { coverage, root } = buildLedger(snapshot);
  assert.ok(coverage.attributedBytes >= 0.99 * root.residentBytes);
});

/** Bytes of the chunks that objects of a type own. */
function ownedByType(snapshot: Snapshot, name: RegExp): number {
  let bytes = 0;
  for (const { chunks, headerBytes } of snapshot.malloc) {
    for (let chunk = 0; chunk < chunks.length; chunk++) {
      if (chunks.ownerKind[chunk] !== OwnerKind.buffer) continue;
      const owner = explainAddress(snapshot, chunks.address[chunk] + headerBytes)?.owner;
      if (owner === undefined) continue;
      const type = `${snapshot.types.module[owner.type]}.${snapshot.types.name[owner.type]}`;
      if (name.test(type)) bytes += chunks.usedBytes[chunk];
    }
  }
  return bytes;
}

/** Skips where a module is not installed; CI installs them all, so there it is a failure. */
function lacks(t: TestContext, ...modules: readonly string[]): boolean {
  try {
    execFileSync(distributionPython().path, ["-c", `import ${modules.join(", ")}`], { stdio: "ignore" });
    return false;
  } catch {
    assert.ok(process.env.CI === undefined, `${modules.join(", ")} not installed`);
    t.skip(`the distribution's Python has no ${modules.join(", ")}`);
    return true;
  }
}
