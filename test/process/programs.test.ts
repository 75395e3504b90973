// What only a program of its own can show: how it ends, with which rights.
import { expect, it } from 'vitest';
import { Pidfd } from '../../src/process/index.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';

// Compiled before a test's time runs.
const moduleUrl = compiledUrl('process/index.js');

it('is killed at the end of a program that forgets it', async () => {
  const result = await runModule(`
    import { Process } from '${moduleUrl}';
    const child = await Process.spawn(['sleep', '60'], { stdio: 'ignore' });
    console.log(child.pid);
  `);
  expect([result.code, result.stderr]).toEqual([0, '']);
  await expect(Pidfd.open(Number(result.stdout))).rejects.toMatchObject({ code: 'ESRCH' });
});

it('a deathSignal reaches it even where the program is killed', async () => {
  const result = await runModule(`
    import { Process } from '${moduleUrl}';
    const child = await Process.spawn(['sleep', '60'], { stdio: 'ignore', deathSignal: 'SIGTERM' });
    process.stdout.write(String(child.pid), () => process.kill(process.pid, 'SIGKILL'));
  `);
  expect(result.signal).toBe('SIGKILL');
  const orphan = await Pidfd.open(Number(result.stdout)).catch(() => undefined);
  await orphan?.wait({ timeout: 30_000 });
  await orphan?.[Symbol.asyncDispose]();
});

it('without the right names the capability', async () => {
  const { code, stdout, stderr } = await runModule(`
      import { Pidfd } from '${moduleUrl}';
      const init = await Pidfd.open(${process.pid});
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      for (const call of [() => init.send('SIGURG'), () => init.getfd(0)]) {
        try { await call(); } catch (error) { console.log(error.code, error.capability, error.message); }
      }
    `);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.split('\n')).toEqual([
    'EPERM CAP_KILL EPERM: operation not permitted, pidfd_send_signal (needs CAP_KILL)',
    'EPERM CAP_SYS_PTRACE EPERM: operation not permitted, pidfd_getfd (needs CAP_SYS_PTRACE)',
    '',
  ]);
});
it('keeps the event loop alive, and an open handle does not', async () => {
  const module = (what: string) => `
      import { Pidfd, Process } from '${moduleUrl}';
      const child = await Process.spawn(['sleep', '2'], { stdio: 'ignore' });
      const other = await Pidfd.open(child.pid);
      ${what}
      console.log('end');
    `;
  const waits = await runModule(module('await other.wait(); console.log(other.alive);'));
  expect([waits.code, waits.stdout]).toEqual([0, 'false\nend\n']);
  const idle = await runModule(module(''));
  expect([idle.code, idle.stdout]).toEqual([0, 'end\n']);
});
