/** Classic BPF, as seccomp(2) takes it: struct sock_filter of uapi/linux/filter.h over struct seccomp_data. */
import type { Condition } from './check.ts';

/** One instruction. `jt` and `jf` skip so many of those that follow. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** BPF_MAXINSNS: the most that the kernel takes in one program. */
export const MAX_INSTRUCTIONS = 4096;
const INSTRUCTION_BYTES = 8;
/** How far jt and jf reach. */
const FARTHEST = 255;

const LD_W_ABS = 0x20;
const ALU_AND_K = 0x54;
const JMP_JA = 0x05;
const JMP_JEQ_K = 0x15;
const JMP_JGT_K = 0x25;
const JMP_JGE_K = 0x35;
const RET_K = 0x06;

/** Offsets in struct seccomp_data. */
const NR = 0;
const ARCH = 4;
const ARGUMENTS = 16;

const load = (offset: number): Instruction => ({ code: LD_W_ABS, jt: 0, jf: 0, k: offset });
export const loadNumber: Instruction = load(NR);
export const loadArchitecture: Instruction = load(ARCH);

export const ret = (result: number): Instruction => ({ code: RET_K, jt: 0, jf: 0, k: result });

/** Skips `count` instructions where what is loaded is `value`. */
export const skipIf = (value: number, count: number): Instruction => ({
  code: JMP_JEQ_K,
  jt: count,
  jf: 0,
  k: value,
});

/** Below `bound` goes on with `lower`, from there on with `upper`. */
export function branch(
  bound: number,
  lower: readonly Instruction[],
  upper: readonly Instruction[],
): Instruction[] {
  const near = lower.length <= FARTHEST;
  const jump = near
    ? [{ code: JMP_JGE_K, jt: lower.length, jf: 0, k: bound }]
    : [
        { code: JMP_JGE_K, jt: 0, jf: 1, k: bound },
        { code: JMP_JA, jt: 0, jf: 0, k: lower.length },
      ];
  return [...jump, ...lower, ...upper];
}

/** Returns `result` where all conditions hold, and goes on behind itself where they do not. */
export function guarded(conditions: readonly Condition[], result: number): Instruction[] {
  let code: Instruction[] = [ret(result)];
  // From the end to the beginning: how far it is to the way out is known then.
  for (const condition of conditions.toReversed()) code = [...test(condition, code.length), ...code];
  return code;
}

/** Where a comparison leads: to what follows it, to where the condition holds, or to where it does not. */
type Goal = 'next' | 'pass' | 'fail';
type Step =
  | Instruction
  | { readonly code: number; readonly k: number; readonly yes: Goal; readonly no: Goal };

/** Goes on behind itself where the condition holds, and `distance` instructions further where it does not. */
function test({ index, operator, value, mask }: Condition, distance: number): Instruction[] {
  const lowHalf = load(ARGUMENTS + 8 * index);
  const highHalf = load(ARGUMENTS + 8 * index + 4);
  const [low, high] = halves(value);
  const [maskLow, maskHigh] = halves(mask);
  const equal = (yes: Goal, no: Goal): Step[] => [
    highHalf,
    { code: JMP_JEQ_K, k: high, yes: 'next', no },
    lowHalf,
    { code: JMP_JEQ_K, k: low, yes, no },
  ];
  /** `code` is for the lower half, and decides whether what is equal passes. */
  const above = (code: number, yes: Goal, no: Goal): Step[] => [
    highHalf,
    { code: JMP_JGT_K, k: high, yes, no: 'next' },
    { code: JMP_JEQ_K, k: high, yes: 'next', no },
    lowHalf,
    { code, k: low, yes, no },
  ];
  switch (operator) {
    case 'SCMP_CMP_EQ':
      return resolve(equal('pass', 'fail'), distance);
    case 'SCMP_CMP_NE':
      return resolve(equal('fail', 'pass'), distance);
    case 'SCMP_CMP_GT':
      return resolve(above(JMP_JGT_K, 'pass', 'fail'), distance);
    case 'SCMP_CMP_GE':
      return resolve(above(JMP_JGE_K, 'pass', 'fail'), distance);
    case 'SCMP_CMP_LT':
      return resolve(above(JMP_JGE_K, 'fail', 'pass'), distance);
    case 'SCMP_CMP_LE':
      return resolve(above(JMP_JGT_K, 'fail', 'pass'), distance);
    case 'SCMP_CMP_MASKED_EQ': {
      const masked = (half: Instruction, bits: number, wanted: number): Step[] => [
        half,
        { code: ALU_AND_K, jt: 0, jf: 0, k: bits },
        { code: JMP_JEQ_K, k: wanted, yes: 'next', no: 'fail' },
      ];
      // Most masks have bits in one half alone.
      const steps = maskHigh === 0 ? [] : masked(highHalf, maskHigh, high);
      return resolve([...steps, ...masked(lowHalf, maskLow, low)], distance);
    }
  }
}

function resolve(steps: readonly Step[], distance: number): Instruction[] {
  return steps.map((step, place) => {
    if (!('yes' in step)) return step;
    const rest = steps.length - place - 1;
    const ways: Readonly<Record<Goal, number>> = { next: 0, pass: rest, fail: rest + distance };
    return { code: step.code, jt: ways[step.yes], jf: ways[step.no], k: step.k };
  });
}

function halves(value: bigint): [low: number, high: number] {
  return [Number(value & 0xffff_ffffn), Number(value >> 32n)];
}

/** struct sock_filter[] in the byte order of all architectures that there are tables for. */
export function assemble(code: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(code.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [place, instruction] of code.entries()) {
    const offset = place * INSTRUCTION_BYTES;
    view.setUint16(offset, instruction.code, true);
    view.setUint8(offset + 2, instruction.jt);
    view.setUint8(offset + 3, instruction.jf);
    view.setUint32(offset + 4, instruction.k, true);
  }
  return bytes;
}
