/**
 * Acknowledgements as Linux 6.18 wrote them, captured by sending the request of each fixture; the port id is
 * 0x5129 throughout. The comment gives what was asked in the words of `ip`.
 */
import { describe, expect, test } from 'vitest';
import { NetlinkError } from '../../src/netlink/error.ts';
import { type ExtAck, type RequestNames, resolveAttributePath } from '../../src/netlink/ext-ack.ts';
import { NetlinkProtocol } from '../../src/netlink/protocol.ts';
import { attribute, attributeTable, nest } from '../../src/netlink/wire/attributes.ts';
import { string, u32 } from '../../src/netlink/wire/codec.ts';
import { encodeMessage, MESSAGE_HEADER, NLM_F, NLMSG } from '../../src/netlink/wire/message.ts';
import { hex, joined, NO_BYTES, receive } from './support.ts';

const PORT = 0x5129;

const infoData = attributeTable('IFLA_VXLAN', { id: attribute(1, 'IFLA_VXLAN_ID', u32) });
const linkInfo = attributeTable('IFLA_INFO', {
  kind: attribute(1, 'IFLA_INFO_KIND', string),
  data: nest(2, 'IFLA_INFO_DATA', infoData),
});
const link = attributeTable('IFLA', {
  ifname: attribute(3, 'IFLA_IFNAME', string),
  mtu: attribute(4, 'IFLA_MTU', u32),
  linkInfo: nest(18, 'IFLA_LINKINFO', linkInfo),
});
const names: RequestNames = { name: 'RTM_NEWLINK', headerSize: 16, attributes: link };

interface Refusal {
  readonly errno: number;
  readonly extAck: ExtAck | undefined;
}

/** Asks what the fixture asked, answers what the kernel answered. */
function refusal(requestHex: string, replyHex: string): Refusal & { payload: Uint8Array } {
  const request = hex(requestHex);
  const protocol = new NetlinkProtocol(PORT);
  const payload = request.subarray(MESSAGE_HEADER);
  const seq = protocol.start({ type: 16, flags: 5, payload, dump: false });
  protocol.sent(seq);
  const [event, ...more] = receive(protocol, hex(replyHex));
  expect(more).toEqual([]);
  if (event?.kind !== 'error') throw new Error(`expected an error, got ${event?.kind}`);
  return { errno: event.errno, extAck: event.extAck, payload };
}

/** The error as the socket makes it. */
function errorOf(requestHex: string, replyHex: string, about = names): NetlinkError {
  const { errno, extAck = {}, payload } = refusal(requestHex, replyHex);
  const attributePath = resolveAttributePath(extAck, payload, about, MESSAGE_HEADER);
  return new NetlinkError(errno, {
    request: { type: 16, payload },
    name: about.name,
    extAck: attributePath === undefined ? extAck : { ...extAck, attributePath },
    netns: 4026531840,
  });
}

describe('what Linux 6.18 answered', () => {
  test('ip link add x0 type nosuchkind: its words, and no place', () => {
    const error = errorOf(
      '3c000000100005060100000000000000000000000000000000000000000000000700030078300000140012800f0001006e6f737563686b696e640000',
      '3c000000020000030100000029510000a1ffffff3c00000010000506010000000000000018000100556e6b6e6f776e20646576696365207479706500',
    );
    expect(error.message).toBe('RTM_NEWLINK: Operation not supported (EOPNOTSUPP): Unknown device type');
    expect(error).toMatchObject({ errno: -95, code: 'EOPNOTSUPP', nlmsgType: 16, netns: 4026531840 });
  });

  test('IFLA_MTU of one byte: place and policy', () => {
    const error = errorOf(
      '28000000100005000100000000000000000000000000000000000000000000000500040001000000',
      '78000000020000030100000029510000deffffff2800000010000500010000000000000027000100417474726962757465206661696c656420706f6c6963792076616c69646174696f6e00000800020020000000240004800c00040000000000000000000c000500ffffffff000000000800010004000000',
    );
    expect(error.extAck).toEqual({
      message: 'Attribute failed policy validation',
      offset: 32,
      attributePath: 'IFLA_MTU',
      policy: { type: 'u32', min: 0n, max: 0xffff_ffffn },
    });
    expect(error.message).toBe(
      'RTM_NEWLINK: Numerical result out of range (ERANGE): Attribute failed policy validation (IFLA_MTU, 0 to 4294967295 wanted)',
    );
  });

  test('ip link add type vxlan id 4294967295: a place within nests', () => {
    const error = errorOf(
      '3c000000100005060100000000000000000000000000000000000000000000001c0012800a00010076786c616e0000000c00028008000100ffffffff',
      '58000000020000030100000029510000deffffff3c0000001000050601000000000000002900010056584c414e204944206d757374206265206c6f776572207468616e203136373737323136000000000800020034000000',
    );
    expect(error.extAck.attributePath).toBe('IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VXLAN_ID');
    expect(error.message).toMatch(
      /: VXLAN ID must be lower than 16777216 \(IFLA_LINKINFO\.IFLA_INFO_DATA\.IFLA_VXLAN_ID\)$/,
    );
  });

  test('a netdev request (generic netlink) without its ifindex: the missing attribute', () => {
    const about: RequestNames = {
      name: 'NETDEV_CMD_DEV_GET',
      headerSize: 4,
      attributes: attributeTable('NETDEV_A_DEV', { ifindex: attribute(1, 'NETDEV_A_DEV_IFINDEX', u32) }),
    };
    const error = errorOf(
      '1400000014000500010000000000000001010000',
      '2c000000020000030100000029510000eaffffff140000001400050001000000000000000800050001000000',
      about,
    );
    expect(error.extAck).toEqual({ missingType: 1, attributePath: 'NETDEV_A_DEV_IFINDEX' });
    expect(error.message).toBe(
      'NETDEV_CMD_DEV_GET: Invalid argument (EINVAL) (missing NETDEV_A_DEV_IFINDEX)',
    );
  });

  test('a route dump with src_len 1: errno and words inside NLMSG_DONE', () => {
    const { errno, extAck } = refusal(
      '1c0000001a0001030100000000000000020001000000000000000000',
      '48000000030002020100000029510000eaffffff32000100496e76616c69642076616c75657320696e2068656164657220666f72204649422064756d702072657175657374000000',
    );
    expect(errno).toBe(-22);
    expect(extAck).toEqual({ message: 'Invalid values in header for FIB dump request' });
  });

  test('a family name of 40 bytes: the longest that fits', () => {
    const { extAck } = refusal(
      '40000000100005000100000000000000030100002c00020041414141414141414141414141414141414141414141414141414141414141414141414141414141',
      '68000000020000030100000029510000eaffffff4000000010000500010000000000000027000100417474726962757465206661696c656420706f6c6963792076616c69646174696f6e0000080002001400000014000480080007000f000000080001000c000000',
    );
    expect(extAck?.policy).toEqual({ type: 'nul-string', maxLength: 15 });
  });

  test('ip link set lo: an acknowledgement is no error', () => {
    const protocol = new NetlinkProtocol(PORT);
    protocol.sent(protocol.start({ type: 16, flags: 5, payload: NO_BYTES, dump: false }));
    const events = receive(
      protocol,
      hex('240000000200000101000000295100000000000020000000100005000100000000000000'),
    );
    expect(events).toEqual([{ kind: 'done', seq: 1, interrupted: false }]);
  });
});

describe('attribute paths', () => {
  const payload = hex(
    '00000000000000000000000000000000' + // ifinfomsg
      '0700030078300000' + // IFLA_IFNAME at 16
      '14001280' + // IFLA_LINKINFO at 24
      '0a00010076786c616e000000' + // IFLA_INFO_KIND at 28
      '04000280' + // IFLA_INFO_DATA at 40, empty
      '08006300ffffffff', // 99 at 44
  );
  const at = (offset: number) =>
    resolveAttributePath({ offset: offset + MESSAGE_HEADER }, payload, names, MESSAGE_HEADER);

  test('name the attribute whose header the offset is at', () => {
    expect([16, 24, 28, 40].map(at)).toEqual([
      'IFLA_IFNAME',
      'IFLA_LINKINFO',
      'IFLA_LINKINFO.IFLA_INFO_KIND',
      'IFLA_LINKINFO.IFLA_INFO_DATA',
    ]);
  });

  test('name the attribute whose value the offset is in', () => {
    expect(at(33)).toBe('IFLA_LINKINFO.IFLA_INFO_KIND');
  });

  test('give an unknown attribute by its number', () => {
    expect(at(44)).toBe('99');
  });

  test('are undefined where the offset is no attribute', () => {
    expect([-16, 0, 15, 52, 4_000_000_000].map(at)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('name what is missing in a nest', () => {
    const missing = (missingNest: number) =>
      resolveAttributePath(
        { missingType: 1, missingNest: missingNest + MESSAGE_HEADER },
        payload,
        names,
        MESSAGE_HEADER,
      );
    expect(missing(24)).toBe('IFLA_LINKINFO.IFLA_INFO_KIND');
    expect(missing(40)).toBe('IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VXLAN_ID');
    expect(missing(2)).toBeUndefined();
  });

  test('need no table to leave the offset in the message', () => {
    const error = new NetlinkError(-22, {
      request: { type: 99, payload },
      name: 'netlink message 99',
      extAck: { offset: 40 },
    });
    expect(error.message).toBe('netlink message 99: Invalid argument (EINVAL) (byte 40 of the request)');
    expect(error.netns).toBeUndefined();
  });

  test('the request is kept, out of sight of consoles', () => {
    const request = { type: 16, payload };
    const error = new NetlinkError(-19, { request, name: 'RTM_GETLINK' });
    expect(error.request).toBe(request);
    expect(Object.keys(error)).not.toContain('request');
  });
});

describe('ext-ack with full request (no capped ack)', () => {
  test('is found behind the request that it repeats', () => {
    const request = encodeMessage({ type: 16, flags: 5, seq: 1, portId: 0 }, hex('0102030405'));
    const text = joined(hex('08000100'), Buffer.from('why\0'));
    const reply = encodeMessage(
      { type: NLMSG.error, flags: NLM_F.ackTlvs, seq: 1, portId: PORT },
      joined(hex('eaffffff'), request, text),
    );
    const protocol = new NetlinkProtocol(PORT);
    protocol.sent(protocol.start({ type: 16, flags: 5, payload: NO_BYTES, dump: false }));
    expect(receive(protocol, reply)).toEqual([
      { kind: 'error', seq: 1, errno: -22, extAck: { message: 'why' } },
    ]);
  });
});
