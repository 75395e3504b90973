/** What `cofferdam run` and `cofferdam systems exec` have in common: a program, as if it ran here. */
import { SystemError } from '../../handle/errors.ts';
import type { AttachedSystem, Command, RunOptions, System } from '../../system/index.ts';
import { errnoWords } from '../strerror.ts';

const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** The program, or the exit code where it cannot be run. */
export async function startProgram(
  box: System | AttachedSystem,
  argv: readonly string[],
  options: RunOptions,
): Promise<Command | number> {
  try {
    return await box.start(argv, options);
  } catch (error) {
    if (!(error instanceof SystemError && error.syscall === 'execve')) throw error;
    say(`${argv[0]}: ${errnoWords(error.errno)}`);
    return error.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE;
  }
}

export const say = (text: string): void => tell(`cofferdam: ${text}`);

/** Stdout is the program's. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
