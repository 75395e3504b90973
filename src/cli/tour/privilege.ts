import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { effectiveCapabilities } from '../doctor/capabilities.ts';
import { userNamespaceProblem } from '../doctor/host.ts';
import { PrivilegeError } from '../exit.ts';

/** The tour makes namespaces and links: with the privileges it has, or in a user namespace, or not at all. */

const NEEDED = ['CAP_SYS_ADMIN', 'CAP_NET_ADMIN'];

/** Set inside, so that a namespace that gives nothing is not entered again and again. */
const MARK = 'COFFERDAM_TOUR_INSIDE';

export type Footing = 'privileged' | 'user namespace' | 'outside';

/** 'outside': not here, but in a user namespace it can be done. Throws PrivilegeError where nothing helps. */
export function footing(environment: NodeJS.ProcessEnv = process.env): Footing {
  const effective = effectiveCapabilities();
  const missing = NEEDED.filter((name) => !effective.has(name));
  const inside = environment[MARK] === '1';
  if (missing.length === 0) return inside ? 'user namespace' : 'privileged';
  const problem = inside ? 'the user namespace gives no capabilities' : userNamespaceProblem();
  if (problem === undefined) return 'outside';
  throw new PrivilegeError(
    `the tour needs ${missing.join(' and ')}, and no user namespace can be made: ${problem}`,
    'Run it as root, or see what can be changed: cofferdam doctor',
  );
}

/** Runs the same command line as root of a user namespace of its own. Resolves to its exit code. */
export function runInUserNamespace(argv: readonly string[]): Promise<number> {
  const [node = process.execPath, ...args] = [process.execPath, ...process.execArgv, ...argv];
  const child = spawn('unshare', ['--user', '--map-root-user', '--net', '--mount', node, ...args], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: '1' },
  });
  // A terminal's Ctrl-C reaches the child by itself; it cleans up, and we wait for it. A kill is passed on.
  const ignore = () => {};
  const pass = () => void child.kill('SIGTERM');
  process.on('SIGINT', ignore);
  process.on('SIGTERM', pass);
  process.on('SIGHUP', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', pass);
      process.off('SIGHUP', pass);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
