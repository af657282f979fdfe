/** `print-phases.ts PID` captures a process and prints the milliseconds of each phase as JSON. */
import { captureSnapshot } from "../src/capture/capture.ts";

const phases: Record<string, number> = {};
let current = "";
let began = performance.now();
const phase = (next: string): void => {
  const now = performance.now();
  if (current !== "") phases[current] = (phases[current] ?? 0) + now - began;
  current = next;
  began = performance.now();
};
const captured = await captureSnapshot(Number(process.argv[2]), {
  maxPauseMilliseconds: 10_000,
  allowSigstop: process.env.PYSTRATA_NO_NATIVE === "1",
  phase,
});
phase("");
if (!captured.ok) throw new Error(captured.failure.sentence);
console.log(JSON.stringify(phases));
