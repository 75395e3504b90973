import { InvalidArgumentError } from '../handle/errors.ts';
import { OBJECT_NAMES, type ObjectName } from './object.ts';

/** RTNLGRP_* of uapi/linux/rtnetlink.h, in small letters with hyphens. */
export const MONITOR_GROUPS = {
  link: 1,
  notify: 2,
  neigh: 3,
  tc: 4,
  'ipv4-ifaddr': 5,
  'ipv4-mroute': 6,
  'ipv4-route': 7,
  'ipv4-rule': 8,
  'ipv6-ifaddr': 9,
  'ipv6-mroute': 10,
  'ipv6-route': 11,
  'ipv6-ifinfo': 12,
  'ipv6-prefix': 18,
  'ipv6-rule': 19,
  'nd-useropt': 20,
  'phonet-ifaddr': 21,
  'phonet-route': 22,
  dcb: 23,
  'ipv4-netconf': 24,
  'ipv6-netconf': 25,
  mdb: 26,
  'mpls-route': 27,
  nsid: 28,
  'mpls-netconf': 29,
  'ipv4-mroute-r': 30,
  'ipv6-mroute-r': 31,
  nexthop: 32,
  brvlan: 33,
  'mctp-ifaddr': 34,
  tunnel: 35,
  stats: 36,
} as const;
export type MonitorGroup = keyof typeof MONITOR_GROUPS;

/** Of groups that tell of one address family's objects only: the family's name in those objects. */
const FAMILIES: ReadonlyMap<number, string> = new Map(
  Object.entries(MONITOR_GROUPS).flatMap(([name, number]) => {
    const prefix = name.split('-')[0] ?? '';
    const family = { ipv4: 'inet', ipv6: 'inet6', mpls: 'mpls' }[prefix];
    return family === undefined ? [] : [[number, family] as const];
  }),
);

/** What was asked to be watched, sorted. */
export interface Wanted {
  /** By object: all its groups. */
  readonly objects: ReadonlySet<ObjectName>;
  /** By group: whatever comes through it, objects or not. */
  readonly groups: ReadonlySet<number>;
}

/** Sorts names of objects, names of groups and numbers. A name that means both is the object's. */
export function sortWanted(names: readonly (ObjectName | MonitorGroup | number)[]): Wanted {
  if (!Array.isArray(names))
    throw new InvalidArgumentError('objects', names, 'is no list', "a list as ['link', 'ipv4-route']");
  const objects = new Set<ObjectName>();
  const groups = new Set<number>();
  for (const name of names as readonly (ObjectName | MonitorGroup | number)[]) {
    const object = OBJECT_NAMES.find((known) => known === name);
    if (object !== undefined) objects.add(object);
    else groups.add(groupNumber(name));
  }
  return { objects, groups };
}

function groupNumber(name: string | number): number {
  if (typeof name === 'number' && Number.isInteger(name) && name > 0 && name <= 0x7fff_ffff) return name;
  if (typeof name === 'string' && Object.hasOwn(MONITOR_GROUPS, name))
    return MONITOR_GROUPS[name as MonitorGroup];
  throw new InvalidArgumentError(
    'objects',
    name,
    'cannot be monitored',
    `some of ${OBJECT_NAMES.join(', ')}, ${Object.keys(MONITOR_GROUPS).join(', ')}, or the number of a group`,
  );
}

/**
 * What of one kind of object the groups tell of: 'all', the address families, or nothing. A resync reads no more than
 * that, or it would tell of objects that nobody asked for.
 */
export function watchedFamilies(
  name: ObjectName,
  objectGroups: readonly number[],
  { objects, groups }: Wanted,
): 'all' | ReadonlySet<string> | undefined {
  if (objects.has(name)) return 'all';
  const joined = objectGroups.filter((group) => groups.has(group));
  if (joined.length === 0) return undefined;
  const families = joined.map((group) => FAMILIES.get(group));
  return families.includes(undefined) ? 'all' : new Set(families.filter((family) => family !== undefined));
}
