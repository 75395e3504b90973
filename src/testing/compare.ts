/** What is open after and was not before: a pure comparison of two measurements. */
import { fdKind, type HandleInfo } from '../handle/index.ts';
import type { FdMeasurement } from './measure.ts';

/** Who saw it: the registry of handles, the kernel's fd table, the event loop. */
export type Witness = 'registry' | 'fdTable' | 'libuv';

/** Something that stayed open. */
export interface LeakedResource {
  /** -1 where it is no fd: an event loop handle without one, a handle whose close is still under way. */
  readonly fd: number;
  /** 'netlink', 'netns' for our handles; 'socket', 'pipe', 'file' for other fds; 'uv_timer' and its kin. */
  readonly kind: string;
  /** What /proc/self/fd says it is. */
  readonly target?: string;
  readonly witnesses: readonly Witness[];
  /** What the registry knows of it. Missing for an fd that no handle owns. */
  readonly handle?: HandleInfo;
  /** Where it was opened, if recorded. */
  readonly stack?: string;
}

interface Finding {
  fd: number;
  kind: string;
  target?: string;
  witnesses: Witness[];
  handle?: HandleInfo;
  stack?: string;
}

/**
 * What leaked between two measurements, by whichever witness saw it; findings of one fd are joined.
 *
 * Handles are compared one by one. Foreign fds are compared by count for each kind: a program may close one log
 * file and open another, and still be flat. Where a kind grew, all its new fds are named.
 */
export function compareMeasurements(before: FdMeasurement, after: FdMeasurement): LeakedResource[] {
  const findings: Finding[] = [];
  const find = (fd: number): Finding | undefined =>
    fd < 0 ? undefined : findings.find((finding) => finding.fd === fd);

  const known = new Set(before.handles.handles.map((info) => info.id));
  for (const handle of after.handles.handles) {
    if (known.has(handle.id)) continue;
    const { fd, kind, stack } = handle;
    findings.push({ fd, kind, witnesses: ['registry'], handle, ...(stack !== undefined && { stack }) });
  }

  const newFds = [...after.fds].filter(([fd, target]) => before.fds.get(fd) !== target);
  const grownKinds = grown([...before.fds.values()].map(fdKind), [...after.fds.values()].map(fdKind));
  for (const [fd, target] of newFds) {
    const kind = fdKind(target);
    const finding = find(fd);
    // A new handle's fd is named in any case, so that its link target is in the report.
    if (finding === undefined && !grownKinds.has(kind)) continue;
    if (finding === undefined) findings.push({ fd, kind, target, witnesses: ['fdTable'] });
    else {
      finding.target = target;
      finding.witnesses.push('fdTable');
    }
  }

  const addresses = new Set(before.libuv.map((entry) => entry.address));
  const grownTypes = grown(
    before.libuv.map((entry) => entry.type),
    after.libuv.map((entry) => entry.type),
  );
  for (const { type, address, fd, referenced } of after.libuv) {
    if (!grownTypes.has(type) || addresses.has(address)) continue;
    // What V8 puts off, for eight seconds after a collection, is a timer of its own that keeps no process alive.
    if (type === 'timer' && !referenced) continue;
    // A socket that was there before may be watched now, or have got a thread that wakes the loop: libuv's handles for
    // that come when they are needed, and go with the socket.
    if (type === 'async' || (fd >= 0 && before.fds.has(fd) && before.fds.get(fd) === after.fds.get(fd)))
      continue;
    const finding = find(fd);
    if (finding === undefined) findings.push({ fd, kind: `uv_${type}`, witnesses: ['libuv'] });
    else finding.witnesses.push('libuv');
  }
  return findings;
}

function grown(before: readonly string[], after: readonly string[]): Set<string> {
  const balance = new Map<string, number>();
  for (const kind of after) balance.set(kind, (balance.get(kind) ?? 0) + 1);
  for (const kind of before) balance.set(kind, (balance.get(kind) ?? 0) - 1);
  return new Set([...balance].filter(([, count]) => count > 0).map(([kind]) => kind));
}
