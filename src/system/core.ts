/** The core of a system: its seat at the supervisor, its programs, and how it ended. */
import { constants } from 'node:os';
import { onAbort } from '../handle/abort-watch.ts';
import { abortError, BaseCore, ClosedError, type HandleDetail, systemError } from '../handle/index.ts';
import type { CommandPlace, RunningCommand } from './command.ts';
import type { SystemSpec } from './config/index.ts';
import { type UsageListener, UsageMonitor } from './monitor.ts';
import type { SystemNetwork } from './network.ts';
import { cutShort, type EndReason, endOf, exitOf, oomKills, type SystemEnd, statisticsOf } from './result.ts';
import { type Answer, type Listener, Seat } from './supervisor.ts';
import { watchTriggers } from './triggers.ts';
import { type Fields, Kind, type Message, Tag } from './wire.ts';

export class SystemCore extends BaseCore implements Listener, CommandPlace {
  readonly kind = 'system';
  readonly spec: SystemSpec;
  readonly #seat: Seat;
  readonly #commands = new Map<number, RunningCommand>();
  /** Handles that somebody waits by: they must not be collected meanwhile. */
  readonly #holders = new Map<symbol, object>();
  readonly #ended: Promise<SystemEnd>;
  #settleEnd: (end: SystemEnd) => void = () => {};
  #end: SystemEnd | undefined;
  #lastCommand = 0;
  #oomKills = 0;
  #done: (() => void) | undefined;
  pid = 0;
  cgroup = '';
  /** What it has on the host, if anything. */
  network: SystemNetwork | undefined;
  #stopWatching = (): void => {};
  #monitor: UsageMonitor | undefined;

  constructor(spec: SystemSpec) {
    super();
    this.spec = spec;
    this.#ended = new Promise((settle) => {
      this.#settleEnd = settle;
    });
    this.#seat = new Seat(this);
  }

  /** It has none of its own: what there is of it hangs on the supervisor. */
  get fd(): number {
    return -1;
  }

  override get detail(): HandleDetail {
    return { name: this.spec.name, pid: this.pid };
  }

  get end(): SystemEnd | undefined {
    return this.#end;
  }

  /** Has it made. Where it is not, for whatever reason, nothing is left when this rejects. */
  async create(fields: Fields, fds: readonly number[], signal: AbortSignal | undefined): Promise<Answer> {
    const abort = (): void => this.#seat.tell(Kind.End, [[Tag.Reason, 'aborted']]);
    const forget = signal === undefined ? undefined : onAbort(signal, abort);
    try {
      const answer = await this.#seat.ask(Kind.Create, fields, fds);
      this.pid = answer.message.number(Tag.Pid) ?? 0;
      if (!signal?.aborted) {
        this.#watch();
        return answer;
      }
      await this.stop('aborted', 0);
    } catch (error) {
      this.#finish({ reason: 'failed', statistics: {} });
      throw signal?.aborted ? abortError(signal) : error;
    } finally {
      forget?.();
    }
    throw abortError(signal);
  }

  #watch(): void {
    const { lifecycle, monitoring } = this.spec;
    const end = (reason: EndReason): void => {
      this.stop(reason, lifecycle.gracePeriod).catch(() => {});
    };
    this.#stopWatching = watchTriggers(this.spec, this.cgroup, end);
    this.#monitor = new UsageMonitor(this.spec, this.cgroup);
    if (monitoring.action === 'warn') return;
    this.#monitor.listen({
      onEvent: ({ type, resource }) => {
        if (type === 'over') end(resource);
      },
      onEnd: () => {},
    });
  }

  /** What it uses too much of for too long, as far as somebody listens. */
  get over(): readonly EndReason[] {
    return this.#monitor?.over ?? [];
  }

  /** Is told of it until the function returned is called, or the end. */
  listen(listener: UsageListener): () => void {
    return this.#monitor?.listen(listener) ?? (() => {});
  }

  demandRunning(): void {
    if (this.state !== 'open') throw new ClosedError(`system ${this.spec.name} is closed`);
    if (this.#end !== undefined)
      throw systemError(-constants.errno.ESRCH, 'sendmsg', { system: this.spec.name });
  }

  /** Starts a program; `make` gets its number once it runs. */
  async start(
    fields: Fields,
    fds: readonly number[],
    make: (id: number) => RunningCommand,
  ): Promise<RunningCommand> {
    this.demandRunning();
    const id = ++this.#lastCommand;
    // Before the answer: it may have ended by the time that we hear of its start.
    const pending: Message[] = [];
    this.#early.set(id, pending);
    try {
      await this.#seat.ask(Kind.Run, [[Tag.Command, id], ...fields], fds);
      const command = make(id);
      this.#commands.set(id, command);
      for (const message of pending) this.#onExit(message);
      if (this.#end !== undefined) command.end(cutShort(this.#end.reason));
      return command;
    } finally {
      this.#early.delete(id);
    }
  }
  readonly #early = new Map<number, Message[]>();

  /** Has the supervisor delete a link of the host's where this process cannot any more. */
  announceLink(ifname: string): void {
    this.#seat.tell(Kind.HostLink, [[Tag.Ifname, ifname]]);
  }

  async signal(command: number, signal: number): Promise<void> {
    this.demandRunning();
    if (command !== 0 && !this.#commands.has(command)) {
      throw systemError(-constants.errno.ESRCH, 'kill', { system: this.spec.name });
    }
    await this.#seat.ask(Kind.Signal, [
      [Tag.Command, command],
      [Tag.SignalNumber, signal],
    ]);
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

  /** SIGTERM, `grace` milliseconds, SIGKILL; resolves when nothing is left. */
  async stop(reason: EndReason, grace: number): Promise<SystemEnd> {
    if (this.#end === undefined) {
      this.#seat.tell(Kind.End, [
        [Tag.Reason, reason],
        [Tag.Grace, grace],
      ]);
    }
    return await this.whenEnded();
  }

  async whenEnded(): Promise<SystemEnd> {
    return await this.#seat.waiting(() => this.#ended);
  }

  onNews(message: Message): void {
    switch (message.kind) {
      case Kind.Exited:
        this.#onExit(message);
        return;
      case Kind.Gone:
        this.#finish(endOf(message));
        return;
      default:
        return;
    }
  }

  onLost(): void {
    this.#finish({ reason: 'supervisor', statistics: {} });
  }

  protected closeNative(done: () => void): void {
    if (this.#end !== undefined) {
      done();
      return;
    }
    this.#done = done;
    this.#stopLooking();
    this.#seat.tell(Kind.End, [[Tag.Reason, 'closed']]);
    // Whoever awaits `closed` has the event loop wait for it.
    void this.whenEnded();
  }

  /** Nobody looks at it any more. Idempotent. */
  #stopLooking(): void {
    this.#stopWatching();
    this.#monitor?.end();
  }

  #onExit(message: Message): void {
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

  #finish(end: SystemEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#stopLooking();
    this.#seat.leave();
    for (const command of this.#commands.values()) command.end(cutShort(end.reason));
    this.#commands.clear();
    const settle = (): void => {
      this.#settleEnd(end);
      this.#done?.();
    };
    if (this.network === undefined) settle();
    // What is not removed now goes with the namespace, or with this process.
    else this.network.close().then(settle, settle);
  }
}
