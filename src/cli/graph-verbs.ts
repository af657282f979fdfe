import { type Command, Option } from "commander";
import type { Result } from "../base/result.ts";
import type { ReferenceVerb } from "./json/referrers-json.ts";
import {
  type CyclesArguments,
  type LevelsArguments,
  type LimitedArguments,
  type ObjectsArguments,
  parseGeneration,
  parseObjectSortKey,
  parseSize,
  type ReferencesArguments,
  wholeNumberFrom,
} from "./options.ts";
import type { SnapshotSource } from "./source.ts";

/** Runs a verb on the PID or file of a command line. */
export type OnSource = (text: string, verb: (source: SnapshotSource) => Promise<Result<void>>) => Promise<void>;
type AddVerb = (usage: string, description: string) => Command;

/** Declares the verbs that ask who holds what: all need references. */
export function addGraphVerbs(addVerb: AddVerb, onSource: OnSource): void {
  const addReferenceVerb = (name: ReferenceVerb, description: string): void => {
    addVerb(`${name} <pid|file> <address>`, description)
      .addOption(limitOption("15 a level"))
      .addOption(new Option("--svg <file>", "draw what retains it, as SVG"))
      .addOption(new Option("--dot <file>", "draw what retains it, as DOT"))
      .action((text: string, address: string, _: unknown, command: Command) =>
        onSource(text, async (source) =>
          (await import("./commands/references.ts")).references(
            name,
            source,
            address,
            command.optsWithGlobals<ReferencesArguments>(),
          ),
        ),
      );
  };
  addVerb("retained <pid|file> [address]", "what would go with what: the objects that retain most, or what one object retains")
    .addOption(limitOption("20"))
    .action((text: string, address: string | undefined, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/retained.ts")).retained(source, address, command.optsWithGlobals<LevelsArguments>()),
      ),
    );
  addVerb(
    "paths <pid|file> <address|type>",
    "why an object, or the instances of a type, are alive: shortest paths from their roots",
  )
    .addOption(limitOption("10"))
    .action((text: string, target: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/paths.ts")).paths(source, target, command.optsWithGlobals<LimitedArguments>()),
      ),
    );
  addReferenceVerb("referrers", "who refers to an object, and by what name");
  addReferenceVerb("referents", "what an object refers to, and by what name");
  addVerb("objects <pid|file>", "single objects by type, generation and size, largest first")
    .addOption(new Option("--type <name>", "only objects of this type: Session, or with its module"))
    .addOption(
      new Option("--generation <number>", "only objects of this generation: 0, 1, 2 or untracked").argParser(parseGeneration),
    )
    .addOption(new Option("--least <size>", "only objects of at least this size, such as 1M").argParser(parseSize))
    .addOption(new Option("--sort <key>", "shallow, owned or retained").argParser(parseObjectSortKey).default("owned"))
    .addOption(limitOption("30"))
    .action((text: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/objects.ts")).objects(source, command.optsWithGlobals<ObjectsArguments>()),
      ),
    );
  addVerb("cycles <pid|file>", "garbage that waits for a collection, who closes its cycles, the collector's state")
    .addOption(new Option("--reachable", "cycles that are in use too").default(false))
    .addOption(limitOption("20"))
    .action((text: string, _: unknown, command: Command) =>
      onSource(text, async (source) =>
        (await import("./commands/cycles.ts")).cycles(source, command.optsWithGlobals<CyclesArguments>()),
      ),
    );
  addVerb(
    "diff <before> <after>",
    "two snapshots, each a PID or a file: what grew, who holds it, what appeared, stayed and went",
  )
    .addOption(limitOption("20 types, 20 holders; JSON: all"))
    .action((before: string, after: string, _: unknown, command: Command) =>
      onSource(before, async (source) =>
        (await import("./commands/diff.ts")).diff(source, after, command.optsWithGlobals<LimitedArguments>()),
      ),
    );
}

function limitOption(usual: string): Option {
  return new Option("--limit <rows>", `rows to show, 0 for all (${usual})`).argParser(wholeNumberFrom(0));
}
