/**
 * What a system sees as its file system: an overlay over the host's root or over layers, whose upper directory is the
 * system's own, and of /dev, /proc and /sys what a program needs. All of it lies in the mount namespace of the system, and
 * goes with it.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { fromNodeError, InvalidArgumentError, type MountEntry, parseMountinfo } from '../../handle/index.ts';
import type { BindSpec, RootSpec, SystemSpec } from '../config/index.ts';
import { HIDDEN_HOST_PATHS, pathsOf } from '../masks.ts';
import { DEVICES, LINKS, OWN } from './own.ts';
import { rootlessSteps } from './rootless-plan.ts';
import { encodeStep, INERT, StepFlag, StepList } from './steps.ts';

/**
 * One of them is covered by the scratch file system while the root is made, in a mount namespace that nobody else sees: one
 * that nothing is needed from.
 */
const SCRATCH = ['/mnt', '/media', '/srv', '/tmp', '/run', '/opt'];

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
  /** Pid 1 makes all of it, without privilege. */
  readonly rootless: boolean;
  /** To whom belongs what is the system's own: uid and gid as the host counts. */
  readonly owner: readonly [uid: number, gid: number];
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

/**
 * The steps, encoded.
 *
 * @throws InvalidArgumentError, SystemError ENOENT for a directory of the host's that is not there
 */
export function rootPlan(spec: SystemSpec, context: RootContext): Buffer[] {
  const { binds } = spec.root;
  const scratch = scratchPlace(spec.root);
  const { before, after } = commonSteps(spec, scratch, context);
  const [places, own] = [new StepList(), new StepList()];
  const isAhead = !context.rootless && binds.length > 0;
  if (isAhead) places.inside(`${scratch}/root`);
  for (const bind of binds) {
    if (isAhead) placeOf(places, bind, context.owner);
    // Once more for what lies within /dev/shm and its like, which pid 1 mounts.
    placeOf(own, bind);
    bindHost(own, bind);
  }
  return [...before, ...places.steps.map(encodeStep), ...after, ...own.pivot().steps.map(encodeStep)];
}

/** Those of all systems, up to the birth of pid 1 and after it. */
interface CommonSteps {
  readonly before: readonly Buffer[];
  readonly after: readonly Buffer[];
}

/** Systems are mostly alike, and their steps many: those of the last are kept, by all that they depend on. */
const kept = { key: '', steps: { before: [], after: [] } as CommonSteps };

function commonSteps({ root, security }: SystemSpec, scratch: string, context: RootContext): CommonSteps {
  const { layers, upper } = root;
  const { maskedPaths, readonlyPaths } = security;
  const mountinfo = layers.length > 0 ? '' : readFileSync('/proc/self/mountinfo', 'utf8');
  const size = upper.kind === 'tmpfs' ? String(upper.size) : upper.path;
  const key = JSON.stringify([
    scratch,
    context,
    layers,
    upper.kind,
    size,
    maskedPaths,
    readonlyPaths,
    mountinfo,
  ]);
  // Of the host's root those of the rootless depend on more.
  if (kept.key !== key || context.rootless) {
    const empty = `${scratch}/empty`;
    const before = new StepList();
    const after = context.rootless ? rootlessSteps(root, scratch, empty) : new StepList();
    if (!context.rootless) {
      overlays(before, root, scratch, mountinfo, context.owner);
      // Without what is mounted on it, which a user namespace would not let go.
      if (!context.netns) before.bind('/sys', `${scratch}/root/sys`, INERT | StepFlag.Readonly);
      before.directory(empty, '555');
      after.birth(scratch).root(`${scratch}/root`);
    }
    kernelViews(after, context);
    for (const path of maskedPaths) after.mask(path, empty);
    for (const path of readonlyPaths) after.readonly(path);
    kept.steps = { before: before.steps.map(encodeStep), after: after.steps.map(encodeStep) };
    kept.key = key;
  }
  return kept.steps;
}

function scratchPlace({ layers, upper, binds }: RootSpec): string {
  const needed = [...layers, ...binds.map(({ source }) => source)].map(realPath);
  if (upper.kind === 'disk') needed.push(realPath(upper.path));
  const found = SCRATCH.find(
    (place) => isDirectory(place) && needed.every((path) => path !== place && !path.startsWith(`${place}/`)),
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

/** What a bind is mounted on: made where it is not there yet. */
function placeOf(list: StepList, { source, target }: BindSpec, owner: readonly number[] = []): void {
  const parents = target.split('/').slice(1, -1);
  for (const index of parents.keys())
    list.directory(`/${parents.slice(0, index + 1).join('/')}`, '755', owner);
  if (statSync(source, { throwIfNoEntry: false })?.isDirectory() === false) list.file(target);
  else list.directory(target, '755', owner);
}

function bindHost(list: StepList, { source, target, readOnly }: BindSpec): void {
  list.bind(realPath(source), target, StepFlag.Recursive | (readOnly ? StepFlag.Readonly : StepFlag.None));
}

interface Layer {
  /** Where it is for the system, and for the host if the layers are the host's. */
  readonly place: string;
  readonly lower: readonly string[];
}

function layersOf({ layers }: RootSpec, stored: readonly MountEntry[]): Layer[] {
  if (layers.length > 0) return [{ place: '/', lower: layers }];
  return ['/', ...stored.map(({ path }) => path).filter(isDirectory)].map((place) => ({
    place,
    lower: [place],
  }));
}

/** What stands for the host's own in all systems alike. */
function cover(list: StepList, layers: readonly Layer[], ofHost: boolean, owner: readonly number[]): void {
  for (const { place, lower } of layers) list.layer(place, lower);
  for (const [path, mode] of OWN) list.own(path, mode, owner);
  for (const name of DEVICES) list.node(`/dev/${name}`, '666', `/dev/${name}`);
  for (const [name, leadsTo] of LINKS) list.link(`/dev/${name}`, leadsTo);
  if (!ofHost) return;
  // In this order: where the host lacks a directory of both, it is not hidden as a whole.
  for (const { path, own } of HIDDEN_HOST_PATHS) if (own !== undefined) list.own(path, own, owner);
  for (const { path, own } of HIDDEN_HOST_PATHS) if (own === undefined) list.hide(path);
}

function overlays(
  list: StepList,
  root: RootSpec,
  scratch: string,
  mountinfo: string,
  owner: readonly number[],
): void {
  const ofHost = root.layers.length === 0;
  const stored = storedMounts(mountinfo);
  const layers = layersOf(root, stored);
  cover(list, layers, ofHost, owner);
  const newRoot = `${scratch}/root`;
  const size = root.upper.kind === 'tmpfs' ? `,size=${root.upper.size}` : '';
  list.mount('tmpfs', scratch, `mode=755${size}`, StepFlag.Nosuid);
  list.directory(newRoot);
  const base = root.upper.kind === 'disk' ? root.upper.path : scratch;
  for (const [index, { place, lower }] of layers.entries()) {
    const upper = `${base}/upper-${index}`;
    const work = `${base}/work-${index}`;
    const target = place === '/' ? newRoot : `${newRoot}${place}`;
    // The root of an overlay belongs to who has that of its upper directory.
    list.directory(upper, '755', place === '/' ? owner : []).directory(work);
    list.overlay(target, [upper, work, `${scratch}/cover-${index}`], place, lower);
  }
  for (const { path } of stored) {
    if (!isDirectory(path)) list.bind(path, `${newRoot}${path}`, StepFlag.Readonly | StepFlag.Optional);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The kernel lets no namespace show what it does not own: what is the host's is bound, read-only. */
function kernelViews(list: StepList, { pidns, netns, ipcns, cgroupns }: RootContext): void {
  list.mount('devpts', '/dev/pts', 'newinstance,ptmxmode=666,mode=620', StepFlag.Nosuid | StepFlag.Noexec);
  list.mount('tmpfs', '/dev/shm', 'mode=1777', INERT);
  if (ipcns) list.mount('mqueue', '/dev/mqueue', '', INERT);
  if (pidns) list.mount('proc', '/proc', '', INERT);
  else list.bind('/proc', '/proc', StepFlag.Recursive);
  if (netns) list.mount('sysfs', '/sys', '', INERT | StepFlag.Readonly);
  if (cgroupns) list.mount('cgroup2', '/sys/fs/cgroup', '', INERT | StepFlag.Readonly | StepFlag.Optional);
}
