import assert from "node:assert/strict";
import { test } from "node:test";
import { keepEnvironment } from "../../../src/target/environment.ts";

test("allocators' variables are kept, and nothing else", () => {
  const text = "PATH=/bin\0MALLOC_ARENA_MAX=2\0MALLOC_ARENA_MAX=4\0MALLOC_PASSWORD=x\0PYTHONMALLOC=debug\0xPYTHONMALLOC=1\0";
  assert.deepEqual(keepEnvironment(text), { MALLOC_ARENA_MAX: "2", PYTHONMALLOC: "debug" });
});

test("any text has an answer, and long values are cut", () => {
  assert.deepEqual(keepEnvironment(""), {});
  assert.deepEqual(keepEnvironment("PYTHONMALLOC\0=\0\0__proto__=1"), {});
  assert.equal(keepEnvironment(`MALLOC_CONF=${"a".repeat(5000)}`).MALLOC_CONF.length, 200);
});
