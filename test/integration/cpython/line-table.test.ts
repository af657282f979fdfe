import assert from "node:assert/strict";
import { lineFromLinetable, lineFromLnotab, lineFromLocationTable } from "../../../src/strata/cpython/runtime/line-table.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";

interface CodeLines {
  readonly name: string;
  readonly firstLine: number;
  /** Hexadecimal. */
  readonly table: string;
  /** [offset in bytes, line or null], for every instruction. */
  readonly lines: readonly (readonly [number, number | null])[];
}

/** All functions of some modules of the standard library, and what the interpreter says about each instruction. */
const ALL_CODE = `
import argparse, ast, asyncio.base_events, dis, inspect, json, sys, types
import typing, subprocess, threading, pickle, logging, unittest.mock

def codes_of(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_of(constant)

def lines_of(code):
    length = len(code.co_code)
    if hasattr(code, "co_lines"):
        lines = [None] * (length // 2)
        for start, end, line in code.co_lines():
            for offset in range(max(start, 0), min(end, length), 2):
                lines[offset // 2] = line
        return [[2 * index, line] for index, line in enumerate(lines)]
    # As PyCode_Addr2Line of the C code does, by the module's own implementation of the same table.
    starts = sorted(dis.findlinestarts(code))
    lines, line, position = [], code.co_firstlineno, 0
    for offset in range(0, length, 2):
        while position < len(starts) and starts[position][0] <= offset:
            line = starts[position][1]
            position += 1
        lines.append([offset, line])
    return lines

modules = [argparse, ast, asyncio.base_events, inspect, typing, subprocess, threading, pickle, logging, unittest.mock]
for module in modules:
    with open(module.__file__, encoding="utf8") as source:
        for code in codes_of(compile(source.read(), module.__file__, "exec")):
            table = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
            print(json.dumps({"name": code.co_name, "firstLine": code.co_firstlineno, "table": table.hex(), "lines": lines_of(code)}))
print("null")
`;

testOnEveryPython("the line of every instruction", async (t, python) => {
  const target = startTarget(t, python, ALL_CODE);
  const find = python.minor >= 11 ? lineFromLocationTable : python.minor === 10 ? lineFromLinetable : lineFromLnotab;
  let functions = 0;
  let withoutLine = 0;
  for (;;) {
    const code = JSON.parse(await target.line()) as CodeLines | null;
    if (code === null) break;
    const table = Uint8Array.from(Buffer.from(code.table, "hex"));
    functions++;
    for (const [offset, line] of code.lines) {
      if (line === null) withoutLine++;
      assert.equal(find(table, code.firstLine, offset) ?? null, line, `${code.name} at ${offset}`);
    }
  }
  assert.ok(functions > 1000, `${functions} functions`);
  assert.equal(withoutLine > 0, python.minor >= 10, "instructions without a line exist from 3.10");
});
