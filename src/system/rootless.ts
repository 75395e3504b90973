/** Systems of who is not root: what the kernel lets anybody have, and what it does not. */
import { readFileSync } from 'node:fs';
import { CofferdamError, InvalidArgumentError, SystemError } from '../handle/index.ts';
import { isLinux } from '../handle/linux.ts';
import { type Namespace, type SystemSpec, systemConfigOf } from './config/index.ts';

/** Whether systems of this process are made without privilege. */
export const isRootless = (): boolean => process.geteuid?.() !== 0;

/** Since then attributes of a whole tree of mounts can be set; overlays in a user namespace came just before, in 5.11. */
const SINCE = '5.12';

/** Without them either nothing may be mounted, or nobody ends with pid 1. */
const NEEDED: readonly Namespace[] = ['user', 'pid', 'mount'];

const NO_CGROUP = 'takes a cgroup, which a user without privilege has none of';

/** @throws InvalidArgumentError for a field that takes root; CofferdamError where this host has nobody else make systems */
export function checkRootless(spec: SystemSpec): void {
  checkHost();
  checkCounted(spec);
  const { security, network, root, user } = spec;
  for (const one of NEEDED) {
    if (security.namespaces.has(one)) continue;
    const problem = `lacks ${one}, without which only root makes a system`;
    throw new InvalidArgumentError(
      'security.namespaces',
      [...security.namespaces],
      problem,
      `${one} as well`,
    );
  }
  if (network.kind !== 'none') {
    const problem = 'is for systems that root makes';
    throw new InvalidArgumentError('network', network.kind, problem, "'none', or make the system as root");
  }
  if (root.upper.kind === 'disk') {
    const problem = 'is for systems that root makes';
    throw new InvalidArgumentError(
      'root.upper',
      root.upper.path,
      problem,
      "'tmpfs', or make the system as root",
    );
  }
  const { uidMap, gidMap } = security;
  if ((uidMap === undefined && user.uid !== 0) || (gidMap === undefined && user.gid !== 0)) {
    const own = `['${user.uid} ${process.geteuid?.()} 1'] and gid_map ['${user.gid} ${process.getegid?.()} 1']`;
    const problem = 'is nobody: without privilege a system has one user, and that is root';
    throw new InvalidArgumentError(
      'user',
      `${user.uid}:${user.gid}`,
      problem,
      `0, or security.uid_map ${own}`,
    );
  }
}

/** What is limited or watched by a cgroup, as far as it was asked for. */
function checkCounted(spec: SystemSpec): void {
  const { lifecycle, monitoring } = spec;
  const given = systemConfigOf(spec);
  const asked = [...spec.explicit];
  if (lifecycle.cpuTime !== undefined) asked.push('lifecycle.cpu_time');
  if (lifecycle.idleTimeout !== undefined) asked.push('lifecycle.idle_timeout');
  if (monitoring.action !== 'warn') asked.push('monitoring.action');
  for (const field of asked) {
    const value = field
      .split('.')
      .reduce<unknown>((one, key) => (one as Record<string, unknown>)?.[key], given);
    if (value === 'max') continue;
    throw new InvalidArgumentError(field, value, NO_CGROUP, 'nothing, or make the system as root');
  }
}

/** What says no, each with what it says then. */
const SWITCHES = [
  { path: '/proc/sys/user/max_user_namespaces', off: '0', on: '15000' },
  { path: '/proc/sys/kernel/unprivileged_userns_clone', off: '0', on: '1' },
];

function checkHost(): void {
  if (!isLinux(SINCE)) {
    throw new CofferdamError(
      'ERR_COFFERDAM_ROOTLESS',
      `systems of users who are not root take Linux ${SINCE}. Make the system as root`,
    );
  }
  for (const { path, off, on } of SWITCHES) {
    if (read(path) !== off) continue;
    const name = path.replace('/proc/sys/', '').replaceAll('/', '.');
    throw new CofferdamError(
      'ERR_COFFERDAM_ROOTLESS',
      `this host lets only root make user namespaces (${name} is ${off}). ` +
        `Allow it: sysctl ${name}=${on}, or make the system as root`,
    );
  }
}

/** What pid 1 does in its user namespace that a host may have forbidden all the same. */
const FORBIDDEN = new Set(['clone3', 'mount', 'fsopen', 'fsconfig', 'fsmount', 'move_mount', 'open_tree']);
const REFUSALS = new Set(['EPERM', 'EACCES', 'ENOSPC', 'EUSERS']);

/** @returns `error`, or what to do about it where the host does not let anybody but root */
export function rootlessError(error: unknown): unknown {
  const isOne = error instanceof SystemError && FORBIDDEN.has(error.syscall) && REFUSALS.has(error.code);
  if (!isOne || !isRootless()) return error;
  return new CofferdamError(
    'ERR_COFFERDAM_ROOTLESS',
    `this host lets only root make systems (${error.message}): a security module may forbid mounts in user namespaces ` +
      '(sysctl kernel.apparmor_restrict_unprivileged_userns), a container may have parts of /proc covered. ' +
      'Allow it there, or make the system as root',
    { cause: error },
  );
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
