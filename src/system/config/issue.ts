/** What is wrong with a configuration, all of it at once, and where. */
import { shown } from '../../handle/errors.ts';
import { CofferdamError } from '../../handle/index.ts';

/** Where something is in a file: line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
  /** Characters that are meant, on this line. */
  readonly width: number;
  /** The text of the line. */
  readonly text: string;
}

/** One thing that is wrong. */
export interface ConfigIssue {
  /** 'resource_limits.memory.max', 'root.binds[0]'; 'document' for what is no YAML. */
  readonly field: string;
  /** As it was given; undefined where it is missing. */
  readonly value: unknown;
  /** Completes the sentence "FIELD: VALUE ...", as in "is out of range". */
  readonly problem: string;
  /** Completes "give ...". */
  readonly remedy: string;
  /** The word that was probably meant. */
  readonly nearest?: string;
  readonly line?: number;
  readonly column?: number;
}

/** An issue with the line that it is in, for those who print. */
export interface PlacedIssue {
  readonly issue: ConfigIssue;
  readonly position: Position | undefined;
}

/** Colours of the parts of the text. */
export interface ConfigPaint {
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly cyan: (text: string) => string;
  readonly dim: (text: string) => string;
}

const as = (text: string) => text;
const PLAIN: ConfigPaint = { bold: as, red: as, cyan: as, dim: as };

/** The configuration of a system is not valid. `issues` has everything that is wrong with it, in the order of the file. */
export class SystemConfigError extends CofferdamError {
  readonly file: string | undefined;
  readonly issues: readonly ConfigIssue[];
  readonly #placed: readonly PlacedIssue[];

  constructor(placed: readonly PlacedIssue[], file: string | undefined) {
    const ordered = [...placed].sort((one, other) => order(one) - order(other) || columns(one, other));
    super('ERR_COFFERDAM_SYSTEM_CONFIG', written(ordered, file, PLAIN));
    this.file = file;
    this.issues = ordered.map(({ issue }) => issue);
    this.#placed = ordered;
  }

  /** The message with colours, as of picocolors. */
  render(paint: ConfigPaint): string {
    return written(this.#placed, this.file, paint);
  }
}

/** What has no place belongs to all of it, and comes first. */
function order({ position }: PlacedIssue): number {
  return position?.line ?? 0;
}
function columns(one: PlacedIssue, other: PlacedIssue): number {
  return (one.position?.column ?? 0) - (other.position?.column ?? 0);
}

/** As many as are read; `issues` has the rest. */
const MOST_SHOWN = 20;

function written(placed: readonly PlacedIssue[], file: string | undefined, paint: ConfigPaint): string {
  const many = placed.length === 1 ? '1 problem' : `${placed.length} problems`;
  const lines = [`${printable(file ?? 'the configuration of the system')} is not valid: ${many}`];
  for (const { issue, position } of placed.slice(0, MOST_SHOWN)) {
    const where = position === undefined ? '' : `${position.line}:${position.column}: `;
    const field = paint.bold(issue.field);
    lines.push(`${paint.dim(where)}${field}: ${printable(sentence(issue))}`);
    if (position !== undefined) lines.push(...excerpt(position, paint));
  }
  if (placed.length > MOST_SHOWN) lines.push(`and ${placed.length - MOST_SHOWN} more`);
  return lines.join('\n');
}

function sentence({ value, problem, remedy, nearest }: ConfigIssue): string {
  const subject = value === undefined ? '' : `${shown(value)} `;
  const guess = nearest === undefined ? 'give' : `did you mean '${nearest}'? Or give`;
  return `${subject}${problem}; ${guess} ${remedy}`;
}

/** What is shown of a long line: so many characters before the caret, and so many in all. */
const BEFORE = 60;
const SHOWN = 100;

function excerpt({ line, column, width, text }: Position, paint: ConfigPaint): string[] {
  const start = Math.max(0, column - 1 - BEFORE);
  const clip = (end: number) =>
    printable((start > 0 ? '…' : '') + text.slice(start > 0 ? start + 1 : 0, end));
  const shownLine = clip(start + SHOWN);
  const indent = clip(column - 1).replace(/[^\t]/g, ' ');
  const carets = '^'.repeat(Math.max(1, Math.min(width, shownLine.length - indent.length)));
  const number = String(line);
  const bar = paint.cyan('|');
  return [
    `  ${paint.cyan(number)} ${bar} ${shownLine}`,
    `  ${' '.repeat(number.length)} ${bar} ${indent}${paint.red(carets)}`,
  ];
}

// What a file holds must not steer the terminal that shows it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for.
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

function printable(text: string): string {
  return text.replace(CONTROL, '\ufffd');
}
