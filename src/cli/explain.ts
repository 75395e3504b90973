import { readFile } from 'node:fs/promises';
import { text as readStream } from 'node:stream/consumers';
import { explainGeneric } from '../generic/explain.ts';
import type { ExplainedAttribute, ExplainedMessage } from '../netlink/explain.ts';
import { explainMessages } from '../route/explain.ts';
import { UsageError, Words } from './args.ts';
import { EXIT } from './exit.ts';
import { type Capture, readCaptures } from './explain-input.ts';
import type { GlobalOptions } from './options.ts';
import { formatJson } from './show/json.ts';
import type { JsonValue } from './show/view.ts';

const USAGE = `Usage: cofferdam explain [ generic [ FAMILY ] ] [ HEX... | file FILE | - ]
Tells what netlink messages mean, byte by byte, from hex or from what strace printed:
  cofferdam explain 14000000 12 00 01 03 ...
  strace -e trace=network -e write=all -e read=all ip link 2>&1 | cofferdam explain
HEX may have spaces, colons, 0x, \\x and line breaks; dumps of xxd, hexdump -C and tcpdump -x are read, too.
Messages are rtnetlink's unless it says generic; FAMILY is nlctrl, ethtool. With -j, a tree.
`;

interface Request {
  /** Undefined: rtnetlink. */
  readonly family: string | undefined;
  readonly source: () => Promise<string>;
}

const GENERIC_FAMILIES = ['nlctrl', 'ethtool'];

function readWords(args: readonly string[]): Request | 'help' {
  const words = new Words(args);
  let family: string | undefined;
  if (words.take('generic')) {
    const given = GENERIC_FAMILIES.find((name) => words.take(name));
    family = given ?? 'nlctrl';
  }
  if (words.take('help') || words.take('--help')) return 'help';
  const [first, second, ...more] = words.rest();
  if (first === undefined || (first === '-' && second === undefined))
    return { family, source: () => readStream(process.stdin) };
  if (first === 'file') {
    if (second === undefined || more.length > 0)
      throw new UsageError('Give one file: cofferdam explain file FILE');
    return { family, source: () => readFile(second, 'latin1') };
  }
  const given = [first, second, ...more].filter((word) => word !== undefined).join(' ');
  return { family, source: async () => given };
}

/** `cofferdam explain`. It needs no socket, and no privilege. Exits with 1 where a message cannot be. */
export async function explainCommand(
  args: readonly string[],
  { json, pretty }: GlobalOptions,
): Promise<number> {
  const request = readWords(args);
  if (request === 'help') {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const { family } = request;
  const captures = readCaptures(await request.source());
  const explained = captures.map((capture) => ({
    capture,
    messages: family === undefined ? explainMessages(capture.bytes) : explainGeneric(capture.bytes, family),
  }));
  if (json) {
    const all = explained.map(({ capture: { call }, messages }) => ({
      ...(call !== undefined && { call }),
      messages,
    }));
    process.stdout.write(`${formatJson(all as unknown as JsonValue, pretty)}\n`);
  } else
    process.stdout.write(
      explained.map(({ capture, messages }) => printCapture(capture, messages)).join('\n'),
    );
  const wrong = explained.some(({ messages }) => messages.some(isWrong));
  return wrong ? EXIT.failure : EXIT.ok;
}

function isWrong(message: ExplainedMessage): boolean {
  const bad = (attribute: ExplainedAttribute): boolean =>
    attribute.problem !== undefined || attribute.attributes?.some(bad) === true;
  return message.problems.length > 0 || message.attributes.some(bad);
}

function printCapture({ call, cut }: Capture, messages: readonly ExplainedMessage[]): string {
  const head = call === undefined ? '' : `${call.length > 100 ? `${call.slice(0, 97)}...` : call}\n`;
  const note = cut ? '! strace left bytes out: run it with -s 65536\n' : '';
  return head + note + messages.map((message) => printMessage(message, '')).join('');
}

/** A line of the listing: where it stands, what it is. */
function line(offset: number, indent: string, text: string): string {
  return `${String(offset).padStart(5)}  ${indent}${text}\n`;
}

function printMessage(message: ExplainedMessage, indent: string): string {
  const { offset, length, type, name, flags, seq, portId, header, attributes, error, request, problems } =
    message;
  const words = flags.length === 0 ? '' : ` ${flags.join('|')}`;
  const title = name === undefined ? `message type ${type}` : `${name} (${type})`;
  let out =
    length === 0 ? '' : line(offset, indent, `${title}, ${length} bytes,${words} seq ${seq} port ${portId}`);
  const inner = `${indent}  `;
  if (header !== undefined) {
    out += line(header.offset, inner, `${header.name}, ${header.length} bytes`);
    for (const field of header.fields) {
      const word = field.word === undefined ? '' : ` ${field.word}`;
      out += line(field.offset, `${inner}  `, `${field.name} ${spell(field.name, field.value)}${word}`);
    }
  }
  if (error !== undefined) {
    const meaning =
      error.errno === 0 ? 'success' : `${error.code ?? 'unknown'}, ${error.message ?? 'unknown'}`;
    out += line(error.offset, inner, `errno ${error.errno}: ${meaning}`);
  }
  if (request !== undefined)
    out += `${line(request.offset, inner, 'in answer to')}${printMessage(request, `${inner}  `)}`;
  for (const attribute of attributes) out += printAttribute(attribute, inner);
  for (const problem of problems) out += line(offset, inner, `! ${problem}`);
  return out;
}

/** Flags and handles are read in hex. */
function spell(name: string, value: number): string {
  const inHex = /flags|change|handle|parent|info|state|mask/.test(name) && value !== 0;
  return inHex ? `0x${(value >>> 0).toString(16)}` : String(value);
}

function printAttribute(attribute: ExplainedAttribute, indent: string): string {
  const { offset, length, type, name, flags, hex, value, attributes, problem } = attribute;
  const marks = flags.length === 0 ? '' : `|${flags.join('|')}`;
  const title = name === undefined ? `attribute ${type}${marks}` : `${name} (${type}${marks})`;
  const shown =
    attributes !== undefined
      ? ''
      : value === undefined
        ? hex === ''
          ? ''
          : `: ${hex}`
        : `: ${formatJson(value as JsonValue)}`;
  let out = line(offset, indent, `${title}, ${length} bytes${shown}`);
  for (const one of attributes ?? []) out += printAttribute(one, `${indent}  `);
  if (problem !== undefined) out += line(offset, `${indent}  `, `! ${problem}`);
  return out;
}
