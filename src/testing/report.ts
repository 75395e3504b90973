/** The verdict, for people. */
import { CofferdamError, describeHandle, type LeakReport } from '../handle/index.ts';
import type { LeakedResource } from './compare.ts';

export interface FdCounts {
  /** Of the process, by the kernel's table. */
  readonly fds: number;
  /** Of this thread, by the registry. */
  readonly handles: number;
  /** Handles of this thread's event loop. */
  readonly libuv: number;
}

export interface FlatFdsReport {
  /** The verdict. */
  readonly flat: boolean;
  readonly iterations: number;
  readonly warmup: number;
  /** Milliseconds of the measured runs. */
  readonly durationMs: number;
  readonly before: FdCounts;
  readonly after: FdCounts;
  /** Fds counted on the way: not part of the verdict, since what is under way is open. */
  readonly samples: readonly { readonly iteration: number; readonly fds: number }[];
  /** Fds gained per 1,000 iterations, by least squares over the samples. */
  readonly slope: number;
  readonly leaked: readonly LeakedResource[];
  /** Handles that the collector found open during the runs. */
  readonly collected: readonly LeakReport[];
}

/** Fds or handles did not come back to where they were. `report` has everything that is known. */
export class LeakError extends CofferdamError {
  readonly report: FlatFdsReport;

  constructor(report: FlatFdsReport) {
    super('ERR_COFFERDAM_FD_LEAK', formatReport(report));
    this.report = report;
  }
}

/** How many leaked things a message names before it only counts them. */
const NAMED = 10;

/** The report as text: one line when flat, otherwise each leaked thing with where it was opened. */
export function formatReport(report: FlatFdsReport): string {
  const { iterations, before, after, leaked, collected } = report;
  const counts = `${formatCounts(before)} before, ${formatCounts(after)} after ${iterations} iterations`;
  if (report.flat) return `flat: ${counts}`;
  const lines = [`not flat: ${counts}`];
  for (const resource of leaked.slice(0, NAMED)) lines.push(...formatLeaked(resource));
  if (leaked.length > NAMED) lines.push(`  and ${leaked.length - NAMED} more`);
  if (collected.length > 0) {
    lines.push(`  ${collected.length} handles were garbage collected without close(), such as`);
    for (const leak of collected.slice(0, 3)) {
      lines.push(`    ${describeHandle(leak)}`);
      if (leak.stack !== undefined) lines.push(leak.stack);
    }
  }
  return lines.join('\n');
}

function formatCounts({ fds, handles, libuv }: FdCounts): string {
  return `${fds} fds, ${handles} handles, ${libuv} in the event loop`;
}

function formatLeaked({ fd, kind, target, witnesses, handle, stack }: LeakedResource): string[] {
  const name = handle === undefined ? `${fd < 0 ? '' : `fd ${fd} `}${kind}` : describeHandle(handle);
  const link = target === undefined ? '' : ` -> ${target}`;
  const owner = handle === undefined && fd >= 0 ? ', owned by no handle of cofferdam' : '';
  const lines = [`  ${name}${link}${owner}, seen by ${witnesses.join(' and ')}`];
  if (stack !== undefined) lines.push(stack);
  return lines;
}
