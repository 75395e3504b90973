/** The core of a system: its seat at the supervisor, its programs, and how it ended. */
import { onAbort } from '../handle/abort-watch.ts';
import { abortError, BaseCore, ClosedError, type HandleDetail, TimeoutError } from '../handle/index.ts';
import type { SystemSpec } from './config/index.ts';
import type { Answer, Listener } from './connection.ts';
import { exportResults } from './exports.ts';
import { type LogFile, noLogsError } from './logs/follow.ts';
import { SystemLogs } from './logs/keep.ts';
import { type UsageListener, UsageMonitor } from './monitor.ts';
import { keepName } from './names.ts';
import type { SystemNetwork } from './network.ts';
import { endedError, Programs } from './programs.ts';
import { type EndReason, endOf, type SystemEnd } from './result.ts';
import { Seat } from './supervisor.ts';
import { watchTriggers } from './triggers.ts';
import type { UpperDirectory } from './upper.ts';
import { type Fields, Kind, type Message, Tag } from './wire.ts';

/** Those of this thread that are in use. */
export const running = new Set<SystemCore>();

export class SystemCore extends BaseCore implements Listener {
  readonly kind = 'system';
  readonly spec: SystemSpec;
  readonly #seat: Seat;
  readonly programs: Programs;
  readonly #ended: Promise<SystemEnd>;
  #settleEnd: (end: SystemEnd) => void = () => {};
  #end: SystemEnd | undefined;
  #done: (() => void) | undefined;
  pid = 0;
  cgroup = '';
  /** What it has on the host, if anything. */
  network: SystemNetwork | undefined;
  /** What it writes to, if that is on disk. */
  upper: UpperDirectory | undefined;
  /** What its programs write, if that is kept. */
  logs: SystemLogs | undefined;
  #stopWatching = (): void => {};
  #monitor: UsageMonitor | undefined;

  constructor(spec: SystemSpec) {
    super();
    this.spec = spec;
    this.#ended = new Promise((settle) => {
      this.#settleEnd = settle;
    });
    this.#seat = new Seat(this);
    this.programs = new Programs(this.#seat, spec.name);
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
      if (!signal?.aborted) return answer;
      await this.stop('aborted', 0);
    } catch (error) {
      // It may be made yet.
      if (error instanceof TimeoutError) abort();
      this.#lose('failed');
      throw signal?.aborted ? abortError(signal) : error;
    } finally {
      forget?.();
    }
    throw abortError(signal);
  }

  /** Where what its programs write is kept. */
  async keepLogs(max: number): Promise<void> {
    this.logs = new SystemLogs(await this.programs.openLogs(), max);
    // It may have ended meanwhile.
    if (this.#end !== undefined) await this.logs.finish();
  }

  /** Its time begins, and what is watched. The timeout of one that was not made ahead counts since it was made. */
  begin(ahead: boolean): void {
    // The end may have been told with the beginning: nobody would look away again.
    if (this.#end !== undefined) return;
    const { lifecycle, monitoring } = this.spec;
    // Of one without a cgroup nobody knows what it does.
    if (this.cgroup !== '') running.add(this);
    if (ahead) this.#seat.tell(Kind.Begin, [[Tag.Timeout, Math.ceil(lifecycle.timeout)]]);
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

  /** Tells what it uses too much of for too long, until the function returned is called, or the end. */
  listen(listener: UsageListener): () => void {
    return this.#monitor?.listen(listener) ?? (() => {});
  }

  /** The parts of their limits that it uses of what is too much for too long now; none where nobody listens. */
  get over(): readonly number[] {
    return this.#monitor?.over ?? [];
  }

  async openLogs(): Promise<LogFile> {
    this.demandRunning();
    if (this.logs === undefined) throw noLogsError(this.spec.name);
    return this.logs.open();
  }

  demandRunning(): void {
    if (this.state !== 'open') throw new ClosedError(`system ${this.spec.name} is closed`);
    if (this.#end !== undefined) throw endedError(this.spec.name, this.#end.reason);
  }

  /** Has the supervisor delete a link of the host's where this process cannot any more. */
  announceLink(ifname: string): void {
    this.#seat.tell(Kind.HostLink, [[Tag.Ifname, ifname]]);
  }

  /** SIGTERM, `grace` milliseconds, SIGKILL; resolves when nothing is left. */
  async stop(reason: EndReason, grace: number): Promise<SystemEnd> {
    if (this.#end === undefined) {
      this.#seat.tell(Kind.End, [
        [Tag.Reason, reason],
        [Tag.Grace, Math.ceil(grace)],
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
        this.programs.onExit(message);
        return;
      case Kind.Gone:
        this.#finish(endOf(message, this.spec.root.exports));
        return;
      default:
        return;
    }
  }

  onLost(): void {
    this.#lose('supervisor');
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

  /** Ended without a word of its supervisor's. */
  #lose(reason: EndReason): void {
    this.#finish({ reason, statistics: {}, exports: exportResults(this.spec.root.exports, reason) });
  }

  #finish(end: SystemEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    running.delete(this);
    this.#stopLooking();
    // Who never had a system has no name to lose.
    if (end.reason !== 'failed' && end.reason !== 'aborted') keepName(this.spec);
    this.#seat.leave();
    this.programs.end(end.reason);
    const settle = (): void => {
      this.#settleEnd(end);
      this.#done?.();
    };
    const { network, upper, logs } = this;
    if (network === undefined && upper === undefined && logs === undefined) settle();
    // What is not removed now goes with the namespace or this process, or is found by the next start.
    else Promise.allSettled([network?.close(), upper?.remove(), logs?.finish()]).then(settle);
  }
}
