import { setTimeout } from "node:timers/promises";

const STILL_MILLISECONDS = 200;

/** The value once it stays the same for a moment: a target that said it is ready still touches pages until it sleeps. */
export async function settled(read: () => number): Promise<number> {
  for (let before = read(); ; ) {
    await setTimeout(STILL_MILLISECONDS);
    const now = read();
    if (now === before) return now;
    before = now;
  }
}
