import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, release } from 'node:os';
import { cgroupMode } from '../../cgroup/hierarchy.ts';
import { countFds } from '../../handle/index.ts';
import { effectiveCapabilities, knownCapabilities } from './capabilities.ts';
import type { Check } from './report.ts';

/** What can be read off the host without the addon. */

function readNumber(path: string): number | undefined {
  try {
    const value = Number(readFileSync(path, 'utf8'));
    return Number.isNaN(value) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** Oldest kernel with strict checking of dump requests. */
const OLDEST = [4, 20] as const;

export function checkKernel(version: string = release()): Check {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const old = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  return {
    name: 'kernel',
    status: old ? 'fails' : 'ok',
    value: `Linux ${version}, ${arch()}`,
    facts: { release: version, machine: arch() },
    ...(old && {
      wontWork: [`Linux ${version} does not check dump requests strictly: 4.20 is the oldest that does.`],
    }),
  };
}

/** What cofferdam itself asks the kernel for, by capability. */
const WANTED: Readonly<Record<string, string>> = {
  CAP_NET_ADMIN: 'Changing links, addresses, routes, rules and neighbours',
  CAP_SYS_ADMIN: 'Making network namespaces and entering others',
};

export function checkCapabilities(effective: ReadonlySet<string> = effectiveCapabilities()): Check {
  const known = knownCapabilities();
  const missing = known.filter((name) => !effective.has(name));
  const wanted = Object.keys(WANTED).filter((name) => !effective.has(name));
  const value =
    missing.length === 0
      ? `all ${known.length}`
      : effective.size === 0
        ? 'none'
        : effective.size > missing.length
          ? `all but ${missing.join(', ')}`
          : [...effective].join(', ');
  return {
    name: 'capabilities',
    status: wanted.length > 0 ? 'limited' : 'ok',
    value,
    facts: { effective: [...effective], missing },
    wontWork: wanted.map((name) => `${WANTED[name]}: ${name} is missing.`),
    ...(wanted.length > 0 && {
      remedy: ['As root, or in a user namespace:  unshare --user --map-root-user --net --mount COMMAND'],
    }),
  };
}

/** Sysctls that forbid user namespaces to users: the kernel's own, Debian's, Ubuntu's. */
function forbiddenBy(): string | undefined {
  if (readNumber('/proc/sys/user/max_user_namespaces') === 0) return 'user.max_user_namespaces is 0';
  if (readNumber('/proc/sys/kernel/unprivileged_userns_clone') === 0) {
    return 'kernel.unprivileged_userns_clone is 0';
  }
  if (readNumber('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === 1) {
    return 'kernel.apparmor_restrict_unprivileged_userns is 1';
  }
  return undefined;
}

/** Why no user namespace with a network namespace in it can be made here; undefined when one can. */
export function userNamespaceProblem(): string | undefined {
  const arguments_ = ['--user', '--map-root-user', '--net', '--mount', 'true'];
  const { status, error, stderr } = spawnSync('unshare', arguments_, { encoding: 'utf8', timeout: 5000 });
  if (status === 0) return undefined;
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    return 'unshare(1) of util-linux is missing';
  return (
    forbiddenBy() ?? (stderr.trim().split('\n')[0] || (error?.message ?? `unshare(1) ended with ${status}`))
  );
}

export function checkUserNamespaces(problem: string | undefined, privileged: boolean): Check {
  if (problem === undefined) {
    return { name: 'user namespaces', status: 'ok', value: 'allowed', facts: { allowed: true } };
  }
  return {
    name: 'user namespaces',
    status: privileged ? 'limited' : 'fails',
    value: `not allowed: ${problem}`,
    facts: { allowed: false, reason: problem },
    wontWork: [`The tour without root: ${problem}.`],
    remedy: [
      'sysctl -w user.max_user_namespaces=10000   and, where they exist,',
      'kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; or run it as root',
    ],
  };
}

export function checkCgroups(): Check {
  const { mode, mount, controllers, v1Controllers } = cgroupMode();
  const parts: string[] = [mode];
  if (mount !== undefined) parts.push(`cgroup2 on ${mount} with ${controllers.join(' ') || 'no controller'}`);
  if (v1Controllers.length > 0) parts.push(`version 1 has ${v1Controllers.join(' ')}`);
  return {
    name: 'cgroups',
    // Nothing in this release needs them: worth knowing, no more.
    status: 'ok',
    value: parts.join('; '),
    facts: { mode, mount: mount ?? null, controllers: [...controllers], v1_controllers: [...v1Controllers] },
  };
}

/** Soft and hard RLIMIT_NOFILE from proc_pid_limits(5). */
export function fdLimits(limits: string): { soft: number; hard: number } | undefined {
  const found = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(limits);
  if (found === null) return undefined;
  const read = (text: string | undefined) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));
  return { soft: read(found[1]), hard: read(found[2]) };
}

/** A process that opens a few sockets for each of some namespaces gets by with this many. */
const COMFORTABLE_FDS = 1024;

export function checkFdLimit(): Check {
  const limits = fdLimits(readFileSync('/proc/self/limits', 'utf8'));
  const open = countFds();
  if (limits === undefined) return { name: 'open files', status: 'ok', value: `${open} open` };
  const tight = limits.soft < COMFORTABLE_FDS;
  return {
    name: 'open files',
    status: tight ? 'limited' : 'ok',
    value: `${open} open, ${limits.soft} allowed (hard limit ${limits.hard})`,
    facts: { open, soft: limits.soft, hard: limits.hard },
    ...(tight && {
      wontWork: [`More than ${limits.soft - open} handles at a time: RLIMIT_NOFILE is ${limits.soft}.`],
      remedy: [`ulimit -n ${Math.min(limits.hard, 65_536)}`],
    }),
  };
}

export function checkInotify(): Check {
  const instances = readNumber('/proc/sys/fs/inotify/max_user_instances');
  const watches = readNumber('/proc/sys/fs/inotify/max_user_watches');
  if (instances === undefined || watches === undefined) {
    return { name: 'inotify', status: 'ok', value: 'limits not readable' };
  }
  return {
    name: 'inotify',
    status: 'ok',
    value: `${instances} instances and ${watches} watches for each user`,
    facts: { max_user_instances: instances, max_user_watches: watches },
  };
}
