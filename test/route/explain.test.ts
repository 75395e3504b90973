/** Explanations: of messages that the kernel sent and took, and of bytes that are none. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainGeneric } from '../../src/generic/explain.ts';
import { NETLINK_GENERIC, NETLINK_ROUTE, NetlinkSocket } from '../../src/netlink/socket.ts';
import { encodeMessage } from '../../src/netlink/wire/message.ts';
import { type ExplainedAttribute, type ExplainedMessage, explainMessages } from '../../src/route/explain.ts';
import { OBJECT_TYPES } from '../../src/route/object-types.ts';
import { World } from '../support/diff.ts';

const NEW_CLASS = 40;

/** All attributes, nests opened. */
function flat(attributes: readonly ExplainedAttribute[]): ExplainedAttribute[] {
  return attributes.flatMap((one) => [one, ...flat(one.attributes ?? [])]);
}

function problems(messages: readonly ExplainedMessage[]): string[] {
  return messages.flatMap((message) => [
    ...message.problems,
    ...flat(message.attributes).flatMap(({ problem }) => problem ?? []),
    ...(message.request === undefined ? [] : problems([message.request])),
  ]);
}

const field = (message: ExplainedMessage | undefined, name: string) =>
  message?.header?.fields.find((one) => one.name === name)?.value;
const named = (message: ExplainedMessage | undefined, name: string) =>
  flat(message?.attributes ?? []).find((one) => one.name === name);

describe('explanations', () => {
  let world: World;
  let netlink: NetlinkSocket;
  let captured: Uint8Array[];
  beforeAll(async () => {
    world = await World.open();
    netlink = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns: world.name });
    world.batch(['link add veth0 type veth peer name veth1', 'link set veth0 up', 'link set veth1 up']);
    captured = await capture();
  });
  afterAll(async () => {
    netlink.close();
    await netlink.closed;
    await world[Symbol.asyncDispose]();
  });

  /** Messages that the kernel sends of everything that there is, and of everything that happens. */
  async function capture(): Promise<Uint8Array[]> {
    await using monitor = await world.rt.monitor(undefined, { raw: true });
    world.batch([
      'link add br0 type bridge ageing_time 1000',
      'link set veth1 master br0',
      'link add vx0 type vxlan id 7 remote 10.0.0.9 dstport 4789 dev veth0',
      'address add 10.1.0.1/24 dev veth0',
      'route add 10.4.0.0/16 nexthop via 10.1.0.2 weight 2 nexthop via 10.1.0.3',
      'route add 2001:db8:9::/48 encap seg6 mode encap segs 2001:db8::7 dev veth0',
      'neighbour add 10.1.0.2 lladdr 02:00:00:00:00:02 dev veth0',
      'rule add fwmark 0x10/0xff iif veth0 lookup 7 pref 500',
      'nexthop add id 7 via 10.1.0.2 dev veth0',
      'nexthop add id 9 group 7',
      'link del vx0',
    ]);
    world.exec('tc', 'qdisc', 'add', 'dev', 'veth0', 'root', 'handle', '1:', 'htb', 'default', '10');
    world.exec(
      'tc',
      'class',
      'add',
      'dev',
      'veth0',
      'parent',
      '1:',
      'classid',
      '1:10',
      'htb',
      'rate',
      '1mbit',
    );
    const heard: Uint8Array[] = [];
    for await (const event of monitor) {
      if (event.type !== 'message') continue;
      heard.push(encodeMessage(event.message, event.message.payload));
      // The class is the last of it.
      if (event.message.type === NEW_CLASS) break;
    }
    for (const { type, payload } of [
      { type: 18, payload: new Uint8Array(16) },
      { type: 22, payload: new Uint8Array(8) },
      { type: 26, payload: new Uint8Array(12) },
      { type: 34, payload: new Uint8Array(12) },
    ])
      for (const message of await netlink.dumpAll({ type, payload }))
        heard.push(encodeMessage(message, message.payload));
    return heard;
  }

  it('name every attribute of what this kernel sends, and find nothing wrong', async () => {
    expect(captured.length).toBeGreaterThan(50);
    const types = new Set<string>();
    for (const bytes of captured) {
      const [message, ...more] = explainMessages(bytes);
      if (message === undefined) throw new Error('a message');
      expect(more).toEqual([]);
      expect(problems([message])).toEqual([]);
      expect(message.length).toBe(bytes.length);
      types.add(message.name ?? String(message.type));
      // Every byte is accounted for: the header, then attribute by attribute.
      let at = 16 + (message.header?.length ?? 0);
      at = (at + 3) & ~3;
      for (const { offset, length } of message.attributes) {
        expect(offset).toBe(at);
        at += (length + 3) & ~3;
      }
      expect(at).toBe((bytes.length + 3) & ~3);
      // What the tables leave raw has no name here either, and nothing else.
      const kind = OBJECT_TYPES.find(
        ({ messages: { new: added, del }, concerns }) =>
          (added === message.type || del === message.type) && (concerns?.(bytes.subarray(16)) ?? true),
      );
      const object = kind?.decode(bytes.subarray(16)) as { raw?: { type: number }[] } | undefined;
      const nameless = message.attributes.filter(({ name }) => name === undefined).map(({ type }) => type);
      expect(nameless.filter((type) => object?.raw?.some((one) => one.type === type) !== true)).toEqual([]);
    }
    expect([...types]).toEqual(
      expect.arrayContaining([
        'RTM_NEWLINK',
        'RTM_DELLINK',
        'RTM_NEWADDR',
        'RTM_NEWROUTE',
        'RTM_NEWNEIGH',
        'RTM_NEWRULE',
        'RTM_NEWNEXTHOP',
        'RTM_NEWQDISC',
        'RTM_NEWTCLASS',
      ]),
    );
  });

  it('open nests whose table another attribute names', async () => {
    const link = await netlink.request({ type: 18, payload: linkRequest(await indexOf('br0')) });
    const [message] = explainMessages(encodeMessage(link[0] as never, link[0]?.payload as Uint8Array));
    expect(field(message, 'index')).toBe(await indexOf('br0'));
    expect(named(message, 'IFLA_IFNAME')).toMatchObject({
      type: 3,
      length: 8,
      value: 'br0',
      hex: '62723000',
    });
    expect(named(message, 'IFLA_LINKINFO')?.attributes?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['IFLA_INFO_KIND', 'IFLA_INFO_DATA']),
    );
    expect(named(message, 'IFLA_BR_AGEING_TIME')).toMatchObject({ value: 1000 });
  });

  it('tell what an acknowledgement is about, and why', () => {
    // `ip link add bond7 link lo type vlan id 5` where the kernel has no VLANs, the kernel's answer: from
    // strace -e trace=recvmsg -e read=all.
    const answer = Buffer.from(
      '7800000002000002e6c7016bdf140000a1ffffff4c00000010000506e6c7016b00000000' +
        '00000000000000000000000000000000080005000100000009000300626f6e6437000000' +
        '18001200080001766c616e00000000000c000200060001000500000018000100556e6b6e6f776e20646576696365207479706500',
      'hex',
    );
    const [message] = explainMessages(answer);
    expect(message).toMatchObject({
      name: 'NLMSG_ERROR',
      flags: ['ACK_TLVS'],
      error: { errno: -95, code: 'ENOTSUP' },
      request: { name: 'RTM_NEWLINK', flags: ['REQUEST', 'ACK', 'EXCL', 'CREATE'] },
    });
    expect(named(message?.request, 'IFLA_IFNAME')?.value).toBe('bond7');
    const capped = encodeMessage(
      { type: 2, flags: 0x100, seq: 1, portId: 2 },
      Buffer.from('00000000' + '34000000100005060100000002000000', 'hex'),
    );
    expect(explainMessages(capped)).toMatchObject([
      { flags: ['CAPPED'], error: { errno: 0 }, request: { name: 'RTM_NEWLINK', length: 52 }, problems: [] },
    ]);
    const done = encodeMessage({ type: 3, flags: 2, seq: 1, portId: 2 }, Buffer.from('eaffffff', 'hex'));
    expect(explainMessages(done)).toMatchObject([{ name: 'NLMSG_DONE', error: { code: 'EINVAL' } }]);
  });

  it('mark what cannot be, where it stands', () => {
    const message = encodeMessage(
      { type: 16, flags: 5, seq: 1, portId: 0 },
      Buffer.from(`${'00'.repeat(16)}08000300656e3000`, 'hex'),
    );
    expect(problems(explainMessages(message))).toEqual([]);
    const broken = (change: (bytes: Uint8Array) => Uint8Array | undefined) => {
      const copy = Uint8Array.from(message);
      return problems(explainMessages(change(copy) ?? copy)).join('\n');
    };
    expect(broken((bytes) => bytes.subarray(0, 38))).toMatch('2 of 40 bytes are missing');
    expect(broken((bytes) => bytes.subarray(0, 20))).toMatch('ifinfomsg is cut short: index is missing');
    expect(broken((bytes) => bytes.subarray(0, 7))).toMatch('7 bytes are too few for a message');
    expect(broken((bytes) => void bytes.set([3], 0))).toMatch('a message of 3 bytes cannot be');
    expect(broken((bytes) => void bytes.set([99], 32))).toMatch('attribute 3 at 32 claims 99 of 8 bytes');
    expect(broken((bytes) => void bytes.set([0], 32))).toMatch('attribute 3 at 32 claims 0 of 8 bytes');
    expect(broken((bytes) => void bytes.set([7, 0, 3, 0, 65, 66, 0, 1], 32))).toMatch(
      'padding at 39 is not zero: 01',
    );
    expect(broken((bytes) => void bytes.set([6, 0, 4, 0, 1, 2], 32))).toMatch(/^(?!$)/);
  });

  it('never throw, whatever the bytes', () => {
    const seeds = captured;
    let state = 11;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 3000; round++) {
      const bytes = Uint8Array.from(seeds[random(seeds.length)] as Uint8Array);
      for (let i = random(6); i >= 0; i--) bytes[random(bytes.length)] = random(256);
      const cut = bytes.subarray(0, random(4) === 0 ? random(bytes.length + 1) : bytes.length);
      for (const explained of [explainMessages(cut), explainGeneric(cut), explainGeneric(cut, 'ethtool')])
        expect(() =>
          JSON.stringify(explained, (_key, value: unknown) =>
            typeof value === 'bigint' ? String(value) : value,
          ),
        ).not.toThrow();
    }
    for (let round = 0; round < 500; round++)
      explainMessages(Uint8Array.from({ length: random(200) }, () => random(256)));
  });

  it('are had of generic netlink, too', async () => {
    await using generic = await NetlinkSocket.open({ protocol: NETLINK_GENERIC });
    // CTRL_CMD_GETFAMILY of "nlctrl".
    const payload = Buffer.from('030200000b0002006e6c6374726c0000', 'hex');
    const asked = explainGeneric(encodeMessage({ type: 16, flags: 1, seq: 1, portId: 0 }, payload));
    expect(asked).toMatchObject([{ name: 'nlctrl CTRL_CMD_GETFAMILY', problems: [] }]);
    expect(named(asked[0], 'CTRL_ATTR_FAMILY_NAME')?.value).toBe('nlctrl');
    const [reply] = await generic.request({ type: 16, payload });
    const answered = explainGeneric(encodeMessage(reply as never, reply?.payload as Uint8Array));
    expect(problems(answered)).toEqual([]);
    expect(named(answered[0], 'CTRL_ATTR_FAMILY_ID')?.value).toBe(16);
  });

  async function indexOf(name: string): Promise<number> {
    return (await world.rt.link.get(name)).ifindex;
  }
  function linkRequest(ifindex: number): Uint8Array {
    const payload = new Uint8Array(16);
    new DataView(payload.buffer).setInt32(4, ifindex, true);
    return payload;
  }
});
