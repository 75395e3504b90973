// Readings of events files, compared: pure.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CgroupEvent, compareLevels, foldEvents, parseLevels } from '../../src/cgroup/event-levels.ts';
import { parseCounters, parseNested, parsePressure } from '../../src/cgroup/stat.ts';

const levels = (populated: 0 | 1, frozen: 0 | 1, memory = '', pids = '') =>
  parseLevels(`populated ${populated}\nfrozen ${frozen}\n`, memory, pids);

describe('two readings', () => {
  it('that are equal have nothing between them', () => {
    const reading = levels(1, 0, 'low 0\nhigh 3\nmax 1\noom 1\noom_kill 1\n', 'max 7\n');
    expect(compareLevels(reading, reading)).toEqual([]);
  });

  it('tell what ended the processes before their end', () => {
    const before = levels(1, 1, 'high 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n', 'max 0\n');
    const after = levels(0, 0, 'high 2\nmax 5\noom 1\noom_kill 3\noom_group_kill 1\n', 'max 4\n');
    expect(compareLevels(before, after)).toEqual([
      { type: 'high', count: 2 },
      { type: 'max', controller: 'memory', count: 5 },
      { type: 'max', controller: 'pids', count: 4 },
      { type: 'oom', count: 1 },
      { type: 'oomKill', count: 3 },
      { type: 'frozen', frozen: false },
      { type: 'populated', populated: false },
    ]);
  });

  it('count from nothing where a controller came later, and never backwards', () => {
    expect(compareLevels(levels(0, 0), levels(0, 0, 'oom_kill 2\n'))).toEqual([
      { type: 'oomKill', count: 2 },
    ]);
    expect(compareLevels(levels(0, 0, 'oom_kill 2\n'), levels(0, 0))).toEqual([]);
  });
});

const event: fc.Arbitrary<CgroupEvent> = fc.oneof(
  fc.boolean().map((populated): CgroupEvent => ({ type: 'populated', populated })),
  fc.boolean().map((frozen): CgroupEvent => ({ type: 'frozen', frozen })),
  fc.integer({ min: 1, max: 9 }).map((count): CgroupEvent => ({ type: 'oomKill', count })),
  fc
    .record({
      controller: fc.constantFrom('memory' as const, 'pids' as const),
      count: fc.integer({ min: 1, max: 9 }),
    })
    .map((fields): CgroupEvent => ({ type: 'max', ...fields })),
  fc.constant<CgroupEvent>({ type: 'pressure', resource: 'memory', level: 'some' }),
);

it('folding keeps the last state and every count, in a bounded number of events', () => {
  const sum = (events: readonly CgroupEvent[], type: string, controller?: string) =>
    events.reduce(
      (total, one) =>
        one.type === type && 'count' in one && (one.type !== 'max' || one.controller === controller)
          ? total + one.count
          : total,
      0,
    );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const folded = foldEvents(events);
      expect(folded.length).toBeLessThanOrEqual(6);
      for (const type of ['populated', 'frozen'] as const)
        expect(folded.find((one) => one.type === type)).toEqual(events.findLast((one) => one.type === type));
      expect(sum(folded, 'oomKill')).toBe(sum(events, 'oomKill'));
      for (const controller of ['memory', 'pids'])
        expect(sum(folded, 'max', controller)).toBe(sum(events, 'max', controller));
      expect(foldEvents(folded)).toEqual(folded);
    }),
  );
});

describe('files of statistics', () => {
  it('are counters in camelCase', () => {
    expect(parseCounters('usage_usec 123\nnr_throttled 18446744073709551615\nodd line here\n')).toEqual({
      usageUsec: 123n,
      nrThrottled: 18_446_744_073_709_551_615n,
    });
  });

  it('have rows by device', () => {
    expect(parseNested('8:0 rbytes=90430464 wbytes=299008000 dios=0\n8:16 \n')).toEqual([
      ['8:0', { rbytes: 90_430_464n, wbytes: 299_008_000n, dios: 0n }],
      ['8:16', {}],
    ]);
  });

  it('know pressure', () => {
    expect(
      parsePressure(
        'some avg10=1.50 avg60=0.20 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9\n',
      ),
    ).toEqual({
      some: { avg10: 1.5, avg60: 0.2, avg300: 0, total: 123n },
      full: { avg10: 0, avg60: 0, avg300: 0, total: 9n },
    });
    expect(parsePressure('')).toEqual({});
  });
});
