/** What every program of a system is confined by. */
import { capabilityMask, keptCapabilities } from './capabilities.ts';
import type { SecuritySpec } from './config/index.ts';
import { compileSeccomp, defaultSeccompProfile, readSeccompProfile } from './seccomp/index.ts';

export interface Confinement {
  readonly droppedCapabilities: bigint;
  /** struct sock_filter[]. */
  readonly seccomp: Uint8Array | undefined;
  readonly warnings: readonly string[];
}

/** @throws InvalidArgumentError for a profile that is none, SystemError where it cannot be read */
export function confinementOf({ dropCapabilities, seccomp }: SecuritySpec): Confinement {
  const droppedCapabilities = capabilityMask(dropCapabilities, 'security.capabilities.drop');
  if (seccomp === 'unconfined') return { droppedCapabilities, seccomp: undefined, warnings: [] };
  const profile = seccomp === 'default' ? defaultSeccompProfile() : readSeccompProfile(seccomp.profile);
  const { program, unknown } = compileSeccomp(profile, { capabilities: keptCapabilities(dropCapabilities) });
  const names = unknown.join(', ');
  const warnings = names === '' ? [] : [`security.seccomp: ignores what is no system call: ${names}`];
  return { droppedCapabilities, seccomp: program, warnings };
}
