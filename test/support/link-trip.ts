import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { linkView } from '../../src/cli/show/link.ts';
import type { Link, LinkInput } from '../../src/route/link.ts';
import { compareJson, describe as inWords, parseIpJson, type World } from './diff.ts';
import { lookUntil } from './look.ts';
import { LINK_CLOCKS } from './worlds/clocks.ts';

/** What may differ between a link and its second life. */
function lasting(one: Link): object {
  const {
    ifindex: _1,
    linkIndex: _2,
    masterIndex: _3,
    stats64: _4,
    afSpec,
    bridge,
    bridgePort,
    ...rest
  } = one;
  const {
    carrierChanges: _5,
    carrierUpCount: _6,
    carrierDownCount: _7,
    permaddr: _8,
    raw: _9,
    ...kept
  } = rest;
  const { gcTimer: _10, helloTimer: _11, bridgeId: _12, rootId: _13, ...settings } = bridge ?? {};
  const data: Record<string, object> = {};
  // Where the tunnel goes by is told by its name, too.
  for (const [field, value] of Object.entries(kept))
    if (typeof value === 'object' && 'linkIndex' in value)
      data[field] = Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'linkIndex'));
  return {
    ...kept,
    ...data,
    bridge: settings,
    cost: bridgePort?.cost,
    mode: afSpec?.inet6?.addrGenMode,
  };
}

export interface TripOptions {
  /** Keys that ours may have and the installed `ip` lacks: `linkinfo.info_data.policy`. */
  readonly extra?: readonly string[];
  /** The link that is listed, removed and added again; the others only have to be there. Default: `x`. */
  readonly name?: string;
}

/** A link has another index in its second life, and some have another permanent address, made up by the kernel. */
const any = () => true;
const AGAIN = { ...LINK_CLOCKS, ifindex: any, permaddr: any };

/** What a link is told to be, without what its carrier makes of it. */
function told(one: Link): object {
  const { operstate: _, ...rest } = lasting(one) as Link;
  return { ...rest, flags: one.flags.filter((flag) => flag === 'UP' || !STATES.includes(flag)) };
}
const STATES = ['RUNNING', 'LOWER_UP', 'DORMANT'];

/**
 * There and back: adds `inputs`, lists the last of them and finds it as `ip` shows it, removes it as it was listed, adds
 * it as it was listed, and finds both us and `ip` unable to tell the difference.
 */
export async function thereAndBack(
  world: World,
  inputs: readonly LinkInput[],
  { extra = [], name = 'x' }: TripOptions = {},
): Promise<void> {
  const { link } = world.rt;
  for (const input of inputs) await link.add(input);
  // Carriers come up a little later than the link, also while one looks after the other.
  const seen = async () => {
    const { theirs, differences } = await lookUntil(
      async () => {
        const looked = parseIpJson(world.ip('-d', '-j', 'link', 'show', 'dev', name));
        const ours = parseIpJson(await world.show(linkView, ['-d', '-j'], ['dev', name]));
        return { theirs: looked, ...compareJson(looked, ours, { loose: LINK_CLOCKS, extra }) };
      },
      (found) => found.differences.length === 0,
    );
    expect(inWords(differences)).toBe('');
    return theirs;
  };
  // The carrier of the first life may come up after our look at it. That of the second has had its time.
  for (const isLast of [false, true]) {
    const shown = await seen();
    const before = await link.get(name);
    await link.del(before);
    await expect(link.get(name)).rejects.toMatchObject({ code: 'ENODEV' });
    await link.add(before);
    if (before.link === 'y') {
      expect((await link.get('y')).link).toBe(name);
      // The other end came and went with it; it is up again if it was.
      if (before.flags.includes('UP')) await link.set('y', { up: before.flags.includes('LOWER_UP') });
    }
    const again = await lookUntil(
      () => link.get(name),
      (one) => isDeepStrictEqual(lasting(one), lasting(before)),
      5000,
    );
    expect(told(again)).toEqual(told(before));
    const differences = await lookUntil(
      async () => compareJson(shown, await seen(), { loose: AGAIN }).differences,
      (found) => found.length === 0,
      5000,
    );
    const isSame = differences.length === 0 && isDeepStrictEqual(lasting(again), lasting(before));
    if (!isLast && !isSame) continue;
    expect(lasting(again)).toEqual(lasting(before));
    expect(inWords(differences)).toBe('');
    return;
  }
}
