/** The supervisor of this process, as one thread of it sees it. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CofferdamError, loadBinding, packageRoot, systemError } from '../handle/index.ts';
import { type Answer, Connection, type Listener, type SystemSeat } from './connection.ts';
import type { Fields, Kind } from './wire.ts';

/** Milliseconds that the supervisor is kept after the last system, as the next one mostly comes soon. */
const LINGER = 500;

/** Where the executable is: beside the addon. */
function supervisorProgram(): string {
  const root = packageRoot();
  const explicit = process.env.COFFERDAM_SUPERVISOR;
  const places = [
    join(root, 'build/Release/cofferdam-supervisor'),
    join(root, 'build/Debug/cofferdam-supervisor'),
    join(root, `prebuilds/linux-${process.arch}/cofferdam-supervisor`),
  ];
  const addon = process.env.COFFERDAM_ADDON;
  if (addon) places.unshift(join(dirname(addon), 'cofferdam-supervisor'));
  const found = explicit || places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new CofferdamError(
    'ERR_COFFERDAM_SUPERVISOR',
    `the supervisor is missing; looked for ${places.join(', ')}. ` +
      'Build it: npm rebuild cofferdam (in a clone: npm run build:native)',
  );
}

function connect(): Connection {
  const path = supervisorProgram();
  return new Connection(
    (onReady) => loadBinding().connectSupervisor(path, onReady),
    ({ errno, syscall }) => systemError(errno, syscall, { path }),
  );
}

/** The thread has one at a time. */
let connection: Connection | undefined;
let linger: NodeJS.Timeout | undefined;
let lastSystem = 0;

/** This thread's seat at the supervisor, by one system: taken before it is made, left when it is gone. */
export class Seat implements SystemSeat {
  /** The number of the system, which nobody else of this thread has. */
  readonly system: number;
  readonly #connection: Connection;
  #left = false;

  constructor(listener: Listener) {
    clearTimeout(linger);
    if (connection?.usable !== true) connection = connect();
    this.#connection = connection;
    lastSystem = (lastSystem + 1) >>> 0 || 1;
    this.system = lastSystem;
    this.#connection.listen(this.system, listener);
  }

  tell(kind: Kind, fields: Fields): void {
    this.#connection.tell(kind, this.system, fields);
  }

  async ask(kind: Kind, fields: Fields, fds: readonly number[] = []): Promise<Answer> {
    return await this.waiting(() => this.#connection.ask(kind, this.system, fields, fds));
  }

  async waiting<T>(work: () => Promise<T>): Promise<T> {
    return await this.#connection.waiting(work);
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#connection.forget(this.system);
    if (this.#connection !== connection) return;
    clearTimeout(linger);
    linger = setTimeout(() => {
      if (connection?.idle !== true) return;
      connection.close();
      connection = undefined;
    }, LINGER).unref();
  }
}
