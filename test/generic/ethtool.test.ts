import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GenericSocket, InvalidArgumentError } from '../../src/index.ts';
import { World } from '../support/diff.ts';

describe('ethtool', () => {
  let world: World;
  let gs: GenericSocket;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add veth0 numtxqueues 4 numrxqueues 4 type veth peer name veth1',
      'link set veth0 up',
      'link set veth1 up',
    ]);
    gs = await GenericSocket.open({ netns: world.name });
  });
  afterAll(async () => {
    gs.close();
    await world[Symbol.asyncDispose]();
  });

  /** The installed ethtool, in the same namespace. */
  const ethtool = (...words: string[]) => world.exec('ethtool', ...words);

  it('tells the features that ethtool tells', async () => {
    const theirs = new Map<string, { active: boolean; fixed: boolean }>();
    for (const [, name = '', state, fixed] of ethtool('-k', 'veth0').matchAll(
      /^\s*([\w-]+): (on|off)( \[fixed\])?/gm,
    ))
      theirs.set(name, { active: state === 'on', fixed: fixed !== undefined });
    const ours = await gs.ethtool.features('veth0');
    let compared = 0;
    for (const [name, { active, fixed }] of Object.entries(ours)) {
      const other = theirs.get(name);
      if (other === undefined) continue;
      compared++;
      expect({ name, active, fixed }).toEqual({ name, ...other });
    }
    expect(compared).toBeGreaterThan(30);
  });

  it('switches features, says which did not follow, and tells others', async () => {
    await gs.join('ethtool', 'monitor');
    const heard: number[] = [];
    const off = gs.onNotification('ethtool', ({ command }) => heard.push(command));
    expect(await gs.ethtool.setFeatures('veth0', { 'rx-gro': true })).toEqual([]);
    expect((await gs.ethtool.features('veth0'))['rx-gro']).toMatchObject({ active: true, wanted: true });
    expect(ethtool('-k', 'veth0')).toContain('generic-receive-offload: on');
    expect(await gs.ethtool.setFeatures('veth0', { 'rx-gro': false })).toEqual([]);
    expect(ethtool('-k', 'veth0')).toContain('generic-receive-offload: off');
    // ETHTOOL_MSG_FEATURES_NTF
    await expect.poll(() => heard.filter((command) => command === 13).length).toBe(2);
    off();
    await expect(gs.ethtool.setFeatures('veth0', { 'no-such-feature': true })).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
    });
  });

  it('reads and sets channels as ethtool does', async () => {
    await gs.ethtool.setChannels('veth0', { rx: 2, tx: 3 });
    const channels = await gs.ethtool.channels('veth0');
    expect(channels).toMatchObject({ ifname: 'veth0', rxMax: 4, txMax: 4, rx: 2, tx: 3 });
    expect(ethtool('-l', 'veth0')).toMatch(/Current hardware settings:\nRX:\s+2\nTX:\s+3\n/);
    // What was read can be set as it is, but for what is only read.
    const { rxMax: _, txMax: __, ...same } = channels;
    await gs.ethtool.setChannels('veth0', same);
    await expect(gs.ethtool.setChannels('veth0', { rx: 99 })).rejects.toMatchObject({
      code: 'EINVAL',
      extAck: { attributePath: 'ETHTOOL_A_CHANNELS_RX_COUNT' },
    });
  });

  it('tells a link’s speed, port and signal', async () => {
    const link = await gs.ethtool.link('veth0');
    expect(link).toMatchObject({
      ifname: 'veth0',
      speed: 10_000,
      duplex: 'full',
      port: 'tp',
      autoneg: false,
      link: true,
    });
    const shown = ethtool('veth0');
    expect(shown).toContain('Speed: 10000Mb/s');
    expect(shown).toContain('Link detected: yes');
    expect(await gs.ethtool.links()).toContainEqual(link);
    const byIndex = await gs.ethtool.link(link.ifindex);
    expect(byIndex).toEqual(link);
  });

  it('names what is wrong, in the kernel’s words and in its own', async () => {
    await expect(gs.ethtool.rings('nope')).rejects.toMatchObject({
      code: 'ENODEV',
      extAck: { attributePath: 'ETHTOOL_A_RINGS_HEADER.ETHTOOL_A_HEADER_DEV_NAME' },
    });
    await expect(gs.ethtool.pause('lo')).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    await expect(gs.ethtool.rings('')).rejects.toThrow(InvalidArgumentError);
    await expect(gs.ethtool.rings(0)).rejects.toThrow(InvalidArgumentError);
    await expect(gs.ethtool.setRings('veth0', { size: 1 } as object)).rejects.toThrow(
      'size: 1 is no setting',
    );
  });

  it('counts by the standards, or says that the driver does not', async () => {
    const { groups } = await gs.ethtool.stats('veth0').catch((error: { code: string }) => {
      expect(error.code).toBe('EOPNOTSUPP');
      return { groups: {} };
    });
    expect(typeof groups).toBe('object');
  });
});
