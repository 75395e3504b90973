import { readFileSync } from 'node:fs';

/** capabilities(7), by number: uapi/linux/capability.h. */
const NAMES = [
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

/** The names of a mask as /proc/PID/status writes it, in hexadecimal. Unknown bits get their number. */
export function decodeCapabilities(mask: string): string[] {
  const bits = BigInt(`0x${mask}`);
  const names: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if (((bits >> BigInt(bit)) & 1n) === 1n) names.push(NAMES[bit] ?? `CAP_${bit}`);
  }
  return names;
}

/** The effective set of this process: proc_pid_status(5), CapEff. */
export function effectiveCapabilities(status = readFileSync('/proc/self/status', 'utf8')): Set<string> {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return new Set(mask === undefined ? [] : decodeCapabilities(mask));
}

/** The capabilities that this kernel knows: all up to /proc/sys/kernel/cap_last_cap. */
export function knownCapabilities(): string[] {
  let last = NAMES.length - 1;
  try {
    last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  } catch {
    // Hidden in some containers: the list we know is a fair guess.
  }
  return Array.from({ length: last + 1 }, (_, bit) => NAMES[bit] ?? `CAP_${bit}`);
}
