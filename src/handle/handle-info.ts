/** What the registry tells about handles: plain data, safe to keep, print and serialize. */

/**
 * `closing` from close() on, when the fd is gone already but the event loop still has the watcher; `closed`
 * when nothing is left.
 */
export type HandleState = 'open' | 'closing' | 'closed';

/** What a kind of handle says about itself: `{ protocol: 'route', portId: 4711 }`. */
export type HandleDetail = Readonly<Record<string, string | number>>;

/** One live handle. */
export interface HandleInfo {
  /** Unique within the thread, never used twice. */
  readonly id: number;
  /** 'netlink', 'netns', ... */
  readonly kind: string;
  /** -1 once closing. */
  readonly fd: number;
  readonly state: HandleState;
  /** Milliseconds since it was opened. */
  readonly ageMs: number;
  /** Whether it keeps the event loop alive. */
  readonly hasRef: boolean;
  /** Inode of the network namespace that it belongs to, where it belongs to one. */
  readonly netns?: number;
  readonly detail: HandleDetail;
  /** Where it was opened, if that was recorded: `handles.recordStacks`. */
  readonly stack?: string;
}

/** The live handles of one moment. */
export interface HandleSnapshot {
  /** performance.now() */
  readonly time: number;
  readonly handles: readonly HandleInfo[];
  readonly counters: HandleCounters;
}

/** What changed from one snapshot to another. */
export interface HandleDiff {
  /** In the second and not in the first. */
  readonly opened: readonly HandleInfo[];
  /** In the first and not in the second, as the first described them. */
  readonly closed: readonly HandleInfo[];
  /** How many were collected without close() between the two. */
  readonly leaked: number;
}

/** Totals since the thread started. `opened - closed` handles are live. */
export interface HandleCounters {
  readonly opened: number;
  /** Closed in whatever way, leaks included. */
  readonly closed: number;
  /** Collected by the garbage collector while open: each one a bug in the program. */
  readonly leaked: number;
}

/** A handle that was collected without close(), as it was the moment before its fd was closed. */
export type LeakReport = HandleInfo;

/** What to do about a leak besides counting it and publishing it on `cofferdam:handle:leak`. */
export type OnLeak = 'ignore' | 'warn' | 'throw' | ((leak: LeakReport) => void);

/** `netlink fd 21 (protocol route, portId 4711, netns 4026531840), 12 ms old`: how messages name a handle. */
export function describeHandle(info: HandleInfo): string {
  const detail = Object.entries(info.detail).map(([key, value]) => `${key} ${value}`);
  if (info.netns !== undefined && info.detail.netns === undefined) detail.push(`netns ${info.netns}`);
  const where = info.fd < 0 ? info.state : `fd ${info.fd}`;
  const about = detail.length === 0 ? '' : ` (${detail.join(', ')})`;
  return `${info.kind} ${where}${about}, ${age(info.ageMs)} old`;
}

function age(ms: number): string {
  if (ms < 10_000) return `${Math.round(ms)} ms`;
  if (ms < 600_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
