/** Whether something changed in /run/netns, which need not be there yet. */
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { constants as os } from 'node:os';
import { dirname } from 'node:path';
import { fromNodeError, IN, type InodeWatch, systemError, watchInode } from '../handle/index.ts';

const ENTRIES = IN.create | IN.delete | IN.movedFrom | IN.movedTo | IN.deleteSelf | IN.moveSelf;

interface Place {
  readonly dev: number;
  readonly ino: number;
}

/** Watches the directory that is there, or the one above for its coming. */
export class DirectoryWatch {
  readonly #path: string;
  readonly #onChange: () => void;
  #watch: InodeWatch | undefined;
  /** What is watched; undefined for the directory above. */
  #place: Place | undefined;
  #referenced = false;

  /** @throws SystemError ENOENT if not even the directory above is there; EMFILE, ENOSPC: inotify(7) */
  constructor(path: string, onChange: () => void) {
    this.#path = path;
    this.#onChange = onChange;
    this.follow();
  }

  /** Changes over to the directory that is there now. Call it before each look. */
  follow(): void {
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (this.#watch !== undefined && isSame(this.#place, there)) return;
    this.#begin(this.#path, ENTRIES);
    if (this.#place !== undefined) return;
    this.#begin(
      dirname(this.#path),
      IN.create | IN.movedTo,
      this.#path.slice(dirname(this.#path).length + 1),
    );
    // It may have come in between: then nobody tells.
    if (statSync(this.#path, { throwIfNoEntry: false }) !== undefined) this.#begin(this.#path, ENTRIES);
  }

  /** Whether it keeps the event loop alive. */
  setRef(on: boolean): void {
    this.#referenced = on;
    this.#watch?.setRef(on);
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  /** Watches `path` instead, if it is there. With a `name` it is the directory above. */
  #begin(path: string, mask: number, name?: string): void {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      if (name === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') {
        this.#place = undefined;
        return;
      }
      throw fromNodeError(error);
    }
    try {
      const watch = watchInode(fd, '.', mask, this.#onChange, name);
      if (typeof watch === 'number') {
        // Removed since it was opened.
        if (watch === -os.errno.ENOENT && name === undefined) return;
        throw systemError(watch, 'inotify_add_watch', { path });
      }
      this.close();
      this.#watch = watch;
      watch.setRef(this.#referenced);
      this.#place = name === undefined ? fstatSync(fd) : undefined;
    } finally {
      closeSync(fd);
    }
  }
}

function isSame(one: Place | undefined, other: Place | undefined): boolean {
  return one?.dev === other?.dev && one?.ino === other?.ino;
}
