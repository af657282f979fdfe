import assert from "node:assert/strict";
import { test } from "node:test";
import { type Layout, layoutsFor, layoutVersions, loadLayout } from "../../../../src/strata/cpython/layouts/layout.ts";

const COVERED_MINORS = [6, 7, 8, 9, 10, 11, 12, 13];

function layouts(): readonly Layout[] {
  return layoutVersions().map(loadLayout);
}

test("there is a table for every covered minor release, in order", () => {
  const minors = layoutVersions().map((version) => version.minor);
  assert.deepEqual([...new Set(minors)], COVERED_MINORS);
});

test("fields lie inside their structures", () => {
  for (const layout of layouts()) {
    for (const structure of [
      "PyTypeObject",
      "PyDictObject",
      "PyUnicodeObject",
      "PyCodeObject",
      "PyInterpreterState",
      "PyThreadState",
    ]) {
      let last = 0;
      for (const field of layout.fields(structure)) {
        const offset = layout.offset(structure, field);
        assert.ok(
          offset + layout.fieldSize(structure, field) <= layout.size(structure),
          `${layout.version} ${structure}.${field}`,
        );
        last = Math.max(last, offset);
      }
      assert.ok(last > 0);
    }
    assert.equal(layout.offset("PyObject", "ob_type"), 8);
    assert.equal(layout.size("pool_header"), 48);
    assert.equal(layout.size("arena_object"), 48);
  }
});

test("bit fields name their bits", () => {
  for (const layout of layouts()) {
    const kind = layout.bitField("PyASCIIObject", "state.kind");
    assert.deepEqual({ firstBit: kind.firstBit, bits: kind.bits }, { firstBit: 2, bits: 3 }, layout.version);
    assert.throws(() => layout.bitField("PyASCIIObject", "length"), RangeError);
  }
});

test("structures of extension modules are there", () => {
  for (const layout of layouts()) {
    for (const structure of [
      "dequeobject",
      "PyODictObject",
      "lru_cache_object",
      "productobject",
      "PyStructObject",
      "buffered",
    ]) {
      assert.ok(layout.has(structure), `${layout.version} ${structure}`);
    }
    for (const structure of ["ElementObject", "arrayobject", "TaskObj", "FutureObj"])
      assert.ok(layout.has(structure), structure);
  }
});

test("an unknown name is a mistake of ours", () => {
  const layout = loadLayout(layoutVersions()[0]);
  assert.equal(layout.has("NoSuchObject"), false);
  assert.equal(layout.has("PyObject", "no_such_field"), false);
  assert.throws(() => layout.size("NoSuchObject"), /has no structure NoSuchObject/);
  assert.throws(() => layout.offset("PyObject", "no_such_field"), /has no field PyObject\.no_such_field/);
});

test("the nearest patch release comes first, another minor release never", () => {
  const [known] = layoutVersions().filter((version) => version.minor === 11);
  assert.equal(layoutsFor({ major: 3, minor: 11, micro: 0 })[0].version, `3.11.${known.micro}`);
  assert.deepEqual(layoutsFor({ major: 3, minor: 2, micro: 0 }), []);
  assert.deepEqual(layoutsFor({ major: 2, minor: 7, micro: 18 }), []);
});
