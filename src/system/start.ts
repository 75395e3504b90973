/** Starts a program in a system, one's own or another's. */
import { abortError } from '../handle/index.ts';
import { Command, commandFields, RunningCommand, type RunOptions } from './command.ts';
import type { Programs } from './programs.ts';
import { StdioFds } from './stdio.ts';

/** A system as it is when somebody would start a program in it. */
export interface StartPlace {
  readonly programs: Programs;
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
  const fds = new StdioFds(stdio);
  try {
    const { programs } = place;
    const running = await programs.holding(holder, () =>
      programs.start(fields, fds.fds, (id) => new RunningCommand(id, argv[0] ?? '', programs, options)),
    );
    return new Command(running, holder, fds.streams());
  } finally {
    fds.close();
  }
}
