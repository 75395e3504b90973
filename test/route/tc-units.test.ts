import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parsePercent,
  parseRate,
  parseRate32,
  parseSize,
  parseSizeAndCell,
  parseTime,
  parseTimeNs,
} from '../../src/cli/show/tc/unit-words.ts';
import { formatG, formatRate, formatSize, formatTime, formatTimeNs } from '../../src/cli/show/tc/units.ts';
import {
  formatClassId,
  HANDLE_WORDS,
  PARENT_WORDS,
  parseClassId,
  parseQdiscHandle,
} from '../../src/route/tc-handle.ts';
import { ticksToTime, timeToTicks, transmitSize, transmitTicks } from '../../src/route/tc-units.ts';

describe('handles', () => {
  it.each([
    ['1:10', 0x10010],
    ['1:', 0x10000],
    [':10', 0x10],
    ['ffff:fff1', 0xfffffff1],
    ['10', 0x10],
    ['root', 0xffffffff],
    ['none', 0],
    ['0x1:0xa', 0x1000a],
  ])('%s', (text, handle) => {
    expect(parseClassId(text, HANDLE_WORDS)).toBe(handle);
  });
  it.each(['', '1:2:3', 'x', '10000:', '1:10000', ' 1:', '1:-1', 'ingress', 'toString'])(
    '%j is none',
    (text) => {
      expect(parseClassId(text, HANDLE_WORDS)).toBeUndefined();
    },
  );
  it('of disciplines have no minor', () => {
    expect(['1:', '1', 'a00', 'ffff:', 'none'].map(parseQdiscHandle)).toEqual([
      0x10000, 0x10000, 0xa000000, 0xffff0000, 0,
    ]);
    expect(['', ':', '1:1', 'x:', '10000:'].map(parseQdiscHandle)).toEqual(Array(5).fill(undefined));
  });
  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (handle) => {
        expect(parseClassId(formatClassId(handle), PARENT_WORDS)).toBe(handle);
      }),
    );
  });
});

describe('times and bursts', () => {
  it('keep ticks exactly', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (ticks) => {
        expect(timeToTicks(ticksToTime(ticks))).toBe(ticks);
      }),
      { numRuns: 2000 },
    );
  });
  it('are whole microseconds to tc', () => {
    // 15 KiB at 100 Mbit/s: 1228.8 microseconds.
    expect(transmitTicks(12_500_000, 15_360)).toBe(19_187);
    expect(transmitSize(12_500_000, 19_187)).toBe(15_337);
  });
});

describe('words and spellings of tc', () => {
  it.each([
    ['1mbit', 125_000],
    ['1Mbit', 125_000],
    ['1000', 125],
    ['1.5kbit', 187],
    ['8bit', 1],
    ['100kbps', 100_000],
    ['1Kibit', 128],
    ['1MiBps', 1_048_576],
    ['2e3bit', 250],
    ['10tbit', 1_250_000_000_000],
  ])('rate %s', (word, rate) => {
    expect(parseRate(word)).toBe(rate);
  });
  it.each(['', 'x', '1mb', '1 mbit', '-1mbit', '1ibit', 'mbit'])('%j is no rate', (word) => {
    expect(parseRate(word)).toBeUndefined();
  });
  it('has 32 bits for some rates', () => {
    expect(parseRate32('40gbit')).toBeUndefined();
    expect(parseRate32('34gbit')).toBe(4_250_000_000);
  });
  it('reads sizes, times and percentages', () => {
    expect(['15k', '1mb', '10', '32kbit', '1.5kb', '2g', '5b'].map(parseSize)).toEqual([
      15_360, 1_048_576, 10, 4096, 1536, 2_147_483_648, 5,
    ]);
    expect(['4g', '-1', 'x', '1kbps'].map(parseSize)).toEqual(Array(4).fill(undefined));
    expect(parseSizeAndCell('15k/8')).toEqual({ size: 15_360, cell: 8 });
    expect(['15k/9', '15k/', 'x/8'].map(parseSizeAndCell)).toEqual(Array(3).fill(undefined));
    expect(['5ms', '1s', '100', '1.5ms', '2sec', '7usecs'].map(parseTime)).toEqual([
      5000, 1_000_000, 100, 1500, 2_000_000, 7,
    ]);
    expect(['5m', 'x', '-1s', '5000s'].map(parseTime)).toEqual(Array(4).fill(undefined));
    expect(['10us', '500', '1.5us', '2s', '7ns'].map(parseTimeNs)).toEqual([10, 0.5, 1.5, 2_000_000, 0.007]);
    expect(['25%', '25', '0.3%', '100%'].map(parsePercent)).toEqual([0.25, 0.25, 0.003, 1]);
    expect(['101%', '-1%', '5x'].map(parsePercent)).toEqual(Array(3).fill(undefined));
  });
  it('spells them', () => {
    const plain = { iec: false };
    expect(
      [0, 1, 125, 125_000, 124_999, 12_500_000, 5_000_000_000].map((rate) => formatRate(rate, plain)),
    ).toEqual(['0bit', '8bit', '1Kbit', '1Mbit', '999992bit', '100Mbit', '40Gbit']);
    expect(formatRate(131_072, { iec: true })).toBe('1Mibit');
    expect([0, 1023, 1024, 1030, 1540, 4096, 1_048_576, 1_500_000].map(formatSize)).toEqual([
      '0b',
      '1023b',
      '1Kb',
      '1Kb',
      '1540b',
      '4Kb',
      '1Mb',
      '1500000b',
    ]);
    expect([0, 999, 1000, 1234, 99_999, 1_500_000, 4e9].map(formatTime)).toEqual([
      '0us',
      '999us',
      '1ms',
      '1.23ms',
      '100ms',
      '1.5s',
      '4e+03s',
    ]);
    expect([0.5, 10, 1500].map(formatTimeNs)).toEqual(['500ns', '10us', '1.5ms']);
  });
  it.each([
    [0, '0'],
    [1, '1'],
    [-2.5, '-2.5'],
    [1_353_565, '1.35356e+06'],
    [0.0001, '0.0001'],
    [0.00001234567, '1.23457e-05'],
    [123_456, '123456'],
    [99.99995, '99.9999'],
    [99.999951, '100'],
    [999_999.5, '1e+06'],
  ])('%d as printf does', (value, text) => {
    expect(formatG(value)).toBe(text);
  });
});
