import { cpus, loadavg, release, totalmem } from "node:os";

/** A load above this spoils wall times on a machine with few cores. */
const QUIET_LOAD = 1.5;

/** The machine that figures were taken on, in one line. */
export function describeMachine(): string {
  const processors = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${processors.length} × ${processors[0].model.trim()}, ${memory}, Linux ${release()}, Node ${process.version}`;
}

/** What to know about the figures when others kept the machine busy; undefined when it was quiet. */
export function describeLoad(): string | undefined {
  const [load] = loadavg();
  return load > QUIET_LOAD ? `The machine was busy (load ${load.toFixed(1)}): times are too long.` : undefined;
}
