/** `cofferdam systems logs`: what programs in a system have written. */
import { once } from 'node:events';
import type { LogLine } from '../../system/index.ts';
import { System } from '../../system/index.ts';
import { parseUnsigned, UsageError, type Words } from '../args.ts';
import { EXIT } from '../exit.ts';
import { endsOnSignal } from '../monitor.ts';
import type { GlobalOptions } from '../options.ts';
import { say } from './program.ts';

interface LogsRequest {
  readonly name: string;
  readonly follow: boolean;
  readonly lines: number | undefined;
  readonly timestamps: boolean;
  readonly json: boolean;
}

/** Resolves to the exit code. The end of a system that is followed is no failure, and no more is a Ctrl-C. */
export async function printLogs(words: Words, options: GlobalOptions): Promise<number> {
  const { name, follow, lines, timestamps, json } = readLogsWords(words);
  const print = json || options.json ? asJson : asText(timestamps);
  await using box = await System.attach(name);
  const ending = new AbortController();
  using _signals = endsOnSignal(() => ending.abort());
  try {
    for await (const line of box.logs({ follow, lines, signal: ending.signal })) await print(line);
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  }
  return EXIT.ok;
}

/** NAME [ OPTIONS ] @throws UsageError */
function readLogsWords(words: Words): LogsRequest {
  let name: string | undefined;
  let lines: number | undefined;
  let [follow, timestamps, json] = [false, false, false];
  while (words.more) {
    if (words.take('--follow', '-f')) follow = true;
    else if (words.take('--timestamps', '-t')) timestamps = true;
    else if (words.take('--json', '-j')) json = true;
    else if (words.take('--lines', '-n')) lines = numberAfter(words);
    else if (words.peek?.startsWith('-'))
      throw new UsageError(`Option "${words.peek}" is unknown, try "cofferdam systems help".`);
    else if (name === undefined) name = words.next();
    else throw new UsageError(`Argument "${words.next()}" is unknown, try "cofferdam systems help".`);
  }
  if (name === undefined) throw new UsageError('Not enough information: "NAME" argument is required.');
  return { name, follow, lines, timestamps, json };
}

function numberAfter(words: Words): number {
  const word = words.more ? words.next() : '';
  const count = parseUnsigned(word);
  if (count !== undefined) return count;
  throw new UsageError(`--lines: "${word}" is no number of lines`);
}

type Print = (line: LogLine) => Promise<void>;

const asText =
  (timestamps: boolean): Print =>
  async ({ time, stream, text, lost }) => {
    if (lost > 0) say(`${lost} bytes had given way to others before they were read`);
    await write(process[stream], `${timestamps ? `${iso(time)} ` : ''}${text}\n`);
  };

const asJson: Print = async ({ time, stream, text, lost }) => {
  const record = { time: iso(time), stream, text, ...(lost > 0 && { lost }) };
  await write(process.stdout, `${JSON.stringify(record)}\n`);
};

const iso = (time: number): string => new Date(time).toISOString();

/** A reader that is slow holds us up, and nobody else. */
async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain');
}
