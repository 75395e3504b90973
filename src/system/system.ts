/** Disposable systems. */
import { setImmediate as othersTurn } from 'node:timers/promises';
import { checkSignal, checkTimeout } from '../handle/checks.ts';
import { abortError, KernelHandle } from '../handle/index.ts';
import type { Signal } from '../process/index.ts';
import { signalNumber } from '../process/signals.ts';
import { AttachedSystem } from './attached.ts';
import { type Command, programFields, type RunOptions } from './command.ts';
import { checkSystemConfig, type SystemConfig, type SystemSpec } from './config/index.ts';
import { confinementOf } from './confinement.ts';
import { SystemCore } from './core.ts';
import { systemEvents } from './events.ts';
import { exportFields } from './exports.ts';
import { rootOutside } from './id-maps.ts';
import { landlockError } from './landlock.ts';
import { cgroupPlan } from './limits.ts';
import type { SystemEntry } from './list.ts';
import { checkLogsOptions, type LogsOptions, logLines } from './logs/follow.ts';
import type { LogLine } from './logs/lines.ts';
import type { SystemEvent } from './monitor.ts';
import { demandName } from './names.ts';
import { namespaceFields } from './namespaces.ts';
import { connectSystem } from './network.ts';
import { reclaimOnce } from './orphans.ts';
import type { RunResult, SystemEnd } from './result.ts';
import { rootPlan } from './root/plan.ts';
import { checkRootless, isRootless, rootlessError } from './rootless.ts';
import { startCommand } from './start.ts';
import { UpperDirectory } from './upper.ts';
import { type FieldValue, Tag } from './wire.ts';

export interface CreateSystemOptions {
  /** Gives up while it is being made; a system that is there already is not affected. */
  readonly signal?: AbortSignal | undefined;
}

export interface StopOptions {
  /** Milliseconds between SIGTERM and SIGKILL. Default: `lifecycle.grace_period` of the configuration. */
  readonly gracePeriod?: number | undefined;
}

export interface SystemEventsOptions {
  /** Ends the events with an AbortError. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes a system before it is wanted; its time, and what is watched of it, begin with {@link begin}. For the pool alone. */
export let makeAhead: (spec: SystemSpec) => Promise<System>;
export let begin: (system: System) => void;

async function upperOf({ name, root: { upper } }: SystemSpec): Promise<UpperDirectory | undefined> {
  return upper.kind === 'disk' ? await UpperDirectory.make(upper.path, name) : undefined;
}

function stepsOf(spec: SystemSpec, upper: UpperDirectory | undefined): readonly Buffer[] {
  const { namespaces } = spec.security;
  const root =
    upper === undefined ? spec.root : { ...spec.root, upper: { kind: 'disk', path: upper.path } as const };
  return rootPlan(
    { ...spec, root },
    {
      pidns: namespaces.has('pid'),
      netns: namespaces.has('net'),
      ipcns: namespaces.has('ipc'),
      cgroupns: namespaces.has('cgroup'),
      rootless: isRootless(),
      owner: rootOutside(spec),
    },
  );
}

/**
 * A system of its own for a job: namespaces, a cgroup with limits, and a root file system whose changes vanish. Nothing of
 * it survives it: not when it is closed, nor its time is up, nor its owner, its supervisor or both are killed.
 *
 * ```ts
 * await using box = await System.create({ name: 'build-123', group: 'ci-jobs', resource_limits: { memory: { max: '1G' } } });
 * const { exitCode, reason } = await box.run(['npm', 'test'], { stdio: 'inherit' });
 * ```
 *
 * It belongs to the process, not to the thread that made it: a Worker's systems live on when the Worker ends, until their
 * own time is up or the process ends.
 */
export class System extends KernelHandle<SystemCore> {
  /** Defaults that this host could not keep, and why. */
  readonly warnings: readonly string[];

  private constructor(core: SystemCore, warnings: readonly string[]) {
    super(core);
    this.warnings = warnings;
  }

  /**
   * Makes a system. Everything is checked before anything is made; if something fails later, nothing is left.
   *
   * @throws SystemConfigError; MissingControllerError for a limit that was asked for and that the host cannot keep;
   *   SystemNameKeptError where a system of that name has just ended; SystemError with the call that failed (EEXIST,
   *   mkdirat: the name is taken); ERR_COFFERDAM_ROOTLESS where this host lets only root make systems; AbortError,
   *   TimeoutError
   */
  static async create(config: SystemConfig, options: CreateSystemOptions = {}): Promise<System> {
    const spec = checkSystemConfig(config);
    // All that has to be worked out is near a millisecond in a program that has just begun: too long a time to hold the loop.
    await othersTurn();
    return await System.fromSpec(spec, options);
  }

  /**
   * A system that another process owns, by its name ('build-123' or 'ci-jobs/build-123'), to run programs in and to wait
   * for its end.
   *
   * @throws CofferdamError ERR_COFFERDAM_SYSTEM_NAME where none or several have that name; SystemError ESRCH where it has
   *   just ended, EPERM where its supervisor may not be traced (ptrace(2), CAP_SYS_PTRACE); AbortError
   */
  static async attach(
    system: string | SystemEntry,
    { signal }: CreateSystemOptions = {},
  ): Promise<AttachedSystem> {
    return await AttachedSystem.to(system, signal);
  }

  /** As {@link create}, from a configuration that was checked before. */
  static async fromSpec(spec: SystemSpec, options: CreateSystemOptions = {}): Promise<System> {
    const system = await System.#make(spec, options, false);
    system.core.begin(false);
    return system;
  }

  static async #make(spec: SystemSpec, { signal }: CreateSystemOptions, ahead: boolean): Promise<System> {
    checkSignal(signal);
    if (signal?.aborted) throw abortError(signal);
    demandName(spec);
    if (isRootless()) checkRootless(spec);
    const { namespaces } = spec.security;
    const cgroup = cgroupPlan(spec);
    const { timeout, gracePeriod } = spec.lifecycle;
    const confinement = confinementOf(spec.security);
    const fields: (readonly [Tag, FieldValue])[] = [
      ...cgroup.fields,
      ...namespaceFields(spec, false),
      [Tag.Timeout, ahead ? 0 : Math.ceil(timeout)],
      [Tag.Grace, Math.ceil(gracePeriod)],
      ...exportFields(spec),
      ...(spec.logs === undefined ? [] : [[Tag.KeepLogs, ''] as const]),
      ...programFields(spec, confinement),
    ];
    await othersTurn();
    // Without a cgroup nothing is left by anybody.
    if (cgroup.path !== '') await reclaimOnce();
    const upper = await upperOf(spec);
    if (upper !== undefined) fields.push([Tag.Upper, upper.path]);
    let core: SystemCore;
    try {
      const steps = namespaces.has('mount') ? stepsOf(spec, upper) : [];
      if (signal?.aborted) throw abortError(signal);
      core = new SystemCore(spec);
      core.cgroup = cgroup.path;
      core.upper = upper;
      await core.create([...fields, ...steps.map((step) => [Tag.Step, step] as const)], [], signal);
    } catch (error) {
      // Where it cannot be removed, the next start finds it by its record.
      await upper?.remove().catch(() => {});
      throw rootlessError(landlockError(error, spec.security));
    }
    try {
      if (spec.logs !== undefined) await core.keepLogs(spec.logs.max);
      if (spec.network.kind === 'veth') {
        const { pid: systemNetns } = core;
        core.network = await connectSystem(spec.network, {
          systemNetns,
          name: spec.name,
          onLink: (ifname) => core.announceLink(ifname),
          ...(signal && { signal }),
        });
        // It may have ended meanwhile, when there was nothing yet to take away.
        if (core.end !== undefined) await core.network.close();
      }
    } catch (error) {
      await core.stop('failed', 0);
      throw error;
    }
    return new System(core, [...cgroup.warnings, ...confinement.warnings]);
  }

  static {
    makeAhead = async (spec) => await System.#make(spec, {}, true);
    begin = (system) => system.core.begin(true);
  }

  get name(): string {
    return this.core.spec.name;
  }

  /** The checked configuration. */
  get spec(): SystemSpec {
    return this.core.spec;
  }

  /** Of its pid 1, as the host counts. */
  get pid(): number {
    return this.core.pid;
  }

  /** '/ci-jobs/cofferdam-build-123': for `Cgroup.open`. '' without one, as who is not root has it. */
  get cgroup(): string {
    return this.core.cgroup;
  }

  /** How it ended; undefined while it lives. */
  get end(): SystemEnd | undefined {
    return this.core.end;
  }

  /** Resolves when nothing of it is left, whatever the reason. Does not end it. */
  async ended(): Promise<SystemEnd> {
    return await this.core.programs.holding(this, () => this.core.whenEnded());
  }

  /**
   * What it uses too much of for too long, as `monitoring` of the configuration says, from the first that is asked for to its
   * end. What the kernel tells of its cgroup (out of memory, forks that were refused) is told by `Cgroup.open(box.cgroup)`.
   *
   * ```ts
   * for await (const { type, resource, used, limit } of box.events()) console.log(type, resource, used, limit);
   * ```
   */
  events({ signal }: SystemEventsOptions = {}): AsyncGenerator<SystemEvent, void, undefined> {
    checkSignal(signal);
    return systemEvents(this.core, this, signal);
  }

  /**
   * What its programs have written to stdout and stderr, line by line, where `logs` of the configuration keeps it; with
   * `follow` until it has ended.
   *
   * ```ts
   * for await (const { stream, text } of box.logs({ follow: true })) console.log(stream, text);
   * ```
   *
   * @throws CofferdamError ERR_COFFERDAM_LOGS where none are kept; InvalidArgumentError, ClosedError, AbortError
   */
  logs(options: LogsOptions = {}): AsyncGenerator<LogLine, void, undefined> {
    checkLogsOptions(options);
    return logLines({ open: () => this.core.openLogs(), ended: () => this.end?.reason }, options);
  }

  /**
   * Starts a program inside.
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

  /** Sends a signal to everything inside but pid 1. */
  async kill(signal: Signal = 'SIGTERM'): Promise<void> {
    this.core.demandRunning();
    await this.core.programs.signal(0, signalNumber(signal));
  }

  /** Ends it in order: SIGTERM to everything inside, the grace period, SIGKILL. Resolves when nothing is left. */
  async stop({ gracePeriod }: StopOptions = {}): Promise<SystemEnd> {
    if (gracePeriod !== 0) checkTimeout(gracePeriod, 'gracePeriod');
    const end = await this.core.stop('stopped', gracePeriod ?? this.core.spec.lifecycle.gracePeriod);
    this.close();
    return end;
  }
}
