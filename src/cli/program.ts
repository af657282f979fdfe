import { Command, CommanderError, Option } from "commander";
import type { Failure, Result } from "../base/result.ts";
import { DEFAULT_MAX_PAUSE_MILLISECONDS } from "../target/capture-options.ts";
import { EXIT_DONE, EXIT_FAILED, exitStatusOf } from "./exit-status.ts";
import { LEAST_WIDTH } from "./format/style.ts";
import { addGraphVerbs, type OnSource } from "./graph-verbs.ts";
import { launcherDetails } from "./launcher.ts";
import {
  type CommonOptions,
  type OwnersArguments,
  type PictureOptions,
  parseMilliseconds,
  parsePartitionKey,
  parseSize,
  parseSortKey,
  type ReportArguments,
  type TypesArguments,
  wholeNumberFrom,
} from "./options.ts";
import { writeDefect, writeFailure } from "./output.ts";
import { packageVersion } from "./package-version.ts";
import { looksLikeFile, parseSource } from "./source.ts";

const USAGE_HINT = "pystrata --help lists verbs and options.";

/**
 * Runs one command line and returns the exit status. Everything that can be expected to fail ends in one sentence; anything
 * else is a defect of ours and says so.
 */
export async function run(argv: readonly string[]): Promise<number> {
  let status = EXIT_DONE;
  const finish = (failure: Failure | undefined, pid?: number): void => {
    if (!failure) return;
    writeFailure(failure, pid === undefined ? [] : launcherDetails(pid, failure));
    status = exitStatusOf(failure.code);
  };
  const onSource: OnSource = async (text, verb) => {
    const source = parseSource(text);
    if (!source.ok) return finish(source.failure);
    const result = await verb(source.value);
    if (!result.ok) finish(result.failure, source.value.kind === "process" ? source.value.pid : undefined);
  };
  try {
    await buildProgram(onSource, finish).parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT_DONE;
      finish({ code: "usage", sentence: sentenceOf(error), hint: USAGE_HINT });
    } else {
      writeDefect(error);
      status = EXIT_FAILED;
    }
  }
  return status;
}

/** commander's `error: unknown option '--x'` as a sentence. */
function sentenceOf(error: CommanderError): string {
  const text = error.message
    .replace(/^error: /, "")
    .replace(/\s+/g, " ")
    .trim();
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?)]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Declares verbs and options. A verb's code is loaded when it is asked for: no verb pays for another's. */
function buildProgram(onSource: OnSource, finish: (failure: Failure | undefined) => void): Command {
  const program = new Command("pystrata");
  addCommonOptions(program)
    .description("Accounts for every resident byte of a running CPython. Nothing is injected into it.")
    .usage("[PID | FILE | VERB PID | VERB FILE] [options]")
    .commandsGroup("Verbs:")
    .argument("[pid|file]", "report on this process or snapshot file; without it, list the Python processes")
    .version(packageVersion(), "-V, --version", "print the version")
    .configureOutput({ writeErr: () => {} })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .exitOverride()
    .helpCommand("help [verb]", "explain a verb and its options")
    .allowExcessArguments()
    .hook("preAction", (_, command) => refuseIdleOptions(command))
    .action(async (text: string | undefined, options: ReportArguments, command: Command) => {
      if (command.args.length > 1 && text !== undefined) return finish(unknownVerb(text, program));
      if (text === undefined) return finishResult(await (await import("./commands/list.ts")).list(options), finish);
      if (!/^\d/.test(text) && !looksLikeFile(text)) return finish(unknownVerb(text, program));
      return onSource(text, async (source) => (await import("./commands/report.ts")).report(source, options));
    });

  verb(program, "report <pid|file>", "where every resident byte went (the default verb)").action(
    (text: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/report.ts")).report(source, command.optsWithGlobals<ReportArguments>()),
      ),
  );
  verb(program, "types <pid|file>", "objects by type: count, shallow, owned and resident bytes")
    .addOption(
      new Option("--sort <key>", "resident (default), owned, shallow, retained, count or name").argParser(parseSortKey),
    )
    .addOption(new Option("--retained", "what the instances of each type retain too").default(false))
    .addOption(
      new Option("--by <question>", "part by class, module, package, referrer, size or generation").argParser(
        parsePartitionKey,
      ),
    )
    .addOption(new Option("--limit <rows>", "rows to show, 0 for all (text: 30, JSON: all)").argParser(wholeNumberFrom(0)))
    .addOption(new Option("--filter <text>", "only types whose module.name contains the text, or matches /regular expression/"))
    .action((text: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/types.ts")).types(source, command.optsWithGlobals<TypesArguments>()),
      ),
    );
  addGraphVerbs((usage, description) => verb(program, usage, description), onSource);
  verb(program, "arenas <pid|file>", "pymalloc: arenas, pools, block sizes, what keeps arenas")
    .addOption(ownersOption())
    .action((text: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/arenas.ts")).arenas(source, command.optsWithGlobals<OwnersArguments>()),
      ),
    );
  verb(program, "heap <pid|file>", "malloc: arenas, what a trim returns, what keeps heaps from shrinking, and why")
    .addOption(ownersOption())
    .action((text: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/heap.ts")).heap(source, command.optsWithGlobals<OwnersArguments>()),
      ),
    );
  verb(program, "explain <pid|file> <address>", "what lies at an address: object, block, chunk, mapping, page").action(
    (text: string, address: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/explain.ts")).explain(source, address, command.optsWithGlobals<CommonOptions>()),
      ),
  );
  verb(program, "snapshot <pid|file>", "save a capture with all references: every verb takes the file in a PID's place").action(
    (text: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/snapshot.ts")).snapshot(source, command.optsWithGlobals<CommonOptions>()),
      ),
  );
  verb(program, "doctor <pid>", "what you may do to this process, and how to get the rest; it is not stopped").action(
    (text: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/doctor.ts")).doctor(source, command.optsWithGlobals<CommonOptions>()),
      ),
  );
  return program;
}

/** Verbs that capture nothing. */
const SAVING_NOTHING = ["doctor"];

/** Who adds an option that does nothing here believes that it does: said before anything is stopped. */
function refuseIdleOptions(command: Command): void {
  const { output, archive, force, svg, dot } = command.optsWithGlobals<CommonOptions & PictureOptions>();
  const savesNothing = command.parent ? SAVING_NOTHING.includes(command.name()) : command.args.length === 0;
  if (output !== undefined && savesNothing) command.error("error: -o saves what is captured, and nothing is captured here.");
  if (archive && output === undefined) command.error("error: --archive says how -o saves, and there is no -o.");
  if (force && output === undefined && svg === undefined && dot === undefined)
    command.error("error: --force replaces the file of -o, and there is no -o.");
}

function ownersOption(): Option {
  return new Option("--owners", "say by which path pins are reached: takes references too").default(false);
}

function verb(program: Command, usage: string, description: string): Command {
  return program.command(usage).description(description).allowExcessArguments(false);
}

function addCommonOptions(program: Command): Command {
  return program
    .addOption(new Option("--format <format>", "text for people, json for programs").choices(["text", "json"]).default("text"))
    .addOption(new Option("--no-color", "no colours; NO_COLOR in the environment does the same"))
    .addOption(new Option("--width <columns>", `line width, at least ${LEAST_WIDTH}`).argParser(wholeNumberFrom(LEAST_WIDTH)))
    .addOption(
      new Option("--depth <levels>", "levels to show: of the ledger, of what dominates, of who refers")
        .argParser(wholeNumberFrom(1))
        .default(1),
    )
    .addOption(new Option("-v, --verbose", "notes and secondary figures too").default(false))
    .addOption(
      new Option("--max-pause <ms>", "resume the process after this long at the latest, all attempts together")
        .argParser(parseMilliseconds)
        .default(DEFAULT_MAX_PAUSE_MILLISECONDS, "1000"),
    )
    .addOption(
      new Option("--max-memory <size>", "memory for the copy, such as 2G (default: half of what is available)").argParser(
        parseSize,
      ),
    )
    .addOption(
      new Option("--allow-sigstop", "stop with SIGSTOP where ptrace is not possible: its parent can see that").default(false),
    )
    .addOption(new Option("--read-swapped", "read swapped pages too: brings them back into memory").default(false))
    .addOption(new Option("-o, --output <file>", "save what is captured, so that the next question needs no second stop"))
    .addOption(new Option("--archive", "save compressed: several times smaller, slower to open").default(false))
    .addOption(new Option("--force", "replace a snapshot of yours").default(false))
    .addOption(new Option("--with-values", "keep values of the process too: they may be secrets").default(false));
}

function unknownVerb(text: string, program: Command): Failure {
  const verbs = program.commands.map((command) => command.name()).join(", ");
  return { code: "usage", sentence: `"${text}" is neither a PID nor a verb.`, hint: `Verbs: ${verbs}. ${USAGE_HINT}` };
}

function finishResult(result: Result<void>, finish: (failure: Failure | undefined) => void): void {
  finish(result.ok ? undefined : result.failure);
}
