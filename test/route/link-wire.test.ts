import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { walkAttributes } from '../../src/netlink/wire/attributes.ts';
import { WireError, WireView } from '../../src/netlink/wire/view.ts';
import { linkType } from '../../src/route/link.ts';
import { encodeChange, encodeCreation, encodeLink } from '../../src/route/link-encode.ts';
import { fixtures } from './link-fixtures.ts';

const HEADER = 16;
/** Attributes that hold attributes, by path; that of a veth's peer comes after another header. */
const NESTS: Readonly<Record<string, number>> = {
  18: 0,
  '18/2': 0,
  '18/2/1 veth': HEADER,
  '18/2/3 vlan': 0,
  '18/2/4 vlan': 0,
  26: 0,
  '26/10': 0,
};
/** Strings, which `ip` sends with or without a NUL, as it comes. */
const STRINGS = ['3', '18/1', '18/2/1/3'];

/** A message as a sorted list of its innermost attributes: their order, padding and NLA_F_NESTED do not matter. */
function leaves(payload: Uint8Array, kind: string): string[] {
  const view = new WireView(payload);
  const out = [Buffer.from(payload.subarray(0, HEADER)).toString('hex')];
  function walk(path: string, start: number, end: number): void {
    walkAttributes(view, start, end, (type, from, to) => {
      const here = path === '' ? String(type) : `${path}/${type}`;
      const skip = NESTS[here] ?? NESTS[`${here} ${kind}`];
      const hex = Buffer.from(payload.subarray(from, to)).toString('hex');
      if (skip !== undefined) walk(here, from + skip, to);
      else out.push(`${here}: ${STRINGS.includes(here) ? hex.replace(/00$/, '') : hex}`);
    });
  }
  walk('', HEADER, payload.length);
  return out.sort();
}

describe('links on the wire', () => {
  for (const { command, hex, decoded, add, set, ifindex, resolved = {} } of fixtures) {
    const bytes = Buffer.from(hex, 'hex');

    it(`reads ${command}`, () => {
      expect(linkType.decode(bytes)).toMatchObject(decoded);
    });

    it(`writes ${command}`, () => {
      const ours = [];
      if (add !== undefined) ours.push(encodeCreation(add, resolved).create);
      if (set !== undefined) ours.push(encodeChange(set, resolved).main?.({ ...(ifindex && { ifindex }) }));
      expect(ours).toHaveLength(1);
      expect(leaves(ours[0] ?? bytes.subarray(0, 0), add?.kind ?? '')).toEqual(
        leaves(bytes, add?.kind ?? ''),
      );
    });

    it(`bears ${command} cut short anywhere`, () => {
      for (let length = 0; length < bytes.length; length++) {
        const cut = bytes.subarray(0, length);
        try {
          linkType.decode(cut);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }
    });
  }

  it('bears any bytes: an object or a WireError', () => {
    const seeds = fixtures.map(({ hex }) => Buffer.from(hex, 'hex'));
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 12 }),
        (seed, changes) => {
          const bytes = Uint8Array.from(seed);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            expect(typeof linkType.decode(bytes).ifindex).toBe('number');
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('keeps unknown attributes, and malformed ones of known kinds, as they were', () => {
    const unknown = encodeLink(
      { ifindex: 7 },
      {
        ifname: 'x',
        raw: [{ type: 1000, hex: '0102' }],
        linkInfo: { kind: 'nonesuch', kindData: '0600010005000000' },
      },
    );
    expect(linkType.decode(unknown)).toMatchObject({
      ifindex: 7,
      raw: [{ type: 1000, hex: '0102' }],
      kind: 'nonesuch',
      kindData: '0600010005000000',
    });
    // A vxlan whose data claims more bytes than there are.
    const broken = encodeLink({}, { linkInfo: { kind: 'vxlan', kindData: '08000100' } });
    expect(linkType.decode(broken)).toMatchObject({ kind: 'vxlan', kindData: '08000100' });
    // A vxlan whose id is too short: the rest is still read.
    const short = encodeLink(
      {},
      { linkInfo: { kind: 'vxlan', kindData: '0500010001000000' + '0500050007000000' } },
    );
    expect(linkType.decode(short)).toMatchObject({ vxlan: { ttl: 7, raw: [{ type: 1, hex: '01' }] } });
  });

  it('spells the addresses of IP tunnels as IP addresses', () => {
    const payload = encodeLink({}, { address: '192.0.2.1', broadcast: '192.0.2.2' });
    new DataView(payload.buffer, payload.byteOffset).setUint16(2, 768, true);
    expect(linkType.decode(payload)).toMatchObject({
      linkType: 'ipip',
      address: '192.0.2.1',
      broadcast: '192.0.2.2',
    });
  });

  it('keeps counters that a newer kernel appends', () => {
    const counters = Array.from({ length: 27 }, (_, i) =>
      (i + 1).toString(16).padStart(2, '0').padEnd(16, '0'),
    );
    const payload = encodeLink({}, { raw: [{ type: 23, hex: counters.join('') }] });
    expect(linkType.decode(payload).stats64).toMatchObject({
      rxPackets: 1n,
      rxOtherhostDropped: 25n,
      tail: '1a000000000000001b00000000000000',
    });
    const old = encodeLink({}, { raw: [{ type: 23, hex: counters.slice(0, 23).join('') }] });
    expect(linkType.decode(old).stats64).toMatchObject({ txCompressed: 23n });
    expect(linkType.decode(old).stats64).not.toHaveProperty('rxNohandler');
  });
});
