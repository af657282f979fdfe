import { captured } from "../support/captured.ts";
import { testOnEveryPython } from "../support/pythons.ts";
import { compareCounts, compareReferences, knownObjects, tallyLines, tallySum } from "../support/reference-truth.ts";
import { startTruth } from "../support/truth.ts";

testOnEveryPython("references agree with gc.get_referents", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 1000 });
  const known = knownObjects(await captured(truth.target.pid, { references: true }));
  const result = compareReferences(truth, known);
  const percent = (part: number, whole: number) => `${((part / whole) * 100).toFixed(3)} %`;
  t.diagnostic(
    `${python.label}: recall ${percent(result.matched, result.expected)}, precision ${percent(result.matched + result.unvisited, result.ours)}, ` +
      `other ${tallySum(result.other)} missing ${tallySum(result.missing)} of ${result.ours}, exact ${percent(result.exactObjects, result.comparedObjects)}`,
  );
  t.diagnostic([...result.kinds].map(([kind, count]) => `${kind} ${count}`).join(", "));
  for (const line of tallyLines(result.missing, 60)) t.diagnostic(`missing ${line}`);
  for (const line of tallyLines(result.other, 100)) t.diagnostic(`other ${line}`);
  const counts = compareCounts(known);
  t.diagnostic(
    `counts equal ${percent(counts.equal, counts.mortal)} of ${counts.mortal}, above ${tallySum(counts.above)}, below ${tallySum(counts.below)}, unreferenced ${tallySum(counts.unreferenced)}`,
  );
  for (const line of tallyLines(counts.above, 40)) t.diagnostic(`above ${line}`);
  for (const line of tallyLines(counts.below, 40)) t.diagnostic(`below ${line}`);
  for (const line of tallyLines(counts.unreferenced, 15)) t.diagnostic(`unreferenced ${line}`);
});
