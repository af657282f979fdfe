import { parseKilobyteLines, readOptionalFile } from "./proc-file.ts";

/** MemAvailable of /proc/meminfo in bytes (Linux 3.14 and later); undefined where it is not told. */
export function parseAvailableBytes(text: string): number | undefined {
  return parseKilobyteLines(text).get("MemAvailable");
}

export function readAvailableBytes(): number | undefined {
  const text = readOptionalFile("/proc/meminfo");
  return text === undefined ? undefined : parseAvailableBytes(text);
}
