// Each field of a configuration, on a kernel with all controllers: felt by a program in the system, not merely accepted.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { mount } from '../support/cgroup.ts';
import { leaves } from '../system/config/leaves.ts';
import { disks } from './system-fields/disks.ts';
import { GROUP_DIRECTORY } from './system-fields/felt.ts';
import { life } from './system-fields/life.ts';
import { defaults, limits } from './system-fields/limits.ts';
import { networks } from './system-fields/network.ts';
import { root } from './system-fields/root.ts';
import { security } from './system-fields/security.ts';

const CHAPTERS = { limits, disks, life, root, security, networks };

const subtree = `${mount}/cgroup.subtree_control`;
const words = (): string[] => readFileSync(subtree, 'utf8').trim().split(' ').filter(Boolean);
let before: string[];
beforeAll(() => {
  before = words();
});
afterAll(() => {
  const added = words().filter((name) => !before.includes(name));
  if (added.length > 0) writeFileSync(subtree, added.map((name) => `-${name}`).join(' '));
});

it('every field has a test, and no other', () => {
  const tested = Object.values(CHAPTERS).flatMap(({ fields }) => Object.keys(fields));
  expect(tested.sort()).toEqual(
    leaves()
      .map(({ name }) => name)
      .sort(),
  );
});

it('what nobody asked for is limited by the defaults', defaults);

describe.each(Object.entries(CHAPTERS))('%s', (_, { setup, fields }) => {
  let open: number[];
  setup?.();
  beforeAll(() => {
    open = handles.list().map(({ id }) => id);
  });
  afterEach(() => {
    expect(handles.list().filter(({ id }) => !open.includes(id))).toEqual([]);
    expect(existsSync(GROUP_DIRECTORY)).toBe(false);
  });
  for (const [name, test] of Object.entries(fields)) it(name, test);
});
