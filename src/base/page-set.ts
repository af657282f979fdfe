import { countBits } from "./bits.ts";
import { MIB, PAGE_BYTES } from "./units.ts";

/** 2^12 is a page. */
const PAGE_SHIFT = 12;
const PAGES_PER_SLOT = MIB / PAGE_BYTES;
const WORDS_PER_SLOT = PAGES_PER_SLOT / 32;
/** Slots of 1 MiB in one 4 GiB region. */
const SLOTS_PER_REGION = 4096;
const REGION_BYTES = SLOTS_PER_REGION * MIB;
/** 4 GiB regions in the user half of the address space (2^47 bytes). */
const REGIONS = 32768;

/**
 * A set of pages of a 47-bit address space: two array look-ups to a 1 MiB slot of 256 bits, no search.
 * 32 bytes for each slot that holds a page, plus 16 KiB for each 4 GiB region that holds one.
 */
export class PageSet {
  private readonly regions = new Int32Array(REGIONS).fill(-1);
  private slots = new Int32Array(0);
  private regionCount = 0;
  private bits = new Uint32Array(64 * WORDS_PER_SLOT);
  private counts = new Uint16Array(64);
  private slotCount = 0;
  private total = 0;

  /** Number of pages in the set. */
  get pages(): number {
    return this.total;
  }

  /** Adds every page that begins in [start, end); both are page aligned. */
  addRange(start: number, end: number): void {
    for (let address = start; address < end; ) {
      const slotEnd = Math.min(end, (Math.floor(address / MIB) + 1) * MIB);
      const first = (address % MIB) / PAGE_BYTES;
      this.addToSlot(this.slotFor(Math.floor(address / MIB)), first, first + (slotEnd - address) / PAGE_BYTES);
      address = slotEnd;
    }
  }

  /** Adds pages [first, last) of a slot, a word of 32 at a time. */
  private addToSlot(slot: number, first: number, last: number): void {
    for (let page = first; page < last; page = (page | 31) + 1) {
      const word = slot * WORDS_PER_SLOT + (page >>> 5);
      const inWord = Math.min(last, (page | 31) + 1) - page;
      const mask = (inWord === 32 ? -1 : (1 << inWord) - 1) << (page & 31);
      const added = countBits(mask & ~this.bits[word]);
      this.bits[word] |= mask;
      this.counts[slot] += added;
      this.total += added;
    }
  }

  /** Removes every page that begins in [start, end). */
  removeRange(start: number, end: number): void {
    for (let address = start; address < end; address += PAGE_BYTES) {
      const slot = this.findSlot(Math.floor(address / MIB));
      if (slot < 0) continue;
      const page = (address % MIB) / PAGE_BYTES;
      const word = slot * WORDS_PER_SLOT + (page >>> 5);
      const mask = 1 << (page & 31);
      if ((this.bits[word] & mask) !== 0) {
        this.bits[word] &= ~mask;
        this.counts[slot]--;
        this.total--;
      }
    }
  }

  /** True when the page that holds `address` is in the set. */
  has(address: number): boolean {
    const slot = this.findSlot(Math.floor(address / MIB));
    if (slot < 0) return false;
    // By the low 32 bits, as an integer: the remainder of a large double is slow.
    const page = (address >>> PAGE_SHIFT) & (PAGES_PER_SLOT - 1);
    return ((this.bits[slot * WORDS_PER_SLOT + (page >>> 5)] >>> (page & 31)) & 1) === 1;
  }

  /** Bytes of [start, end) that lie on pages of the set; bounds need no alignment. Regions without a page cost one step each. */
  bytesWithin(start: number, end: number): number {
    let bytes = 0;
    for (let address = start; address < end; ) {
      const region = Math.floor(address / REGION_BYTES);
      if (!(this.regions[region] >= 0)) {
        address = (region + 1) * REGION_BYTES;
        continue;
      }
      const mib = Math.floor(address / MIB);
      const slotEnd = Math.min(end, (mib + 1) * MIB);
      const slot = this.findSlot(mib);
      if (slot >= 0) {
        if (this.counts[slot] === PAGES_PER_SLOT) bytes += slotEnd - address;
        else if (this.counts[slot] > 0) bytes += this.bytesInSlot(slot, address - mib * MIB, slotEnd - mib * MIB);
      }
      address = slotEnd;
    }
    return bytes;
  }

  private bytesInSlot(slot: number, from: number, to: number): number {
    let bytes = 0;
    for (let offset = from; offset < to; ) {
      const page = offset >>> PAGE_SHIFT;
      const next = Math.min(to, (page + 1) * PAGE_BYTES);
      if (((this.bits[slot * WORDS_PER_SLOT + (page >>> 5)] >>> (page & 31)) & 1) === 1) bytes += next - offset;
      offset = next;
    }
    return bytes;
  }

  private findSlot(mib: number): number {
    const region = this.regions[Math.floor(mib / SLOTS_PER_REGION)];
    return region === undefined || region < 0 ? -1 : this.slots[region * SLOTS_PER_REGION + (mib & (SLOTS_PER_REGION - 1))];
  }

  private slotFor(mib: number): number {
    const regionKey = Math.floor(mib / SLOTS_PER_REGION);
    if (this.regions[regionKey] < 0) {
      this.regions[regionKey] = this.regionCount++;
      const larger = new Int32Array(this.regionCount * SLOTS_PER_REGION).fill(-1);
      larger.set(this.slots);
      this.slots = larger;
    }
    const at = this.regions[regionKey] * SLOTS_PER_REGION + (mib % SLOTS_PER_REGION);
    if (this.slots[at] < 0) {
      this.slots[at] = this.slotCount++;
      if (this.slotCount > this.counts.length) {
        const counts = new Uint16Array(this.counts.length * 2);
        counts.set(this.counts);
        this.counts = counts;
        const bits = new Uint32Array(this.bits.length * 2);
        bits.set(this.bits);
        this.bits = bits;
      }
    }
    return this.slots[at];
  }
}
