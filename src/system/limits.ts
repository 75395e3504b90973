/** The cgroup of a system: where it lies, whose it is, and what is written to its files. */
import { statSync } from 'node:fs';
import { release } from 'node:os';
import type { CgroupLimits, LimitWrite } from '../cgroup/index.ts';
import { checkedLimits, hierarchy, identityFields, missingController, NAME_PREFIX } from '../cgroup/index.ts';
import { loadBinding, systemError } from '../handle/index.ts';
import type { SystemSpec } from './config/index.ts';
import { isRootless } from './rootless.ts';
import { type Fields, Tag } from './wire.ts';

/** The extended attribute that tells a system from other cgroups of ours. */
export const SYSTEM_ATTRIBUTE = 'user.cofferdam.system';

export interface CgroupPlan {
  readonly path: string;
  readonly fields: Fields;
  /** Limits that were left out, and why. */
  readonly warnings: readonly string[];
}

/** Of a system without a cgroup, which ends with its pid 1 alone. */
const NO_CGROUP: CgroupPlan = {
  path: '',
  fields: [],
  warnings: ['memory', 'cpu', 'pids', 'io'].map(
    (controller) => `no default limits of ${controller}: without privilege a system has no cgroup`,
  ),
};

/** @throws MissingControllerError for a limit that was asked for, InvalidArgumentError, SystemError */
export function cgroupPlan(spec: SystemSpec): CgroupPlan {
  if (isRootless()) return NO_CGROUP;
  const { mount } = hierarchy();
  const controllers = controllersOf(mount);
  const warnings = new Set<string>();
  const writes = checkedLimits(limitsOf(spec)).filter(({ controller }) => {
    if (controllers.has(controller)) return true;
    const asked = [...spec.explicit].some((field) => field.startsWith(`resource_limits.${controller}.`));
    if (asked) throw missingController(controller, '/');
    warnings.add(`no default limits of ${controller}: the hierarchy at ${mount} has no such controller`);
    return false;
  });
  const used = [...new Set(writes.map(({ controller }) => controller as string))];
  // Counted, though not limited: an OOM has to be told from other ends.
  for (const name of ['memory', 'cpu', 'pids']) {
    if (controllers.has(name) && !used.includes(name)) used.push(name);
  }
  const name = `${NAME_PREFIX}${spec.name}`;
  // For whoever comes after a kill of us all: where else something may be left.
  const upper = spec.root.upper.kind === 'disk' ? spec.root.upper.path : undefined;
  const identity = JSON.stringify({ name: spec.name, group: spec.group, created: Date.now(), upper });
  const moves = controllers.has('cpuset') && spec.limits.cpuset !== undefined && isBefore(6, 3);
  const fields: Fields = [
    ...(moves ? [[Tag.MoveIn, ''] as const] : []),
    [Tag.CgroupRoot, mount],
    [Tag.CgroupGroup, spec.group === '' ? '.' : spec.group],
    [Tag.CgroupName, name],
    [Tag.Controllers, used.map((one) => `+${one}`).join(' ')],
    ...[...identityFields(), [SYSTEM_ATTRIBUTE, identity] as const].map(
      ([attribute, value]) => [Tag.Attribute, `${attribute}\0${value}`] as const,
    ),
    ...writes.map(({ file, text }: LimitWrite) => [Tag.Write, `${file}\0${text}`] as const),
  ];
  return { path: `/${spec.group === '' ? '' : `${spec.group}/`}${name}`, fields, warnings: [...warnings] };
}

function controllersOf(mount: string): Set<string> {
  const root = loadBinding().openCgroup(mount, '.');
  if (typeof root === 'number') throw systemError(root, 'openat2', { path: mount });
  const text = root.read('cgroup.controllers');
  root.close();
  return new Set(typeof text === 'string' ? text.split(/\s+/).filter(Boolean) : []);
}

function limitsOf({ limits, ioBandwidth, root }: SystemSpec): CgroupLimits {
  if (ioBandwidth === undefined) return limits;
  const rate = { rbps: ioBandwidth, wbps: ioBandwidth };
  const paths = [...(root.layers.length > 0 ? root.layers : ['/'])];
  if (root.upper.kind === 'disk') paths.push(root.upper.path);
  // What lies on no block device, a tmpfs or a network, has no bandwidth to be limited here.
  const disks = paths.filter((path) => onDisk(path));
  if (disks.length === 0) return limits;
  return { ...limits, io: { ...limits.io, max: Object.fromEntries(disks.map((path) => [path, rate])) } };
}

/** Major number 0 is that of file systems without a device. */
function onDisk(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && ((BigInt(status.dev) >> 8n) & 0xfffn) !== 0n;
}

/** Whether the running kernel is older. */
function isBefore(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
