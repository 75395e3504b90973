/** What fields have to do with each other. Each check is left out where one of its fields is wrong already. */
import { familyOf, isOnLink } from './addresses.ts';
import type { SettledConfig } from './fields.ts';
import type { Place } from './place.ts';
import type { ForwardSpec, IdMap, Namespace, VethSpec } from './spec.ts';

type Given = Readonly<Record<string, unknown>>;

export function crossCheck(config: SettledConfig, given: Given, at: Place): void {
  checkMemory(config.resource_limits.memory, given, at.at('resource_limits').at('memory'));
  checkNamespaces(config, given, at);
  const security = at.at('security');
  for (const key of ['uid_map', 'gid_map'] as const) {
    if (!security.isFaulty(key)) checkIdMap(config.security[key], security.at(key));
  }
  checkUser(config, at);
  if (config.network.kind === 'veth' && !at.isFaulty('network')) checkLink(config.network, at.at('network'));
  const { upper, size } = config.root;
  if (upper !== 'tmpfs' && isGiven(given, 'root', 'size') && !at.isFaulty('root', 'size')) {
    at.at('root').at('size').find({
      value: size,
      problem: 'is the size of a tmpfs, and there is none',
      remedy: 'it with upper: tmpfs only',
    });
  }
  if (config.name?.group !== undefined && config.group !== undefined) {
    const problem = 'has a group before it, and group says another time which';
    at.at('name').find({ value: given.name, problem, remedy: 'the group once' });
  }
}

/** Whether there is something at a path; a group without content is nothing. */
function isGiven(given: Given, ...keys: string[]): boolean {
  let one: unknown = given;
  for (const key of keys) {
    if (typeof one !== 'object' || one === null || !Object.hasOwn(one, key)) return false;
    one = (one as Given)[key];
  }
  return one !== undefined && one !== null;
}

type Memory = SettledConfig['resource_limits']['memory'];

function checkMemory(memory: Memory, given: Given, at: Place): void {
  const { max } = memory;
  if (max === 'max' || at.isFaulty('max')) return;
  for (const key of ['high', 'low', 'min'] as const) {
    const value = memory[key];
    if (typeof value !== 'bigint' || value <= max || at.isFaulty(key)) continue;
    // The default follows max.
    if (!isGiven(given, 'resource_limits', 'memory', key)) continue;
    at.at(key).find({
      value: (given.resource_limits as Record<string, Given>).memory?.[key],
      problem: `is more than max, ${max} bytes${isGiven(given, 'resource_limits', 'memory', 'max') ? '' : ' by default'}`,
      remedy: 'less, or max as well',
    });
  }
}

/** What needs a namespace of its own. */
const NEEDS: readonly { readonly namespace: Namespace; readonly keys: readonly string[] }[] = [
  { namespace: 'uts', keys: ['hostname'] },
  { namespace: 'mount', keys: ['root'] },
  { namespace: 'user', keys: ['security', 'uid_map'] },
  { namespace: 'user', keys: ['security', 'gid_map'] },
];

function checkNamespaces(config: SettledConfig, given: Given, at: Place): void {
  if (at.isFaulty('security', 'namespaces')) return;
  const has = new Set<Namespace>(config.security.namespaces);
  const missing = (keys: readonly string[], value: unknown, namespace: Namespace) =>
    keys
      .reduce<Place>((place, key) => place.at(key), at)
      .find({
        value,
        problem: `needs the ${namespace} namespace, which security.namespaces lacks`,
        remedy: `security.namespaces with ${namespace}`,
      });
  for (const { namespace, keys } of NEEDS) {
    if (!has.has(namespace) && isGiven(given, ...keys)) missing(keys, undefined, namespace);
  }
  // Without it nobody knows when the last process has stopped writing.
  if (!has.has('pid') && !at.isFaulty('root', 'exports') && config.root.exports.length > 0)
    missing(['root', 'exports'], undefined, 'pid');
  if (!isGiven(given, 'network') || at.isFaulty('network')) return;
  if (config.network.kind !== 'host' && !has.has('net')) missing(['network'], undefined, 'net');
  if (config.network.kind === 'host' && has.has('net') && isGiven(given, 'security', 'namespaces')) {
    at.at('network').find({
      value: 'host',
      problem: 'is the network of the host, and security.namespaces has net',
      remedy: 'one of them',
    });
  }
}

/** UID_GID_MAP_MAX_EXTENTS */
const MOST_RANGES = 340;
/** What the kernel takes in one write: less than the smallest page. */
const MOST_BYTES = 4095;
const IDS = 2 ** 32 - 1;

function checkIdMap(map: readonly IdMap[] | undefined, at: Place): void {
  if (map === undefined) return;
  if (map.length === 0 || map.length > MOST_RANGES) {
    at.find({ value: map, problem: 'has no range or too many', remedy: `1 to ${MOST_RANGES} of them` });
    return;
  }
  const text = map.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');
  if (text.length > MOST_BYTES) {
    const problem = `takes ${text.length} bytes to write, and the kernel reads ${MOST_BYTES}`;
    at.find({ value: map, problem, remedy: 'fewer ranges' });
  }
  map.forEach((range, index) => {
    const place = at.at(index);
    if (range.inside + range.count > IDS || range.outside + range.count > IDS) {
      place.find({ value: range, problem: 'goes beyond the last id', remedy: `ids below ${IDS}` });
    }
    const other = map
      .slice(0, index)
      .findIndex((one) => overlap(one, range, 'inside') || overlap(one, range, 'outside'));
    if (other >= 0)
      place.find({ value: range, problem: `overlaps [${other}]`, remedy: 'ranges that do not' });
  });
}

function overlap(one: IdMap, other: IdMap, side: 'inside' | 'outside'): boolean {
  return one[side] < other[side] + other.count && other[side] < one[side] + one.count;
}

function checkUser({ user, security }: SettledConfig, at: Place): void {
  if (at.isFaulty('user')) return;
  const sides = [
    ['uid_map', user.uid],
    ['gid_map', user.gid],
  ] as const;
  for (const [key, id] of sides) {
    const map = security[key];
    if (map === undefined || at.isFaulty('security', key)) continue;
    if (map.some(({ inside, count }) => id >= inside && id < inside + count)) continue;
    at.at('user').find({ value: id, problem: `is nobody by security.${key}`, remedy: 'an id of its ranges' });
  }
}

function checkLink(veth: VethSpec, at: Place): void {
  const families = new Set(veth.address.map(familyOf));
  veth.gateway.forEach((gateway, index) => {
    const place = veth.gateway.length > 1 ? at.at('gateway').at(index) : at.at('gateway');
    checkRouter(gateway, veth, place);
  });
  veth.routes.forEach(({ dst, via }, index) => {
    const place = at.at('routes').at(index);
    if (via === undefined) return;
    if (familyOf(via) !== familyOf(dst)) {
      place.find({ value: via, problem: `is of another family than ${dst}`, remedy: 'one of the same' });
    } else checkRouter(via, veth, place);
  });
  veth.forwards.forEach((forward, index) => {
    const place = at.at('forwards').at(index);
    const taken = veth.forwards.slice(0, index).findIndex((other) => collide(other, forward));
    if (taken >= 0) {
      place.find({
        value: forward.hostPort,
        problem: `is taken by [${taken}]`,
        remedy: 'another port of the host',
      });
    }
    const { hostAddress } = forward;
    if (hostAddress !== undefined && !families.has(familyOf(hostAddress))) {
      const problem = 'leads to no address of its family';
      place.find({ value: hostAddress, problem, remedy: 'an address inside of the same family as well' });
    }
  });
  if (veth.mtu !== undefined && veth.mtu < 1280 && families.has('inet6')) {
    at.at('mtu').find({ value: veth.mtu, problem: 'is too little for IPv6', remedy: '1280 to 65535' });
  }
}

/** The kernel refuses a router that it could not reach at once. */
function checkRouter(router: string, { address }: VethSpec, at: Place): void {
  if (address.some((one) => one.split('/')[0] === router)) {
    at.find({ value: router, problem: 'is the system itself', remedy: 'the address of another host' });
    return;
  }
  const isLinkLocal = /^fe[89ab]/i.test(router);
  if (isLinkLocal || address.some((one) => isOnLink(router, one))) return;
  const networks = address.join(', ');
  at.find({
    value: router,
    problem: `is in none of the networks of ${networks}`,
    remedy: 'an address in one of them',
  });
}

function collide(one: ForwardSpec, other: ForwardSpec): boolean {
  if (one.protocol !== other.protocol || one.hostPort !== other.hostPort) return false;
  return (
    one.hostAddress === undefined || other.hostAddress === undefined || one.hostAddress === other.hostAddress
  );
}
