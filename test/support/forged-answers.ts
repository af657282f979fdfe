/**
 * Asks every verb about forged files, in a process of its own whose output is nobody else's:
 * `forged-answers.ts FILE ADDRESS FIRST_SEED LAST_SEED`. Prints a line of JSON for each file.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { PARTITION_KEYS } from "../../src/analysis/partitions.ts";
import { run } from "../../src/cli/program.ts";
import { forgedFile } from "./forged-file.ts";

/** What came of one forged file. */
export interface ForgedAnswers {
  readonly seed: number;
  readonly changes: readonly string[];
  /** Verbs that answered, of all that were asked. */
  readonly answered: number;
  readonly asked: number;
  /** Command lines that ended in a defect or printed what is no figure. */
  readonly wrong: readonly string[];
  readonly slowestMilliseconds: number;
}

const [sound, address, first, last] = process.argv.slice(2);
const print = process.stdout.write.bind(process.stdout);
for (let seed = Number(first); seed <= Number(last); seed++) print(`${JSON.stringify(await ask(seed))}\n`);

async function ask(seed: number): Promise<ForgedAnswers> {
  const { bytes, changes } = forgedFile(readFileSync(sound), seed);
  const path = `${sound}.${seed}.strata`;
  writeFileSync(path, bytes);
  let answered = 0;
  const wrong: string[] = [];
  let slowestMilliseconds = 0;
  const all = questions(path);
  for (const question of all) {
    const begun = performance.now();
    const { status, output, errors } = await captured(question);
    slowestMilliseconds = Math.max(slowestMilliseconds, performance.now() - begun);
    if (status === 0) answered++;
    const isNoFigure = /\b(NaN|Infinity|undefined)\b/.exec(output);
    if (errors.includes("defect") || isNoFigure) wrong.push(`${question.join(" ")}: ${errors}${isNoFigure?.[0] ?? ""}`);
  }
  rmSync(path);
  return { seed, changes, answered, asked: all.length, wrong, slowestMilliseconds };
}

function questions(file: string): readonly (readonly string[])[] {
  const verbs = [
    ["report", file, "--depth", "9", "-v"],
    ["types", file, "--retained"],
    ...PARTITION_KEYS.map((by) => ["types", file, "--by", by]),
    ["arenas", file],
    ["heap", file],
    ["explain", file, address],
    ["objects", file, "--sort", "retained"],
    ["retained", file, "--depth", "3"],
    ["retained", file, address],
    ["paths", file, address],
    ["paths", file, "dict"],
    ["referrers", file, address, "--depth", "2"],
    ["referents", file, address, "--depth", "2"],
    ["cycles", file, "--reachable"],
    ["diff", file, sound],
    ["diff", sound, file],
  ];
  return verbs.flatMap((verb) => [verb, [...verb, "--format", "json"]]);
}

async function captured(args: readonly string[]): Promise<{ status: number; output: string; errors: string }> {
  const texts = { output: "", errors: "" };
  const into = (key: keyof typeof texts) => (text: string | Uint8Array) => {
    texts[key] += String(text);
    return true;
  };
  process.stdout.write = into("output") as typeof process.stdout.write;
  process.stderr.write = into("errors") as typeof process.stderr.write;
  return { status: await run(args), ...texts };
}
