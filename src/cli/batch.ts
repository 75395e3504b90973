import { readFile } from 'node:fs/promises';
import { UsageError } from './args.ts';
import { describeFailure, EXIT } from './exit.ts';
import { type Program, resolveObject } from './objects.ts';
import type { GlobalOptions } from './options.ts';
import { Session } from './session.ts';

/** One command line of a batch. */
export interface BatchLine {
  /** Of its last physical line, counted from 1: what `Command failed FILE:LINE` names. */
  readonly line: number;
  readonly words: readonly string[];
}

/**
 * The lines of a batch as iproute2 reads them: `#` begins a comment, wherever it stands; a backslash at the end of a
 * line goes on with the next one; words in ' or " may hold spaces. Lines without words are left out.
 */
export function* batchLines(text: string): Generator<BatchLine, void, void> {
  const physical = text.split('\n');
  if (physical.at(-1) === '') physical.pop();
  let joined = '';
  for (const [index, raw] of physical.entries()) {
    const comment = raw.indexOf('#');
    const line = comment < 0 ? raw : raw.slice(0, comment);
    if (comment < 0 && line.endsWith('\\')) {
      if (index === physical.length - 1) throw new UsageError('Missing continuation line');
      joined += line.slice(0, -1);
      continue;
    }
    const words = splitWords(joined + line);
    joined = '';
    if (words.length > 0) yield { line: index + 1, words };
  }
}

/** A quote counts only at the beginning of a word, and ends it. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  const token = /[ \t\r\n]*(?:'([^']*)'|"([^"]*)"|(['"])|([^ \t\r\n'"][^ \t\r\n]*))/y;
  for (let found = token.exec(line); found !== null; found = token.exec(line)) {
    if (found[3] !== undefined) throw new UsageError('Unterminated quoted string');
    words.push(found[1] ?? found[2] ?? found[4] ?? '');
  }
  return words;
}

/** `-batch FILE`: every line as a command of its own over one socket. Exit code 1 if any of them failed. */
export async function runBatch(file: string, options: GlobalOptions, program: Program): Promise<number> {
  const text = await readBatch(file);
  let exitCode: number = EXIT.ok;
  await using session = new Session(options);
  for (const { line, words } of batchLines(text)) {
    try {
      if ((await runLine(session, words, program)) === EXIT.ok) continue;
    } catch (error) {
      process.stderr.write(`${describeFailure(error, options.trace).text}\n`);
    }
    process.stderr.write(`Command failed ${file}:${line}\n`);
    exitCode = EXIT.failure;
    if (!options.force) break;
  }
  return exitCode;
}

async function runLine(session: Session, words: readonly string[], program: Program): Promise<number> {
  const [word = '', ...rest] = words;
  const meant = resolveObject(word, program);
  if ('command' in meant) throw new UsageError(`Command "${meant.command}" has no place in a batch.`);
  return await session.run(meant, rest);
}

async function readBatch(file: string): Promise<string> {
  if (file === '-') {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  }
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot open file "${file}" for reading: ${why}`);
  }
}
