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
