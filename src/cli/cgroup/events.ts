/** `cofferdam cgroup events`: what happens to a cgroup, line by line. */
import type { Cgroup, CgroupEvent, PressureThreshold } from '../../cgroup/index.ts';
import { parseUnsigned, UsageError, type Words, wrongArgument } from '../args.ts';
import { endsOnSignal, put } from '../monitor.ts';
import { arrivalTime, isoTime, now } from '../monitor-time.ts';
import type { GlobalOptions } from '../options.ts';
import { formatJson } from '../show/json.ts';

export async function printEvents(cg: Cgroup, words: Words, options: GlobalOptions): Promise<void> {
  const pressure: PressureThreshold[] = [];
  while (words.more) {
    if (!words.takeAbbreviated('pressure'))
      throw new UsageError(`Argument "${words.next()}" is unknown, try "cofferdam cgroup help".`);
    pressure.push(readThreshold(words));
  }
  const events = cg.events({ initial: true, pressure });
  using _signals = endsOnSignal(() => void events.return());
  for await (const event of events) await put(`${line(cg.path, event, options)}\n`);
}

function readThreshold(words: Words): PressureThreshold {
  const resource = words.next();
  const level = words.take('full') ? 'full' : 'some';
  if (level === 'some') words.take('some');
  const [stall, window] = [words.next(), words.next()].map((word) => {
    const value = parseUnsigned(word);
    if (value === undefined) throw wrongArgument(word, 'microseconds are expected');
    return value;
  }) as [number, number];
  // What it may be is known below.
  return { resource: resource as PressureThreshold['resource'], level, stall, window };
}

function line(path: string, event: CgroupEvent, { json, timestamp }: GlobalOptions): string {
  const time = now();
  if (json) return formatJson({ ...(timestamp > 0 && { timestamp: isoTime(time) }), path, ...event });
  const before = timestamp === 0 ? '' : arrivalTime(time, timestamp > 1);
  return `${before}${path}: ${describe(event)}`;
}

function describe(event: CgroupEvent): string {
  switch (event.type) {
    case 'populated':
      return event.populated ? 'populated' : 'empty';
    case 'frozen':
      return event.frozen ? 'frozen' : 'not frozen';
    case 'max':
      return `${event.controller}.max reached, ${event.count} times`;
    case 'high':
      return `memory.high exceeded, ${event.count} times`;
    case 'oom':
      return `out of memory, ${event.count} times`;
    case 'oomKill':
      return `${event.count} killed by the OOM killer`;
    case 'pressure':
      return `${event.resource} pressure (${event.level})`;
    case 'removed':
      return 'removed';
  }
}
