import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type HandleInfo,
  handles,
  type LeakReport,
  ResourceLeakWarning,
  readFdTable,
} from '../../src/handle/index.ts';
import { collect, collectUntil } from '../support/collect.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';
import { forget, TestHandle } from './support.ts';

const leaks: LeakReport[] = [];
const onLeak = (message: unknown): void => void leaks.push(message as LeakReport);
const netnsFds = (): number =>
  [...readFdTable().values()].filter((target) => target.startsWith('net:')).length;

beforeEach(() => {
  leaks.length = 0;
  subscribe('cofferdam:handle:leak', onLeak);
});

afterEach(() => {
  unsubscribe('cofferdam:handle:leak', onLeak);
  handles.onLeak = 'warn';
  handles.recordStacks = false;
});

describe('a handle dropped without close()', () => {
  it('is closed and reported exactly once', async () => {
    handles.onLeak = 'ignore';
    const before = handles.counters;
    const fds = netnsFds();
    forget(25);
    expect(netnsFds()).toBe(fds + 25);
    await collectUntil(() => handles.list().length === 0);
    for (let round = 0; round < 5; round++) await collect();
    expect(leaks).toHaveLength(25);
    expect(new Set(leaks.map((leak) => leak.id)).size).toBe(25);
    expect(netnsFds()).toBe(fds);
    expect(handles.counters.leaked - before.leaked).toBe(25);
    expect(handles.counters.closed - before.closed).toBe(25);
  });

  it('is reported as it was: kind, fd, age, and where it was opened', async () => {
    handles.onLeak = 'ignore';
    handles.recordStacks = true;
    forget(1);
    const fd = handles.list()[0]?.fd;
    await collectUntil(() => leaks.length > 0);
    expect(leaks[0]).toMatchObject({ kind: 'test', fd, state: 'open' });
    expect(leaks[0]?.stack?.split('\n')[0]).toContain('forget');
  });

  it('is a warning, with a code, on process', async () => {
    const warnings: ResourceLeakWarning[] = [];
    const onWarning = (warning: Error): void => {
      if (warning instanceof ResourceLeakWarning) warnings.push(warning);
    };
    process.on('warning', onWarning);
    try {
      forget(3);
      await collectUntil(() => warnings.length >= 3);
      await collect();
    } finally {
      process.off('warning', onWarning);
    }
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatchObject({ name: 'ResourceLeakWarning', code: 'COFFERDAM_LEAK' });
    expect(warnings[0]?.message).toMatch(
      /^test fd \d+, \d+ ms old, was garbage collected without close\(\)$/,
    );
    expect(warnings[0]?.leak.kind).toBe('test');
  });

  it('goes to a function, where one is given', async () => {
    const got: HandleInfo[] = [];
    handles.onLeak = (leak) => void got.push(leak);
    forget(2);
    await collectUntil(() => got.length >= 2);
    expect(got.map((leak) => leak.kind)).toEqual(['test', 'test']);
  });

  it('onLeak refuses what it does not know', () => {
    expect(() => {
      handles.onLeak = 'explode' as 'warn';
    }).toThrow(/^onLeak: "explode" is no action; give 'ignore'/);
  });
});

describe('no report', () => {
  it('for a handle that was closed', async () => {
    const before = handles.counters;
    for (let round = 0; round < 50; round++) new TestHandle().close();
    for (let round = 0; round < 5; round++) await collect();
    expect(leaks).toEqual([]);
    expect(handles.counters.leaked).toBe(before.leaked);
  });

  it('while it is held', async () => {
    const handle = new TestHandle();
    for (let round = 0; round < 5; round++) await collect();
    expect(handle.state).toBe('open');
    expect(leaks).toEqual([]);
    handle.close();
  });
});

describe('the promise `closed`', () => {
  it('does not keep a handle alive, even by a reaction that mentions it', async () => {
    handles.onLeak = 'ignore';
    const drop = (): void => {
      const handle = new TestHandle();
      void handle.closed.then(() => handle.fd);
    };
    drop();
    await collectUntil(() => leaks.length === 1);
  });

  it('resolves for whoever waits when the collector closes the handle', async () => {
    handles.onLeak = 'ignore';
    const closed = (() => new TestHandle().closed)();
    let resolved = false;
    void closed.then(() => {
      resolved = true;
    });
    await collectUntil(() => resolved);
    expect(leaks).toHaveLength(1);
  });
});

describe('in a process of its own', () => {
  const prelude = `
    import { Netns } from ${JSON.stringify(compiledUrl('netns/index.js'))};
    import { handles } from ${JSON.stringify(compiledUrl('handle/index.js'))};
    const forget = () => Netns.current();
    // All that is garbage, which is known by its number.
    const collect = async (leaked) => {
      const deadline = performance.now() + 20_000;
      for (let i = 0; i < 20 || (handles.counters.leaked < leaked && performance.now() < deadline); i++) {
        gc();
        await new Promise((r) => setImmediate(r));
      }
    };
  `;

  it("onLeak 'throw' is an uncaught exception, one for each leak", async () => {
    const child = await runModule(`${prelude}
      handles.onLeak = 'throw';
      let caught = 0;
      process.on('uncaughtException', (error) => { if (error.code === 'COFFERDAM_LEAK') caught++; });
      await forget(); await forget();
      await collect(2);
      console.log(caught, handles.counters.leaked);
    `);
    expect(child).toMatchObject({ code: 0, stdout: '2 2\n' });
  });

  it("onLeak 'throw' ends a program that does not catch it", async () => {
    const child = await runModule(`${prelude} await forget(); await collect(1); console.log('survived');`, {
      env: { COFFERDAM_ON_LEAK: 'throw', COFFERDAM_RECORD_STACKS: '1' },
    });
    expect(child.code).toBe(1);
    expect(child.signal).toBe(null);
    expect(child.stdout).toBe('');
    expect(child.stderr).toContain('ResourceLeakWarning: netns fd');
    expect(child.stderr).toContain('forget');
  });

  it('the warning is printed with its code, and where the handle was opened', async () => {
    const child = await runModule(
      `${prelude} handles.recordStacks = true; await forget(); await collect(1);`,
    );
    expect(child.code).toBe(0);
    expect(child.stderr).toMatch(/\[COFFERDAM_LEAK\] ResourceLeakWarning: netns fd \d+/);
    expect(child.stderr).toContain('It was opened here:');
    expect(child.stderr.match(/ResourceLeakWarning/g)).toHaveLength(1);
  });

  it.each([
    ['runs to its end', ''],
    ['calls process.exit()', 'process.exit(0);'],
    ['throws', "throw new Error('uncaught');"],
  ])('handles still open are printed when the program %s', async (_, end) => {
    const child = await runModule(
      `${prelude}
      globalThis.kept = await Netns.current();
      const closed = await Netns.current();
      closed.close();
      ${end}`,
      { env: { COFFERDAM_REPORT_HANDLES: '1' } },
    );
    expect(child.stderr).toMatch(
      /cofferdam: 1 handle still open at exit:\n {2}netns fd \d+ \(netns \d+\), \d+ ms old\n/,
    );
    expect(child.stderr).toContain('COFFERDAM_RECORD_STACKS=1');
  });

  it('nothing is printed when nothing is open, or nobody asked', async () => {
    const asked = await runModule(`${prelude} handles.reportAtExit = true; (await Netns.current()).close();`);
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    const silent = await runModule(`${prelude} globalThis.kept = await Netns.current();`);
    expect(silent).toMatchObject({ code: 0, stderr: '' });
  });
});
