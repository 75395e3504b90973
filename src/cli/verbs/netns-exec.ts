import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { InvalidArgumentError, SystemError } from '../../handle/errors.ts';
import { etcFiles } from '../../netns/etc.ts';
import { Netns } from '../../netns/index.ts';
import { netnsPath } from '../../netns/names.ts';
import type { Process, ProcessExit, Stdio } from '../../process/index.ts';
import { FindingError } from '../args.ts';
import { EXIT } from '../exit.ts';
import { inForeground } from '../foreground.ts';
import { netnsNames } from '../netns-names.ts';
import { netnsRefusal } from '../netns-refusal.ts';
import type { ShowContext } from '../show/view.ts';
import { errnoWords } from '../strerror.ts';

/** What `ip` exits with where it does not get into the namespace. */
const NO_ENTRY = 255;

/** Signals that somebody who sends them to us means for the program. */
const PASSED_ON = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** Signals that end us as they ended the program. Node has other plans for some, and others would leave a core of ours. */
const FATAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL', 'SIGALRM']);

/** `netns exec`: resolves to the exit code of the program. */
export async function execInside(args: readonly string[], { options }: ShowContext): Promise<number> {
  if (options.all) return await execInAll(args);
  const [name, ...argv] = args;
  if (name === undefined) throw new FindingError('No netns name specified');
  if (argv.length === 0) throw new FindingError('No command specified');
  const exit = await run(name, argv);
  return typeof exit === 'number' ? exit : endAs(exit);
}

/** In one after the other, whatever comes of it, but for a program that was killed. */
async function execInAll(argv: readonly string[]): Promise<number> {
  if (argv.length === 0) throw new FindingError('No command specified');
  for (const name of netnsNames()) {
    process.stdout.write(`\nnetns: ${name}\n`);
    const exit = await run(name, argv);
    if (typeof exit !== 'number' && exit.reason !== 'exited') return EXIT.failure;
  }
  return EXIT.ok;
}

/** How the program ended; a number is the exit code where there was none to run. */
async function run(name: string, argv: readonly string[]): Promise<ProcessExit | number> {
  using netns = await open(name);
  if (netns === undefined) return NO_ENTRY;
  for (const { source, target } of etcFiles(name).missing)
    process.stderr.write(`Bind ${source} -> ${target} failed: ${errnoWords(constants.errno.ENOENT)}\n`);
  using signals = new SignalRelay();
  let child: Process;
  try {
    // Whoever kills us means the program, which `ip` would have become.
    child = await netns.exec(argv, { deathSignal: 'SIGKILL', stdio: passedFds() });
  } catch (error) {
    if (!(error instanceof SystemError && error.syscall === 'execve')) throw error;
    process.stderr.write(`exec of "${argv[0]}" failed: ${errnoWords(error.errno)}\n`);
    return EXIT.failure;
  }
  await using _child = child;
  signals.passOnTo(child);
  return await child.wait();
}

async function open(name: string): Promise<Netns | undefined> {
  try {
    // A name, and no path.
    netnsPath(name);
    return await Netns.open(name);
  } catch (error) {
    if (error instanceof InvalidArgumentError) process.stderr.write(`Invalid netns name "${name}"\n`);
    else if (!(error instanceof SystemError)) throw error;
    else process.stderr.write(`${netnsRefusal(error) ?? error.message}\n`);
    return undefined;
  }
}

/** O_CLOEXEC in /proc/self/fdinfo, which is octal. */
const CLOSES_ON_EXEC = 0o2000000;

/**
 * Stdin, stdout, stderr, and what else we were given, as a shell gives `<(...)`. Not that below 16, nor what follows
 * without a gap: libuv takes it for its own.
 */
function passedFds(): Stdio[] {
  const stdio: Stdio[] = ['inherit', 'inherit', 'inherit'];
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd <= 2 || !isPassedOn(fd)) continue;
    while (stdio.length < fd) stdio.push('none');
    stdio[fd] = 'inherit';
  }
  return stdio;
}

function isPassedOn(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '';
    return (Number.parseInt(flags, 8) & CLOSES_ON_EXEC) === 0;
  } catch {
    return false; // that by which the directory was read
  }
}

/** Takes the signals that are meant for the program, from before it runs. */
class SignalRelay implements Disposable {
  #child: Process | undefined;
  readonly #early: NodeJS.Signals[] = [];

  constructor() {
    for (const signal of PASSED_ON) process.on(signal, this.#onSignal);
  }

  passOnTo(child: Process): void {
    this.#child = child;
    for (const signal of this.#early) this.#onSignal(signal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#child === undefined) {
      this.#early.push(signal);
      return;
    }
    // The program has got it from the terminal as well, in the same group of processes.
    if ((signal === 'SIGINT' || signal === 'SIGQUIT') && inForeground()) return;
    try {
      this.#child.send(signal);
    } catch (error) {
      // It has just ended.
      if (!(error instanceof SystemError && error.code === 'ESRCH')) throw error;
    }
  };

  [Symbol.dispose](): void {
    for (const signal of PASSED_ON) process.off(signal, this.#onSignal);
  }
}

/** Ends as the program did; the number is for the case that it does not work. */
function endAs(exit: ProcessExit): number {
  if (exit.reason === 'exited') return exit.exitCode;
  if (exit.reason === 'unknown') return EXIT.failure;
  const { signal } = exit;
  if (FATAL.has(signal)) process.kill(process.pid, signal);
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? Number(signal.replace('SIG', '')));
}
