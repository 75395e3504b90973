import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { compiledDist } from '../support/compiled.ts';

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Of stdout: `latin1` keeps bytes as they are. Default: utf8. */
  readonly encoding?: BufferEncoding;
  /** A command that runs it: `['setpriv', '--reuid', '65534']`. */
  readonly under?: readonly string[];
  /** Closes the reading end of stdout at once, as `| true` does. */
  readonly closeStdout?: boolean;
  /** Called when it has been started. */
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void) => void;
  /** Called with every piece of stdout. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Milliseconds; 50,000 unless given. */
  readonly timeout?: number;
}

/** The compiled command line, in a process of its own. */
export function runCli(words: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const main = join(compiledDist(), 'cli', 'main.js');
  const [command = '', ...args] = [...(options.under ?? []), process.execPath, main, ...words];
  // Nothing of this process's settings must colour or trace the output.
  const { NO_COLOR: _, FORCE_COLOR: __, COFFERDAM_DEBUG: ___, ...environment } = process.env;
  const child = spawn(command, args, { env: { ...environment, ...options.env } });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 50_000);
  options.onStart?.((signal) => child.kill(signal));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding(options.encoding ?? 'utf8').on('data', (text: string) => {
    stdout += text;
    options.onOutput?.(text, (signal) => child.kill(signal));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  if (options.closeStdout === true) child.stdout.destroy();
  // A process that ends before it has read everything is its own business.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

export const isRoot = process.getuid?.() === 0;
/** Runs a command as nobody: no capability, no owner of anything. */
export const AS_NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
