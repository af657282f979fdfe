import { ProblemReport } from "../base/problems.ts";
import type { ReportPhase, ReportProgress } from "../base/progress.ts";
import { fail, type Result, succeed } from "../base/result.ts";
import { GIB } from "../base/units.ts";
import type { Snapshot } from "../snapshot/tables.ts";
import { locatePython } from "../strata/cpython/locate/locate.ts";
import { identifyProcess } from "../target/identity.ts";
import { LiveMemory } from "../target/live-memory.ts";
import type { Mapping } from "../target/mapping.ts";
import { readMaps } from "../target/proc/maps.ts";
import { isSameProgram, type ProgramIdentity, readProgramIdentity } from "../target/program-identity.ts";
import { takeProcessImage } from "../target/take-process-image.ts";
import { type Allocators, decodeAllocators } from "./allocators.ts";
import { decodeSnapshot } from "./decode-snapshot.ts";

/** A process that executes one program after the other is followed so far. */
const MOST_PROGRAMS = 3;

export interface CaptureRequest {
  readonly maxPauseMilliseconds?: number | undefined;
  readonly maxMemoryBytes?: number | undefined;
  readonly allowSigstop?: boolean | undefined;
  readonly readSwapped?: boolean | undefined;
  /** Fill `Snapshot.graph`: references, roots, names. */
  readonly references?: boolean | undefined;
  /** Keep values too (`GraphTables.values`): they may be secrets. */
  readonly values?: boolean | undefined;
  readonly progress?: ReportProgress | undefined;
  readonly phase?: ReportPhase | undefined;
}

const NO_PYTHON_HINT = "Run pystrata without arguments to list the Python processes.";

/**
 * Takes a snapshot of a running process: find Python while it runs, stop, copy, resume, decode.
 *
 * A process whose Python is not known still gets its mappings and its malloc, with a problem that says so; one that is no
 * Python at all fails with `not-cpython`. Other failures are those of `takeProcessImage`.
 */
export async function captureSnapshot(pid: number, request: CaptureRequest): Promise<Result<Snapshot>> {
  for (let programs = 1; ; programs++) {
    const program = readProgramIdentity(pid);
    const result = await captureProgram(pid, request, program.ok ? program.value : undefined);
    if (result.ok || !program.ok || programs === MOST_PROGRAMS) return result;
    // What failed may have failed because the process executed another program meanwhile: that one has its own account.
    const now = readProgramIdentity(pid);
    if (!now.ok || isSameProgram(program.value, now.value)) return result;
  }
}

/** @param program what the process runs; undefined when it cannot be told, which then fails with its reason */
async function captureProgram(
  pid: number,
  request: CaptureRequest,
  program: ProgramIdentity | undefined,
): Promise<Result<Snapshot>> {
  request.phase?.("locate");
  const identity = identifyProcess(pid);
  if (!identity.ok) return identity;
  const mappings = readMaps(pid);
  if (!mappings.ok) return mappings;
  const live = LiveMemory.open(pid, mappings.value);
  if (!live.ok) return live;
  try {
    const problems = new ProblemReport();
    const located = locatePython(live.value, mappings.value, () => live.value.forget());
    if (!located.ok) {
      if (!looksLikePython(mappings.value)) return fail("not-cpython", located.failure.sentence, NO_PYTHON_HINT);
      problems.add("python-unknown", `${located.failure.sentence} Objects are not told apart.`);
    }
    live.value.holdFiles();
    request.phase?.("copy");
    const python = located.ok ? located.value : undefined;
    let allocators: Allocators | undefined;
    const taken = takeProcessImage(pid, {
      ...request,
      program,
      webAssembly: process.env.PYSTRATA_NO_WASM !== "1",
      tablesBytes,
      progress: (phase) => request.progress?.({ phase, done: 0 }),
      accept: (copy) => {
        request.phase?.("allocators");
        allocators = decodeAllocators(copy, python);
        return allocators.consistent;
      },
    });
    if (!taken.ok) return taken;
    return succeed(
      await decodeSnapshot({
        taken: taken.value,
        identity: identity.value,
        located: python,
        allocators: allocators ?? decodeAllocators(taken.value, python),
        readOnly: live.value,
        problems,
        references: request.references,
        values: request.values,
        progress: request.progress,
        phase: request.phase,
      }),
    );
  } finally {
    live.value.close();
  }
}

/** A library's or program's name that says Python although no interpreter was recognised in it. */
function looksLikePython(mappings: readonly Mapping[]): boolean {
  return mappings.some(({ path }) => /(^|\/)(lib)?python[23][^/]*$/.test(path));
}

/**
 * Linear memory to reserve behind the image. Untouched pages cost nothing, so it is generous: all that WebAssembly can have
 * when image and tables fit there, else 13 bytes for each 16-byte block that could be.
 */
function tablesBytes(imageBytes: number): number {
  const flat = 4 * GIB;
  return imageBytes * 1.25 + GIB / 2 <= flat ? flat - imageBytes : imageBytes * 0.8 + GIB;
}
