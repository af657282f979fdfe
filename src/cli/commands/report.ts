import { buildLedger } from "../../analysis/ledger.ts";
import { type Result, succeed } from "../../base/result.ts";
import { reportJson } from "../json/report-json.ts";
import type { ReportArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import { type SnapshotSource, sourceText } from "../source.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import { reportText } from "../text/report-text.ts";

/** `report PID|FILE`, and `PID|FILE` alone: where every resident byte went. */
export async function report(source: SnapshotSource, options: ReportArguments): Promise<Result<void>> {
  const snapshot = await takeSnapshot(source, options);
  if (!snapshot.ok) return snapshot;
  const ledger = buildLedger(snapshot.value);
  if (options.format === "json") writeJson(reportJson(snapshot.value, ledger));
  else writeLines(reportText(snapshot.value, ledger, { ...options, source: sourceText(source) }, styleFor(options)));
  return succeed(undefined);
}
