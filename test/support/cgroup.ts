/** Cgroups of tests, by plain files: this watches the library, and so uses nothing of it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Where cgroup2 is mounted; undefined where it is not. */
export const cgroupMount: string | undefined = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .find((line) => line.includes(' - cgroup2 '))
  ?.split(' ')[4];

export const mount = cgroupMount ?? '/sys/fs/cgroup';

let next = 0;

/** A cgroup that no other test has. */
export interface TestCgroup {
  /** Below the mount: '/cofferdam-test-4711-0'. */
  readonly path: string;
  /** In the file system. */
  readonly directory: string;
  /** Kills what is in it and removes it with all below, whatever a test did or failed to do. */
  remove(): Promise<void>;
}

export function makeTestCgroup(): TestCgroup {
  const path = `/cofferdam-test-${process.pid}-${next++}`;
  const directory = mount + path;
  mkdirSync(directory);
  return { path, directory, remove: () => removeDirectory(directory) };
}

function children(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(directory, entry.name));
}

async function removeDirectory(directory: string): Promise<void> {
  for (const deadline = performance.now() + 30_000; ; ) {
    try {
      killAll(directory);
      for (const child of children(directory)) await removeDirectory(child);
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      if (performance.now() > deadline) throw error;
      await sleep(10);
    }
  }
}

function killAll(directory: string): void {
  try {
    writeFileSync(`${directory}/cgroup.kill`, '1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Before Linux 5.14.
    for (const pid of pidsIn(directory)) process.kill(pid, 'SIGKILL');
  }
}

/** Processes in the very directory. */
export function pidsIn(directory: string): number[] {
  return readFileSync(`${directory}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
}

/** Moves a process, as a shell would. */
export function moveInto(directory: string, pid: number): void {
  writeFileSync(`${directory}/cgroup.procs`, String(pid));
}

/** The words of an events file: `{ populated: 1, frozen: 0 }`. */
export function readFlat(file: string): Record<string, number> {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
}

const started: ChildProcess[] = [];

/** A process that waits, and is killed with {@link endProcesses} at the latest. */
export function startSleeper(): ChildProcess & { readonly pid: number } {
  return start('sleep', ['600']);
}

export function start(command: string, args: readonly string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(child);
  if (child.pid === undefined) throw new Error(`${command} did not start`);
  return child as ChildProcess & { readonly pid: number };
}

/** Ends what the functions above started. */
export async function endProcesses(): Promise<void> {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const closed = once(child, 'exit');
    child.kill('SIGKILL');
    await closed;
  }
}

/** Has an object answer otherwise than it does, natively as a rule. */
export function override<T extends object>(target: T, methods: Partial<T>): void {
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(target, name, { value, configurable: true });
}

let built: string | undefined;

/** Compiles a C program of test/cgroup/programs, once for each test file. */
export function compileProgram(name: string): string {
  if (built === undefined) {
    const directory = mkdtempSync(join(tmpdir(), 'cofferdam-programs-'));
    built = directory;
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  }
  const source = join(dirname(fileURLToPath(import.meta.url)), '..', 'cgroup', 'programs', `${name}.c`);
  const program = join(built, name);
  execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, source], { stdio: 'inherit' });
  return program;
}

/** Removes the programs. */
export function forgetPrograms(): void {
  if (built !== undefined) rmSync(built, { recursive: true, force: true });
  built = undefined;
}

/** Waits until it holds, looking again and again; for what nothing tells of. */
export async function eventually(what: string, holds: () => boolean, timeout = 30_000): Promise<void> {
  const deadline = performance.now() + timeout;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeout} ms: ${what}`);
    await sleep(5);
  }
}
