/** What programs have written, line by line, for whoever asks. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { onAbort } from '../../handle/abort-watch.ts';
import { checkInteger, checkSignal } from '../../handle/checks.ts';
import { abortError, CofferdamError } from '../../handle/index.ts';
import type { EndReason } from '../result.ts';
import { LineJoiner, type LogLine } from './lines.ts';
import { LogReader } from './reader.ts';

export interface LogsOptions {
  /** Goes on until the system has ended. Default false. */
  readonly follow?: boolean | undefined;
  /** So many of the last lines that are there to begin with. Default: all that are kept. */
  readonly lines?: number | undefined;
  /** Ends it with an AbortError. */
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds between looks. Nothing wakes a reader: the writer knows of none, and none can hold it up. */
const PAUSE = 50;

/** Milliseconds that an owner has, however busy, to say that he has kept the last words of his programs. */
const LAST_WORDS = 10_000;

const MOST_LINES = 0x7fff_ffff;

/** A file of logs that was opened for one reader. */
export interface LogFile {
  readonly fd: number;
  close(): unknown;
}

/** A system, by a handle of the user's. */
export interface LogSource {
  /** @throws CofferdamError where none are kept */
  open(): Promise<LogFile>;
  /** Why the system has ended, if it has. @throws ClosedError where nobody will hear of it any more */
  ended(): EndReason | undefined;
}

/** @throws InvalidArgumentError */
export function checkLogsOptions({ lines, signal }: LogsOptions): void {
  checkSignal(signal);
  if (lines !== undefined) checkInteger('lines', lines, 0, MOST_LINES);
}

export function noLogsError(system: string): CofferdamError {
  return new CofferdamError(
    'ERR_COFFERDAM_LOGS',
    `the system ${system} keeps no logs: make it with logs: { max: 1M }, or by cofferdam run --logs 1M`,
  );
}

export async function* logLines(
  source: LogSource,
  { follow = false, lines, signal }: LogsOptions,
): AsyncGenerator<LogLine, void, undefined> {
  const file = await source.open();
  try {
    const reader = new LogReader(file.fd);
    const joiner = new LineJoiner();
    yield* present(reader, joiner, { follow, lines, signal });
    if (follow) yield* following(source, reader, joiner, signal);
    yield* joiner.rest();
  } finally {
    file.close();
  }
}

/** What there was when it was asked for: a program that writes on and on has no last line. */
async function* present(
  reader: LogReader,
  joiner: LineJoiner,
  { follow, lines: count = Number.POSITIVE_INFINITY, signal }: LogsOptions,
): AsyncGenerator<LogLine, void, undefined> {
  const { head } = reader;
  const last: LogLine[] = [];
  while (reader.place < head) {
    for (const record of reader.next()) last.push(...joiner.add(record));
    if (reader.place >= head && !follow) last.push(...joiner.rest());
    if (count === Number.POSITIVE_INFINITY) yield* last.splice(0);
    else if (last.length > 2 * count) last.splice(0, last.length - count);
    await turn();
    if (signal?.aborted) throw abortError(signal);
  }
  if (count > 0) yield* last.slice(-count);
}

async function* following(
  source: LogSource,
  reader: LogReader,
  joiner: LineJoiner,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogLine, void, undefined> {
  const woken = new AbortController();
  const forget = signal === undefined ? undefined : onAbort(signal, () => woken.abort());
  let deadline = Number.POSITIVE_INFINITY;
  try {
    for (;;) {
      if (signal?.aborted) throw abortError(signal);
      // Asked before it is read: then what is read is all there will be.
      const last = reader.closed || performance.now() > deadline;
      const records = reader.next();
      for (const record of records) yield* joiner.add(record);
      if (records.length > 0) {
        await turn();
        continue;
      }
      if (last) return;
      const reason = source.ended();
      const patience = reason === 'owner' ? 0 : LAST_WORDS;
      if (reason !== undefined) deadline = Math.min(deadline, performance.now() + patience);
      await sleep(PAUSE, undefined, { signal: woken.signal }).catch(() => {});
    }
  } finally {
    forget?.();
  }
}
