// Who waits for a program in a system holds the system, though he has forgotten it; who has forgotten both has leaked it.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { compiledUrl } from '../support/compiled.ts';

async function run(script: string): Promise<{ stdout: string; stderr: string }> {
  const head = `
    const { System } = await import(${JSON.stringify(compiledUrl('system/index.js'))});
    const make = (name) => System.create({ name, group: 'cofferdam-test-held-${process.pid}', lifecycle: { grace_period: 0 } });
    const timer = setInterval(() => gc(), 20);
  `;
  return await promisify(execFile)(process.execPath, [
    '--expose-gc',
    '--input-type=module',
    '--eval',
    head + script,
  ]);
}

it('a program runs to its end', async () => {
  const { stdout } = await run(`
    const start = async () => (await make('held')).start(['sleep', '0.7'], { stdio: 'ignore' });
    const command = await start();
    console.log(JSON.stringify(await command.wait()));
    clearInterval(timer);
  `);
  expect(JSON.parse(stdout)).toMatchObject({ exitCode: 0, reason: 'exited' });
});

it('a system that nobody has any more is ended, and reported', async () => {
  const { stderr } = await run(`
    await (async () => { await (await make('lost')).start(['sleep', '100'], { stdio: 'ignore' }); })();
    await new Promise((told) => process.once('warning', told));
    clearInterval(timer);
  `);
  expect(stderr).toMatch(/ResourceLeakWarning.*system/);
});
