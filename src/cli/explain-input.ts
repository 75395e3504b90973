import { UsageError } from './args.ts';

/** Bytes found in what was given, and the line of strace that they belong to. */
export interface Capture {
  readonly bytes: Uint8Array;
  /** `sendto(3, ...`: undefined for plain hex. */
  readonly call: string | undefined;
  /** strace left some out: `"..."...`. */
  readonly cut: boolean;
}

/** `sendto(3, `, after what strace -f, -t and -y put before it. */
const CALL = /^(?:\[pid +\d+\] |\d+ +)?(?:[\d:.]+ +)?(\w+)\(/;
const CALLS: ReadonlySet<string> = new Set([
  'sendto',
  'sendmsg',
  'sendmmsg',
  'recvfrom',
  'recvmsg',
  'recvmmsg',
  'write',
  'read',
  'writev',
  'readv',
]);
/** ` | 00010  72 03 5a 67 00 00 00 00  ...  r.Zg.... |`: what -e write=all and -e read=all print. */
const STRACE_DUMP = /^ \| [0-9a-f]{5,} {2}((?:[0-9a-f]{2} {1,2}){1,16})/;
/** `00000010  72 03 ...  |r.Zg|` of hexdump -C, `00000010: 7203 5a67 ...` of xxd, `0x0010:  7203 ...` of tcpdump -x. */
const LISTING =
  /^\s*(?:0x)?([0-9a-f]{4,8}):? {1,2}((?:[0-9a-f]{2,4} {1,2})*[0-9a-f]{2,4})(?:\s{2,}.*|\s*\|.*|\s*)$/i;

/** Finds the messages in hex, in dumps, or in strace's output. Throws a UsageError where there are none. */
export function readCaptures(text: string): Capture[] {
  const lines = text.split('\n');
  const captures = lines.some((line) => isCall(line) || STRACE_DUMP.test(line))
    ? fromStrace(lines)
    : [fromHex(lines)];
  const found = captures.filter(({ bytes }) => bytes.length > 0);
  if (found.length > 0) return found;
  if (/\bnlmsg_(len|type)=/.test(text))
    throw new UsageError(
      'strace has decoded these messages itself and kept no bytes: run it with -e write=all -e read=all',
    );
  throw new UsageError(
    'There are no bytes in this: give hex, or what strace printed, see "cofferdam explain help".',
  );
}

function isCall(line: string): boolean {
  return CALLS.has(CALL.exec(line)?.[1] ?? '');
}

/** Each call with the dump that follows it or, without one, with the strings in it. */
function fromStrace(lines: readonly string[]): Capture[] {
  const captures: Capture[] = [];
  let call: string | undefined;
  let dump: number[] = [];
  const flush = () => {
    if (dump.length > 0) captures.push({ bytes: Uint8Array.from(dump), call, cut: false });
    else if (call !== undefined) captures.push(fromStrings(call));
    call = undefined;
    dump = [];
  };
  for (const line of lines) {
    const row = STRACE_DUMP.exec(line)?.[1];
    if (row !== undefined) dump.push(...pairs(row.replaceAll(' ', '')));
    else if (isCall(line)) {
      flush();
      call = line;
    }
  }
  flush();
  return captures;
}

/** A string of C as strace writes it; the dots after it say that it was cut. */
const STRING = /"((?:[^"\\]|\\.)*)"(\.\.\.)?/g;

/**
 * The bytes of a call's strings. In a call that strace has taken apart they are parts of messages (a link's name), which
 * mean nothing by themselves.
 */
function fromStrings(call: string): Capture {
  if (/\bnlmsg_len=|\bnla_len=/.test(call)) return { bytes: new Uint8Array(0), call, cut: false };
  const bytes: number[] = [];
  let cut = false;
  for (const [, body = '', dots] of call.matchAll(STRING)) {
    bytes.push(...bytesOf(body));
    cut ||= dots !== undefined;
  }
  return { bytes: Uint8Array.from(bytes), call, cut };
}

const LETTERS: Readonly<Record<string, number>> = { n: 10, t: 9, v: 11, f: 12, r: 13, a: 7, b: 8, e: 27 };

function bytesOf(body: string): number[] {
  const bytes: number[] = [];
  for (const [whole, hex, octal, letter] of body.matchAll(
    /\\x([0-9a-f]{1,2})|\\([0-7]{1,3})|\\(.)|[^\\]/gis,
  )) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff);
    else if (letter !== undefined) bytes.push(LETTERS[letter] ?? letter.charCodeAt(0) & 0xff);
    else bytes.push(whole.charCodeAt(0) & 0xff);
  }
  return bytes;
}

/** Hex with whatever people put between the digits, or a listing with offsets. */
function fromHex(lines: readonly string[]): Capture {
  const filled = lines.filter((line) => line.trim() !== '' && line.trim() !== '*');
  const rows = filled.map((line) => LISTING.exec(line));
  const listed = filled.length > 0 && isListing(rows);
  const text = listed ? rows.map((row) => row?.[2] ?? '').join(' ') : lines.join(' ');
  const digits = text
    .replace(/\\x|0x/gi, ' ')
    .replace(/["'[\](){},:;\s_-]+/g, ' ')
    .trim();
  const bad = /[^0-9a-f ]/i.exec(digits)?.[0];
  if (bad !== undefined) throw new UsageError(`"${bad}" is no hex digit.`);
  // `1 2 3` are three bytes; otherwise spaces mean nothing.
  const words = digits.split(' ').map((word) => (word.length === 1 ? `0${word}` : word));
  const joined = words.join('');
  if (joined.length % 2 !== 0)
    throw new UsageError(`${joined.length} hex digits are no whole number of bytes.`);
  return { bytes: Uint8Array.from(pairs(joined)), call: undefined, cut: false };
}

/** Whether each row starts with the offset at which it stands: otherwise its first word is a part of the bytes. */
function isListing(rows: readonly (RegExpExecArray | null)[]): boolean {
  let expected = 0;
  for (const row of rows) {
    if (row === null) return false;
    if (Number.parseInt(row[1] ?? '', 16) !== expected) return false;
    expected += (row[2] ?? '').replaceAll(' ', '').length / 2;
  }
  return true;
}

function pairs(digits: string): number[] {
  return (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
}
