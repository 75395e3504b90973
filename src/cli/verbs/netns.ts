import { readdirSync, statSync } from 'node:fs';
import { InvalidArgumentError, SystemError } from '../../handle/errors.ts';
import { Netns } from '../../netns/index.ts';
import { bindName, netnsPath } from '../../netns/names.ts';
import type { NetnsId } from '../../route/netns-id.ts';
import { duplicateArgument, FindingError, parseInteger, UsageError, Words, wrongArgument } from '../args.ts';
import { idOf, NETNS_DIRECTORY, netnsNames } from '../netns-names.ts';
import { Sheet } from '../show/route-sheet.ts';
import type { Actions, ShowContext, Shown } from '../show/view.ts';
import { errnoWords } from '../strerror.ts';
import { execInside } from './netns-exec.ts';
import { showHolders } from './netns-holders.ts';
import { monitorNames } from './netns-monitor.ts';

/** The verbs of `ip netns` besides `list`, man 8 ip-netns. */
export const netnsActions: Actions = {
  'list-id': listIds,
  add: async ([name]) => {
    (await Netns.create({ name: required(name) })).close();
    return undefined;
  },
  attach: async ([name, pid]) => {
    if (name === undefined || pid === undefined) throw new FindingError('No netns name and PID specified');
    const path = netnsPath(valid(name));
    const number = parseInteger(pid);
    if (number === undefined || number < 1 || number > 0x7fff_ffff)
      throw new FindingError(`Invalid PID: ${pid}`);
    using netns = await ofTask(number, path);
    bindName(netns.fd, name);
    return undefined;
  },
  set: async ([name, id], { rt }) => {
    const netns = required(name);
    if (id === undefined) throw new FindingError('No nsid specified');
    const nsid = id === 'auto' ? undefined : positive(id, 'Invalid "netnsid" value', '"netnsid" value');
    await rt.netnsId.add({ netns, ...(nsid === undefined ? {} : { nsid }) });
    return undefined;
  },
  delete: async ([name], { options }) => {
    if (!options.all) await Netns.remove(required(name));
    else for (const one of netnsNames()) await Netns.remove(one);
    return undefined;
  },
  exec: execInside,
  holders: showHolders,
  identify: async (args) => text(identify(args)),
  monitor: monitorNames,
  pids: async (args) => text(pids(args)),
};

function required(name: string | undefined): string {
  if (name === undefined) throw new FindingError('No netns name specified');
  return valid(name);
}

/** A name, and no path. */
function valid(name: string): string {
  try {
    netnsPath(name);
    return name;
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new UsageError(`Invalid netns name "${name}"`);
    throw error;
  }
}

/** Of a process or a thread. */
async function ofTask(pid: number, path: string): Promise<Netns> {
  const source = `/proc/${pid}/ns/net`;
  try {
    return await Netns.open(source);
  } catch (error) {
    if (!(error instanceof SystemError && error.code === 'ENOENT')) throw error;
    throw new FindingError(`Bind ${source} -> ${path} failed: ${errnoWords(error.errno)}`);
  }
}

/** What `ip` has no JSON for. */
function text(lines: readonly string[]): Shown {
  return { json: lines.map((line) => ({ line })), text: lines.map((line) => `${line}\n`).join('') };
}

function positive(word: string, invalid: string, what: string): number {
  const number = parseInteger(word);
  if (number === undefined) throw wrongArgument(word, invalid);
  if (number < 0) throw wrongArgument(word, `${what} should be >= 0`);
  return number;
}

async function listIds(args: readonly string[], context: ShowContext): Promise<Shown> {
  const { rt } = context;
  const words = new Words(args);
  let nsid: number | undefined;
  let targetNsid: number | undefined;
  while (words.more) {
    if (words.take('target-nsid')) {
      const word = words.next();
      if (targetNsid !== undefined) throw duplicateArgument('target-nsid', word);
      targetNsid = positive(word, '"target-nsid" value is invalid', '"target-nsid" value');
    } else if (words.take('nsid')) {
      const word = words.next();
      if (nsid !== undefined) throw duplicateArgument('nsid', word);
      nsid = positive(word, '"nsid" value is invalid', '"nsid" value');
    } else throw new UsageError('Try "cofferdam netns help".');
  }
  const target = targetNsid === undefined ? {} : { targetNsid };
  const found =
    nsid === undefined ? await rt.netnsId.list(target) : [await rt.netnsId.get({ nsid, ...target })];
  const names = new Map<number, string>();
  for (const name of netnsNames()) {
    const id = await idOf(rt, name);
    if (id !== undefined && !names.has(id)) names.set(id, name);
  }
  const sheets = found.map((one) => idSheet(one, names));
  return { json: sheets.map((sheet) => sheet.json), text: sheets.map((sheet) => sheet.text).join('') };
}

function idSheet({ nsid, currentNsid }: NetnsId, names: ReadonlyMap<number, string>): Sheet {
  const sheet = new Sheet();
  putId(sheet, 'nsid', nsid);
  if (currentNsid !== undefined) putId(sheet, 'current-nsid', currentNsid);
  const name = names.get(currentNsid ?? nsid) ?? names.get(nsid);
  if (name !== undefined) sheet.put('name', name, `(iproute2 netns name: ${name})`);
  sheet.say('\n');
  return sheet;
}

function putId(sheet: Sheet, key: string, id: number): void {
  if (id < 0) sheet.say(`${key} unassigned `);
  else sheet.put(key, id, `${key} ${id} `);
}

interface Place {
  readonly dev: number;
  readonly ino: number;
}

function placeOf(path: string): Place | undefined {
  try {
    const { dev, ino } = statSync(path);
    return { dev, ino };
  } catch {
    return undefined; // gone meanwhile, or none of ours to look at
  }
}

function isSame(one: Place | undefined, other: Place): boolean {
  return one !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/** The names of the namespace of a process: `ip` says the last that it finds, or an empty line. */
function identify(args: readonly string[]): string[] {
  const [pid, ...more] = args;
  if (more.length > 0) throw new FindingError('extra arguments specified');
  if (pid !== undefined && !/^\d+$/.test(pid))
    throw new FindingError(`Specified string '${pid}' is not a pid`);
  const own = placeOf(`/proc/${pid ?? 'self'}/ns/net`);
  if (own === undefined) throw new FindingError('Cannot open network namespace: No such file or directory');
  const names = netnsNames().filter((name) => isSame(placeOf(`${NETNS_DIRECTORY}/${name}`), own));
  return [names.at(-1) ?? ''];
}

/** The processes in a namespace. */
function pids(args: readonly string[]): string[] {
  const [name, ...more] = args;
  const path = netnsPath(required(name));
  if (more.length > 0) throw new FindingError('extra arguments specified');
  const place = placeOf(path);
  if (place === undefined) throw new FindingError('Cannot open network namespace: No such file or directory');
  return readdirSync('/proc').filter(
    (entry) => /^\d+$/.test(entry) && isSame(placeOf(`/proc/${entry}/ns/net`), place),
  );
}
