import { type Codec, s32, ValueError } from '../netlink/wire/codec.ts';

/**
 * What an action has done with a packet, or an exceeding one comes to: TC_ACT_*, uapi/linux/pkt_cls.h, in the words of
 * `tc`. `goto chain 5` and `jump 3` carry a number.
 */
const CONTROLS: Readonly<Record<string, number>> = {
  continue: -1,
  pass: 0,
  reclassify: 1,
  drop: 2,
  pipe: 3,
  stolen: 4,
  queued: 5,
  repeat: 6,
  redirect: 7,
  trap: 8,
};
const OTHER_WORDS: Readonly<Record<string, string>> = { ok: 'pass', shot: 'drop', unspec: 'continue' };
const WORDS = new Map(Object.entries(CONTROLS).map(([word, code]) => [code, word]));

const JUMP = 0x10000000;
const GOTO_CHAIN = 0x20000000;
const VALUE = 0x0fffffff;

export function controlWord(code: number): string {
  const word = WORDS.get(code);
  if (word !== undefined) return word;
  if ((code & ~VALUE) === GOTO_CHAIN) return `goto chain ${code & VALUE}`;
  if ((code & ~VALUE) === JUMP) return `jump ${code & VALUE}`;
  return String(code);
}

/** Undefined for a word that is none. */
export function controlCode(word: string): number | undefined {
  if (typeof word !== 'string') return undefined;
  const plain = OTHER_WORDS[word] ?? word;
  if (Object.hasOwn(CONTROLS, plain)) return CONTROLS[plain];
  const value = Number(/^(?:goto chain|jump) (\d+)$/.exec(plain)?.[1] ?? Number.NaN);
  if (value <= VALUE) return (plain.startsWith('jump') ? JUMP : GOTO_CHAIN) | value;
  return /^-?\d+$/.test(plain) ? Number(plain) | 0 : undefined;
}

/** The code in a struct or an attribute. */
export const control: Codec<string> = {
  size: 4,
  decode: (view, start, end) => controlWord(s32.decode(view, start, end)),
  encode(writer, value) {
    const code = controlCode(value);
    if (code === undefined)
      throw new ValueError(value, `one of ${Object.keys(CONTROLS).join(', ')}, "goto chain N", "jump N"`);
    writer.s32(code);
  },
};
