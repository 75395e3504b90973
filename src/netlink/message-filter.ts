import { endianness } from 'node:os';
import { InvalidArgumentError } from '../handle/errors.ts';

/** Classic BPF, uapi/linux/bpf_common.h and filter.h: code, jump if true, jump if false, operand. */
const LOAD_HALF = 0x28; // BPF_LD | BPF_H | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
const INSTRUCTION = 8;
/** Where nlmsg_type lies in a message. */
const TYPE_OFFSET = 4;
/** Jumps are 8 bits. */
const MOST = 255;

/**
 * A socket filter that lets messages of these types through and nothing else: the kernel looks at the first message of
 * each datagram, before it takes any memory of the socket's. News are one message a datagram.
 */
export function messageTypeFilter(types: readonly number[]): Uint8Array {
  if (types.length > MOST)
    throw new InvalidArgumentError('types', types.length, 'are too many types', `at most ${MOST}`);
  const program = new Uint8Array((types.length + 3) * INSTRUCTION);
  const view = new DataView(program.buffer);
  const little = endianness() === 'LE';
  let at = 0;
  const put = (code: number, whenTrue: number, operand: number) => {
    view.setUint16(at, code, little);
    view.setUint8(at + 2, whenTrue);
    view.setUint32(at + 4, operand, little);
    at += INSTRUCTION;
  };
  put(LOAD_HALF, 0, TYPE_OFFSET);
  for (const [index, type] of types.entries()) {
    // BPF loads in network byte order, the header is in the host's.
    const loaded = little ? ((type & 0xff) << 8) | (type >>> 8) : type;
    put(JUMP_EQUAL, types.length - index, loaded);
  }
  put(RETURN, 0, 0);
  put(RETURN, 0, 0xffff_ffff);
  return program;
}
