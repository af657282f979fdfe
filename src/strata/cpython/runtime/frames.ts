import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";
import { lineFromLinetable, lineFromLnotab, lineFromLocationTable } from "./line-table.ts";
import { readStr } from "./text.ts";

/** sys.setrecursionlimit can be raised, but no thread's C stack holds more frames than this. */
const MAX_FRAMES = 100_000;
const MAX_TABLE_BYTES = 2 ** 20;
const CODE_UNIT_BYTES = 2;
/** FRAME_OWNED_BY_CSTACK of 3.12 and 3.13: an entry shim of the interpreter, no Python function. */
const OWNED_BY_C_STACK = 3;

/** A Python function call on a thread's stack. Names are the target's: hostile. */
export interface PythonFrame {
  /** Address of the frame: a frame object up to 3.10, a `_PyInterpreterFrame` from 3.11. */
  readonly address: number;
  /** Address of the code object. */
  readonly code: number;
  /** `co_name`, as tracebacks print it. */
  readonly function: string;
  /** `co_qualname` (3.11 and later), such as `Server.handle.<locals>.retry`. */
  readonly qualifiedName: string | undefined;
  readonly file: string;
  /** Line that is executing; undefined for an instruction that the compiler gave none. */
  readonly line: number | undefined;
}

interface CodeNames {
  readonly function: string;
  readonly qualifiedName: string | undefined;
  readonly file: string;
  readonly firstLine: number;
  readonly lineTable: Uint8Array;
}

/** Follows the frames of threads; code objects are read once. */
export class FrameReader {
  private readonly codes = new Map<number, CodeNames | undefined>();
  /** True from 3.11, where a call has a light frame and a frame object only on demand. */
  private readonly light: boolean;

  constructor(
    private readonly reader: MemoryReader,
    private readonly layout: Layout,
    /** Address of PyCode_Type where it is known: what is no code object then is no frame of Python. */
    private readonly codeType: number | undefined,
  ) {
    this.light = layout.has("_PyInterpreterFrame");
  }

  /** The Python stack of a thread, innermost frame first; ends early at anything that is no frame. */
  stackOf(threadState: number): PythonFrame[] {
    const frames: PythonFrame[] = [];
    const seen = new Set<number>();
    for (
      let frame = this.innermost(threadState);
      frame !== 0 && !seen.has(frame) && seen.size < MAX_FRAMES;
      frame = this.previous(frame)
    ) {
      if (!this.reader.has(frame)) break;
      seen.add(frame);
      const read = this.light ? this.readLightFrame(frame) : this.readFrameObject(frame);
      if (read !== undefined) frames.push(read);
    }
    return frames;
  }

  private innermost(threadState: number): number {
    const { reader, layout } = this;
    if (!this.light) return reader.u64(threadState + layout.offset("PyThreadState", "frame"));
    if (layout.has("PyThreadState", "current_frame"))
      return reader.u64(threadState + layout.offset("PyThreadState", "current_frame"));
    // 3.11 and 3.12: through a structure that lies on the C stack of the evaluation loop.
    const cFrame = reader.u64(threadState + layout.offset("PyThreadState", "cframe"));
    return reader.u64(cFrame + layout.offset("_PyCFrame", "current_frame"));
  }

  private previous(frame: number): number {
    const { reader, layout } = this;
    return reader.u64(
      frame + (this.light ? layout.offset("_PyInterpreterFrame", "previous") : layout.offset("PyFrameObject", "f_back")),
    );
  }

  /** 3.6 to 3.10. `f_lasti` counts bytes up to 3.9, instructions in 3.10. */
  private readFrameObject(frame: number): PythonFrame | undefined {
    const { reader, layout } = this;
    const code = reader.u64(frame + layout.offset("PyFrameObject", "f_code"));
    const names = this.namesOf(code);
    if (names === undefined) return undefined;
    const last = reader.i32(frame + layout.offset("PyFrameObject", "f_lasti"));
    const hasLinetable = layout.has("PyCodeObject", "co_linetable");
    const offset = hasLinetable ? last * CODE_UNIT_BYTES : last;
    const traced = reader.u64(frame + layout.offset("PyFrameObject", "f_trace")) !== 0;
    const tracedLine = traced ? reader.i32(frame + layout.offset("PyFrameObject", "f_lineno")) : 0;
    const find = hasLinetable ? lineFromLinetable : lineFromLnotab;
    const line = tracedLine > 0 ? tracedLine : find(names.lineTable, names.firstLine, offset);
    return { address: frame, code, function: names.function, qualifiedName: names.qualifiedName, file: names.file, line };
  }

  /** 3.11 and later; undefined for frames that sys._getframe() does not show either. */
  private readLightFrame(frame: number): PythonFrame | undefined {
    const { reader, layout } = this;
    const executable = layout.has("_PyInterpreterFrame", "f_executable") ? "f_executable" : "f_code";
    const code = reader.u64(frame + layout.offset("_PyInterpreterFrame", executable));
    const owner = reader.u8(frame + layout.offset("_PyInterpreterFrame", "owner"));
    const names = owner === OWNED_BY_C_STACK ? undefined : this.namesOf(code);
    if (names === undefined) return undefined;
    const instruction = layout.has("_PyInterpreterFrame", "instr_ptr") ? "instr_ptr" : "prev_instr";
    const offset =
      reader.u64(frame + layout.offset("_PyInterpreterFrame", instruction)) -
      code -
      layout.offset("PyCodeObject", "co_code_adaptive");
    // Between its creation and its first instruction a frame is incomplete (_PyFrame_IsIncomplete).
    const first = reader.i32(code + layout.offset("PyCodeObject", "_co_firsttraceable")) * CODE_UNIT_BYTES;
    if (owner === 0 && offset < first) return undefined;
    const line = lineFromLocationTable(names.lineTable, names.firstLine, offset);
    return { address: frame, code, function: names.function, qualifiedName: names.qualifiedName, file: names.file, line };
  }

  private namesOf(code: number): CodeNames | undefined {
    if (!this.codes.has(code)) this.codes.set(code, this.readCode(code));
    return this.codes.get(code);
  }

  private readCode(code: number): CodeNames | undefined {
    const { reader, layout } = this;
    if (this.codeType !== undefined && reader.u64(code + layout.offset("PyObject", "ob_type")) !== this.codeType)
      return undefined;
    const text = (field: string) => readStr(reader, layout, reader.u64(code + layout.offset("PyCodeObject", field)));
    const name = text("co_name");
    const file = text("co_filename");
    if (name === undefined || file === undefined) return undefined;
    const table = layout.has("PyCodeObject", "co_linetable") ? "co_linetable" : "co_lnotab";
    return {
      function: name,
      qualifiedName: layout.has("PyCodeObject", "co_qualname") ? text("co_qualname") : undefined,
      file,
      firstLine: reader.i32(code + layout.offset("PyCodeObject", "co_firstlineno")),
      lineTable: this.readBytesObject(reader.u64(code + layout.offset("PyCodeObject", table))),
    };
  }

  private readBytesObject(address: number): Uint8Array {
    const { reader, layout } = this;
    const length = reader.u64(address + layout.offset("PyVarObject", "ob_size"));
    const bytes =
      length <= MAX_TABLE_BYTES ? reader.bytes(address + layout.offset("PyBytesObject", "ob_sval"), length) : undefined;
    return bytes ?? new Uint8Array();
  }
}
