/** Times: seconds as a number, or '500ms', '30s', '5m', '1h', '7d', '1h30m'. Milliseconds inside. */
import { InvalidArgumentError } from '../../handle/index.ts';
import type { Kind } from './kind.ts';
import { nearest } from './nearest.ts';
import { MisspeltError } from './place.ts';

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const FORM = '(\\d+(\\.\\d+)?(ms|s|m|h|d))+';

/** Milliseconds; undefined for what is no time. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.round(value * 1000) : undefined;
  if (typeof value !== 'string' || !new RegExp(`^${FORM}$`).test(value)) return undefined;
  let sum = 0;
  for (const [, number, unit = 's'] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    sum += Number(number) * (UNITS[unit] ?? 0);
  }
  return Math.round(sum);
}

/** The shortest way to write it. */
export function formatDuration(milliseconds: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const length = UNITS[unit] ?? 1;
    if (milliseconds >= length && milliseconds % length === 0) return `${milliseconds / length}${unit}`;
  }
  return milliseconds === 0 ? '0s' : `${milliseconds}ms`;
}

/** Longer than any job, and far below what timers count to. */
const LONGEST = 365 * 86_400_000;

/** From so many milliseconds on. */
export function duration(least: number): Kind<number> {
  return {
    schema: {
      anyOf: [
        { type: 'number', minimum: least / 1000, maximum: LONGEST / 1000 },
        { type: 'string', pattern: `^${FORM}$` },
      ],
    },
    read(value, at) {
      const time = parseDuration(value);
      const remedy = `seconds as a number, or as '500ms', '30s', '5m', '1h30m': ${formatDuration(least)} to 365d`;
      if (time === undefined) throw new InvalidArgumentError(at.field, value, 'is no time', remedy);
      if (time >= least && time <= LONGEST) return time;
      throw new InvalidArgumentError(at.field, value, 'is out of range', remedy);
    },
  };
}

/** A time, or 'none'. */
export function durationOrNone(least: number): Kind<number | undefined> {
  const some = duration(least);
  return {
    schema: { anyOf: [{ const: 'none' }, ...(some.schema.anyOf as readonly unknown[])] },
    read(value, at) {
      if (value === 'none') return undefined;
      try {
        return some.read(value, at);
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        const guess = typeof value === 'string' ? nearest(value, ['none']) : undefined;
        throw new MisspeltError(at.field, value, error.problem, `${error.remedy}, or 'none'`, guess);
      }
    },
  };
}
