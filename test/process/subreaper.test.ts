// Orphans, in processes of their own: who takes them in and who reaps them concerns a whole process.
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { compiledUrl, runModule } from '../support/compiled.ts';

// Compiled before a test's time runs.
const moduleUrl = compiledUrl('process/index.js');

const prelude = `
  import { spawn } from 'node:child_process';
  import { once } from 'node:events';
  import { readFileSync } from 'node:fs';
  import { Process, subreaper } from '${moduleUrl}';
  // A shell that leaves an orphan behind, and says its pid.
  const orphaned = async (seconds) => {
    const child = await Process.spawn(['sh', '-c', 'sleep ' + seconds + ' >/dev/null & echo $!'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    for await (const chunk of child.stdout) text += chunk;
    await child.wait();
    await child[Symbol.asyncDispose]();
    const pid = Number(text);
    // The shell does not wait until it has become what it is to be.
    while (readFileSync('/proc/' + pid + '/comm', 'utf8') !== 'sleep\\n') await new Promise((resolve) => setTimeout(resolve, 1));
    return pid;
  };
`;

async function output(source: string): Promise<unknown> {
  const { code, signal, stdout, stderr } = await runModule(prelude + source);
  expect([code, signal, stderr]).toEqual([0, null, '']);
  return JSON.parse(stdout);
}

describe('subreaper', () => {
  it('is off, on, and off again', async () => {
    expect(
      await output(`
        const seen = [subreaper.enabled];
        subreaper.enable(); seen.push(subreaper.enabled);
        subreaper.disable(); seen.push(subreaper.enabled);
        console.log(JSON.stringify(seen));
      `),
    ).toEqual([false, true, false]);
  });

  it('lists and reaps orphans, and nobody else', async () => {
    const result = (await output(`
      subreaper.enable();
      const ours = await Process.spawn(['sleep', '60'], { stdio: 'ignore' });
      const ours2 = await Process.spawn(['true'], { stdio: 'ignore' });
      const node = spawn('sleep', ['60']);
      const short = spawn('sh', ['-c', 'exit 5']);
      const nodeEnds = Promise.all([once(node, 'exit'), once(short, 'exit')]);
      const pid = await orphaned(60);
      const first = subreaper.orphans();
      // In one turn, with zombies of Node's and ours about: none of them is touched.
      const deadline = Date.now() + 100;
      while (Date.now() < deadline);
      const none = subreaper.reap();
      process.kill(pid, 'SIGTERM');
      let reaped = [];
      while (reaped.length === 0) { reaped = subreaper.reap(); await new Promise((resolve) => setTimeout(resolve, 1)); }
      node.kill('SIGKILL');
      ours.send('SIGINT');
      const exits = [(await ours.wait()).signal, (await ours2.wait()).exitCode, (await nodeEnds).map((end) => end.join())];
      ours.close(); ours2.close();
      console.log(JSON.stringify({ pid, first, none, reaped, exits, last: subreaper.orphans() }));
    `)) as {
      pid: number;
      first: unknown[];
      none: unknown[];
      reaped: unknown[];
      exits: unknown;
      last: unknown;
    };
    const { pid } = result;
    expect(result.first).toEqual([
      { pid, identity: expect.objectContaining({ pid }), command: 'sleep', ended: false },
    ]);
    expect(result.none).toEqual([]);
    expect(result.reaped).toEqual([
      {
        pid,
        identity: expect.objectContaining({ pid }),
        command: 'sleep',
        exit: expect.objectContaining({ reason: 'killed', signal: 'SIGTERM' }),
      },
    ]);
    expect(result.exits).toEqual(['SIGINT', 0, [',SIGKILL', '5,']]);
    expect(result.last).toEqual([]);
  });

  it('reaps them as they end', async () => {
    const result = (await output(`
      subreaper.enable();
      const controller = new AbortController();
      const wanted = new Set();
      for (const seconds of [0.05, 0.1, 0.1, 60]) wanted.add(await orphaned(seconds));
      const spared = await orphaned(0.05);
      const seen = [];
      let error;
      try {
        for await (const { pid, exit } of subreaper.reaped({ signal: controller.signal, except: [spared] })) {
          seen.push([wanted.has(pid), exit.reason]);
          if (seen.length === 3) process.kill([...wanted][3], 'SIGKILL');
          if (seen.length === 4) controller.abort();
        }
      } catch (thrown) { error = thrown.name; }
      while (!subreaper.orphans()[0].ended) await new Promise((resolve) => setTimeout(resolve, 1));
      const left = subreaper.orphans().map(({ pid, ended }) => [pid === spared, ended]);
      for await (const { pid } of subreaper.reaped()) { if (pid === spared) break; }
      console.log(JSON.stringify({ seen, error, left, listeners: process.listenerCount('SIGCHLD'), last: subreaper.orphans() }));
    `)) as Record<string, unknown>;
    expect(result).toEqual({
      seen: [
        [true, 'exited'],
        [true, 'exited'],
        [true, 'exited'],
        [true, 'killed'],
      ],
      error: 'AbortError',
      left: [[true, true]],
      listeners: 0,
      last: [],
    });
  });

  it('leaves the children of Workers alone, which hang on other threads', async () => {
    expect(
      await output(`
        import { Worker } from 'node:worker_threads';
        subreaper.enable();
        const worker = new Worker(\`
          const { spawn } = require('node:child_process');
          const { parentPort } = require('node:worker_threads');
          const child = spawn('sh', ['-c', 'exit 3']);
          // Its zombie is there for the main thread to see.
          const until = Date.now() + 200;
          parentPort.postMessage('spawned');
          while (Date.now() < until);
          child.on('exit', (code) => parentPort.postMessage(code));
        \`, { eval: true, execArgv: [] });
        await once(worker, 'message');
        const result = once(worker, 'message');
        const seen = [];
        for (let i = 0; i < 20; i++) { seen.push(...subreaper.reap(), ...subreaper.orphans()); await new Promise((resolve) => setTimeout(resolve, 5)); }
        console.log(JSON.stringify([seen, (await result)[0]]));
      `),
    ).toEqual([[], 3]);
  });

  it('refuses what is no pid, and Workers', async () => {
    expect(
      await output(`
        const codes = [];
        try { subreaper.orphans({ except: [0] }); } catch (error) { codes.push(error.field); }
        try { subreaper.orphans({ except: 5 }); } catch (error) { codes.push(error.field); }
        try { subreaper.reaped({ signal: 7 }); } catch (error) { codes.push(error.field); }
        console.log(JSON.stringify(codes));
      `),
    ).toEqual(['except[0]', 'except', 'signal']);
    const worker = new Worker(
      `import('${moduleUrl}').then(({ subreaper }) => {
        const { parentPort } = require('node:worker_threads');
        try { subreaper.orphans(); } catch (error) { parentPort.postMessage(error.code); }
      })`,
      { eval: true },
    );
    const code = await new Promise((resolve) => worker.once('message', resolve));
    expect(code).toBe('ERR_COFFERDAM_MAIN_THREAD');
    await worker.terminate();
  });
});
