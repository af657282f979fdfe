import { type Result, succeed } from "../../base/result.ts";
import { listPythonProcesses } from "../../target/process-list.ts";
import type { CommonOptions } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import { listText } from "../text/list-text.ts";

/** No verb, no PID: the Python processes of this machine. */
export async function list(options: CommonOptions): Promise<Result<void>> {
  const { processes, unreadable } = listPythonProcesses();
  if (options.format === "json") writeJson({ schema: "pystrata.list/1", processes, unreadable });
  else writeLines(listText(processes, unreadable, styleFor(options)));
  return succeed(undefined);
}
