/** `npm run lint`: format and rules, the house's arrows, unused code, and what only this repository asks of its files. */
import { spawnSync } from "node:child_process";
import { ROOT } from "./run.js";

const CHECKS = [
  ["npx", ["biome", "check", "--error-on-warnings", "."]],
  ["npx", ["depcruise", "--config", ".dependency-cruiser.cjs", "--output-type", "err", "src"]],
  ["npx", ["knip", "--no-progress"]],
  [process.execPath, ["tools/check-files.js"]],
];

// All of them, so that one round shows everything there is to mend.
const failed = CHECKS.filter(([command, args]) => spawnSync(command, args, { cwd: ROOT, stdio: "inherit" }).status !== 0);
for (const [, [name]] of failed) console.error(`lint: ${name} found something`);
process.exitCode = failed.length > 0 ? 1 : 0;
