/** Which process that is, in a form that can be written down. */
import { readFileSync } from 'node:fs';
import { fromNodeError } from '../handle/index.ts';

/** A process for ever: its number is given to others once it is gone, this is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /**
   * When it started, in clock ticks since boot (field 22 of /proc/PID/stat, proc_pid_stat(5)), as the time namespace of
   * this process counts.
   */
  readonly startTime: number;
  /** Of this run of the kernel: /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** What /proc/PID/stat says, as far as it is wanted here. */
export interface ProcessStatus {
  readonly command: string;
  /** 'R', 'S', 'D', 'T', 'Z', ... */
  readonly state: string;
  readonly parent: number;
  readonly startTime: number;
}

/**
 * What /proc tells of a process. Nothing keeps its number from being another process's by now, unless it is a child of
 * ours, or a pidfd says so afterwards.
 *
 * @throws SystemError ENOENT where there is no such process, or none to be seen (hidepid)
 */
export function readStatus(pid: number): ProcessStatus {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    throw fromNodeError(error);
  }
  // The command is in parentheses and may hold any character, parentheses too.
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return {
    command: text.slice(text.indexOf('(') + 1, end),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    startTime: Number(fields[19]),
  };
}

export function identityOf(pid: number, { startTime }: ProcessStatus): ProcessIdentity {
  return { pid, startTime, bootId: bootId() };
}

let knownBootId: string | undefined;

/** The same as long as this program runs. */
function bootId(): string {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return knownBootId;
}

/** Of what `identityRecord` writes. */
const VERSION = 1;

/** What is written on a thing that may outlive its maker: who that is. */
export interface IdentityRecord extends ProcessIdentity {
  readonly version: number;
}

/** Of this process. */
export function identityRecord(): IdentityRecord {
  return { version: VERSION, ...identityOf(process.pid, readStatus(process.pid)) };
}

/** Undefined for what somebody else wrote, or a version that we do not know. There may be more in it. */
export function parseIdentityRecord(text: string): (IdentityRecord & Record<string, unknown>) | undefined {
  let found: Partial<IdentityRecord> | null;
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    return undefined;
  }
  const { version, pid, startTime, bootId } = found ?? {};
  if (version !== VERSION || typeof pid !== 'number' || typeof startTime !== 'number') return undefined;
  return typeof bootId === 'string' ? { ...found, version, pid, startTime, bootId } : undefined;
}
