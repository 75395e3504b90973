import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiledDist } from '../support/compiled.ts';
import { lookUntil } from '../support/look.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
let directory: string;

/** The examples where `import ... from 'cofferdam'` finds what is in src now, not what dist was built from. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cofferdam-examples-'));
  const installed = join(directory, 'node_modules', 'cofferdam');
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
  symlinkSync(compiledDist(), join(installed, 'dist'));
  for (const name of readdirSync(join(root, 'examples'))) {
    if (name.endsWith('.mjs')) cpSync(join(root, 'examples', name), join(directory, name));
  }
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function run(name: string, ...flags: string[]) {
  return spawnSync(process.execPath, [...flags, join(directory, name)], {
    encoding: 'utf8',
    timeout: 50_000,
  });
}

test('list-routes lists what ip lists', async () => {
  const lines = (text: string) => text.split('\n').filter((line) => line !== '').length;
  const look = () => {
    const { status, stdout, stderr } = run('list-routes.mjs');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const routes = spawnSync('ip', ['-4', '-o', 'route', 'show', 'table', 'all'], { encoding: 'utf8' });
    const six = spawnSync('ip', ['-6', '-o', 'route', 'show', 'table', 'all'], { encoding: 'utf8' });
    return { ours: lines(stdout), theirs: lines(routes.stdout) + lines(six.stdout) };
  };
  const { ours, theirs } = await lookUntil(look, (seen) => seen.ours === seen.theirs);
  expect(ours).toBe(theirs);
});

test('watch-links watches until Ctrl-C', async () => {
  const child = spawn(process.execPath, [join(directory, 'watch-links.mjs')], { timeout: 50_000 });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('watching')) child.kill('SIGINT');
  });
  const end = await new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  expect({ end, stderr }).toEqual({ end: { code: 0, signal: null }, stderr: '' });
});

test('flat-fds tells flat from not flat', () => {
  const { status, stdout, stderr } = run('flat-fds.mjs', '--expose-gc');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^flat: (\d+) fds before, \1 after 1000 runs\nnot flat: 3 sockets stayed open\n$/);
});

test('own-family speaks to a family that it describes', () => {
  const { status, stdout, stderr } = run('own-family.mjs');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^process \d+: waited \d+ times for a CPU, \d+ ns altogether\n$/);
});

test('run-in-netns runs a program where there is but lo, and passes its exit code on', () => {
  const { status, stdout, stderr } = run('run-in-netns.mjs');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^1: lo: <LOOPBACK,UP,LOWER_UP> /);
  expect(stdout).not.toMatch(/^2: (?!(gre|tun|sit|ip))/m);
});
