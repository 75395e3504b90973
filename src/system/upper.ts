/** Where a system on disk writes: a directory of its own in that of the configuration, which goes with it. */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { lives, NAME_PREFIX } from '../cgroup/index.ts';
import { fromNodeError, InvalidArgumentError } from '../handle/index.ts';
import { type IdentityRecord, identityRecord, parseIdentityRecord } from '../process/identity.ts';

/**
 * A symbolic link that leads nowhere, beside the directory: who made that. There before it, and longer: symlink(2) makes it
 * with its text in one step, so whoever is killed at any moment leaves nothing that does not say whose it is.
 */
const RECORD = '.owner';

export class UpperDirectory {
  readonly path: string;
  #removing: Promise<void> | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes one in `parent`, and removes those there whose owners are gone.
   *
   * @throws InvalidArgumentError where that is no directory, SystemError
   */
  static async make(parent: string, system: string): Promise<UpperDirectory> {
    const status = await stat(parent).catch(() => undefined);
    if (status?.isDirectory() !== true)
      throw new InvalidArgumentError(
        'root.upper',
        parent,
        'is no directory of this host',
        `'tmpfs', or mkdir ${parent}`,
      );
    await reclaimUppers(parent);
    const made = new UpperDirectory(
      join(parent, `${NAME_PREFIX}${system}-${randomBytes(4).toString('hex')}`),
    );
    try {
      await symlink(JSON.stringify({ system, ...identityRecord() }), made.path + RECORD);
      // Nobody but us may look behind the permissions that files have inside.
      await mkdir(made.path, { mode: 0o700 });
    } catch (error) {
      await made.remove().catch(() => {});
      throw fromNodeError(error);
    }
    return made;
  }

  /** Resolves when nothing of it is left. Idempotent. */
  async remove(): Promise<void> {
    this.#removing ??= removeTree(this.path);
    await this.#removing;
  }
}

/** What fs.rm says of directories whose paths are longer than the kernel takes, or of those that they are in. */
const TOO_DEEP: ReadonlySet<string> = new Set(['ENAMETOOLONG', 'ENOTEMPTY']);

/** The record last: as long as anything is left, it says whose it was. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!TOO_DEEP.has(codeOf(error))) throw error;
    await flatten(path);
    await removeShallow(path);
  }
  await rm(path + RECORD, { force: true });
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** For the moment after fs.rm has given up: some of what it had begun goes on. */
async function removeShallow(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 10 });
}

/** Programs may nest directories deeper than a path can say: those below come up to the top, until none is deep. */
async function flatten(top: string): Promise<void> {
  const unlessGone = (error: unknown): void => {
    if (codeOf(error) !== 'ENOENT') throw error;
  };
  const directories = async (path: string): Promise<string[]> => {
    const entries = await readdir(path, { withFileTypes: true }).catch(unlessGone);
    return (entries ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  };
  for (let moved = true; moved; ) {
    moved = false;
    for (const directory of await directories(top)) {
      for (const below of await directories(directory)) {
        await rename(below, join(top, randomBytes(8).toString('hex'))).catch(unlessGone);
        moved = true;
      }
      await removeShallow(directory);
    }
  }
}

/** Removes what systems have left in `parent` whose owners are gone: proven by their records, never by a name. Their paths. */
export async function reclaimUppers(parent: string): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await readdir(parent).catch(() => [])) {
    if (!name.startsWith(NAME_PREFIX) || !name.endsWith(RECORD)) continue;
    const path = join(parent, name.slice(0, -RECORD.length));
    const owner = await ownerOf(path);
    if (owner === undefined || (await lives(owner))) continue;
    try {
      await removeTree(path);
      removed.push(path);
    } catch {
      // What cannot be removed now keeps nobody from having a system: it stays, for the next search.
    }
  }
  return removed;
}

/** Undefined for a directory of somebody else's, or of a version that we do not know. */
async function ownerOf(path: string): Promise<IdentityRecord | undefined> {
  try {
    const record = await readlink(path + RECORD);
    // Nobody else's word, and no directory of his.
    const uids = [(await lstat(path + RECORD)).uid, await uidOf(path)];
    const ours = uids.every((uid) => uid === undefined || uid === process.geteuid?.());
    return ours ? parseIdentityRecord(record) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where there is nothing, as its maker was killed before. */
async function uidOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).uid;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
