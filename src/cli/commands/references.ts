import { referentsOf, referrersOf } from "../../analysis/referrers.ts";
import { objectOfAddress } from "../../analysis/targets.ts";
import { type Result, succeed } from "../../base/result.ts";
import { type ReferenceVerb, referencesJson } from "../json/referrers-json.ts";
import { parseAddress, type ReferencesArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import { type SnapshotSource, sourceText } from "../source.ts";
import { takeGraph } from "../take-graph.ts";
import { referencesText } from "../text/referrers-text.ts";
import { writePictures } from "../write-picture.ts";

const DEFAULT_LIMIT = 15;
/** "All" of something that a depth multiplies. */
const MOST_ROWS = 10_000;

/** `referrers PID|FILE ADDRESS` and `referents PID|FILE ADDRESS`: who points where. */
export async function references(
  verb: ReferenceVerb,
  source: SnapshotSource,
  addressText: string,
  options: ReferencesArguments,
): Promise<Result<void>> {
  const address = parseAddress(addressText);
  if (!address.ok) return address;
  const graph = await takeGraph(source, options);
  if (!graph.ok) return graph;
  const object = objectOfAddress(graph.value.snapshot, address.value);
  if (!object.ok) return object;
  const pictures = writePictures(graph.value, object.value, options);
  if (!pictures.ok) return pictures;
  const { depth, limit = DEFAULT_LIMIT } = options;
  const query = { depth, limit: limit === 0 ? MOST_ROWS : limit };
  const answer = (verb === "referrers" ? referrersOf : referentsOf)(graph.value, object.value, query);
  if (options.format === "json") writeJson(referencesJson(verb, graph.value, object.value, answer));
  else writeLines(referencesText(verb, graph.value, object.value, answer, sourceText(source), styleFor(options)));
  return succeed(undefined);
}
