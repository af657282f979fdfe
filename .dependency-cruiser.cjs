/**
 * The house: which folder may import which. Arrows point down only; everything may import `base`.
 * Types count as imports, tests and tools may import anything.
 */

const RULES_OF_STRATA = "strata/[a-z/]+/rules";
const STRATA = "strata/(os|malloc|pymalloc|cpython)";

/** Folder → folders below it that it may import, beside itself and `base`. */
const HOUSE = {
  base: [],
  binary: [],
  target: ["binary"],
  "strata/os": ["target"],
  "strata/malloc": ["binary", "target"],
  "strata/pymalloc": ["target"],
  "strata/cpython": ["binary", "target", "strata/pymalloc", "strata/malloc"],
  snapshot: [],
  capture: ["binary", "target", STRATA, "snapshot"],
  graph: [],
  analysis: ["snapshot", "graph", RULES_OF_STRATA],
  findings: ["analysis", "snapshot", RULES_OF_STRATA],
  query: ["snapshot", "analysis"],
  export: ["snapshot", "analysis", "query"],
  server: ["analysis", "findings", "query", "export", "snapshot"],
  cli: ["binary", "target", STRATA, "snapshot", "capture", "analysis", "findings", "query", "export", "server"],
};

const arrows = Object.entries(HOUSE).map(([folder, below]) => ({
  name: `arrows-of-${folder.replace("/", "-")}`,
  comment: `src/${folder} may import ${["base", ...below].join(", ")} and nothing else of src`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: { path: "^src/", pathNot: `^src/(${["base", folder, ...below].join("|")})/` },
}));

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: "rules-know-no-target",
      comment: "rules of an allocator or a version are pure functions: analyses use them on saved snapshots",
      severity: "error",
      from: { path: `^src/${RULES_OF_STRATA}/` },
      to: { path: "^src/", pathNot: `^src/(base|${STRATA})/` },
    },
    {
      name: "rules-decode-nothing",
      comment: "of their stratum they may know types only",
      severity: "error",
      from: { path: `^src/${RULES_OF_STRATA}/` },
      to: { path: "^src/strata/", pathNot: `^src/${RULES_OF_STRATA}/`, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "every-folder-has-a-rule",
      comment: "a new folder of src needs its line in the house",
      severity: "error",
      from: { path: "^src/", pathNot: `^src/(${Object.keys(HOUSE).join("|")})/` },
      to: {},
    },
    {
      name: "native-calls-only-in-target-and-mmap",
      comment: "everything must work without koffi; one place decides",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(target/|base/mmap)" },
      to: { path: "koffi" },
    },
    {
      name: "source-imports-no-tests",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|tools|bench|samples)/" },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: { path: "^src/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "not-resolvable", severity: "error", from: { path: "^src/" }, to: { couldNotResolve: true } },
    {
      name: "no-development-dependencies",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "/generated/|\\.as\\.ts$" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "types"] },
  },
};
