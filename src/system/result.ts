/** How programs and systems ended. */
import { constants } from 'node:os';
import { errnoName, SystemError } from '../handle/index.ts';
import type { ProcessUsage } from '../process/index.ts';
import { signalName } from '../process/signals.ts';
import type { ExportSpec } from './config/index.ts';
import { type ExportResult, exportResults } from './exports.ts';
import { type Message, Tag } from './wire.ts';

/** CLD_EXITED, waitid(2). */
const CLD_EXITED = 1;
/** What a shell adds to the number of a signal. */
const BY_SIGNAL = 128;

/**
 * Why a system ended: `closed` or `stopped` by its owner, `timeout`, `cpu_time`, `idle`, `oom`; `memory`, `cpu` or `pids`
 * where it used too much for too long and monitoring.action is `stop`; `pressure` where the host was short of something;
 * `owner` where its process died, `supervisor` where that was killed, `init` where pid 1 was, `failed` where it never came
 * to run, `aborted` where its making was given up.
 */
export type EndReason =
  | 'closed'
  | 'stopped'
  | 'timeout'
  | 'cpu_time'
  | 'idle'
  | 'oom'
  | 'memory'
  | 'cpu'
  | 'pids'
  | 'pressure'
  | 'owner'
  | 'supervisor'
  | 'init'
  | 'failed'
  | 'aborted';

/** How a program ended. */
export interface RunResult {
  /** As a shell would say it: the program's own, or 128 and the number of the signal. */
  readonly exitCode: number;
  readonly signal: string | undefined;
  /** `exited` and `killed` by itself or a signal, `oom` where the kernel killed for memory; otherwise why the system ended. */
  readonly reason: 'exited' | 'killed' | EndReason;
  /** Of the program and its descendants that were waited for; undefined where the system ended first. */
  readonly usage: ProcessUsage | undefined;
}

/** How a system ended, and what it had used. */
export interface SystemEnd {
  readonly reason: EndReason;
  /** Files of its cgroup at the end, by controller, as far as it had them: cpu.stat, memory.events and so on. */
  readonly statistics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** How the last program that its owner started had ended; undefined where it was cut short, or there was none. */
  readonly exit?: RunResult | undefined;
  /** What became of `root.exports`, in their order. */
  readonly exports: readonly ExportResult[];
}

/** 'usage_usec 12\nuser_usec 3' or a single number. */
function parseCounters(text: string): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const line of text.trim().split('\n')) {
    const [key = '', value] = line.split(' ');
    if (value === undefined) counters.value = Number(key);
    else counters[key] = Number(value);
  }
  return counters;
}

export function statisticsOf(message: Message): SystemEnd['statistics'] {
  return Object.fromEntries(
    message.texts(Tag.Statistics).map((text) => {
      const end = text.indexOf('\0');
      return [text.slice(0, end), parseCounters(text.slice(end + 1))];
    }),
  );
}

export const oomKills = (statistics: SystemEnd['statistics']): number =>
  statistics['memory.events']?.oom_kill ?? 0;

export function endOf(message: Message, exports: readonly ExportSpec[]): SystemEnd {
  const statistics = statisticsOf(message);
  const told = (message.text(Tag.Reason) ?? 'init') as EndReason;
  const killed = oomKills(statistics) > 0;
  const exit = message.number(Tag.Code) === undefined ? undefined : exitOf(message, killed);
  const reason = told === 'init' && killed ? 'oom' : told;
  return { reason, statistics, exit, exports: exportResults(exports, reason, message) };
}

export function exitOf(message: Message, oom: boolean): RunResult {
  const status = message.number(Tag.Status) ?? 0;
  const usage = usageOf(message);
  const { SIGKILL } = constants.signals;
  if (message.number(Tag.Code) === CLD_EXITED) {
    // A shell says so of what it has run.
    const reason = oom && status === BY_SIGNAL + SIGKILL ? 'oom' : 'exited';
    return { exitCode: status, signal: undefined, reason, usage };
  }
  const reason = oom && status === SIGKILL ? 'oom' : 'killed';
  return { exitCode: BY_SIGNAL + status, signal: signalName(status), reason, usage };
}

/** Of a program that went with its system. */
export function cutShort(reason: EndReason): RunResult {
  const number = constants.signals.SIGKILL;
  return { exitCode: BY_SIGNAL + number, signal: signalName(number), reason, usage: undefined };
}

/** Of a system that ended while it was made. */
export function endedEarly(message: Message): SystemError {
  const { reason } = endOf(message, []);
  const { ECANCELED, ENOMEM, ETIMEDOUT } = constants.errno;
  const [errno, why] = {
    oom: [
      ENOMEM,
      'the kernel killed its pid 1 for memory; give more of that, resource_limits.memory.max',
    ] as const,
    timeout: [ETIMEDOUT, 'its time was over; give more of that, lifecycle.timeout'] as const,
    init: [ECANCELED, 'somebody killed its pid 1'] as const,
  }[reason as string] ?? [ECANCELED, `it was ended (${reason})`];
  return new SystemError(
    -errno,
    'clone3',
    { reason },
    `${errnoName(errno)}: while the system was made, ${why}`,
  );
}

/** In the order in which native/supervisor/init.cc tells them. */
const USAGE = [
  'userTime',
  'systemTime',
  'maxRss',
  'minorFaults',
  'majorFaults',
  'blocksIn',
  'blocksOut',
  'voluntarySwitches',
  'involuntarySwitches',
] as const satisfies readonly (keyof ProcessUsage)[];

function usageOf(message: Message): ProcessUsage | undefined {
  const numbers = message.numbers(Tag.Usage);
  if (numbers.length < USAGE.length) return undefined;
  const entries = USAGE.map((name, index) => [name, numbers[index]]);
  return Object.fromEntries(entries) as Record<(typeof USAGE)[number], number>;
}
