import type { REPLServer } from 'node:repl';
import {
  countFds,
  describeHandle,
  fdKind,
  type HandleInfo,
  type HandleSnapshot,
  handles,
  readFdTable,
} from '../handle/index.ts';
import { measureFds } from '../testing/index.ts';
import type { Row } from './table.ts';

/** What `.handles`, `.why`, `.snap` and `.diff` say. */

function handleRow(info: HandleInfo): Row {
  const { id, kind, fd, state, ageMs, netns, detail } = info;
  const { netns: _, ...rest } = detail;
  return {
    id,
    kind,
    fd,
    state,
    age: `${Math.round(ageMs / 100) / 10} s`,
    netns,
    detail: Object.entries(rest)
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
  };
}

/** Everything that is known of an fd: what the kernel says, which handle owns it, since when and from where. */
export function why(word: string): string {
  const fd = /^\d+$/.test(word.trim()) ? Number(word) : Number.NaN;
  if (Number.isNaN(fd)) return 'Usage: .why FD';
  const target = readFdTable().get(fd);
  if (target === undefined) return `fd ${fd} is not open.`;
  const lines = [`fd ${fd} is ${target}`];
  const owner = handles.list().find((info) => info.fd === fd);
  const watched = measureFds().libuv.find((entry) => entry.fd === fd);
  if (owner !== undefined) {
    lines.push(`owned by handle ${owner.id}: ${describeHandle(owner)}`);
    if (owner.stack !== undefined) lines.push('opened here:', programFrames(owner.stack));
  } else {
    lines.push(`no handle owns it${fd <= 2 ? ': it is a standard stream' : ''} (${fdKind(target)})`);
  }
  if (watched !== undefined) lines.push(`the event loop watches it (${watched.type})`);
  return lines.join('\n');
}

/** A creation stack without node's own frames. */
function programFrames(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => !/[( ]node:/.test(line))
    .join('\n');
}

interface Kept {
  readonly snapshot: HandleSnapshot;
  readonly fds: number;
}

export interface CommandOutput {
  line(text: string): void;
  table(rows: readonly Row[]): void;
}

/** Defines the commands. Each one prints, and none of them changes anything. */
export function defineCommands(server: REPLServer, output: CommandOutput): void {
  const kept = new Map<string, Kept>();

  const define = (name: string, help: string, run: (argument: string) => void): void => {
    server.defineCommand(name, {
      help,
      action(argument) {
        this.clearBufferedCommand();
        try {
          run(argument.trim());
        } catch (error) {
          output.line(error instanceof Error ? error.message : String(error));
        }
        this.displayPrompt();
      },
    });
  };

  define('handles', 'Handles that are open now', () => {
    const list = handles.list();
    const { opened, closed, leaked } = handles.counters;
    if (list.length > 0) output.table(list.map(handleRow));
    output.line(
      `${list.length} open; ${opened} opened, ${closed} closed, ${leaked} leaked; ${countFds()} fds`,
    );
  });

  define('why', 'Whose fd that is, and where it was opened: .why FD', (word) => output.line(why(word)));

  define('snap', 'Remember which handles are open, for .diff: .snap [NAME]', (name) => {
    const snapshot = handles.snapshot();
    kept.set(name, { snapshot, fds: countFds() });
    output.line(`${snapshot.handles.length} open${name === '' ? ', remembered' : `, remembered as ${name}`}`);
  });

  define('diff', 'What opened and closed since .snap: .diff [NAME]', (name) => {
    const before = kept.get(name);
    if (before === undefined) {
      output.line(`Nothing to compare with: .snap${name === '' ? '' : ` ${name}`} first.`);
      return;
    }
    const { opened, closed, leaked } = handles.diff(before.snapshot);
    const rows = [
      ...opened.map((info) => ({ change: 'opened', ...handleRow(info) })),
      ...closed.map((info) => ({ change: 'closed', ...handleRow(info) })),
    ];
    if (rows.length > 0) output.table(rows);
    const fds = countFds() - before.fds;
    output.line(
      `${opened.length} opened, ${closed.length} closed, ${leaked} leaked; fds ${fds >= 0 ? '+' : ''}${fds}`,
    );
  });
}
