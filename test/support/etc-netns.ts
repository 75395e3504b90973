/** Files of /etc/netns/NAME, which `ip netns exec` shows over those of /etc. */
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';

export function addEtcNetns(name: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(`/etc/netns/${name}`, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(`/etc/netns/${name}/${file}`, content);
}

/** Takes them away, and the directory with the last of all names. */
export function delEtcNetns(name: string): void {
  rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
  try {
    rmdirSync('/etc/netns');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another test's is there, or that one was faster.
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error;
  }
}
