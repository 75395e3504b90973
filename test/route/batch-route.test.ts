import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestWindow } from '../../src/netlink/pipeline-window.ts';
import { formatIpv6, parseIpv4, parseIpv6 } from '../../src/netlink/wire/address.ts';
import { putIpv4, putIpv6 } from '../../src/netlink/wire/put-address.ts';
import { PLAIN_ROUTE_BYTES, putPlainRoute } from '../../src/route/batch-route.ts';
import { encodeRoute } from '../../src/route/route-message.ts';
import type { RouteInput } from '../../src/route/route-object.ts';

const LINKS: Readonly<Record<string, number>> = { eth0: 2, 'a.b-c': 0x7fffffff };

/** The payload that the fast way writes, after a message that leaves its bytes behind; undefined where it declines. */
function plain(route: RouteInput, purpose: 'new' | 'del'): string | undefined {
  const window = new RequestWindow(4096, 8);
  window.bytes.fill(0xa5);
  const end = putPlainRoute(window, route, purpose, (name) => LINKS[name]);
  if (end === 0) return undefined;
  expect(end - window.payloadAt).toBeLessThanOrEqual(PLAIN_ROUTE_BYTES);
  return Buffer.from(window.bytes.subarray(window.payloadAt, end)).toString('hex');
}

function general(route: RouteInput, purpose: 'new' | 'del'): string {
  const { dev } = route;
  const resolved = dev === undefined ? route : { ...route, oif: LINKS[dev] ?? Number.NaN };
  return Buffer.from(encodeRoute(resolved, purpose)).toString('hex');
}

const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
const ipv6 = fc.oneof(
  fc.ipV6(),
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(':')),
  fc
    .tuple(fc.array(group, { maxLength: 7 }), fc.array(group, { maxLength: 7 }))
    .map(([head, tail]) => `${head.join(':')}::${tail.slice(0, Math.max(0, 7 - head.length)).join(':')}`),
);
const hexWord = fc.oneof(fc.constantFrom('', '0', '00001', '::', ':', 'g', '%eth0', '1.2.3.4', 'F0'), group);
const almost = fc
  .array(fc.oneof(hexWord, octet.map(String)), { maxLength: 9 })
  .chain((parts) => fc.constantFrom(':', '.', '::', ' ').map((by) => parts.join(by)));
const address = fc.oneof(
  { weight: 4, arbitrary: ipv4 },
  { weight: 4, arbitrary: ipv6 },
  { weight: 1, arbitrary: almost },
);
const odd = fc.constantFrom<unknown>(null, '', -1, 1.5, Number.NaN, 2 ** 32, 'x', true, {}, [], '7', 300);
const u32 = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, -0, 255, 256));

/** Mostly not there; sometimes what it must not be. */
function field(value: fc.Arbitrary<unknown>, often = 16): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 40, arbitrary: fc.constant(undefined) },
    { weight: often, arbitrary: value },
    { weight: 1, arbitrary: odd },
  );
}

/** Fields that are there, but undefined: as good as absent. */
const UNDEFINED = ['dev', 'via', 'metric', 'flags', 'table'];

function routesOf(dst: fc.Arbitrary<string>, via: fc.Arbitrary<string>): fc.Arbitrary<RouteInput> {
  const fields = fc.record({
    dst: fc.oneof(
      { weight: 30, arbitrary: dst },
      { weight: 1, arbitrary: fc.constantFrom('default', 'any') },
    ),
    via: field(via),
    oif: field(u32),
    dev: field(fc.constantFrom('eth0', 'a.b-c')),
    table: field(fc.oneof(u32, fc.constantFrom('main', 'local', 'default', 'toString', '77'))),
    protocol: field(fc.oneof(octet, fc.constantFrom('static', 'bgp', 'boot', '99', 'nobody'))),
    metric: field(u32),
    scope: field(fc.constantFrom('global', 'link', 'host', '7')),
    type: field(fc.constantFrom('unicast', 'blackhole', 'unreachable', 'prohibit', 'throw', 'local')),
    prefsrc: field(via),
    family: field(fc.constantFrom('inet', 'inet6', 'mpls'), 3),
    tos: field(octet),
    pref: field(fc.constantFrom('medium', 'high', 'low', '5')),
    nexthopId: field(u32, 4),
    flags: field(fc.constantFrom([], ['onlink'], ['linkdown']), 3),
    cacheinfo: field(fc.constant({ clntref: 0 })),
    expires: field(u32, 1),
    gateway: field(fc.constant('10.0.0.1'), 1),
  });
  return fields.map(
    (all) =>
      Object.fromEntries(
        Object.entries(all).filter(([name, value]) => value !== undefined || UNDEFINED.includes(name)),
      ) as unknown as RouteInput,
  );
}

const ends = (bits: number) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: bits }).map((length) => `/${length}`) },
    { weight: 4, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom('/', '/08', '/-1', '/1e1', '/0008', `/${bits + 1}`) },
  );
const joined = (text: fc.Arbitrary<string>, bits: number) =>
  fc.tuple(text, ends(bits)).map((parts) => parts.join(''));
const routes = fc.oneof(
  { weight: 4, arbitrary: routesOf(joined(ipv4, 32), ipv4) },
  { weight: 4, arbitrary: routesOf(joined(ipv6, 128), ipv6) },
  { weight: 1, arbitrary: routesOf(joined(address, 128), address) },
);

describe('plain routes', () => {
  it('are byte by byte what encodeRoute writes, or are left to it', () => {
    let written = 0;
    fc.assert(
      fc.property(routes, fc.constantFrom('new' as const, 'del' as const), (route, purpose) => {
        const bytes = plain(route, purpose);
        if (bytes === undefined) return;
        written++;
        expect(bytes).toBe(general(route, purpose));
      }),
      { numRuns: 10_000 },
    );
    // The property would hold as well if nothing were ever written.
    expect(written).toBeGreaterThan(2000);
  });

  it.each<[string, RouteInput]>([
    ['over a link', { dst: '10.1.2.3', dev: 'eth0' }],
    ['through a gateway', { dst: '10.0.0.0/8', via: '192.0.2.1', table: 100, protocol: 'static', metric: 7 }],
    ['IPv6', { dst: '2001:db8::/32', via: 'fe80::1', dev: 'eth0', pref: 'high' }],
    ['to everywhere', { dst: '0.0.0.0/0', via: '192.0.2.1' }],
    [
      'as listed',
      {
        family: 'inet6',
        dst: '2001:db8::1',
        table: 254,
        protocol: 'boot',
        scope: 'global',
        type: 'unicast',
        metric: 1024,
        pref: 'medium',
        oif: 2,
        dev: 'eth0',
        cacheinfo: { clntref: 0, lastuse: 0, expires: 0, error: 0, used: 0, id: 0, ts: 0, tsage: 0 },
      },
    ],
    ['over an object', { dst: '10.0.0.0/8', nexthopId: 9 }],
    ['to nowhere', { dst: '10.0.0.0/8', type: 'blackhole', metric: 0xffff_ffff }],
    ['from here', { dst: '10.0.0.0/8', dev: 'a.b-c', prefsrc: '192.0.2.9', tos: 16, flags: [] }],
  ])('are written here: %s', (_, route) => {
    for (const purpose of ['new', 'del'] as const)
      expect(plain(route, purpose)).toBe(general(route, purpose));
  });

  it.each<[string, unknown]>([
    ['a word for no field', { dst: '10.0.0.0/8', gateway: '192.0.2.1' }],
    ['a link that is not known', { dst: '10.0.0.0/8', dev: 'eth1' }],
    ['an inherited field', Object.create({ dst: '10.0.0.0/8', expires: 3 })],
    ['several paths', { dst: '10.0.0.0/8', nexthops: [{ via: '192.0.2.1' }] }],
    ['no object', null],
    ['a text', '10.0.0.0/8'],
  ])('are not: %s', (_, route) => {
    expect(plain(route as RouteInput, 'new')).toBeUndefined();
  });
});

describe('addresses into a buffer', () => {
  const put = (text: string, inet: boolean): Uint8Array | undefined => {
    const bytes = new Uint8Array(20).fill(0xee);
    const written = inet ? putIpv4(text, 0, text.length, bytes, 2) : putIpv6(text, 0, text.length, bytes, 2);
    expect(bytes.subarray(0, 2)).toEqual(new Uint8Array(2).fill(0xee));
    expect(bytes.subarray(inet ? 6 : 18)).toEqual(new Uint8Array(inet ? 14 : 2).fill(0xee));
    return written ? bytes.slice(2, inet ? 6 : 18) : undefined;
  };

  /** Node's own word on what is an address; of IPv6 through the URL parser, which spells the groups as we do. */
  const inet6 = (text: string) =>
    isIPv6(text) && !text.includes('%') ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : undefined;
  const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');

  it('are what Node takes for addresses, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(address, fc.string()), (text) => {
        const four = put(text, true);
        expect(four !== undefined).toBe(isIPv4(text));
        expect(four?.join('.')).toBe(four && text);
        expect(hex(parseIpv4(text))).toBe(hex(four));
        const six = put(text, false);
        if (six !== undefined) expect(hex(parseIpv6(text))).toBe(hex(six));
        const parsed = parseIpv6(text);
        expect(parsed !== undefined).toBe(inet6(text) !== undefined);
        // The URL parser knows no dotted quads at the end.
        const spelled = parsed && formatIpv6(parsed);
        if (spelled !== undefined && !spelled.includes('.')) expect(spelled).toBe(inet6(text));
      }),
      { numRuns: 10_000 },
    );
  });

  it('are all that is spelled as the kernel’s own', () => {
    fc.assert(
      fc.property(ipv4, (text) => {
        expect(put(text, true)).toEqual(parseIpv4(text));
      }),
    );
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = groups.join(':');
        expect(put(text, false)).toEqual(parseIpv6(text));
      }),
    );
    for (const text of ['::', '::1', '1::', 'fe80::1', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', 'ABCD::ef'])
      expect(put(text, false)).toEqual(parseIpv6(text));
    for (const text of [
      '',
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7:8::',
      '12345::',
      '1:',
      ':1',
      '1:2:3:4:5:6:7:8:9',
    ])
      expect([put(text, false), parseIpv6(text)]).toEqual([undefined, undefined]);
    for (const text of ['', '1.2.3', '01.2.3.4', '1.2.3.256', '1.2.3.4.5', '1..3.4', '1.2.3.4 '])
      expect([put(text, true), parseIpv4(text)]).toEqual([undefined, undefined]);
  });
});
