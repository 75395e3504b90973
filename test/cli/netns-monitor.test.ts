/** `cofferdam netns monitor` beside `ip netns monitor`. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isRoot, runCli } from './run-cli.ts';

const BASE = `cofferdam-test-${process.pid}-monitor`;
const READY = `${BASE}-ready`;
const NAMES = ['a', 'b', 'c'].map((letter) => `${BASE}-${letter}`);

/** Other tests make namespaces meanwhile. */
const own = (text: string) => text.split('\n').filter((line) => line.includes(BASE));

/** Names given and taken, one after the other. */
async function changes(): Promise<void> {
  for (const verb of ['add', 'del']) {
    for (const name of NAMES) {
      execFileSync('ip', ['netns', verb, name]);
      await sleep(50);
    }
  }
}

/** Runs ours; `ready` is when it has told of the first name. */
function listen(words: readonly string[]) {
  let stop: (signal: NodeJS.Signals) => void = () => {};
  let started = () => {};
  const ready = new Promise<void>((resolve) => {
    started = resolve;
  });
  let text = '';
  const done = runCli(words, {
    onOutput: (more, kill) => {
      stop = kill;
      text += more;
      if (text.includes(READY)) started();
    },
  });
  return { ready, done, stop: (signal: NodeJS.Signals) => stop(signal) };
}

/** Gives and takes a name until somebody has heard of it: then it listens. */
async function untilHeard(ready: Promise<void>): Promise<void> {
  let heard = false;
  void ready.then(() => {
    heard = true;
  });
  while (!heard) {
    execFileSync('ip', ['netns', 'add', READY]);
    await sleep(100);
    execFileSync('ip', ['netns', 'del', READY]);
    await sleep(100);
  }
}

const withoutReady = (lines: readonly string[]) => lines.filter((line) => !line.includes(READY));

describe.runIf(isRoot)('netns monitor', () => {
  it('prints as ip does', async () => {
    // Into a pipe it writes blocks, and what is left of one dies with it.
    const ip = spawn('stdbuf', ['-oL', 'ip', 'netns', 'monitor']);
    let expected = '';
    ip.stdout.setEncoding('utf8').on('data', (text: string) => {
      expected += text;
    });
    const gone = once(ip, 'close');
    const ours = listen(['netns', 'monitor']);
    await untilHeard(ours.ready);
    await changes();
    await sleep(200);
    ours.stop('SIGINT');
    ip.kill();
    await gone;
    const { code, stdout, stderr } = await ours.done;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(withoutReady(own(stdout))).toEqual(withoutReady(own(expected)));
    expect(withoutReady(own(stdout))).toEqual([
      ...NAMES.map((name) => `add ${name}`),
      ...NAMES.map((name) => `delete ${name}`),
    ]);
  });

  it('prints a line of JSON for each with -j', async () => {
    const ours = listen(['-j', 'netns', 'monitor']);
    await untilHeard(ours.ready);
    const [name = ''] = NAMES;
    execFileSync('ip', ['netns', 'add', name]);
    const { ino: inode, dev: device } = statSync(`/run/netns/${name}`);
    await sleep(100);
    execFileSync('ip', ['netns', 'del', name]);
    await sleep(200);
    ours.stop('SIGTERM');
    const { code, stdout } = await ours.done;
    expect(code).toBe(0);
    const time = expect.stringMatching(/^\d{4}-.*Z$/);
    const value = { name, inode, device };
    expect(withoutReady(own(stdout)).map((line) => JSON.parse(line))).toEqual([
      { time, type: 'new', object: 'netns', value },
      { time, type: 'del', object: 'netns', value },
    ]);
  });
});
