// Running one command of a check: its output in a log, its time bounded, and nothing of it left behind.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const cache = join(root, '.cache');
const require = createRequire(import.meta.url);

/** Thrown by a step that failed: `message` is its verdict, `output` what to show below it, `failed` names its tests. */
export class CheckFailed extends Error {
  constructor(message, output = '', counts = undefined, failed = []) {
    super(message);
    this.output = output;
    this.counts = counts;
    this.failed = failed;
  }
}

/** Path of a package's executable script, to be run by this very node: no shell, no PATH, no npx. */
export function bin(packageName, name = packageName) {
  const directory = join(root, 'node_modules', packageName);
  const { bin: entries } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return join(directory, typeof entries === 'string' ? entries : entries[name]);
}

export const tsc = () => require.resolve('typescript/bin/tsc');

/** The Debian package that holds each program a step calls. */
const PACKAGE_OF = {
  'clang-format-14': 'clang-format-14',
  'clang-14': 'clang-14',
  'clang++-14': 'clang-14',
  cmake: 'cmake',
  ctest: 'cmake',
  make: 'make',
  readelf: 'binutils',
  'g++': 'g++',
  git: 'git',
  ip: 'iproute2',
  unshare: 'util-linux',
  strace: 'strace',
  'qemu-system-x86_64': 'qemu-system-x86',
  mksquashfs: 'squashfs-tools',
  xz: 'xz-utils',
  'dpkg-deb': 'dpkg',
  'apt-get': 'apt',
  setpriv: 'util-linux',
};

/** A missing program is a failure that names the remedy, never a skip: an unchecked tree is not a checked one. */
export function need(...programs) {
  const directories = (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin');
  const missing = programs.filter(
    (program) => !directories.some((d) => d !== '' && existsSync(join(d, program))),
  );
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => PACKAGE_OF[program] ?? program))];
  throw new CheckFailed(`${missing.join(', ')} not found: apt-get install ${packages.join(' ')}`);
}

/** Environment of every command: no colours in logs, and local Node headers where the host has them. */
function environment(extra) {
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, CI: '1', ...extra };
  if (env.npm_config_nodedir === undefined) {
    const beside = join(dirname(process.execPath), '..');
    const prefix = [beside, '/usr'].find((dir) => existsSync(join(dir, 'include/node/node_api.h')));
    if (prefix !== undefined) env.npm_config_nodedir = prefix;
  }
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
  return env;
}

/**
 * Runs `argv`, appending its output to the log, and resolves with `{ status, signal, output, timedOut }`.
 * The command is the leader of a process group of its own: on timeout the whole group dies, so that no
 * grandchild of a hung step survives it.
 */
export function execute(argv, { log, timeout = 120, env = {}, cwd = root } = {}) {
  mkdirSync(dirname(log), { recursive: true });
  const fd = openSync(log, 'a');
  const start = readFileSync(log).length;
  return new Promise((resolve, reject) => {
    const [file, ...args] = argv;
    const child = spawn(file, args, {
      cwd,
      env: environment(env),
      stdio: ['ignore', fd, fd],
      detached: true,
    });
    closeSync(fd);
    let timedOut = false;
    const killGroup = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group is gone already.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup();
    }, timeout * 1000);
    // An interrupted check takes its running command along: it is not in the terminal's foreground group.
    const onSignal = () => {
      killGroup();
      process.exit(130);
    };
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
    const settle = () => {
      clearTimeout(timer);
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    };
    child.once('error', (error) => {
      settle();
      reject(new CheckFailed(`cannot run ${file}: ${error.message}`));
    });
    child.once('exit', (status, signal) => {
      settle();
      const output = readFileSync(log).subarray(start).toString('utf8');
      resolve({ status, signal, output, timedOut, timeout });
    });
  });
}

/** How a finished command ended, in words. */
export function ending({ status, signal, timedOut, timeout }) {
  if (timedOut) return `killed after ${timeout} s`;
  return signal === null ? `exit code ${status}` : `killed by ${signal}`;
}

/** As {@link execute}, but anything but exit code 0 fails the step. Returns the output. */
export async function must(argv, options) {
  const result = await execute(argv, options);
  if (result.status !== 0) throw new CheckFailed(ending(result), result.output);
  return result.output;
}
