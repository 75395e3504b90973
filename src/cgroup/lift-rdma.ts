/** What a cgroup must give up before it goes. */
import type { NativeCgroup } from '../handle/index.ts';

/**
 * Lifts the limits of an empty cgroup on RDMA devices. Kernels keep a limit with its device when the cgroup goes, and when
 * the device goes as well, they follow it to the cgroup that is no more and crash (seen on Linux 5.10, 6.1 and 6.12, not on
 * 7.3).
 */
export function liftRdmaLimits(native: NativeCgroup, isEmpty: () => boolean): void {
  const text = native.read('rdma.max');
  if (typeof text === 'number' || !/=\d/.test(text) || !isEmpty()) return;
  for (const line of text.split('\n')) {
    if (/=\d/.test(line)) native.write('rdma.max', line.replace(/=\d+/g, '=max'));
  }
}
