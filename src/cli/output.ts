import type { Failure } from "../base/result.ts";
import { EXIT_DONE, EXIT_FAILED } from "./exit-status.ts";
import { wrapIndented } from "./format/layout.ts";
import { safeJson, safeText } from "./format/safe-text.ts";
import { chooseStyle, type Style, usableWidth } from "./format/style.ts";
import type { CommonOptions } from "./options.ts";

/** The style that options, environment and terminal ask for. */
export function styleFor(options: CommonOptions): Style {
  return chooseStyle({
    width: options.width,
    colour: options.color,
    verbose: options.verbose,
    terminalColumns: process.stdout.isTTY ? process.stdout.columns : undefined,
    environment: process.env,
  });
}

/** Lines that the next answer for people begins with. */
let announced: readonly string[] = [];

/** Says where an answer comes from, once there is one: nothing is announced before a failure. */
export function announce(lines: readonly string[]): void {
  announced = [...announced, ...lines];
}

/** Writes an answer to standard output. */
export function writeLines(lines: readonly string[]): void {
  process.stdout.write(`${[...announced, ...lines].join("\n")}\n`);
  announced = [];
}

/** Writes an answer for programs to standard output. */
export function writeJson(value: unknown): void {
  process.stdout.write(`${safeJson(value)}\n`);
}

/** Says on standard error what was done beside the answer. */
export function writeNotice(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Says on standard error what did not work, why, and what to do: never more than that for what was to be expected. */
export function writeFailure(failure: Failure, details: readonly string[] = []): void {
  const width = usableWidth(process.stderr.columns);
  const hint = failure.hint === undefined ? [] : wrapIndented(`  ${safeText(failure.hint)}`, width, 2);
  const lines = [...wrapIndented(`pystrata: ${safeText(failure.sentence)}`, width, 2), ...details, ...hint];
  announced = [];
  process.stderr.write(`${lines.join("\n")}\n`);
}

/** A defect of ours: one sentence and how to report it, the stack only on request. */
export function writeDefect(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  writeFailure({
    code: "failed",
    sentence: `This is a defect of pystrata, not of your process: ${message}.`,
    hint: "Please report it with the output of the same command under PYSTRATA_DEBUG=1. The process runs on.",
  });
  if (process.env.PYSTRATA_DEBUG === "1" && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
}

/** A reader that went away, such as `head`, is no failure; a full disk is. */
export function guardOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT_DONE);
    writeFailure({ code: "failed", sentence: `The output could not be written: ${error.message}.`, hint: "Is the disk full?" });
    process.exit(EXIT_FAILED);
  });
  // Nobody is left to tell.
  process.stderr.on("error", () => {});
  process.on("uncaughtException", (error) => {
    writeDefect(error);
    process.exit(EXIT_FAILED);
  });
}
