import { Cgroup, PressureTrigger } from '../cgroup/index.ts';
import { handles } from '../handle/index.ts';
import {
  Netns,
  type NetnsReference,
  type NetnsSurveyOptions,
  type NetnsWatchOptions,
} from '../netns/index.ts';
import { Pidfd, Process, type ProcessIdentity, subreaper } from '../process/index.ts';
import { RouteSocket, type RouteSocketOptions } from '../route/socket.ts';
import { LazyRouteSocket } from './lazy-route-socket.ts';
import { ReadOnlyError } from './read-only.ts';

/** What the console has in scope. */
export interface Scope {
  rt: LazyRouteSocket;
  readonly handles: typeof handles;
  /** The class: `await Cgroup.current()`. */
  readonly Cgroup: object;
  /** The class: `await PressureTrigger.open({ resource: 'memory', stall: 150_000, window: 2_000_000 })`. */
  readonly PressureTrigger: object;
  /** The class: `await Netns.open('blue')`. */
  readonly Netns: object;
  /** The class: `await Pidfd.open(1)`. */
  readonly Pidfd: object;
  /** The class: `await Process.spawn(['ip', 'link'], { netns })`. */
  readonly Process: object;
  readonly subreaper: object;
  /** The class: `await RouteSocket.open({ netns: 'blue' })`. */
  readonly RouteSocket: object;
  /** Which namespace `rt` works in, and how to change it. */
  readonly netns: NetnsSwitch;
}

export interface NetnsSwitch {
  /** All named namespaces. */
  readonly list: typeof Netns.list;
  /** Has `rt` work in another namespace, or in the process's own if none is named. */
  readonly use: (netns?: NetnsReference) => string;
}

export interface ScopeOptions {
  readonly open: RouteSocketOptions;
  readonly allowWrite: boolean;
}

/**
 * `rt` is replaced by `netns.use()`, so it is set by `assign`. Without --allow-write nothing in scope changes the
 * system by accident; it is no lock: whoever imports the library has all of it.
 */
export function makeScope(options: ScopeOptions, assign: (rt: LazyRouteSocket) => void): Scope {
  const { allowWrite } = options;
  const lazily = (open: RouteSocketOptions) => new LazyRouteSocket({ open, allowWrite, name: 'rt' });
  let rt = lazily(options.open);
  const netns: NetnsSwitch = {
    list: () => Netns.list(),
    use(reference) {
      rt.close();
      const { netns: _, ...rest } = options.open;
      rt = lazily(reference === undefined ? rest : { ...rest, netns: reference });
      assign(rt);
      return reference === undefined
        ? "rt works in the process's own namespace"
        : 'rt works there from now on';
    },
  };
  return {
    rt,
    handles,
    Cgroup: allowWrite ? Cgroup : readOnlyCgroup(),
    PressureTrigger,
    Netns: allowWrite ? Netns : readOnlyNetns(),
    Pidfd: allowWrite ? Pidfd : readOnlyPidfd(),
    Process: allowWrite ? Process : Object.freeze({ spawn: refuse('Process.spawn') }),
    subreaper: allowWrite ? subreaper : readOnlySubreaper(),
    RouteSocket: allowWrite ? RouteSocket : readOnlyRouteSocket(),
    netns: Object.freeze(netns),
  };
}

function refuse(call: string): () => never {
  return () => {
    throw new ReadOnlyError(call);
  };
}

/** What changes something through an open cgroup. */
const CGROUP_VERBS = ['attach', 'enableControllers', 'freeze', 'kill', 'remove', 'set', 'thaw'] as const;

function readOnlyCgroup(): object {
  const guarded = async (opening: Promise<Cgroup>) => {
    const cgroup = await opening;
    for (const verb of CGROUP_VERBS) Object.defineProperty(cgroup, verb, { value: refuse(`cgroup.${verb}`) });
    return cgroup;
  };
  return Object.freeze({
    current: () => guarded(Cgroup.current()),
    of: (pid: number) => guarded(Cgroup.of(pid)),
    open: (path: string) => guarded(Cgroup.open(path)),
    create: refuse('Cgroup.create'),
    orphans: refuse('Cgroup.orphans'),
  });
}

function readOnlyNetns(): object {
  return Object.freeze({
    current: () => Netns.current(),
    list: () => Netns.list(),
    of: (pid: number) => Netns.of(pid),
    open: (nameOrPath: string) => Netns.open(nameOrPath),
    survey: (options?: NetnsSurveyOptions) => Netns.survey(options),
    watch: (options?: NetnsWatchOptions) => Netns.watch(options),
    create: refuse('Netns.create'),
    remove: refuse('Netns.remove'),
  });
}

function readOnlyPidfd(): object {
  return Object.freeze({
    async open(process: number | ProcessIdentity) {
      return Object.defineProperty(await Pidfd.open(process), 'send', { value: refuse('pidfd.send') });
    },
  });
}

function readOnlySubreaper(): object {
  return Object.freeze({
    get enabled() {
      return subreaper.enabled;
    },
    orphans: subreaper.orphans,
    enable: refuse('subreaper.enable'),
    disable: refuse('subreaper.disable'),
    reap: refuse('subreaper.reap'),
    reaped: refuse('subreaper.reaped'),
  });
}

function readOnlyRouteSocket(): object {
  return Object.freeze({
    async open(options: RouteSocketOptions = {}) {
      const socket = await RouteSocket.open(options);
      return new LazyRouteSocket({ open: options, allowWrite: false, name: 'socket' }, socket);
    },
  });
}
