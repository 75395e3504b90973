import { once } from 'node:events';
import { describeHandle, handles } from '../handle/index.ts';
import { startConsole } from '../repl/console.ts';
import { historyFile, keepHistory } from '../repl/history.ts';
import { painter } from '../repl/terminal.ts';
import type { RouteSocketOptions } from '../route/socket.ts';
import { UsageError } from './args.ts';
import { EXIT } from './exit.ts';
import { type GlobalOptions, ownColor, parseCommandLine } from './options.ts';

const USAGE = `Usage: cofferdam [ -n NETNS ] repl [ --allow-write ]
A JavaScript console with rt (a RouteSocket that opens when first asked), handles, Netns, RouteSocket, netns, Cgroup,
PressureTrigger, Pidfd, Process and subreaper in scope, and the commands .handles, .why FD, .snap and .diff. It reads; with
--allow-write it may change things too.
`;

export async function replCommand(words: readonly string[], options: GlobalOptions): Promise<number> {
  const allowWrite = words.includes('--allow-write');
  const rest = words.filter((word) => word !== '--allow-write');
  const own = parseCommandLine(rest, { environment: process.env, terminal: process.stdout.isTTY === true });
  if (options.help || own.options.help || own.words[0] === 'help') {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  if (own.words[0] !== undefined) {
    throw new UsageError(`Argument "${own.words[0]}" is unknown, try "cofferdam repl --help".`);
  }
  const netns = own.options.netns ?? options.netns;
  const timeout = own.options.timeout ?? options.timeout;
  const open: RouteSocketOptions = {
    ...(netns !== undefined && { netns }),
    ...(timeout !== undefined && { timeout }),
  };
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const color = ownColor(options);
  if (terminal) greet(allowWrite, netns, color);
  const { stdin: input, stdout: output } = process;
  const { server, close } = startConsole({ input, output, terminal, color, allowWrite, open });
  const exit = once(server, 'exit');
  const file = terminal ? historyFile() : undefined;
  if (file !== undefined) await keepHistory(server, file, (message) => process.stderr.write(`${message}\n`));
  await exit;
  await close();
  reportOutstanding();
  return EXIT.ok;
}

function greet(allowWrite: boolean, netns: string | undefined, color: boolean): void {
  const paint = painter(color);
  const access = allowWrite ? paint.yellow('reads and writes') : 'only reads (--allow-write)';
  process.stdout.write(
    `rt ${access}${netns === undefined ? '' : ` in ${netns}`}. Try: ${paint.cyan('await rt.link.list()')}, ` +
      `${paint.cyan('.handles')}, ${paint.cyan('.help')}\n`,
  );
}

/** What was opened at the console and never closed: a hint, on the way out. */
function reportOutstanding(): void {
  for (const info of handles.list()) {
    if (info.state === 'open') process.stderr.write(`still open: ${describeHandle(info)}\n`);
  }
}
