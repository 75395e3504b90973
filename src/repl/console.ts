import { type REPLServer, start } from 'node:repl';
import type { Readable, Writable } from 'node:stream';
import { inspect, types } from 'node:util';
import { CofferdamError, handles } from '../handle/index.ts';
import type { RouteSocketOptions } from '../route/socket.ts';
import { type CommandOutput, defineCommands } from './commands.ts';
import { complete } from './complete.ts';
import { LazyRouteSocket } from './lazy-route-socket.ts';
import { LinePacer } from './line-pacer.ts';
import { makeScope, type Scope } from './scope.ts';
import { formatTable, isTabular, type Row } from './table.ts';

export interface ConsoleOptions {
  readonly input: Readable;
  readonly output: Writable & { readonly columns?: number };
  /** Whether someone types: a prompt, colours, line editing. */
  readonly terminal: boolean;
  readonly color: boolean;
  readonly allowWrite: boolean;
  /** How `rt` opens, when it does. */
  readonly open: RouteSocketOptions;
}

/** Of a pipe, and of a terminal that does not know (it says 0). */
const DEFAULT_WIDTH = 100;

/** Rows that a table prints: more scrolls away unread. */
const MAX_ROWS = 200;

/** What the console prints a value with. */
export function makeWriter(
  output: { readonly columns?: number },
  color: boolean,
): (value: unknown) => string {
  return (value) => {
    if (value instanceof LazyRouteSocket) return value.describe();
    if (isTabular(value)) {
      return formatTable(value, { width: output.columns || DEFAULT_WIDTH, color, maxRows: MAX_ROWS });
    }
    if (types.isPromise(value)) return 'Promise (await shows what it is of)';
    if (value instanceof CofferdamError) return formatError(value, color);
    return inspect(value, { colors: color, depth: 4, showProxy: false });
  };
}

/** Message and fields. The stack of a call made at the console says nothing; `error.stack` has it. */
function formatError(error: CofferdamError, color: boolean): string {
  const { name: _, ...fields } = error;
  return `${error.name}: ${error.message} ${inspect(fields, { colors: color, depth: 4, breakLength: 100 })}`;
}

export interface Console {
  readonly server: REPLServer;
  /** Closes what `rt` opened. */
  close(): Promise<void>;
}

/** Starts the console. It ends with the server's 'exit' event. */
export function startConsole(options: ConsoleOptions): Console {
  const { output, terminal, color, allowWrite } = options;
  // `.why` is to say where a handle was opened; a console has the microseconds for it.
  handles.recordStacks = true;
  const writer = makeWriter(output, color);
  // Lines that are all there at once would all start before the first one's await is over.
  const pacer = terminal ? undefined : new LinePacer(options.input);
  let server: REPLServer | undefined;
  server = start({
    input: pacer?.output ?? options.input,
    output,
    terminal,
    prompt: terminal ? (allowWrite ? 'cofferdam! ' : 'cofferdam> ') : '',
    useColors: color,
    ignoreUndefined: true,
    // Showing the value of what is being typed would run it.
    preview: false,
    breakEvalOnSigint: terminal,
    writer,
    completer: (line: string) =>
      server === undefined ? [[], line] : complete(line, server.context, Object.keys(server.commands)),
  });
  const console = server;
  const scope = makeScope({ open: options.open, allowWrite }, (rt) => {
    scope.rt = rt;
    console.context.rt = rt;
  });
  fillContext(console, scope);
  // `.clear` makes a new context.
  console.on('reset', () => fillContext(console, scope));
  const commands: CommandOutput = {
    line: (text) => void output.write(`${text}\n`),
    table: (rows: readonly Row[]) => void output.write(`${writer(rows)}\n`),
  };
  defineCommands(console, commands);
  pacer?.drive(console);
  return { server: console, close: () => scope.rt[Symbol.asyncDispose]() };
}

function fillContext(server: REPLServer, scope: Scope): void {
  for (const [name, value] of Object.entries(scope)) {
    Object.defineProperty(server.context, name, {
      value: value as unknown,
      writable: true,
      configurable: true,
      enumerable: true,
    });
  }
}
