import { be32, type Codec, ValueError } from '../netlink/wire/codec.ts';

/** An integer of 32 bits in network order that may be negative: priorities and verdicts. */
export const signedBe32: Codec<number> = {
  size: 4,
  decode: (view, start, end) => be32.decode(view, start, end) | 0,
  encode(writer, value) {
    if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0x7fff_ffff)
      throw new ValueError(value, `an integer from ${-0x8000_0000} to ${0x7fff_ffff}`);
    be32.encode(writer, value >>> 0);
  },
};
