/** Where a system on disk writes: a directory of its own in that of the configuration, which goes with it. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lives, NAME_PREFIX } from '../cgroup/index.ts';
import { fromNodeError, InvalidArgumentError } from '../handle/index.ts';
import { identityRecord, type ProcessIdentity, parseIdentityRecord } from '../process/identity.ts';

/** Beside the layers in each of them: who made it. */
const RECORD = 'owner.json';

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
      // Nobody but us may look behind the permissions that files have inside.
      await mkdir(made.path, { mode: 0o700 });
      const record = JSON.stringify({ system, ...identityRecord() });
      await writeFile(join(made.path, RECORD), record, { flag: 'wx', mode: 0o600 });
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

/** The record last: as long as anything is left, it says whose it was. */
async function removeTree(path: string): Promise<void> {
  const names = await readdir(path).catch(() => []);
  for (const name of names) if (name !== RECORD) await rm(join(path, name), { recursive: true, force: true });
  await rm(path, { recursive: true, force: true });
}

/** Removes what systems have left in `parent` whose owners are gone: proven by their records, never by a name. Their paths. */
export async function reclaimUppers(parent: string): Promise<string[]> {
  const removed: string[] = [];
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(parent, entry.name);
    if (!entry.isDirectory() || !entry.name.startsWith(NAME_PREFIX)) continue;
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
async function ownerOf(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const record = join(path, RECORD);
    const { uid } = await stat(path);
    // Nobody else's word.
    if (uid !== process.geteuid?.() || (await stat(record)).uid !== uid) return undefined;
    return parseIdentityRecord(await readFile(record, 'utf8'));
  } catch {
    return undefined;
  }
}
