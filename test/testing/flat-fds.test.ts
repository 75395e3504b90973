import { closeSync, openSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { expectFlatFds, LeakError, measureFds, observeFds } from '../../src/testing/index.ts';
import { openNative, TestHandle } from '../handle/support.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';

afterEach(() => {
  handles.onLeak = 'warn';
  expect(handles.list()).toEqual([]);
});

async function leakOf(fn: () => unknown, options = {}): Promise<LeakError> {
  const error = await expectFlatFds(fn, { iterations: 3, warmup: 0, patience: 50, ...options }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LeakError);
  return error as LeakError;
}

describe('measureFds()', () => {
  it('asks all three witnesses', async () => {
    using handle = new TestHandle();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const measured = measureFds();
    expect(measured.handles.handles.map((info) => info.fd)).toEqual([handle.fd]);
    expect(measured.fds.get(handle.fd)).toMatch(/^net:/);
    const tcp = measured.libuv.find((entry) => entry.type === 'tcp');
    expect(measured.fds.get(tcp?.fd ?? -1)).toMatch(/^socket:/);
    await new Promise((resolve) => server.close(resolve));
  });

  it('leaves the settings of the report alone', () => {
    const settings = process.report as { excludeNetwork?: boolean };
    const before = settings.excludeNetwork ?? false;
    measureFds();
    expect(settings.excludeNetwork).toBe(before);
  });
});

describe('what is flat', () => {
  it('passes, and the report says how it was', async () => {
    const report = await expectFlatFds(() => new TestHandle().close(), { iterations: 2_000 });
    expect(report).toMatchObject({ flat: true, iterations: 2_000, warmup: 10, leaked: [], collected: [] });
    expect(report.after).toEqual(report.before);
    expect(report.samples).toHaveLength(20);
    expect(report.samples.at(-1)?.iteration).toBe(2_000);
    expect(report.slope).toBe(0);
  });

  it('what opens once and stays is not a leak, after a warm-up', async () => {
    let lazy: number | undefined;
    await expectFlatFds(() => {
      lazy ??= openSync('/dev/null', 'r');
    });
    closeSync(lazy as number);
  });

  it('what closes late is waited for', async () => {
    const report = await expectFlatFds(
      () => {
        const fd = openSync('/dev/null', 'r');
        setTimeout(() => closeSync(fd), 150);
      },
      { iterations: 3, warmup: 0, patience: 20_000 },
    );
    expect(report.flat).toBe(true);
  });

  it('an error of the function goes through, and the next measurement works', async () => {
    await expect(
      expectFlatFds(() => {
        throw new Error('of the function');
      }),
    ).rejects.toThrow('of the function');
    expect(handles.recordStacks).toBe(false);
    await expectFlatFds(() => {}, { iterations: 1 });
  });
});

describe('canaries', () => {
  it('a handle that is kept: named with its kind and where it was opened', async () => {
    const kept: TestHandle[] = [];
    const error = await leakOf(() => void kept.push(new TestHandle()));
    expect(error.code).toBe('ERR_COFFERDAM_FD_LEAK');
    expect(error.report.leaked.map((leak) => leak.fd)).toEqual(kept.map((handle) => handle.fd));
    for (const leak of error.report.leaked) {
      expect(leak).toMatchObject({ kind: 'test', witnesses: ['registry', 'fdTable'] });
      expect(leak.target).toMatch(/^net:\[\d+\]$/);
      expect(leak.stack).toContain('flat-fds.test.ts');
    }
    expect(error.message).toMatch(
      /^not flat: \d+ fds, 0 handles, .* before, \d+ fds, 3 handles, .* after 3 iterations\n/,
    );
    expect(error.message).toMatch(
      / {2}test fd \d+, \d+ ms old -> net:\[\d+\], seen by registry and fdTable\n/,
    );
    for (const handle of kept) handle.close();
  });

  it('a handle that is forgotten, although the collector closes it', async () => {
    handles.onLeak = 'ignore';
    const error = await leakOf(() => void new TestHandle(), { iterations: 20, patience: 20_000 });
    expect(error.report.leaked).toEqual([]);
    expect(error.report.collected).toHaveLength(20);
    expect(error.message).toContain('20 handles were garbage collected without close(), such as');
    expect(error.message).toContain('flat-fds.test.ts');
  });

  it('unless the test is about the collection', async () => {
    handles.onLeak = 'ignore';
    const report = await expectFlatFds(() => void new TestHandle(), {
      iterations: 20,
      patience: 20_000,
      failOnCollected: false,
    });
    expect(report.collected).toHaveLength(20);
  });

  it('a raw fd that no handle owns, by the fd table alone', async () => {
    const fds: number[] = [];
    const error = await leakOf(() => void fds.push(openSync('/dev/null', 'r')));
    expect(error.report.leaked).toMatchObject(
      fds.map((fd) => ({ fd, kind: 'file', target: '/dev/null', witnesses: ['fdTable'] })),
    );
    expect(error.message).toContain(
      `fd ${fds[0]} file -> /dev/null, owned by no handle of cofferdam, seen by fdTable`,
    );
    for (const fd of fds) closeSync(fd);
  });

  it('a native fd without a facade, by the fd table alone', async () => {
    const natives: { close(): unknown }[] = [];
    const error = await leakOf(() => void natives.push(openNative()));
    expect(error.report.leaked).toMatchObject(Array(3).fill({ kind: 'net', witnesses: ['fdTable'] }));
    for (const native of natives) native.close();
  });

  it('a server, by the fd table and the event loop', async () => {
    const servers: Server[] = [];
    const error = await leakOf(
      () =>
        new Promise<void>((resolve) => {
          servers.push(createServer().listen(0, '127.0.0.1', resolve));
        }),
    );
    expect(error.report.leaked).toMatchObject(
      Array(3).fill({ kind: 'socket', witnesses: ['fdTable', 'libuv'] }),
    );
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  });

  it('an fd that C++ lost', async () => {
    const child = await runModule(
      `
      import { loadBinding } from ${JSON.stringify(compiledUrl('handle/index.js'))};
      import { expectFlatFds } from ${JSON.stringify(compiledUrl('testing/index.js'))};
      const binding = loadBinding();
      const options = { iterations: 5, warmup: 0, patience: 50 };
      await expectFlatFds(() => { if (binding.plantLeak('fd') < 0) throw new Error('not planted'); }, options).then(
        () => console.log('missed'),
        (error) => console.log(error.code, error.report.leaked.length, error.report.leaked[0].witnesses.join()),
      );
    `,
      { env: { COFFERDAM_CANARY: '1' } },
    );
    expect(child).toMatchObject({ stdout: 'ERR_COFFERDAM_FD_LEAK 5 fdTable\n', code: 0, stderr: '' });
  });

  it('without gc, a forgotten handle is still in the registry', async () => {
    const child = await runModule(
      `
      import { Netns } from ${JSON.stringify(compiledUrl('netns/index.js'))};
      import { observeFds } from ${JSON.stringify(compiledUrl('testing/index.js'))};
      const report = await observeFds(() => Netns.current(), { iterations: 5, warmup: 0, patience: 20 });
      console.log(report.flat, report.leaked.length);
    `,
      { nodeArguments: [] },
    );
    expect(child.stdout).toBe('false 5\n');
  });
});

describe('options', () => {
  it('are checked', async () => {
    await expect(expectFlatFds(() => {}, { iterations: 0 })).rejects.toThrow(
      'iterations: 0 is no count; give an integer, 1 or more',
    );
    await expect(expectFlatFds(() => {}, { warmup: 1.5 })).rejects.toThrow('warmup: 1.5');
  });

  it('stacks are recorded for the run only', async () => {
    await expectFlatFds(() => expect(handles.recordStacks).toBe(true), { iterations: 1 });
    expect(handles.recordStacks).toBe(false);
    await expectFlatFds(() => expect(handles.recordStacks).toBe(false), { iterations: 1, stacks: false });
  });

  it('two at a time are refused: each would see the fds of the other', async () => {
    const first = observeFds(() => new Promise((resolve) => setTimeout(resolve, 5)), { iterations: 2 });
    await expect(observeFds(() => {})).rejects.toMatchObject({ code: 'ERR_COFFERDAM_BUSY' });
    expect((await first).flat).toBe(true);
  });
});
