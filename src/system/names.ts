/** Names that are kept for a while after their systems, so that who reads results late finds no other system's under one. */
import { CofferdamError } from '../handle/index.ts';
import { formatDuration } from './config/durations.ts';
import { isGenerated, type SystemSpec } from './config/index.ts';

/** A system of that name has ended, and the time in which nobody else gets the name is not over. */
export class SystemNameKeptError extends CofferdamError {
  /** 'ci-jobs/build-123' */
  readonly system: string;
  /** Milliseconds until the name is free. */
  readonly remaining: number;

  constructor(system: string, remaining: number) {
    const seconds = formatDuration(Math.max(1, Math.ceil(remaining / 1000)) * 1000);
    super(
      'ERR_COFFERDAM_SYSTEM_NAME_KEPT',
      `the name ${system} is kept for another ${seconds}: a system of that name ended a while ago, with its ` +
        'lifecycle.cleanup_delay; give another name or none, or wait, or let that be shorter',
    );
    this.system = system;
    this.remaining = remaining;
  }
}

/** When each is free again, as performance.now() tells it. */
const kept = new Map<string, number>();
/** So many are looked through for those that are free: twice as many as were not, the last time. */
let crowded = 64;

const fullName = ({ name, group }: SystemSpec): string => (group === '' ? name : `${group}/${name}`);

/** @throws SystemNameKeptError */
export function demandName(spec: SystemSpec): void {
  const name = fullName(spec);
  const remaining = (kept.get(name) ?? 0) - performance.now();
  if (remaining > 0) throw new SystemNameKeptError(name, remaining);
  kept.delete(name);
}

/** From the end of a system on. Nobody comes upon a name that was made up, and there may be many of those. */
export function keepName(spec: SystemSpec): void {
  const { cleanupDelay } = spec.lifecycle;
  if (cleanupDelay === 0 || isGenerated(spec.name)) return;
  const now = performance.now();
  kept.set(fullName(spec), now + cleanupDelay);
  if (kept.size < crowded) return;
  for (const [name, free] of kept) if (free <= now) kept.delete(name);
  crowded = Math.max(64, 2 * kept.size);
}
