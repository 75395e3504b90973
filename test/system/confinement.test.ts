import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSystemConfig, type SystemConfig } from '../../src/system/config/index.ts';
import { confinementOf } from '../../src/system/confinement.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cofferdam-confinement-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const of = (security: NonNullable<SystemConfig['security']>) =>
  confinementOf(checkSystemConfig({ name: 'box', security }).security);

describe('the confinement of a configuration', () => {
  it('is what it says', () => {
    const byDefault = of({});
    expect(byDefault.droppedCapabilities).toBe((1n << 21n) | (1n << 13n) | (1n << 19n));
    expect(byDefault.seccomp?.length).toBeGreaterThan(1000);
    expect(byDefault.warnings).toEqual([]);
    // Compiled once: making a system must not wait for it.
    expect(of({}).seccomp).toBe(byDefault.seccomp);
    expect(of({ capabilities: { drop: [] } }).seccomp).not.toEqual(byDefault.seccomp);
    expect(of({ capabilities: { drop: ['ALL'] } }).droppedCapabilities).toBe((1n << 41n) - 1n);
    expect(of({ seccomp: 'unconfined' }).seccomp).toBeUndefined();
  });

  it('may have a profile of its own, whose unknown calls are told', () => {
    const profile = join(directory, 'own.json');
    const rule = { names: ['raed', 'read'], action: 'SCMP_ACT_ALLOW' };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule] }));
    const { seccomp, warnings } = of({ seccomp: profile });
    expect(seccomp?.length).toBeLessThan(200);
    expect(warnings).toEqual(['security.seccomp: ignores what is no system call: raed']);
    writeFileSync(profile, '{ "defaultAction": "ALLOW" }');
    expect(() => of({ seccomp: profile })).toThrow('defaultAction: "ALLOW" is no action; give ');
    expect(() => of({ seccomp: join(directory, 'missing') })).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
  });
});
