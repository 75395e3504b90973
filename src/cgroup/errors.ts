/** What cgroups refuse, with what is known about why. */
import { constants } from 'node:os';
import { CofferdamError, SystemError, type SystemErrorInfo } from '../handle/index.ts';
import { filePath } from './hierarchy.ts';

/** A limit needs a controller that the parent of the cgroup does not hand down. Nothing was changed. */
export class MissingControllerError extends CofferdamError {
  readonly controller: string;
  /** The cgroup that lacks it. */
  readonly cgroup: string;
  /** The last cgroup on the way down that has it; undefined where version 2 has it nowhere. */
  readonly enabledAt: string | undefined;

  constructor(controller: string, cgroup: string, enabledAt: string | undefined, why: string) {
    super('ERR_COFFERDAM_MISSING_CONTROLLER', `${cgroup} has no ${controller} controller: ${why}`);
    this.controller = controller;
    this.cgroup = cgroup;
    this.enabledAt = enabledAt;
  }
}

/** EBUSY: processes or other cgroups are in the way. */
export class CgroupBusyError extends SystemError {
  /** The processes in the way; 0 stands for one outside of this pid namespace. */
  readonly pids: readonly number[];

  constructor(syscall: string, path: string, why: string, pids: readonly number[]) {
    super(constants.errno.EBUSY, syscall, { path }, `EBUSY: ${path} ${why}${named(pids)}`);
    this.pids = pids;
  }
}

/** A process that has been killed and has not ended. */
export interface StuckProcess {
  readonly pid: number;
  /** From /proc/PID/stat: 'D' waits in the kernel for something that no signal interrupts. */
  readonly state: string;
  readonly command: string;
}

/**
 * remove() has killed what is in the cgroup, and something does not end: as a rule it waits in the kernel, for a disk or
 * a file server. The removal goes on by itself while the handle is open.
 */
export class CgroupStuckError extends CofferdamError {
  readonly path: string;
  readonly processes: readonly StuckProcess[];
  readonly pids: readonly number[];
  /** Resolves once the cgroup is gone after all; rejects with a ClosedError where the handle is closed before. */
  readonly finished: Promise<void>;

  constructor(path: string, timeout: number, processes: readonly StuckProcess[], finished: Promise<void>) {
    const who = processes.map(({ pid, state, command }) => `${pid} (${command}, state ${state})`);
    super(
      'ERR_COFFERDAM_CGROUP_STUCK',
      `${path} is not empty ${timeout} ms after everything in it was killed: ${who.join(', ') || 'nobody is listed'}. ` +
        'State D is a wait in the kernel that nothing interrupts; the cgroup is removed when it ends',
    );
    this.path = path;
    this.processes = processes;
    this.pids = processes.map(({ pid }) => pid);
    this.finished = finished;
    // Whoever does not look at it has been told by the error itself.
    finished.catch(() => {});
  }
}

/** A negative errno with a sentence about this case, behind the name that programs compare. */
export function cgroupError(
  errno: number,
  syscall: string,
  sentence: string,
  info: SystemErrorInfo = {},
): SystemError {
  const bare = new SystemError(errno, syscall, info);
  return new SystemError(errno, syscall, info, `${bare.code}: ${sentence}`);
}

/** What the files of a cgroup that has been removed answer: ENODEV to a read, ENOENT to an open. */
export const isGone = (error: number): boolean =>
  error === -constants.errno.ENODEV || error === -constants.errno.ENOENT;

/** Somebody else has removed it; what its name means by now is another one. */
export function goneError(path: string): SystemError {
  const directory = filePath(path);
  return cgroupError(-constants.errno.ENODEV, 'read', `${directory} has been removed`, { path: directory });
}

/** The first few of many. */
function named(pids: readonly number[]): string {
  if (pids.length === 0) return '';
  const more = pids.length > 10 ? ` and ${pids.length - 10} more` : '';
  return ` (pid ${pids.slice(0, 10).join(', ')}${more})`;
}
