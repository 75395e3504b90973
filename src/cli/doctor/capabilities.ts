import { readFileSync } from 'node:fs';
import { CAPABILITIES } from '../../system/capabilities.ts';

/** The names of a mask as /proc/PID/status writes it, in hexadecimal. Unknown bits get their number. */
export function decodeCapabilities(mask: string): string[] {
  const bits = BigInt(`0x${mask}`);
  const names: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if (((bits >> BigInt(bit)) & 1n) === 1n) names.push(CAPABILITIES[bit] ?? `CAP_${bit}`);
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
  let last = CAPABILITIES.length - 1;
  try {
    last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  } catch {
    // Hidden in some containers: the list we know is a fair guess.
  }
  return Array.from({ length: last + 1 }, (_, bit) => CAPABILITIES[bit] ?? `CAP_${bit}`);
}
