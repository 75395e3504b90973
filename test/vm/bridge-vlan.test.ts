import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BridgeVlan, BridgeVlanInput } from '../../src/route/bridge-vlan.ts';
import { World } from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { lack, needs } from '../support/needs.ts';
import { captured } from '../support/twin.ts';

/** VLANs of bridges and their ports on kernels that have them: shown as `bridge` does, there and back. */

describe('VLANs of bridges', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add name br0 up type bridge vlan_filtering 1 vlan_default_pvid 1 vlan_stats_enabled 1',
      'link add name veth0 type veth peer name veth1',
      'link set veth0 up master br0',
      'link add name vx0 type vxlan external dstport 4789',
      'link set vx0 up master br0',
      'link set vx0 type bridge_slave vlan_tunnel on',
    ]);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  /** Packets that the kernel sends by itself may be counted between the looks. */
  async function expectSame(line: string): Promise<void> {
    const words = ['-n', world.name, ...line.split(' ')];
    const parsed = (text: string): unknown => (line.startsWith('-j') ? JSON.parse(text) : text);
    const look = async () => {
      const theirs = execFileSync('bridge', words, { encoding: 'utf8' });
      const ours = await captured(['-n', world.name, 'bridge', ...line.split(' ')]);
      expect(ours.stderr).toBe('');
      return { theirs: parsed(theirs), ours: parsed(ours.stdout) };
    };
    const { theirs, ours } = await lookUntil(look, (seen) => isDeepStrictEqual(seen.theirs, seen.ours));
    expect(ours).toEqual(theirs);
  }

  const CASES: readonly [BridgeVlanInput, string?][] = [
    [{ vid: 10, dev: 'veth0', flags: [] }],
    [{ vid: 20, vidEnd: 29, dev: 'veth0', flags: ['untagged'] }],
    [{ vid: 30, dev: 'veth0', flags: ['pvid', 'untagged'] }],
    [{ vid: 40, dev: 'br0', flags: [], command: 'self' }],
    [{ vid: 50, vidEnd: 53, dev: 'vx0', flags: [], tunnelId: 5000 }],
    [{ vid: 60, dev: 'veth0', flags: [], state: 'blocking' }],
    [{ vid: 70, dev: 'veth0', flags: [], mcastRouter: 2 }, '5.15'],
    [{ vid: 80, dev: 'veth0', flags: [], neighSuppress: true }, '6.4'],
  ];
  for (const [input, linux] of CASES)
    it(JSON.stringify(input), async (context) => {
      needs(context, linux === undefined ? {} : { linux });
      const { bridgeVlan } = world.rt;
      const { vid, dev = '', command: _, ...settings } = input;
      const find = async (): Promise<BridgeVlan | undefined> =>
        (await bridgeVlan.list({ dev })).find((one) => one.vid === vid);
      await bridgeVlan.add(input);
      const listed = await find();
      expect(listed).toMatchObject({ vid, dev, ...settings });
      for (const words of ['vlan show', '-j vlan show', '-d vlan show', '-j -d vlan show', 'vlan tunnelshow'])
        await expectSame(words);
      await bridgeVlan.del(listed as BridgeVlan);
      expect(await find()).toBeUndefined();
      await bridgeVlan.add(listed as BridgeVlan);
      expect(await find()).toEqual(listed);
      await bridgeVlan.del(listed as BridgeVlan);
    });

  it('counts their packets', async () => {
    for (const words of ['-s vlan show', '-j -s vlan show']) await expectSame(words);
  });

  it('as a whole', async (context) => {
    needs(context, { linux: '5.15' });
    const { bridgeVlan } = world.rt;
    await world.rt.link.set('br0', { bridge: { mcastVlanSnooping: true } });
    await bridgeVlan.setGlobal({ vid: 1, dev: 'br0', global: { mcastSnooping: true, mcastIgmpVersion: 3 } });
    const [listed] = await bridgeVlan.listGlobal({ dev: 'br0', vid: 1 });
    expect(listed).toMatchObject({ vid: 1, dev: 'br0', global: { mcastIgmpVersion: 3 } });
    for (const words of ['vlan global show', '-j vlan global show']) await expectSame(words);
  });

  it('are watched, on kernels old and new', async () => {
    const { bridgeVlan } = world.rt;
    const both = await bridgeVlan.snapshot();
    expect(both.filter((one) => 'global' in one).length).toBe(
      lack({ linux: '5.15' }) === undefined ? (await bridgeVlan.listGlobal()).length : 0,
    );
    expect(both).toContainEqual(expect.objectContaining({ vid: 1, flags: ['pvid', 'untagged'] }));
  });
});
