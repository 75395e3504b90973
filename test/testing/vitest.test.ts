import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import '../../src/testing/vitest.ts';

const leaked: number[] = [];
const leak = (): void => void leaked.push(openSync('/dev/null', 'r'));

describe('toKeepFdsFlat()', () => {
  it('passes what is flat', async () => {
    await expect(() => closeSync(openSync('/dev/null', 'r'))).toKeepFdsFlat({ iterations: 50 });
  });

  it('fails what leaks, naming it', async () => {
    const attempt = expect(leak).toKeepFdsFlat({ iterations: 2, warmup: 0, patience: 20 });
    await expect(attempt).rejects.toThrow(/not flat: .*\n {2}fd \d+ file -> \/dev\/null/);
    await expect(leak).not.toKeepFdsFlat({ iterations: 2, warmup: 0, patience: 20 });
    for (const fd of leaked) closeSync(fd);
  });

  it('fails what is no function', async () => {
    await expect(expect(1).toKeepFdsFlat()).rejects.toThrow('toKeepFdsFlat needs a function to run');
  });
});
