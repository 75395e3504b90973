/** The core of a Cgroup: the fd of its directory, and what goes on with it. */
import { constants } from 'node:os';
import { BaseCore, ClosedError, type HandleDetail, type NativeCgroup, systemError } from '../handle/index.ts';
import { readAside } from './aside.ts';
import { goneError, isGone } from './errors.ts';
import type { EventFeed } from './event-feed.ts';
import { filePath } from './hierarchy.ts';

const { EOPNOTSUPP } = constants.errno;

/**
 * `removing` from remove() on; `stuck` when what was killed does not end, while the removal goes on by itself; `removed`
 * when the directory is gone.
 */
export type RemovalState = 'none' | 'removing' | 'stuck' | 'removed';

export class CgroupCore extends BaseCore {
  readonly kind = 'cgroup';
  readonly native: NativeCgroup;
  /** Below the mount: '/ci-jobs/build-1'. */
  readonly path: string;
  /** What it was, after the fd is gone. */
  readonly inode: number;
  readonly device: number;
  /** Whether kill() was ever called: such a cgroup is not to be used any more. */
  killed = false;
  removal: RemovalState = 'none';
  readonly feeds = new Set<EventFeed>();
  readonly #onClose = new Set<() => void>();

  constructor(native: NativeCgroup, path: string) {
    super();
    this.native = native;
    this.path = path;
    this.inode = native.inode;
    this.device = native.device;
  }

  get fd(): number {
    return this.native.fd;
  }

  override get detail(): HandleDetail {
    return { path: this.path, inode: this.inode };
  }

  /** @throws ClosedError */
  demandOpen(): void {
    if (this.state !== 'open') throw new ClosedError(`the cgroup ${this.path} is closed`);
  }

  /** @throws ClosedError; SystemError ENODEV where it has been removed */
  demandThere(): void {
    this.demandOpen();
    // Every cgroup has it, the root as well.
    const text = this.native.read('cgroup.controllers');
    if (typeof text === 'string') return;
    throw isGone(text)
      ? goneError(this.path)
      : systemError(text, 'read', { path: this.file('cgroup.controllers') });
  }

  /** A short file, at once. @throws SystemError, ENODEV or ENOENT where there is no such file or no such cgroup */
  read(file: string): string {
    this.demandOpen();
    const text = this.native.read(file);
    if (typeof text === 'string') return text;
    if (isGone(text)) this.demandThere();
    throw systemError(text, 'read', { path: this.file(file) });
  }

  /**
   * On a thread: adding up statistics may take the kernel long. Undefined where there is no such file: of a controller
   * that it has not, of a kernel that does not keep it, or of a cgroup that is gone.
   */
  async readIfThere(file: string): Promise<string | undefined> {
    this.demandOpen();
    const text = await readAside(this.native, file);
    this.demandOpen();
    if (typeof text === 'string') return text;
    if (isGone(text) || text === -EOPNOTSUPP) return undefined;
    throw systemError(text, 'read', { path: this.file(file) });
  }

  file(name: string): string {
    return `${filePath(this.path)}/${name}`;
  }

  /** Calls `listener` when the handle is closed. Returns how to take that back. */
  onClose(listener: () => void): () => void {
    this.#onClose.add(listener);
    return () => this.#onClose.delete(listener);
  }

  protected closeNative(done: () => void): void {
    const result = this.native.close();
    done();
    if (result < 0) throw systemError(result, 'close', { path: this.path });
  }

  protected override onClosing(): void {
    for (const feed of [...this.feeds]) feed.end();
    this.feeds.clear();
    for (const listener of [...this.#onClose]) listener();
    this.#onClose.clear();
  }
}
