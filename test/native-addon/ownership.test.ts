// The debug table of owned fds, and the canaries: what is done wrong on purpose is noticed.
import { describe, expect, it } from 'vitest';
import { binding, errno, runScript } from './support.ts';

const steals = `
  const netns = addon.createNetns();
  require('node:fs').closeSync(netns.fd);
  console.log(netns.close());
`;

describe('an fd closed behind its owner', () => {
  it.runIf(binding.debug)('ends a debug build, with a stack', async () => {
    const { signal, stdout, stderr } = await runScript(steals);
    expect(signal).toBe('SIGABRT');
    expect(stdout).toBe('');
    expect(stderr).toMatch(/cofferdam: fd \d+: was closed behind its owner's back/);
    expect(stderr).toContain('cofferdam.node(');
  });

  it.skipIf(binding.debug)('is an errno in a release build', async () => {
    expect(await runScript(steals)).toMatchObject({ code: 0, stdout: `${errno.EBADF}\n`, stderr: '' });
  });
});

describe('canaries', () => {
  it('a planted fd shows in /proc/self/fd and in no registry', async () => {
    const { code, stdout } = await runScript(
      `
        const count = () => require('node:fs').readdirSync('/proc/self/fd').length;
        const before = count();
        const fd = addon.plantLeak('fd');
        console.log(require('node:fs').readlinkSync('/proc/self/fd/' + fd), count() - before, addon.openHandles());
      `,
      { env: { COFFERDAM_CANARY: '1' } },
    );
    expect([code, stdout]).toEqual([0, '/dev/null 1 0\n']);
  });

  it('know what they can plant', async () => {
    const { stdout } = await runScript(
      `console.log(addon.plantLeak('hope')); try { addon.plantLeak(1) } catch (e) { console.log(e.name) }`,
      { env: { COFFERDAM_CANARY: '1' } },
    );
    expect(stdout).toBe(`${errno.EINVAL}\nTypeError\n`);
  });

  it('are not there unless asked for', () => {
    expect('plantLeak' in binding).toBe(process.env.COFFERDAM_CANARY !== undefined);
  });
});
