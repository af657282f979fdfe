import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { ElfImage } from "../../../src/binary/elf-image.ts";
import { readMaps } from "../../../src/target/proc/maps.ts";
import { BufferMemory } from "../../support/buffer-memory.ts";
import { ProcessMemory } from "../../support/process-memory.ts";

interface Module {
  readonly path: string;
  readonly base: number;
}

/** The files that this very process runs from. */
function ownModules(): readonly Module[] {
  const maps = readMaps(process.pid);
  assert.ok(maps.ok);
  const first = maps.value.filter(
    (mapping) => mapping.offset === 0 && mapping.inode !== 0 && /node$|\.so[.\d]*$/.test(mapping.path),
  );
  return [...new Map(first.map((mapping) => [mapping.path, { path: mapping.path, base: mapping.start }])).values()];
}

/** Address in the file and name of each defined dynamic symbol, as binutils see it. */
function symbolsOf(path: string): readonly { readonly address: number; readonly name: string }[] {
  const text = execFileSync("nm", ["-D", "--defined-only", path], { encoding: "utf8", maxBuffer: 2 ** 28 });
  // Upper case: global; W and V: weak. Absolute (A) and thread-local symbols (shown as B or D) have no address here.
  return [...text.matchAll(/^(\w+) ([TWVR]) ([^@\n]+)(?:@.*)?$/gm)].map(([, address, , name]) => ({
    address: Number.parseInt(address, 16),
    name,
  }));
}

test("symbols of this process's modules are where nm says", (t) => {
  const memory = new ProcessMemory(t, process.pid);
  const modules = ownModules();
  assert.ok(modules.length >= 4);
  let compared = 0;
  for (const { path, base } of modules) {
    const elf = ElfImage.read(memory, base);
    assert.ok(elf, path);
    const symbols = symbolsOf(path);
    const named = new Map<string, number[]>();
    for (const { name, address } of symbols) named.set(name, [...(named.get(name) ?? []), address]);
    const sample = symbols.filter((_, index) => index % Math.ceil(symbols.length / 200) === 0);
    for (const { name } of sample) {
      const found = elf.symbolAddress(name);
      assert.ok(found !== undefined, `${path}: ${name}`);
      assert.ok(named.get(name)?.includes(found - elf.bias), `${path}: ${name}`);
      compared++;
    }
    assert.equal(elf.symbolAddress("no_such_symbol_anywhere"), undefined);
  }
  assert.ok(compared > 500);
});

test("all symbols with a prefix are those that are found one by one", (t) => {
  const memory = new ProcessMemory(t, process.pid);
  const libc = ownModules().find(({ path }) => /libc\.so/.test(path)) as Module;
  const elf = ElfImage.read(memory, libc.base) as ElfImage;
  const found = elf.symbolsWithPrefix(["malloc", "pthread_"]);
  const names = new Set(symbolsOf(libc.path).map(({ name }) => name));
  assert.deepEqual(
    new Set(found.keys()),
    new Set([...names].filter((name) => name.startsWith("malloc") || name.startsWith("pthread_"))),
  );
  assert.ok(found.has("malloc") && found.size > 50);
  assert.match(elf.soname() ?? "", /^libc\.so/);
});

test("build identifiers, segments and kinds are those of readelf", (t) => {
  const memory = new ProcessMemory(t, process.pid);
  for (const { path, base } of ownModules()) {
    const elf = ElfImage.read(memory, base) as ElfImage;
    const notes = execFileSync("readelf", ["-nW", path], { encoding: "utf8" });
    assert.equal(elf.buildId(), /Build ID: (\w+)/.exec(notes)?.[1], path);
    const headers = execFileSync("readelf", ["-lW", path], { encoding: "utf8" });
    assert.equal(elf.segments().length, headers.match(/^\s+LOAD /gm)?.length);
    assert.equal(elf.threadLocal() !== undefined, /^\s+TLS /m.test(headers));
    assert.ok(elf.segments().some((segment) => segment.executable && !segment.writable));
  }
  const executable = ownModules().find(({ path }) => path === process.execPath) as Module;
  assert.equal(ElfImage.read(memory, executable.base)?.isExecutable(), true);
});

test("garbage is no module, and a broken module does no harm", (t) => {
  const memory = new ProcessMemory(t, process.pid);
  const smallest = ownModules().find(({ path }) => /libdl|libpthread|librt|libm\.so/.test(path)) as Module;
  const pristine = memory.bytes(smallest.base, 4096) as Uint8Array;
  const start = 0x10000;
  assert.equal(ElfImage.read(new BufferMemory(start, new Uint8Array(4096)), start), undefined);
  const changes = fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { maxLength: 40 });
  fc.assert(
    fc.property(changes, fc.string({ maxLength: 20 }), (bytes, name) => {
      const content = pristine.slice();
      for (const [offset, value] of bytes) content[offset] = value;
      const elf = ElfImage.read(new BufferMemory(start, content), start);
      elf?.symbolAddress(name);
      elf?.symbolsWithPrefix([name]);
      elf?.buildId();
      elf?.soname();
      elf?.segments();
    }),
  );
});
