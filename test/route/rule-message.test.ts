import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../src/handle/errors.ts';
import { WireError } from '../../src/netlink/wire/view.ts';
import { encodeRule } from '../../src/route/rule-encode.ts';
import { decodeRule, type Rule, type RuleInput } from '../../src/route/rule-message.ts';
import { attributesOf } from '../support/attributes.ts';
import { RULES } from './rule-fixtures.ts';

const HEADER = 12;
const bytes = (hex: string) => Buffer.from(hex, 'hex');

function find(command: string): Rule {
  const fixture = RULES.find((one) => one.command === `ip ${command}`);
  if (fixture === undefined) throw new Error(`no fixture for ${command}`);
  return decodeRule(bytes(fixture.hex));
}

// The fixtures are of a little-endian machine.
describe.runIf(endianness() === 'LE')('rules as the kernel dumps them', () => {
  it.each(RULES)('$command: encoded again it says the same', ({ hex }) => {
    const rule = decodeRule(bytes(hex));
    expect(rule).not.toHaveProperty('raw');
    const again = encodeRule('add', rule);
    const header = bytes(hex).subarray(0, HEADER);
    // Detached and unresolved are for the kernel to say.
    header[8] = (header[8] ?? 0) & 0x03;
    expect(Buffer.from(again.subarray(0, HEADER)).toString('hex')).toBe(header.toString('hex'));
    // Priority 0, no table and "suppress nothing" (-1) are what their absence says; the kernel dumps two of the three.
    const said = (payload: Uint8Array) =>
      attributesOf(payload, HEADER).filter(
        (one) => !['6: 00000000', '14: ffffffff', '15: 00000000'].includes(one),
      );
    expect(said(again)).toEqual(said(bytes(hex)));
    const { flags: _, ...rest } = rule;
    expect(decodeRule(again)).toEqual(rest);
  });

  it('reads every selector', () => {
    expect(
      find(
        'rule add not from 10.0.0.0/8 to 192.0.2.1 tos 0x10 fwmark 0x10/0xff iif lo oif nothere table 1000 pref 100 protocol static suppress_prefixlength 24 suppress_ifgroup 5 realms 3/4',
      ),
    ).toEqual({
      family: 'inet',
      priority: 100,
      not: true,
      src: '10.0.0.0/8',
      dst: '192.0.2.1',
      tos: 16,
      fwmark: 16,
      fwmask: 255,
      iif: 'lo',
      oif: 'nothere',
      action: 'lookup',
      table: 1000,
      suppressPrefixlength: 24,
      suppressIfgroup: 5,
      realms: { from: 3, to: 4 },
      protocol: 'static',
      flags: ['oif_detached'],
    });
    expect(
      find('rule add pref 101 ipproto udp sport 1000-2000 dport 53 uidrange 1000-2000 goto 32766'),
    ).toMatchObject({
      ipproto: 'udp',
      sport: { start: 1000, end: 2000 },
      dport: { start: 53, end: 53 },
      uidrange: { start: 1000, end: 2000 },
      action: 'goto',
      goto: 32766,
    });
  });

  it('reads actions, big-endian ids, and the families of multicast routing', () => {
    expect(find('rule add pref 102 tun_id 77 goto 40000')).toMatchObject({
      tunId: 77n,
      flags: ['unresolved'],
    });
    expect(find('rule add pref 103 l3mdev')).toMatchObject({ l3mdev: true, action: 'lookup' });
    expect(find('rule add pref 103 l3mdev')).not.toHaveProperty('table');
    expect(find('rule add pref 104 prohibit').action).toBe('prohibit');
    expect(find('rule add pref 105 table 7 fwmark 0/0xf')).toMatchObject({ table: 7, fwmask: 15 });
    expect(find('mrule show').family).toBe('ipmr');
    expect(find('-6 rule add from 2001:db8::/32 ipproto ipv6-icmp pref 99 blackhole')).toMatchObject({
      family: 'inet6',
      src: '2001:db8::/32',
      ipproto: 'ipv6-icmp',
      action: 'blackhole',
    });
  });
});

describe('rules as people write them', () => {
  const decoded = (input: RuleInput) => decodeRule(encodeRule('add', input));

  it('looks in the main table unless told otherwise', () => {
    expect(decoded({})).toEqual({ family: 'inet', priority: 0, action: 'lookup', table: 254 });
    expect(decoded({ table: 'local' }).table).toBe(255);
    expect(decoded({ table: '4000000000' }).table).toBe(4000000000);
    expect(decoded({ goto: 100 })).toMatchObject({ action: 'goto', goto: 100 });
    expect(decoded({ goto: 100 })).not.toHaveProperty('table');
    expect(decoded({ l3mdev: true })).not.toHaveProperty('table');
    expect(decoded({ action: 'blackhole' })).not.toHaveProperty('table');
  });

  it('takes the family from the prefixes', () => {
    expect(decoded({ src: '2001:db8::/32' }).family).toBe('inet6');
    expect(decoded({ dst: '192.0.2.0/24' }).family).toBe('inet');
    expect(decoded({ src: 'all', family: 'inet6' })).not.toHaveProperty('src');
    expect(decoded({ src: '192.0.2.1/32' }).src).toBe('192.0.2.1');
  });

  it('takes marks, ranges and realms in all their spellings', () => {
    expect(decoded({ fwmark: '0x10/0xff' })).toMatchObject({ fwmark: 16, fwmask: 255 });
    expect(decoded({ fwmark: '7' })).toMatchObject({ fwmark: 7 });
    expect(decoded({ fwmark: 7, fwmask: 15 })).toMatchObject({ fwmark: 7, fwmask: 15 });
    expect(decoded({ sport: 80, dport: '80-90', uidrange: { start: 0, end: 99 } })).toMatchObject({
      sport: { start: 80, end: 80 },
      dport: { start: 80, end: 90 },
      uidrange: { start: 0, end: 99 },
    });
    expect(decoded({ realms: { to: 4 } }).realms).toEqual({ to: 4 });
    expect(decoded({ realms: { from: 0xffff, to: 1 } }).realms).toEqual({ from: 0xffff, to: 1 });
    expect(decoded({ tunId: 77, ipproto: 200 })).toMatchObject({ tunId: 77n, ipproto: '200' });
    expect(
      decoded({ dscp: 10, flowlabel: 0x12345, flowlabelMask: 0xfffff, dportMask: 0xff00 }),
    ).toMatchObject({
      dscp: 10,
      flowlabel: 0x12345,
      flowlabelMask: 0xfffff,
      dportMask: 0xff00,
    });
  });

  it('deletes by what was said, and no more', () => {
    const payload = encodeRule('del', { priority: 100 });
    expect(Buffer.from(payload.subarray(0, HEADER)).toString('hex')).toBe('020000000000000000000000');
    expect(attributesOf(payload, HEADER)).toEqual(['6: 64000000']);
  });

  it.each<[RuleInput, string]>([
    [{ src: 'nonsense' }, 'src'],
    [{ dst: '10.0.0.0/33' }, 'dst'],
    [{ src: '10.0.0.0/8', dst: '2001:db8::/32' }, 'dst'],
    [{ src: '10.0.0.0/8', family: 'inet6' }, 'src'],
    [{ family: 'appletalk' }, 'family'],
    [{ tos: 256 }, 'tos'],
    [{ fwmark: 'x' }, 'fwmark'],
    [{ fwmark: 2 ** 32 }, 'fwmark'],
    [{ iif: 'a-name-that-is-too-long' }, 'iif'],
    [{ sport: '90-80' }, 'sport'],
    [{ dport: 65536 }, 'dport'],
    [{ uidrange: 'x-y' }, 'uidrange'],
    [{ table: 'nonsense' }, 'table'],
    [{ action: 'explode' }, 'action'],
    [{ ipproto: 'nonsense' }, 'ipproto'],
    [{ realms: { to: 70000 } }, 'realms'],
    [{ protocol: 'nonsense' }, 'protocol'],
    [{ flags: ['shiny'] }, 'flags'],
    [{ from: '10.0.0.0/8' } as RuleInput, 'from'],
  ])('refuses %o', (input, field) => {
    expect(() => encodeRule('add', input)).toThrow(InvalidArgumentError);
    expect(() => encodeRule('add', input)).toThrow(expect.objectContaining({ field }));
  });
});

describe('hostile bytes', () => {
  it('refuses a header cut short, and keeps what it cannot read', () => {
    expect(() => decodeRule(bytes('0200000000'))).toThrow(WireError);
    expect(decodeRule(bytes('0200000000000001000000000600060001020000')).raw).toEqual([
      { type: 6, hex: '0102' },
    ]);
  });

  it('never does more than throw a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 160 }), (message) => {
        try {
          decodeRule(message);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
