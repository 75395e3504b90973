import { InvalidArgumentError } from '../handle/errors.ts';

/**
 * Handles of traffic control: 32 bits, of which the upper half (major) names a queueing discipline and the lower half
 * (minor) a class of it. They are spelled as `tc` spells them, in hexadecimal: `1:` is a discipline, `1:10` a class.
 * uapi/linux/pkt_sched.h
 */

/** TC_H_ROOT: the parent of the discipline that a link sends through. */
export const ROOT = 0xffffffff;
/** TC_H_INGRESS, TC_H_CLSACT: the parent of the discipline for what a link receives. */
export const INGRESS = 0xfffffff1;

/** Words that stand for a whole handle. */
export const HANDLE_WORDS = { root: ROOT, none: 0 } as const;
/** Words for a parent of a discipline. */
export const PARENT_WORDS = { ...HANDLE_WORDS, ingress: INGRESS, clsact: INGRESS } as const;

const MAX_HALF = 0xffff;

function half(digits: string): number {
  if (digits === '') return 0;
  const value = /^(0x)?[0-9a-f]+$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  return value <= MAX_HALF ? value : Number.NaN;
}

/** The handle of a class, or of a parent: `1:10`, `1:`, `:10`, or one of the words. Undefined for anything else. */
export function parseClassId(text: string, words: Readonly<Record<string, number>>): number | undefined {
  if (typeof text !== 'string') return undefined;
  if (Object.hasOwn(words, text)) return words[text];
  const colon = text.indexOf(':');
  if (colon < 0) {
    // A bare number is the whole handle, not a major.
    const whole = /^(0x)?[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
    return Number.isNaN(whole) ? undefined : whole;
  }
  const handle = half(text.slice(0, colon)) * 0x10000 + half(text.slice(colon + 1));
  return Number.isNaN(handle) ? undefined : handle;
}

/** The handle of a discipline: `1:`, `1`, or `none`. Undefined for anything else. */
export function parseQdiscHandle(text: string): number | undefined {
  if (typeof text !== 'string') return undefined;
  if (text === 'none') return 0;
  const digits = text.endsWith(':') ? text.slice(0, -1) : text;
  const major = digits === '' ? Number.NaN : half(digits);
  return Number.isNaN(major) ? undefined : major * 0x10000;
}

/** {@link parseClassId} that throws the typed error. */
export function classId(
  field: string,
  text: string,
  words: Readonly<Record<string, number>> = HANDLE_WORDS,
): number {
  const handle = parseClassId(text, words);
  if (handle === undefined)
    throw new InvalidArgumentError(
      field,
      text,
      'is no class',
      `a handle such as "1:10", or ${Object.keys(words).join(', ')}`,
    );
  return handle;
}

/** {@link parseQdiscHandle} that throws the typed error. */
export function qdiscHandle(field: string, text: string): number {
  const handle = parseQdiscHandle(text);
  if (handle === undefined)
    throw new InvalidArgumentError(field, text, 'is no handle of a discipline', 'a handle such as "1:"');
  return handle;
}

export function formatClassId(handle: number): string {
  if (handle === ROOT) return 'root';
  if (handle === 0) return 'none';
  const major = handle >>> 16;
  const minor = handle & MAX_HALF;
  return `${major === 0 ? '' : major.toString(16)}:${minor === 0 ? '' : minor.toString(16)}`;
}

/** The discipline's part of a handle: `1:`; `0:` for one that the kernel made by itself. */
export function formatQdiscHandle(handle: number): string {
  return `${(handle >>> 16).toString(16)}:`;
}
