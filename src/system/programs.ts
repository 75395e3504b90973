/** The programs that this process has in a system, whoever owns that. */
import { constants } from 'node:os';
import { type NativeFd, SystemError, systemError, TimeoutError } from '../handle/index.ts';
import type { CommandPlace, RunningCommand } from './command.ts';
import type { Answer, SystemSeat } from './connection.ts';
import { noLogsError } from './logs/follow.ts';
import { cutShort, type EndReason, exitOf, oomKills, statisticsOf } from './result.ts';
import { type Fields, Kind, type Message, Tag } from './wire.ts';

const { SIGKILL } = constants.signals;

/**
 * The system has ended, or is about to: nothing more is started in it, and nobody is there for a signal. `reason` where it is
 * known already.
 */
export function endedError(system: string, reason?: EndReason): SystemError {
  const { ESRCH } = constants.errno;
  const why = reason === undefined ? '' : ` (${reason})`;
  const details = { system, ...(reason !== undefined && { reason }) };
  return new SystemError(-ESRCH, 'sendmsg', details, `ESRCH: the system ${system} has ended${why}`);
}

/** What says so: of our own connection, of the supervisor's to pid 1, and of pid 1 itself. */
const GONE: ReadonlySet<string> = new Set([
  'EPIPE sendmsg',
  'ECONNRESET sendmsg',
  'ESRCH sendmsg',
  'ESHUTDOWN clone',
]);

export class Programs implements CommandPlace {
  readonly #seat: SystemSeat;
  readonly #system: string;
  readonly #commands = new Map<number, RunningCommand>();
  /** Exits of programs of whose start we have yet to hear. */
  readonly #early = new Map<number, Message[]>();
  /** Handles that somebody waits by: they must not be collected meanwhile. */
  readonly #holders = new Map<symbol, object>();
  #lastCommand = 0;
  #oomKills = 0;
  #end: EndReason | undefined;

  /** `system` is its name. */
  constructor(seat: SystemSeat, system: string) {
    this.#seat = seat;
    this.#system = system;
  }

  /** Those of the kernel that are none of ours. */
  set oomKillsBefore(count: number) {
    this.#oomKills = count;
  }

  /** Starts a program; `make` gets its number once it runs, and what came with the answer, to be closed. */
  async start(
    fields: Fields,
    fds: readonly number[],
    make: (id: number, fds: readonly NativeFd[]) => RunningCommand,
  ): Promise<RunningCommand> {
    const id = ++this.#lastCommand;
    const pending: Message[] = [];
    this.#early.set(id, pending);
    let started = false;
    try {
      const answer = await this.#ask(Kind.Run, [[Tag.Command, id], ...fields], fds);
      started = true;
      const command = make(id, answer.fds);
      this.#commands.set(id, command);
      for (const message of pending) this.onExit(message);
      if (this.#end !== undefined) command.end(cutShort(this.#end));
      return command;
    } catch (error) {
      // Nobody knows of it, should it be started yet, or be of no use to us.
      if (started || error instanceof TimeoutError)
        this.#seat.tell(Kind.Signal, [
          [Tag.Command, id],
          [Tag.SignalNumber, SIGKILL],
        ]);
      throw error;
    } finally {
      this.#early.delete(id);
    }
  }

  /** To one of them, or to everything inside for 0. */
  async signal(command: number, signal: number): Promise<void> {
    if (this.#end !== undefined) throw endedError(this.#system, this.#end);
    if (command !== 0 && !this.#commands.has(command)) {
      throw systemError(-constants.errno.ESRCH, 'kill', { system: this.#system });
    }
    await this.#ask(Kind.Signal, [
      [Tag.Command, command],
      [Tag.SignalNumber, signal],
    ]);
  }

  /** What keeps what programs of its owner write. @throws CofferdamError where nothing does */
  async openLogs(): Promise<NativeFd> {
    try {
      const [file] = (await this.#ask(Kind.Logs, [])).fds;
      if (file !== undefined) return file;
    } catch (error) {
      if (!(error instanceof SystemError && error.code === 'ENODATA')) throw error;
    }
    throw noLogsError(this.#system);
  }

  async holding<T>(holder: object, work: () => Promise<T>): Promise<T> {
    const key = Symbol();
    this.#holders.set(key, holder);
    try {
      return await this.#seat.waiting(work);
    } finally {
      this.#holders.delete(key);
    }
  }

  onExit(message: Message): void {
    const id = message.number(Tag.Command) ?? 0;
    const early = this.#early.get(id);
    if (early !== undefined && !this.#commands.has(id)) {
      early.push(message);
      return;
    }
    const kills = oomKills(statisticsOf(message));
    this.#commands.get(id)?.end(exitOf(message, kills > this.#oomKills));
    this.#oomKills = kills;
    this.#commands.delete(id);
  }

  /** They have ended with the system, or go with the connection. */
  end(reason: EndReason): void {
    this.#end = reason;
    for (const command of this.#commands.values()) command.end(cutShort(reason));
    this.#commands.clear();
  }

  async #ask(kind: Kind, fields: Fields, fds: readonly number[] = []): Promise<Answer> {
    try {
      return await this.#seat.ask(kind, fields, fds);
    } catch (error) {
      // The supervisor or pid 1 has nobody to pass it on to.
      throw error instanceof SystemError && GONE.has(`${error.code} ${error.syscall}`)
        ? endedError(this.#system, this.#end)
        : error;
    }
  }
}
