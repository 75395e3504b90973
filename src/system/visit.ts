/** A seat at the supervisor of another process, as a visitor: for a system that somebody else owns. */
import { statSync } from 'node:fs';
import { constants } from 'node:os';
import { Cgroup } from '../cgroup/index.ts';
import { CofferdamError, loadBinding, SystemError } from '../handle/index.ts';
import { processError } from '../process/errors.ts';
import { readStatus } from '../process/identity.ts';
import { Pidfd } from '../process/index.ts';
import { type Answer, Connection, type Listener, type SystemSeat } from './connection.ts';
import { isGone, type SystemEntry } from './list.ts';
import { endedError } from './programs.ts';
import { type Fields, Kind, type Message, PROTOCOL, Tag } from './wire.ts';

/** As their processes call themselves. Names only narrow the search. */
const INIT = 'cofferdam-init';
const SUPERVISOR = 'cofferdam-super';

/** The number of the one system that such a connection is about. */
const SYSTEM = 1;

const { EBADF, ENOTSOCK, EPERM, ESRCH } = constants.errno;
/** A supervisor of before there were visitors, or of after. */
const NO_DOOR: ReadonlySet<number> = new Set([-EBADF, -ENOTSOCK]);

/**
 * The supervisor of a system, found by who is the parent of its pid 1. Programs inside may call themselves what they like
 * and have children: none of them is it, because the supervisor is not in the cgroup.
 *
 * @throws SystemError ESRCH where the system has ended, EPERM where it is another user's
 */
async function supervisorOf(system: SystemEntry): Promise<Pidfd> {
  for (const pid of [...system.pids].sort((one, other) => one - other)) {
    try {
      const supervisor = await outsideParent(pid, system);
      if (supervisor !== undefined) return supervisor;
    } catch (error) {
      if (!isGone(error) && (error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  throw endedError(system.name);
}

/** Its parent, where that is a supervisor outside of the cgroup. @throws SystemError EPERM for another user's */
async function outsideParent(pid: number, { name, cgroup }: SystemEntry): Promise<Pidfd | undefined> {
  await using init = await Pidfd.open(pid);
  const { command, parent } = readStatus(pid);
  if (command !== INIT || parent === 0 || !(await isWithin(pid, cgroup))) return undefined;
  const supervisor = await Pidfd.open(parent);
  try {
    const is = readStatus(parent).command === SUPERVISOR && !(await isWithin(parent, cgroup));
    // The numbers were those of these two all the time.
    if (is && readStatus(pid).parent === parent && init.alive && supervisor.alive) {
      demandOwn(parent, name);
      return supervisor;
    }
  } catch (error) {
    supervisor.close();
    throw error;
  }
  supervisor.close();
  return undefined;
}

function demandOwn(pid: number, system: string): void {
  const { uid } = statSync(`/proc/${pid}`);
  if (uid === process.geteuid?.()) return;
  throw new SystemError(
    -EPERM,
    'pidfd_getfd',
    { system, uid },
    `EPERM: the system ${system} is of user ${uid}`,
  );
}

async function isWithin(pid: number, path: string): Promise<boolean> {
  await using cgroup = await Cgroup.of(pid);
  return cgroup.path === path || cgroup.path.startsWith(`${path}/`);
}

export class VisitorSeat implements SystemSeat {
  readonly #entry: SystemEntry;
  readonly #connection: Connection;

  private constructor(entry: SystemEntry, connection: Connection) {
    this.#entry = entry;
    this.#connection = connection;
  }

  /** @throws SystemError ESRCH, EPERM with the `capability` that is missing; CofferdamError for another version */
  static async take(entry: SystemEntry): Promise<VisitorSeat> {
    const { name } = entry;
    await using supervisor = await supervisorOf(entry);
    const { pid, fd } = supervisor;
    const connection = new Connection(
      (onReady) => loadBinding().visitSupervisor(fd, onReady),
      ({ errno, syscall }) => {
        if (NO_DOOR.has(errno)) return otherVersion(name);
        return errno === -ESRCH ? endedError(name) : processError(errno, syscall, { pid });
      },
    );
    return new VisitorSeat(entry, connection);
  }

  /** Names the system, of which `listener` hears from here on. What take() throws, this throws. */
  async attach(listener: Listener): Promise<Message> {
    const { name, cgroup } = this.#entry;
    const inode = await inodeOf(cgroup, name);
    this.#connection.listen(SYSTEM, listener);
    try {
      const { message } = await this.ask(Kind.Attach, [
        [Tag.Protocol, PROTOCOL],
        [Tag.Inode, inode],
      ]);
      return message;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPROTO') throw otherVersion(name);
      throw code === 'ESRCH' || code === 'EPIPE' ? endedError(name) : error;
    }
  }

  tell(kind: Kind, fields: Fields): void {
    this.#connection.tell(kind, SYSTEM, fields);
  }

  async ask(kind: Kind, fields: Fields, fds: readonly number[] = []): Promise<Answer> {
    return await this.waiting(() => this.#connection.ask(kind, SYSTEM, fields, fds));
  }

  async waiting<T>(work: () => Promise<T>): Promise<T> {
    return await this.#connection.waiting(work);
  }

  /** Who still waits for an answer is told `error`. Idempotent. */
  leave(error?: Error): void {
    this.#connection.close(error);
  }
}

async function inodeOf(path: string, name: string): Promise<number> {
  try {
    await using cgroup = await Cgroup.open(path);
    return cgroup.inode;
  } catch (error) {
    throw isGone(error) ? endedError(name) : error;
  }
}

function otherVersion(name: string): CofferdamError {
  return new CofferdamError(
    'ERR_COFFERDAM_SUPERVISOR',
    `the system ${name} was made by another version of cofferdam: use that one, or make the system anew`,
  );
}
