import { describe, expect, it } from 'vitest';
import type { HandleInfo } from '../../src/handle/index.ts';
import { compareMeasurements, type FdMeasurement, type LibuvHandle } from '../../src/testing/index.ts';

function measurement(parts: {
  handles?: HandleInfo[];
  fds?: [number, string][];
  libuv?: LibuvHandle[];
}): FdMeasurement {
  return {
    handles: { time: 0, handles: parts.handles ?? [], counters: { opened: 0, closed: 0, leaked: 0 } },
    fds: new Map(parts.fds),
    libuv: parts.libuv ?? [],
  };
}

const handle = (id: number, fd: number): HandleInfo => ({
  id,
  fd,
  kind: 'netlink',
  state: 'open',
  ageMs: 1,
  hasRef: false,
  detail: {},
});
const poll = (address: string, fd: number): LibuvHandle => ({
  type: 'poll',
  address,
  fd,
  active: true,
  referenced: true,
});

describe('compareMeasurements()', () => {
  it('finds nothing between equal measurements', () => {
    const same = measurement({ handles: [handle(1, 9)], fds: [[9, 'socket:[1]']], libuv: [poll('0x1', 9)] });
    expect(compareMeasurements(same, same)).toEqual([]);
  });

  it('joins what three witnesses say of one fd', () => {
    const after = measurement({ handles: [handle(1, 9)], fds: [[9, 'socket:[1]']], libuv: [poll('0x1', 9)] });
    expect(compareMeasurements(measurement({}), after)).toMatchObject([
      { fd: 9, kind: 'netlink', target: 'socket:[1]', witnesses: ['registry', 'fdTable', 'libuv'] },
    ]);
  });

  it.each([
    ['registry', measurement({ handles: [handle(1, -1)] }), { fd: -1, kind: 'netlink' }],
    ['fdTable', measurement({ fds: [[9, 'pipe:[7]']] }), { fd: 9, kind: 'pipe', target: 'pipe:[7]' }],
    ['libuv', measurement({ libuv: [poll('0x1', 9)] }), { fd: 9, kind: 'uv_poll' }],
  ])('one witness is enough: %s', (witness, after, finding) => {
    expect(compareMeasurements(measurement({}), after)).toMatchObject([{ ...finding, witnesses: [witness] }]);
  });

  it('a timer is a leak, but for those of V8, which keep no process alive', () => {
    const timer = (referenced: boolean): LibuvHandle => ({ ...poll('0x1', -1), type: 'timer', referenced });
    const holding = (referenced: boolean) => measurement({ libuv: [timer(referenced)] });
    expect(compareMeasurements(measurement({}), holding(false))).toEqual([]);
    expect(compareMeasurements(measurement({}), holding(true))).toMatchObject([{ kind: 'uv_timer' }]);
  });

  it('an fd number that is used again for another thing of its kind is flat', () => {
    const before = measurement({ fds: [[9, 'socket:[1]']] });
    expect(compareMeasurements(before, measurement({ fds: [[9, 'socket:[2]']] }))).toEqual([]);
    expect(compareMeasurements(before, measurement({ fds: [[11, 'socket:[2]']] }))).toEqual([]);
  });

  it('one thing closed does not pay for another kind opened', () => {
    const before = measurement({ fds: [[9, 'socket:[1]']] });
    const after = measurement({ fds: [[9, 'pipe:[1]']] });
    expect(compareMeasurements(before, after)).toMatchObject([{ fd: 9, kind: 'pipe' }]);
  });

  it('a handle replaced by another handle is a leak: handles are told apart', () => {
    const before = measurement({ handles: [handle(1, 9)], fds: [[9, 'socket:[1]']] });
    const after = measurement({ handles: [handle(2, 9)], fds: [[9, 'socket:[2]']] });
    expect(compareMeasurements(before, after)).toMatchObject([{ fd: 9, handle: { id: 2 } }]);
  });
});
