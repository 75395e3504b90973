import { expect, it } from 'vitest';
import { identityRecord, parseIdentityRecord } from '../../src/process/identity.ts';

it('what is written on a thing is read back, and what is beside it', () => {
  const record = identityRecord();
  expect(record).toMatchObject({ version: 1, pid: process.pid });
  expect(parseIdentityRecord(JSON.stringify({ system: 'job', ...record }))).toEqual({
    system: 'job',
    ...record,
  });
});

it.each<[string, string]>([
  ['nothing', ''],
  ['no JSON', '{'],
  ['null', 'null'],
  ['no object', '[]'],
  ['a later version', JSON.stringify({ ...identityRecord(), version: 2 })],
  ['no version', JSON.stringify({ ...identityRecord(), version: undefined })],
  ['a pid that is no number', JSON.stringify({ ...identityRecord(), pid: '1' })],
  ['no start', JSON.stringify({ ...identityRecord(), startTime: null })],
  ['no boot', JSON.stringify({ ...identityRecord(), bootId: undefined })],
])('%s is no record of ours', (_, text) => {
  expect(parseIdentityRecord(text)).toBeUndefined();
});
