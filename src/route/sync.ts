/** Declared state: the routes that a program wants in a table, brought about by as few changes as it takes. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { abortError, InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { parsePrefix } from '../netlink/wire/address.ts';
import type { BatchOptions, BatchResult, BatchServices } from './batch.ts';
import type { LinkNames } from './names.ts';
import { RouteService } from './route.ts';
import { decodeRoute, encodeRoute } from './route-message.ts';
import type { Route, RouteInput } from './route-object.ts';
import {
  ROUTE_PROTOCOLS,
  type RouteProtocol,
  refuseUnknownFields,
  tableNumber,
  wordOf,
} from './route-words.ts';
import { type NormalRoute, normalRoute } from './sync-normal.ts';
import { type Replacement, type RouteConflict, type SyncPlan, SyncPlanner } from './sync-plan.ts';

export type { Replacement, RouteConflict } from './sync-plan.ts';

export interface RouteSyncOptions extends RequestOptions {
  /** The table, by number or as `main`. Whose routes these are is decided by it and the protocol. */
  readonly table: number | string;
  /**
   * Who made the routes: each program has a number of its own, 5 to 255, or a word. Routes of other protocols are never
   * changed or deleted. Those that the kernel makes by itself (`kernel`, `redirect`) cannot be owned.
   */
  readonly protocol: RouteProtocol | number;
  /** Routes of this family only: those of the other are left as they are. Default: both. */
  readonly family?: 'inet' | 'inet6';
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean;
}

/** A change that was refused, or was not made because the sync was given up. */
export interface RouteSyncFailure {
  readonly verb: 'add' | 'replace' | 'del';
  readonly route: RouteInput;
  /** See BatchFailure: whether it may have been made all the same. */
  readonly state: 'refused' | 'invalid' | 'unsent' | 'unknown';
  readonly error: Error;
}

/** What was done; with `dryRun`, what would be. */
export interface RouteSyncResult {
  readonly added: RouteInput[];
  readonly replaced: Replacement[];
  /** As they were. Those that somebody else deleted meanwhile are among them. */
  readonly deleted: Route[];
  readonly unchanged: Route[];
  readonly conflicts: RouteConflict[];
  readonly failed: RouteSyncFailure[];
}

type BatchCall = (callback: (b: BatchServices) => unknown, options: BatchOptions) => Promise<BatchResult[]>;

const OPTIONS: ReadonlySet<string> = new Set<keyof RouteSyncOptions>([
  ...(['table', 'protocol', 'family', 'dryRun', 'signal', 'timeout'] as const),
]);
const KERNELS_OWN: readonly string[] = ['unspec', 'redirect', 'kernel'];
/** Milliseconds of comparing before the event loop gets its turn. */
const SLICE = 2;

interface Scope {
  readonly table: number;
  readonly protocol: string;
  readonly family: 'inet' | 'inet6' | undefined;
}

interface Desired {
  readonly input: RouteInput;
  readonly normal: NormalRoute;
}

/** The routes of a socket, `rt.route`: besides the verbs, {@link sync}. */
export class SocketRouteService extends RouteService {
  readonly #batch: BatchCall;

  constructor(port: RequestPort, names: LinkNames, batch: BatchCall) {
    super(port, names);
    this.#batch = batch;
  }

  /**
   * Makes the routes of one protocol in one table what `desired` says: adds what is missing, replaces what differs,
   * deletes what is not wanted, in this order, and touches nothing else. A second call does nothing.
   *
   * ```ts
   * const result = await rt.route.sync(routes, { table: 100, protocol: 'bgp' });
   * if (result.failed.length + result.conflicts.length > 0) report(result);
   * ```
   *
   * Two routes are alike where the kernel would show them alike: defaults are filled in, paths of a multipath route may
   * come in any order, a link that is not named is whichever the kernel took, and that a route expires matters, not when.
   * A route differs from another in its place if both have family, destination, metric, TOS (IPv4) and source prefix
   * (IPv6) in common; `ip route replace` takes that place in one step, so that packets find the one or the other.
   *
   * Where a route of another protocol is in that place, it stays, and the result has a conflict. It is the kernel's
   * listing that decides: a route that somebody puts there between the listing and a replacement is replaced. Added routes
   * never take anybody's place.
   *
   * Nothing is read or changed if any of `desired` is wrong in itself, says another table, protocol or family, has bits
   * beyond its prefix, or is to the same place as another (InvalidArgumentError). What the kernel refuses is in `failed`,
   * as is what an abort or a deadline left undone, and what needs a link that does not exist, in whose place nothing is
   * changed. Rejects where the listing fails.
   */
  async sync(desired: readonly RouteInput[], options: RouteSyncOptions): Promise<RouteSyncResult> {
    const scope = checkOptions(options);
    const { dryRun = false, signal, timeout } = options;
    const request = {
      ...(signal === undefined ? {} : { signal }),
      ...(timeout === undefined ? {} : { timeout }),
    };
    if (signal?.aborted) throw abortError(signal);
    const wanted = await readDesired(desired, scope);
    const planner = new SyncPlanner(scope.protocol);
    const { family, table } = scope;
    for (const one of family === undefined ? (['inet', 'inet6'] as const) : [family])
      for (const route of await this.list({ table, family: one }, request)) planner.there(route);
    const failed = await this.#resolve(wanted, planner, request);
    const missing = new Set(failed.map(({ route }) => route));
    const slices = new Slices();
    for (const one of wanted) {
      if (!missing.has(one.input)) planner.want(one);
      await slices.pass();
    }
    const plan = planner.plan();
    return dryRun ? resultOf(plan, failed) : this.#apply(plan, failed, request);
  }

  /** Finds the indexes of links, each name once. What names a link that is not there fails. */
  async #resolve(
    wanted: readonly Desired[],
    planner: SyncPlanner,
    options: RequestOptions,
  ): Promise<RouteSyncFailure[]> {
    const known = new Map<string, number | SystemError>();
    const failed: RouteSyncFailure[] = [];
    for (const { input, normal } of wanted) {
      const names = input.nexthops === undefined ? [input.dev] : input.nexthops.map(({ dev }) => dev);
      for (const [i, dev] of names.entries()) {
        const path = normal.paths[i];
        if (dev === undefined || path === undefined) continue;
        let index = known.get(dev);
        if (index === undefined) {
          index = await this.names.index(dev, 'dev', options).catch((error: unknown) => {
            if (error instanceof SystemError) return error;
            throw error;
          });
          known.set(dev, index);
        }
        if (typeof index === 'number') path.oif = index;
        else {
          failed.push({ verb: 'add', route: input, state: 'refused', error: index });
          planner.leave(normal.slot);
          break;
        }
      }
    }
    return failed;
  }

  async #apply(
    plan: SyncPlan,
    failed: RouteSyncFailure[],
    options: RequestOptions,
  ): Promise<RouteSyncResult> {
    const result: RouteSyncResult = { ...resultOf(plan, failed), added: [], replaced: [], deleted: [] };
    const steps: { verb: RouteSyncFailure['verb']; route: RouteInput; done: () => void }[] = [
      ...plan.add.map((route) => ({ verb: 'add' as const, route, done: () => result.added.push(route) })),
      ...plan.trim.map((route) => ({ verb: 'del' as const, route, done: () => result.deleted.push(route) })),
      ...plan.replace.map((one) => ({
        verb: 'replace' as const,
        route: one.to,
        done: () => result.replaced.push(one),
      })),
      ...plan.delete.map((route) => ({
        verb: 'del' as const,
        route,
        done: () => result.deleted.push(route),
      })),
    ];
    const results = await this.#batch((b) => steps.map(({ verb, route }) => b.route[verb](route)), options);
    for (const [i, outcome] of results.entries()) {
      const step = steps[i];
      if (step === undefined) continue;
      if (outcome.ok) step.done();
      else {
        const { state, error } = outcome;
        const code = error instanceof SystemError ? error.code : undefined;
        if (step.verb === 'del' && code === 'ESRCH') step.done();
        else if (step.verb === 'add' && code === 'EEXIST') result.conflicts.push({ desired: step.route });
        else
          result.failed.push({
            verb: step.verb,
            route: step.route,
            state: state as RouteSyncFailure['state'],
            error,
          });
      }
    }
    return result;
  }
}

function resultOf(
  { add, replace, trim, delete: gone, unchanged, conflicts }: SyncPlan,
  failed: RouteSyncFailure[],
): RouteSyncResult {
  return { added: add, replaced: replace, deleted: [...trim, ...gone], unchanged, conflicts, failed };
}

function checkOptions(options: RouteSyncOptions): Scope {
  refuseUnknownFields(options, OPTIONS, { proto: 'it as protocol' }, '', 'options');
  const { family } = options;
  // Both decide what may be deleted: there is no default for that.
  for (const field of ['table', 'protocol'] as const)
    if (options[field] === undefined)
      throw new InvalidArgumentError(
        field,
        undefined,
        'is missing',
        'the table and protocol of the routes that are yours',
      );
  if (family !== undefined && family !== 'inet' && family !== 'inet6')
    throw new InvalidArgumentError('family', family, 'is not known here', 'inet, inet6, or none for both');
  const table = tableNumber(options.table);
  if (table === 0)
    throw new InvalidArgumentError('table', options.table, 'is no table', 'a number from 1 on, or its name');
  const protocol = wordOf(ROUTE_PROTOCOLS, options.protocol);
  const number = Object.values(ROUTE_PROTOCOLS).includes(protocol as 'static') || /^\d+$/.test(protocol);
  if (!number || Number(protocol) > 255 || KERNELS_OWN.includes(protocol))
    throw new InvalidArgumentError(
      'protocol',
      options.protocol,
      'cannot be yours',
      "a word as 'static', or a number from 3 to 255",
    );
  return { table, protocol, family };
}

async function readDesired(desired: readonly RouteInput[], scope: Scope): Promise<Desired[]> {
  if (!Array.isArray(desired))
    throw new InvalidArgumentError('desired', desired, 'is no list', 'a list of routes');
  const wanted: Desired[] = [];
  const places = new Map<string, number>();
  const slices = new Slices();
  for (const [i, route] of (desired as readonly RouteInput[]).entries()) {
    const one = readOne(route, `desired[${i}]`, scope);
    const before = places.get(one.normal.slot);
    if (before !== undefined)
      throw new InvalidArgumentError(
        `desired[${i}]`,
        route,
        `is to the same place as desired[${before}]`,
        'one route with nexthops, or another metric',
      );
    places.set(one.normal.slot, i);
    wanted.push(one);
    await slices.pass();
  }
  return wanted;
}

/** A route as it would be shown, its links still without their indexes where they are named. */
function readOne(route: RouteInput, field: string, { table, protocol, family }: Scope): Desired {
  try {
    const contradiction = (name: 'table' | 'protocol' | 'family', wanted: string | number) =>
      new InvalidArgumentError(name, route[name], 'contradicts the options', `${wanted}, or none`);
    if (typeof route !== 'object' || route === null)
      throw new InvalidArgumentError('dst', undefined, 'is missing', 'a route as { dst, via }');
    if (route.table !== undefined && tableNumber(route.table) !== table) throw contradiction('table', table);
    if (route.protocol !== undefined && wordOf(ROUTE_PROTOCOLS, route.protocol) !== protocol)
      throw contradiction('protocol', protocol);
    const input: RouteInput = { ...route, table, protocol };
    const normal = decodeRoute(encodeRoute(withoutNames(input), 'new'));
    if (family !== undefined && normal.family !== family) throw contradiction('family', family);
    if (normal.family !== 'inet' && normal.family !== 'inet6')
      throw new InvalidArgumentError('family', route.family, 'is not known here', 'inet or inet6');
    checkHostBits(normal.dst, 'dst');
    if (normal.from !== undefined) checkHostBits(normal.from, 'from');
    return { input, normal: normalRoute(normal) };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(`${field}.${error.field}`, error.value, 'is not valid', error.remedy);
  }
}

/** Without the links that go by name: which they are is asked for when all is known to be well. */
function withoutNames(route: RouteInput): RouteInput {
  const { dev, nexthops, ...rest } = route;
  if (dev !== undefined) delete rest.oif;
  if (!Array.isArray(nexthops)) return nexthops === undefined ? rest : { ...rest, nexthops };
  return {
    ...rest,
    nexthops: nexthops.map((nexthop) => {
      if (nexthop?.dev === undefined) return nexthop;
      const { dev: _, oif: __, ...path } = nexthop;
      return path;
    }),
  };
}

function checkHostBits(text: string, field: string): void {
  const prefix = text === 'default' ? undefined : parsePrefix(text);
  if (prefix === undefined) return;
  for (const [i, byte] of prefix.bytes.entries()) {
    const bits = Math.min(8, Math.max(0, prefix.length - 8 * i));
    if ((byte & (0xff >> bits)) !== 0)
      throw new InvalidArgumentError(field, text, 'has bits beyond its prefix', 'the prefix without them');
  }
}

/** Lets the event loop have its turn every few milliseconds. */
class Slices {
  #since = performance.now();
  #count = 0;

  async pass(): Promise<void> {
    if (++this.#count % 64 !== 0 || performance.now() - this.#since < SLICE) return;
    await nextTurn();
    this.#since = performance.now();
  }
}
