/** All network namespaces of the host that can be found, and who holds them: proc(5). */
import { statSync } from 'node:fs';
import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { checkFields, checkSignal } from '../handle/checks.ts';
import { abortError, loadBinding, type NativeFd, parseMountinfo, systemError } from '../handle/index.ts';
import type { FoundNetns, NetnsHolder, NetnsSurvey, Unseen } from './holder.ts';
import { listNames } from './names.ts';
import { inodeOf, readLink, readNumbers, readText } from './proc.ts';

/** Who numbers namespaces: a RouteSocket, in the namespace whose numbers are wanted. */
export interface NetnsNumbering {
  readonly netnsId: {
    get(target: { netns: { readonly fd: number } }): Promise<{ readonly nsid: number }>;
  };
}

export interface NetnsSurveyOptions {
  /**
   * Finds those that a socket holds, too. Each socket of each process is duplicated for a moment (pidfd_getfd(2)), which
   * takes some 10 us each, CAP_SYS_PTRACE, and keeps a socket open for that moment that its owner may be closing. Default
   * false.
   */
  readonly sockets?: boolean;
  /** A RouteSocket: also tells by which nsid its namespace knows each. */
  readonly numberedBy?: NetnsNumbering;
  readonly signal?: AbortSignal;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof NetnsSurveyOptions>(['sockets', 'numberedBy', 'signal']);

/** Milliseconds of reading after which the event loop gets its turn. */
const SLICE = 4;

const { EPERM, EACCES, ENOSYS, EMFILE, ENFILE, ENOMEM } = constants.errno;
/** What says nothing about the process that is looked at. */
const OURS: ReadonlySet<number> = new Set([ENOSYS, EMFILE, ENFILE, ENOMEM]);

/** See {@link Netns.survey}. */
export async function surveyNetns(options: NetnsSurveyOptions = {}): Promise<NetnsSurvey> {
  checkFields('', options, OPTIONS);
  const { signal, sockets = false, numberedBy } = options;
  checkSignal(signal);
  if (signal?.aborted) throw abortError(signal);
  const survey = new Survey(sockets);
  survey.addNames();
  const pids = readNumbers('/proc');
  let until = performance.now() + SLICE;
  for (const pid of typeof pids === 'string' ? [] : pids.value) {
    survey.addProcess(pid);
    if (performance.now() < until) continue;
    await turn();
    if (signal?.aborted) throw abortError(signal);
    until = performance.now() + SLICE;
  }
  if (numberedBy !== undefined) await survey.number(numberedBy, signal);
  return survey.result();
}

/** A namespace while it is being found. */
interface Finding {
  readonly names: string[];
  readonly holders: NetnsHolder[];
  /** Where it can be opened, as long as the one who holds it so does. */
  readonly paths: string[];
  nsid?: number;
}

class Survey {
  readonly #sockets: boolean;
  /** All namespaces live on one file system. */
  readonly #device = statSync('/proc/self/ns/net').dev;
  readonly #found = new Map<number, Finding>();
  readonly #unseen: { -readonly [Field in keyof Unseen]: Unseen[Field] } = {
    processes: 0,
    fdTables: 0,
    mountTables: 0,
    sockets: 0,
  };
  /** Mount tables that have been read, each by its namespace and the root directory it was seen from. */
  readonly #views = new Set<string>();
  /** Mounts that have been seen, by namespace and id. */
  readonly #mounts = new Set<string>();
  /** By inode: many processes have the same socket. */
  readonly #places = new Map<number, number | undefined>();

  constructor(sockets: boolean) {
    this.#sockets = sockets;
  }

  addNames(): void {
    for (const { name, path, inode, mounted } of listNames()) {
      if (!mounted) continue;
      const finding = this.#finding(inode);
      finding.names.push(name);
      finding.paths.push(path);
    }
  }

  addProcess(pid: number): void {
    const directory = `/proc/${pid}`;
    const link = readLink(`${directory}/ns/net`);
    if (link === 'denied') this.#unseen.processes++;
    const text = readText(`${directory}/comm`);
    // It has ended, or there is no right to look at anything of it.
    if (typeof text === 'string') return;
    const comm = text.value.trimEnd();
    const home = typeof link === 'string' ? undefined : inodeOf('net', link.value);
    if (home !== undefined) this.#add(home, { type: 'process', pid, comm }, `${directory}/ns/net`);
    this.#addThreads(pid, home);
    this.#addMounts(pid);
    this.#addFds(pid, comm, home);
  }

  async number(numbering: NetnsNumbering, signal: AbortSignal | undefined): Promise<void> {
    for (const [inode, finding] of this.#found) {
      if (signal?.aborted) throw abortError(signal);
      const netns = openFirst(finding.paths, inode);
      if (netns === undefined) continue;
      try {
        const { nsid } = await numbering.netnsId.get({ netns });
        if (nsid >= 0) finding.nsid = nsid;
      } finally {
        netns.close();
      }
    }
  }

  result(): NetnsSurvey {
    const namespaces = [...this.#found]
      .sort(([one], [other]) => one - other)
      .map(([inode, { names, holders, nsid }]): FoundNetns => {
        const pids = holders.flatMap((holder) => (holder.type === 'process' ? [holder.pid] : []));
        return { inode, device: this.#device, names, pids, holders, ...(nsid !== undefined && { nsid }) };
      });
    return { namespaces, unseen: this.#unseen };
  }

  #finding(inode: number): Finding {
    let finding = this.#found.get(inode);
    if (finding === undefined) {
      finding = { names: [], holders: [], paths: [] };
      this.#found.set(inode, finding);
    }
    return finding;
  }

  #add(inode: number, holder: NetnsHolder, path?: string): void {
    const finding = this.#finding(inode);
    finding.holders.push(holder);
    if (path !== undefined) finding.paths.push(path);
  }

  #addThreads(pid: number, home: number | undefined): void {
    const tids = readNumbers(`/proc/${pid}/task`);
    if (typeof tids === 'string') return;
    for (const tid of tids.value) {
      if (tid === pid) continue;
      const path = `/proc/${pid}/task/${tid}/ns/net`;
      const link = readLink(path);
      if (typeof link === 'string') continue;
      const inode = inodeOf('net', link.value);
      if (inode === undefined || inode === home) continue;
      const comm = readText(`/proc/${pid}/task/${tid}/comm`);
      if (typeof comm === 'string') continue;
      this.#add(inode, { type: 'thread', pid, tid, comm: comm.value.trimEnd() }, path);
    }
  }

  #addMounts(pid: number): void {
    const link = readLink(`/proc/${pid}/ns/mnt`);
    const root = readLink(`/proc/${pid}/root`);
    if (link === 'denied' || root === 'denied') this.#unseen.mountTables++;
    if (typeof link === 'string' || typeof root === 'string') return;
    const view = `${link.value} ${root.value}`;
    if (this.#views.has(view)) return;
    const text = readText(`/proc/${pid}/mountinfo`);
    if (typeof text === 'string') return;
    this.#views.add(view);
    const mountNamespace = inodeOf('mnt', link.value) ?? 0;
    // Tables are long, and few lines of them ours.
    const lines = text.value.split('\n').filter((line) => line.includes(' nsfs '));
    for (const { id, root, path, type } of parseMountinfo(lines.join('\n'))) {
      const inode = type === 'nsfs' ? inodeOf('net', root) : undefined;
      const mount = `${mountNamespace} ${id}`;
      if (inode === undefined || this.#mounts.has(mount)) continue;
      this.#mounts.add(mount);
      this.#add(inode, { type: 'mount', mountNamespace, path, pid }, `/proc/${pid}/root${path}`);
    }
  }

  #addFds(pid: number, comm: string, home: number | undefined): void {
    const fds = readNumbers(`/proc/${pid}/fd`);
    if (fds === 'denied') this.#unseen.fdTables++;
    if (typeof fds === 'string') return;
    const open = new Map<number, number[]>();
    const sockets = new Map<number, number[]>();
    for (const fd of fds.value) {
      const link = readLink(`/proc/${pid}/fd/${fd}`);
      if (typeof link === 'string') continue;
      const inode = inodeOf('net', link.value);
      if (inode !== undefined) push(open, inode, fd);
      const socket = this.#sockets ? inodeOf('socket', link.value) : undefined;
      const abroad = socket === undefined ? undefined : this.#placeOf(socket, pid, fd);
      // Those at home are held by the process itself as well.
      if (abroad !== undefined && abroad !== home) push(sockets, abroad, fd);
    }
    for (const [inode, fds] of open) {
      this.#add(inode, { type: 'fd', pid, comm, fds }, `/proc/${pid}/fd/${fds[0]}`);
    }
    for (const [inode, fds] of sockets) this.#add(inode, { type: 'socket', pid, comm, fds });
  }

  /** The namespace of a socket; undefined where it is gone or may not be asked. */
  #placeOf(socket: number, pid: number, fd: number): number | undefined {
    if (this.#places.has(socket)) return this.#places.get(socket);
    const place = loadBinding().netnsOfSocket(pid, fd);
    if (typeof place !== 'number') {
      // The number may have gone to another socket since it was read: the answer is that one's.
      this.#places.set(place.socket, place.netns);
      return place.netns;
    }
    if (OURS.has(-place)) throw systemError(place, 'pidfd_getfd', { pid, fd });
    if (place === -EPERM || place === -EACCES) {
      this.#unseen.sockets++;
      this.#places.set(socket, undefined);
    }
    return undefined;
  }
}

function push(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** The namespace, by the first path that still leads to it. */
function openFirst(paths: readonly string[], inode: number): NativeFd | undefined {
  for (const path of paths) {
    const netns = loadBinding().openNetns(path);
    if (typeof netns === 'number') {
      if (OURS.has(-netns)) throw systemError(netns, 'open', { path });
      // Whoever held it so has let go, or may not be followed.
      continue;
    }
    if (netns.inode === inode) return netns;
    netns.close();
  }
  return undefined;
}
