import { UsageError } from './args.ts';

/** A command line of a batch; `number` is that of the last line of the file that it has. */
export interface BatchLine {
  readonly number: number;
  readonly text: string;
}

/**
 * The lines of a batch as iproute2 reads them: `#` begins a comment, wherever it stands, and a backslash at the end of
 * a line goes on with the next one. Takes the text in pieces.
 */
export class BatchLines {
  #rest = '';
  #joined = '';
  #number = 0;

  *push(chunk: string): Generator<BatchLine, void, void> {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) yield* this.#take(line);
  }

  /** What has no line break behind it. */
  *end(): Generator<BatchLine, void, void> {
    const last = this.#rest;
    this.#rest = '';
    if (last !== '') yield* this.#take(last);
    if (this.#joined !== '') throw new UsageError('Missing continuation line');
  }

  *#take(line: string): Generator<BatchLine, void, void> {
    this.#number++;
    const comment = line.indexOf('#');
    if (comment < 0 && line.endsWith('\\')) {
      this.#joined += line.slice(0, -1);
      return;
    }
    const text = this.#joined + (comment < 0 ? line : line.slice(0, comment));
    this.#joined = '';
    if (text !== '') yield { number: this.#number, text };
  }
}

/** Whether there is more to do than to cut at single spaces. */
const UNUSUAL = /["'\t\r]| {2}|^ | $/;

/** Words between blanks; one that begins with ' or " ends with it, and may hold blanks. */
export function splitWords(line: string): string[] {
  if (!UNUSUAL.test(line)) return line === '' ? [] : line.split(' ');
  const words: string[] = [];
  const token = /[ \t\r\n]*(?:'([^']*)'|"([^"]*)"|(['"])|([^ \t\r\n]+))/y;
  for (let found = token.exec(line); found !== null; found = token.exec(line)) {
    if (found[3] !== undefined) throw new UsageError('Unterminated quoted string');
    words.push(found[1] ?? found[2] ?? found[4] ?? '');
  }
  return words;
}
