import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Action } from '../../src/route/action-list.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import { needs } from '../support/needs.ts';
import { addNetns, delNetns } from '../support/netns.ts';

/** Actions by themselves, there and back, beside what `tc` says of them. Most kinds are modules: in guests all are there. */

const name = `cofferdam-test-${process.pid}-action`;
let rt: RouteSocket;

beforeAll(async () => {
  addNetns(name);
  execFileSync('ip', ['-n', name, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1']);
  rt = await RouteSocket.open({ netns: name });
});
afterAll(() => {
  rt.close();
  delNetns(name);
});

interface Case {
  readonly action: Action;
  readonly module?: string;
  /** What `tc` says of it. */
  readonly told: object;
}

const CASES: Readonly<Record<string, Case>> = {
  mirred: {
    action: { kind: 'mirred', index: 5, mirred: { direction: 'egress', action: 'redirect', dev: 'v1' } },
    told: { kind: 'mirred', mirred_action: 'redirect', direction: 'egress', to_dev: 'v1', index: 5 },
  },
  gact: {
    action: { kind: 'gact', index: 6, control: 'drop', cookie: '0102' },
    module: 'act_gact',
    told: { kind: 'gact', control_action: { type: 'drop' }, index: 6, cookie: '0102' },
  },
  police: {
    action: {
      kind: 'police',
      index: 7,
      control: 'drop',
      police: { rate: 125_000, burst: 10_240, mtu: 2048 },
    },
    module: 'act_police',
    told: { kind: 'police', index: 7, control_action: { type: 'drop' } },
  },
  vlan: {
    action: { kind: 'vlan', index: 8, control: 'pipe', vlan: { action: 'push', id: 77, protocol: '802.1Q' } },
    module: 'act_vlan',
    told: { kind: 'vlan', vlan_action: 'push', id: 77, protocol: '802.1Q', index: 8 },
  },
  skbedit: {
    action: { kind: 'skbedit', index: 9, control: 'pipe', skbedit: { mark: 5, priority: '1:10' } },
    module: 'act_skbedit',
    told: { kind: 'skbedit', mark: 5, priority: '1:10', index: 9 },
  },
};

const tc = (...words: string[]) => execFileSync('tc', ['-n', name, ...words], { encoding: 'utf8' });
/** Times run, and counters of references are not given. */
const settings = ({ stats: _, times: __, ...action }: Action) => action;

describe('actions by themselves', () => {
  for (const [kind, { action, module, told }] of Object.entries(CASES))
    it(`${kind}, there and back`, async (context) => {
      if (module !== undefined) needs(context, { module });
      await rt.action.add(action);
      const [listed] = await rt.action.list(kind);
      expect(listed).toMatchObject(action);
      expect(await rt.action.get({ kind, index: listed?.index ?? 0 })).toMatchObject(
        settings(listed as Action),
      );
      // tc 6.1 prints some kinds' text into its JSON.
      const [, table] = JSON.parse(tc('-j', 'actions', 'list', 'action', kind).replace(/^[^[]*\[/, '[')) as {
        actions?: object[];
      }[];
      expect(table?.actions).toMatchObject([told]);
      await expect(rt.action.add(action)).rejects.toMatchObject({ code: 'EEXIST' });
      await rt.action.del({ kind, index: listed?.index ?? 0 });
      expect(await rt.action.list(kind)).toEqual([]);
      await rt.action.add(listed as Action);
      expect((await rt.action.list(kind)).map(settings)).toEqual([settings(listed as Action)]);
      await rt.action.flush(kind);
      expect(await rt.action.list(kind)).toEqual([]);
    });

  it('several at once, changed, and shared by filters', async () => {
    const to = (dev: string, index: number): Action => ({
      kind: 'mirred',
      index,
      mirred: { direction: 'egress', action: 'mirror', dev },
    });
    await rt.action.add([to('v0', 1), to('v1', 2)]);
    await rt.action.replace(to('v1', 1));
    expect(await rt.action.list('mirred')).toMatchObject([to('v1', 1), to('v1', 2)]);
    tc('qdisc', 'add', 'dev', 'v0', 'clsact');
    tc(...'filter add dev v0 ingress protocol all u32 match u32 0 0 action mirred index 2'.split(' '));
    expect(await rt.action.get({ kind: 'mirred', index: 2 })).toMatchObject({ bind: 1 });
    await expect(rt.action.del({ kind: 'mirred', index: 2 })).rejects.toMatchObject({ code: 'EPERM' });
    tc('qdisc', 'del', 'dev', 'v0', 'clsact');
    // The kernel lets go of it a little later.
    while ((await rt.action.get({ kind: 'mirred', index: 2 })).bind !== 0)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await rt.action.del([
      { kind: 'mirred', index: 1 },
      { kind: 'mirred', index: 2 },
    ]);
    expect(await rt.action.list('mirred')).toEqual([]);
  });

  it('refuses what is none', async () => {
    await expect(rt.action.get({ kind: 'mirred', index: 99 })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(rt.action.get({ kind: 'mirred', index: -1 })).rejects.toThrow('index');
    await expect(rt.action.list('')).rejects.toThrow('kind');
    await expect(rt.action.add({ kind: 'nothere' })).rejects.toThrow('options');
    await expect(
      rt.action.add({ kind: 'mirred', mirred: { dev: 'nothere' } } as never),
    ).rejects.toMatchObject({
      code: 'ENODEV',
    });
  });
});
