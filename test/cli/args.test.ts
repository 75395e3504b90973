import { describe, expect, test } from 'vitest';
import {
  inetAddress,
  inetPrefix,
  matches,
  parseInetPrefix,
  parseInteger,
  parseUnsigned,
  sharesPrefix,
  UsageError,
  Words,
} from '../../src/cli/args.ts';

describe('Words', () => {
  test('steps through words', () => {
    const words = new Words(['dev', 'lo', 'tab', '7', 'rest']);
    expect(words.take('dev')).toBe(true);
    expect(words.next()).toBe('lo');
    expect(words.take('table')).toBe(false);
    expect(words.takeAbbreviated('table')).toBe(true);
    expect(words.peek).toBe('7');
    expect(words.rest()).toEqual(['7', 'rest']);
    expect(words.more).toBe(false);
    expect(() => words.next()).toThrow('Command line is not complete. Try option "help"');
  });

  test('an empty word abbreviates nothing', () => {
    expect(matches('', 'show')).toBe(false);
    expect(matches('sh', 'show')).toBe(true);
    expect(matches('showy', 'show')).toBe(false);
  });
});

describe('numbers', () => {
  test('in decimal, hexadecimal and octal', () => {
    expect(['12', '0x1f', '017', '0'].map((word) => parseUnsigned(word))).toEqual([12, 31, 15, 0]);
    expect(['', '-1', '1x', '0x', '08', '4294967296'].map((word) => parseUnsigned(word))).toEqual(
      Array(6).fill(undefined),
    );
    expect(parseUnsigned('256', 255)).toBeUndefined();
    expect(['-2147483648', '-2147483649', '2147483648', '+5'].map((word) => parseInteger(word))).toEqual([
      -2147483648,
      undefined,
      undefined,
      5,
    ]);
  });
});

describe('prefixes', () => {
  test('short IPv4, masks, IPv6', () => {
    expect(inetPrefix('10.8')).toMatchObject({ family: 'inet', address: '10.8.0.0', length: 32 });
    expect(inetPrefix('10.8/16')).toMatchObject({ address: '10.8.0.0', length: 16, specified: true });
    expect(inetPrefix('10.0.0.0/255.255.240.0').length).toBe(20);
    expect(inetPrefix('2001:DB8::/32')).toMatchObject({
      family: 'inet6',
      address: '2001:db8::',
      length: 32,
    });
    expect(inetPrefix('0x0a.010.0.1').address).toBe('10.8.0.1');
  });

  test('default, any and all', () => {
    expect(inetPrefix('default', 'inet6')).toMatchObject({ family: 'inet6', length: 0, word: 'default' });
    expect(inetPrefix('all')).toMatchObject({ family: undefined, specified: false, word: 'any' });
  });

  test('refuses what is none, in the words of ip', () => {
    for (const word of [
      '10.0.0.256',
      '10.0.0.0.0',
      '1.2.3.4/33',
      '::1/129',
      'x',
      '',
      'default/0',
      '1.2.3.4/',
    ]) {
      expect(parseInetPrefix(word), word).toBeUndefined();
    }
    expect(parseInetPrefix('10.0.0.0/255.0.255.0')).toBeUndefined();
    expect(() => inetPrefix('::/0', 'inet')).toThrow('Error: inet prefix is expected rather than "::/0".');
    expect(() => inetPrefix('x')).toThrow('Error: any valid prefix is expected rather than "x".');
    expect(() => inetAddress('10.0.0.1/8')).toThrow(UsageError);
  });

  test('share their first bits, or not', () => {
    const bytes = (word: string) => inetPrefix(word).bytes;
    expect(sharesPrefix(bytes('10.1.0.0'), bytes('10.1.255.255'), 16)).toBe(true);
    expect(sharesPrefix(bytes('10.1.0.0'), bytes('10.1.128.0'), 17)).toBe(false);
    expect(sharesPrefix(bytes('10.1.0.0'), bytes('::1'), 33)).toBe(false);
    expect(sharesPrefix(bytes('10.1.0.0'), bytes('192.0.2.1'), 0)).toBe(true);
  });
});
