import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Names } from '../../src/cli/names.ts';
import { resolveObject, resolveVerb } from '../../src/cli/objects.ts';
import { parseCommandLine } from '../../src/cli/options.ts';
import type { ShowContext } from '../../src/cli/show/view.ts';
import { nexthopActions } from '../../src/cli/verbs/nexthop.ts';
import { routeActions } from '../../src/cli/verbs/route.ts';
import type { NetlinkRequest, RequestPort } from '../../src/netlink/socket.ts';
import { walkAttributes } from '../../src/netlink/wire/attributes.ts';
import { toHex, WireView } from '../../src/netlink/wire/view.ts';
import { LinkNames } from '../../src/route/names.ts';
import { NexthopService } from '../../src/route/nexthop.ts';
import { RouteService } from '../../src/route/route.ts';

/**
 * The requests that `ip` 6.1 makes of its words, byte for byte: routes.json was captured with strace. The words are
 * read by our command line, and what the library sends for them is held against it.
 */

interface Captured {
  readonly command: string;
  readonly type: number;
  readonly flags: number;
  readonly hex: string;
}
const CAPTURED: readonly Captured[] = JSON.parse(
  readFileSync(new URL('../fixtures/routes.json', import.meta.url), 'utf8'),
);

const INDEXES: Readonly<Record<string, number>> = { eth0: 3, eth1: 4 };

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
  const { options, words } = parseCommandLine(line.split(' '), { environment: {}, terminal: false });
  const context = {
    rt: { route: new RouteService(port, names), nexthop: new NexthopService(port, names) },
    options,
    names: new Names(),
    linkIndex: async (name: string) => INDEXES[name] ?? 0,
  } as Partial<Record<keyof ShowContext, unknown>>;
  const [object = '', verb, ...args] = words;
  const meant = resolveObject(object);
  if ('command' in meant) throw new TypeError(line);
  const actions = object === 'route' ? routeActions : nexthopActions;
  await actions[resolveVerb(meant, verb)]?.(args, context as unknown as ShowContext);
  expect(sent).toHaveLength(1);
  return sent[0] as NetlinkRequest;
}

const NEXTHOP = { header: 8, nested: { 8: 'encap', 12: 'plain' } } as const;
const ROUTE = { header: 12, nested: { 8: 'plain', 9: 'paths', 22: 'encap' } } as const;
type Layout = Readonly<Record<number, 'plain' | 'encap' | 'paths'>>;

/** What is in an encap and has attributes itself: counters and flavors of seg6local. */
const INNER = { plain: {}, encap: { 10: 'plain', 11: 'plain' } } as const;

/** Attributes as text, in the order of their numbers: that in which they are sent means nothing. */
function attributes(bytes: Uint8Array, start: number, layout: Layout): string {
  const found: [number, string][] = [];
  walkAttributes(new WireView(bytes), start, bytes.length, (type, from, to) => {
    const value = bytes.subarray(from, to);
    const how = layout[type];
    if (how === 'paths') found.push([type, `${type}: [${paths(value)}]`]);
    else if (how !== undefined) found.push([type, `${type}: {${attributes(value, 0, INNER[how])}}`]);
    else found.push([type, `${type}: ${toHex(value)}`]);
  });
  // Equal numbers stay in their order.
  return found
    .sort(([a], [b]) => a - b)
    .map(([, text]) => text)
    .join(', ');
}

/** struct rtnexthop, one after the other; the length is aligned by those who look for the next one. */
function paths(bytes: Uint8Array): string {
  const view = new WireView(bytes);
  const list: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += (view.u16(at) + 3) & ~3) {
    const one = bytes.subarray(at, at + view.u16(at));
    list.push(`${toHex(one.subarray(2, 8))} ${attributes(one, 8, ROUTE.nested)}`);
  }
  return list.join(' | ');
}

function readable(type: number, payload: Uint8Array): string {
  const { header, nested } = type === 104 ? NEXTHOP : ROUTE;
  return `${toHex(payload.subarray(0, header))} ${attributes(payload, header, nested)}`;
}

const REQUEST_AND_ACK = 0x5;

describe('requests', () => {
  test.each(CAPTURED)('$command', async ({ command, type, flags, hex }) => {
    const request = await requestOf(command.replace(/^ip /, ''));
    expect(request.type).toBe(type);
    expect((request.flags ?? 0) | REQUEST_AND_ACK).toBe(flags | REQUEST_AND_ACK);
    expect(readable(type, request.payload)).toBe(readable(type, Buffer.from(hex, 'hex')));
  });

  test('there are some of each', () => {
    expect(CAPTURED.length).toBeGreaterThan(40);
    expect(new Set(CAPTURED.map(({ type }) => type)).size).toBe(3);
  });

  test.each([['geneve_opts'], ['vxlan_opts'], ['erspan_opts']])('%s is never sent', async (word) => {
    const line = `route add 10.1.0.0/16 encap ip id 7 dst 192.0.2.1 ${word} 0:1:01020304 dev eth0`;
    await expect(requestOf(line)).rejects.toThrow(`"${word}" is refused here`);
    await expect(
      requestOf(line.replace('encap ip ', 'encap ip6 ').replace('192.0.2.1', '::1')),
    ).rejects.toThrow('is refused here');
  });
});
