import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Names } from '../../src/cli/names.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cofferdam-names-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(name: string, text: string): void {
  writeFileSync(join(directory, name), text);
}

describe('Names without files', () => {
  test('has the built-in ones', () => {
    const names = new Names({ directory });
    expect([254, 255, 253, 0, 100].map((id) => names.tableName(id))).toEqual([
      'main',
      'local',
      'default',
      '0',
      '100',
    ]);
    expect([0, 2, 4, 186, 99].map((id) => names.protocolName(id))).toEqual([
      'unspec',
      'kernel',
      'static',
      'bgp',
      '99',
    ]);
    expect([0, 253, 254, 255, 200, 7].map((id) => names.scopeName(id))).toEqual([
      'global',
      'link',
      'host',
      'nowhere',
      'site',
      '7',
    ]);
    expect(names.groupName(0)).toBe('default');
    expect(names.dsfieldName(0x10)).toBe('0x10');
  });

  test('reads numbers in every base that iproute2 reads', () => {
    const names = new Names({ directory });
    expect(names.tableId('0x64')).toBe(100);
    expect(names.tableId('0144')).toBe(100);
    expect(names.tableId('4294967295')).toBe(0xffff_ffff);
    expect(names.tableId('4294967296')).toBeUndefined();
    expect(names.tableId('blue')).toBeUndefined();
    expect(names.protocolId('256')).toBeUndefined();
    expect(names.dsfieldId('28')).toBe(0x28);
  });

  test('numeric prints numbers and still reads names', () => {
    const names = new Names({ directory, numeric: true });
    expect(names.tableName(254)).toBe('254');
    expect(names.dsfieldName(0)).toBe('0x00');
    expect(names.tableId('main')).toBe(254);
  });
});

describe('Names with files', () => {
  test('reads ids in decimal and hexadecimal, comments, and drop-ins ending in .conf only', () => {
    write('rt_tables', '# comment\n\n 100\tblue # the blue one\n0x65 green\n');
    mkdirSync(join(directory, 'rt_tables.d'));
    write('rt_tables.d/more.conf', '102 red\n');
    write('rt_tables.d/README', '103 not\n');
    const names = new Names({ directory });
    expect([100, 101, 102, 103].map((id) => names.tableName(id))).toEqual(['blue', 'green', 'red', '103']);
    expect(names.tableId('red')).toBe(102);
  });

  test('the later of two names for a number wins', () => {
    write('rt_tables', '254 principal\n');
    const names = new Names({ directory });
    expect(names.tableName(254)).toBe('principal');
    expect(names.tableId('main')).toBe(254);
  });

  test('a corrupt line ends the reading, and is said', () => {
    write('rt_protos', '200 good\nnonsense\n201 unread\n');
    const warnings: string[] = [];
    const names = new Names({ directory, warn: (message) => warnings.push(message) });
    expect(names.protocolName(200)).toBe('good');
    expect(names.protocolName(201)).toBe('201');
    expect(warnings).toEqual([`Database ${directory}/rt_protos is corrupted at nonsense`]);
  });

  test('a built-in name hides the one of the file until another number made it read the file', () => {
    write('rt_realms', '0 cosmos\n');
    const names = new Names({ directory });
    expect(names.realmName(0)).toBe('unknown');
    expect(names.realmName(9)).toBe('9');
    expect(names.realmName(0)).toBe('cosmos');
  });
});

test('agrees with ip about all tables that the host names', () => {
  const text = execFileSync('ip', ['-j', 'rule', 'show'], { encoding: 'utf8' });
  const rules = JSON.parse(text) as { table?: string }[];
  const numeric = JSON.parse(execFileSync('ip', ['-N', '-j', 'rule', 'show'], { encoding: 'utf8' })) as {
    table?: string;
  }[];
  const names = new Names();
  expect(rules.length).toBeGreaterThan(0);
  for (const [i, rule] of rules.entries()) {
    if (rule.table !== undefined) expect(names.tableName(Number(numeric[i]?.table))).toBe(rule.table);
  }
});
