import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { historyFile, keepHistory } from '../../src/repl/history.ts';
import { drive } from './drive.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cofferdam-history-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

test('stands where the XDG specification wants state', () => {
  expect(historyFile({})).toBe(join(homedir(), '.local/state/cofferdam/repl_history'));
  expect(historyFile({ XDG_STATE_HOME: '/s' })).toBe('/s/cofferdam/repl_history');
  expect(historyFile({ XDG_STATE_HOME: 'relative' })).toBe(
    join(homedir(), '.local/state/cofferdam/repl_history'),
  );
  expect(historyFile({ COFFERDAM_REPL_HISTORY: '/h' })).toBe('/h');
  expect(historyFile({ COFFERDAM_REPL_HISTORY: '' })).toBeUndefined();
});

test('is kept, readable by its owner alone', async () => {
  const file = join(directory, 'a', 'b', 'history');
  const driven = await drive();
  await keepHistory(driven.console.server, file, (message) => {
    throw new Error(message);
  });
  await driven.type('1 + 1');
  await driven.end();
  // It is written behind our back.
  await expect.poll(() => readFileSync(file, 'utf8')).toContain('1 + 1');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(directory, 'a')).mode & 0o777).toBe(0o700);
});

test('that cannot be kept is said, and that is all', async () => {
  const driven = await drive();
  const warnings: string[] = [];
  writeFileSync(join(directory, 'file'), '');
  await keepHistory(driven.console.server, join(directory, 'file', 'history'), (message) => {
    warnings.push(message);
  });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^no history is kept: (EEXIST|ENOTDIR)/);
  expect(await driven.type('2 + 2')).toBe('4');
  await driven.end();
});
