/** What every program of a system is confined by. */
import { capabilityMask, keptCapabilities } from './capabilities.ts';
import type { SecuritySpec } from './config/index.ts';
import { compileSeccomp, defaultSeccompProfile, readSeccompProfile } from './seccomp/index.ts';

export interface Confinement {
  readonly droppedCapabilities: bigint;
  /** struct sock_filter[]. */
  readonly seccomp: Uint8Array | undefined;
}

/** Programs of the default profile by the capabilities that are kept: making one takes longer than making a system. */
const compiled = new Map<bigint, Uint8Array>();

/** @throws InvalidArgumentError for a profile that is none, SystemError where it cannot be read */
export function confinementOf({ dropCapabilities, seccomp }: SecuritySpec): Confinement {
  const droppedCapabilities = capabilityMask(dropCapabilities, 'security.capabilities.drop');
  if (seccomp === 'unconfined') return { droppedCapabilities, seccomp: undefined };
  const capabilities = keptCapabilities(dropCapabilities);
  if (seccomp !== 'default') {
    const { program } = compileSeccomp(readSeccompProfile(seccomp.profile), { capabilities });
    return { droppedCapabilities, seccomp: program };
  }
  let program = compiled.get(droppedCapabilities);
  if (program === undefined) {
    ({ program } = compileSeccomp(defaultSeccompProfile(), { capabilities }));
    compiled.set(droppedCapabilities, program);
  }
  return { droppedCapabilities, seccomp: program };
}
