/**
 * What no linter knows: every folder of src/ has its README, no source file outgrows one purpose, links between documents lead
 * somewhere, the version of the package has its entry in the changelog.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./run.js";

/** Most files stay below 300 lines; past this one holds more than one purpose. */
const LONGEST_SOURCE_LINES = 450;

const problems = [...foldersWithoutReadme(), ...longSources(), ...brokenLinks(), ...missingChanges()];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

function foldersWithoutReadme() {
  return filesBelow("src")
    .filter((path) => path.endsWith(".ts"))
    .map((path) =>
      path
        .split("/")
        .slice(0, path.startsWith("src/strata/") ? 3 : 2)
        .join("/"),
    )
    .filter((folder, index, all) => all.indexOf(folder) === index && !existsSync(join(ROOT, folder, "README.md")))
    .map((folder) => `${folder}: no README.md`);
}

function longSources() {
  return filesBelow("src")
    .filter((path) => path.endsWith(".ts") && linesOf(path) > LONGEST_SOURCE_LINES)
    .map((path) => `${path}: ${linesOf(path)} lines, more than ${LONGEST_SOURCE_LINES}`);
}

function linesOf(path) {
  return readFileSync(join(ROOT, path), "utf8").split("\n").length - 1;
}

function brokenLinks() {
  const documents = [
    ...filesBelow("docs"),
    ...filesBelow("src"),
    ...filesBelow("."),
    ...filesBelow("samples"),
    ...filesBelow("bench"),
  ];
  return [...new Set(documents)]
    .filter((path) => path.endsWith(".md"))
    .flatMap((path) =>
      [...readFileSync(join(ROOT, path), "utf8").matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)]
        .filter(([, link]) => !existsSync(join(ROOT, dirname(path), link)))
        .map(([, link]) => `${path}: link to ${link}, which is not there`),
    );
}

function missingChanges() {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return readFileSync(join(ROOT, "CHANGELOG.md"), "utf8").includes(`## ${version}`)
    ? []
    : [`CHANGELOG.md: no entry for ${version}`];
}

/** Paths of files below a folder; of the root itself only those that lie directly in it. */
function filesBelow(folder) {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: folder !== "." })
    .map((name) => (folder === "." ? name : `${folder}/${name}`))
    .filter((name) => statSync(join(ROOT, name)).isFile());
}
