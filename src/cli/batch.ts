import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { FindingError, UsageError } from './args.ts';
import { BatchLines, splitWords } from './batch-lines.ts';
import { BatchSession, StoppedError } from './batch-session.ts';
import { describeFailure, EXIT } from './exit.ts';
import { type Program, resolveObject } from './objects.ts';
import type { GlobalOptions } from './options.ts';
import { errnoWords } from './strerror.ts';

/**
 * `-batch FILE`: every line as a command of its own, all of them over one socket. Changes that follow each other go to
 * the kernel together. Without -force nothing is done after a line that failed. Exit code 1 if any of them failed.
 */
export async function runBatch(file: string, options: GlobalOptions, program: Program): Promise<number> {
  await using batch = new Batch(file, options, program);
  try {
    const lines = new BatchLines();
    for await (const chunk of open(file)) {
      for (const line of lines.push(chunk)) await batch.run(line.number, line.text);
      // Whoever types the lines, or writes them into a pipe bit by bit, waits for what they do.
      if (file === '-') await batch.settle();
    }
    // A line that lacks its end does not keep those before it from being done.
    await batch.settle();
    for (const line of lines.end()) await batch.run(line.number, line.text);
    await batch.settle();
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
  }
  return batch.exitCode;
}

class Batch implements AsyncDisposable {
  readonly #file: string;
  readonly #options: GlobalOptions;
  readonly #program: Program;
  readonly #session: BatchSession;
  exitCode: number = EXIT.ok;

  constructor(file: string, options: GlobalOptions, program: Program) {
    this.#file = file;
    this.#options = options;
    this.#program = program;
    this.#session = new BatchSession(options, (line, error) => this.#complain(line, error));
  }

  async run(line: number, text: string): Promise<void> {
    this.#session.line = line;
    try {
      const [word, ...rest] = splitWords(text);
      if (word === undefined) return;
      const meant = resolveObject(word, this.#program);
      if ('command' in meant) throw new UsageError(`Command "${meant.command}" has no place in a batch.`);
      const code = await this.#session.run(meant, rest);
      if (code !== EXIT.ok) await this.#fail(line);
    } catch (error) {
      if (error instanceof StoppedError) throw error;
      await this.#fail(line, error);
    }
  }

  async settle(): Promise<void> {
    await this.#session.settle();
  }

  /** What the lines before this one have to say comes first; without -force they may have ended it all. */
  async #fail(line: number, error?: unknown): Promise<void> {
    await this.#session.settle();
    this.#complain(line, error);
    if (!this.#options.force) throw new StoppedError();
  }

  #complain(line: number, error?: unknown): void {
    this.exitCode = EXIT.failure;
    const said = error === undefined ? '' : `${describeFailure(error, this.#options.trace).text}\n`;
    process.stderr.write(`${said}Command failed ${this.#file}:${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

/** Bytes that are read at once. */
const CHUNK = 1 << 20;

/** The file's text, piece by piece. */
async function* open(file: string): AsyncGenerator<string, void, void> {
  const stream: Readable = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: CHUNK });
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) yield chunk as string;
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    const why = errno === undefined ? String(error) : errnoWords(errno);
    throw new FindingError(`Cannot open file "${file}" for reading: ${why}`);
  }
}
