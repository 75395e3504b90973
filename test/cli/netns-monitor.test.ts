/** `cofferdam netns monitor` beside `ip netns monitor`. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/cgroup.ts';
import { isRoot, runCli } from './run-cli.ts';

const BASE = `cofferdam-test-${process.pid}-monitor`;
const READY = `${BASE}-ready`;
const NAMES = ['a', 'b', 'c'].map((letter) => `${BASE}-${letter}`);

/** Other tests make namespaces meanwhile. */
const own = (text: string) => text.split('\n').filter((line) => line.includes(BASE));

/** What somebody prints, as it comes. */
interface Heard {
  readonly text: () => string;
}

/** Changes a name, and waits until all have told of it: two changes that are seen at once may cancel each other out. */
async function change(verb: 'add' | 'del', name: string, ...listeners: readonly Heard[]): Promise<void> {
  const count = ({ text }: Heard) => text().split(name).length;
  const before = listeners.map(count);
  execFileSync('ip', ['netns', verb, name]);
  const told = () => listeners.every((listener, i) => count(listener) > (before[i] ?? 0));
  await eventually(`${verb} ${name} is told of`, told);
}

/** Runs ours. */
function listen(words: readonly string[]) {
  let stop: (signal: NodeJS.Signals) => void = () => {};
  let text = '';
  const done = runCli(words, {
    onOutput: (more, kill) => {
      stop = kill;
      text += more;
    },
  });
  return { text: () => text, done, stop: (signal: NodeJS.Signals) => stop(signal) };
}

/** Gives and takes a name until all have heard of it: then they listen. */
async function untilHeard(...listeners: readonly Heard[]): Promise<void> {
  while (!listeners.every(({ text }) => text().includes(READY))) {
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
    const both = [ours, { text: () => expected }];
    await untilHeard(...both);
    for (const verb of ['add', 'del'] as const) for (const name of NAMES) await change(verb, name, ...both);
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
    await untilHeard(ours);
    const [name = ''] = NAMES;
    await change('add', name, ours);
    const { ino: inode, dev: device } = statSync(`/run/netns/${name}`);
    await change('del', name, ours);
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
