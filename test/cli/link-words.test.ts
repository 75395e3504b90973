import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noSuchDevice } from '../../src/cli/args.ts';
import type { ShowContext } from '../../src/cli/show/view.ts';
import { readLinkChange, readNewLink } from '../../src/cli/verbs/link.ts';
import { walkAttributes } from '../../src/netlink/wire/attributes.ts';
import { WireView } from '../../src/netlink/wire/view.ts';
import { KINDS } from '../../src/route/kinds/index.ts';
import { linkType } from '../../src/route/link.ts';
import { encodeChange, encodeCreation } from '../../src/route/link-encode.ts';
import { World } from '../support/diff.ts';

/**
 * What `ip` 6.1 asks of the kernel, captured (fixtures/capture-links.mjs), and what our words for the same make of it:
 * the same bytes, but for the order of attributes.
 */
interface Fixture {
  readonly command: string;
  readonly flags: number;
  readonly hex: string;
}
const fixtures: readonly Fixture[] = JSON.parse(
  readFileSync(new URL('../fixtures/links.json', import.meta.url), 'utf8'),
);

const HEADER = 16;
/** Attributes that hold attributes, by path and kind; that of a pair's other end comes after another header. */
const NESTS: Readonly<Record<string, number>> = {
  18: 0,
  '18/2': 0,
  '18/5': 0,
  '18/2/1 veth': HEADER,
  '18/2/1 vxcan': HEADER,
  '18/2/3 vlan': 0,
  '18/2/4 vlan': 0,
  '18/2/5 macvlan': 0,
  '18/2/8 bond': 0,
  '18/2/31 bond': 0,
  22: 0,
  '22/1': 0,
  '22/1/12': 0,
  26: 0,
  '26/10': 0,
  55: 0,
};
/** Strings, which `ip` sends with or without a NUL, as it comes. */
const STRINGS = ['3', '18/1', '18/2/1/3', '18/4'];

/** struct ifla_vf_guid: `ip` leaves the four bytes between its fields as it finds them. */
const UNSET_PADDING = ['22/1/10', '22/1/11'];

/** The innermost attributes, sorted. */
function leaves(payload: Uint8Array, kind: string): string[] {
  const view = new WireView(payload);
  const out = [Buffer.from(payload.subarray(0, HEADER)).toString('hex')];
  function walk(path: string, start: number, end: number): void {
    walkAttributes(view, start, end, (type, from, to) => {
      const here = path === '' ? String(type) : `${path}/${type}`;
      const skip = NESTS[here] ?? NESTS[`${here} ${kind}`];
      const hex = Buffer.from(payload.subarray(from, to)).toString('hex');
      if (skip !== undefined) walk(here, from + skip, to);
      else if (UNSET_PADDING.includes(here)) out.push(`${here}: ${hex.slice(0, 8)} ${hex.slice(16)}`);
      else out.push(`${here}: ${STRINGS.includes(here) ? hex.replace(/00$/, '') : hex}`);
    });
  }
  walk('', HEADER, payload.length);
  return out.sort();
}

/** Of ports `ip` says the kind as `bridge_slave` under IFLA_INFO_KIND; to the kernel it is the same. */
function portKind(leaf: string): string {
  const hex = /^18\/1: (.*)$/.exec(leaf)?.[1];
  const kind = hex === undefined ? '' : Buffer.from(hex, 'hex').toString();
  if (!kind.endsWith('_slave')) return leaf;
  return `18/4: ${Buffer.from(kind.slice(0, -'_slave'.length)).toString('hex')}`;
}

describe('the words of ip link', () => {
  let world: World;
  let context: ShowContext;
  beforeAll(async () => {
    world = await World.open();
    const indexes: Readonly<Record<string, number>> = { eth0: 3, eth1: 4, br0: 5 };
    context = {
      ...world.context([]),
      linkIndex: async (name) => {
        const index = indexes[name];
        if (index === undefined) throw noSuchDevice(name);
        return index;
      },
    };
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  async function encode(command: string): Promise<Uint8Array | undefined> {
    const [, , verb, ...args] = command.split(' ');
    if (verb === 'add') {
      const input = await readNewLink(args, context);
      return encodeCreation(input, {
        ...(typeof input.link === 'number' && { linkIndex: input.link }),
        ...(typeof input.master === 'number' && { masterIndex: input.master }),
      }).create;
    }
    const { target, settings } = await readLinkChange(args, context);
    if (typeof target !== 'number') throw new TypeError('the fixtures change one link each');
    const { master } = settings;
    const resolved = master === undefined ? {} : { masterIndex: Number(master ?? 0) };
    return encodeChange(settings, resolved).main?.({ ifindex: target });
  }

  for (const { command, hex } of fixtures) {
    const theirs = Uint8Array.from(Buffer.from(hex, 'hex'));
    const kind = / type (\S+)/.exec(command)?.[1] ?? '';
    it(command, async () => {
      const ours = await encode(command);
      expect(leaves(ours ?? new Uint8Array(HEADER), kind)).toEqual(leaves(theirs, kind).map(portKind).sort());
    });

    it(`${command}: all of it is understood`, () => {
      const link = linkType.decode(theirs);
      // A link is listed with one or the other; what was not understood would be in `raw`.
      expect(
        JSON.stringify(link, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      ).not.toContain('"raw"');
    });
  }

  it('netkit, in the words of later iproute2', async () => {
    const args = 'nk0 type netkit mode l2 blackhole scrub none peer forward scrub default name nk1 mtu 1400';
    expect(await readNewLink(args.split(' '), context)).toEqual({
      kind: 'netkit',
      ifname: 'nk0',
      netkit: { mode: 'l2', policy: 'blackhole', scrub: 'none', peerPolicy: 'forward', peerScrub: 'default' },
      peer: { ifname: 'nk1', mtu: 1400 },
    });
    expect(await readNewLink(['nk0', 'type', 'netkit', 'peer', 'nk1'], context)).toMatchObject({
      kind: 'netkit',
      peer: { ifname: 'nk1' },
    });
  });

  it('there are fixtures for every kind', () => {
    const said = new Set(fixtures.map(({ command }) => / type (\S+)/.exec(command)?.[1]));
    // A tun is made otherwise, and netkit is younger than ip 6.1.
    const missing = Object.keys(KINDS).filter((kind) => !said.has(kind) && !['tun', 'netkit'].includes(kind));
    expect(missing).toEqual([]);
  });

  it('notices a value that is another, and an attribute that is missing', async () => {
    const { command, hex } = fixtures.find((one) => one.command.includes(' type geneve id 7 ')) as Fixture;
    const ours = leaves((await encode(command)) ?? new Uint8Array(HEADER), 'geneve');
    const theirs = leaves(Uint8Array.from(Buffer.from(hex, 'hex')), 'geneve');
    expect(ours).toEqual(theirs);
    for (const other of [command.replace(' ttl 9 ', ' ttl 8 '), command.replace(' udpcsum ', ' ')])
      expect(leaves((await encode(other)) ?? new Uint8Array(HEADER), 'geneve')).not.toEqual(theirs);
  });
});
