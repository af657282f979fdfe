/** What a text is about; each has one look. Hues are strata and never mean anything else. */
export const INKS = {
  objects: "38;5;72",
  pymalloc: "38;5;173",
  malloc: "38;5;179",
  mappings: "38;5;110",
  pages: "38;5;245",
  /** What would come back. */
  recover: "38;5;141",
  note: "2",
  heading: "1",
  action: "4",
} as const;
export type Ink = keyof typeof INKS;

/** Marks of bars and maps. They tell states apart without colour. */
export interface Glyphs {
  readonly inUse: string;
  readonly overhead: string;
  readonly free: string;
  readonly unexplained: string;
  /** A part that is too small for a cell of its own. */
  readonly sliver: string;
  readonly rule: string;
  /** Fill in eighths, from nearly empty to full. */
  readonly levels: readonly string[];
  /** Use of a piece of address space, from full to free. */
  readonly shades: readonly string[];
  readonly branch: string;
  /** What keeps a heap from shrinking. */
  readonly pin: string;
  /** An arena that few blocks hold. */
  readonly pinned: string;
}

const UNICODE_GLYPHS: Glyphs = {
  inUse: "█",
  overhead: "▒",
  free: "░",
  unexplained: "╳",
  sliver: "▏",
  rule: "─",
  levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
  shades: ["█", "▓", "▒", "░", "·"],
  branch: "█",
  pin: "▼",
  pinned: "o",
};

/** For TERM=dumb, where nothing beyond ASCII can be relied on. */
const ASCII_GLYPHS: Glyphs = {
  inUse: "#",
  overhead: "=",
  free: ".",
  unexplained: "?",
  sliver: "|",
  rule: "-",
  levels: ["1", "2", "3", "4", "5", "6", "7", "8"],
  shades: ["#", "=", "-", ".", "_"],
  branch: "-",
  pin: "v",
  pinned: "o",
};

/** How text is written: to which width, with or without colour, in which glyphs. */
export interface Style {
  /** Cells of a line, at least `LEAST_WIDTH`. */
  readonly width: number;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
  /** `-v`: problems and secondary figures too. */
  readonly verbose: boolean;
}

export const LEAST_WIDTH = 60;
/** Width where the output is no terminal. */
const PLAIN_WIDTH = 100;

export interface StyleRequest {
  /** `--width`, at least `LEAST_WIDTH`. */
  readonly width?: number | undefined;
  /** False after `--no-color`. */
  readonly colour: boolean;
  readonly verbose: boolean;
  /** Columns of the terminal; undefined when the output is none. */
  readonly terminalColumns: number | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Chooses the style by options, environment (NO_COLOR, TERM) and terminal, in this order. */
export function chooseStyle(request: StyleRequest): Style {
  const dumb = request.environment.TERM === "dumb";
  // https://no-color.org: present and not empty, whatever its value.
  const noColour = (request.environment.NO_COLOR ?? "") !== "";
  return {
    width: request.width ?? usableWidth(request.terminalColumns),
    colour: request.terminalColumns !== undefined && request.colour && !noColour && !dumb,
    glyphs: dumb ? ASCII_GLYPHS : UNICODE_GLYPHS,
    verbose: request.verbose,
  };
}

/** Width for a terminal of so many columns; a terminal that does not know its size says 0. */
export function usableWidth(terminalColumns: number | undefined): number {
  return Math.max(LEAST_WIDTH, terminalColumns || PLAIN_WIDTH);
}

/** Text in an ink; plain without colour. An empty text stays empty. */
export function paint(style: Style, ink: Ink, text: string): string {
  return style.colour && text !== "" ? `\u001b[${INKS[ink]}m${text}\u001b[0m` : text;
}
