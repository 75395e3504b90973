import { endianness } from 'node:os';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bridgeVlanView } from '../../src/cli/show/bridge-vlan.ts';
import { formatJson } from '../../src/cli/show/json.ts';
import type { Shown } from '../../src/cli/show/view.ts';
import { NetlinkSocket } from '../../src/netlink/socket.ts';
import { BridgePortService } from '../../src/route/bridge-port.ts';
import { BridgeVlanService } from '../../src/route/bridge-vlan.ts';
import { LinkNames } from '../../src/route/names.ts';
import type { RouteSocket } from '../../src/route/socket.ts';
import { type Answers, answering, bridgeShows } from '../support/bridge-answers.ts';
import { compareJson, compareText, parseIpJson, describe as say, World } from '../support/diff.ts';
import { isRoot } from './run-cli.ts';

/**
 * VLANs as `bridge` shows them and as we do, both told the same by the same messages: this kernel's bridges have none.
 * What the kernel refuses is in verbs-bridge.test.ts.
 */

const GET_LINK = 18;
const NEW_LINK = 16;
const GET_VLAN = 114;
const NEW_VLAN = 112;

function nla(type: number, ...values: Uint8Array[]): Buffer {
  const value = Buffer.concat(values);
  const out = Buffer.alloc((4 + value.length + 3) & ~3);
  out.writeUInt16LE(4 + value.length, 0);
  out.writeUInt16LE(type, 2);
  value.copy(out, 4);
  return out;
}
function number(size: 1 | 2 | 4 | 8, value: number | bigint): Buffer {
  const out = Buffer.alloc(size);
  if (size === 8) out.writeBigUInt64LE(BigInt(value));
  else out.writeUIntLE(Number(value), 0, size);
  return out;
}
const u8 = (type: number, value: number) => nla(type, number(1, value));
const u16 = (type: number, value: number) => nla(type, number(2, value));
const u32 = (type: number, value: number) => nla(type, number(4, value));
const u64 = (type: number, value: number | bigint) => nla(type, number(8, value));
const info = (type: number, flags: number, vid: number) => nla(type, number(2, flags), number(2, vid));

const PVID = 2;
const UNTAGGED = 4;
const BEGIN = 8;
const END = 16;

/** VLANs that may come one after another: single ones and ranges that rise. */
const ranges = fc
  .uniqueArray(fc.integer({ min: 1, max: 4094 }), { minLength: 1, maxLength: 12 })
  .chain((vids) =>
    fc.tuple(
      fc.constant(vids.sort((one, other) => one - other)),
      fc.array(fc.boolean(), { minLength: vids.length, maxLength: vids.length }),
      fc.array(fc.constantFrom(0, UNTAGGED, PVID | UNTAGGED), {
        minLength: vids.length,
        maxLength: vids.length,
      }),
    ),
  )
  .map(([vids, joined, flags]) => {
    const list: { vid: number; end: number; flags: number }[] = [];
    for (let i = 0; i < vids.length; i++) {
      const vid = vids[i] ?? 1;
      const end = joined[i] && vids[i + 1] !== undefined ? (vids[++i] ?? vid) : vid;
      list.push({ vid, end, flags: end === vid ? (flags[i] ?? 0) : (flags[i] ?? 0) & UNTAGGED });
    }
    return list;
  });

/** RTM_NEWLINK of AF_BRIDGE, as the kernel tells of ports with RTEXT_FILTER_BRVLAN_COMPRESSED. */
function portMessage(ifindex: number, list: { vid: number; end: number; flags: number }[], tunnels: boolean) {
  const spec: Buffer[] = [];
  for (const { vid, end, flags } of list) {
    if (vid === end) spec.push(info(2, flags, vid));
    else spec.push(info(2, flags | BEGIN, vid), info(2, flags | END, end));
  }
  for (const { vid, end } of tunnels ? list : []) {
    const one = (id: number, at: number, flags: number) => nla(3, u32(1, id), u16(2, at), u16(3, flags));
    if (vid === end) spec.push(one(1000 + vid, vid, 0));
    else spec.push(one(1000 + vid, vid, BEGIN), one(1000 + end, end, END));
  }
  const header = Buffer.alloc(16);
  header[0] = 7;
  header.writeInt32LE(ifindex, 4);
  return Buffer.concat([header, nla(3, Buffer.from(`if${ifindex}\0`)), u32(10, 2), nla(26, ...spec)]);
}

function vlanHeader(ifindex: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = 7;
  header.writeUInt32LE(ifindex, 4);
  return header;
}

const setting = fc.record({
  state: fc.option(fc.integer({ min: 0, max: 6 }), { nil: 3 }),
  router: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  stats: fc.option(fc.bigInt({ min: 0n, max: 2n ** 53n }), { nil: undefined }),
  suppress: fc.option(fc.boolean(), { nil: undefined }),
});

describe.runIf(isRoot && endianness() === 'LE')('bridge vlan, beside bridge', () => {
  let world: World;
  let netlink: NetlinkSocket;
  let compared = 0;
  beforeAll(async () => {
    world = await World.open();
    world.batch(['link add br0 type bridge', 'link add v0 type veth peer name v1', 'link set v1 master br0']);
    netlink = await NetlinkSocket.open({ protocol: 0, netns: world.name });
  });
  afterAll(async () => {
    netlink.close();
    await netlink.closed;
    await world[Symbol.asyncDispose]();
  });

  async function ours(flags: string[], verb: string, args: string[], answers: Answers): Promise<string> {
    const port = answering(netlink, answers);
    const names = new LinkNames(port);
    const rt = {
      link: world.rt.link,
      bridgePort: new BridgePortService(port, names),
      bridgeVlan: new BridgeVlanService(port, names),
    } as unknown as RouteSocket;
    // An option of `bridge` alone.
    const plain = world.context(flags.filter((flag) => flag !== '-compressvlans'));
    const options = { ...plain.options, compressVlans: flags.includes('-compressvlans') };
    const context = { ...plain, options, rt };
    let shown: Shown | number | undefined;
    if (verb === 'show') shown = await bridgeVlanView.run(args, context);
    else {
      const { actions } = bridgeVlanView;
      const all = typeof actions === 'function' ? await actions() : actions;
      shown = await all?.[verb]?.(args, context);
    }
    if (shown === undefined || typeof shown === 'number') throw new Error(`nothing shown by ${verb}`);
    return flags.includes('-j') ? formatJson(shown.json) : shown.text;
  }

  async function compare(flags: string[], verb: string, args: string[], answers: Answers): Promise<void> {
    const theirs = bridgeShows(world.name, [...flags, 'vlan', verb, ...args], answers);
    const mine = await ours(flags, verb, args, answers);
    const { differences, fields } = flags.includes('-j')
      ? compareJson(parseIpJson(theirs), parseIpJson(mine))
      : compareText(theirs, mine);
    compared += fields;
    expect(say(differences)).toBe('');
  }

  const runs = { numRuns: 5 };

  test('what ports tell: show, compressed, tunnelshow', { timeout: 180_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(ranges, ranges, fc.integer({ min: 1, max: 4094 }), async (one, other, vid) => {
        const answers = {
          request: GET_LINK,
          type: NEW_LINK,
          payloads: [portMessage(2, one, false), portMessage(4, other, true), portMessage(7, [], false)],
        };
        // Ranges come together or each VLAN by itself, as was asked for: only the former say the same to both.
        for (const flags of [['-compressvlans', '-j'], ['-compressvlans']]) {
          await compare(flags, 'show', [], answers);
          await compare(flags, 'show', ['vid', String(vid)], answers);
          await compare(flags, 'show', ['vid', String(one[0]?.vid)], answers);
          await compare(flags, 'show', ['dev', 'br0'], answers);
        }
        for (const flags of [['-j'], []]) {
          await compare(flags, 'tunnelshow', [], answers);
          await compare(flags, 'tunnelshow', ['vid', String(other[0]?.vid)], answers);
        }
        // Asked for one by one they come so; we ask for ranges, and take them apart.
        const apart = one.slice(0, 3).flatMap(({ vid: first, end, flags }) =>
          Array.from({ length: Math.min(end - first, 20) + 1 }, (_, i) => ({
            vid: first + i,
            end: first + i,
            flags,
          })),
        );
        const single = { ...answers, payloads: [portMessage(2, apart, false)] };
        const together = {
          ...answers,
          payloads: [
            portMessage(
              2,
              one
                .slice(0, 3)
                .map(({ vid: first, end, flags }) => ({ vid: first, end: Math.min(end, first + 20), flags })),
              false,
            ),
          ],
        };
        const theirs = bridgeShows(world.name, ['-j', 'vlan', 'show'], single);
        expect(parseIpJson(await ours(['-j'], 'show', [], together))).toEqual(parseIpJson(theirs));
      }),
      runs,
    );
  });

  test('what the kernel tells of VLANs by themselves: -d, -s', { timeout: 180_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        ranges,
        ranges,
        fc.array(setting, { minLength: 12, maxLength: 12 }),
        async (one, other, settings) => {
          const message = (ifindex: number, list: typeof one) =>
            Buffer.concat([
              vlanHeader(ifindex),
              ...list.map(({ vid, end, flags }, i) => {
                const { state, router, stats, suppress } = settings[i] ?? { state: 3 };
                return nla(
                  1 | 0x8000,
                  info(1, flags, vid),
                  ...(end === vid ? [] : [u16(2, end)]),
                  u8(3, state),
                  ...(router === undefined ? [] : [u8(6, router)]),
                  ...(stats === undefined
                    ? []
                    : [nla(5 | 0x8000, ...[1, 2, 3, 4].map((type) => u64(type, stats + BigInt(type))))]),
                  ...(suppress === undefined ? [] : [u8(9, Number(suppress))]),
                );
              }),
            ]);
          const payloads = [message(2, one), message(4, other)];
          const answers = { request: GET_VLAN, type: NEW_VLAN, payloads };
          for (const flags of [['-d', '-j'], ['-d'], ['-d', '-s', '-j'], ['-d', '-s'], ['-d', '-o']]) {
            await compare(flags, 'show', [], answers);
            await compare(flags, 'show', ['vid', String(one.at(-1)?.end)], answers);
            await compare(flags, 'show', ['dev', 'v0'], answers);
          }
        },
      ),
      runs,
    );
  });

  test('what it tells of bridges as a whole: global', { timeout: 180_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(ranges, fc.integer({ min: 0, max: 255 }), async (list, value) => {
        const options = [
          ...[3, 4, 5, 15].map((type) => u8(type, type === 3 || type === 15 ? value & 1 : value)),
          ...[6, 7].map((type) => u32(type, value * 1000)),
          ...[8, 10, 11, 12, 13, 14].map((type) => u64(type, value * 100_000 + type)),
        ];
        const routers = nla(
          16 | 0x8000,
          nla(
            2,
            nla(1, number(4, 4), u32(1, 0), u8(2, 2)),
            nla(1, number(4, 3), u32(1, value * 7), u8(2, 3)),
          ),
        );
        const payload = Buffer.concat([
          vlanHeader(2),
          ...list.map(({ vid, end }, i) =>
            nla(
              2 | 0x8000,
              u16(1, vid),
              ...(end === vid ? [] : [u16(2, end)]),
              ...options,
              ...(i === 0 ? [routers] : []),
            ),
          ),
        ]);
        const answers = { request: GET_VLAN, type: NEW_VLAN, payloads: [payload] };
        for (const flags of [['-j'], [], ['-s', '-j'], ['-s'], ['-d', '-j']]) {
          await compare(flags, 'global', ['show'], answers);
          await compare(flags, 'global', ['show', 'vid', String(list[0]?.vid)], answers);
        }
      }),
      runs,
    );
  });

  test('compared something, and sees a difference', async () => {
    expect(compared).toBeGreaterThan(1000);
    const list = [{ vid: 1, end: 1, flags: PVID | UNTAGGED }];
    const answers = { request: GET_LINK, type: NEW_LINK, payloads: [portMessage(2, list, false)] };
    const theirs = bridgeShows(world.name, ['-j', 'vlan', 'show'], answers);
    expect(parseIpJson(theirs)).toEqual([
      { ifname: 'br0', vlans: [{ vlan: 1, flags: ['PVID', 'Egress Untagged'] }] },
    ]);
    const other = { ...answers, payloads: [portMessage(2, [{ vid: 2, end: 2, flags: 0 }], false)] };
    expect(parseIpJson(await ours(['-j'], 'show', [], other))).not.toEqual(parseIpJson(theirs));
  });
});
