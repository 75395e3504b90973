/** capabilities(7), by number: uapi/linux/capability.h. */
import { InvalidArgumentError } from '../handle/index.ts';
import { nearest } from './config/nearest.ts';

/** The place of a name is its bit in a mask. Kernels have known all of them since 5.9, and none since. */
export const CAPABILITIES: readonly string[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`);

const BITS: ReadonlyMap<string, bigint> = new Map(
  CAPABILITIES.map((name, bit) => [name, 1n << BigInt(bit)] as const),
);

/**
 * The mask of these capabilities, as /proc/PID/status has it in hexadecimal.
 *
 * @param field the path that errors name: 'security.capabilities.drop'
 * @throws InvalidArgumentError for what is no capability
 */
export function capabilityMask(names: Iterable<string>, field = 'capabilities'): bigint {
  let mask = 0n;
  let index = 0;
  for (const name of names) mask |= capabilityBit(name, `${field}[${index++}]`);
  return mask;
}

/** All capabilities but these: what is kept where these are dropped. */
export function keptCapabilities(dropped: Iterable<string>): Set<string> {
  const without = capabilityMask(dropped);
  return new Set(CAPABILITIES.filter((name) => ((BITS.get(name) ?? 0n) & without) === 0n));
}

/** The bit of one name. */
export function capabilityBit(name: unknown, field: string): bigint {
  const bit = typeof name === 'string' ? BITS.get(name) : undefined;
  if (bit !== undefined) return bit;
  const meant = typeof name === 'string' ? suggestion(name) : undefined;
  const remedy = meant ?? "a name of capabilities(7), such as 'CAP_NET_RAW'";
  throw new InvalidArgumentError(field, name, 'is no capability', remedy);
}

/** Names are often given as `sys_admin`. */
function suggestion(name: string): string | undefined {
  const upper = name.toUpperCase();
  return nearest(upper.startsWith('CAP_') ? upper : `CAP_${upper}`, CAPABILITIES);
}
