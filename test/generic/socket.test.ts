import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { defineFamily, GenericSocket, handles, InvalidArgumentError, Netns, wire } from '../../src/index.ts';
import { lookUntil } from '../support/look.ts';

const { attribute, attributeTable, nest, u32 } = wire;

const request = attributeTable('TASKSTATS_CMD_ATTR', { pid: attribute(1, 'TASKSTATS_CMD_ATTR_PID', u32) });
const reply = attributeTable('TASKSTATS_TYPE', {
  aggregate: nest(
    4,
    'TASKSTATS_TYPE_AGGR_PID',
    attributeTable('TASKSTATS_TYPE', { pid: attribute(1, 'TASKSTATS_TYPE_PID', u32) }),
  ),
});
const taskstats = defineFamily({
  name: 'TASKSTATS',
  version: 1,
  commands: { get: { id: 1, name: 'TASKSTATS_CMD_GET', request, reply } },
});

describe('GenericSocket', () => {
  it('tells the families that genl tells', async () => {
    await using gs = await GenericSocket.open();
    const look = async () => {
      const listed = execFileSync('genl', ['ctrl', 'list'], { encoding: 'utf8' });
      const theirs = [...listed.matchAll(/Name: (\S+)\s+ID: 0x([0-9a-f]+)\s+Version: 0x([0-9a-f]+)/g)];
      return {
        ours: await gs.families(),
        theirs: theirs.map(([, name, id, version]) => [name, Number(`0x${id}`), Number(`0x${version}`)]),
      };
    };
    const plain = (list: Awaited<ReturnType<typeof look>>['ours']) =>
      list.map(({ name, id, version }) => [name, id, version]);
    // Modules bring families, whoever on this host has them loaded.
    const { ours, theirs } = await lookUntil(look, (seen) =>
      isDeepStrictEqual(plain(seen.ours), seen.theirs),
    );
    expect(plain(ours)).toEqual(theirs);
    const ethtool = await gs.family('ethtool');
    expect(ours).toContainEqual(ethtool);
    expect(ethtool.groups.map(({ name }) => name)).toEqual(['monitor']);
    expect(ethtool.operations.find(({ id }) => id === 16)?.flags).toContain('do');
  });

  it('speaks to a family that the program describes', async () => {
    await using gs = await GenericSocket.open();
    const [answer] = await gs.request(taskstats, 'get', { pid: process.pid });
    expect(answer?.aggregate?.pid).toBe(process.pid);
    // What the table does not name is kept.
    expect(answer?.aggregate?.raw?.map(({ type }) => type)).toEqual([3]);
  });

  it('names what is wrong', async () => {
    await using gs = await GenericSocket.open();
    await expect(gs.family('no-such')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(gs.policy('no-such')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(gs.request(taskstats, 'get', { pid: -1 })).rejects.toMatchObject({
      field: 'pid',
      value: -1,
    });
    await expect(gs.request(taskstats, 'get', { pid: 0x7fffffff })).rejects.toMatchObject({
      code: 'ESRCH',
      syscall: 'TASKSTATS_CMD_GET',
    });
    await expect(gs.request(taskstats, 'none' as 'get', {})).rejects.toThrow(InvalidArgumentError);
    await expect(gs.join('ethtool', 'nobody')).rejects.toThrow('group: "nobody" is no group of ethtool');
    await expect(GenericSocket.open({ nets: 'x' } as object)).rejects.toThrow(InvalidArgumentError);
  });

  it('ends what is pending when it is closed, and leaves nothing', async () => {
    const before = handles.snapshot();
    const gs = await GenericSocket.open();
    const pending = gs.families();
    gs.close();
    await expect(pending)
      .resolves.toBeDefined()
      .catch(() => {});
    await expect(gs.families()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
    await gs.closed;
    expect(gs.fd).toBe(-1);
    expect(handles.diff(before).opened).toEqual([]);
  });

  it('works in the namespace that it is told', async () => {
    await using netns = await Netns.create();
    await using gs = await GenericSocket.open({ netns });
    expect((await gs.ethtool.links()).map(({ ifname }) => ifname)).toContain('lo');
    await expect(gs.ethtool.link('eth0')).rejects.toMatchObject({ code: 'ENODEV' });
  });
});
