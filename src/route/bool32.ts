import { type Codec, s32, ValueError } from '../netlink/wire/codec.ts';

/** Yes or no in 32 bits: yes for anything but 0. */
export const bool32: Codec<boolean> = {
  size: 4,
  decode: (view, start, end) => s32.decode(view, start, end) !== 0,
  encode(writer, value) {
    if (typeof value !== 'boolean') throw new ValueError(value, 'true or false');
    writer.s32(value ? 1 : 0);
  },
};
