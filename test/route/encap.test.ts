import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/netlink/wire/codec.ts';
import { decodeEncap, type Encap, encodeEncap } from '../../src/route/encap.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const again = (encap: Encap): Encap => {
  const { number, value } = encodeEncap(encap);
  return decodeEncap(number, value);
};

describe('tunnels of routes', () => {
  it.runIf(endianness() === 'LE')('are laid out as the kernel wants them', () => {
    // MPLS_IPTUNNEL_DST: label 100, then 200 at the bottom of the stack; MPLS_IPTUNNEL_TTL.
    const mpls = encodeEncap({ type: 'mpls', dst: '100/200', ttl: 7 });
    expect(mpls.number).toBe(1);
    expect(Buffer.from(mpls.value).toString('hex')).toBe('0c000100000640000' + '00c81000500020007000000');
    // SEG6_IPTUNNEL_SRH: mode encap; next header 0, length 2, type 4, one segment left of none, no flags.
    const seg6 = encodeEncap({ type: 'seg6', mode: 'encap', segs: ['2001:db8::5'] });
    expect(seg6.number).toBe(5);
    expect(Buffer.from(seg6.value).toString('hex')).toBe(
      `20000100${'01000000'}${'0002040000000000'}20010db8000000000000000000000005`,
    );
    // RPL_IPTUNNEL_SRH: type 3, one segment left.
    const rpl = encodeEncap({ type: 'rpl', segs: ['2001:db8::5'] });
    expect(rpl.number).toBe(8);
    expect(Buffer.from(rpl.value).toString('hex')).toBe(
      `1c000100${'0002030100000000'}20010db8000000000000000000000005`,
    );
    const xfrm = encodeEncap({ type: 'xfrm', ifId: 5, link: 2 });
    expect(xfrm.number).toBe(10);
    expect(Buffer.from(xfrm.value).toString('hex')).toBe('08000100050000000800020002000000');
  });

  it.each<Encap>([
    { type: 'mpls', dst: '16' },
    { type: 'mpls', dst: '0/1048575/3', ttl: 255 },
    { type: 'rpl', segs: ['2001:db8::1', '2001:db8::2', '2001:db8::3'] },
    { type: 'xfrm', ifId: 1 },
    {
      type: 'ip',
      id: 18446744073709551615n,
      src: '10.0.0.1',
      dst: '10.0.0.2',
      ttl: 1,
      tos: 2,
      flags: ['csum', 'key'],
    },
    { type: 'ip6', id: 1n, src: '::1', dst: '::2', hoplimit: 1, tc: 2, flags: ['0x8000'] },
    { type: 'seg6', mode: 'l2encap.red', segs: ['2001:db8::1'], hmac: 4294967295 },
    { type: 'seg6', mode: '9', segs: ['2001:db8::1'] },
    { type: 'seg6local', action: 'End.BPF', bpf: { prog: 7, name: 'program' } },
    { type: 'seg6local', action: 'End.DT46', vrftable: 100 },
    {
      type: 'seg6local',
      action: 'End.AS',
      iif: 3,
      oif: 4,
      nh4: '10.0.0.1',
      nh6: 'fe80::1',
      table: 4294967295,
    },
    { type: 'seg6local', action: '200', counters: { packets: 1n, bytes: 2n, errors: 3n } },
    { type: 'ila', hex: '0c00010001020304050607' },
    { type: '77', hex: '' },
  ])('come back as they went: $type', (encap) => {
    expect(again(encap)).toEqual(encap);
  });

  it('end an inline list in the place of the destination', () => {
    const inline: Encap = { type: 'seg6', mode: 'inline', segs: ['2001:db8::1', '::'] };
    expect(again({ ...inline, segs: ['2001:db8::1'] })).toEqual(inline);
    expect(again(inline)).toEqual(inline);
    const b6: Encap = { type: 'seg6local', action: 'End.B6', srh: { segs: ['2001:db8::1', '::'] } };
    expect(again({ ...b6, srh: { segs: ['2001:db8::1'] } })).toEqual(b6);
    const encaps: Encap = { type: 'seg6local', action: 'End.B6.Encaps', srh: { segs: ['2001:db8::1'] } };
    expect(again(encaps)).toEqual(encaps);
  });

  it('take a small id as a number', () => {
    expect(again({ type: 'ip', id: 5 } as unknown as Encap)).toEqual({ type: 'ip', id: 5n });
  });

  it.runIf(endianness() === 'LE')('stay bytes where a header says more than there are fields for', () => {
    const segment = '20010db8000000000000000000000005';
    for (const srh of [
      // A tag; a flag; a next header; more bytes than the length says; a TLV.
      `0002040000000007${segment}`,
      `0002040000200000${segment}`,
      `2902040000000000${segment}`,
      `0002040000000000${segment}00000000`,
      `0003040000000000${segment}0406000000000000`,
      // Lengths that lie.
      `0000040000000000${segment}`,
      `0002040009000000${segment}`,
      `00ff040000000000${segment}`,
      '0002',
    ]) {
      const body = bytes(`01000000${srh}`);
      const attribute = Buffer.alloc(4 + body.length + ((4 - (body.length % 4)) % 4));
      attribute.writeUInt16LE(4 + body.length, 0);
      attribute.writeUInt16LE(1, 2);
      attribute.set(body, 4);
      expect(decodeEncap(5, attribute)).toEqual({ type: 'seg6', hex: attribute.toString('hex') });
      expect(again(decodeEncap(5, attribute))).toEqual({ type: 'seg6', hex: attribute.toString('hex') });
    }
  });

  it('read any bytes without a throw', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.uint8Array({ maxLength: 80 }), (number, value) => {
        decodeEncap(number, value);
      }),
      { numRuns: 5000 },
    );
  });

  it.each<[string, unknown, string]>([
    ['no type', {}, 'type'],
    ['another type', { type: 'gre' }, 'type'],
    ['a known type without its bytes', { type: 'ila' }, 'hex'],
    ['bytes that are none', { type: 'ila', hex: 'abc' }, 'hex'],
    ['bytes in place of fields', { type: 'ip', hex: '00' }, 'hex'],
    ['a mode', { type: 'seg6', mode: 'outer', segs: ['::1'] }, 'mode'],
    ['no segments', { type: 'seg6', mode: 'encap' }, 'segs'],
    ['an empty list of them', { type: 'seg6', mode: 'encap', segs: [] }, 'segs'],
    ['one that is no address', { type: 'seg6', mode: 'encap', segs: ['::1', '10.0.0.1'] }, 'segs[1]'],
    ['too many', { type: 'seg6', mode: 'encap', segs: new Array(200).fill('::1') }, 'segs'],
    ['a key of no id', { type: 'seg6', mode: 'encap', segs: ['::1'], hmac: 0 }, 'hmac'],
    ['an action', { type: 'seg6local', action: 'Begin' }, 'action'],
    ['a header in an action', { type: 'seg6local', action: 'End.B6', srh: { segs: ['x'] } }, 'srh.segs[0]'],
    ['a label', { type: 'mpls', dst: '1048576' }, 'dst'],
    ['an id', { type: 'ip', id: -1 }, 'id'],
    ['a flag', { type: 'ip', flags: ['blue'] }, 'flags'],
    ['a field of another type', { type: 'ip', dst: '10.0.0.1', hoplimit: 1 }, 'hoplimit'],
    ['a field of none', { type: 'seg6', mode: 'encap', segs: ['::1'], hamc: 1 }, 'hamc'],
  ])('name the field: %s', (_, encap, field) => {
    let error: unknown;
    try {
      encodeEncap(encap as Encap);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ValueError);
    expect((error as ValueError).path.join('.')).toBe(field);
  });

  it.each(['ip', 'ip6'] as const)(
    'refuse to write options of type %s, however they are disguised',
    (type) => {
      for (const number of [8, 8 | 0x8000, 8 | 0x4000, 8 | 0xc000])
        expect(() => encodeEncap({ type, raw: [{ type: number, hex: '' }] } as Encap)).toThrow(ValueError);
      expect(() => encodeEncap({ type: type === 'ip' ? '2' : '4', hex: '04000800' })).toThrow(ValueError);
    },
  );

  it('show options of a tunnel as bytes', () => {
    const value = endianness() === 'LE' ? bytes('04000880') : bytes('00048008');
    expect(decodeEncap(2, value)).toEqual({ type: 'ip', raw: [{ type: 8, hex: '', nested: true }] });
  });
});
