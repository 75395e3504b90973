import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/options.ts';
import { showContext } from '../../src/cli/session.ts';
import { formatJson } from '../../src/cli/show/json.ts';
import { filterSheet } from '../../src/cli/show/tc/filter.ts';
import { tcDesk } from '../../src/cli/show/tc/tc-desk.ts';
import type { ShowContext } from '../../src/cli/show/view.ts';
import { filterActions } from '../../src/cli/verbs/filter.ts';
import type { NetlinkRequest, RequestPort } from '../../src/netlink/socket.ts';
import { walkAttributes } from '../../src/netlink/wire/attributes.ts';
import { toHex, WireView } from '../../src/netlink/wire/view.ts';
import { FilterService, filterType, type TcFilter } from '../../src/route/filter.ts';
import { ETH_P_ALL, encodeFilter } from '../../src/route/filter-message.ts';
import type { LinkNames } from '../../src/route/names.ts';
import { compareJson, compareText, describe as inWords, parseIpJson, World } from '../support/diff.ts';
import { shows } from '../support/ip-answers.ts';

/**
 * The requests that `tc` 6.1 makes of its words, byte for byte: filters.json was captured with strace. The words are read
 * by our command line, and what the library sends for them is held against it. Then the same messages are shown, by `tc`
 * and by us: for kinds that this kernel lacks nobody else would tell them.
 */

interface Captured {
  readonly command: string;
  readonly type: number;
  readonly flags: number;
  readonly hex: string;
}
const CAPTURED: readonly Captured[] = JSON.parse(
  readFileSync(new URL('../fixtures/filters.json', import.meta.url), 'utf8'),
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
  const names = { index: async (link: string | number) => (link === 'eth1' ? 4 : Number(link)) };
  const rt = { filter: new FilterService(port, names as unknown as LinkNames) };
  const context = { rt, linkIndex: async () => 3 } as Partial<Record<keyof ShowContext, unknown>>;
  const [, , verb = '', ...args] = line.split(' ').map((word) => word.replaceAll('~', ' '));
  await filterActions[verb === 'del' ? 'delete' : verb]?.(args, context as unknown as ShowContext);
  expect(sent).toHaveLength(1);
  return sent[0] as NetlinkRequest;
}

const TCA_OPTIONS = 2;
const HEADER = 20;
/** Nests by kind, or in a nest: the list of actions, an action, its parameters. */
const ACTIONS: Readonly<Record<string, number>> = { u32: 7, flower: 3, matchall: 2, bpf: 1, basic: 3, fw: 4 };
const ACT_OPTIONS = 2;

type Reader = (type: number, value: Uint8Array) => string;

/** Attributes as text, in the order of their numbers: that in which they are sent means nothing. */
function attributes(bytes: Uint8Array, start: number, of: Reader): string {
  const found: [number, string][] = [];
  walkAttributes(new WireView(bytes), start, bytes.length, (type, from, to, nested) =>
    found.push([type, `${type}${nested ? ' nested' : ''}: ${of(type, bytes.subarray(from, to))}`]),
  );
  return found
    .sort(([a], [b]) => a - b)
    .map(([, text]) => text)
    .join('\n')
    .replace(/\n/g, '\n  ');
}

const parameters: Reader = (_, value) => attributes(value, 0, (__, one) => toHex(one));
const action: Reader = (_, value) =>
  attributes(value, 0, (type, one) => (type === ACT_OPTIONS ? parameters(type, one) : toHex(one)));

function readable(payload: Uint8Array): string {
  let kind = '';
  walkAttributes(new WireView(payload), HEADER, payload.length, (type, from, to) => {
    if (type === 1) kind = Buffer.from(payload.subarray(from, to - 1)).toString();
  });
  const options: Reader = (_, value) =>
    attributes(value, 0, (type, one) => (type === ACTIONS[kind] ? attributes(one, 0, action) : toHex(one)));
  return `${toHex(payload.subarray(0, HEADER))}\n${attributes(payload, HEADER, (type, value) =>
    type === TCA_OPTIONS ? options(type, value) : toHex(value),
  )}`;
}

/** NLM_F_REQUEST and NLM_F_ACK are the socket's business. */
const VERB_FLAGS = 0xff00;

describe('what tc would send of filters', () => {
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
    const last = other.lastIndexOf('matchall');
    other[last] = (other[last] ?? 0) ^ 1;
    expect(readable(request.payload as Uint8Array)).not.toEqual(readable(other));
  });
});

describe('filters that this kernel may not have, shown by tc and by us', () => {
  let world: World;
  let objects = 0;
  let fields = 0;
  beforeAll(async () => {
    world = await World.open();
    world.batch(['link add eth0 index 3 type veth peer name eth1 index 4']);
    world.exec('tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact');
    // A dump to put the crafted messages in place of.
    world.exec('tc', ...'filter add dev eth0 ingress protocol ip pref 1 u32 match u32 0 0'.split(' '));
  });
  afterAll(async () => {
    console.log(`filters: ${objects} objects, ${fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  /** Requests to add, each as the kernel would tell it: with a handle. */
  const told = CAPTURED.filter(({ type, command }) => type === 44 && !command.includes(' block ')).map(
    ({ hex }) => {
      const payload = Uint8Array.from(Buffer.from(hex, 'hex'));
      const view = new DataView(payload.buffer);
      if (view.getUint32(8, true) === 0) view.setUint32(8, 0x80000801, true);
      return payload;
    },
  );

  async function compare(flags: readonly string[], payload: Uint8Array): Promise<void> {
    const words = ['-n', world.name, ...flags, 'filter', 'show', 'dev', 'eth0', 'ingress'];
    const expected = shows('tc', words, 44, [payload]);
    const { options } = parseCommandLine(['tc', ...flags], { environment: {}, terminal: false });
    const desk = await tcDesk(showContext(world.rt, options));
    const sheet = filterSheet(filterType.decode(payload), desk, { ifindex: 3, parent: 'ingress' });
    const result = options.json
      ? compareJson(parseIpJson(expected), parseIpJson(formatJson([sheet.json])))
      : compareText(expected, sheet.text);
    expect(inWords(result.differences), `${flags.join(' ')} ${expected}`).toBe('');
    objects += result.objects;
    fields += result.fields;
  }

  for (const [i, payload] of told.entries()) {
    const filter: TcFilter = filterType.decode(payload);
    it(`${i}: ${filter.kind} ${filter.actions?.map(({ kind }) => kind).join(' ') ?? ''}`, async () => {
      for (const flags of [[], ['-s', '-d']]) await compare(flags, payload);
      // Of these tc 6.1 writes text into its own JSON.
      const offset = filter.u32?.selector?.flags?.some((flag) => flag !== 'terminal');
      if (filter.kind !== 'fw' && !offset)
        for (const flags of [['-j'], ['-j', '-s', '-d']]) await compare(flags, payload);
    });

    it(`${i}: read and written again`, () => {
      const again = filterType.decode(encodeFilter(filter, ETH_P_ALL));
      expect(again).toEqual(filter);
    });
  }
});
