import { typeHistogram } from "../../analysis/types.ts";
import { type Result, succeed } from "../../base/result.ts";
import { typesJson } from "../json/types-json.ts";
import { parseFilter, type TypesArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import { typesText } from "../text/types-text.ts";

/** Rows for people when no limit is given; programs get all. */
const ROWS_FOR_PEOPLE = 30;

/** `types PID|FILE`: the histogram of types. */
export async function types(source: SnapshotSource, options: TypesArguments): Promise<Result<void>> {
  // A wrong filter is found before the process is stopped for nothing.
  const filter = options.filter === undefined ? undefined : parseFilter(options.filter);
  if (filter && !filter.ok) return filter;
  const snapshot = await takeSnapshot(source, options);
  if (!snapshot.ok) return snapshot;
  const usual = options.format === "json" ? 0 : ROWS_FOR_PEOPLE;
  const limit = options.limit ?? usual;
  const histogram = typeHistogram(snapshot.value.types, {
    sort: options.sort,
    limit: limit === 0 ? undefined : limit,
    matches: filter?.value,
  });
  if (options.format === "json") writeJson(typesJson(snapshot.value, histogram));
  else writeLines(typesText(snapshot.value, histogram, options.sort, styleFor(options)));
  return succeed(undefined);
}
