import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  Errno,
  errorName,
  IoVectors,
  loadNative,
  MapFlags,
  MemoryAdvice,
  MemoryProtection,
  WaitEvent,
} from "../../../src/target/native.ts";

const native = loadNative();

describe("native calls", { skip: native === undefined ? "koffi is not installed" : false }, () => {
  if (native === undefined) return;

  it("are undefined when PYSTRATA_NO_NATIVE=1 asks for it", () => {
    process.env["PYSTRATA_NO_NATIVE"] = "1";
    try {
      assert.equal(loadNative(), undefined);
    } finally {
      delete process.env["PYSTRATA_NO_NATIVE"];
    }
    assert.equal(loadNative(), native);
  });

  it("report failures as negative errno with a name", () => {
    assert.equal(native.ptraceInterrupt(0), -Errno.ESRCH);
    assert.equal(errorName(-Errno.ESRCH), "ESRCH");
    assert.equal(native.waitChild(process.ppid, new WaitEvent(), true), -Errno.ECHILD);
    assert.equal(native.munmap(1, 4096), -Errno.EINVAL);
    assert.equal(errorName(99999), "errno 99999");
  });

  it("copy scattered memory, of a process, into a buffer", () => {
    const source = Uint8Array.from({ length: 8192 }, (_, index) => index % 251);
    const target = new Uint8Array(300);
    const local = new IoVectors(1);
    const remote = new IoVectors(2);
    local.set(0, native.addressOf(target), 300);
    remote.set(0, native.addressOf(source) + 1000, 100);
    remote.set(1, native.addressOf(source) + 7000, 200);
    assert.equal(native.processVmReadv(process.pid, local, 1, remote, 2), 300);
    assert.deepEqual(target.subarray(0, 100), source.subarray(1000, 1100));
    assert.deepEqual(target.subarray(100), source.subarray(7000, 7200));
    remote.set(0, 2 ** 46, 100);
    assert.equal(native.processVmReadv(process.pid, local, 1, remote, 1), -Errno.EFAULT);
  });

  it("give the addresses of buffers and of WebAssembly memory", () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const bytes = new Uint8Array(memory.buffer);
    bytes[4096] = 77;
    const copy = new Uint8Array(64);
    const local = new IoVectors(1);
    const remote = new IoVectors(1);
    local.set(0, native.addressOf(copy), 1);
    remote.set(0, native.addressOf(memory.buffer) + 4096, 1);
    assert.equal(native.processVmReadv(process.pid, local, 1, remote, 1), 1);
    assert.equal(copy[0], 77);
    assert.equal(native.addressOf(bytes.subarray(8)), native.addressOf(memory.buffer) + 8);
  });

  it("map memory, advise on it and unmap it", () => {
    const bytes = 16 * 4096;
    const address = native.mmap(
      0,
      bytes,
      MemoryProtection.read | MemoryProtection.write,
      MapFlags.private | MapFlags.anonymous,
      -1,
      0,
    );
    assert.ok(address > 0, errorName(address));
    const view = new Uint8Array(native.viewOf(address, bytes));
    view.fill(5);
    assert.equal(native.madvise(address, bytes, MemoryAdvice.dontNeed), 0);
    assert.equal(view[4096], 0);
    assert.equal(native.munmap(address, bytes), 0);
    assert.ok(!readFileSync("/proc/self/maps", "utf8").includes(`${address.toString(16)}-`));
  });

  it("tell that a child has ended, and leave the event in place when asked", async () => {
    // A child that libuv does not wait for before we look: no turn of the event loop lies between.
    const child = spawn("true");
    const event = new WaitEvent();
    const until = Date.now() + 5000;
    while (native.waitChild(child.pid ?? 0, event, false) === 0) assert.ok(Date.now() < until);
    assert.equal(event.ended, true);
    assert.equal(native.waitChild(child.pid ?? 0, event, false), 1);
    const code = await new Promise((resolve) => child.once("exit", resolve));
    assert.equal(code, 0);
  });

  it("change whether this process can be dumped", () => {
    assert.equal(native.setDumpable(true), 0);
  });
});
