/**
 * What runs on while two programs look one after the other, as {@link CompareOptions.loose} takes it: how far two
 * values may be apart. Nothing else may differ.
 */

type Loose = Readonly<Record<string, (expected: unknown, actual: unknown) => boolean>>;

const within = (slack: number) => (expected: unknown, actual: unknown) =>
  Math.abs(Number(expected) - Number(actual)) < slack;
const near = within(3);
/** A timer that may just have begun anew. */
export const running = (expected: unknown, actual: unknown) =>
  near(expected, actual) || Math.min(Number(expected), Number(actual)) < 3;

/** Timers of bridges and of their ports. */
export const LINK_CLOCKS: Loose = {
  'linkinfo.info_data.gc_timer': running,
  'linkinfo.info_data.hello_timer': near,
  'linkinfo.info_data.tcn_timer': near,
  'linkinfo.info_data.topology_change_timer': near,
  'linkinfo.info_slave_data.hold_timer': near,
  'linkinfo.info_slave_data.message_age_timer': near,
  'linkinfo.info_slave_data.forward_delay_timer': near,
};

const lifetime = (expected: unknown, actual: unknown) =>
  typeof actual === 'number' &&
  expected !== 0xffffffff &&
  actual !== 0xffffffff &&
  Math.abs(Number(expected) - actual) <= 2;
const anyNumber = (_expected: unknown, actual: unknown) => typeof actual === 'number';

/** Lifetimes of addresses, and the timers of bridges that are shown with them. */
export const ADDRESS_CLOCKS: Loose = {
  'addr_info.valid_life_time': lifetime,
  'addr_info.preferred_life_time': lifetime,
  'linkinfo.info_data.gc_timer': anyNumber,
  'linkinfo.info_data.hello_timer': anyNumber,
};

export const second = (expected: unknown, actual: unknown) =>
  Math.abs(Number(expected) - Number(actual)) <= 1;

/** Ages of neighbours. */
export const NEIGHBOUR_CLOCKS: Loose = { used: second, confirmed: second, updated: second };

/** Routes that expire, in JSON. */
export const ROUTE_CLOCKS: Loose = { expires: near };

const EXPIRES = / expires (\d+)sec/g;
/** Whether two lines of `ip route` differ by more than the seconds that passed between them. */
export function differByMoreThanSeconds(expected: unknown, actual: unknown): boolean {
  if (typeof expected !== 'string' || typeof actual !== 'string') return true;
  if (expected.replace(EXPIRES, '') !== actual.replace(EXPIRES, '')) return true;
  const seconds = (line: string) => [...line.matchAll(EXPIRES)].map(([, digits]) => Number(digits));
  const ours = seconds(actual);
  return !seconds(expected).every((value, i) => near(value, ours[i]));
}
