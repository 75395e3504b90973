/** What a system uses, as the files of its cgroup tell it. */
import { readFileSync } from 'node:fs';
import { hierarchy, type PressureResource } from '../cgroup/index.ts';

/** Undefined where the host has no such controller, where there is no cgroup (''), and once it is gone. */
function read(cgroup: string, file: string): string | undefined {
  if (cgroup === '') return undefined;
  try {
    return readFileSync(`${hierarchy().mount}${cgroup}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function counter(text: string | undefined, key: string): number | undefined {
  const value = new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1];
  return value === undefined ? undefined : Number(value);
}

/** Of all processes together, in milliseconds. cpu.stat is there without any controller. */
export function readCpuTime(cgroup: string): number | undefined {
  const microseconds = counter(read(cgroup, 'cpu.stat'), 'usage_usec');
  return microseconds === undefined ? undefined : microseconds / 1000;
}

/** Bytes, without files that were read and can be forgotten: who reads much would seem to need all that it is given. */
export function readMemory(cgroup: string): number | undefined {
  const current = read(cgroup, 'memory.current');
  const forgettable = counter(read(cgroup, 'memory.stat'), 'inactive_file');
  // Both are read one after the other.
  return current === undefined ? undefined : Math.max(0, Number(current) - (forgettable ?? 0));
}

/** Processes and threads. */
export function readPids(cgroup: string): number | undefined {
  const current = read(cgroup, 'pids.current');
  return current === undefined ? undefined : Number(current);
}

/** The part of the last ten seconds in which something of it waited for a resource, 0 to 1. */
export function readPressure(cgroup: string, resource: PressureResource): number | undefined {
  const percent = /^some avg10=([\d.]+)/m.exec(read(cgroup, `${resource}.pressure`) ?? '')?.[1];
  return percent === undefined ? undefined : Number(percent) / 100;
}
