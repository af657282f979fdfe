import { diffSnapshots } from "../../analysis/diff.ts";
import { fail, type Result, succeed } from "../../base/result.ts";
import { diffJson } from "../json/diff-json.ts";
import type { LimitedArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import { parseSource, type SnapshotSource } from "../source.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import { diffText } from "../text/diff-text.ts";

const ROWS_FOR_PEOPLE = 20;

/** `diff BEFORE AFTER`, each a PID or a file: what changed. */
export async function diff(first: SnapshotSource, secondText: string, options: LimitedArguments): Promise<Result<void>> {
  const second = parseSource(secondText);
  if (!second.ok) return second;
  const isOneProcess = first.kind !== second.value.kind;
  if (options.output !== undefined && !isOneProcess)
    return fail("usage", "-o saves one capture, and diff was not given one process.", "Give one file and one PID.");
  const { output, ...unsaved } = options;
  const ofFile = isOneProcess ? { ...unsaved, withValues: false } : options;
  const optionsFor = ({ kind }: SnapshotSource) => (kind === "file" ? ofFile : options);
  const before = await takeSnapshot(first, optionsFor(first), { references: true });
  if (!before.ok) return before;
  const after = await takeSnapshot(second.value, optionsFor(second.value), { references: true });
  if (!after.ok) return after;
  const difference = diffSnapshots(before.value, after.value);
  if (!difference.ok) return difference;
  const usual = options.format === "json" ? 0 : ROWS_FOR_PEOPLE;
  const limit = options.limit ?? usual;
  const most = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  if (options.format === "json") writeJson(diffJson(before.value, after.value, difference.value, most));
  else writeLines(diffText(before.value, after.value, difference.value, most, styleFor(options)));
  return succeed(undefined);
}
