import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { CAPABILITIES, capabilityMask, keptCapabilities } from '../../src/system/capabilities.ts';

describe('capabilities', () => {
  it('have the numbers of the kernel headers', () => {
    const text = execFileSync('cc', ['-E', '-dM', '-x', 'c', '-'], {
      input: '#include <linux/capability.h>\n',
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: '' },
    });
    const numbers = [...text.matchAll(/^#define (CAP_\w+) +(\d+)$/gm)].map(([, name, bit]) => [
      Number(bit),
      name,
    ]);
    expect(numbers.length).toBe(41);
    expect(CAPABILITIES.map((name, bit) => [bit, name])).toEqual(
      numbers.sort(([a], [b]) => Number(a) - Number(b)),
    );
  });

  it('make masks, and leave the rest', () => {
    expect(capabilityMask([])).toBe(0n);
    expect(capabilityMask(['CAP_CHOWN', 'CAP_SYS_ADMIN', 'CAP_CHECKPOINT_RESTORE', 'CAP_CHOWN'])).toBe(
      1n | (1n << 21n) | (1n << 40n),
    );
    expect(capabilityMask(CAPABILITIES)).toBe((1n << 41n) - 1n);
    const kept = keptCapabilities(['CAP_SYS_ADMIN', 'CAP_NET_RAW']);
    expect(kept.size).toBe(39);
    expect([kept.has('CAP_SYS_ADMIN'), kept.has('CAP_NET_RAW'), kept.has('CAP_CHOWN')]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it.each([
    ['CAP_SYS_AMDIN', 'give CAP_SYS_ADMIN'],
    ['sys_admin', 'give CAP_SYS_ADMIN'],
    ['NET_RAWW', 'give CAP_NET_RAW'],
    ['everything', "give a name of capabilities(7), such as 'CAP_NET_RAW'"],
  ])('%s is none, and the error says what was meant', (name, remedy) => {
    const field = 'security.capabilities.drop';
    expect(() => capabilityMask(['CAP_CHOWN', name], field)).toThrow(
      `${field}[1]: "${name}" is no capability; ${remedy}`,
    );
  });
});
