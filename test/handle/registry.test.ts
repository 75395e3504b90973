import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { type HandleInfo, handles } from '../../src/handle/index.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';
import { TestHandle } from './support.ts';

afterEach(() => {
  handles.recordStacks = false;
  expect(handles.list()).toEqual([]);
});

describe('list()', () => {
  it('names each live handle', () => {
    using handle = TestHandle.withDetail({ netns: 4711, portId: 9 });
    const [info, ...others] = handles.list();
    expect(others).toEqual([]);
    expect(info).toMatchObject({
      kind: 'test',
      fd: handle.fd,
      state: 'open',
      hasRef: false,
      netns: 4711,
      detail: { netns: 4711, portId: 9 },
    });
    expect(info?.ageMs).toBeGreaterThanOrEqual(0);
    expect(info?.ageMs).toBeLessThan(60_000);
    expect(info).not.toHaveProperty('stack');
  });

  it('never gives an id twice', () => {
    const ids = new Set<number>();
    for (let round = 0; round < 50; round++) {
      using _handle = new TestHandle();
      for (const { id } of handles.list()) ids.add(id);
    }
    expect(ids.size).toBe(50);
  });
});

describe('creation stacks', () => {
  it('begin at the line that opened the handle', () => {
    handles.recordStacks = true;
    using _handle = new TestHandle();
    const stack = handles.list()[0]?.stack;
    expect(stack?.split('\n')[0]).toContain('registry.test.ts');
    expect(stack).not.toContain('kernel-handle.ts');
  });

  it('leave the limit of the program alone', () => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      handles.recordStacks = true;
      using _handle = new TestHandle();
      expect(handles.list()[0]?.stack).toContain('registry.test.ts');
      expect(Error.stackTraceLimit).toBe(0);
    } finally {
      Error.stackTraceLimit = limit;
    }
  });

  it('can be sampled', () => {
    handles.recordStacks = 0.5;
    const opened = Array.from({ length: 400 }, () => new TestHandle());
    const recorded = handles.list().filter((info) => info.stack !== undefined).length;
    for (const handle of opened) handle.close();
    // Beyond ten standard deviations: 0.5 read as 0 or as 1 fails, chance does not.
    expect(recorded).toBeGreaterThan(100);
    expect(recorded).toBeLessThan(300);
  });

  it('refuse what is no fraction', () => {
    expect(() => {
      handles.recordStacks = 1.5;
    }).toThrow('recordStacks: 1.5 is no fraction; give a boolean or 0 to 1');
    expect(() => {
      handles.recordStacks = Number.NaN;
    }).toThrow('recordStacks');
  });
});

describe('snapshot() and diff()', () => {
  it('tell what was opened and what was closed', () => {
    const first = new TestHandle();
    using _second = new TestHandle();
    const before = handles.snapshot();
    first.close();
    using third = new TestHandle();
    const diff = handles.diff(before);
    expect(diff.opened.map((info) => info.fd)).toEqual([third.fd]);
    expect(diff.closed.map((info) => info.id)).toEqual([before.handles[0]?.id]);
    expect(diff.leaked).toBe(0);
    expect(handles.diff(before, before)).toEqual({ opened: [], closed: [], leaked: 0 });
  });

  it('count: opened - closed is what is live', () => {
    const before = handles.counters;
    const opened = Array.from({ length: 5 }, () => new TestHandle());
    opened[0]?.close();
    const { counters } = handles;
    expect(counters.opened - before.opened).toBe(5);
    expect(counters.closed - before.closed).toBe(1);
    expect(counters.opened - counters.closed).toBe(handles.list().length);
    for (const handle of opened) handle.close();
  });
});

describe('diagnostics channels', () => {
  it('announce open and close, with the same id', () => {
    const seen: string[] = [];
    const onOpen = (message: unknown): void => void seen.push(`open ${(message as HandleInfo).id}`);
    const onClose = (message: unknown): void => void seen.push(`close ${(message as HandleInfo).id}`);
    subscribe('cofferdam:handle:open', onOpen);
    subscribe('cofferdam:handle:close', onClose);
    try {
      const handle = new TestHandle();
      const id = handles.list()[0]?.id;
      handle.close();
      expect(seen).toEqual([`open ${id}`, `close ${id}`]);
    } finally {
      unsubscribe('cofferdam:handle:open', onOpen);
      unsubscribe('cofferdam:handle:close', onClose);
    }
  });
});

describe('one registry per thread', () => {
  const imports = `
    const first = await import(${JSON.stringify(compiledUrl('netns/index.js'))});
    const second = await import(${JSON.stringify(compiledUrl('handle/registry.js'))} + '?another-copy');
  `;

  it('is shared by all copies of the package', async () => {
    const child = await runModule(`${imports}
      const ns = await first.Netns.current();
      console.log(JSON.stringify(second.handles.list().map((info) => info.kind)));
      ns.close();
      console.log(second.handles.list().length);
    `);
    expect(child.stderr).toBe('');
    expect(child.stdout).toBe('["netns"]\n0\n');
  });

  it('a worker has its own, and its handles end with it', async () => {
    const code = `
      const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(compiledUrl('netns/index.js'))}).then(async ({ Netns }) => {
        const { handles } = await import(${JSON.stringify(compiledUrl('handle/index.js'))});
        globalThis.kept = await Netns.current();
        parentPort.postMessage(handles.list().map((info) => [info.kind, info.fd]));
        setInterval(() => {}, 1000);
      });
    `;
    using mine = new TestHandle();
    const worker = new Worker(code, { eval: true });
    const [[kind, fd]] = await new Promise<[[string, number]]>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(kind).toBe('netns');
    expect(handles.list()).toHaveLength(1);
    expect(handles.list()[0]?.fd).toBe(mine.fd);
    expect(fd).not.toBe(mine.fd);
    const { readFdTable } = await import('../../src/handle/index.ts');
    expect(readFdTable().get(fd)).toMatch(/^net:/);
    await worker.terminate();
    expect(readFdTable().get(fd) ?? 'closed').not.toMatch(/^net:/);
  });
});
