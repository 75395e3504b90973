/** What programs write on their tables, chains and rules for themselves: the kernel keeps it and never looks. */
import { type Codec, ValueError } from '../netlink/wire/codec.ts';
import { readText } from '../netlink/wire/text.ts';
import { toHex, WireError } from '../netlink/wire/view.ts';

/** The first of the types that `nft` gives meaning to, for tables, chains and rules alike: NFTNL_UDATA_*_COMMENT. */
const COMMENT = 0;

/** NFT_USERDATA_MAXLEN, and the one byte of a note's length. */
const MOST = 256;
const LONGEST = 255;

/** `nft` shows the comment, and passes over notes that it does not know. */
export interface UserData {
  comment?: string;
  /** Notes of other types, their values in hex. */
  notes?: { type: number; hex: string }[];
}

/** One byte of type, one of length, then the value; one after the other, as libnftnl writes them. */
export const userData: Codec<UserData> = {
  decode({ bytes }, start, end) {
    const data: UserData = {};
    for (let at = start; at < end; ) {
      const type = bytes[at] as number;
      const from = at + 2;
      const to = from + (bytes[at + 1] ?? Number.POSITIVE_INFINITY);
      if (to > end) throw new WireError(`a note of type ${type} claims more than there is`);
      if (type === COMMENT) data.comment = readText(bytes, from, to);
      else {
        data.notes ??= [];
        data.notes.push({ type, hex: toHex(bytes.subarray(from, to)) });
      }
      at = to;
    }
    return data;
  },
  encode(writer, { comment, notes = [] }) {
    const start = writer.length;
    const put = (type: number, value: Uint8Array, given: unknown): void => {
      if (value.length > LONGEST || writer.length - start + 2 + value.length > MOST)
        throw new ValueError(given, `less: a note has up to ${LONGEST} bytes, all together up to ${MOST}`);
      writer.u8(type);
      writer.u8(value.length);
      writer.raw(value);
    };
    if (comment !== undefined) {
      if (typeof comment !== 'string' || comment.includes('\0'))
        throw new ValueError(comment, 'a string without NUL');
      put(COMMENT, Buffer.from(`${comment}\0`), comment);
    }
    for (const note of notes) {
      const { type, hex } = note;
      if (!Number.isInteger(type) || type <= COMMENT || type > 255)
        throw new ValueError(type, 'a type from 1 to 255');
      put(type, Buffer.from(hex, 'hex'), note);
    }
  },
};
