import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';

/** Planted: a test that fails, a hook that fails, and a network namespace that stays. */

it('fails', () => expect({ one: 1 }).toEqual({ one: 2 }));

describe('a hook', () => {
  beforeAll(() => {
    throw new Error('planted in a hook');
  });
  it('is never reached', () => {});
});

it('leaves a namespace', () => {
  execFileSync('ip', ['netns', 'add', 'planted']);
});
