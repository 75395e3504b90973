import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../src/handle/errors.ts';
import { WireError } from '../../src/netlink/wire/view.ts';
import { decodeNexthop, encodeNexthop, type NexthopInput } from '../../src/route/nexthop-message.ts';
import { NEXTHOPS } from './route-fixtures.ts';

const decode = (hex: string) => decodeNexthop(Buffer.from(hex, 'hex'));

describe.runIf(endianness() === 'LE')('nexthops as the kernel dumps them', () => {
  it.each(NEXTHOPS)('$command', ({ hex }) => {
    const { unbalancedTime: _, scope: _s, ...nexthop } = decode(hex);
    expect(nexthop).not.toHaveProperty('raw');
    const { scope: _0, ...again } = decodeNexthop(encodeNexthop(nexthop));
    expect(again).toEqual(nexthop);
  });

  const find = (id: number) =>
    decode(NEXTHOPS.find(({ command }) => command.includes(`id ${id} `))?.hex ?? '');

  it('reads a gateway', () => {
    expect(find(2)).toEqual({
      id: 2,
      family: 'inet',
      protocol: 'static',
      scope: 'link',
      flags: ['onlink'],
      via: '10.0.1.2',
      oif: 2,
    });
  });

  it('reads groups', () => {
    expect(find(4)).toMatchObject({
      family: 'unspec',
      group: [
        { id: 1, weight: 3 },
        { id: 2, weight: 1 },
      ],
      groupType: 'mpath',
    });
    expect(find(5)).toMatchObject({
      groupType: 'resilient',
      resilient: { buckets: 16, idleTimer: 10, unbalancedTimer: 20 },
      unbalancedTime: 0,
    });
    expect(find(9)).toMatchObject({ fdb: true, group: [{ id: 7 }, { id: 8 }] });
  });

  it('reads a blackhole and a tunnel', () => {
    expect(find(3)).toEqual({ id: 3, family: 'inet', protocol: 'unspec', scope: 'global', blackhole: true });
    expect(find(10).encap).toEqual({ type: 'seg6', mode: 'encap', segs: ['2001:db8::5'] });
  });

  it('throws a WireError for messages cut short or changed, or reads them', () => {
    const samples = NEXTHOPS.map(({ hex }) => Buffer.from(hex, 'hex'));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.nat(200),
        fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        (sample, length, changes) => {
          const bytes = Buffer.from(sample.subarray(0, Math.max(1, length)));
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            decodeNexthop(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('encoding nexthops', () => {
  it('decodes what it encoded', () => {
    const id = fc.integer({ min: 1, max: 0xffffffff });
    const member = fc.record({ id, weight: fc.integer({ min: 1, max: 65536 }) });
    const seconds = fc.nat(42_949_672).map((n) => n / 100);
    fc.assert(
      fc.property(
        id,
        fc.array(member, { minLength: 1, maxLength: 6 }),
        fc.record({ buckets: fc.nat(65535), idleTimer: seconds, unbalancedTimer: seconds }),
        (id, group, resilient) => {
          const input: NexthopInput = {
            id,
            family: 'unspec',
            protocol: 'bgp',
            group,
            groupType: 'resilient',
            resilient,
          };
          expect(decodeNexthop(encodeNexthop(input))).toEqual({ ...input, scope: 'global' });
        },
      ),
    );
  });

  it('finds the family', () => {
    const family = (input: NexthopInput) => decodeNexthop(encodeNexthop(input)).family;
    expect(family({ via: '10.0.0.1' })).toBe('inet');
    expect(family({ via: 'fe80::1', oif: 1 })).toBe('inet6');
    expect(family({ oif: 1 })).toBe('inet');
    expect(family({ oif: 1, family: 'inet6' })).toBe('inet6');
    expect(family({ blackhole: true })).toBe('inet');
    expect(family({ group: [{ id: 1 }] })).toBe('unspec');
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'nexthop'],
    ['an id', { id: 2 ** 32 }, 'id'],
    ['another word', { id: 1, gateway: '10.0.0.1' }, 'gateway'],
    ['a gateway', { id: 1, via: 'x' }, 'via'],
    ['a gateway of another family', { id: 1, via: '10.0.0.1', family: 'inet6' }, 'via'],
    ['a family', { id: 1, family: 'mpls' }, 'family'],
    ['an empty group', { id: 1, group: [] }, 'group'],
    ['a member', { id: 1, group: [{ id: 0 }] }, 'group[0].id'],
    ['a field of a member', { id: 1, group: [{ id: 1, wieght: 2 }] }, 'group[0].wieght'],
    ['a weight', { id: 1, group: [{ id: 1, weight: 0 }] }, 'group[0].weight'],
    ['a group type', { id: 1, group: [{ id: 1 }], groupType: 'round-robin' }, 'groupType'],
    ['a timer', { id: 1, group: [{ id: 1 }], resilient: { idleTimer: -1 } }, 'resilient.idleTimer'],
    ['a setting', { id: 1, group: [{ id: 1 }], resilient: { bucket: 1 } }, 'resilient.bucket'],
    ['a protocol', { id: 1, protocol: 'blue' }, 'protocol'],
    ['a tunnel', { id: 1, encap: { type: 'seg6', mode: 'encap', segs: [] } }, 'encap.segs'],
    ['a tunnel as bytes', { id: 1, raw: [{ type: 8, hex: '' }] }, 'raw[0]'],
  ])('names the field: %s', (_, input, field) => {
    let error: unknown;
    try {
      encodeNexthop(input as NexthopInput);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ field });
  });
});
