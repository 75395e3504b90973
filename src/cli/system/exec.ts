/** `cofferdam systems exec`: a program in a system of another process. */
import { System } from '../../system/index.ts';
import { UsageError, type Words } from '../args.ts';
import type { GlobalOptions } from '../options.ts';
import { formatJson } from '../show/json.ts';
import type { JsonObject } from '../show/view.ts';
import { say, startProgram, tell } from './program.ts';
import { codeOf, SignalRelay } from './relay.ts';
import { stdioOptions, TerminalRelay } from './terminal.ts';

interface ExecRequest {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly noTerminal: boolean;
  readonly json: boolean;
}

/** Resolves to the exit code. */
export async function execInSystem(words: Words, options: GlobalOptions): Promise<number> {
  const { name, argv, noTerminal, json, ...own } = readExecWords(words);
  using relay = new SignalRelay();
  try {
    await using box = await System.attach(name, { signal: relay.signal });
    relay.keep();
    if (relay.ended !== undefined) return codeOf(relay.ended);
    const command = await startProgram(box, argv, { ...own, ...stdioOptions(noTerminal) });
    if (typeof command === 'number') return command;
    using terminal = new TerminalRelay(command.terminal);
    relay.passOnTo({
      box,
      command,
      hasten: () => command.kill('SIGKILL'),
    });
    const result = await command.wait();
    await terminal.drained();
    terminal[Symbol.dispose]();
    if (result.usage === undefined) say(`the system ended: ${result.reason}`);
    const { exitCode, signal = null, reason, usage = null } = result;
    const record = { name: box.name, group: box.group, cgroup: box.cgroup, exitCode, signal, reason, usage };
    if (json || options.json) tell(formatJson(record as unknown as JsonObject));
    return exitCode;
  } catch (error) {
    if (relay.ended === undefined) throw error;
    return codeOf(relay.ended);
  }
}

/** NAME [ OPTIONS ] [ -- ] PROGRAM [ ARGUMENTS ] @throws UsageError */
export function readExecWords(words: Words): ExecRequest {
  let name: string | undefined;
  let cwd: string | undefined;
  let user: ExecRequest['user'];
  let noTerminal = false;
  let json = false;
  const env: Record<string, string> = {};
  while (words.more && !words.take('--')) {
    if (!words.peek?.startsWith('-')) {
      // The second is the program.
      if (name !== undefined) break;
      name = words.next();
    } else if (words.take('--env')) Object.assign(env, variable(wordAfter('--env', words)));
    else if (words.take('--workdir')) cwd = wordAfter('--workdir', words);
    else if (words.take('--user')) user = userOf(wordAfter('--user', words));
    else if (words.take('--no-tty')) noTerminal = true;
    else if (words.take('--json', '-j')) json = true;
    else throw new UsageError(`Option "${words.peek}" is unknown, try "cofferdam systems help".`);
  }
  if (name === undefined) throw new UsageError('Not enough information: "NAME" argument is required.');
  const argv = words.rest();
  if (argv.length === 0) throw new UsageError('No program to run, try "cofferdam systems help".');
  const { TERM } = process.env;
  const terminal = TERM !== undefined && process.stdout.isTTY ? { TERM } : {};
  return { name, argv, env: { ...terminal, ...env }, cwd, user, noTerminal, json };
}

function wordAfter(option: string, words: Words): string {
  if (!words.more) throw new UsageError(`Option "${option}" wants a value, try "cofferdam systems help".`);
  return words.next();
}

/** NAME=VALUE, or NAME for our own variable, where there is one. */
function variable(word: string): Record<string, string> {
  const at = word.indexOf('=');
  if (at >= 0) return { [word.slice(0, at)]: word.slice(at + 1) };
  const value = process.env[word];
  return value === undefined ? {} : { [word]: value };
}

function userOf(word: string): { uid: number; gid: number } {
  const [, uid, gid = uid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(word) ?? [];
  if (uid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  throw new UsageError(`--user: "${word}" is no user; give UID or UID:GID`);
}
