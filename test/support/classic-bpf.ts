/** Classic BPF as the kernel runs it for seccomp(2), by its manual: instructions one by one over struct seccomp_data. */

/** A system call, as the filter sees it. */
export interface SystemCall {
  /** AUDIT_ARCH_*. */
  readonly arch: number;
  readonly number: number;
  /** Six of them. */
  readonly args: readonly bigint[];
}

/** struct seccomp_data of uapi/linux/seccomp.h; where the instruction was, no filter of ours asks. */
function seccompData({ arch, number, args }: SystemCall): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  for (const [index, value] of args.entries()) data.setBigUint64(16 + 8 * index, value, true);
  return data;
}

/** What the program returns, and after how many instructions. Throws where the kernel would not have taken it. */
export function runFilter(program: Uint8Array, call: SystemCall): { result: number; steps: number } {
  const data = seccompData(call);
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const count = program.byteLength / 8;
  let accumulator = 0;
  for (let place = 0, steps = 1; ; place++, steps++) {
    if (place >= count) throw new Error(`no instruction ${place}`);
    const opcode = code.getUint16(8 * place, true);
    const k = code.getUint32(8 * place + 4, true);
    const jump = (taken: boolean) => {
      place += code.getUint8(8 * place + (taken ? 2 : 3));
    };
    switch (opcode) {
      case 0x20: // BPF_LD | BPF_W | BPF_ABS
        if (k % 4 !== 0 || k > 60) throw new Error(`a load from ${k}`);
        accumulator = data.getUint32(k, true);
        break;
      case 0x54: // BPF_ALU | BPF_AND | BPF_K
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05: // BPF_JMP | BPF_JA
        place += k;
        break;
      case 0x15: // BPF_JMP | BPF_JEQ | BPF_K
        jump(accumulator === k);
        break;
      case 0x25: // BPF_JMP | BPF_JGT | BPF_K
        jump(accumulator > k);
        break;
      case 0x35: // BPF_JMP | BPF_JGE | BPF_K
        jump(accumulator >= k);
        break;
      case 0x06: // BPF_RET | BPF_K
        return { result: k, steps };
      default:
        throw new Error(`instruction 0x${opcode.toString(16)}`);
    }
  }
}

/** Whether every path ends within the program: what the kernel checks when it is loaded. */
export function findFault(program: Uint8Array): string | undefined {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const count = program.byteLength / 8;
  if (count === 0 || count > 4096 || !Number.isInteger(count)) return `${count} instructions`;
  for (let place = 0; place < count; place++) {
    const opcode = code.getUint16(8 * place, true);
    const farthest =
      opcode === 0x05
        ? code.getUint32(8 * place + 4, true)
        : (opcode & 0x07) === 0x05
          ? Math.max(code.getUint8(8 * place + 2), code.getUint8(8 * place + 3))
          : 0;
    if (place + farthest + 1 >= count && opcode !== 0x06)
      return `instruction ${place} leads out of the program`;
  }
  return undefined;
}
