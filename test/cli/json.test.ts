import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { formatJson } from '../../src/cli/show/json.ts';
import { counter, humanNumber, paint } from '../../src/cli/text.ts';
import { lookUntil } from '../support/look.ts';

describe('formatJson', () => {
  test('prints bigint as an integer, leaves undefined out', () => {
    expect(formatJson([{ bytes: 2n ** 64n - 1n, none: undefined, empty: [], name: 'a"b\n' }])).toBe(
      '[{"bytes":18446744073709551615,"empty":[],"name":"a\\"b\\n"}]',
    );
  });

  for (const object of ['link', 'addr', 'route', 'rule'] as const) {
    test(`lays out \`ip -d ${object}\` as ip does, byte by byte`, async () => {
      const ip = (...flags: string[]) =>
        execFileSync('ip', ['-d', ...flags, object, 'show'], { encoding: 'utf8' }).trimEnd();
      // Lifetimes of this host's addresses may run on in between.
      const look = () => ({ plain: ip('-j'), pretty: ip('-j', '-p') });
      const { plain, pretty } = await lookUntil(look, (seen) =>
        isDeepStrictEqual(JSON.parse(seen.plain), JSON.parse(seen.pretty)),
      );
      const value = JSON.parse(plain);
      expect(formatJson(value)).toBe(plain);
      expect(formatJson(value, true)).toBe(pretty);
    });
  }
});

describe('text', () => {
  test('human numbers', () => {
    expect([999, 1000, 1500, 123_456, 10n ** 18n].map((value) => humanNumber(value))).toEqual([
      '999',
      '1.00k',
      '1.50k',
      '123k',
      '1.00E',
    ]);
    expect(humanNumber(1536, true)).toBe('1.50ki');
    expect(counter(1500n, { human: false, iec: false })).toBe('1500');
  });

  test('colours only when asked, bold on a dark background', () => {
    expect(paint(false).ifname('lo')).toBe('lo');
    expect(paint(true, {}).ifname('lo')).toBe('\u001b[36mlo\u001b[0m');
    expect(paint(true, { COLORFGBG: '15;0' }).ifname('lo')).toBe('\u001b[1;36mlo\u001b[0m');
  });
});
