import type { AddressRange, MemoryImage } from "./memory-image.ts";

/** How a copy went. */
export interface CopyOutcome {
  readonly bytesCopied: number;
  readonly unreadPages: number;
  readonly firstUnread: number | undefined;
  /** False when the deadline came first; the image is then of no use. */
  readonly inTime: boolean;
  /** The process is gone. */
  readonly gone: boolean;
}

/** Copies pages of a stopped process into an image. */
export interface ImageCopier {
  readonly reader: "process_vm_readv" | "proc-mem";
  /** Touches the pages of the image that `ranges` will fill, so that no page fault of ours lies in the pause; false without memory. */
  populate(image: MemoryImage, ranges: readonly AddressRange[]): boolean;
  /**
   * @param deadline on the clock of `monotonicMilliseconds`
   * @param meanwhile done on this thread, while another one copies where there is one
   */
  copy(image: MemoryImage, ranges: readonly AddressRange[], deadline: number, meanwhile: () => void): CopyOutcome;
  close(): void;
}
