/** What many calls check of their options. */
import { InvalidArgumentError } from './errors.ts';

/** The longest a timer of Node's can be. */
const MAX_TIMEOUT = 0x7fff_ffff;

export function checkTimeout(timeout: number | undefined, field = 'timeout'): void {
  if (timeout === undefined) return;
  if (typeof timeout === 'number' && timeout > 0 && timeout <= MAX_TIMEOUT) return;
  throw new InvalidArgumentError(field, timeout, 'is no deadline', `more than 0, up to ${MAX_TIMEOUT} ms`);
}

export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new InvalidArgumentError('signal', signal, 'is no AbortSignal', 'the signal of an AbortController');
}

export function checkInteger(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new InvalidArgumentError(field, value, 'is out of range', `${min} to ${max}`);
}

/** A misspelled field would be taken for one that was left out. `path` is that of the object, '' for options themselves. */
export function checkFields(path: string, value: object, known: ReadonlySet<string>): void {
  const fields = [...known].join(', ');
  if (typeof value !== 'object' || value === null)
    throw new InvalidArgumentError(
      path || 'options',
      value,
      'is no object',
      `an object with some of ${fields}`,
    );
  for (const [name, given] of Object.entries(value)) {
    if (known.has(name)) continue;
    const field = path === '' ? name : `${path}.${name}`;
    throw new InvalidArgumentError(field, given, 'is in a field that does not exist', `one of ${fields}`);
  }
}
