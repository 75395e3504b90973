/**
 * What a system sees as its file system: an overlay over the host's root or over layers, whose upper directory is the
 * system's own, and of /dev, /proc and /sys what a program needs. All of it lies in the mount namespace of the system, and
 * goes with it.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { fromNodeError, InvalidArgumentError, type MountEntry, parseMountinfo } from '../../handle/index.ts';
import type { BindSpec, RootSpec, SystemSpec } from '../config/index.ts';
import { HIDDEN_HOST_PATHS, pathsOf } from '../masks.ts';
import { INERT, type Step, StepFlag, StepList } from './steps.ts';

/**
 * One of them is covered by the scratch file system while the root is made, in a mount namespace that nobody else sees: one
 * that nothing is needed from.
 */
const SCRATCH = ['/mnt', '/media', '/srv', '/tmp', '/run', '/opt'];

/** Directories of the system's own, empty at first, and their modes. */
const OWN: readonly (readonly [path: string, mode: string])[] = [
  ['/tmp', '1777'],
  ['/var/tmp', '1777'],
  ['/run', '755'],
];

/** Of the host's root these hold what is other users' business, and programs write there. */
const OWN_OF_HOST = HIDDEN_HOST_PATHS.flatMap(({ path, own }) =>
  own === undefined ? [] : [[path, own] as const],
);

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
const LINKS: readonly (readonly [name: string, leadsTo: string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
];

/** File systems with files on them, which an overlay can have below. */
const STORED = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'f2fs',
  'zfs',
  'squashfs',
  'erofs',
  'overlay',
  '9p',
  'virtiofs',
]);

export interface RootContext {
  readonly pidns: boolean;
  readonly netns: boolean;
  readonly ipcns: boolean;
  readonly cgroupns: boolean;
}

/** File systems of the host's that belong to what a system may see, each by its path, the outermost first. */
export function storedMounts(mountinfo: string): MountEntry[] {
  const hidden = ['/proc', '/sys', '/dev', ...pathsOf(HIDDEN_HOST_PATHS)];
  const covers = (path: string): boolean =>
    hidden.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  const byPath = new Map<string, MountEntry>();
  for (const entry of parseMountinfo(mountinfo)) byPath.set(entry.path, entry);
  return [...byPath.values()]
    .filter(({ path, type }) => path !== '/' && STORED.has(type) && !covers(path))
    .sort((a, b) => a.path.length - b.path.length);
}

/** @throws InvalidArgumentError, SystemError ENOENT for a directory of the host's that is not there */
export function rootPlan(spec: SystemSpec, context: RootContext): Step[] {
  // What is asked for and not done would be worse than an error.
  if (spec.root.exports.length > 0) {
    throw new InvalidArgumentError(
      'root.exports',
      spec.root.exports,
      'is not carried out yet',
      'root.binds, with a directory that may be written',
    );
  }
  const list = new StepList();
  const scratch = scratchPlace(spec.root);
  const own = spec.root.layers.length === 0 ? [...OWN, ...OWN_OF_HOST] : OWN;
  overlay(list, spec, scratch);
  for (const [index, [, mode]] of own.entries()) list.directory(`${scratch}/own-${index}`, mode);
  list.birth(scratch).root(`${scratch}/root`);
  for (const [path] of OWN) list.directory(path);
  for (const [index, [path]] of own.entries()) {
    list.bind(`${scratch}/own-${index}`, path, StepFlag.Optional | StepFlag.Nosuid | StepFlag.Nodev);
  }
  devices(list, context);
  kernelViews(list, context);
  const given = new Set(own.map(([path]) => path));
  const hidden = spec.root.layers.length === 0 ? pathsOf(HIDDEN_HOST_PATHS) : [];
  for (const path of hidden) if (!given.has(path)) list.mask(path);
  for (const path of spec.security.maskedPaths) list.mask(path);
  for (const path of spec.security.readonlyPaths) list.readonly(path);
  for (const bind of spec.root.binds) bindHost(list, bind);
  return list.pivot().steps;
}

function scratchPlace({ layers, upper, binds }: RootSpec): string {
  const needed = [...layers, ...binds.map(({ source }) => source)].map(realPath);
  if (upper.kind === 'disk') needed.push(realPath(upper.path));
  const found = SCRATCH.find(
    (place) =>
      statSync(place, { throwIfNoEntry: false })?.isDirectory() === true &&
      needed.every((path) => path !== place && !path.startsWith(`${place}/`)),
  );
  if (found !== undefined) return found;
  throw new InvalidArgumentError(
    'root',
    needed,
    'leaves no directory to make a root in',
    `${SCRATCH.join(', ')}: one that exists, with no layer and no source of a bind in it`,
  );
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    throw fromNodeError(error);
  }
}

function bindHost(list: StepList, { source, target, readOnly }: BindSpec): void {
  const parents = target.split('/').slice(1, -1);
  for (const index of parents.keys()) list.directory(`/${parents.slice(0, index + 1).join('/')}`);
  if (statSync(source, { throwIfNoEntry: false })?.isDirectory() === false) list.file(target);
  else list.directory(target);
  list.bind(realPath(source), target, StepFlag.Recursive | (readOnly ? StepFlag.Readonly : StepFlag.None));
}

function overlay(list: StepList, { root }: SystemSpec, scratch: string): void {
  const newRoot = `${scratch}/root`;
  const size = root.upper.kind === 'tmpfs' ? `,size=${root.upper.size}` : '';
  list.mount('tmpfs', scratch, `mode=755${size}`, StepFlag.Nosuid);
  list.directory(newRoot);
  const layer = (target: string, name: string, lower: readonly string[]): void => {
    const base = root.upper.kind === 'disk' ? root.upper.path : scratch;
    const upper = `${base}/upper${name}`;
    const work = `${base}/work${name}`;
    list.directory(upper).directory(work).overlay(target, upper, work, lower);
  };
  if (root.layers.length > 0) {
    layer(newRoot, '', root.layers);
    return;
  }
  layer(newRoot, '', ['/']);
  storedMounts(readFileSync('/proc/self/mountinfo', 'utf8')).forEach(({ path }, index) => {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) layer(`${newRoot}${path}`, `-${index}`, [path]);
    else if (status?.isFile()) list.bind(path, `${newRoot}${path}`, StepFlag.Readonly);
  });
}

function devices(list: StepList, { ipcns }: RootContext): void {
  list.directory('/dev').mount('tmpfs', '/dev', 'mode=755,size=64k', StepFlag.Nosuid | StepFlag.Noexec);
  for (const name of DEVICES) list.file(`/dev/${name}`, '666').bind(`/dev/${name}`, `/dev/${name}`);
  for (const [name, leadsTo] of LINKS) list.symlink(`/dev/${name}`, leadsTo);
  list.directory('/dev/pts');
  list.mount('devpts', '/dev/pts', 'newinstance,ptmxmode=666,mode=620', StepFlag.Nosuid | StepFlag.Noexec);
  list.directory('/dev/shm', '1777').mount('tmpfs', '/dev/shm', 'mode=1777', INERT);
  if (ipcns) list.directory('/dev/mqueue').mount('mqueue', '/dev/mqueue', '', INERT);
}

/** The kernel lets no namespace show what it does not own: what is the host's is bound, read-only. */
function kernelViews(list: StepList, { pidns, netns, cgroupns }: RootContext): void {
  list.directory('/proc', '555').directory('/sys', '555');
  if (pidns) list.mount('proc', '/proc', '', INERT);
  else list.bind('/proc', '/proc', StepFlag.Recursive);
  if (netns) list.mount('sysfs', '/sys', '', INERT | StepFlag.Readonly);
  else list.bind('/sys', '/sys', INERT | StepFlag.Readonly);
  if (cgroupns) list.mount('cgroup2', '/sys/fs/cgroup', '', INERT | StepFlag.Readonly | StepFlag.Optional);
}
