/**
 * Whose a cgroup is, written down on itself: an extended attribute says who made it, and a lock on the directory, which
 * ends with its owner, says whether he lives.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { NativeCgroup } from '../handle/index.ts';

/** In front of the names of all cgroups that are created here. It narrows a search, and proves nothing. */
export const NAME_PREFIX = 'cofferdam-';

const ATTRIBUTE = 'user.cofferdam';
const VERSION = 1;

/** Who made a cgroup. The process is the one meant only where pid, start time and boot id all fit. */
export interface CgroupIdentity {
  /** Version of this record. */
  readonly version: number;
  /** Unique to the thread that made it. */
  readonly instance: string;
  readonly pid: number;
  /** Clock ticks from boot to the start of the process, proc_pid_stat(5). */
  readonly startTime: string;
  /** /proc/sys/kernel/random/boot_id */
  readonly bootId: string;
}

let own: CgroupIdentity | undefined;

/** Of this thread. */
function ownIdentity(): CgroupIdentity {
  own ??= {
    version: VERSION,
    instance: randomUUID(),
    pid: process.pid,
    startTime: startTimeOf('self') ?? '',
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  };
  return own;
}

function startTimeOf(pid: number | 'self'): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command is in parentheses and may hold any character, parentheses too.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** 0, or the negative errno of fsetxattr(2). */
export function writeIdentity(native: NativeCgroup): number {
  return native.setAttribute(ATTRIBUTE, JSON.stringify(ownIdentity()));
}

/** Undefined for a cgroup of somebody else's, or of a version that we do not know. */
export function readIdentity(native: NativeCgroup): CgroupIdentity | undefined {
  const text = native.attribute(ATTRIBUTE);
  if (typeof text === 'number') return undefined;
  try {
    const found = JSON.parse(text) as Partial<CgroupIdentity>;
    const { version, instance, pid, startTime, bootId } = found;
    const fits =
      version === VERSION &&
      typeof instance === 'string' &&
      typeof pid === 'number' &&
      typeof startTime === 'string' &&
      typeof bootId === 'string';
    return fits ? { version, instance, pid, startTime, bootId } : undefined;
  } catch {
    return undefined;
  }
}
