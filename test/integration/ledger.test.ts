import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { TestContext } from "node:test";
import { buildLedger } from "../../src/analysis/ledger.ts";
import type { LedgerNode } from "../../src/analysis/ledger-tree.ts";
import { captureSnapshot } from "../../src/capture/capture.ts";
import type { Snapshot } from "../../src/snapshot/tables.ts";
import { checkSums, leafSum } from "../support/ledger.ts";
import { type PythonTarget, testOnEveryPython } from "../support/pythons.ts";
import { startTarget } from "../support/spawn.ts";
import { startTruth } from "../support/truth.ts";

/** Largest share of memory that nobody may recognise. */
const MOST_UNEXPLAINED = 0.005;

const SCENARIOS: Readonly<Record<string, { readonly code: string; readonly env?: Readonly<Record<string, string>> }>> = {
  "zero pages, untouched shared memory and a huge page request": {
    code: `
import mmap, ctypes
zero = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
sum(zero[i] for i in range(0, 64 << 20, 4096))
untouched = mmap.mmap(-1, 1 << 30)
shared = mmap.mmap(-1, 8 << 20)
shared.write(b"x" * (4 << 20))
huge = mmap.mmap(-1, 16 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
ctypes.CDLL(None).madvise(ctypes.byref(ctypes.c_char.from_buffer(huge)), ctypes.c_size_t(16 << 20), 14)
huge.write(b"y" * (16 << 20))
`,
  },
  "threads with heaps of their own": {
    code: `
import threading
def work(kept):
    lists = [[bytes(n % 3000) for n in range(5000)] for _ in range(3)]
    kept.append(lists[0][::7])
    done.wait()
done = threading.Event()
kept = []
workers = [threading.Thread(target=work, args=(kept,), daemon=True) for _ in range(6)]
for worker in workers: worker.start()
while len(kept) < 6: pass
finished = threading.Thread(target=lambda: bytearray(1 << 20)); finished.start(); finished.join()
`,
  },
  "memory from malloc only": { code: "kept = [str(n) * 3 for n in range(100000)]\n", env: { PYTHONMALLOC: "malloc" } },
};

for (const [name, { code, env }] of Object.entries(SCENARIOS)) {
  testOnEveryPython(`every resident byte is on one leaf: ${name}`, async (t, python) => {
    const source = `${code}\nprint("ready", flush=True)\nimport sys; sys.stdin.read()`;
    const target = startTarget(t, python, source, { env: env ?? {} });
    assert.equal(await target.line(), "ready");
    await account(t, python, target.pid);
  });
}

testOnEveryPython("every resident byte is on one leaf: a rich heap", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 500 });
  await account(t, python, truth.target.pid);
});

async function account(t: TestContext, python: PythonTarget, pid: number): Promise<void> {
  const captured = await captureSnapshot(pid, {});
  assert.ok(captured.ok, captured.ok ? "" : captured.failure.sentence);
  const snapshot = captured.value;
  const { root, coverage } = buildLedger(snapshot);
  assert.equal(root.residentBytes, snapshot.process.residentBytes);
  checkSums(root);
  assert.equal(leafSum(root), snapshot.process.residentBytes);
  assert.equal(coverage.placedBytes + coverage.unexplainedBytes, snapshot.process.residentBytes);
  const unexplained = root.children?.find((child) => child.key === "unexplained");
  assert.ok(
    coverage.unexplainedBytes >= 0 && coverage.unexplainedBytes <= MOST_UNEXPLAINED * root.residentBytes,
    JSON.stringify(unexplained),
  );
  checkObjects(snapshot, root);
  const attributed = (100 * coverage.attributedBytes) / root.residentBytes;
  t.diagnostic(
    `${python.version}: ${root.residentBytes} bytes resident, ${coverage.unexplainedBytes} unexplained, ${attributed.toFixed(2)} % attributed`,
  );
  assert.equal(snapshot.capture.consistent, true);
  assert.ok(existsSync(`/proc/${pid}`));
}

/** The Objects leaf is the sum over types. */
function checkObjects({ types }: Snapshot, root: LedgerNode): void {
  const objects = root.children?.find((child) => child.key === "objects");
  assert.equal(
    types.residentBytes.reduce((sum, bytes) => sum + bytes, 0),
    objects?.residentBytes,
  );
}
