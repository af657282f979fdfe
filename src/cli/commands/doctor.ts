import { fail, type Result, succeed } from "../../base/result.ts";
import { identifyProcess } from "../../target/identity.ts";
import { permissionsFor } from "../../target/permissions.ts";
import type { CommonOptions } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { doctorText } from "../text/doctor-text.ts";

/** `doctor PID`: what this user may do to a process and how to get the rest. Stops nothing. */
export async function doctor(source: SnapshotSource, options: CommonOptions): Promise<Result<void>> {
  if (source.kind === "file") {
    const sentence = `doctor looks at a process, and ${source.path} is a file.`;
    return fail("usage", sentence, "Everything else works on a file as on a process.");
  }
  const { pid } = source;
  const identity = identifyProcess(pid);
  if (!identity.ok) return identity;
  const { name } = identity.value;
  const abilities = permissionsFor(pid);
  if (options.format === "json") writeJson({ schema: "pystrata.doctor/1", process: { pid, name }, abilities });
  else writeLines(doctorText(name, pid, abilities, styleFor(options)));
  return succeed(undefined);
}
