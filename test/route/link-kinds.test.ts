import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../src/handle/errors.ts';
import type { RequestPort } from '../../src/netlink/socket.ts';
import { WireView, WireWriter } from '../../src/netlink/wire/view.ts';
import { KINDS, type Kind, PAIRED, PORT_KINDS } from '../../src/route/kinds/index.ts';
import { type Link, type LinkInput, LinkService, type LinkSettings, linkType } from '../../src/route/link.ts';
import { encodeChange, encodeCreation } from '../../src/route/link-encode.ts';
import { LinkNames } from '../../src/route/names.ts';
import { attributesFor, KIND_LAYOUTS, message, PORT_LAYOUTS } from '../support/link-messages.ts';

/** What is true of every kind, whatever its attributes are; the kernel need not have it. */

const kinds = Object.entries(KIND_LAYOUTS) as [keyof typeof KINDS, (typeof KIND_LAYOUTS)['bond']][];
const ports = Object.entries(PORT_LAYOUTS) as [keyof typeof PORT_KINDS, (typeof PORT_LAYOUTS)['bondPort']][];

function encoded(kind: Kind, value: object): Uint8Array {
  const writer = new WireWriter();
  kind.encode(writer, value);
  return writer.bytes;
}

function decoded(kind: Kind, bytes: Uint8Array): object {
  return kind.decode(new WireView(bytes), 0, bytes.length);
}

/** A list of a macvlan's sources says what becomes of it. */
function implied(value: object): object {
  return 'macaddrData' in value ? { macaddrMode: 'set', ...value } : value;
}

function expectRoundTrip(kind: Kind, layout: (typeof KIND_LAYOUTS)['bond']): void {
  fc.assert(
    fc.property(attributesFor(kind.table, layout), (bytes) => {
      const value = decoded(kind, bytes);
      expect(decoded(kind, encoded(kind, value))).toEqual(implied(value));
      for (const field of Object.keys(value)) expect([...kind.fields]).toContain(field);
    }),
    { numRuns: 100 },
  );
}

/** The object without what is only told, or only of the moment, and without what its kind leaves out. */
function settings(kind: Kind, value: object): object {
  const rest: Record<string, unknown> = { ...kind.withoutDefaults(value) };
  for (const field of [...kind.readings, ...kind.momentary]) delete rest[field];
  return rest;
}

describe('kinds of links', () => {
  for (const [field, layout] of kinds) {
    const kind: Kind = KINDS[field];
    it(`${field}: what was read is written and read again`, () => expectRoundTrip(kind, layout));

    it(`${field}: what was listed can be made again`, () => {
      fc.assert(
        fc.property(attributesFor(kind.table, layout), (data) => {
          const link = linkType.decode(message({ ifindex: 7, type: 'ether', kind: field, data }));
          const again = linkType.decode(encodeCreation(link as LinkInput, {}).create);
          // What a table does not take back it would have to say why.
          const wanted = decoded(kind, encoded(kind, settings(kind, link[field] ?? {})));
          expect(again[field] ?? {}).toEqual(wanted);
        }),
        { numRuns: 25 },
      );
    });
  }

  for (const [field, layout] of ports) {
    const kind: Kind = PORT_KINDS[field];
    it(`${field}: what was read is written and read again`, () => expectRoundTrip(kind, layout));
  }

  it('every kind of port but the vrf’s can be set, by its master’s kind', () => {
    const { main } = encodeChange({ bondPort: { queueId: 3, prio: -5 } }, {});
    expect(linkType.decode(main?.({ ifindex: 7 }) ?? new Uint8Array())).toMatchObject({
      portKind: 'bond',
      bondPort: { queueId: 3, prio: -5 },
    });
  });

  it('a port of a bond that was listed is made again with what is not the default', () => {
    const port = (bondPort: object) =>
      encodeCreation(
        { ifindex: 7, kind: 'veth', ifname: 'a', portKind: 'bond', masterIndex: 3, bondPort },
        { masterIndex: 3 },
      ).settle?.(7);
    expect(port({ state: 'ACTIVE', queueId: 0, prio: 0, linkFailureCount: 1 })).toBeUndefined();
    expect(linkType.decode(port({ queueId: 3, prio: 0 }) ?? new Uint8Array())).toMatchObject({
      portKind: 'bond',
      bondPort: { queueId: 3 },
    });
  });

  it('what a bond in one mode does not know is left out when it is made again', () => {
    const again = (bond: object) =>
      linkType.decode(
        encodeCreation({ ifindex: 7, flags: [], kind: 'bond', ifname: 'b', bond } as LinkInput, {}).create,
      ).bond;
    expect(
      again({
        mode: '802.3ad',
        miimon: 100,
        updelay: 0,
        arpInterval: 0,
        arpValidate: 'none',
        arpIpTarget: [],
        adLacpRate: 'fast',
        tlbDynamicLb: true,
        packetsPerSlave: 1,
        adActorSystem: '00:00:00:00:00:00',
        adInfo: { aggregator: 1 },
        activeSlaveIndex: 3,
      }),
    ).toEqual({ mode: '802.3ad', miimon: 100, updelay: 0, adLacpRate: 'fast' });
    expect(again({ mode: 'active-backup', miimon: 0, updelay: 0, downdelay: 0, arpInterval: 500 })).toEqual({
      mode: 'active-backup',
      arpInterval: 500,
    });
    // What somebody asks for is sent as it is.
    expect(
      linkType.decode(
        encodeCreation({ kind: 'bond', ifname: 'b', bond: { mode: '802.3ad', primaryIndex: 3 } }, {}).create,
      ).bond,
    ).toEqual({ mode: '802.3ad', primaryIndex: 3 });
  });

  it('a netkit has its settings and its peer in one nest', () => {
    expect([...PAIRED]).toContain('netkit');
    const { create } = encodeCreation(
      { kind: 'netkit', ifname: 'nk0', netkit: { mode: 'l2', policy: 'blackhole' }, peer: { ifname: 'nk1' } },
      {},
    );
    const link = linkType.decode(create);
    expect(link).toMatchObject({ kind: 'netkit', netkit: { mode: 'l2', policy: 'blackhole' } });
    // IFLA_NETKIT_PEER_INFO: a whole message, header and name.
    expect(link.netkit?.raw).toEqual([
      { type: 1, hex: `${'00'.repeat(16)}08000300${Buffer.from('nk1\0').toString('hex')}`, nested: true },
    ]);
  });

  it('keys and flags of GRE: what is not said is not sent, null takes the key away', () => {
    const sent = (gre: object) =>
      linkType.decode(encodeChange({ gre } as LinkSettings, {}).main?.({ ifindex: 7 }) ?? new Uint8Array())
        .gre;
    expect(sent({ ttl: 7 })).toEqual({ ttl: 7 });
    expect(sent({ ikey: 7 })).toEqual({ ikey: '0.0.0.7', iseq: false, icsum: false });
    expect(sent({ ikey: '1.2.3.4', iseq: true })).toEqual({ ikey: '1.2.3.4', iseq: true, icsum: false });
    expect(sent({ okey: null })).toEqual({ oseq: false, ocsum: false });
    // Bits that have no field here are kept.
    expect(sent({ icsum: true, iflags: 0x4000 })).toEqual({ iseq: false, icsum: true, iflags: 0x4000 });
  });

  it('one flag of a VLAN is switched without a word about the others', () => {
    const { main } = encodeChange({ vlan: { gvrp: true, mvrp: false } }, {});
    // struct ifla_vlan_flags: the bits, and which of them are meant.
    expect(Buffer.from(main?.({ ifindex: 7 }) ?? []).toString('hex')).toContain(
      '0c000200' + '02000000' + '0a000000',
    );
  });

  it('says which field is wrong', () => {
    const wrong: readonly [LinkInput, string][] = [
      [{ kind: 'bond', bond: { mode: 'nonesuch' } }, 'bond.mode'],
      [{ kind: 'bond', bond: { arpIpTarget: ['2001:db8::1'] } }, 'bond.arpIpTarget'],
      [
        { kind: 'bond', bond: { arpIpTarget: Array.from({ length: 17 }, () => '192.0.2.1') } },
        'bond.arpIpTarget',
      ],
      [{ kind: 'gre', gre: { remote: '2001:db8::1' } }, 'gre.remote'],
      [{ kind: 'gre', gre: { ikey: 'x' } }, 'gre.ikey'],
      [{ kind: 'ip6tnl', ip6tnl: { flowlabel: 0x100000 } }, 'ip6tnl.flowlabel'],
      [{ kind: 'ip6tnl', ip6tnl: { tclass: 256 } }, 'ip6tnl.tclass'],
      [{ kind: 'geneve', geneve: { remote: 'x' } }, 'geneve.remote'],
      [{ kind: 'macsec', macsec: { sci: '12' } }, 'macsec.sci'],
      [{ kind: 'macsec', macsec: { cipherSuite: 'nonesuch' } }, 'macsec.cipherSuite'],
      [{ kind: 'sit', sit: { flags: ['nonesuch'] } }, 'sit.flags'],
      [{ kind: 'xfrm', xfrm: { ifId: -1 } }, 'xfrm.ifId'],
      [{ kind: 'netkit', netkit: { policy: 'nonesuch' } }, 'netkit.policy'],
    ];
    for (const [input, field] of wrong) {
      expect(() => encodeCreation(input, {}), field).toThrow(InvalidArgumentError);
      try {
        encodeCreation(input, {});
      } catch (error) {
        expect((error as InvalidArgumentError).field).toBe(field);
      }
    }
  });
});

describe('virtual functions', () => {
  it('are read and written, each with its number', () => {
    const vfinfoList: NonNullable<Link['vfinfoList']> = [
      {
        vf: 0,
        mac: '02:00:00:00:00:01',
        vlan: 7,
        qos: 3,
        txRate: 100,
        rate: { minTx: 1, maxTx: 2 },
        spoofchk: true,
        linkState: 'enable',
        trust: false,
        queryRss: true,
        nodeGuid: '00:11:22:33:44:55:66:77',
        portGuid: '88:99:aa:bb:cc:dd:ee:ff',
        vlanList: [
          { vlan: 7, qos: 1, protocol: '802.1ad' },
          { vlan: 8, qos: 0, protocol: '802.1Q' },
        ],
      },
      { vf: 1, mac: Array.from({ length: 20 }, (_, i) => (i + 1).toString(16).padStart(2, '0')).join(':') },
    ];
    const { main } = encodeChange({ vfinfoList }, {});
    expect(linkType.decode(main?.({ ifindex: 7 }) ?? new Uint8Array()).vfinfoList).toEqual(vfinfoList);
  });

  it('misspelled settings are refused', () => {
    const vfinfoList = [{ vf: 0, truts: true } as NonNullable<Link['vfinfoList']>[0]];
    expect(() => encodeChange({ vfinfoList }, {}).main?.({ ifindex: 7 })).toThrow(/vfinfoList.*truts/);
    expect(() => encodeChange({ vfinfoList: [{} as never] }, {}).main?.({ ifindex: 7 })).toThrow(
      /vfinfoList/,
    );
  });
});

describe('a change of a tunnel', () => {
  it('says all of it again, because drivers take what is not said for the default', async () => {
    const now = encodeCreation(
      {
        kind: 'gre',
        ifname: 't0',
        index: 3,
        gre: { remote: '192.0.2.1', local: '192.0.2.2', ttl: 9, ikey: '0.0.0.7', iseq: true, linkIndex: 3 },
      },
      {},
    ).create;
    const sent: Uint8Array[] = [];
    // No kernel with tunnels is at hand: this one knows one link, and takes what it is told.
    const port = {
      request: async ({ type, payload }: { type: number; payload: Uint8Array }) => {
        if (type === linkType.messages.get) return [{ type: linkType.messages.new, payload: now }];
        sent.push(payload);
        return [];
      },
    } as unknown as RequestPort;
    const service = new LinkService(port, new LinkNames(port));
    await service.set(7, { gre: { ttl: 33, ikey: null } });
    expect(sent.map((payload) => linkType.decode(payload).gre)).toEqual([
      { remote: '192.0.2.1', local: '192.0.2.2', ttl: 33, linkIndex: 3, iseq: true, icsum: false },
    ]);
  });
});

describe('ports of devlink, pins of clocks', () => {
  const bytes = (type: number, hex: string) => [type, Uint8Array.from(Buffer.from(hex, 'hex'))] as const;

  it('are told where there are some', () => {
    const nest = `08000100${Buffer.from('pci\0').toString('hex')}11000200${Buffer.from('0000:01:00.0\0').toString('hex')}000000${'0800030007000000'}`;
    const crafted = message({
      ifindex: 7,
      type: 'ether',
      extra: [bytes(62, nest), bytes(65, '0800010005000000')],
    });
    expect(linkType.decode(crafted)).toMatchObject({
      devlinkPort: { busName: 'pci', devName: '0000:01:00.0', portIndex: 7 },
      dpllPin: { id: 5 },
    });
  });

  it('and are absent where there are none', () => {
    const link = linkType.decode(
      message({ ifindex: 7, type: 'ether', extra: [bytes(62, ''), bytes(65, '')] }),
    );
    expect(link).not.toHaveProperty('devlinkPort');
    expect(link).not.toHaveProperty('dpllPin');
  });
});
