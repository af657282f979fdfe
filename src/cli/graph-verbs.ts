import { type Command, Option } from "commander";
import type { Result } from "../base/result.ts";
import { type RetainedArguments, wholeNumberFrom } from "./options.ts";
import type { SnapshotSource } from "./source.ts";

/** Runs a verb on the PID or file of a command line. */
export type OnSource = (text: string, verb: (source: SnapshotSource) => Promise<Result<void>>) => Promise<void>;
type AddVerb = (usage: string, description: string) => Command;

/** Declares the verbs that ask who holds what: all need references. */
export function addGraphVerbs(addVerb: AddVerb, onSource: OnSource): void {
  addVerb("retained <pid|file> [address]", "what would go with what: the objects that retain most, or what one object retains")
    .addOption(limitOption("20"))
    .action((text: string, address: string | undefined, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/retained.ts")).retained(source, address, command.optsWithGlobals<RetainedArguments>()),
      ),
    );
}

function limitOption(usual: string): Option {
  return new Option("--limit <rows>", `rows to show, 0 for all (${usual})`).argParser(wholeNumberFrom(0));
}
