/**
 * The root of a system that is made without privilege: pid 1 makes all of it, in its user namespace. There the kernel takes
 * no layer that has other mounts below it, as the root of a host has, and nobody makes devices: so each directory of the
 * host's root has an overlay of its own, or is bound read-only where something is mounted in it, devices are bound, and what
 * must not be seen is mounted over.
 */
import { type Dirent, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { InvalidArgumentError, parseMountinfo } from '../../handle/index.ts';
import type { RootSpec } from '../config/index.ts';
import { HIDDEN_HOST_PATHS } from '../masks.ts';
import { DEVICES, LINKS, OWN } from './own.ts';
import { StepFlag, StepList } from './steps.ts';

const { Nosuid, Nodev, Noexec, Optional, Readonly, Recursive, Userxattr } = StepFlag;

/** Of these the system has a file system of its own each: overlays have none of them. */
const MOUNTED = new Set(['/tmp', '/var/tmp', '/run', '/dev']);

const isTop = (path: string): boolean => path.lastIndexOf('/') === 0;

/**
 * Up to where what the kernel shows is mounted; `empty` is a directory for masks.
 *
 * @throws InvalidArgumentError for a layer that the kernel would not take
 */
export function rootlessSteps(root: RootSpec, scratch: string, empty: string): StepList {
  const list = new StepList();
  const newRoot = `${scratch}/root`;
  const size = root.upper.kind === 'tmpfs' ? `,size=${root.upper.size}` : '';
  list.mount('tmpfs', scratch, `mode=755${size}`, Nosuid | Nodev);
  list.directory(newRoot).directory(empty, '555');
  const ofHost = root.layers.length === 0;
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).map(({ path }) => path);
  if (ofHost) {
    for (const entry of readdirSync('/', { withFileTypes: true })) hostEntry(list, entry, scratch, mounts);
  } else {
    checkLayers(root.layers, mounts);
    overlay(list, newRoot, `${scratch}/layers`, root.layers);
  }
  list.root(newRoot);
  own(list, size);
  if (ofHost) hide(list, size, empty);
  return list;
}

const isWithin = (path: string, directory: string): boolean =>
  path !== directory && path.startsWith(directory === '/' ? '/' : `${directory}/`);

function checkLayers(layers: readonly string[], mounts: readonly string[]): void {
  for (const [index, layer] of layers.entries()) {
    const real = realpathSync.native(layer);
    const within = mounts.find((path) => isWithin(path, real));
    if (within === undefined) continue;
    throw new InvalidArgumentError(
      `root.layers[${index}]`,
      layer,
      `has a file system mounted in it, at ${within}, which the kernel lets only root have below an overlay`,
      'a directory that has none, or make the system as root',
    );
  }
}

function overlay(list: StepList, target: string, base: string, lower: readonly string[]): void {
  list.directory(base).directory(`${base}/upper`).directory(`${base}/work`);
  // As of a root: it looks as what it is made of does, whatever is below.
  list.overlay(target, [`${base}/upper`, `${base}/work`, ''], '/', lower, Userxattr);
}

/** What the system has in place of an entry of the host's root. */
function hostEntry(list: StepList, entry: Dirent, scratch: string, mounts: readonly string[]): void {
  const path = `/${entry.name}`;
  const target = `${scratch}/root${path}`;
  const isOwn = OWN.some(([one]) => one === path) || HIDDEN_HOST_PATHS.some((one) => one.path === path);
  // What is the system's own is made for all alike.
  if (isOwn) return;
  if (entry.isSymbolicLink()) list.link(target, readlinkSync(path));
  else if (!entry.isDirectory()) {
    if (entry.isFile()) list.file(target).bind(path, target, Readonly | Optional);
  } else if (mounts.some((one) => isWithin(one, path))) {
    list.directory(target).bind(path, target, Recursive | Readonly | Optional);
  } else {
    list.directory(target);
    overlay(list, target, `${scratch}/layer-${entry.name}`, [path]);
  }
}

function own(list: StepList, size: string): void {
  list.directory('/var');
  for (const [path, mode] of OWN) {
    list.directory(path, mode);
    if (MOUNTED.has(path)) list.mount('tmpfs', path, `mode=${mode}${size}`, Nosuid | Nodev);
  }
  for (const name of DEVICES) {
    list.file(`/dev/${name}`).bind(`/dev/${name}`, `/dev/${name}`, Nosuid | Noexec);
  }
  for (const [name, leadsTo] of LINKS) list.link(`/dev/${name}`, leadsTo);
}

function hide(list: StepList, size: string, empty: string): void {
  for (const { path, own: mode } of HIDDEN_HOST_PATHS) {
    if (OWN.some(([one]) => one === path)) continue;
    if (isTop(path)) {
      if (mode !== undefined) list.directory(path, mode);
    } else if (mode === undefined) list.mask(path, empty);
    else list.mount('tmpfs', path, `mode=${mode}${size}`, Nosuid | Nodev | Optional);
  }
  const home = homeOfOurs();
  const isSeen = !HIDDEN_HOST_PATHS.some(({ path }) => home === path || isWithin(home, path));
  if (home !== '/' && isSeen) list.mount('tmpfs', home, `mode=700${size}`, Nosuid | Nodev | Optional);
}

/** Whoever makes the system may read there what nobody else may, and so may its programs, who are him. */
function homeOfOurs(): string {
  try {
    const { homedir } = userInfo();
    return homedir.startsWith('/') ? homedir : '/';
  } catch {
    // Nobody who is known here.
    return '/';
  }
}
