/** Writing limits, and saying why one was refused. */
import { constants, release } from 'node:os';
import { InvalidArgumentError } from '../handle/index.ts';
import { writeAside } from './aside.ts';
import { missingController } from './controllers.ts';
import type { CgroupCore } from './core.ts';
import { cgroupError, goneError, isGone } from './errors.ts';
import { splitPath } from './hierarchy.ts';
import type { LimitWrite } from './limit-table.ts';
import { type CgroupLimits, encodeLimits } from './limits.ts';

const { EBUSY, EINVAL, ENODEV, ENOENT, EOPNOTSUPP } = constants.errno;

/** What to write, every value checked. @throws InvalidArgumentError */
export function checkedLimits(limits: CgroupLimits): LimitWrite[] {
  const writes = encodeLimits(limits);
  const { cpu } = limits;
  if (cpu?.idle === true && cpu.weight !== undefined) {
    const remedy = 'one of the two: an idle cgroup weighs nothing';
    throw new InvalidArgumentError('cpu.weight', cpu.weight, 'is refused with cpu.idle', remedy);
  }
  const { quota, burst } = cpuTimes(limits);
  if (quota !== undefined && burst !== undefined && burst > quota) {
    throw new InvalidArgumentError(
      'cpu.burst',
      burst,
      'exceeds the quota',
      `at most ${quota}, or a larger cpu.max`,
    );
  }
  return writes;
}

function cpuTimes({ cpu }: CgroupLimits): { quota?: number; burst?: number } {
  const { max, burst } = cpu ?? {};
  const quota =
    typeof max === 'object' ? max.quota : typeof max === 'string' ? Number(max.trim().split(/\s+/)[0]) : max;
  return {
    ...(typeof quota === 'number' && !Number.isNaN(quota) && { quota }),
    ...(burst !== undefined && { burst }),
  };
}

/** On a thread, one after the other: a lower memory.max makes the kernel take pages away before it answers. */
export async function applyLimits(core: CgroupCore, writes: readonly LimitWrite[]): Promise<void> {
  for (const write of writes) {
    let result = await writeAside(core.native, write.file, write.text);
    core.demandOpen();
    if (result === -EINVAL && write.file === 'cpu.max') result = await afterBurst(core, writes, write);
    if (result < 0) throw refusal(result, core, write);
  }
}

/** No quota may be below the burst, the one of before included: where both become less, the burst has to be first. */
async function afterBurst(
  core: CgroupCore,
  writes: readonly LimitWrite[],
  write: LimitWrite,
): Promise<number> {
  const burst = writes.find(({ file }) => file === 'cpu.max.burst');
  if (burst === undefined || (await writeAside(core.native, burst.file, burst.text)) < 0) return -EINVAL;
  core.demandOpen();
  const result = await writeAside(core.native, write.file, write.text);
  core.demandOpen();
  return result;
}

function refusal(result: number, core: CgroupCore, write: LimitWrite): Error {
  const { controller, field, file, text, since, needs, value } = write;
  const info = { path: core.file(file), field, value };
  if ((result === -ENOENT || result === -ENODEV) && core.path !== '/') {
    const available = core.native.read('cgroup.controllers');
    if (typeof available === 'number' && isGone(available)) return goneError(core.path);
    if (typeof available === 'string' && !available.split(/\s+/).includes(controller)) {
      return missingController(controller, core.path);
    }
  }
  if (result === -ENOENT) {
    const need =
      since === undefined
        ? (needs ?? 'this kernel does not have it')
        : `it needs Linux ${since}, this is ${release()}`;
    const root = core.path === '/' ? ': the root of the hierarchy has no limits' : '';
    return cgroupError(
      result,
      'write',
      `${field}: there is no ${file} in ${core.path}${root || `; ${need}`}`,
      info,
    );
  }
  if (result === -ENODEV && controller === 'io') {
    const sentence = `${field}: there is no block device ${text.split(' ', 1)[0]}, or it cannot be limited`;
    return cgroupError(result, 'write', sentence, info);
  }
  const wrote = `'${text.trim()}' to ${file} of ${core.path}`;
  if (result === -EINVAL) {
    const sentence = `${field}: the kernel does not take ${wrote}${hintOf(core, write)}`;
    return cgroupError(result, 'write', sentence, info);
  }
  if (result === -EOPNOTSUPP && needs !== undefined)
    return cgroupError(result, 'write', `${field}: the kernel does not take ${wrote}: ${needs}`, info);
  if (result === -EBUSY)
    return cgroupError(result, 'write', `${field}: in use, the kernel refused ${wrote}`, info);
  return cgroupError(result, 'write', `${field}: the kernel refused ${wrote}`, info);
}

/** What else the kernel held the value against. */
function hintOf({ native, path }: CgroupCore, { controller, file }: LimitWrite): string {
  const says = (other: string): string => {
    const text = native.read(other);
    return typeof text === 'number' ? '' : `; ${other} of it is '${text.trim()}'`;
  };
  switch (file) {
    case 'cpu.max':
      return says('cpu.max.burst');
    case 'cpu.max.burst':
      return says('cpu.max');
    case 'cpu.weight':
      return says('cpu.idle');
  }
  if (controller !== 'cpuset') return '';
  const list = file === 'cpuset.mems' ? file : 'cpuset.cpus';
  return `; see ${list}.effective of ${splitPath(path).parent}`;
}
