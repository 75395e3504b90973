import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { handles, readFdTable } from '../../src/handle/index.ts';
import { Netns, type NetnsEvent, type NetnsWatch } from '../../src/netns/index.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import { eventually } from '../support/cgroup.ts';
import { collectUntil } from '../support/collect.ts';

let next = 0;
const made: string[] = [];

function freshName(): string {
  const name = `cofferdam-test-${process.pid}-watch-${next++}`;
  made.push(name);
  return name;
}

afterEach(() => {
  expect(handles.list()).toEqual([]);
});

afterAll(async () => {
  for (const name of made) await Netns.remove(name).catch(() => {});
});

/** `new NAME` and `del NAME` of names of ours, `new nsid 7` of ids: other tests make namespaces meanwhile. */
function said({ type, object, value }: NetnsEvent): string | undefined {
  if (object === 'nsid') return `${type} nsid ${value.nsid}`;
  return made.includes(value.name) ? `${type} ${value.name}` : undefined;
}

/** Reads until `count` events of ours have come. */
async function heard(watch: NetnsWatch, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const event of watch) {
    const text = said(event);
    if (text !== undefined) found.push(text);
    if (found.length === count) break;
  }
  return found;
}

/** Events of ours as they come, from the next turn on until the watch ends; and how to wait for the last of them. */
function listen(watch: NetnsWatch): { seen: string[]; hears: (text: string) => Promise<void> } {
  const seen: string[] = [];
  void (async () => {
    for await (const event of watch) {
      const text = said(event);
      if (text !== undefined) seen.push(text);
    }
  })();
  return { seen, hears: (text) => eventually(`it hears ${text}`, () => seen.includes(text)) };
}

describe('watch()', () => {
  it('tells of names that come and go, whoever gives them', async () => {
    const [ours, theirs] = [freshName(), freshName()];
    using watch = Netns.watch();
    const { seen, hears } = listen(watch);
    const ns = await Netns.create({ name: ours });
    await hears(`new ${ours}`);
    execFileSync('ip', ['netns', 'add', theirs]);
    await hears(`new ${theirs}`);
    execFileSync('ip', ['netns', 'del', ours]);
    await hears(`del ${ours}`);
    await Netns.remove(theirs);
    await hears(`del ${theirs}`);
    expect(seen).toEqual([`new ${ours}`, `new ${theirs}`, `del ${ours}`, `del ${theirs}`]);
    ns.close();
  });

  it('tells which namespace it was, and knows those that were there', async () => {
    const name = freshName();
    await using ns = await Netns.create({ name });
    using watch = Netns.watch({ existing: true });
    const value = { name, path: `/run/netns/${name}`, inode: ns.inode, device: ns.device, mounted: true };
    for await (const event of watch) {
      if (said(event) === undefined) continue;
      expect(event).toEqual({ type: 'new', object: 'name', value });
      break;
    }
    await Netns.remove(name);
    for await (const event of watch) {
      if (said(event) === undefined) continue;
      expect(event).toEqual({ type: 'del', object: 'name', value });
      break;
    }
  });

  it('knows nothing of what came and went before anybody looked, and all that is different', async () => {
    const [brief, stays, again] = [freshName(), freshName(), freshName()];
    const first = await Netns.create({ name: again });
    using watch = Netns.watch();
    (await Netns.create({ name: brief })).close();
    await Netns.remove(brief);
    (await Netns.create({ name: stays })).close();
    await Netns.remove(again);
    // While the first namespace exists, the second one's number is another.
    (await Netns.create({ name: again })).close();
    expect(await heard(watch, 3)).toEqual([`del ${again}`, `new ${again}`, `new ${stays}`].sort());
    first.close();
  });

  it('does not take a bare file for a name, until a namespace is mounted on it', async () => {
    const [bare, marker, mounted] = [freshName(), freshName(), freshName()];
    using watch = Netns.watch();
    const { seen, hears } = listen(watch);
    writeFileSync(`/run/netns/${bare}`, '', { mode: 0 });
    (await Netns.create({ name: marker })).close();
    await hears(`new ${marker}`);
    expect(seen).toEqual([`new ${marker}`]);
    // Of a mount no directory tells; the file is looked at for two seconds.
    writeFileSync(`/run/netns/${mounted}`, '', { mode: 0 });
    execFileSync('mount', ['--bind', '/proc/self/ns/net', `/run/netns/${mounted}`]);
    await hears(`new ${mounted}`);
    await Netns.remove(mounted);
    await hears(`del ${mounted}`);
    expect(seen).toEqual([`new ${marker}`, `new ${mounted}`, `del ${mounted}`]);
  });

  it('tells of ids', async () => {
    await using here = await Netns.create();
    const there = await Netns.create();
    await using rt = await RouteSocket.open({ netns: here });
    await using watch = Netns.watch({ numberedBy: rt });
    const { seen, hears } = listen(watch);
    // It takes its time to listen.
    for (let nsid = 0; !seen.some((text) => text.includes('nsid')); nsid++) {
      await using brief = await Netns.create();
      await rt.netnsId.add({ netns: brief, nsid });
      await sleep(20);
    }
    await rt.netnsId.add({ netns: there, nsid: 4711 });
    await hears('new nsid 4711');
    there.close();
    await hears('del nsid 4711');
    expect(seen.filter((text) => text.endsWith(' 4711'))).toEqual(['new nsid 4711', 'del nsid 4711']);
  });

  it('ends with the socket that tells it of ids', async () => {
    await using here = await Netns.create();
    const rt = await RouteSocket.open({ netns: here });
    const watch = Netns.watch({ numberedBy: rt });
    const end = (async () => {
      for await (const _ of watch);
    })();
    await sleep(50);
    rt.close();
    await end;
    await Promise.all([watch.closed, rt.closed]);
  });

  it('ends by close(), by its signal, and at once by one that has aborted', async () => {
    const watch = Netns.watch();
    const iterator = watch[Symbol.asyncIterator]();
    const pending = iterator.next();
    watch.close();
    expect((await pending).done).toBe(true);
    expect((await iterator.next()).done).toBe(true);

    const abort = new AbortController();
    const aborted = Netns.watch({ signal: abort.signal });
    const failing = (async () => {
      for await (const _ of aborted);
    })();
    abort.abort('enough');
    await expect(failing).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' });
    expect(aborted.state).toBe('closed');
    expect(() => Netns.watch({ signal: AbortSignal.abort() })).toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
  });

  it('that cannot be is refused, and leaves nothing', async () => {
    const refused = (field: string) =>
      expect.objectContaining({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field });
    expect(() => Netns.watch({ signal: 5 } as object)).toThrow(refused('signal'));
    expect(() => Netns.watch({ exsting: true } as object)).toThrow(refused('exsting'));
    expect(() => Netns.watch({ numberedBy: {} } as object)).toThrow(TypeError);
    await eventually('no inotify instance is left', () =>
      [...readFdTable().values()].every((target) => !target.includes('inotify')),
    );
  });

  it('is found when it is forgotten', async () => {
    const leaked = handles.counters.leaked;
    const onLeak = handles.onLeak;
    handles.onLeak = 'ignore';
    try {
      (() => void Netns.watch())();
      await collectUntil(() => handles.counters.leaked === leaked + 1);
    } finally {
      handles.onLeak = onLeak;
    }
  });

  it('has one inotify instance, however many there are, and none when all are closed', async () => {
    const instances = () => [...readFdTable().values()].filter((target) => target.includes('inotify')).length;
    const watches = Array.from({ length: 50 }, () => Netns.watch());
    expect(instances()).toBe(1);
    for (const watch of watches) watch.close();
    // It lingers for a second.
    await eventually('none is left', () => instances() === 0);
  });

  it('tells that a name is given to another namespace of the same number', async () => {
    const name = freshName();
    const add = async () => {
      await using ns = await Netns.create({ name });
      return ns.inode;
    };
    const deadline = performance.now() + 60_000;
    for (let pause = 50; ; pause = Math.min(2 * pause, 2000)) {
      const first = await add();
      using watch = Netns.watch();
      await Netns.remove(name);
      // The number is free again once the kernel has taken the namespace apart, unless another test takes it.
      await sleep(pause);
      const second = await add();
      if (first === second || performance.now() > deadline) {
        expect(second).toBe(first);
        expect(await heard(watch, 2)).toEqual([`del ${name}`, `new ${name}`]);
        return;
      }
      await Netns.remove(name);
    }
  });

  it('loses nothing of many', async () => {
    using watch = Netns.watch();
    const names = Array.from({ length: 200 }, freshName);
    const seen = new Set<string>();
    const reading = (async () => {
      for await (const event of watch) {
        const text = said(event);
        if (text !== undefined) seen.add(text);
        if (seen.size === 2 * names.length) break;
      }
    })();
    for (const name of names) (await Netns.create({ name })).close();
    // What the reader has not seen yet when it is taken away has not been.
    while (seen.size < names.length) await sleep(5);
    for (const name of names) await Netns.remove(name);
    await reading;
    expect([...seen].filter((text) => text.startsWith('del '))).toHaveLength(names.length);
  });
});
