export { type CompiledSeccomp, compileSeccomp } from './compile.ts';
export { defaultSeccompProfile, readSeccompProfile } from './default.ts';
export type { SeccompOptions } from './policy.ts';
export type {
  OciSeccomp,
  SeccompAction,
  SeccompArgument,
  SeccompFilter,
  SeccompOperator,
  SeccompRule,
  SeccompValue,
} from './profile.ts';
export type { Architecture } from './syscalls.ts';
