import { closeSync } from 'node:fs';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BaseCore,
  type HandleState,
  handles,
  KernelHandle,
  loadBinding,
  readFdTable,
} from '../../src/handle/index.ts';
import { TestHandle } from './support.ts';

describe('close()', () => {
  it('is synchronous in effect: fd reads -1 and the kernel has none', async () => {
    const handle = new TestHandle();
    const fd = handle.fd;
    expect(readFdTable().get(fd)).toMatch(/^net:\[\d+\]$/);
    handle.close();
    expect(handle.fd).toBe(-1);
    expect(readFdTable().has(fd)).toBe(false);
    expect(handle.state).toBe('closed');
    await handle.closed;
  });

  it('is idempotent', async () => {
    const before = handles.counters;
    const handle = new TestHandle();
    handle.close();
    handle.close();
    await handle.closed;
    handle.close();
    expect(handles.counters.closed - before.closed).toBe(1);
  });

  // A debug build ends the process at this very line, see test/native-addon/ownership.test.ts.
  it.skipIf(loadBinding().debug)('says so when somebody else closed the fd', async () => {
    const handle = new TestHandle();
    closeSync(handle.fd);
    expect(() => handle.close()).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'close' }));
    expect(handle.fd).toBe(-1);
    expect(handle.state).toBe('closed');
    await handle.closed;
    expect(handles.list()).toEqual([]);
  });
});

describe('using', () => {
  it('closes at the end of the block', () => {
    let seen: TestHandle;
    {
      using handle = new TestHandle();
      seen = handle;
      expect(handle.state).toBe('open');
    }
    expect(seen.state).toBe('closed');
  });

  it('closes when the block throws', async () => {
    let seen: TestHandle | undefined;
    const run = async (): Promise<void> => {
      await using handle = new TestHandle();
      seen = handle;
      throw new Error('half-way');
    };
    await expect(run()).rejects.toThrow('half-way');
    expect(seen?.state).toBe('closed');
  });

  it('await using waits until nothing is left', async () => {
    let seen: SlowHandle;
    {
      await using handle = new SlowHandle();
      seen = handle;
    }
    expect(seen.state).toBe('closed');
  });
});

/** A core whose native side takes a turn of the event loop, as libuv's close does. */
class SlowCore extends BaseCore {
  readonly kind = 'slow';
  #fd = 1000;
  readonly events: string[] = [];

  get fd(): number {
    return this.#fd;
  }

  protected closeNative(done: () => void): void {
    this.#fd = -1;
    this.events.push('native');
    setImmediate(() => {
      this.events.push('done');
      done();
    });
  }

  protected override onClosing(): void {
    this.events.push(`settle with fd ${this.fd}`);
  }
}

class SlowHandle extends KernelHandle<SlowCore> {
  constructor() {
    super(new SlowCore());
  }

  get events(): string[] {
    return this.core.events;
  }
}

describe('a close that takes time', () => {
  it('is closing in between, and settles what waits before it returns', async () => {
    const handle = new SlowHandle();
    handle.close();
    expect(handle.state).toBe('closing');
    expect(handle.fd).toBe(-1);
    expect(handle.events).toEqual(['native', 'settle with fd -1']);
    expect(handles.list()).toMatchObject([{ kind: 'slow', state: 'closing', fd: -1 }]);
    await handle.closed;
    expect(handle.state).toBe('closed');
    expect(handles.list()).toEqual([]);
  });

  it('finishes although settling throws', async () => {
    class Bad extends SlowCore {
      protected override onClosing(): void {
        throw new Error('while settling');
      }
    }
    class BadHandle extends KernelHandle<Bad> {
      constructor() {
        super(new Bad());
      }
    }
    const handle = new BadHandle();
    expect(() => handle.close()).toThrow('while settling');
    await handle.closed;
    expect(handle.state).toBe('closed');
    expect(handles.list()).toEqual([]);
  });

  it('never goes back, whatever is called in whatever order', async () => {
    const order: HandleState[] = ['open', 'closing', 'closed'];
    const action = fc.constantFrom('close', 'dispose', 'asyncDispose', 'turn', 'look');
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 12 }), async (actions) => {
        const handle = new SlowHandle();
        let rank = 0;
        let wasClosed = false;
        const pending: Promise<void>[] = [];
        for (const name of actions) {
          if (name === 'close') handle.close();
          if (name === 'dispose') handle[Symbol.dispose]();
          if (name === 'asyncDispose') pending.push(handle[Symbol.asyncDispose]());
          if (name === 'turn') await new Promise((resolve) => setImmediate(resolve));
          wasClosed ||= name === 'close' || name === 'dispose' || name === 'asyncDispose';
          const now = order.indexOf(handle.state);
          expect(now).toBeGreaterThanOrEqual(rank);
          rank = now;
          expect(handle.fd === -1).toBe(wasClosed);
          expect(handle.state !== 'open').toBe(wasClosed);
        }
        handle.close();
        await Promise.all([...pending, handle.closed]);
        expect(handle.state).toBe('closed');
        expect(handle.events.filter((event) => event === 'native')).toHaveLength(1);
        expect(handles.list()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('in a console', () => {
  it('is one line', () => {
    using handle = TestHandle.withDetail({ netns: 4711 });
    expect(inspect(handle)).toBe(`TestHandle <test, open, fd ${handle.fd}, netns 4711>`);
    handle.close();
    expect(inspect(handle)).toBe('TestHandle <test, closed, netns 4711>');
  });
});
