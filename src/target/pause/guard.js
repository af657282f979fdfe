// The guard of a SIGSTOP: a process in a session of its own that lets the target run again when pystrata dies in the pause.
// Plain JavaScript, because it is started as a file of its own both from the sources and from the published package.
//
// Arguments: PID and start time (clock ticks since boot). Standard input is a pipe from pystrata; its end without the word
// "done" means that pystrata is gone.
import { readFileSync, writeFileSync } from "node:fs";

const [pid, startTicks] = process.argv.slice(2);
const START_TICKS_FIELD = 19;
let heard = "";

function resumeTarget() {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return; // the target is gone
  }
  // comm may hold blanks and parentheses: its last ")" ends it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Another start time is another process under a reused PID.
  if (fields[START_TICKS_FIELD] !== startTicks) return;
  try {
    process.kill(Number(pid), "SIGCONT");
  } catch {
    // It ended just now.
  }
}

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT"]) process.on(signal, () => {});
try {
  // pystrata offers itself to the kernel when memory runs out; its guard must outlive it.
  writeFileSync("/proc/self/oom_score_adj", "0");
} catch {
  // Then it stays as it is.
}
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => {
  heard += text;
});
process.stdin.on("error", () => {});
process.stdin.on("close", () => {
  if (!heard.includes("done")) resumeTarget();
  process.exit(0);
});
// Seen by pystrata in /proc as the sign that the guard is on duty.
process.title = "pystrata-guard";
