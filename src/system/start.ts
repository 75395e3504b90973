/** Starts a program in a system, one's own or another's. */
import { abortError, type NativeFd } from '../handle/index.ts';
import { Command, commandFields, ptyFields, RunningCommand, type RunOptions } from './command.ts';
import type { SystemLogs } from './logs/keep.ts';
import type { Programs } from './programs.ts';
import { StdioFds } from './stdio.ts';
import { Terminal } from './terminal.ts';

/** A system as it is when somebody would start a program in it. */
export interface StartPlace {
  readonly programs: Programs;
  /** What keeps what programs write, if anything does. */
  readonly logs?: SystemLogs | undefined;
  /** @throws ClosedError, SystemError ESRCH */
  demandRunning(): void;
}

/** `holder` is the handle of the system: who has a program of it holds it. */
export async function startCommand(
  place: StartPlace,
  holder: object,
  argv: readonly string[],
  options: RunOptions,
): Promise<Command> {
  const { signal, stdio = 'inherit' } = options;
  const fields = commandFields(argv, options);
  if (signal?.aborted) throw abortError(signal);
  place.demandRunning();
  const { programs, logs } = place;
  const fds = new StdioFds(stdio, logs);
  try {
    let terminal: Terminal | undefined;
    const made = (id: number, [master]: readonly NativeFd[]): RunningCommand => {
      if (master !== undefined) terminal = new Terminal(master, logs?.writer('stdout').show);
      if (terminal !== undefined) logs?.show(terminal);
      return new RunningCommand(id, argv[0] ?? '', programs, options);
    };
    const all = [...fields, ...ptyFields(fds.pty, options.size)];
    const running = await programs.holding(holder, () => programs.start(all, fds.fds, made));
    return new Command(running, holder, { streams: fds.streams(), terminal, passings: fds.passings });
  } finally {
    fds.close();
  }
}
