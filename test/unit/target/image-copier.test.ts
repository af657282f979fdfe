import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { LinearMemory } from "../../../src/target/linear-memory.ts";
import { MemoryImage } from "../../../src/target/memory-image.ts";
import { Errno, loadNative, MapFlags, MemoryProtection, type NativeCalls } from "../../../src/target/native.ts";
import { openImageCopier } from "../../../src/target/open-image-copier.ts";
import { monotonicMilliseconds } from "../../../src/target/pause/sleep.ts";

const PAGES = 64;
const HOLE = 17;
const native = loadNative();

/** Memory of our own, with one page in the middle unmapped again. */
function mapWithHole(calls: NativeCalls): number {
  const flags = MapFlags.private | MapFlags.anonymous;
  const address = calls.mmap(0, PAGES * PAGE_BYTES, MemoryProtection.read | MemoryProtection.write, flags, -1, 0);
  new Uint8Array(calls.viewOf(address, PAGES * PAGE_BYTES)).forEach((_, at, bytes) => {
    bytes[at] = 1 + (Math.floor(at / PAGE_BYTES) % 250);
  });
  calls.munmap(address + HOLE * PAGE_BYTES, PAGE_BYTES);
  return address;
}

/** Calls under which a seccomp profile forbids process_vm_readv. */
const forbidden = (calls: NativeCalls): NativeCalls => ({ ...calls, processVmReadv: () => -Errno.EPERM });

const WAYS = [
  { name: "process_vm_readv", pick: (calls: NativeCalls) => calls, bytes: 0, reader: "process_vm_readv" },
  { name: "process_vm_readv by two threads", pick: (calls: NativeCalls) => calls, bytes: 2 ** 30, reader: "process_vm_readv" },
  { name: "reads of mem where seccomp forbids more", pick: forbidden, bytes: 0, reader: "proc-mem" },
  { name: "reads of mem without native calls", pick: () => undefined, bytes: 0, reader: "proc-mem" },
] as const;

for (const { name, pick, bytes, reader } of WAYS) {
  test(`one page that cannot be read costs no other: ${name}`, { skip: native === undefined }, () => {
    if (!native) return;
    const start = mapWithHole(native);
    const range = { start, end: start + PAGES * PAGE_BYTES };
    const image = MemoryImage.layOut(LinearMemory.create(MemoryImage.bytesNeeded([range]), true), [range]);
    const copier = openImageCopier(process.pid, pick(native), bytes);
    assert.equal(copier.reader, reader);
    assert.ok(copier.populate(image, [range]));
    let meanwhile = 0;
    const outcome = copier.copy(image, [range], Number.POSITIVE_INFINITY, () => meanwhile++);
    assert.equal(meanwhile, 1);
    assert.deepEqual(outcome, {
      bytesCopied: (PAGES - 1) * PAGE_BYTES,
      unreadPages: 1,
      firstUnread: start + HOLE * PAGE_BYTES,
      inTime: true,
      gone: false,
    });
    for (let page = 0; page < PAGES; page++) {
      const expected = page === HOLE ? 0 : 1 + (page % 250);
      assert.equal(image.u8(start + page * PAGE_BYTES), expected);
      assert.equal(image.u8(start + page * PAGE_BYTES + PAGE_BYTES - 1), expected);
    }
    const late = copier.copy(image, [range], monotonicMilliseconds() - 1, () => {});
    assert.equal(late.inTime, false);
    copier.close();
    native.munmap(start, HOLE * PAGE_BYTES);
    native.munmap(start + (HOLE + 1) * PAGE_BYTES, (PAGES - HOLE - 1) * PAGE_BYTES);
  });
}
