/** The files that lie over those of /etc in a namespace with a name: /etc/netns/NAME, ip-netns(8). */
import { existsSync, readdirSync } from 'node:fs';
import { fromNodeError } from '../handle/index.ts';
import type { BindMount } from '../process/index.ts';

export interface EtcFiles {
  readonly binds: readonly BindMount[];
  /** Those that /etc has no file for: nothing can be mounted there. */
  readonly missing: readonly BindMount[];
}

export function etcFiles(name: string): EtcFiles {
  const directory = `/etc/netns/${name}`;
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { binds: [], missing: [] };
    throw fromNodeError(error);
  }
  const all = entries.map((entry) => ({ source: `${directory}/${entry}`, target: `/etc/${entry}` }));
  return {
    binds: all.filter(({ target }) => existsSync(target)),
    missing: all.filter(({ target }) => !existsSync(target)),
  };
}
