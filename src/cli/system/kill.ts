/** Ends systems of others, and waits until nothing of one is left. */
import { Cgroup } from '../../cgroup/index.ts';
import { CofferdamError, TimeoutError } from '../../handle/errors.ts';
import { readStatus } from '../../process/identity.ts';
import { Pidfd, type Signal } from '../../process/index.ts';
import { signalNumber } from '../../process/signals.ts';
import { type AttachedSystem, reclaimSystems, System, type SystemEntry } from '../../system/index.ts';
import { isGone } from '../../system/list.ts';
import { Progress } from '../progress.ts';
import type { JsonObject } from '../show/view.ts';

/** Milliseconds that a supervisor has for what it removes. */
const REMOVAL_TIMEOUT = 10_000;

/** As its processes and those that watch it see it. */
const INIT = 'cofferdam-init';
const SIGKILL = 9;

/** Without a signal, and with SIGKILL, all of it; resolves when nothing of it is left then. */
export async function killSystem(
  system: SystemEntry,
  word: string | undefined,
  timeout = REMOVAL_TIMEOUT,
  silent = false,
): Promise<void> {
  const signal = word === undefined ? SIGKILL : signalNumber(signalOf(word));
  if (signal !== SIGKILL) {
    await signalAll(system, signal);
    return;
  }
  try {
    await using cgroup = await Cgroup.open(system.cgroup);
    await cgroup.kill();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  // Nobody else will.
  if (!system.leaseHeld) await reclaimSystems();
  await waitForEnd(system, timeout, silent);
}

/** 'TERM', 'SIGTERM', '15'. */
function signalOf(word: string): Signal {
  if (/^\d+$/.test(word)) return Number(word);
  const name = word.toUpperCase();
  return (name.startsWith('SIG') ? name : `SIG${name}`) as Signal;
}

/** Its pid 1 is ours, and knows no signals. */
async function signalAll({ cgroup: path, pids }: SystemEntry, signal: Signal): Promise<void> {
  for (const pid of pids) {
    try {
      await using process = await Pidfd.open(pid);
      // The number may have been given to another process since.
      await using cgroup = await Cgroup.of(pid);
      if (cgroup.path !== path && !cgroup.path.startsWith(`${path}/`)) continue;
      if (readStatus(pid).command !== INIT) process.send(signal);
    } catch (error) {
      if (!isGone(error) && (error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** @throws TimeoutError */
export async function waitForEnd(
  { cgroup: path, name }: SystemEntry,
  timeout?: number,
  silent = false,
): Promise<void> {
  using _progress = new Progress({ what: `the end of ${name}`, cgroup: path, timeout }, silent);
  let timer: NodeJS.Timeout | undefined;
  try {
    await using cgroup = await Cgroup.open(path);
    const events = cgroup.events({ initial: true });
    if (timeout !== undefined) timer = setTimeout(() => void events.return(), timeout);
    for await (const event of events) if (event.type === 'removed') return;
  } catch (error) {
    if (!isGone(error)) throw error;
    return;
  } finally {
    clearTimeout(timer);
  }
  throw new TimeoutError(`the end of system ${name}`, timeout as number);
}

/** Waits as {@link waitForEnd}, and says what the supervisor told of the end; null for what nobody could tell us. */
export async function endOfSystem(system: SystemEntry, timeout?: number): Promise<JsonObject> {
  const { name, group, cgroup } = system;
  const attached = await attach(system);
  const end = attached === undefined ? undefined : attached.ended().catch(() => undefined);
  try {
    await waitForEnd(system, timeout, true);
    const { reason = null, exit = null, statistics = null } = (await end) ?? {};
    return { name, group, cgroup, reason, exit, statistics } as unknown as JsonObject;
  } finally {
    attached?.close();
  }
}

/** Undefined where it has ended, has no supervisor any more, or not one that would talk to us. */
async function attach(system: SystemEntry): Promise<AttachedSystem | undefined> {
  try {
    return await System.attach(system);
  } catch (error) {
    if (error instanceof CofferdamError) return undefined;
    throw error;
  }
}
