/** What every system has of its own, whatever its root is made of. */

/** Directories, empty at first, and their modes. */
export const OWN: readonly (readonly [path: string, mode: string])[] = [
  ['/tmp', '1777'],
  ['/var/tmp', '1777'],
  ['/run', '755'],
  ['/dev', '755'],
  ['/dev/pts', '755'],
  ['/dev/shm', '1777'],
  ['/dev/mqueue', '755'],
  ['/proc', '555'],
  ['/sys', '555'],
];

export const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
export const LINKS: readonly (readonly [name: string, leadsTo: string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
];
