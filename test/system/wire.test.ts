// The two sides of the supervisor's socket have the same numbers, and read what the other writes.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StepFlag, StepKind } from '../../src/system/root/steps.ts';
import { encodeMessage, Kind, Message, Tag } from '../../src/system/wire.ts';

const header = readFileSync(new URL('../../native/supervisor/protocol.h', import.meta.url), 'utf8');

/** The enumerators of an `enum class`, without their 'k'. */
function enumOf(name: string): Record<string, number> {
  const body = new RegExp(`enum class ${name} : uint32_t \\{\\n(.*?)\\n\\};`, 's').exec(header)?.[1] ?? '';
  const entries = [...body.matchAll(/^ {2}k(\w+) = (\d+),$/gm)].map(([, key = '', value]) => [
    key,
    Number(value),
  ]);
  return Object.fromEntries(entries);
}

describe('the numbers of native/supervisor/protocol.h', () => {
  it('of kinds', () => {
    // Said by the addon, and by the supervisor to pid 1.
    const { Join, Go, ...others } = enumOf('Kind');
    expect([Join, Go]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(Kind).toEqual(others);
  });

  it('of tags', () => {
    expect(Object.keys(Tag).length).toBeGreaterThan(30);
    expect(Tag).toEqual(enumOf('Tag'));
  });
});

it('no two of a kind have the same number', () => {
  for (const name of ['Kind', 'Tag', 'Step']) {
    const numbers = Object.values(enumOf(name));
    expect(new Set(numbers).size, name).toBe(numbers.length);
  }
});

describe('the steps of a root', () => {
  it('have the same numbers', () => {
    expect(StepKind).toEqual(enumOf('Step'));
  });

  it('have the same flags', () => {
    const flags = [...header.matchAll(/^constexpr uint32_t kStep(\w+) = (\d+);/gm)];
    const { None, ...others } = StepFlag;
    expect(None).toBe(0);
    expect(others).toEqual(Object.fromEntries(flags.map(([, key, value]) => [key, Number(value)])));
  });
});

describe('a message', () => {
  it('has its fields in order, padded to four bytes', () => {
    const bytes = encodeMessage(Kind.Run, 7, 9, [
      [Tag.Argument, 'sh'],
      [Tag.Argument, 'größe'],
      [Tag.Argument, ''],
      [Tag.DroppedCapabilities, 2n ** 63n],
      [Tag.Errno, -2],
    ]);
    expect(bytes.length % 4).toBe(0);
    const message = new Message(bytes);
    expect([message.kind, message.serial, message.system]).toEqual([Kind.Run, 7, 9]);
    expect(message.texts(Tag.Argument)).toEqual(['sh', 'größe', '']);
    expect(message.number(Tag.Errno)).toBe(-2);
    expect(bytes.readBigUInt64LE(bytes.indexOf(Uint8Array.of(Tag.DroppedCapabilities, 0, 0, 0, 8)) + 8)).toBe(
      2n ** 63n,
    );
    expect(message.text(Tag.Path)).toBeUndefined();
    expect(message.number(Tag.Pid)).toBeUndefined();
  });
});
