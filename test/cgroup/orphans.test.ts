import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeOrphans } from '../../src/cgroup/index.ts';
import { loadBinding, type NativeCgroup } from '../../src/handle/index.ts';
import { identityOf, readStatus } from '../../src/process/identity.ts';
import { makeTestCgroup, mount, type TestCgroup } from '../support/cgroup.ts';

let group: TestCgroup;
beforeEach(() => {
  group = makeTestCgroup();
});
afterEach(() => group.remove());

const MARK = 'user.cofferdam.test';
const search = async (): Promise<string[]> => {
  const removed = await removeOrphans({
    isOne: (cgroup) => typeof cgroup.attribute(MARK) === 'string',
    isGroup: () => false,
  });
  return removed
    .filter((path) => path.startsWith(group.path))
    .map((path) => path.slice(group.path.length + 1));
};

function open(path: string): NativeCgroup {
  const native = loadBinding().openCgroup(mount, path.slice(1));
  if (typeof native === 'number') throw new Error(`${path}: ${native}`);
  return native;
}

/** Identities as they are written down: of a process that has ended, and of ours. */
async function identities(): Promise<{ dead: string; alive: string }> {
  const child = spawn('sleep', ['100'], { stdio: 'ignore' });
  const pid = child.pid as number;
  const text = (of: number): string =>
    JSON.stringify({ version: 1, instance: 'test', ...identityOf(of, readStatus(of)) });
  const dead = text(pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return { dead, alive: text(process.pid) };
}

function make(name: string, attributes: Record<string, string> = {}): NativeCgroup {
  mkdirSync(`${group.directory}/${name}`);
  const native = open(`${group.path}/${name}`);
  for (const [key, value] of Object.entries(attributes)) expect(native.setAttribute(key, value)).toBe(0);
  return native;
}
const left = (name: string): boolean => existsSync(`${group.directory}/${name}`);

it('removes what has a name, an identity and a free lease, and nothing else', async () => {
  const { dead } = await identities();
  const marks = { [MARK]: '1', 'user.cofferdam': dead };
  make('cofferdam-orphan', marks).close();
  make('other-name', marks).close();
  make('cofferdam-stranger').close();
  make('cofferdam-unsigned', { [MARK]: '1' }).close();
  make('cofferdam-another-kind', { 'user.cofferdam': dead }).close();
  const held = make('cofferdam-held', marks);
  expect(held.lock()).toBe(0);
  expect(await search()).toEqual(['cofferdam-orphan']);
  for (const name of [
    'other-name',
    'cofferdam-stranger',
    'cofferdam-unsigned',
    'cofferdam-another-kind',
    'cofferdam-held',
  ]) {
    expect(left(name)).toBe(true);
  }
  held.close();
  expect(await search()).toEqual(['cofferdam-held']);
});

it('removes what was meant to be marked by somebody who was killed before', async () => {
  const { dead, alive } = await identities();
  for (const name of ['cofferdam-half', 'cofferdam-soon', 'cofferdam-used', 'cofferdam-stranger', 'jobs'])
    make(name).close();
  const user = spawn('sleep', ['100'], { stdio: 'ignore' });
  writeFileSync(`${group.directory}/cofferdam-used/cgroup.procs`, String(user.pid));
  const parent = open(group.path);
  // At last: from here on whoever makes his first system on this host may remove them as well.
  const intents = {
    'cofferdam-soon': alive,
    'cofferdam-used': dead,
    'cofferdam-half': dead,
    // A group that systems were to be in.
    jobs: dead,
  };
  for (const [name, owner] of Object.entries(intents))
    expect(parent.setAttribute(`user.cofferdam.intent.${name}`, owner)).toBe(0);
  parent.close();
  expect((await search()).sort()).toEqual(['cofferdam-half', 'jobs']);
  expect([left('cofferdam-half'), left('cofferdam-soon'), left('cofferdam-used')]).toEqual([
    false,
    true,
    true,
  ]);
  user.kill('SIGKILL');
  await once(user, 'exit');
  rmdirSync(`${group.directory}/cofferdam-stranger`);
});
