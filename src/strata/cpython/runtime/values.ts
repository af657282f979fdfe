/** Values as Python's repr prints them; read only when values were asked for. */
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";
import { StrReader } from "./text.ts";
import type { WholeHeap } from "./whole-heap.ts";

/** Characters of a repr that are kept. */
const LONGEST_REPR = 1024;
/** sys.get_int_max_str_digits(): Python itself prints no longer int. */
const MOST_DECIMAL_DIGITS = 4300;
const INT_DIGIT_BITS = 30;
const DIGIT_BYTES = 4;
/** Control, format, surrogate, private and unassigned characters, and separators other than the space (str.isprintable). */
const NOT_PRINTABLE = /[\p{C}\p{Z}]/u;

/** A printed value; `cut` when it is longer than what is kept. */
export interface PrintedValue {
  readonly text: string;
  readonly cut: boolean;
}

/** Values of all str, bytes, int and float objects (not of classes derived from them), by ascending place. */
export interface DecodedValues {
  readonly place: number[];
  readonly repr: string[];
  readonly cut: boolean[];
}

type Printer = (reader: MemoryReader, layout: Layout, address: number, strings: StrReader) => PrintedValue | undefined;

const PRINTERS: Readonly<Record<string, Printer>> = {
  PyUnicode_Type: printStr,
  PyBytes_Type: printBytes,
  PyLong_Type: printInt,
  PyFloat_Type: printFloat,
};

/** Reads all values of the heap. O(places + characters kept). */
export function readValues(heap: WholeHeap): DecodedValues {
  const values: DecodedValues = { place: [], repr: [], cut: [] };
  const printers = heap.types.map((type) => {
    const symbol = Object.keys(PRINTERS).find((name) => type !== 0 && heap.runtime.symbol(name) === type);
    return symbol === undefined ? undefined : PRINTERS[symbol];
  });
  const { image, runtime } = heap;
  const strings = new StrReader(image, runtime.layout);
  const wanted = Uint8Array.from(printers, (printer) => Number(printer !== undefined));
  heap.forEachObject(wanted, (place, address, row) => {
    const value = printers[row]?.(image, runtime.layout, address, strings);
    if (value === undefined) return;
    values.place.push(place);
    values.repr.push(value.text);
    values.cut.push(value.cut);
  });
  return values;
}

/** A str as Objects/unicodeobject.c unicode_repr prints it. */
function printStr(_reader: MemoryReader, _layout: Layout, address: number, strings: StrReader): PrintedValue | undefined {
  const beginning = strings.readBeginning(address, LONGEST_REPR);
  if (beginning === undefined) return undefined;
  return quoted("", [...beginning.text].map(escapeCharacter), beginning.text, beginning.cut);
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  switch (character) {
    case "\\":
      return "\\\\";
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    case " ":
      return character;
    default:
      if (!NOT_PRINTABLE.test(character)) return character;
      if (code < 0x100) return `\\x${hex(code, 2)}`;
      return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  }
}

/** A bytes as Objects/bytesobject.c PyBytes_Repr prints it. */
function printBytes(reader: MemoryReader, layout: Layout, address: number): PrintedValue | undefined {
  const length = reader.u64(address + layout.offset("PyVarObject", "ob_size"));
  const read = Math.min(length, LONGEST_REPR);
  const bytes = reader.bytes(address + layout.offset("PyBytesObject", "ob_sval"), read);
  if (bytes === undefined) return undefined;
  const text = Buffer.from(bytes).toString("latin1");
  const escaped = [...text].map((character) =>
    character < "\x7f" ? escapeCharacter(character) : `\\x${hex(character.charCodeAt(0), 2)}`,
  );
  return quoted("b", escaped, text, read < length);
}

/** Single quotes, unless the text has those and no double ones. */
function quoted(prefix: string, escaped: readonly string[], text: string, cut: boolean): PrintedValue {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = escaped.map((character) => (character === quote ? `\\${quote}` : character)).join("");
  const whole = `${prefix}${quote}${body}${quote}`;
  if (!cut && whole.length <= LONGEST_REPR) return { text: whole, cut: false };
  return { text: whole.slice(0, Math.min(LONGEST_REPR, whole.length - 1)), cut: true };
}

/** An int in decimal (Objects/longobject.c; sign and length in one field up to 3.11, then in `lv_tag`). */
function printInt(reader: MemoryReader, layout: Layout, address: number): PrintedValue | undefined {
  const tagged = layout.has("PyLongObject", "long_value.lv_tag");
  const tag = tagged ? reader.u64(address + layout.offset("PyLongObject", "long_value.lv_tag")) : 0;
  const size = tagged ? 0 : reader.i64(address + layout.offset("PyVarObject", "ob_size"));
  const digits = tagged ? Math.floor(tag / 8) : Math.abs(size);
  // Two low bits of the tag: 0 positive, 1 zero, 2 negative.
  const negative = tagged ? tag % 4 === 2 : size < 0;
  if (tagged ? tag % 4 === 1 : digits === 0) return { text: "0", cut: false };
  if (digits > Math.ceil((MOST_DECIMAL_DIGITS * Math.log2(10)) / INT_DIGIT_BITS)) return { text: "", cut: true };
  const first = address + layout.offset("PyLongObject", tagged ? "long_value.ob_digit" : "ob_digit");
  let value = 0n;
  for (let digit = digits - 1; digit >= 0; digit--) {
    value = (value << BigInt(INT_DIGIT_BITS)) | BigInt(reader.u32(first + digit * DIGIT_BYTES));
  }
  const text = `${negative ? "-" : ""}${value}`;
  return text.length <= LONGEST_REPR ? { text, cut: false } : { text: text.slice(0, LONGEST_REPR), cut: true };
}

/** A float as Python/dtoa.c prints the shortest text that reads back the same: an exponent below −4 and from 16 on. */
function printFloat(reader: MemoryReader, layout: Layout, address: number): PrintedValue | undefined {
  const bytes = reader.bytes(address + layout.offset("PyFloatObject", "ob_fval"), 8);
  if (bytes === undefined) return undefined;
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getFloat64(0, true);
  return { text: floatText(value), cut: false };
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  if (value === 0) return "0.0";
  const [mantissa, exponentText] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const sign = value < 0 ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, "0");
}
