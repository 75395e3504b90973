import { execFileSync } from 'node:child_process';
import { parseCommandLine } from '../../src/cli/options.ts';
import { showContext } from '../../src/cli/session.ts';
import { formatJson } from '../../src/cli/show/json.ts';
import type { ShowContext, View } from '../../src/cli/show/view.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import { lookUntil } from './look.ts';
import { addNetns, delNetns, settleCarriers } from './netns.ts';

/**
 * Differential tests: build a network with `ip -batch` in a network namespace of the test's own, show it once with
 * the installed `ip` and once with a view of ours, and hold one against the other, every key and every value.
 */

export interface Difference {
  /** `[3].linkinfo.info_data.tos`. */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export interface Comparison {
  /** Top-level objects of `ip`'s output. */
  readonly objects: number;
  /** Scalars of `ip`'s output that were held against ours. */
  readonly fields: number;
  readonly differences: Difference[];
}

export interface CompareOptions {
  /**
   * Keys that ours may have and `ip` lacks, as dotted paths without indexes (`linkinfo.info_data.localbypass`).
   * Only for what the installed `ip` does not know.
   */
  readonly extra?: readonly string[];
  /** By dotted path: whether two differing values are equal enough. Only for running clocks. */
  readonly loose?: Readonly<Record<string, (expected: unknown, actual: unknown) => boolean>>;
}

/** Holds `actual` against `expected`. Arrays have the same length and order; keys may come in any order. */
export function compareJson(
  expected: readonly unknown[],
  actual: readonly unknown[],
  options: CompareOptions = {},
): Comparison {
  const differences: Difference[] = [];
  let fields = 0;

  function report(path: string, one: unknown, other: unknown): void {
    differences.push({ path, expected: one, actual: other });
  }
  function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  }
  function compare(one: unknown, other: unknown, path: string, key: string): void {
    if (Array.isArray(one)) {
      if (!Array.isArray(other)) {
        report(path, one, other);
        return;
      }
      if (one.length !== other.length) report(`${path}.length`, one.length, other.length);
      for (const [i, item] of one.slice(0, other.length).entries())
        compare(item, other[i], `${path}[${i}]`, key);
    } else if (isObject(one)) {
      if (!isObject(other)) {
        report(path, one, other);
        return;
      }
      for (const [name, value] of Object.entries(one)) {
        const inner = key === '' ? name : `${key}.${name}`;
        if (Object.hasOwn(other, name)) compare(value, other[name], `${path}.${name}`, inner);
        else report(`${path}.${name}`, value, undefined);
      }
      for (const [name, value] of Object.entries(other)) {
        const inner = key === '' ? name : `${key}.${name}`;
        if (!Object.hasOwn(one, name) && !options.extra?.includes(inner))
          report(`${path}.${name}`, undefined, value);
      }
    } else {
      fields++;
      if (one !== other && options.loose?.[key]?.(one, other) !== true) report(path, one, other);
    }
  }

  compare(expected, actual, '', '');
  return { objects: expected.length, fields, differences };
}

/**
 * Holds `actual` against two looks of `ip`, one before it and one after it. What runs on, a counter or an age, may
 * have any value between the two.
 */
export function compareBetween(
  before: readonly unknown[],
  actual: readonly unknown[],
  after: readonly unknown[],
  options: CompareOptions = {},
): Comparison {
  const { differences, ...counted } = compareJson(before, actual, options);
  const later = new Map(
    compareJson(after, actual, options).differences.map((difference) => [difference.path, difference]),
  );
  const real = differences.filter(({ path, expected, actual: ours }) => {
    const other = later.get(path);
    return other !== undefined && !isBetween(expected, ours, other.expected);
  });
  return { ...counted, differences: real };
}

/**
 * Line by line, as {@link compareBetween}: numbers that run on may have any value between the two looks, and nothing
 * else may differ from both.
 */
export function compareTextBetween(before: string, actual: string, after: string): Comparison {
  const { differences, ...counted } = compareText(before, actual);
  const later = new Map(compareText(after, actual).differences.map((one) => [one.path, one.expected]));
  const words = (line: unknown) => String(line).split(/(\d+(?:\.\d+)?)/);
  const real = differences.filter(({ path, expected, actual: ours }) => {
    if (!later.has(path)) return false;
    const [one, mine, other] = [words(expected), words(ours), words(later.get(path))];
    const isFine = (word: string, i: number) =>
      i % 2 === 0
        ? word === one[i] && word === other[i]
        : isBetween(Number(one[i]), Number(word), Number(other[i]));
    return one.length !== mine.length || other.length !== mine.length || !mine.every(isFine);
  });
  return { ...counted, differences: real };
}

function isBetween(before: unknown, actual: unknown, after: unknown): boolean {
  // Large integers come as strings, see parseIpJson.
  const [one, ours, other] = [before, actual, after].map((value) => {
    if (typeof value === 'number') return value;
    return typeof value === 'string' && /^\d{16,}$/.test(value) ? BigInt(value) : undefined;
  });
  if (one === undefined || ours === undefined || other === undefined) return false;
  return (one <= ours && ours <= other) || (other <= ours && ours <= one);
}

/** Line by line; a line is a field. */
export function compareText(expected: string, actual: string): Comparison {
  const one = expected.split('\n');
  const other = actual.split('\n');
  const differences: Difference[] = [];
  for (let i = 0; i < Math.max(one.length, other.length); i++)
    if (one[i] !== other[i]) differences.push({ path: `line ${i + 1}`, expected: one[i], actual: other[i] });
  return { objects: one.filter((line) => /^\S/.test(line)).length, fields: one.length, differences };
}

/**
 * JSON as `ip` prints it. Integers of 16 digits and more come as strings, on both sides, because a double would
 * make two different counters equal.
 */
export function parseIpJson(text: string): unknown[] {
  if (text.trim() === '') return [];
  const exact = text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
  const value: unknown = JSON.parse(exact);
  if (!Array.isArray(value)) throw new TypeError('ip printed no array');
  return value;
}

/** Milliseconds: longer than a probe takes. */
const STANDSTILL = 5000;

let worlds = 0;

/** A network namespace, and both ways of looking at it. Disposing of it removes the namespace. */
export class World implements AsyncDisposable {
  readonly name: string;
  readonly rt: RouteSocket;
  /** What was compared so far, over all calls. */
  objects = 0;
  fields = 0;

  private constructor(name: string, rt: RouteSocket) {
    this.name = name;
    this.rt = rt;
  }

  static async open(): Promise<World> {
    const name = `cofferdam-test-${process.pid}-${worlds++}`;
    addNetns(name);
    try {
      return new World(name, await RouteSocket.open({ netns: name, timeout: 30_000 }));
    } catch (error) {
      delNetns(name);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rt.close();
    await this.rt.closed;
    delNetns(this.name);
  }

  /** Runs `ip` in the namespace and returns what it printed. */
  ip(...args: string[]): string {
    return execFileSync('ip', ['-n', this.name, ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /**
   * Runs lines of `ip -batch`; the first that fails throws, with what `ip` said. Links that it sets up are in their
   * state when it returns.
   */
  batch(lines: readonly string[], ...flags: string[]): void {
    try {
      execFileSync('ip', ['-n', this.name, ...flags, '-batch', '-'], {
        input: `${lines.join('\n')}\n`,
        stdio: 'pipe',
      });
    } catch (error) {
      const said = String((error as { stderr?: unknown }).stderr).trim();
      const line = lines[Number(/-:(\d+)$/.exec(said)?.[1]) - 1];
      throw new Error(`ip ${line ?? '-batch'}: ${said}`, { cause: error });
    }
    if (lines.some((line) => /^link .* up\b/.test(line))) settleCarriers(this.name);
  }

  /**
   * Resolves when no link probes an address of its own any more: addresses, routes and groups come of that. One whose
   * probe takes as long as a test has set its retrans_time_ms to stands still as well.
   */
  async settle(): Promise<void> {
    interface Shown {
      readonly flags: readonly string[];
      readonly addr_info: readonly { readonly tentative?: boolean; readonly dadfailed?: boolean }[];
    }
    const probing = () =>
      (JSON.parse(this.ip('-6', '-j', 'address', 'show', 'tentative')) as Shown[]).filter(
        ({ flags = [], addr_info = [] }) =>
          flags.includes('LOWER_UP') &&
          addr_info.some(({ tentative, dadfailed }) => tentative === true && dadfailed !== true),
      );
    let last = '';
    let since = performance.now();
    await lookUntil(probing, (links) => {
      const now = JSON.stringify(links);
      if (now !== last) since = performance.now();
      last = now;
      return links.length === 0 || performance.now() - since > STANDSTILL;
    });
  }

  /** Resolves when so many sockets of the namespace listen to news of rtnetlink. */
  async listening(count = 1): Promise<void> {
    const listeners = () =>
      this.exec('cat', '/proc/net/netlink')
        .split('\n')
        .map((line) => line.split(/\s+/))
        .filter(([, protocol, , groups = '']) => protocol === '0' && /[1-9a-f]/.test(groups)).length;
    const found = await lookUntil(listeners, (listen) => listen >= count);
    if (found < count) throw new Error(`${found} sockets listen, and not ${count}`);
  }

  /** `net.ipv6.conf.veth0.disable_ipv6=1`, each. */
  sysctl(settings: readonly string[]): void {
    this.exec('sysctl', '-qw', ...settings);
  }

  /** Runs any program in the namespace. */
  exec(...command: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, ...command], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** What the frame of the command line hands to a view. */
  context(flags: readonly string[]): ShowContext {
    return showContext(this.rt, parseCommandLine(flags, { environment: {}, terminal: false }).options);
  }

  /** Our view, in this process, as the bytes that the command line would print. */
  async show(view: View, flags: readonly string[], args: readonly string[]): Promise<string> {
    const { json, text } = await view.run(args, this.context(flags));
    return flags.includes('-j') ? formatJson(json) : text;
  }

  /**
   * `ip FLAGS OBJECT show ARGS` against the view. Counters and timers move while we look: a difference counts only
   * when it is one from the looks before and after, and still there when what comes by itself has come.
   */
  async compare(
    view: View,
    object: string,
    flags: readonly string[],
    args: readonly string[] = [],
    options: CompareOptions & { readonly isReal?: (difference: Difference) => boolean } = {},
  ): Promise<Comparison> {
    const isJson = flags.includes('-j');
    const theirs = () => this.ip(...flags, ...object.split(' '), 'show', ...args);
    const look = async (): Promise<Comparison> => {
      const before = theirs();
      const actual = await this.show(view, flags, args);
      let found = isJson
        ? compareJson(parseIpJson(before), parseIpJson(actual), options)
        : compareText(before, actual);
      if (found.differences.length > 0) {
        const after = theirs();
        found = isJson
          ? compareBetween(parseIpJson(before), parseIpJson(actual), parseIpJson(after), options)
          : compareTextBetween(before, actual, after);
      }
      return { ...found, differences: found.differences.filter(options.isReal ?? (() => true)) };
    };
    const result = await lookUntil(look, ({ differences }) => differences.length === 0);
    this.objects += result.objects;
    this.fields += result.fields;
    return result;
  }
}

/** The first few differences, for a message that can be read. */
export function describe(differences: readonly Difference[], limit = 12): string {
  const lines = differences
    .slice(0, limit)
    .map(
      ({ path, expected, actual }) =>
        `${path}: ip ${JSON.stringify(expected)}, ours ${JSON.stringify(actual)}`,
    );
  if (differences.length > limit) lines.push(`and ${differences.length - limit} more`);
  return lines.join('\n');
}
