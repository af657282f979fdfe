import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("../", import.meta.url));

const LOCK = `${ROOT}package-lock.json`;
/** The lock file that node_modules was installed from. */
const STAMP = `${ROOT}node_modules/.installed-lock.json`;

/** Runs `npm ci` when node_modules is absent or not what the lock file says; needs nothing but Node itself. */
export function install() {
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === readFileSync(LOCK, "utf8")) return;
  run("npm", ["ci", "--no-audit", "--no-fund"]);
  writeFileSync(STAMP, readFileSync(LOCK, "utf8"));
}

/** Runs a command in the repository's folder; ends this process with its status when it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit", ...options });
  if (status === 0) return;
  console.error(`${[command, ...args].slice(0, 4).join(" ")}: ${error?.message ?? signal ?? `exit status ${status}`}`);
  process.exit(status ?? 1);
}
