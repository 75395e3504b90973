/** Bytes of a file as text. */
import { InvalidArgumentError } from '../../handle/index.ts';
import { SystemConfigError } from './issue.ts';

const REPLACEMENT = '\ufffd';

/** @throws SystemConfigError for what is not UTF-8, with the place of the first byte that is not */
export function readText(text: unknown, file: string | undefined): string {
  if (typeof text === 'string') return text;
  if (!(text instanceof Uint8Array)) {
    throw new InvalidArgumentError('text', text, 'is no text', 'a string, or bytes in UTF-8');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(text);
  } catch {
    throw new SystemConfigError([notUtf8(text)], file);
  }
}

function notUtf8(bytes: Uint8Array) {
  const lossy = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  let at = lossy.indexOf(REPLACEMENT);
  let offset = Buffer.byteLength(lossy.slice(0, at));
  // The replacement character itself may be in the text.
  while (
    Buffer.from(bytes.subarray(offset, offset + 3)).toString() === REPLACEMENT &&
    bytes[offset] === 0xef
  ) {
    const next = lossy.indexOf(REPLACEMENT, at + 1);
    if (next < 0) break;
    offset += Buffer.byteLength(lossy.slice(at, next));
    at = next;
  }
  const before = lossy.slice(0, at).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  const line = before.length;
  const [rest = ''] = lossy.slice(at).split(/\r?\n/, 1);
  const byte = `0x${bytes[offset]?.toString(16).padStart(2, '0')}`;
  return {
    position: { line, column, width: 1, text: `${before.at(-1)}${rest}` },
    issue: {
      field: 'document',
      value: undefined,
      problem: `is not UTF-8: byte ${offset} is ${byte}`,
      remedy: 'the file in UTF-8',
      line,
      column,
    },
  };
}
