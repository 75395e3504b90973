import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World } from '../support/diff.ts';

describe('batches of what bridges and namespaces have', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add br0 type bridge',
      'link add v0 type veth peer name w0',
      'link set w0 master br0',
      'link add vx0 type vxlan id 42 dstport 4789 local 10.0.0.1',
    ]);
    for (const dev of ['br0', 'v0', 'w0', 'vx0']) {
      world.sysctl([`net.ipv6.conf.${dev}.disable_ipv6=1`]);
      world.ip('link', 'set', dev, 'up');
    }
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  it('do all, and tell of each', async () => {
    const { rt } = world;
    await rt.fdb.add({ dev: 'w0', master: 'br0', mac: '02:00:00:00:00:01', state: 'dynamic' });
    const results = await rt.batch((batch) => {
      batch.fdb.add({ mac: '02:00:00:00:00:02', dev: 'vx0', dst: '192.0.2.1' });
      batch.fdb.add({ mac: '02:00:00:00:00:02', dev: 'vx0', dst: '192.0.2.1' });
      batch.fdb.flush({ dev: 'br0', state: 'dynamic' });
      batch.mdb.add({ dev: 'br0', port: 'w0', grp: '239.1.1.1', state: 'permanent' });
      batch.netnsId.add({ netns: world.name, nsid: 5 });
      batch.bridgePort.set({ dev: 'w0', bridgePort: { cost: 9 } });
      batch.addressLabel.add({ prefix: '2001:db8::/32', label: 7 });
      batch.fdb.add({ mac: 'none', dev: 'vx0' });
    });
    expect(results.map((result) => (result.ok ? 'ok' : result.state))).toEqual([
      ...['ok', 'refused', 'ok', 'ok', 'ok', 'ok', 'ok', 'invalid'],
    ]);
    expect(await rt.fdb.list({ mac: '02:00:00:00:00:01' })).toEqual([]);
    expect(world.exec('bridge', 'fdb', 'show', 'dev', 'vx0')).toContain('02:00:00:00:00:02 dst 192.0.2.1');
    expect(world.exec('bridge', 'mdb', 'show')).toContain('grp 239.1.1.1 permanent');
    expect(world.ip('netns', 'list-id')).toContain('nsid 5');
    expect(world.exec('bridge', 'link', 'show')).toContain('cost 9');
    expect(world.ip('addrlabel')).toContain('prefix 2001:db8::/32 label 7');
  });
});
