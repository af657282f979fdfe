import assert from "node:assert/strict";
import { captured } from "../support/captured.ts";
import { testOnEveryPython } from "../support/pythons.ts";
import {
  compareCounts,
  compareReferences,
  knownObjects,
  type Tally,
  tallyLines,
  tallySum,
} from "../support/reference-truth.ts";
import { startTruth } from "../support/truth.ts";

const LEAST_RECALL = 0.999;
const LEAST_PRECISION = 0.999;
/** Of our references: what neither the collector nor the closed list of `unvisited-references.ts` knows. */
const MOST_OTHER = 0.001;
/** Of mortal objects: those whose reference count is the number of counted references and roots that we see. */
const LEAST_EQUAL_COUNTS = 0.99;
/** Of all objects: those that nothing points at, which may be no objects at all. */
const MOST_UNREFERENCED = 0.001;

/** Types whose objects have to be exact, one by one. */
const EXACT_TYPES =
  /^(sqlite3\.Connection|sqlite3\.Cursor|re\.Pattern|_sre\.SRE_Pattern|_io\.TextIOWrapper|generator|coroutine|async_generator|function|cell|method|list|tuple|set|collections\.deque|collections\.OrderedDict|_asyncio\.Task|_asyncio\.Future|functools\.partial|itertools\.\w+) /;

testOnEveryPython("references agree with gc.get_referents and with reference counts", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 1000 });
  const known = knownObjects(await captured(truth.target.pid, { references: true }));
  const references = compareReferences(truth, known);
  const recall = references.matched / references.expected;
  const precision = (references.matched + references.unvisited) / references.ours;
  const other = tallySum(references.other) / references.ours;
  t.diagnostic(`${python.label}: ${references.ours} references of ${references.comparedObjects} objects`);
  t.diagnostic(`recall ${percent(recall)}, precision ${percent(precision)}, other ${percent(other)}`);
  t.diagnostic(`${percent(references.exactObjects / references.comparedObjects)} of the objects are exact`);
  t.diagnostic(`not visited by the collector: ${[...references.kinds].map(([kind, count]) => `${kind} ${count}`).join(", ")}`);
  diagnose(t, "missing", references.missing);
  diagnose(t, "other", references.other);

  const counts = compareCounts(known);
  const equal = counts.equal / counts.mortal;
  const unreferenced = tallySum(counts.unreferenced) / counts.mortal;
  t.diagnostic(
    `reference counts of ${counts.mortal} mortal objects: ${percent(equal)} equal, ${percent(unreferenced)} unreferenced`,
  );
  diagnose(t, "counts more than is seen", counts.above);
  diagnose(t, "counts less than is seen", counts.below);
  diagnose(t, "unreferenced", counts.unreferenced);

  assert.ok(recall >= LEAST_RECALL, `recall ${recall}`);
  assert.ok(precision >= LEAST_PRECISION, `precision ${precision}`);
  assert.ok(other <= MOST_OTHER, `other ${other}`);
  assert.deepEqual([...references.other.keys()].filter(isExactType), []);
  assert.deepEqual([...references.missing.keys()].filter(isExactType), []);
  assert.ok(equal >= LEAST_EQUAL_COUNTS, `reference counts ${equal}`);
  assert.ok(unreferenced <= MOST_UNREFERENCED, `unreferenced ${unreferenced}`);
});

function isExactType(key: string): boolean {
  return EXACT_TYPES.test(key);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)} %`;
}

function diagnose(t: { diagnostic(text: string): void }, what: string, tally: Tally): void {
  for (const line of tallyLines(tally, 25)) t.diagnostic(`${what}: ${line}`);
}
