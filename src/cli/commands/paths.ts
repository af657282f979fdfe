import type { ObjectGraph } from "../../analysis/object-graph.ts";
import { pathsToObject } from "../../analysis/paths.ts";
import { objectOfAddress, typesOfName } from "../../analysis/targets.ts";
import { pathsToType } from "../../analysis/type-paths.ts";
import { type Result, succeed } from "../../base/result.ts";
import { objectPathsJson, typePathsJson } from "../json/paths-json.ts";
import { type LimitedArguments, parseAddress } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import { type SnapshotSource, sourceText } from "../source.ts";
import { takeGraph } from "../take-graph.ts";
import { objectPathsText, typePathsText } from "../text/paths-text.ts";

const DEFAULT_LIMIT = 10;
/** "All" of something that may have no end. */
const MOST_PATHS = 10_000;

/** `paths PID|FILE ADDRESS|TYPE`: why it is alive. */
export async function paths(source: SnapshotSource, target: string, options: LimitedArguments): Promise<Result<void>> {
  // A type may be called Face or Add: bare hexadecimal is a name here.
  const address = /^(0x|\d)/i.test(target) ? parseAddress(target) : undefined;
  if (address && !address.ok) return address;
  const graph = await takeGraph(source, options);
  if (!graph.ok) return graph;
  return address
    ? pathsToAddress(graph.value, address.value, options)
    : pathsToName(graph.value, target, sourceText(source), options);
}

function pathsToAddress(graph: ObjectGraph, address: number, options: LimitedArguments): Result<void> {
  const object = objectOfAddress(graph.snapshot, address);
  if (!object.ok) return object;
  const found = pathsToObject(graph, object.value, limitOf(options));
  if (options.format === "json") writeJson(objectPathsJson(graph, object.value, found));
  else writeLines(objectPathsText(graph, object.value, found, styleFor(options)));
  return succeed(undefined);
}

function pathsToName(graph: ObjectGraph, name: string, source: string, options: LimitedArguments): Result<void> {
  const types = typesOfName(graph.snapshot, name);
  if (!types.ok) return types;
  const found = pathsToType(graph, types.value, limitOf(options));
  if (options.format === "json") writeJson(typePathsJson(graph, types.value, found));
  else writeLines(typePathsText(graph, types.value, found, source, styleFor(options)));
  return succeed(undefined);
}

function limitOf({ limit = DEFAULT_LIMIT }: LimitedArguments): number {
  return limit === 0 ? MOST_PATHS : limit;
}
