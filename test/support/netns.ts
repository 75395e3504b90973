import { execFileSync } from 'node:child_process';

/** Adds a named network namespace that is as empty as a new one should be. */
export function addNetns(name: string): void {
  execFileSync('ip', ['netns', 'add', name]);
  try {
    dropProxies(name);
  } catch (error) {
    execFileSync('ip', ['netns', 'del', name]);
    throw error;
  }
}

export function delNetns(name: string): void {
  try {
    dropProxies(name);
  } finally {
    execFileSync('ip', ['netns', 'del', name]);
  }
}

/**
 * A proxy neighbour without a device outlives its namespace (seen on Linux 6.18): it hangs in a table of the whole
 * host under the address of its `struct net`, and a later namespace at the same address is born with it. So whoever
 * makes one takes it away, and whoever is born with one gets rid of it.
 */
function dropProxies(name: string): void {
  const shown = execFileSync('ip', ['-n', name, '-j', 'neigh', 'show', 'proxy'], { encoding: 'utf8' });
  for (const { dst, dev } of JSON.parse(shown) as { dst: string; dev?: string }[]) {
    if (dev === undefined) execFileSync('ip', ['-n', name, 'neigh', 'del', 'proxy', dst]);
  }
}

/** Longer than the kernel takes, and no longer: a carrier that was set by hand may never fit. */
const CARRIER_PATIENCE = 10_000;

/**
 * Waits until links are in the state that their carriers say: the kernel tells of carriers up to a second later, on a
 * thread of its own, and routes and addresses follow.
 */
export function settleCarriers(name: string): void {
  const isSettled = ({ flags, operstate }: { flags: readonly string[]; operstate: string }) =>
    !flags.includes('UP') || (flags.includes('LOWER_UP') ? !/DOWN$/.test(operstate) : operstate !== 'UP');
  const links = () =>
    JSON.parse(execFileSync('ip', ['-n', name, '-j', 'link', 'show'], { encoding: 'utf8' }));
  for (const deadline = performance.now() + CARRIER_PATIENCE; performance.now() < deadline; pause(20))
    if (links().every(isSettled)) return;
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
