import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { handles, readFdTable } from '../../src/handle/index.ts';
import { complete } from '../../src/repl/complete.ts';
import { makeScope } from '../../src/repl/scope.ts';
import { compiledUrl } from '../support/compiled.ts';
import { drive } from './drive.ts';

function context() {
  return createContext({ ...makeScope({ open: {}, allowWrite: false }, () => {}) });
}

describe('complete', () => {
  test('names in scope, members, commands', () => {
    const scope = context();
    expect(complete('r', scope, [])[0]).toContain('rt');
    expect(complete('await rt.li', scope, [])).toEqual([['rt.link'], 'rt.li']);
    expect(complete('await rt.link.', scope, [])[0]).toEqual(
      ['add', 'batches', 'del', 'dump', 'get', 'list', 'replace', 'set'].map((verb) => `rt.link.${verb}`),
    );
    expect(complete('f(handles.sn', scope, [])).toEqual([['handles.snapshot'], 'handles.sn']);
    expect(complete('.ha', scope, ['handles', 'why'])).toEqual([['.handles'], '.ha']);
    runInContext('const links = [{ ifname: 1 }]', scope);
    expect(complete('links.fla', scope, [])[0]).toEqual(['links.flat', 'links.flatMap']);
  });

  test('runs no getter, and guesses nothing that it would have to run', () => {
    const scope = context();
    let ran = 0;
    const trap = {
      get inner() {
        ran++;
        return { member: 1 };
      },
    };
    Object.assign(scope, { trap });
    Object.defineProperty(scope, 'lazy', {
      get() {
        ran++;
        return { member: 1 };
      },
    });
    for (const line of [
      'trap.inner.m',
      'trap.in',
      'lazy.m',
      'f().x',
      'a[0].x',
      "import('./",
      'require("/',
      '"rt.',
    ]) {
      complete(line, scope, []);
    }
    expect(complete('trap.inner.m', scope, [])[0]).toEqual([]);
    expect(complete("import('node:f", scope, [])[0]).toEqual([]);
    expect(ran).toBe(0);
  });
});

test('Tab at the console opens nothing', async () => {
  const driven = await drive();
  try {
    const before = { opened: handles.counters.opened, fds: readFdTable().size };
    const keys = await driven.keys('rt.link.ge\t');
    expect(keys).toContain('rt.link.get');
    for (const line of [
      '\u0015rt.\t\t',
      '\u0015rt.route.\t\t',
      '\u0015handles.\t\t',
      "\u0015import('./\t\t",
    ]) {
      await driven.keys(line);
    }
    // What is typed is not run before Enter: no preview.
    await driven.keys('\u0015globalThis.typed = rt.link.list()');
    expect({ opened: handles.counters.opened, fds: readFdTable().size }).toEqual(before);
    expect(await driven.type('\u0015typeof typed')).toBe("'undefined'");
  } finally {
    await driven.end();
  }
});

const strace = spawnSync('strace', ['-V']).status === 0;

test.runIf(strace)('completion makes no system call', { timeout: 180_000 }, () => {
  const program = `
    import { accessSync, constants } from 'node:fs';
    import { createContext } from 'node:vm';
    import { complete } from ${JSON.stringify(compiledUrl('repl/complete.js'))};
    import { makeScope } from ${JSON.stringify(compiledUrl('repl/scope.js'))};
    const scope = createContext({ ...makeScope({ open: {}, allowWrite: false }, () => {}) });
    const lines = ['r', 'rt.', 'rt.link.', 'await rt.route.l', 'handles.', 'handles.counters.', 'Netns.', "import('./", '.'];
    const mark = (name) => { try { accessSync(name, constants.F_OK); } catch {} };
    for (const line of lines) complete(line, scope, ['handles']);
    mark('/cofferdam-mark-begin');
    for (let i = 0; i < 200; i++) for (const line of lines) complete(line, scope, ['handles']);
    mark('/cofferdam-mark-end');
  `;
  const log = `/tmp/cofferdam-test-${process.pid}-strace`;
  // Only the main thread is followed: V8's helpers collect garbage when they like.
  const child = spawnSync('strace', ['-o', log, process.execPath, '--input-type=module', '--eval', program], {
    encoding: 'utf8',
    timeout: 150_000,
  });
  const lines = readFileSync(log, 'utf8').split('\n');
  spawnSync('rm', ['-f', log]);
  expect(child.status, child.stderr).toBe(0);
  const begin = lines.findIndex((line) => line.includes('/cofferdam-mark-begin'));
  const end = lines.findIndex((line) => line.includes('/cofferdam-mark-end'));
  expect(begin).toBeGreaterThan(0);
  expect(end).toBeGreaterThan(begin);
  // Memory, its locks, and waking the collector's threads through an eventfd are the engine's own affair.
  const engine =
    /^(futex|madvise|mmap|munmap|mprotect|brk|sched_yield|getpid|---|write\(\d+, "\\1(\\0){7}", 8\))/;
  const calls = lines.slice(begin + 1, end).filter((line) => !engine.test(line));
  expect(calls).toEqual([]);
});
