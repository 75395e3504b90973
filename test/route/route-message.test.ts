import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../src/handle/errors.ts';
import { WireError } from '../../src/netlink/wire/view.ts';
import { decodeRoute, encodeRoute } from '../../src/route/route-message.ts';
import type { Route, RouteInput } from '../../src/route/route-object.ts';
import { ROUTES } from './route-fixtures.ts';

const decode = (hex: string): Route => decodeRoute(Buffer.from(hex, 'hex'));

/** What the kernel adds to a route and nobody writes. */
function written({ cacheinfo: _, cacheFlags: _c, flags, expires, ...route }: Route): object {
  const kept = flags?.filter((flag) => flag === 'onlink');
  return {
    ...route,
    ...(kept === undefined || kept.length === 0 || route.nexthopId !== undefined ? {} : { flags: kept }),
    ...(expires === undefined ? {} : { expires }),
  };
}

// The fixtures are of a little-endian machine.
describe.runIf(endianness() === 'LE')('routes as the kernel dumps them', () => {
  it.each(ROUTES)('$command', ({ hex }) => {
    const route = decode(hex);
    expect(
      JSON.stringify(route, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('"raw"');
    const again = decodeRoute(encodeRoute(route, 'new'));
    if (route.nexthopId === undefined) expect(written(again)).toEqual(written(route));
    else expect(again).toMatchObject({ dst: route.dst, table: route.table, nexthopId: route.nexthopId });
    // What was encoded once comes out the same, byte by byte.
    expect(encodeRoute(again, 'new')).toEqual(encodeRoute(route, 'new'));
  });

  const find = (command: string): Route => {
    const fixture = ROUTES.find((one) => one.command === `ip route ${command}`);
    if (fixture === undefined) throw new Error(`no fixture for ${command}`);
    return decode(fixture.hex);
  };

  it('reads a route by a gateway', () => {
    expect(find('add 10.109.0.0/16 via 10.0.0.254 dev veth0 table 100 proto static')).toEqual({
      family: 'inet',
      dst: '10.109.0.0/16',
      table: 100,
      protocol: 'static',
      scope: 'global',
      type: 'unicast',
      via: '10.0.0.254',
      oif: 3,
    });
  });

  it('reads paths with weights, and gateways of both families', () => {
    expect(
      find('add 10.1.0.0/16 nexthop via 10.0.0.2 dev veth0 weight 3 nexthop via 10.0.1.2 dev veth1 weight 1')
        .nexthops,
    ).toEqual([
      { via: '10.0.0.2', oif: 3, weight: 3 },
      { via: '10.0.1.2', oif: 2, weight: 1 },
    ]);
    expect(find('add 10.2.0.0/16 via inet6 2001:db8::2 dev veth0')).toMatchObject({
      family: 'inet',
      via: '2001:db8::2',
    });
  });

  it('reads metrics in their units, and what is locked', () => {
    const route = ROUTES.find(({ command }) => command.includes(' add 10.3.0.0/16 '));
    expect(decode(route?.hex ?? '').metrics).toEqual({
      lock: ['mtu', 'rtoMin', 'congctl'],
      mtu: 1400,
      window: 1000,
      // `ip` took "rtt 100" as raw units, eighths of a millisecond, and "rttvar 50" as quarters.
      rtt: 12.5,
      rttvar: 12.5,
      ssthresh: 10,
      cwnd: 20,
      advmss: 1200,
      reordering: 5,
      hoplimit: 60,
      initcwnd: 10,
      features: ['ecn'],
      rtoMin: 200,
      initrwnd: 11,
      quickack: 1,
      congctl: 'cubic',
      fastopenNoCookie: 1,
    });
  });

  it('reads defaults of both families', () => {
    expect(find('add default via 10.0.0.254 metric 100')).toMatchObject({
      family: 'inet',
      dst: 'default',
      metric: 100,
    });
    expect(find('add default via 2001:db8::2 dev veth0')).toMatchObject({ family: 'inet6', dst: 'default' });
  });

  it('reads tunnels', () => {
    const tunnel = (dst: string) =>
      decode(ROUTES.find(({ command }) => command.includes(` ${dst} `))?.hex ?? '').encap;
    expect(tunnel('10.11.0.0/16')).toEqual({
      type: 'seg6',
      mode: 'encap',
      segs: ['2001:db8::5', '2001:db8::6'],
    });
    expect(tunnel('2001:db8:100::/48')).toEqual({
      type: 'seg6',
      mode: 'inline',
      segs: ['2001:db8::5', '2001:db8::6', '::'],
    });
    expect(tunnel('2001:db8:101::/48')).toEqual({
      type: 'seg6',
      mode: 'encap',
      segs: ['2001:db8::5'],
      hmac: 4660,
    });
    expect(tunnel('2001:db8:117::/48')).toEqual({
      type: 'seg6local',
      action: 'End.B6',
      srh: { segs: ['2001:db8::7', '2001:db8::8', '::'] },
    });
    expect(tunnel('2001:db8:119::/48')).toEqual({
      type: 'seg6local',
      action: 'End',
      counters: { packets: 0n, bytes: 0n, errors: 0n },
    });
    expect(tunnel('2001:db8:11b::/48')).toEqual({
      type: 'seg6local',
      action: 'End',
      flavors: { operations: ['next-csid'], lblen: 48, nflen: 16 },
    });
    expect(tunnel('10.12.0.0/16')).toEqual({
      type: 'ip',
      id: 100n,
      dst: '10.0.0.2',
      src: '10.0.0.1',
      ttl: 5,
      tos: 8,
      flags: ['csum', 'key', 'seq'],
    });
  });

  it('reads the answers to lookups', () => {
    expect(decode(ROUTES.find(({ command }) => command.includes('get 10.0.0.1'))?.hex ?? '')).toMatchObject({
      type: 'local',
      flags: ['cloned'],
      cacheFlags: ['local'],
      uid: 0,
    });
    expect(decode(ROUTES.find(({ command }) => command.includes('get 10.0.0.255'))?.hex ?? '')).toMatchObject(
      {
        type: 'broadcast',
        cacheFlags: expect.arrayContaining(['brd']),
        uid: 7,
        mark: 5,
      },
    );
  });

  it('rounds what is left of a life up', () => {
    const route = decode(ROUTES.find(({ command }) => command.endsWith('expires 500'))?.hex ?? '');
    expect(route.expires).toBe(Math.ceil((route.cacheinfo?.expires ?? 0) / 100));
    expect(route.expires).toBeGreaterThan(490);
  });
});

/** rtmsg of an IPv4 route in the main table, and one attribute of this type and content. */
function withAttribute(type: number, content: Uint8Array): Buffer {
  const header = Buffer.from([2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
  const attribute = Buffer.alloc(4 + content.length + ((4 - (content.length % 4)) % 4));
  const little = endianness() === 'LE';
  const put = (value: number, at: number) =>
    little ? attribute.writeUInt16LE(value, at) : attribute.writeUInt16BE(value, at);
  put(4 + content.length, 0);
  put(type, 2);
  attribute.set(content, 4);
  return Buffer.concat([header, attribute]);
}

describe('hostile routes', () => {
  const RTA_MULTIPATH = 9;

  it.each([0, 1, 7, 9, 0xffff])('keeps a list of nexthops whose first claims %i bytes', (length) => {
    const content = Buffer.alloc(8);
    endianness() === 'LE' ? content.writeUInt16LE(length, 0) : content.writeUInt16BE(length, 0);
    const route = decodeRoute(withAttribute(RTA_MULTIPATH, content));
    expect(route.nexthops).toBeUndefined();
    expect(route.raw).toEqual([{ type: RTA_MULTIPATH, hex: content.toString('hex') }]);
  });

  it('keeps a list of nexthops whose second claims more than there is', () => {
    const content = Buffer.alloc(24);
    const put = (value: number, at: number) =>
      endianness() === 'LE' ? content.writeUInt16LE(value, at) : content.writeUInt16BE(value, at);
    put(8, 0);
    put(17, 8);
    expect(decodeRoute(withAttribute(RTA_MULTIPATH, content)).raw).toHaveLength(1);
  });

  it.each([
    ['a metric of no bytes', 6, []],
    ['a gateway of five', 5, [1, 2, 3, 4, 5]],
    ['a gateway by its link address', 18, [17, 0, 1, 2, 3, 4, 5, 6]],
    ['an attribute nobody knows', 200, [1, 2, 3]],
  ])('keeps %s', (_, type, content) => {
    const { raw } = decodeRoute(withAttribute(type, Uint8Array.from(content)));
    expect(raw).toEqual([{ type, hex: Buffer.from(content).toString('hex') }]);
  });

  it('writes again what it kept', () => {
    const route = decodeRoute(withAttribute(200, Uint8Array.from([1, 2, 3])));
    expect(decodeRoute(encodeRoute(route, 'new')).raw).toEqual(route.raw);
  });

  it('throws a WireError for a message cut short anywhere, or reads it', () => {
    for (const { hex } of ROUTES) {
      const whole = Buffer.from(hex, 'hex');
      for (let length = 0; length < whole.length; length++) {
        try {
          decodeRoute(whole.subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }
    }
  });

  it('throws a WireError for any bytes, or reads them', () => {
    const samples = ROUTES.map(({ hex }) => Buffer.from(hex, 'hex'));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
        fc.uint8Array({ maxLength: 40 }),
        (sample, changes, more) => {
          const bytes = Buffer.concat([sample, more]);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            decodeRoute(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});

const ipv4 = fc.ipV4();
const ipv6 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  // Not IPv4 in disguise, and no zero runs of equal length: one address has one text.
  .map((bytes) => {
    bytes[0] = 0x20;
    for (let i = 1; i < 16; i++) bytes[i] = (bytes[i] ?? 0) | 1;
    return Array.from({ length: 8 }, (_, i) =>
      (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
    ).join(':');
  });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const present = (object: object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const encap = fc.oneof(
  fc.record({
    type: fc.constant('seg6' as const),
    mode: fc.constantFrom('encap', 'l2encap', 'encap.red'),
    segs: fc.array(ipv6, { minLength: 1, maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant('seg6' as const),
    mode: fc.constant('encap'),
    segs: fc.array(ipv6, { minLength: 1, maxLength: 5 }),
    hmac: fc.integer({ min: 1, max: 0xffffffff }),
  }),
  fc.record({
    type: fc.constant('ip' as const),
    id: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    dst: ipv4,
  }),
  fc.record({
    type: fc.constant('ip6' as const),
    dst: ipv6,
    hoplimit: fc.nat(255),
    flags: fc.constant(['csum', 'seq']),
  }),
  fc.record({
    type: fc.constant('mpls' as const),
    dst: fc.array(fc.nat(0xfffff), { minLength: 1, maxLength: 4 }).map((labels) => labels.join('/')),
    ttl: fc.nat(255),
  }),
  fc.record({ type: fc.constant('rpl' as const), segs: fc.array(ipv6, { minLength: 1, maxLength: 4 }) }),
  fc.record({ type: fc.constant('xfrm' as const), ifId: u32 }),
  fc.record({ type: fc.constant('ioam6'), hex: fc.constant('0102') }),
  fc.record({ type: fc.constant('seg6local' as const), action: fc.constant('End.X'), nh6: ipv6 }),
);

const nexthop = fc
  .record({
    via: optional(fc.oneof(ipv4, ipv6)),
    oif: optional(fc.integer({ min: 1, max: 0x7fffffff })),
    weight: fc.integer({ min: 1, max: 256 }),
    flags: optional(fc.constant(['onlink'])),
    encap: optional(encap),
    realms: optional(fc.record({ to: fc.nat(0xffff) })),
  })
  .map(present);

const route = fc
  .record({
    family: fc.constantFrom('inet', 'inet6'),
    v4: fc.tuple(ipv4, fc.integer({ min: 1, max: 31 })),
    v6: fc.tuple(ipv6, fc.integer({ min: 1, max: 127 })),
    tos: optional(fc.integer({ min: 1, max: 255 })),
    table: fc.integer({ min: 1, max: 0xffffffff }),
    protocol: fc.oneof(fc.constantFrom('kernel', 'boot', 'static', 'bgp'), fc.constant('201')),
    scope: fc.constantFrom('global', 'link', 'host', '77'),
    type: fc.constantFrom('unicast', 'blackhole', 'throw', 'prohibit', 'unreachable', 'local', 'multicast'),
    flags: optional(fc.constant(['onlink'])),
    via: optional(fc.oneof(ipv4, ipv6)),
    oif: optional(fc.integer({ min: 1, max: 0x7fffffff })),
    metric: optional(u32),
    pref: optional(fc.constantFrom('low', 'medium', 'high')),
    expires: optional(u32),
    metrics: optional(
      fc.record({
        lock: fc.constant(['mtu', 'rtt']),
        mtu: u32,
        rtt: fc.nat(1000).map((n) => n / 8),
        congctl: fc.constantFrom('cubic', 'reno'),
      }),
    ),
    nexthops: optional(fc.array(nexthop, { minLength: 1, maxLength: 4 })),
    encap: optional(encap),
    realms: optional(fc.record({ from: fc.integer({ min: 1, max: 0xffff }), to: fc.nat(0xffff) })),
    uid: optional(u32),
    ttlPropagate: optional(fc.boolean()),
    raw: optional(fc.constant([{ type: 300, hex: '00ff' }])),
  })
  .map(
    ({ v4, v6, ...rest }) =>
      ({ dst: (rest.family === 'inet' ? v4 : v6).join('/'), ...present(rest) }) as RouteInput,
  );

describe('encoding', () => {
  it('decodes what it encoded', () => {
    fc.assert(
      fc.property(route, (input) => {
        expect(decodeRoute(encodeRoute(input, 'new'))).toEqual(input);
      }),
      { numRuns: 2000 },
    );
  });

  it('spells a host route without a length, and a default as that', () => {
    const dst = (input: RouteInput) => {
      const { family, dst } = decodeRoute(encodeRoute(input, 'new'));
      return [family, dst];
    };
    expect(dst({ dst: '10.0.0.1/32' })).toEqual(['inet', '10.0.0.1']);
    expect(dst({ dst: '2001:db8::1' })).toEqual(['inet6', '2001:db8::1']);
    expect(dst({ dst: '0.0.0.0/0' })).toEqual(['inet', 'default']);
    expect(dst({ dst: '::/0' })).toEqual(['inet6', 'default']);
    expect(dst({ dst: 'default' })).toEqual(['inet', 'default']);
    expect(dst({ dst: 'default', via: '2001:db8::1' })).toEqual(['inet6', 'default']);
    expect(dst({ dst: 'default', nexthops: [{ dev: 'x' }, { via: 'fe80::1' }] })).toEqual([
      'inet6',
      'default',
    ]);
    expect(dst({ dst: 'default', family: 'inet', via: '2001:db8::1' })).toEqual(['inet', 'default']);
    expect(dst({ dst: '100', family: 'mpls', via: '10.0.0.1' })).toEqual(['mpls', '100']);
  });

  it('has the defaults of ip route', () => {
    const header = (input: RouteInput, purpose: 'new' | 'del' = 'new') => {
      const { table, protocol, scope, type } = decodeRoute(encodeRoute(input, purpose));
      return `${type} ${scope} ${table} ${protocol}`;
    };
    expect(header({ dst: '10.0.0.0/8', via: '10.0.0.1' })).toBe('unicast global 254 boot');
    expect(header({ dst: '10.0.0.0/8', oif: 1 })).toBe('unicast link 254 boot');
    expect(header({ dst: '10.0.0.0/8', nexthopId: 1 })).toBe('unicast global 254 boot');
    expect(header({ dst: '10.0.0.1', type: 'local' })).toBe('local host 255 boot');
    expect(header({ dst: '10.0.0.1', type: 'broadcast' })).toBe('broadcast link 255 boot');
    expect(header({ dst: '225.0.0.0/24', type: 'multicast' })).toBe('multicast link 254 boot');
    expect(header({ dst: '10.0.0.0/8', type: 'blackhole' })).toBe('blackhole global 254 boot');
    expect(header({ dst: '2001:db8::/32', oif: 1 })).toBe('unicast global 254 boot');
    expect(header({ dst: '10.0.0.0/8' }, 'del')).toBe('none nowhere 254 unspec');
    expect(header({ dst: '10.0.0.0/8', table: 'local', protocol: 77 })).toBe('unicast link 255 77');
    expect(header({ dst: '10.0.0.0/8', table: '300' })).toBe('unicast link 300 boot');
  });

  it('leaves what a nexthop object leads to unwritten', () => {
    const listed: Route = {
      family: 'inet',
      dst: '10.0.0.0/8',
      table: 254,
      protocol: 'boot',
      scope: 'global',
      type: 'blackhole',
      flags: ['onlink', 'dead'],
      nexthopId: 3,
      via: '10.0.0.1',
      oif: 1,
      dev: 'lo',
      nexthops: [{ via: '10.0.0.1', oif: 1 }],
    };
    expect(decodeRoute(encodeRoute(listed, 'new'))).toEqual({
      family: 'inet',
      dst: '10.0.0.0/8',
      table: 254,
      protocol: 'boot',
      scope: 'global',
      type: 'unicast',
      nexthopId: 3,
    });
  });

  it.each<[string, unknown, string]>([
    ['no destination', {}, 'dst'],
    ['nothing at all', undefined, 'route'],
    ['a destination that is none', { dst: '10.0.0.0/33' }, 'dst'],
    ['a destination of another family', { dst: '10.0.0.0/8', family: 'inet6' }, 'dst'],
    ['a family without routes', { dst: '10.0.0.0/8', family: 'bluetooth' }, 'family'],
    ['a field of another name', { dst: '10.0.0.0/8', gateway: '10.0.0.1' }, 'gateway'],
    [
      'a field of a nexthop',
      { dst: '10.0.0.0/8', nexthops: [{ via: '10.0.0.1' }, { wieght: 1 }] },
      'nexthops[1].wieght',
    ],
    ['a metric that does not exist', { dst: '10.0.0.0/8', metrics: { mtuu: 1 } }, 'metrics.mtuu'],
    ['a metric too large', { dst: '10.0.0.0/8', metrics: { mtu: 2 ** 32 } }, 'metrics.mtu'],
    ['a lock of nothing', { dst: '10.0.0.0/8', metrics: { lock: ['nothing'] } }, 'metrics.lock'],
    ['a gateway that is none', { dst: '10.0.0.0/8', via: 'gateway.example' }, 'via'],
    ['a gateway of a nexthop', { dst: '10.0.0.0/8', nexthops: [{}, { via: '1' }] }, 'nexthops[1].via'],
    ['a weight', { dst: '10.0.0.0/8', nexthops: [{ weight: 257 }] }, 'nexthops[0].weight'],
    ['no nexthops', { dst: '10.0.0.0/8', nexthops: [] }, 'nexthops'],
    ['a table', { dst: '10.0.0.0/8', table: 'blue' }, 'table'],
    ['a protocol', { dst: '10.0.0.0/8', protocol: 'blue' }, 'protocol'],
    ['a scope', { dst: '10.0.0.0/8', scope: 'blue' }, 'scope'],
    ['a type', { dst: '10.0.0.0/8', type: 'blue' }, 'type'],
    ['a flag', { dst: '10.0.0.0/8', flags: ['blue'] }, 'flags'],
    ['a TOS', { dst: '10.0.0.0/8', tos: 256 }, 'tos'],
    ['a preference', { dst: '2001:db8::/32', pref: 'blue' }, 'pref'],
    ['realms', { dst: '10.0.0.0/8', realms: { to: 65536 } }, 'realms'],
    ['a source address', { dst: '10.0.0.0/8', prefsrc: 'x' }, 'prefsrc'],
    ['a tunnel as bytes', { dst: '10.0.0.0/8', raw: [{ type: 22, hex: '' }] }, 'raw[0]'],
    ['paths as bytes', { dst: '10.0.0.0/8', raw: [{ type: 9 | 0x4000, hex: '' }] }, 'raw[0]'],
    [
      'a tunnel of a path as bytes',
      { dst: '10.0.0.0/8', nexthops: [{ raw: [{ type: 22, hex: '', nested: true }] }] },
      'nexthops[0].raw[0]',
    ],
    ['a label', { dst: '1048576', family: 'mpls' }, 'dst'],
  ])('names the field: %s', (_, input, field) => {
    let error: unknown;
    try {
      encodeRoute(input as RouteInput, 'new');
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ field, code: 'ERR_COFFERDAM_INVALID_ARGUMENT' });
  });
});
