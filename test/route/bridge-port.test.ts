import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BridgePortChange } from '../../src/route/bridge-port.ts';
import type { BridgeVlanInput } from '../../src/route/bridge-vlan.ts';
import { World } from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';

describe('rt.bridgeVlan and rt.bridgePort on a kernel', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add br0 type bridge',
      'link add veth0 type veth peer name veth1',
      'link add veth2 type veth peer name veth3',
      'link set veth1 master br0',
      'link set veth3 master br0',
    ]);
    for (const dev of ['br0', 'veth0', 'veth1', 'veth2', 'veth3']) world.ip('link', 'set', dev, 'up');
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  it('lists none where a bridge knows no VLANs, or none has been added', async () => {
    expect(JSON.parse(world.exec('bridge', '-j', 'vlan', 'show'))).toEqual([]);
    expect(await world.rt.bridgeVlan.list()).toEqual([]);
    expect(await world.rt.bridgeVlan.list({ dev: 'veth1', vid: 1 })).toEqual([]);
    expect(await world.rt.bridgeVlan.snapshot()).toEqual([]);
  });

  it('lists ports as bridge does, and sets them', async () => {
    const { bridgePort } = world.rt;
    interface Shown {
      ifname: string;
      master: string;
      state: string;
      cost: number;
      hairpin: boolean;
      backup_port?: string;
    }
    const shown = () => JSON.parse(world.exec('bridge', '-d', '-j', 'link', 'show')) as Shown[];
    const change: BridgePortChange = {
      dev: 'veth1',
      bridgePort: { cost: 77, hairpin: true, learning: false, backupPort: 'veth3' },
    };
    await bridgePort.set(change);
    // A port begins to forward when its carrier comes up.
    const look = async () => ({
      ours: (await bridgePort.list()).map(({ dev, master, bridgePort: port }) => ({
        ifname: dev,
        master,
        cost: port?.cost,
        hairpin: port?.hairpin,
        state: port?.state,
        ...(port?.backupPort !== undefined && { backup_port: port.backupPort }),
      })),
      theirs: shown().map(({ ifname, master, cost, hairpin, state, backup_port }) => ({
        ...{ ifname, master, cost, hairpin, state },
        ...(backup_port !== undefined && { backup_port }),
      })),
    });
    const seen = await lookUntil(look, ({ ours, theirs }) => isDeepStrictEqual(ours, theirs));
    expect(seen.ours).toEqual(seen.theirs);
    const [port] = await bridgePort.list({ dev: 'veth1' });
    expect(port).toMatchObject({ link: 'veth0', bridgePort: { cost: 77, hairpin: true, learning: false } });
    await bridgePort.set({ ...change, bridgePort: { cost: 2, hairpin: false, learning: true } });
    expect(shown()[0]).toMatchObject({ cost: 2, hairpin: false });
    expect((await bridgePort.list({ master: 'br0' })).map(({ dev }) => dev)).toEqual(['veth1', 'veth3']);
    expect((await bridgePort.list({ vlans: true })).map(({ dev }) => dev)).toContain('br0');
    await expect(bridgePort.set({ dev: 'veth0', bridgePort: { cost: 1 } })).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
    });
  });

  it('hears of ports that come and go, apart from links', async () => {
    await using monitor = await world.rt.monitor(['link', 'bridgePort']);
    world.ip('link', 'set', 'veth3', 'nomaster');
    const seen: string[] = [];
    for await (const event of monitor) {
      if (!('object' in event)) continue;
      seen.push(`${event.type} ${event.object}`);
      if (event.object === 'bridgePort' && event.type === 'del') break;
    }
    expect(seen).not.toContain('del link');
    expect(seen.at(-1)).toBe('del bridgePort');
    world.ip('link', 'set', 'veth3', 'master', 'br0');
  });

  it.each<[unknown, string]>([
    [{ dev: 'veth1' }, 'vid'],
    [{ dev: 'veth1', vid: 0 }, 'vid'],
    [{ dev: 'veth1', vid: 4095 }, 'vid'],
    [{ dev: 'veth1', vid: 10, vidEnd: 9 }, 'vidEnd'],
    [{ dev: 'veth1', vid: 10, vidEnd: 12, flags: ['pvid'] }, 'flags'],
    [{ dev: 'veth1', vid: 10, flags: ['tagged'] }, 'flags'],
    [{ dev: 'veth1', vid: 10, flags: 'pvid' }, 'flags'],
    [{ dev: 'veth1', vid: 10, pvid: true }, 'pvid'],
    [{ dev: 'veth1', vid: 10, state: 'solid' }, 'state'],
    [{ dev: 'veth1', vid: 10, command: 'both' }, 'command'],
    [{ vid: 10 }, 'dev'],
  ])('refuses %o by name', async (vlan, field) => {
    await expect(world.rt.bridgeVlan.add(vlan as BridgeVlanInput)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
    });
  });

  it('refuses what nobody knows, elsewhere too', async () => {
    const { bridgeVlan, bridgePort } = world.rt;
    await expect(bridgeVlan.list({ br: 'br0' } as object)).rejects.toMatchObject({ field: 'br' });
    await expect(bridgeVlan.set({ vid: 1, dev: 'br0', command: 'self' })).rejects.toMatchObject({
      field: 'command',
    });
    await expect(
      bridgeVlan.setGlobal({ vid: 1, dev: 'br0', global: { snooping: true } as object }),
    ).rejects.toMatchObject({ field: 'global.snooping' });
    await expect(bridgePort.set({ dev: 'veth1', bridgePort: { price: 1 } as object })).rejects.toMatchObject({
      field: 'bridgePort.price',
    });
    await expect(bridgePort.set({ dev: 'veth1', bridgePort: { cost: -1 } })).rejects.toMatchObject({
      field: 'bridgePort.cost',
    });
    await expect(bridgePort.set({})).rejects.toMatchObject({ field: 'dev' });
    await expect(bridgePort.list({ br: 'br0' } as object)).rejects.toMatchObject({ field: 'br' });
  });
});
