/** PSI triggers: told when tasks were held up for too long, Documentation/accounting/psi.rst. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { checkFields } from '../handle/checks.ts';
import {
  abortError,
  BaseCore,
  ClosedError,
  type HandleDetail,
  InvalidArgumentError,
  KernelHandle,
  loadBinding,
  type NativePriority,
  type SystemError,
  systemError,
  TimeoutError,
} from '../handle/index.ts';
import { cgroupError } from './errors.ts';
import type { PressureResource } from './event-levels.ts';

/** How much waiting is too much. */
export interface PressureThreshold {
  readonly resource: PressureResource;
  /** `some` task waited, which is the default, or all of them did (`full`). */
  readonly level?: 'some' | 'full';
  /** Microseconds of waiting, in a window of so many microseconds: 500,000 to 10,000,000. */
  readonly stall: number;
  readonly window: number;
}

export interface PressureOptions extends PressureThreshold {
  /** Of the tasks of a cgroup; without one, of all tasks there are. It may be closed once the trigger is open. */
  readonly cgroup?: { readonly fd: number };
}

export interface PressureWaitOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds; for ever unless given. */
  readonly timeout?: number;
}

/** linux/sched/psi.c */
const LEAST_WINDOW = 500_000;
const MOST_WINDOW = 10_000_000;
/** What a window is a multiple of for who lacks CAP_SYS_RESOURCE. */
const PLAIN_WINDOW = 2_000_000;
const CAP_SYS_RESOURCE = 24n;

const FIELDS = new Set(['resource', 'level', 'stall', 'window']);
const OPTIONS = new Set([...FIELDS, 'cgroup']);

class PressureCore extends BaseCore {
  readonly kind = 'pressure';
  readonly #detail: HandleDetail;
  readonly native: NativePriority;
  #fired = 0;
  #gone: SystemError | undefined;
  #ref = false;
  readonly #waiting = new Set<(error?: unknown) => void>();

  constructor(
    threshold: PressureThreshold,
    open: (onReady: () => void) => NativePriority,
    onWake: ((fired: boolean) => void) | undefined,
  ) {
    super();
    const { resource, level = 'some', stall, window } = threshold;
    this.#detail = { resource, level, stall, window };
    this.native = open(() => {
      // A cgroup that is gone wakes whoever polls, again and again: that is no pressure.
      const gone = typeof this.native.read() === 'number';
      if (gone) this.#end(`${resource}.pressure`);
      else this.#fired++;
      for (const settle of [...this.#waiting]) settle(this.#gone);
      onWake?.(!gone);
    });
  }

  get fd(): number {
    return this.native.fd;
  }

  override get detail(): HandleDetail {
    return this.#detail;
  }

  override hasRef(): boolean {
    return this.native.hasRef();
  }

  /**
   * How often it fired since the last time that this was asked.
   *
   * @throws SystemError ENODEV where it has not, and its cgroup is gone
   */
  take(): number {
    const fired = this.#fired;
    this.#fired = 0;
    if (fired === 0 && this.#gone !== undefined) throw this.#gone;
    return fired;
  }

  #end(path: string): void {
    this.native.pause();
    const sentence = 'the cgroup of the pressure trigger has been removed, or its cgroup.pressure is 0';
    this.#gone = cgroupError(-constants.errno.ENODEV, 'poll', sentence, { path });
  }

  setRef(on: boolean): void {
    this.#ref = on;
    this.native.setRef(on || this.#waiting.size > 0);
  }

  wait(settle: (error?: unknown) => void): () => void {
    this.#waiting.add(settle);
    this.setRef(this.#ref);
    return () => {
      this.#waiting.delete(settle);
      this.setRef(this.#ref);
    };
  }

  protected closeNative(done: () => void): void {
    if (!this.native.close(done)) done();
  }

  protected override onClosing(): void {
    for (const settle of [...this.#waiting]) settle(new ClosedError('the pressure trigger is closed'));
  }
}

/**
 * A PSI trigger. It fires at most once for each window, for as long as the pressure lasts.
 *
 * ```ts
 * await using trigger = await PressureTrigger.open({ resource: 'memory', stall: 150_000, window: 2_000_000, cgroup });
 * for await (const count of trigger) console.log('memory is short');
 * ```
 */
export class PressureTrigger extends KernelHandle<PressureCore> {
  /**
   * @throws InvalidArgumentError; SystemError EINVAL for a window that takes CAP_SYS_RESOURCE, EACCES or EPERM, ENOENT
   *   where the cgroup has no such file, EOPNOTSUPP where the kernel was started with psi=0
   */
  static async open(options: PressureOptions): Promise<PressureTrigger> {
    checkFields('pressure', options ?? {}, OPTIONS);
    const { cgroup, ...threshold } = options ?? {};
    if (cgroup !== undefined && cgroup.fd < 0) throw new ClosedError('the cgroup given is closed');
    return PressureTrigger.arm(threshold, cgroup?.fd ?? -1);
  }

  /** @internal `directory`: fd of a cgroup, or -1; `onWake` is told whether it fired, or its cgroup is gone */
  static arm(
    threshold: PressureThreshold,
    directory: number,
    onWake?: (fired: boolean) => void,
  ): PressureTrigger {
    checkThreshold(threshold);
    const { resource, level = 'some', stall, window } = threshold;
    const file = directory < 0 ? resource : `${resource}.pressure`;
    const core = new PressureCore(
      threshold,
      (onReady) => {
        const native = loadBinding().openPriority(directory, file, `${level} ${stall} ${window}`, onReady);
        if (typeof native === 'number') throw refusal(native, file, window);
        return native;
      },
      onWake,
    );
    return new PressureTrigger(core);
  }

  /** Keeps the event loop alive, waited for or not. A new one does so only while somebody waits. */
  ref(): void {
    this.core.setRef(true);
  }

  unref(): void {
    this.core.setRef(false);
  }

  /**
   * Waits until it fires. How often it has fired since the last wait: at once, where it has.
   *
   * @throws TimeoutError, AbortError, ClosedError; SystemError ENODEV once its cgroup is gone
   */
  async wait({ signal, timeout }: PressureWaitOptions = {}): Promise<number> {
    if (signal?.aborted) throw abortError(signal);
    if (this.state !== 'open') throw new ClosedError('the pressure trigger is closed');
    const fired = this.core.take();
    if (fired > 0) return fired;
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    let forget: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        forget = this.core.wait((error) => (error === undefined ? resolve() : reject(error)));
        if (timeout !== undefined) {
          timer = setTimeout(() => reject(new TimeoutError('the pressure trigger', timeout)), timeout);
        }
        onAbort = () => reject(abortError(signal as AbortSignal));
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      forget?.();
      clearTimeout(timer);
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    }
    return this.core.take();
  }

  /** Yields each time it fires how often it did since the last time. Ends when it is closed, or its cgroup removed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<number, void, undefined> {
    for (;;) {
      let fired: number;
      try {
        fired = await this.wait();
      } catch (error) {
        if (error instanceof ClosedError || (error as NodeJS.ErrnoException).code === 'ENODEV') return;
        throw error;
      }
      yield fired;
    }
  }
}

function checkThreshold(threshold: PressureThreshold): void {
  checkFields('pressure', threshold ?? {}, FIELDS);
  const { resource, level = 'some', stall, window } = threshold ?? {};
  if (!['cpu', 'memory', 'io'].includes(resource))
    throw new InvalidArgumentError('pressure.resource', resource, 'is none', "'cpu', 'memory' or 'io'");
  if (!['some', 'full'].includes(level))
    throw new InvalidArgumentError('pressure.level', level, 'is none', "'some' or 'full'");
  if (!Number.isInteger(window) || window < LEAST_WINDOW || window > MOST_WINDOW) {
    const remedy = `${LEAST_WINDOW} to ${MOST_WINDOW} microseconds`;
    throw new InvalidArgumentError('pressure.window', window, 'is out of range', remedy);
  }
  if (!Number.isInteger(stall) || stall < 1 || stall > window) {
    const remedy = `1 to ${window} microseconds, the window`;
    throw new InvalidArgumentError('pressure.stall', stall, 'is out of range', remedy);
  }
}

function refusal(result: number, file: string, window: number): SystemError {
  const info = { path: file };
  if (result === -constants.errno.EINVAL && window % PLAIN_WINDOW !== 0 && !mayUseAnyWindow()) {
    const sentence =
      `a window of ${window} microseconds takes CAP_SYS_RESOURCE, which this process lacks; ` +
      `multiples of ${PLAIN_WINDOW} do not`;
    return cgroupError(result, 'write', sentence, info);
  }
  if (result === -constants.errno.EOPNOTSUPP) {
    return cgroupError(
      result,
      'open',
      'the kernel keeps no pressure stall information: boot with psi=1',
      info,
    );
  }
  if (result === -constants.errno.ENOENT) {
    const sentence = `there is no ${file}: the kernel is built without CONFIG_PSI, cgroup.pressure is 0, or the cgroup is gone`;
    return cgroupError(result, 'open', sentence, info);
  }
  return systemError(result, 'write', info);
}

function mayUseAnyWindow(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
}
