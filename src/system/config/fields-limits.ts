/** resource_limits, lifecycle, monitoring: what a system may use, and for how long. */
import { numberList } from '../../cgroup/limit-values.ts';
import type { LifecycleConfig, LimitsConfig, MonitoringConfig } from './config.ts';
import { duration, durationOrNone } from './durations.ts';
import { type FieldsOf, field, group, type Kind, object, optional, word } from './kind.ts';
import { countOrMax, cpuMax, flag, integer, sizeOrMax, threshold } from './values.ts';

const numbers: Kind<string> = {
  schema: {
    anyOf: [
      { type: 'string', pattern: '^\\d+(-\\d+)?(,\\d+(-\\d+)?)*$' },
      { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 },
    ],
  },
  read: (value, at) => numberList.encode(value === '' ? undefined : value, at.field),
};

const memory = {
  max: field(sizeOrMax(1n), '1G', 'memory.max: beyond it the OOM killer comes.'),
  swap: field(sizeOrMax(), '500M', 'memory.swap.max: swap space, beside memory.max.'),
  high: field(
    sizeOrMax(1n),
    '800M',
    'memory.high: beyond it processes are slowed down and made to give back. With another max, the same part of that: 25/32.',
  ),
  low: optional(sizeOrMax(), 'memory.low: below it nothing is taken away, unless there is no other way.'),
  min: optional(sizeOrMax(), 'memory.min: below it nothing is ever taken away.'),
  oom_group: optional(flag, 'memory.oom.group: the OOM killer ends all of the system, or single processes.'),
} satisfies FieldsOf<NonNullable<LimitsConfig['memory']>>;

const cpu = {
  weight: field(integer(1, 10_000), 100, 'cpu.weight: its share where there is less than all want.'),
  max: field(
    cpuMax,
    '50000 100000',
    "cpu.max: quota and period in microseconds of all CPUs together, or 'max'.",
  ),
} satisfies FieldsOf<NonNullable<LimitsConfig['cpu']>>;

const pids = {
  max: field(countOrMax(1n), 100, 'pids.max: processes and threads.'),
} satisfies FieldsOf<NonNullable<LimitsConfig['pids']>>;

const io = {
  weight: field(integer(1, 10_000), 100, 'io.weight: its share of busy devices.'),
  max: field(
    sizeOrMax(1n),
    '10M',
    'io.max: bytes a second, read and written, on each device that backs the system.',
  ),
} satisfies FieldsOf<NonNullable<LimitsConfig['io']>>;

const cpuset = {
  cpus: optional(numbers, "cpuset.cpus: '0-3,6' or [0, 1]."),
  mems: optional(numbers, 'cpuset.mems: memory nodes, likewise.'),
} satisfies FieldsOf<NonNullable<LimitsConfig['cpuset']>>;

export const limits = object({
  memory: group(object(memory), 'Memory.'),
  cpu: group(object(cpu), 'CPU time.'),
  pids: group(object(pids), 'Processes.'),
  io: group(object(io), 'Block devices.'),
  cpuset: group(object(cpuset), 'Which CPUs and memory nodes.'),
} satisfies FieldsOf<LimitsConfig>);

export const lifecycle = object({
  timeout: field(duration(1), 3600, 'From the start of the system to its end.'),
  grace_period: field(duration(0), 30, 'From SIGTERM to SIGKILL.'),
  cleanup_delay: field(duration(0), 300, 'How long a name is kept after its system.'),
  idle_timeout: field(durationOrNone(1), 'none', 'How long a system may do nothing.'),
  cpu_time: field(durationOrNone(1), 'none', 'CPU time of all processes together.'),
} satisfies FieldsOf<LifecycleConfig>);

export const monitoring = object({
  interval: field(duration(100), 5, 'How often usage is sampled.'),
  memory_threshold: field(threshold, 0.8, 'The part of memory.max that counts as too much.'),
  cpu_threshold: field(threshold, 0.9, 'The part of cpu.max that counts as too much.'),
  pids_threshold: field(threshold, 0.9, 'The part of pids.max that counts as too much.'),
  action: field(
    word(['warn', 'stop'] as const),
    'warn',
    "What comes of too much three samples long: 'warn' tells it, 'stop' ends the system as well.",
  ),
} satisfies FieldsOf<MonitoringConfig>);
