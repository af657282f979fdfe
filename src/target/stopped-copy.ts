import type { PageSet } from "../base/page-set.ts";
import type { Problem } from "../base/problems.ts";
import { type Failure, fail, type Result } from "../base/result.ts";
import { goneFailure } from "./capture-failures.ts";
import type { CaptureOptions } from "./capture-options.ts";
import { rangesToCopy, rangesWithout, totalBytes } from "./copy-ranges.ts";
import type { CopyOutcome } from "./image-copier.ts";
import { chooseRanges, type ReadyImage } from "./image-preparation.ts";
import { PAGE_WORDS } from "./linear-memory.ts";
import type { Mapping } from "./mapping.ts";
import type { MemoryImage } from "./memory-image.ts";
import type { StoppedProcess } from "./pause/stopped-process.ts";
import { readMaps } from "./proc/maps.ts";
import { threadName } from "./proc/tasks.ts";
import type { KernelThread, PauseRecord, ProcessImage } from "./process-image.ts";
import { isSameProgram, type ProgramIdentity, readProgramIdentity } from "./program-identity.ts";
import { countedPages, type ResidencyScanner } from "./residency.ts";
import { type Account, settleAccount, takeAccount } from "./stopped-account.ts";

/** What a stop led to. */
export type StoppedCopy =
  | { readonly kind: "taken"; readonly image: StoppedImage }
  /** The process runs another program than the one that was prepared for. */
  | { readonly kind: "exec" }
  /** It grew beyond what was prepared. */
  | { readonly kind: "grown" }
  /** The deadline came before the last byte. */
  | { readonly kind: "late"; readonly bytes: number }
  | { readonly kind: "failed"; readonly failure: Failure };

/** A stopped process and what was prepared for it. */
export interface StoppedTarget {
  readonly pid: number;
  readonly program: ProgramIdentity;
  readonly ready: ReadyImage;
  readonly threadNames: ReadonlyMap<number, string>;
  readonly stopped: StoppedProcess;
  readonly scanner: ResidencyScanner;
  /** On the clock of `monotonicMilliseconds`. */
  readonly deadline: number;
  readonly options: CaptureOptions;
}

/** Copies a stopped process and takes its account; everything here is paid for in pause. */
export function copyStopped(target: StoppedTarget): StoppedCopy {
  const { pid, ready, scanner, stopped, deadline, options } = target;
  const { memory, copier } = ready;
  const program = readProgramIdentity(pid);
  if (!program.ok) return { kind: "failed", failure: program.failure };
  if (!isSameProgram(target.program, program.value)) return { kind: "exec" };
  const mappings = readMaps(pid);
  if (!mappings.ok) return { kind: "failed", failure: mappings.failure };
  const pages = scanner.scan(mappings.value);
  const wanted = chooseRanges(mappings.value, pages, options.readSwapped ?? false);
  if (!memory.fit(wanted.all)) return { kind: "grown" };
  memory.noteFilled(wanted.all);

  let account: Result<Account> = fail("failed", "The account was not taken.");
  let copied = copier.copy(memory.image, wanted.present, deadline, () => {
    account = takeAccount(pid, pages);
  });
  if (copied.gone || !stopped.alive()) return { kind: "failed", failure: goneFailure(pid) };
  if (!copied.inTime) return { kind: "late", bytes: totalBytes(wanted.all) };
  const settled = settle(account, target, mappings.value);
  if (!settled.ok) return { kind: "failed", failure: settled.failure };
  // The account may have needed a second look, which may have found pages that the first did not.
  const more =
    settled.value.pages === pages
      ? []
      : rangesWithout(rangesToCopy(mappings.value, settled.value.pages, "present"), wanted.present);
  if (more.length > 0)
    copied = join(
      copied,
      copier.copy(memory.image, more, deadline, () => {}),
    );
  if (wanted.swapped.length > 0)
    copied = join(
      copied,
      copier.copy(memory.image, wanted.swapped, deadline, () => {}),
    );
  if (!copied.inTime) return { kind: "late", bytes: totalBytes(wanted.all) };

  const pause = pauseRecord(target, copied, settled.value, totalBytes(wanted.swapped));
  const threads = describeThreads(target);
  const image = new StoppedImage(pid, mappings.value, settled.value, threads, memory.image, pause, unreadProblems(copied));
  return { kind: "taken", image };
}

/** A process image whose set of resident pages is made when somebody asks, which is after the stop. */
export class StoppedImage implements ProcessImage {
  private pageSet: PageSet | undefined;
  readonly pages: ProcessImage["pages"];
  readonly totals: ProcessImage["totals"];
  readonly problems: readonly Problem[];

  constructor(
    readonly pid: number,
    readonly mappings: readonly Mapping[],
    private readonly account: Account,
    readonly threads: readonly KernelThread[],
    readonly image: MemoryImage,
    readonly pause: PauseRecord,
    private readonly otherProblems: readonly Problem[],
  ) {
    this.pages = account.pages;
    this.totals = account.totals;
    this.problems = [...account.problems, ...otherProblems];
  }

  get resident(): PageSet {
    this.pageSet ??= countedPages(this.pages);
    return this.pageSet;
  }

  /** The same with the final record, which is known only after the stop. */
  withRecord(pause: PauseRecord, problems: readonly Problem[]): StoppedImage {
    const others = [...this.otherProblems, ...problems];
    return new StoppedImage(this.pid, this.mappings, this.account, this.threads, this.image, pause, others);
  }
}

function settle(
  account: Result<Account>,
  { pid, scanner, ready }: StoppedTarget,
  mappings: readonly Mapping[],
): Result<Account> {
  if (!account.ok) return account;
  return settleAccount(pid, account.value, mappings, scanner, (page) => isZeroPage(ready.memory.image, page));
}

/** Whether a copied page holds nothing but zeros. */
function isZeroPage(image: MemoryImage, page: number): boolean {
  if (!image.has(page)) return false;
  return image.memory.int32(image.wordOf(page), PAGE_WORDS).every((word) => word === 0);
}

function pauseRecord(
  { ready, stopped }: StoppedTarget,
  copied: CopyOutcome,
  { totals }: Account,
  swappedBytesRead: number,
): PauseRecord {
  return {
    pausedMilliseconds: 0,
    totalPausedMilliseconds: 0,
    attempts: 0,
    bytesCopied: copied.bytesCopied,
    method: stopped.method,
    reader: ready.copier.reader,
    unreadPages: copied.unreadPages,
    swappedBytesNotRead: Math.max(0, totals.swappedBytes - swappedBytesRead),
    spooled: ready.memory.spooled,
  };
}

function describeThreads({ pid, stopped, threadNames }: StoppedTarget): KernelThread[] {
  return stopped.threads.map((thread) => ({
    tid: thread.tid,
    name: threadNames.get(thread.tid) ?? threadName(pid, thread.tid),
    stackPointer: thread.stackPointer,
    instructionPointer: thread.instructionPointer,
    threadPointer: thread.threadPointer,
  }));
}

function unreadProblems({ unreadPages, firstUnread }: CopyOutcome): Problem[] {
  if (unreadPages === 0) return [];
  return [
    { kind: "unread-pages", sentence: "Pages that are present could not be read.", count: unreadPages, address: firstUnread },
  ];
}

function join(left: CopyOutcome, right: CopyOutcome): CopyOutcome {
  return {
    bytesCopied: left.bytesCopied + right.bytesCopied,
    unreadPages: left.unreadPages + right.unreadPages,
    firstUnread: left.firstUnread ?? right.firstUnread,
    inTime: left.inTime && right.inTime,
    gone: left.gone || right.gone,
  };
}
