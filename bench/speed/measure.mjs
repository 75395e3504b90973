/** Runs one row once, and says what it took. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output } from './build.mjs';
import { inNetns } from './world.mjs';

const LONGEST = 600_000;
/** Milliseconds in which a monitor may read what is left after the last event was made. */
const REST = 1500;

/** What a program said when it failed: of a stack trace, the error. */
const complaint = (text) => /^.*Error.*$/m.exec(text)?.[0] ?? lastLine(text);
const lastLine = (text) => text.trimEnd().split('\n').at(-1) ?? '';

/** Its stdout goes to a file: a pipe would have a reader that competes for the CPU. */
function withFiles(body) {
  const directory = mkdtempSync(join(tmpdir(), 'cofferdam-speed-'));
  const file = (name) => join(directory, name);
  const fds = ['out', 'err', 'usage'].map((name) => openSync(file(name), 'w'));
  const read = (name) => readFileSync(file(name), 'utf8');
  const end = () => {
    for (const fd of fds) closeSync(fd);
    rmSync(directory, { recursive: true });
  };
  return Promise.resolve()
    .then(() => body(fds, read))
    .finally(end);
}

const launched = (netns, argv) => inNetns(netns, [join(output, 'launch'), ...argv]);

function start(netns, argv, [out, err, usage]) {
  const [command, ...args] = launched(netns, argv);
  return spawn(command, args, {
    stdio: ['ignore', out, err, usage],
    timeout: LONGEST,
    killSignal: 'SIGKILL',
  });
}

/** Facts of a row: seconds, and what it said besides. Throws with its stderr if it failed. */
export function measure(netns, row, argv = row.argv) {
  return withFiles(async (fds, read) => {
    const [code, signal] = await once(start(netns, argv, fds), 'exit');
    if (code !== 0)
      throw new Error(`${row.name}: ${signal ?? `exit code ${code}`}: ${complaint(read('err'))}`);
    const usage = JSON.parse(read('usage'));
    if (row.wall) return { seconds: usage.wall, rss: usage.rss };
    return { rss: usage.rss, ...JSON.parse(lastLine(read('out'))) };
  });
}

/** The same for a listener: it says that it is ready, hears what the producer does, and is told to stop. */
export function measureMonitor(netns, row, producer) {
  return withFiles(async (fds, read) => {
    // Without the launcher: the signal is for the listener.
    const [command, ...args] = inNetns(netns, row.argv);
    const child = spawn(command, args, { stdio: ['ignore', fds[0], fds[1]], timeout: LONGEST });
    const ended = once(child, 'exit');
    const deadline = performance.now() + 10_000;
    const ready = () => (row.lines ? performance.now() > deadline - 9_000 : read('err').includes('ready'));
    while (!ready()) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`${row.name}: ${read('err')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const before = producerStart();
    const [maker, ...makerArgs] = inNetns(netns, producer);
    execFileSync(maker, makerArgs, { stdio: 'ignore' });
    const rate = producerStart() - before;
    await new Promise((resolve) => setTimeout(resolve, REST));
    child.kill('SIGTERM');
    await ended;
    if (row.lines) return { count: read('out').split('\n').length - 1, produced: rate };
    return { produced: rate, ...JSON.parse(lastLine(read('out'))) };
  });
}

const producerStart = () => performance.now() / 1000;
