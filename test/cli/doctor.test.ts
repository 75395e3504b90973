import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { describe, expect, test } from 'vitest';
import { AS_NOBODY, isRoot, runCli } from './run-cli.ts';

interface Check {
  name: string;
  status: 'ok' | 'limited' | 'fails';
  facts?: Record<string, unknown>;
  wont_work?: string[];
  remedy?: string[];
}
interface Report {
  healthy: boolean;
  checks: Check[];
}

async function examine(
  options?: Parameters<typeof runCli>[1],
): Promise<{ code: number | null; report: Report }> {
  const { code, stdout } = await runCli(['doctor', '-j'], options);
  return { code, report: JSON.parse(stdout) as Report };
}

function find(report: Report, name: string): Check | undefined {
  return report.checks.find((check) => check.name === name);
}

describe('doctor', () => {
  test('tells this host as it is', async () => {
    const { code, report } = await examine();
    expect(code).toBe(report.healthy ? 0 : 1);
    expect(find(report, 'kernel')?.facts).toMatchObject({ release: release() });
    expect(find(report, 'rtnetlink')).toMatchObject({ status: 'ok', facts: { strict: true } });
    expect(find(report, 'link kinds')?.facts).toMatchObject({
      veth: expect.stringMatching(/^(yes|module)$/),
    });
    const mask = /^CapEff:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    const bits = [...BigInt(`0x${mask}`).toString(2)].filter((bit) => bit === '1').length;
    expect(find(report, 'capabilities')?.facts?.effective).toHaveLength(bits);
    for (const check of report.checks) {
      if (check.status !== 'ok') expect(check.wont_work?.length, check.name).toBeGreaterThan(0);
    }
  });

  test('leaves no namespace behind, and prints no colours into a pipe', async () => {
    const { stdout, stderr } = await runCli(['doctor']);
    expect(stderr).toBe('');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/Everything works here|What will not work, and why/);
  });

  test('works without the addon, and says exactly what helps', async () => {
    const { code, report } = await examine({ env: { COFFERDAM_ADDON: '/nonexistent.node' } });
    expect(code).toBe(1);
    expect(report.healthy).toBe(false);
    expect(find(report, 'addon')).toMatchObject({ status: 'fails' });
    expect(find(report, 'addon')?.remedy?.join('\n')).toContain('COFFERDAM_ADDON');
    expect(find(report, 'kernel')?.status).toBe('ok');
    expect(find(report, 'capabilities')).toBeDefined();
  });

  test.runIf(isRoot)('names what a user lacks', async () => {
    const { report } = await examine({ under: AS_NOBODY });
    expect(find(report, 'capabilities')?.status).toBe('limited');
    expect(find(report, 'capabilities')?.wont_work?.join('\n')).toMatch(/CAP_NET_ADMIN is missing/);
    expect(find(report, 'network namespaces')?.status).not.toBe('ok');
    expect(find(report, 'rtnetlink')?.status).toBe('ok');
  });

  test('help', async () => {
    expect(await runCli(['doctor', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: cofferdam doctor/),
    });
  });
});
