/** The three witnesses of a leak verdict, asked at one moment. */
import { type HandleSnapshot, handles, readFdTable } from '../handle/index.ts';

/** A handle of the event loop, as libuv reports it. */
export interface LibuvHandle {
  /** 'poll', 'tcp', 'pipe', 'udp', 'fs_event', 'async', ... */
  readonly type: string;
  readonly address: string;
  /** -1 for types that have none. */
  readonly fd: number;
  readonly active: boolean;
  readonly referenced: boolean;
}

/** What is open in this process. The witnesses know nothing of each other. */
export interface FdMeasurement {
  /** What this package says is open, in this thread. */
  readonly handles: HandleSnapshot;
  /** What the kernel says is open, in the whole process: fd -> link target. */
  readonly fds: ReadonlyMap<number, string>;
  /** What this thread's event loop holds. */
  readonly libuv: readonly LibuvHandle[];
}

/** Asks all three. Costs some milliseconds, most of it for libuv's report. */
export function measureFds(): FdMeasurement {
  return { handles: handles.snapshot(), libuv: libuvHandles(), fds: readFdTable() };
}

/** The `libuv` part of a diagnostic report, the only place where Node lists polls with their fds. */
interface DiagnosticReport {
  readonly libuv: readonly {
    readonly type: string;
    readonly address: string;
    readonly fd?: number;
    readonly is_active?: boolean;
    readonly is_referenced?: boolean;
  }[];
}

function libuvHandles(): LibuvHandle[] {
  // Otherwise the report resolves the names of all peers and interfaces: seconds where DNS does not answer.
  // Missing from the types of Node 20.
  const settings = process.report as typeof process.report & { excludeNetwork?: boolean };
  const excludeNetwork = settings.excludeNetwork;
  try {
    settings.excludeNetwork = true;
    const report = process.report.getReport() as unknown as DiagnosticReport;
    return report.libuv
      .filter((entry) => entry.type !== 'loop')
      .map((entry) => ({
        type: entry.type,
        address: entry.address,
        fd: entry.fd ?? -1,
        active: entry.is_active ?? false,
        referenced: entry.is_referenced ?? false,
      }));
  } finally {
    settings.excludeNetwork = excludeNetwork ?? false;
  }
}
