import { retainedTree } from "../../analysis/retained-tree.ts";
import { objectOfAddress } from "../../analysis/targets.ts";
import { type Result, succeed } from "../../base/result.ts";
import { retainedJson } from "../json/retained-json.ts";
import { type LevelsArguments, parseAddress } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import { type SnapshotSource, sourceText } from "../source.ts";
import { takeGraph } from "../take-graph.ts";
import { retainedText } from "../text/retained-text.ts";

const DEFAULT_LIMIT = 20;

/** `retained PID|FILE [ADDRESS]`: what would go with what. */
export async function retained(
  source: SnapshotSource,
  addressText: string | undefined,
  options: LevelsArguments,
): Promise<Result<void>> {
  const address = addressText === undefined ? undefined : parseAddress(addressText);
  if (address && !address.ok) return address;
  const graph = await takeGraph(source, options);
  if (!graph.ok) return graph;
  const under = address && objectOfAddress(graph.value.snapshot, address.value);
  if (under && !under.ok) return under;
  const limit = options.limit ?? DEFAULT_LIMIT;
  const tree = retainedTree(graph.value, under?.value, limit === 0 ? Number.POSITIVE_INFINITY : limit, options.depth);
  if (options.format === "json") writeJson(retainedJson(graph.value, tree));
  else writeLines(retainedText(graph.value, tree, sourceText(source), styleFor(options)));
  return succeed(undefined);
}
