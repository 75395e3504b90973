/** Namespaces of a system, as clone(2) wants them, and who is who in its user namespace. */
import { readFileSync } from 'node:fs';
import type { IdMap, Namespace, SystemSpec } from './config/index.ts';
import { type Fields, Tag } from './wire.ts';

/** CLONE_NEW*, uapi/linux/sched.h. */
const FLAGS: Readonly<Record<Namespace, number>> = {
  time: 0x80,
  mount: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  net: 0x4000_0000,
};

/** /proc/sys/kernel/overflowuid: nobody. */
const OVERFLOW_ID = 65534;

/** `given` is a network namespace that is there already. */
export function namespaceFields(spec: SystemSpec, given: boolean): Fields {
  const { namespaces } = spec.security;
  let flags = 0;
  for (const one of namespaces) if (!(one === 'net' && given)) flags |= FLAGS[one];
  const fields: (readonly [Tag, string | number])[] = [[Tag.Namespaces, flags]];
  if (given) fields.push([Tag.GivenNetns, '']);
  if (namespaces.has('uts')) fields.push([Tag.Hostname, spec.hostname]);
  if (!namespaces.has('user')) return fields;
  const root = process.geteuid?.() === 0;
  fields.push([Tag.UidMap, mapText(mapOf(spec, 'uid'))], [Tag.GidMap, mapText(mapOf(spec, 'gid'))]);
  // Without privilege nobody may write a gid_map unless groups cannot be dropped, user_namespaces(7).
  if (!root) fields.push([Tag.DenySetgroups, '']);
  return fields;
}

const mapText = (maps: readonly IdMap[]): string =>
  maps.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');

/** Who that is outside. */
export function outsideId(spec: SystemSpec, kind: 'uid' | 'gid', id: number): number {
  if (!spec.security.namespaces.has('user')) return id;
  const range = mapOf(spec, kind).find(({ inside, count }) => id >= inside && id < inside + count);
  return range === undefined ? OVERFLOW_ID : range.outside + id - range.inside;
}

function mapOf({ security }: SystemSpec, kind: 'uid' | 'gid'): readonly IdMap[] {
  const own = (kind === 'uid' ? process.geteuid?.() : process.getegid?.()) ?? 0;
  const given = kind === 'uid' ? security.uidMap : security.gidMap;
  return given ?? defaultMap(kind, process.geteuid?.() === 0, own);
}

/**
 * Root gives its system every id that it has itself, each as itself: files of the root below look as they are, and may be
 * changed in the overlay. Anybody else can give but himself.
 */
function defaultMap(kind: 'uid' | 'gid', root: boolean, own: number): IdMap[] {
  if (!root) return [{ inside: 0, outside: own, count: 1 }];
  ownIds[kind] ??= readFileSync(`/proc/self/${kind}_map`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [inside = 0, , count = 1] = line.trim().split(/\s+/).map(Number);
      return { inside, outside: inside, count };
    });
  return ownIds[kind];
}

/** They are written once in the life of a user namespace. */
const ownIds: { uid?: IdMap[]; gid?: IdMap[] } = {};
