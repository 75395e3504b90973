/** The watch over the host is itself watched: a run that leaves something behind must fail and name it. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryOf, type Finished, root, run } from './support.ts';

/** Runs one test of that body in a vitest of its own, under the global setup that this run is under. */
function runFixture(body: string, patience = 300): Finished {
  using directory = directoryOf({
    'leave.test.js': `import { it } from 'vitest';\nit('runs', async () => {\n${body}\n});\n`,
    'vitest.config.js': `export default { test: {
      include: ['leave.test.js'], pool: 'forks', globalSetup: ['${join(root, 'test/setup/global-setup.ts')}'],
      server: { deps: { inline: [] } },
    } };\n`,
    'package.json': '{ "type": "module" }\n',
  });
  // Modules resolve from the fixture's directory: lend it ours.
  run(['ln', '-s', join(root, 'node_modules'), 'node_modules'], directory.path);
  return run([process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run'], directory.path, {
    COFFERDAM_TEST_PATIENCE_MS: String(patience),
  });
}

describe('a test run under the global setup', () => {
  it('passes if it leaves nothing', () => {
    // Whatever others are taking down on this host just now is gone by then.
    const { status, output } = runFixture('', 30_000);
    expect(output).toContain('1 passed');
    expect(status).toBe(0);
  });

  it('fails and names a file left in /dev/shm', () => {
    const name = `/dev/shm/cofferdam-canary-${crypto.randomUUID()}`;
    try {
      const { status, output } = runFixture(
        `const { writeFileSync } = await import('node:fs'); writeFileSync('${name}', '');`,
      );
      expect(existsSync(name)).toBe(true);
      expect(output).toContain('1 passed');
      expect(output).toContain(`shared memory ${name}`);
      expect(status).toBe(1);
    } finally {
      rmSync(name, { force: true });
    }
  });

  it('fails and names a temporary file', () => {
    const { status, output } = runFixture(`
      const { mkdtempSync } = await import('node:fs');
      const { tmpdir } = await import('node:os');
      mkdtempSync(tmpdir() + '/cofferdam-left-');`);
    expect(output).toMatch(/temporary file cofferdam-left-/);
    expect(status).toBe(1);
  });

  it('fails and names a process, even one that its parent has abandoned', () => {
    const { status, output } = runFixture(`
      const { spawn } = await import('node:child_process');
      const script = 'sleep 1000.125 > /dev/null & until grep -q sleep /proc/$!/comm; do :; done; echo it sleeps';
      const shell = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
      await new Promise((resolve) => shell.on('close', resolve));`);
    const pid = Number(/process (\d+) sleep 1000\.125/.exec(output)?.[1] ?? 0);
    if (pid > 1) process.kill(pid, 'SIGKILL');
    expect(pid).toBeGreaterThan(1);
    expect(status).toBe(1);
  });
});
