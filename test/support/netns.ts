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
