/** A system of another process: programs in it, and its end. */
import { onAbort } from '../handle/abort-watch.ts';
import { checkSignal } from '../handle/checks.ts';
import { abortError, BaseCore, ClosedError, type HandleDetail, KernelHandle } from '../handle/index.ts';
import type { Signal } from '../process/index.ts';
import { signalNumber } from '../process/signals.ts';
import type { Command, RunOptions } from './command.ts';
import type { Listener } from './connection.ts';
import { findSystem, type SystemEntry } from './list.ts';
import { checkLogsOptions, type LogFile, type LogsOptions, logLines } from './logs/follow.ts';
import type { LogLine } from './logs/lines.ts';
import { endedError, Programs } from './programs.ts';
import { type EndReason, endOf, oomKills, type RunResult, type SystemEnd, statisticsOf } from './result.ts';
import { type StartPlace, startCommand } from './start.ts';
import { VisitorSeat } from './visit.ts';
import { Kind, type Message, Tag } from './wire.ts';

class AttachedCore extends BaseCore implements StartPlace, Listener {
  readonly kind = 'attached-system';
  readonly entry: SystemEntry;
  readonly programs: Programs;
  readonly #seat: VisitorSeat;
  readonly #ended: Promise<SystemEnd>;
  #settle: (end: SystemEnd) => void = () => {};
  #fail: (error: Error) => void = () => {};
  pid = 0;
  end: SystemEnd | undefined;

  constructor(entry: SystemEntry, seat: VisitorSeat) {
    super();
    this.entry = entry;
    this.#seat = seat;
    this.programs = new Programs(seat, entry.name);
    this.#ended = new Promise((settle, fail) => {
      this.#settle = settle;
      this.#fail = fail;
    });
    // Nobody need wait for it.
    this.#ended.catch(() => {});
  }

  get fd(): number {
    return -1;
  }

  override get detail(): HandleDetail {
    return { name: this.entry.name, pid: this.pid };
  }

  async enter(): Promise<void> {
    const answer = await this.#seat.attach(this);
    this.pid = answer.number(Tag.Pid) ?? 0;
    this.programs.oomKillsBefore = oomKills(statisticsOf(answer));
  }

  demandRunning(): void {
    this.#demandOpen();
    if (this.end !== undefined) throw endedError(this.entry.name, this.end.reason);
  }

  /** @throws ClosedError where it was detached before */
  endReason(): EndReason | undefined {
    if (this.end === undefined) this.#demandOpen();
    return this.end?.reason;
  }

  async openLogs(): Promise<LogFile> {
    this.demandRunning();
    return await this.programs.openLogs();
  }

  async whenEnded(holder: object): Promise<SystemEnd> {
    if (this.end === undefined) this.#demandOpen();
    return await this.programs.holding(holder, () => this.#ended);
  }

  onNews(message: Message): void {
    if (message.kind === Kind.Exited) this.programs.onExit(message);
    else if (message.kind === Kind.Gone) this.#finish(endOf(message, []));
  }

  onLost(): void {
    this.#finish({ reason: 'supervisor', statistics: {}, exports: [] });
  }

  protected closeNative(done: () => void): void {
    this.#seat.leave(this.#detached());
    // The supervisor ends them.
    this.programs.end('closed');
    done();
  }

  protected override onClosing(): void {
    this.#fail(this.#detached());
  }

  #detached(): ClosedError {
    return new ClosedError(`the system ${this.entry.name} was detached meanwhile`);
  }

  #demandOpen(): void {
    if (this.state !== 'open') throw new ClosedError(`the system ${this.entry.name} is detached`);
  }

  #finish(end: SystemEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.#seat.leave(endedError(this.entry.name));
    this.programs.end(end.reason);
    this.#settle(end);
  }
}

/**
 * A system that another process owns, attached to: programs run in it as its owner's do, confined as they are, and its end
 * is told. Closing this only detaches; what was started by it and still runs is killed then, the system lives on.
 *
 * ```ts
 * await using box = await System.attach('ci-jobs/build-123');
 * await box.run(['ps', 'aux'], { stdio: 'inherit' });
 * ```
 */
export class AttachedSystem extends KernelHandle<AttachedCore> {
  /** @internal */
  static async to(system: string | SystemEntry, signal: AbortSignal | undefined): Promise<AttachedSystem> {
    checkSignal(signal);
    if (signal?.aborted) throw abortError(signal);
    const entry = typeof system === 'string' ? await findSystem(system) : system;
    const seat = await VisitorSeat.take(entry);
    const core = new AttachedCore(entry, seat);
    const forget = signal === undefined ? undefined : onAbort(signal, () => seat.leave(abortError(signal)));
    try {
      await core.enter();
      if (signal?.aborted) throw abortError(signal);
    } catch (error) {
      seat.leave();
      throw signal?.aborted ? abortError(signal) : error;
    } finally {
      forget?.();
    }
    return new AttachedSystem(core);
  }

  private constructor(core: AttachedCore) {
    super(core);
  }

  get name(): string {
    return this.core.entry.name;
  }

  /** '' for none. */
  get group(): string {
    return this.core.entry.group;
  }

  /** '/ci-jobs/cofferdam-build-123': for `Cgroup.open`. */
  get cgroup(): string {
    return this.core.entry.cgroup;
  }

  /** Of its pid 1, as its supervisor counts. */
  get pid(): number {
    return this.core.pid;
  }

  /** How it ended; undefined while it lives. */
  get end(): SystemEnd | undefined {
    return this.core.end;
  }

  /** Resolves when nothing of it is left, whatever the reason. @throws ClosedError when it is detached meanwhile */
  async ended(): Promise<SystemEnd> {
    return await this.core.whenEnded(this);
  }

  /**
   * Starts a program inside: `System.start`.
   *
   * @throws SystemError ENOENT, EACCES and so on (execve) with its `path`; ESRCH once the system has ended;
   *   InvalidArgumentError, ClosedError, AbortError
   */
  async start(argv: readonly string[], options: RunOptions = {}): Promise<Command> {
    return await startCommand(this.core, this, argv, options);
  }

  /** Starts a program and waits for its end: {@link start} and `wait()`. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const command = await this.start(argv, options);
    return await command.wait();
  }

  /**
   * What the programs of its owner have written: `System.logs`.
   *
   * @throws CofferdamError ERR_COFFERDAM_LOGS where none are kept; SystemError ESRCH once the system has ended;
   *   InvalidArgumentError, ClosedError, AbortError
   */
  logs(options: LogsOptions = {}): AsyncGenerator<LogLine, void, undefined> {
    checkLogsOptions(options);
    return logLines({ open: () => this.core.openLogs(), ended: () => this.core.endReason() }, options);
  }

  /** Sends a signal to everything inside but pid 1. */
  async kill(signal: Signal = 'SIGTERM'): Promise<void> {
    this.core.demandRunning();
    await this.core.programs.signal(0, signalNumber(signal));
  }
}
