import { explainAddress } from "../../analysis/explain.ts";
import { fail, type Result, succeed } from "../../base/result.ts";
import { formatAddress } from "../../base/units.ts";
import { explainJson } from "../json/explain-json.ts";
import { type CommonOptions, parseAddress } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import { explainText } from "../text/explain-text.ts";

/** `explain PID|FILE ADDRESS`: every stratum's answer for one address. */
export async function explain(source: SnapshotSource, addressText: string, options: CommonOptions): Promise<Result<void>> {
  const address = parseAddress(addressText);
  if (!address.ok) return address;
  const snapshot = await takeSnapshot(source, options);
  if (!snapshot.ok) return snapshot;
  const explanation = explainAddress(snapshot.value, address.value);
  if (!explanation) {
    const { pid } = snapshot.value.process;
    const sentence = `Nothing is mapped at ${formatAddress(address.value)} in process ${pid}.`;
    return fail(
      "usage",
      sentence,
      source.kind === "process" ? `/proc/${pid}/maps lists what is.` : "The file is of that process.",
    );
  }
  if (options.format === "json") writeJson(explainJson(snapshot.value, explanation));
  else writeLines(explainText(snapshot.value, explanation, styleFor(options)));
  return succeed(undefined);
}
