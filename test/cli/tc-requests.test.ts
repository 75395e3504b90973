import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { resolveObject, resolveVerb } from '../../src/cli/objects.ts';
import type { ShowContext } from '../../src/cli/show/view.ts';
import { classActions } from '../../src/cli/verbs/class.ts';
import { qdiscActions } from '../../src/cli/verbs/qdisc.ts';
import type { NetlinkRequest, RequestPort } from '../../src/netlink/socket.ts';
import { walkAttributes } from '../../src/netlink/wire/attributes.ts';
import { toHex, WireView } from '../../src/netlink/wire/view.ts';
import { ClassService } from '../../src/route/class.ts';
import { LinkNames } from '../../src/route/names.ts';
import { QdiscService } from '../../src/route/qdisc.ts';

/**
 * The requests that `tc` 6.1 makes of its words, byte for byte: qdiscs.json was captured with strace. The words are read
 * by our command line, and what the library sends for them is held against it.
 */

interface Captured {
  readonly command: string;
  readonly type: number;
  readonly flags: number;
  readonly hex: string;
}
const CAPTURED: readonly Captured[] = JSON.parse(
  readFileSync(new URL('../fixtures/qdiscs.json', import.meta.url), 'utf8'),
);

/** What the line sends, without sending it. */
async function requestOf(line: string): Promise<NetlinkRequest> {
  const sent: NetlinkRequest[] = [];
  const port = {
    request: async (request: NetlinkRequest) => {
      sent.push(request);
      return [];
    },
  } as Partial<RequestPort> as RequestPort;
  const names = new LinkNames(port);
  const rt = { qdisc: new QdiscService(port, names), class: new ClassService(port, names) };
  const context = { rt, linkIndex: async () => 3 } as Partial<Record<keyof ShowContext, unknown>>;
  const [, object = '', verb, ...args] = line.split(' ');
  const meant = resolveObject(object, 'tc');
  if ('command' in meant) throw new TypeError(line);
  const actions = object === 'qdisc' ? qdiscActions : classActions;
  await actions[resolveVerb(meant, verb)]?.(args, context as unknown as ShowContext);
  expect(sent).toHaveLength(1);
  return sent[0] as NetlinkRequest;
}

const TCA_OPTIONS = 2;
const HEADER = 20;
/** How much of TCA_OPTIONS is a struct before attributes follow, by kind; -1 where all of it is. */
const STRUCTS: Readonly<Record<string, number>> = {
  prio: 20,
  netem: 24,
  mqprio: 84,
  pfifo: -1,
  bfifo: -1,
  pfifo_head_drop: -1,
  sfq: -1,
  multiq: -1,
  skbprio: -1,
  plug: -1,
  hfsc: -1,
};

/** Attributes as text, in the order of their numbers: that in which they are sent means nothing. */
function attributes(
  bytes: Uint8Array,
  start: number,
  of: (type: number, value: Uint8Array) => string,
): string[] {
  const found: [number, string][] = [];
  walkAttributes(new WireView(bytes), start, bytes.length, (type, from, to, nested) =>
    found.push([type, `${type}${nested ? ' nested' : ''}: ${of(type, bytes.subarray(from, to))}`]),
  );
  // Equal numbers stay in their order.
  return found.sort(([a], [b]) => a - b).map(([, text]) => text);
}

function readable(payload: Uint8Array): string[] {
  let kind = '';
  walkAttributes(new WireView(payload), HEADER, payload.length, (type, from, to) => {
    if (type === 1) kind = Buffer.from(payload.subarray(from, to - 1)).toString();
  });
  // Classes of hfsc have attributes.
  const head = kind === 'hfsc' && payload.length > 60 ? 0 : (STRUCTS[kind] ?? 0);
  return [
    toHex(payload.subarray(0, HEADER)),
    ...attributes(payload, HEADER, (type, value) =>
      type !== TCA_OPTIONS || head < 0
        ? toHex(value)
        : `${toHex(value.subarray(0, head))}\n  ${attributes(value, head, (_, one) => toHex(one)).join('\n  ')}`,
    ),
  ];
}

/** NLM_F_REQUEST and NLM_F_ACK are the socket's business. */
const VERB_FLAGS = 0xff00;

describe('what tc would send', () => {
  for (const { command, type, flags, hex } of CAPTURED)
    it(command, async () => {
      const request = await requestOf(command);
      expect(readable(request.payload as Uint8Array)).toEqual(readable(Buffer.from(hex, 'hex')));
      expect(request.type).toBe(type);
      expect((request.flags ?? 0) & VERB_FLAGS).toBe(flags & VERB_FLAGS);
    });

  it('finds a byte that differs', async () => {
    const [first] = CAPTURED;
    const request = await requestOf(first?.command ?? '');
    const other = Buffer.from(first?.hex ?? '', 'hex');
    const last = other.lastIndexOf('pfifo');
    other[last] = (other[last] ?? 0) ^ 1;
    expect(readable(request.payload as Uint8Array)).not.toEqual(readable(other));
  });
});
